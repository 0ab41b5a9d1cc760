"""Metadata, tags, versions and signed URLs of S3, under s3fs's names, on MinIO."""

import asyncio
import pickle
import sys
import urllib.error
import urllib.request
from datetime import timezone
from pathlib import Path

import fsspec
import pytest
from cove import S3FileSystem


def fetch(url, method="GET", body=None):
    request = urllib.request.Request(url, data=body, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
        return response.read(), response.headers


# ---- signed URLs ----


def test_signed_urls(fs, root):
    path = f"{root}/a b.txt"
    fs.pipe(path, b"abc")
    for url in (fs.url(path), fs.sign(path, expiration=60), fs.url(f"s3://{path}", expires=60, client_method="get_object")):
        assert fetch(url)[0] == b"abc"
    fetch(fs.url(path, client_method="put_object"), "PUT", b"new")
    assert fs.cat(path) == b"new"
    with pytest.raises(urllib.error.HTTPError):
        fetch(fs.url(path), "DELETE")
    with pytest.raises(NotImplementedError):
        fs.url(path, client_method="list_objects")
    with pytest.raises(TypeError, match="'ResponseContentType' is not an argument of this call"):
        fs.url(path, ResponseContentType="text/html")
    with fs.open(path) as f:
        assert fetch(f.url())[0] == b"new"


# ---- metadata ----


def test_metadata(fs, root):
    path = f"{root}/x"
    fs.pipe_file(path, b"abc", Metadata={"first_one": "1", "second": "2"}, ContentType="text/plain")
    assert fs.metadata(path) == {"first-one": "1", "second": "2"}
    assert fs.getxattr(path, "first_one") == fs.getxattr(path, "first-one") == "1"
    assert fs.getxattr(path, "none") is None
    fs.setxattr(path, second=None, third_one="3", first_one="one")
    assert fs.metadata(path) == {"first-one": "one", "third-one": "3"}
    assert fs.cat(path) == b"abc"
    assert fetch(fs.url(path))[1]["Content-Type"] == "text/plain"
    with fs.open(path) as f:
        assert f.metadata() == fs.metadata(path) and f.getxattr("third-one") == "3"
        f.setxattr(fourth="4")
    assert fs.getxattr(path, "fourth") == "4"
    with pytest.raises(FileNotFoundError):
        fs.metadata(f"{root}/none")
    with pytest.raises(NotImplementedError):
        fs.setxattr(path, copy_kwargs={"ContentType": "x/y"}, a="b")


def test_metadata_goes_with_each_way_of_writing(fs, root, tmp_path):
    (tmp_path / "x.html").write_bytes(b"<p>")
    with fs.open(f"{root}/open", "wb", metadata={"a": "b"}, content_type="text/csv") as f:
        f.write(b"1,2")
    fs.put_file(tmp_path / "x.html", f"{root}/put", metadata={"a": "b"})
    fs.put(str(tmp_path / "x.html"), f"{root}/tree/")
    fs.touch(f"{root}/touch", Metadata={"a": "b"}, ContentType="text/csv")
    for name, kind in (("open", "text/csv"), ("put", "text/html"), ("touch", "text/csv")):
        assert fs.metadata(f"{root}/{name}") == {"a": "b"}
        assert fetch(fs.url(f"{root}/{name}"))[1]["Content-Type"] == kind
    assert fetch(fs.url(f"{root}/tree/x.html"))[1]["Content-Type"] == "text/html"


def test_metadata_stays_when_bytes_are_added_or_changed(fs, root):
    path = f"{root}/x"
    fs.pipe_file(path, b"abc", metadata={"a": "b"})
    with fs.open(path, "ab") as f:
        f.write(b"def")
    assert fs.cat(path) == b"abcdef" and fs.getxattr(path, "a") == "b"
    fs.cp_file(path, f"{root}/copy")
    fs.mv(path, f"{root}/moved")
    assert fs.getxattr(f"{root}/copy", "a") == fs.getxattr(f"{root}/moved", "a") == "b"


# ---- tags ----


def test_tags(fs, root):
    path = f"{root}/x"
    fs.pipe(path, b"abc")
    assert fs.get_tags(path) == {}
    fs.put_tags(path, {"stage": "raw", "run": "7"})
    assert fs.get_tags(path) == {"stage": "raw", "run": "7"}
    fs.put_tags(path, {"stage": "clean"}, mode="m")
    assert fs.get_tags(path) == {"stage": "clean", "run": "7"}
    fs.put_tags(path, {"only": "one"}, mode="o")
    assert fs.get_tags(path) == {"only": "one"}
    with pytest.raises(ValueError):
        fs.put_tags(path, {}, mode="x")
    with pytest.raises(FileNotFoundError):
        fs.get_tags(f"{root}/none")


# ---- versions ----


@pytest.fixture
def kept(fs, aws, root):
    """A path in a bucket that keeps versions."""
    if not fs.exists("kept"):
        fs.mkdir("kept")
        aws.keep_versions("kept")
    return f"kept/{root}/x"


@pytest.fixture
def aware(aws):
    from cove.s3 import S3FileSystem

    return S3FileSystem(version_aware=True)


def test_versions(fs, aware, kept, tmp_path):
    for data in (b"1", b"22", b"333"):
        fs.pipe(kept, data)
    versions = aware.object_version_info(kept)
    assert [v["Size"] for v in versions] == [3, 2, 1]
    assert [v["IsLatest"] for v in versions] == [True, False, False]
    assert {v["Key"] for v in versions} == {kept.partition("/")[2]} and not any(v["IsDeleteMarker"] for v in versions)
    assert all(v["LastModified"].tzinfo is timezone.utc and v["ETag"] for v in versions)
    newest, middle, oldest = (v["VersionId"] for v in versions)
    assert aware.cat(kept) == b"333" and aware.cat_file(kept, version_id=middle) == b"22"
    assert aware.cat(f"{kept}?versionId={oldest}") == aware.cat(f"s3://{kept}?versionId={oldest}") == b"1"
    info = aware.info(kept, version_id=middle)
    assert (info["name"], info["size"], info["VersionId"]) == (kept, 2, middle)
    assert aware.info(kept)["VersionId"] == newest
    assert aware.exists(kept, version_id=oldest) and not aware.exists(f"{kept}.none", version_id=oldest)
    with aware.open(kept, version_id=oldest) as f:
        assert f.read() == b"1"
    with fsspec.open(f"s3://{kept}?versionId={middle}") as f:  # which makes the filesystem aware of versions
        assert f.read() == b"22"
    aware.get_file(kept, str(tmp_path / "x"), version_id=middle)
    assert (tmp_path / "x").read_bytes() == b"22"
    assert aware.split_path(f"s3://{kept}?versionId={middle}") == ("kept", kept.partition("/")[2], middle)
    aware.cp_file(f"{kept}?versionId={oldest}", kept)
    assert fs.cat(kept) == b"1"
    assert asyncio.run(aware._cat_file(kept, version_id=middle)) == b"22"


def test_writes_return_their_version(fs, aware, kept, root):
    def newest():
        return fs.object_version_info(kept)[0]["VersionId"]

    for size in (1, 17 << 20):  # one request; parts
        made = fs.pipe_file(kept, b"x" * size)
        assert made == {"ETag": fs.info(kept)["ETag"], "VersionId": newest()}
        for one in (fs, aware):
            made = asyncio.run(one._pipe_file(kept, b"y" * size))
            assert made == {"ETag": fs.info(kept)["ETag"], "VersionId": newest()}
    assert fs.touch(kept)["VersionId"] == newest()
    for one in (fs, aware):
        with one.open(kept, "wb") as f:
            f.write(b"1")
            assert f.version_id is None
        assert f.version_id == newest()
        with one.open(kept, "r+b") as f:
            f.write(b"2")
        assert f.version_id == newest()
    # Where the bucket keeps no versions there is none to tell.
    assert fs.pipe_file(f"{root}/x", b"1").keys() == asyncio.run(fs._pipe_file(f"{root}/x", b"1")).keys() == {"ETag"}
    with fs.open(f"{root}/x", "wb") as f:
        f.write(b"1")
    assert f.version_id is None


def test_open_files_know_their_version(fs, aware, kept):
    old, new = (fs.pipe_file(kept, data)["VersionId"] for data in (b"1", b"22"))
    with aware.open(kept) as f:
        fs.pipe_file(kept, b"333")  # after the open: it keeps what it has
        assert (f.version_id, f.details["size"], f.read()) == (new, 2, b"22")
    for place, given in ((kept, {"version_id": old}), (f"{kept}?versionId={old}", {})):
        with aware.open(place, **given) as f:
            copy = pickle.dumps(f)
            assert (f.version_id, f.info()["VersionId"], f.info()["size"], f.read()) == (old, old, 1, b"1")
        with pickle.loads(copy) as again:
            assert (again.version_id, again.path, again.read()) == (old, place, b"1")
    with fs.open(kept) as f:
        assert f.version_id is None  # not asked for


def test_a_removed_file_has_versions(fs, aware, kept):
    fs.pipe(kept, b"1")
    fs.rm(kept)
    assert not fs.exists(kept) and fs.find(kept) == []
    mark, old = aware.object_version_info(kept)
    assert mark["IsDeleteMarker"] and not old["IsDeleteMarker"]
    aware.rm_file(f"{kept}?versionId={mark['VersionId']}")
    assert fs.cat(kept) == b"1"


@pytest.mark.parametrize("options", [{}, {"batch_delete": "false"}])
def test_versions_are_removed_by_their_ids(fs, kept, options):
    from cove.s3 import S3FileSystem

    aware = S3FileSystem(version_aware=True, **options)
    for data in b"1", b"22", b"333", b"4444":
        fs.pipe(kept, data)
    ids = [v["VersionId"] for v in aware.object_version_info(kept)]
    aware.rm([f"{kept}?versionId={i}" for i in ids[1:3]])
    assert [v["VersionId"] for v in aware.object_version_info(kept)] == [ids[0], ids[3]]
    with pytest.raises(OSError, match="remove .*kept"):
        aware.rm([f"{kept}?versionId=\x01", f"{kept}?versionId={ids[3]}"])  # which a batch could not hold
    assert fs.cat(kept) == b"4444"


def test_versions_of_a_directory(fs, aware, kept):
    """Newest first, as the store has them; marks of deletions are no entries."""
    top = kept.removesuffix("/x")
    fs.pipe({f"{top}/x": b"1", f"{top}/d/y": b"22"})
    fs.pipe_file(f"{top}/x", b"333")
    fs.rm(f"{top}/d/y")
    old, new = sorted((e for e in aware.ls(top, detail=True, versions=True) if e["type"] == "file"), key=lambda e: e["size"])
    assert (new["name"], new["IsLatest"], old["IsLatest"]) == (f"{top}/x?versionId={new['VersionId']}", True, False)
    assert aware.ls(top, versions=True) == [f"{top}/d", new["name"], old["name"]] == asyncio.run(aware._ls(top, versions=True))
    assert aware.cat(old["name"]) == b"1" and aware.ls(f"{top}/x", versions=True) == [new["name"], old["name"]]
    (y,) = aware.find(f"{top}/d", versions=True)
    assert y.startswith(f"{top}/d/y?versionId=") and aware.cat(y) == b"22"
    assert aware.find(top, versions=True) == [y, new["name"], old["name"]] == list(aware.find(top, detail=True, versions=True))
    bucket = top.partition("/")[0]
    assert f"{bucket}/{top.split('/')[1]}" in aware.ls(bucket, versions=True)


def test_versions_need_version_aware(fs, aware, kept):
    fs.pipe(kept, b"1")
    for call in (fs.info, fs.cat_file, fs.open, fs.exists):
        with pytest.raises(ValueError, match="version_aware"):
            call(kept, version_id="x")
    for call in (fs.ls, fs.find):
        with pytest.raises(ValueError, match="version_aware"):
            call(kept, versions=True)
    with pytest.raises(ValueError):
        aware.pipe(f"{kept}?versionId=x", b"1")


def test_the_coroutines(fs, root):
    path = f"{root}/x"
    fs.pipe_file(path, b"abc", metadata={"a": "b"})

    async def main():
        assert await fs._metadata(path) == {"a": "b"}
        assert await fs._getxattr(path, "a") == "b"
        await fs._setxattr(path, c="d")
        assert fetch(await fs._url(path))[0] == b"abc"
        assert isinstance(await fs._checksum(path), int)
        assert [v["VersionId"] for v in await fs._object_version_info(path)] == ["null"]

    asyncio.run(main())


def test_mv_keeps_a_source_that_was_replaced_meanwhile():
    """For a directory and a list: a file replaced after its copy is kept, and asked for alone; the others are deleted in one request."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "mock"))
    from server import MockServer

    for source, target, recursive in (("b/d", "b/e", True), (["b/d/1", "b/d/2"], ["b/e/1", "b/e/2"], False)):
        with MockServer({"b/d/1": b"old", "b/d/2": b"old"}, [{"on": "DeleteObjects", "meanwhile": {"b/d/1": "new"}}]) as server:
            fs = S3FileSystem(endpoint_url=server.endpoint, key="k", secret="s", store="aws", skip_instance_cache=True)
            with pytest.raises(OSError, match="changed meanwhile"):
                fs.mv(source, target, recursive=recursive)
            assert {path: data[0] for path, data in server.store.objects.items()} == {"b/d/1": b"new", "b/e/1": b"old", "b/e/2": b"old"}
            assert server.count("DeleteObjects") == 1 and server.count("DeleteObject") == 1
