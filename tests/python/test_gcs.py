"""GCSFileSystem: gcsfs's options, methods and details. What all filesystems share has tests elsewhere, on S3."""

import asyncio
import http.server
import json
import os
import pickle
import threading
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

import fsspec
import pytest

from cove import GCSFileSystem
from servers.google_key import key_file

# ---- options ----


def test_attributes():
    fs = GCSFileSystem(
        project="p", token="anon", block_size=32 << 20, requester_pays="payer", default_location="EU", consistency="md5", endpoint_url="http://127.0.0.1:1"
    )
    assert (fs.project, fs.token, fs.default_block_size, fs.requester_pays, fs.default_location, fs.consistency) == (
        "p",
        "anon",
        32 << 20,
        "payer",
        "EU",
        "md5",
    )
    assert fs.base == "http://127.0.0.1:1/storage/v1/"
    fs = GCSFileSystem(token="anon")
    assert (fs.project, fs.default_block_size, fs.requester_pays, fs.consistency, fs.version_aware, fs.access) == (
        None,
        8 << 20,
        False,
        "none",
        False,
        "full_control",
    )
    assert fs.base == "https://storage.googleapis.com/storage/v1/" and repr(fs) == "<GCSFileSystem https://storage.googleapis.com>"


def test_the_project_of_the_environment(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "from-google")
    assert GCSFileSystem(token="anon").project == "from-google"
    assert GCSFileSystem(token="anon", project="").project == "from-google"  # as fsspec's configuration may have it


def test_the_options_that_the_library_gets():
    fs = GCSFileSystem(
        token={"type": "service_account"}, block_size=1, requests_timeout=7.5, timeout=30, session_kwargs={"proxy": "http://127.0.0.1:2", "trust_env": True},
        cache_timeout=0, secure_serialize=False, check_connection=True, cache_control="no-cache",
    )  # fmt: skip
    assert fs._given == {
        "access": "full_control", "token": '{"type": "service_account"}', "default_block_size": str(5 << 20), "read_timeout": "7.5", "timeout": "30",
        "proxy": "http://127.0.0.1:2", "cache_control": "no-cache", "version_aware": "false",
    }  # fmt: skip


@pytest.mark.parametrize("options, error, said", [
    ({"token": "browser"}, OSError, "gcloud auth application-default login"),
    ({"token": "cache"}, OSError, "gcloud auth application-default login"),
    ({"token": object()}, TypeError, "token is a name, a path, a dict or an access token, not object"),
    ({"consistency": "sha1"}, ValueError, "consistency must be one of none, size, md5, crc32c"),
    ({"access": "all"}, ValueError, "access"),
    ({"session_kwargs": {"headers": {"a": "b"}}}, TypeError, "session_kwargs: 'headers' is not supported"),
    ({"requester_pays": True}, ValueError, "requester_pays"),  # whose project?
    ({"requester_paid": True}, ValueError, "requester_pays"),
])  # fmt: skip
def test_options_that_are_refused(options, error, said):
    with pytest.raises(error, match=said):
        GCSFileSystem(**options)


def test_every_scheme(google):
    for scheme in ("gs", "gcs", "GS", "GCS"):
        fs, path = fsspec.core.url_to_fs(f"{scheme}://cove/x")
        assert (type(fs), path) == (GCSFileSystem, "cove/x")
    assert fsspec.filesystem("gcs") is fsspec.filesystem("gs")
    assert fs.unstrip_protocol("cove/x") == "gs://cove/x"


# ---- paths ----


def test_split_path():
    fs, aware = GCSFileSystem(token="anon"), GCSFileSystem(token="anon", version_aware=True)
    assert fs.split_path("gs://bucket") == fs.split_path("bucket/") == ("bucket", "", None)
    assert fs.split_path("gcs://bucket/a/b#12") == ("bucket", "a/b#12", None)
    assert aware.split_path("gs://bucket/a/b#12") == ("bucket", "a/b", "12")
    assert aware.split_path("gs://bucket/a/b?generation=12") == ("bucket", "a/b", "12")
    assert fs.split_path("gs://bucket/a/b?generation=12") == ("bucket", "a/b?generation=12", None)
    for name in ("a#b", "a#", "a#0", "a#1 ", "a#12345678901234567890", "a#١", "a?generation=", "a?generation=x", "a?generation=1&b=2"):
        assert aware.split_path(f"bucket/{name}") == ("bucket", name, None)


def test_a_url_with_a_generation_makes_the_filesystem_aware_of_them():
    for path in ("gs://b/x#1700000000000000", "gs://b/x?generation=12"):
        assert GCSFileSystem._get_kwargs_from_urls(path) == {"version_aware": True}
    for path in ("gs://b/x", "gs://b/run#12", "gs://b/x#1700000000000000/y", "gs://b/x#0700000000000000", "gs://b/x?generation=x"):
        assert GCSFileSystem._get_kwargs_from_urls(path) == {}


def test_url():
    fs = GCSFileSystem(token="anon", version_aware=True, endpoint_url="http://127.0.0.1:1")
    assert fs.url("gs://b/a b/ü") == "http://127.0.0.1:1/download/storage/v1/b/b/o/a%20b%2F%C3%BC?alt=media"
    assert fs.url("b/a#5") == fs.url("b/a", generation="5") == "http://127.0.0.1:1/download/storage/v1/b/b/o/a?alt=media&generation=5"
    with pytest.raises(ValueError, match="another"):
        fs.url("b/a#5", generation="6")


# ---- details ----


def is_now(time):
    return abs(datetime.now(timezone.utc) - time) < timedelta(hours=1)


def test_info(gs, root):
    gs.pipe_file(f"{root}/x.json", b"{}", content_type="application/json", metadata={"a": "b"})
    known = gs.info(f"gs://{root}/x.json")
    assert is_now(known.pop("mtime")) and is_now(known.pop("ctime"))
    for name in ("updated", "timeCreated"):
        assert is_now(datetime.strptime(known.pop(name), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc))
    generation = known.pop("generation")
    assert generation.isdecimal() and known.pop("ETag") == generation and known.pop("etag")
    place = f"/storage/v1/b/cove/o/{root.partition('/')[2].replace('/', '%2F')}%2Fx.json"
    assert known == {
        "id": f"{root}/x.json/{generation}", "selfLink": gs._fs.endpoint + place,
        "mediaLink": f"{gs._fs.endpoint}/download{place}?generation={generation}&alt=media",
        "crc32c": "KXvQqg==", "md5Hash": "mZFLkyvTelC5g8XnyQrpOw==", "metageneration": "1",
        "kind": "storage#object", "bucket": "cove", "name": f"{root}/x.json", "size": 2, "type": "file", "storageClass": "STANDARD",
        "contentType": "application/json", "metadata": {"a": "b"},
    }  # fmt: skip
    assert asyncio.run(gs._info(f"{root}/x.json")) == gs.info(f"{root}/x.json")
    directory = {"kind": "storage#object", "bucket": "cove", "name": root, "size": 0, "type": "directory", "storageClass": "DIRECTORY"}
    assert gs.info(root) == directory
    assert directory in gs.ls("cove/python", detail=True)


def test_details_of_a_listing(gs, root):
    gs.pipe_file(f"{root}/x", b"abc", metadata={"a": "b"})
    (entry,) = gs.ls(root, detail=True)
    known = gs.info(f"{root}/x")
    assert entry == {name: known[name] for name in entry}
    assert set(known) - set(entry) == {
        "contentType", "metadata", "ctime", "timeCreated", "crc32c", "md5Hash", "metageneration", "etag", "id", "selfLink", "mediaLink",
    }  # fmt: skip
    assert gs.find(root, detail=True) == {f"{root}/x": entry}


def test_a_bucket(gs):
    known = {"kind": "storage#bucket", "bucket": "cove", "name": "cove", "size": 0, "type": "directory"}
    assert gs.info("gs://cove") == known and known in gs.ls("", detail=True)
    assert gs.buckets == gs.ls("", detail=False) and {"cove", "lightning"} <= set(gs.buckets)


def test_what_changes_with_a_file(gs, root):
    path = f"{root}/x"
    gs.pipe_file(path, b"1")
    generation, key, created, modified = gs.info(path)["generation"], gs.ukey(path), gs.created(path), gs.modified(path)
    assert gs.checksum(path) == int(generation) and is_now(created) and is_now(modified)
    gs.pipe_file(path, b"1")
    assert gs.info(path)["generation"] != generation and gs.checksum(path) != int(generation) and gs.ukey(path) != key
    assert gs.created(path) >= created
    assert isinstance(gs.checksum(root), int)


def test_listings(gs, root):
    names = [f"{root}/{name}" for name in ("a", "b/c", "b/d/e", "bb")]
    gs.pipe({name: b"12" for name in names})
    assert gs.find(root) == names
    assert gs.find(root, prefix="b") == names[1:] and gs.find(root, prefix="b/d") == names[2:3]
    assert gs.ls(root) == [f"{root}/{name}" for name in ("a", "b", "bb")] and gs.ls(root, prefix="b") == [f"{root}/b", f"{root}/bb"]
    assert asyncio.run(gs._ls(root, prefix="b")) == gs.ls(root, prefix="b") and asyncio.run(gs._ls(root)) == gs.ls(root)
    assert gs.glob(f"{root}/**/[ce]") == names[1:3]
    assert [(path, directories, sorted(files)) for path, directories, files in gs.walk(root)] == [
        (root, ["b"], ["a", "bb"]), (f"{root}/b", ["d"], ["c"]), (f"{root}/b/d", [], ["e"]),
    ]  # fmt: skip
    assert gs.du(root) == 8 and gs.du(root, total=False) == dict.fromkeys(names, 2)
    assert gs.isdir(f"{root}/b") and gs.isfile(names[0]) and not gs.exists(f"{root}/c")
    assert set(names[1:3]) <= set(gs.rm(f"{root}/b", recursive=True)) and gs.find(root) == [names[0], names[3]]


# ---- reading and writing ----


def test_bytes(gs, root):
    path = f"{root}/x"
    gs.pipe_file(path, b"0123456789", mode="create")
    with pytest.raises(FileExistsError):
        gs.pipe_file(path, b"other", mode="create")
    assert (gs.cat_file(path, 2, 5), gs.cat_file(path, -3), gs.cat(path), gs.head(path, 2), gs.tail(path, 2)) == (b"234", b"789", b"0123456789", b"01", b"89")
    with gs.open(path) as f:
        assert (f.size, f.seek(4), f.read(3), f.info()["size"]) == (10, 4, b"456", 10)
    with gs.open(f"{root}/y", "w", newline="") as f:
        f.write("a\r\nb")
    assert gs.cat(f"{root}/y") == b"a\r\nb"
    with pytest.raises(FileExistsError):
        gs.open(path, "xb")
    with gs.open(path, "r+b") as f:
        f.seek(9)
        f.write(b"!")
    assert gs.cat(path) == b"012345678!"
    gs.cp_file(path, f"{root}/z")
    gs.mv(f"{root}/z", f"{root}/moved")
    assert gs.cat(f"{root}/moved") == b"012345678!" and not gs.exists(f"{root}/z")
    assert asyncio.run(gs._cat_file(path, 0, 2)) == b"01"


def test_the_content_type_of_a_new_file(gs, root):
    for name, expected in (("x.txt", "text/plain"), ("x", "application/octet-stream")):
        with gs.open(f"{root}/{name}", "wb") as f:
            f.write(b"1")
        assert gs.info(f"{root}/{name}")["contentType"] == expected
    with gs.open(f"{root}/x.txt", "wb", content_type="text/css") as f:
        f.write(b"1")
    assert gs.info(f"{root}/x.txt")["contentType"] == "text/css"


def test_an_exception_publishes_nothing(gs, root):
    gs.pipe_file(f"{root}/x", b"good")
    with pytest.raises(ZeroDivisionError), gs.open(f"{root}/x", "wb") as f:
        f.write(b"half")
        raise ZeroDivisionError
    assert gs.cat(f"{root}/x") == b"good"


def test_appends(gs, root):
    for part in (b"one ", b"two ", b"three"):
        with gs.open(f"{root}/log", "ab") as f:
            f.write(part)
    assert gs._append_options["flush_interval"] == 2  # seconds; Google takes one write a second
    assert gs.cat(f"{root}/log") == b"one two three"
    with GCSFileSystem(append_interval=0).open(f"{root}/at-once", "ab") as f:
        f.write(b"now")
    assert GCSFileSystem(retries=9).cat(f"{root}/at-once") == b"now"
    assert gs.find(root) == [f"{root}/at-once", f"{root}/log"]  # and nothing temporary


def test_a_transaction(gs, root):
    with pytest.raises(ZeroDivisionError), gs.transaction:
        gs.pipe_file(f"{root}/never", b"1")
        raise ZeroDivisionError
    with gs.transaction:
        gs.pipe_file(f"{root}/x", b"1")
        assert not gs.exists(f"{root}/x")
    assert gs.find(root) == [f"{root}/x"]


def test_folders_of_the_local_disk(gs, root, tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "f.txt").write_bytes(b"hello")
    gs.put(str(tmp_path / "d"), root, recursive=True)
    assert gs.info(f"{root}/e/f.txt")["contentType"] == "text/plain"
    gs.get(root, str(tmp_path / "back"), recursive=True)
    assert (tmp_path / "back" / "e" / "f.txt").read_bytes() == b"hello"


# ---- metadata ----


def test_metadata(gs, root):
    path = f"{root}/x"
    gs.pipe_file(path, b"1", metadata={"a": "1", "b": "2"})
    generation = gs.info(path)["generation"]
    assert gs.metadata(path) == {"a": "1", "b": "2"} and gs.getxattr(path, "a") == "1"
    with pytest.raises(KeyError):
        gs.getxattr(path, "c")
    assert gs.setxattrs(path, b="3") == {"a": "1", "b": "3"} == gs.metadata(path)
    assert asyncio.run(gs._setxattrs(path, d="4")) == {"a": "1", "b": "3", "d": "4"} == asyncio.run(gs._info(path))["metadata"]
    with gs.open(path) as f:
        assert f.getxattr("a") == "1"
        f.setxattr(a="5")
    assert gs.setxattrs(path) == {"a": "5", "b": "3", "d": "4"}
    assert gs.info(path)["generation"] == generation and gs.cat(path) == b"1"
    for refused in ({"content_type": "text/css"}, {"fixed_key_metadata": {"cache_control": "no-store"}}):
        with pytest.raises(NotImplementedError, match=next(iter(refused))):
            gs.setxattrs(path, **refused)


def test_removing_metadata():
    """Google removes what is null; fake-gcs-server sets it to "", so a server of this test records what was sent."""
    sent = []

    class Google(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if size := int(self.headers.get("Content-Length") or 0):
                sent.append(json.loads(self.rfile.read(size)))
            body = json.dumps({"name": "x", "size": "1", "generation": "5", "updated": "2026-01-01T00:00:00Z", "metadata": {"a": "1", "b": "2"}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PATCH = do_GET

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Google) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            fs = GCSFileSystem(endpoint_url=f"http://127.0.0.1:{server.server_port}", retries=0)
            fs.setxattrs("bucket/x", b=None, c="3")
        finally:
            server.shutdown()
            thread.join()
    (changes,) = sent
    assert changes["metadata"]["b"] is None and changes["metadata"]["c"] == "3"


# ---- arguments of calls ----


def test_arguments_that_are_hints_or_ask_for_nothing(gs, root):
    path = f"{root}/x"
    gs.pipe_file(path, b"1", consistency="crc32c", chunksize=1 << 20, content_type="text/css", fixed_key_metadata={}, acl=None)
    with gs.open(path, "wb", consistency="md5", block_size=1 << 18, autocommit=True) as f:
        f.write(b"2")
    assert gs.cat_file(path, concurrency=4) == b"2" and gs.info(path, generation=None)["size"] == 1
    assert gs.ls(root, refresh=True) == gs.find(root, update_cache=None) == [path]
    own = GCSFileSystem(cache_control="no-store")
    own.pipe_file(path, b"3", fixed_key_metadata={"cache_control": "no-store"})


def test_checkpoints_are_in_no_cache(gs, root):
    """last.ckpt is one, also as a copy of another."""
    path = f"{root}/epoch=1.ckpt"
    gs.pipe_file(path, b"1")
    gs.copy(path, f"{root}/last.ckpt")
    assert [gs.info(at)["cacheControl"] for at in (path, f"{root}/last.ckpt")] == ["no-cache"] * 2
    GCSFileSystem(cache_control="max-age=9").pipe_file(path, b"2")
    assert gs.info(path)["cacheControl"] == "max-age=9"


@pytest.mark.parametrize("arguments, said", [
    ({"acl": "publicRead"}, "gcloud storage objects update"),
    ({"fixed_key_metadata": {"cache_control": "no-cache"}}, "cache_control"),
    ({"fixed_key_metadata": {"content_encoding": "gzip"}}, "content_encoding"),
    ({"kms_key_name": "k"}, "give it to the filesystem"),
    ({"StorageClass": "COLDLINE"}, "StorageClass"),
])  # fmt: skip
def test_arguments_that_are_refused(gs, root, arguments, said):
    for call in (lambda: gs.pipe_file(f"{root}/x", b"", **arguments), lambda: gs.open(f"{root}/x", "wb", **arguments)):
        with pytest.raises(TypeError, match=said):
            call()
    with pytest.raises(ValueError, match="consistency"):
        gs.pipe_file(f"{root}/x", b"", consistency="sha1")
    assert not gs.exists(root)


def test_signed_urls(gs, root, tmp_path):
    """Only by a service account. fake-gcs-server does not check a signature; the URL's path and host are right."""
    gs.pipe_file(f"{root}/a b", b"signed")
    with pytest.raises(OSError, match=f"sign gs://{root}/a b: access is anonymous"):
        gs.sign(f"{root}/a b")
    signing = GCSFileSystem(token=str(key_file(tmp_path)))
    url = signing.sign(f"{root}/a b", expiration=60)
    assert "&X-Goog-Expires=60&X-Goog-SignedHeaders=host&X-Goog-Signature=" in url
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as response:
        assert response.read() == b"signed"
    with pytest.raises(OSError, match="only a service account signs"):
        GCSFileSystem(token="ya29.an-access-token").sign(f"{root}/a b")


def test_what_is_not_offered(gs, root):
    gs.pipe_file(f"{root}/x", b"1")
    with pytest.raises(NotImplementedError, match="GCSFileSystem.merge is not offered by cove: read the files"):
        gs.merge(f"{root}/all", [f"{root}/x"])
    for call in (lambda: gs.ls(root, versions=True), lambda: gs.find(root, versions=True)):
        with pytest.raises(ValueError, match="version_aware=True"):
            call()
    aware = GCSFileSystem(version_aware=True)
    with pytest.raises(NotImplementedError, match="withdirs"):
        aware.find(root, versions=True, withdirs=True)
    with pytest.raises(NotImplementedError, match="ls and find take versions=True"):
        aware.glob(f"{root}/*", versions=True)


# ---- buckets ----


@pytest.fixture
def bucket(gs):
    name = f"cove-{uuid.uuid4().hex}"
    yield name
    if gs.exists(name):
        gs.rm(name, recursive=True)
        gs.rmdir(name)


def test_making_and_removing_a_bucket(gs, bucket):
    gs.mkdir(bucket, location="EU", acl="projectPrivate", default_acl="bucketOwnerFullControl")
    assert gs.isdir(f"gs://{bucket}") and bucket in gs.buckets
    with pytest.raises(FileExistsError):
        gs.mkdir(bucket)
    gs.mkdir(bucket, exist_ok=True)
    gs.makedirs(f"{bucket}/a/b")
    assert gs.isdir(f"{bucket}/a/b")
    gs.pipe_file(f"{bucket}/x", b"")
    with pytest.raises(IsADirectoryError):
        gs.rm(bucket)
    gs.rm(bucket, recursive=True)
    gs.rmdir(bucket)
    assert not gs.exists(bucket)
    for name in ("", "/", "gs://"):
        with pytest.raises(ValueError, match="the name of a bucket is missing"):
            gs.mkdir(name)
    for refused in ({"acl": "publicRead"}, {"iam_configuration": {"a": 1}}):
        with pytest.raises(TypeError, match=next(iter(refused))):
            gs.mkdir(bucket, **refused)


def test_a_mistyped_bucket_is_not_made(gs, bucket):
    for call in (
        lambda: gs.makedirs(f"{bucket}/d"),
        lambda: gs.makedirs(bucket, exist_ok=True),
        lambda: gs.find(f"{bucket}/d"),
        lambda: gs.pipe(f"{bucket}/x", b""),
    ):
        with pytest.raises(FileNotFoundError, match=bucket):
            call()
    assert not gs.exists(bucket)
    GCSFileSystem(create_buckets=True).makedirs(f"{bucket}/d")
    assert gs.exists(bucket)


# ---- versions ----


@pytest.fixture
def kept(google, gs):
    """A bucket that keeps versions, which no call of cove's makes."""
    name = f"cove-{uuid.uuid4().hex}"
    google.ask("POST", f"/storage/v1/b?project={google.PROJECT}", {"name": name, "versioning": {"enabled": True}})
    return name


def test_versions(kept):
    fs = GCSFileSystem(version_aware=True)
    path = f"{kept}/d/x"
    generations = []
    for data in (b"one", b"three"):
        fs.pipe_file(path, data)
        generations.append(fs.info(path)["generation"])
    first, last = generations
    assert fs.cat(f"{path}#{first}") == fs.cat_file(path, generation=first) == fs.cat(f"{path}?generation={first}") == b"one" and fs.cat(path) == b"three"
    with fs.open(path, generation=first) as f, fsspec.open(f"gs://{path}#{first}") as g, fsspec.open(f"gs://{path}?generation={first}") as h:
        assert f.read() == g.read() == h.read() == b"one"
        assert f.generation == h.generation == first == f.info()["generation"]
    known = fs.info(path, generation=first)
    assert (known["name"], known["size"], known["generation"]) == (path, 3, first)
    assert fs.ls(path, versions=True) == [f"{path}#{first}", f"{path}#{last}"]
    assert [e["size"] for e in fs.ls(path, versions=True, detail=True)] == [3, 5]
    with pytest.raises(ValueError, match="version_aware"):
        GCSFileSystem().cat_file(path, generation=first)
    fs.rm_file(f"{path}#{first}")
    assert fs.ls(path, versions=True) == [f"{path}#{last}"]


def test_versions_of_a_directory(kept):
    fs = GCSFileSystem(version_aware=True)
    made = {}
    for name in ("d/x", "d/x", "d/e/y", "d/z", "other"):
        with fs.open(f"{kept}/{name}", "wb") as f:
            f.write(name.encode())
        assert f.generation == fs.info(f"{kept}/{name}")["generation"]
        made.setdefault(name, []).append(f"{kept}/{name}#{f.generation}")
    fs.rm(f"{kept}/d/z")  # the version stays
    x, y, z, other = made["d/x"], made["d/e/y"], made["d/z"], made["other"]
    assert fs.ls(f"{kept}/d", versions=True) == [f"{kept}/d/e", *x, *z] == asyncio.run(fs._ls(f"{kept}/d", versions=True))
    assert [(e["name"], e["type"], e["size"]) for e in fs.ls(f"{kept}/d", detail=True, versions=True)] == [
        (f"{kept}/d/e", "directory", 0), (x[0], "file", 3), (x[1], "file", 3), (z[0], "file", 3),
    ]  # fmt: skip
    assert fs.ls(kept, versions=True) == [f"{kept}/d", *other]
    assert fs.find(f"{kept}/d", versions=True) == y + x + z == asyncio.run(fs._find(f"{kept}/d", versions=True))
    assert list(fs.find(kept, detail=True, versions=True)) == y + x + z + other
    assert fs.find(kept, versions=True, maxdepth=1) == other and fs.find(f"{kept}/d", versions=True, prefix="x") == x
    assert fs.find(f"{kept}/d/z", versions=True) == z == fs.ls(f"{kept}/d/z", versions=True) and not fs.exists(f"{kept}/d/z")
    for missing in (f"{kept}/missing", f"{kept}-missing"):
        with pytest.raises(FileNotFoundError):
            fs.ls(missing, versions=True)


def test_a_name_that_ends_like_a_version(kept):
    """What does not name a generation is part of the name, as in a run that is called "#b"."""
    fs = GCSFileSystem(version_aware=True)
    for name in ("a#b", "a#", "a?generation=b", "#12"):
        fs.pipe_file(f"{kept}/{name}", name.encode())
        assert fs.cat(f"{kept}/{name}") == name.encode()


def test_a_bucket_that_keeps_versions(gs, bucket):
    gs.mkdir(bucket, enable_versioning=True)
    fs = GCSFileSystem(version_aware=True)
    fs.pipe_file(f"{bucket}/x", b"1")
    fs.pipe_file(f"{bucket}/x", b"22")
    assert [e["size"] for e in fs.ls(bucket, detail=True, versions=True)] == [1, 2]
    for name in fs.find(bucket, versions=True):
        fs.rm_file(name)
    fs.rmdir(bucket)


# ---- processes ----


def test_a_pickled_filesystem_and_file(gs, root):
    gs.pipe_file(f"{root}/x", b"0123")
    again = pickle.loads(pickle.dumps(gs))
    assert again is gs and again.cat(f"{root}/x") == b"0123"
    with gs.open(f"{root}/x") as f:
        f.seek(2)
        with pickle.loads(pickle.dumps(f)) as g:
            assert g.read() == b"23"


def test_a_forked_child(google, root, python):
    code = """
        import os, sys
        from cove import GCSFileSystem
        fs, root = GCSFileSystem(), sys.argv[1]
        fs.pipe_file(root + "/parent", b"p")
        pid = os.fork()
        if pid == 0:
            fs.pipe_file(root + "/child", fs.cat(root + "/parent") + b"c")
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        print(fs.cat(root + "/child").decode())
    """
    assert python(code, root, environ=google.environ) == "pc\n"


def test_another_process_finds_it_by_its_url(google, gs, root, python):
    gs.pipe_file(f"{root}/x", b"1")
    code = """
        import sys, fsspec, cove
        cove.register()
        with fsspec.open(sys.argv[1]) as f:
            print(f.read())
    """
    assert python(code, f"gs://{root}/x", environ={**os.environ, **google.environ}) == "b'1'\n"
