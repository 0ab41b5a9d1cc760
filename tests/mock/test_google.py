"""The contract suite on the mock of Google Cloud Storage, and what a case in cases/ cannot say: options by which objects were made, and the mock itself."""

import json
import urllib.error
import urllib.request

import pytest

import crc
import gcs
from probe_run import probe
from server import MockServer
from store import content
from test_mock import TOKEN

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="  # 32 bytes
PIECE = 256 * 1024
DAY = {"softDeletePolicy": {"retentionDurationSeconds": "86400"}}


@pytest.fixture
def server():
    with MockServer({"b/k": b"old"}, kind=gcs.Store) as server:
        yield server
        assert server.troubles == []


def call(server, *verb, **options):
    outcome = probe(*verb, options={"endpoint_url": server.endpoint, "token": TOKEN, "project": "project-1", "conditions": "true", **options})
    assert TOKEN not in outcome.text and KEY not in outcome.text and "of-the-upload" not in outcome.text
    return outcome


KEPT = {"customTime": "2026-01-01T00:00:00Z", "storageClass": "NEARLINE"}
KMS_KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"


@pytest.mark.parametrize("size", [3, 300_000], ids=["put again", "composed"])
@pytest.mark.parametrize("option", [{}, {"storage_class": "COLDLINE"}], ids=["none", "the option's"])
def test_an_append_keeps_what_the_object_has(server, size, option):
    """Its class, also beside the option for new objects: what is composed has to be of one."""
    there = server.store.put("b/k", bytes(size), **KEPT)
    there.kms_key = KMS_KEY + "/cryptoKeyVersions/1"
    assert call(server, "flush", "gs://b/k", "one", "two", **option).code == "COVE_OK"
    now = server.store.live("b/k")
    assert len(now.data) == size + 6 and {name: now.properties.get(name) for name in KEPT} == KEPT
    assert now.kms_key == KMS_KEY
    keys = [r.query.get("kmsKeyName") for r in server.requests if r.operation in ("objects.insert", "objects.compose")]
    assert keys == [KMS_KEY] * len(keys)


@pytest.mark.parametrize("size", [3, 300_000], ids=["put again", "composed"])
@pytest.mark.parametrize("there, option, expected", [
    (None, None, "no-cache"), ("public, max-age=60", None, "public, max-age=60"), (None, "no-store", "no-store"),
], ids=["none", "the object's", "the option's"])  # fmt: skip
def test_a_log_is_kept_by_no_cache(server, size, there, option, expected):
    """Unless the user has said how long: Google's caches keep what anybody may read for an hour."""
    server.store.put("b/log", b"1" * size)
    if there:
        server.store.live("b/log").properties["cacheControl"] = there
    options = {"cache_control": option} if option else {}
    for name in ("b/log", "b/new"):
        assert call(server, "append", f"gs://{name}", "x", **options).ok
    assert server.store.live("b/log").properties["cacheControl"] == expected
    assert server.store.live("b/new").properties["cacheControl"] == (option or "no-cache")
    assert call(server, "put", "gs://b/other", "3", **options).ok
    assert server.store.live("b/other").properties.get("cacheControl") == option


@pytest.mark.parametrize("uploads", ["put", "session", "parts", "compose"])
@pytest.mark.parametrize("option", [None, "max-age=9"], ids=["none", "the option's"])
def test_a_checkpoint_is_kept_by_no_cache(server, uploads, option):
    """Unless the option has another value: its name is written again. A copy has what its source has."""
    options = {"uploads": uploads} if uploads != "put" else {}
    options |= {"cache_control": option} if option else {}
    expected = {"d/epoch=1.ckpt": option or "no-cache", "last.ckpt/.metadata": option or "no-cache", "x.ckpt.txt": option, ".ckpt": option}
    for name in expected:
        verb = ["put", f"gs://b/{name}", "3"] if uploads == "put" else ["new", f"gs://b/{name}", "17000000", "text/x", "run=A"]
        assert call(server, *verb, **options).ok
    assert {name: server.store.live(f"b/{name}").properties.get("cacheControl") for name in expected} == expected
    assert call(server, "copy", "gs://b/d/epoch=1.ckpt", "gs://b/d/last.ckpt").ok
    assert server.store.live("b/d/last.ckpt").properties["cacheControl"] == (option or "no-cache")


@pytest.mark.parametrize("option", [{}, {"storage_class": "COLDLINE"}, {"cache_control": "max-age=9"}], ids=["none", "class", "caching"])
@pytest.mark.parametrize("verb", ["copy", "move", "move a folder"])
def test_a_copy_has_the_properties_of_the_options(option, verb):
    """Beside all others of its source. A copy that needs none of them costs one request, and never takes over the source's key."""
    given = {**KEPT, "contentType": "text/x", "cacheControl": "no-store"}
    with MockServer(buckets=("b", "c"), kind=gcs.Store) as server:
        there = server.store.put("b/d/k", b"old", **given)
        there.metadata["run"], there.kms_key = "A", KMS_KEY + "/cryptoKeyVersions/1"
        what = ("move", "gs://b/d", "gs://c/e") if verb == "move a folder" else (verb, "gs://b/d/k", "gs://c/e/k")
        outcome = call(server, *what, **option)
        assert outcome.ok, outcome
        now = server.store.live("c/e/k")
        names = {"storage_class": "storageClass", "cache_control": "cacheControl"}
        expected = given | {names[name]: value for name, value in option.items()}
        assert now.data == b"old" and {name: now.properties.get(name) for name in given} == expected
        assert now.metadata["run"] == "A" and not now.kms_key
        if verb == "copy":
            assert (server.count("objects.rewrite"), server.count("objects.get")) == (1, 1 if option else 0)
        assert server.troubles == []


def test_a_copy_with_options_is_of_the_newest(server):
    server.begin_faults([{"on": "objects.rewrite", "meanwhile": {"b/k": "theirs"}}])
    assert call(server, "copy", "gs://b/k", "gs://b/to", cache_control="no-store").ok
    now = server.store.live("b/to")
    assert now.data == b"theirs" and now.properties["cacheControl"] == "no-store"


def test_holds(server):
    there = server.store.live("b/k")
    there.holds["eventBasedHold"] = True
    for verb in (["put", "gs://b/k", "3"], ["rm", "gs://b/k"], ["append", "gs://b/k", "x"]):
        outcome = call(server, *verb)
        assert outcome.code == "COVE_EACCESS" and outcome.store_code == "objectUnderActiveHold" and "Event-Based hold" in outcome.message, outcome
    there.holds["eventBasedHold"] = False
    assert call(server, "rm", "gs://b/k").ok


def kept_for_a_day():
    return MockServer({"b/k": b"old", "b/k2": b"new", "b/log": bytes((8 << 20) - 1)}, kind=gcs.Store, buckets={"b": DAY})


def test_a_deleted_object_is_named():
    """By what opens it and asks what it is, with one request more; who asks only whether it is there has none."""

    def asked(server):
        return sum(r.query.get("softDeleted") == "true" for r in server.requests)

    with kept_for_a_day() as server:
        assert call(server, "put", "gs://b/k", "2").ok
        generation = server.store.live("b/k").generation
        assert call(server, "rm", "gs://b/k").ok
        assert call(server, "exists", "gs://b/k").value == 0 and asked(server) == 0
        for n, verb in enumerate(("read", "stat"), 1):
            outcome = call(server, verb, "gs://b/k")
            assert outcome.code == "COVE_ENOTFOUND" and f"restore gs://b/k#{generation}" in outcome.message and asked(server) == n, outcome
        assert "deleted on" not in call(server, "read", "gs://b/none").message
        odd = "gs://b/x $(touch y); rm z"  # a shell would run it
        assert call(server, "put", odd, "2").ok and call(server, "rm", odd).ok
        outcome = call(server, "read", odd)
        assert "deleted on" in outcome.message and "gcloud" not in outcome.message, outcome
        server.store.ahead_s += 86401
        assert "deleted on" not in call(server, "read", "gs://b/k").message
        assert server.troubles == []


def test_a_deleted_object_is_asked_for_once():
    """The error is certain: what is added to it is not worth a wait."""
    busy = [{"on": "objects.list", "times": -1, "status": 503}]
    with MockServer({"b/k": b"x"}, kind=gcs.Store, buckets={"b": DAY}, faults=busy) as server:
        assert call(server, "read", "gs://b/none").code == "COVE_ENOTFOUND"
        assert sum(r.query.get("softDeleted") == "true" for r in server.requests) == 1


def test_appends_that_are_kept_are_warned_of():
    """Once for a bucket."""
    with kept_for_a_day() as server:
        outcome = call(server, "flush", "gs://b/log", "one", "two")
        assert outcome.ok and outcome.log.count("keeps replaced objects for 24 hours") == 1 and server.count("buckets.get") == 1, outcome
        outcome = call(server, "append", "gs://b/k", "x")  # a small one
        assert outcome.ok and "keeps what" not in outcome.log and server.count("buckets.get") == 1


def test_customer_keys(server):
    assert call(server, "put", "gs://b/secret", "300000", encryption_key=KEY).ok
    assert call(server, "get", "gs://b/secret", encryption_key=KEY).value == 300000
    assert call(server, "copy", "gs://b/secret", "gs://b/copy", encryption_key=KEY).ok
    assert call(server, "append", "gs://b/secret", "x", encryption_key=KEY).ok
    outcome = call(server, "get", "gs://b/secret")
    assert outcome.code == "COVE_EINVAL" and "option encryption_key" in outcome.message, outcome


@pytest.mark.parametrize("name, parts", [("run", 1), ("runName", 0)])
def test_names_of_metadata(server, name, parts):
    """A multipart upload has them as headers, so that one with capitals would lose these."""
    assert call(server, "new", "gs://b/large", "17000000", "text/x", f"{name}=A", uploads="parts").ok
    assert server.store.live("b/large").metadata[name] == "A"
    assert server.count("CompleteMultipartUpload") == parts


def test_a_read_asks_for_one_generation():
    """All its requests but the first, which finds out the generation; what another writer puts there meanwhile ends it, and is in no part of it."""
    meanwhile = {"on": "objects.media", "skip": 1, "meanwhile": {"b/large": {"size": 6_000_000, "seed": 1}}}
    for faults, generations in (([], 1), ([meanwhile], 2)):
        with MockServer({"b/large": b"1" * 6_000_000}, faults, kind=gcs.Store) as server:
            first = server.store.live("b/large").generation
            outcome = call(server, "read", "gs://b/large", "1000000")
            reads = [r for r in server.requests if r.operation == "objects.media"]
            asked = {r.query.get("ifGenerationMatch") or r.query.get("generation") for r in reads[1:]}
            assert len(reads) > 2 and str(first) in asked and None not in asked and len(asked) <= generations, [r.target for r in reads]
            if faults:
                assert 412 in [r.status for r in reads], [r.target for r in reads]
                assert not outcome.ok or outcome.data == content({"size": 6_000_000, "seed": 1}), outcome
            else:
                assert outcome.data == b"1" * 6_000_000


def test_one_write_a_second():
    with MockServer(kind=gcs.Store, ways={"one_write_a_second": True}) as server:
        outcome = call(server, "flush", "gs://b/log", "one", "two")
        assert outcome.ok and server.store.live("b/log").data == b"onetwo", outcome
        assert 429 in [r.status for r in server.requests]


# ---- the mock's own requests


def ask(server, method, target, body=b"", **headers):
    """(status, headers, body)"""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = target if target.startswith("http") else server.endpoint + target
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data or None, named, method=method), timeout=30) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def begin(server, name, query=""):
    status, headers, _ = ask(server, "POST", f"/upload/storage/v1/b/b/o?uploadType=resumable&name={name}{query}", {})
    assert status == 200
    return headers["Location"]


def test_sessions(server):
    session, first = begin(server, "big"), b"x" * PIECE
    assert ask(server, "PUT", session, content_range="bytes */*")[:2][0] == 308
    status, headers, _ = ask(server, "PUT", session, first, content_range=f"bytes 0-{PIECE - 1}/*")
    assert status == 308 and headers["Range"] == f"bytes=0-{PIECE - 1}"
    total = crc.b64(crc.crc32c(first + b"end"))
    final = {"content_range": f"bytes {PIECE}-{PIECE + 2}/{PIECE + 3}", "x_goog_hash": f"crc32c={total}"}
    assert ask(server, "PUT", session, b"end", **final)[0] == 200
    status, _, body = ask(server, "PUT", session, content_range=f"bytes */{PIECE + 3}")
    assert status == 200 and json.loads(body)["crc32c"] == total
    assert server.store.live("b/big").data == first + b"end"


def test_sessions_that_end_otherwise(server):
    session = begin(server, "k", "&ifGenerationMatch=0")
    assert ask(server, "PUT", session, b"end", content_range="bytes 0-2/3")[0] == 412
    session = begin(server, "other")
    assert ask(server, "PUT", session, b"end", content_range="bytes 0-2/3", x_goog_hash="crc32c=AAAAAA==")[0] == 400
    session = begin(server, "other")
    assert ask(server, "DELETE", session)[0] == 499
    assert ask(server, "PUT", session, b"end", content_range="bytes 0-2/3")[0] == 410
    assert server.store.live("b/other") is None


def test_multipart_uploads_take_no_condition(server):
    assert ask(server, "POST", "/b/new?uploads", x_goog_if_generation_match="0")[0] == 400
    status, _, body = ask(server, "POST", "/b/new?uploads=")
    assert status == 200 and b"<UploadId>" in body


def test_folders():
    buckets = {"h": {"hierarchicalNamespace": {"enabled": True}}}
    with MockServer({"h/a/b/1": b"x"}, kind=gcs.Store, buckets=buckets, ways={"operation_polls": 2}) as server:
        assert json.loads(ask(server, "GET", "/storage/v1/b/h/storageLayout")[2])["hierarchicalNamespace"] == {"enabled": True}
        assert ask(server, "DELETE", "/storage/v1/b/h/folders/a%2F")[0] == 409
        assert ask(server, "POST", "/storage/v1/b/h/folders", {"name": "c/d/"})[0] == 409
        assert ask(server, "POST", "/storage/v1/b/h/folders?recursive=true", {"name": "c/d/"})[0] == 200
        operation = json.loads(ask(server, "POST", "/storage/v1/b/h/folders/a%2F/renameTo/folders/c%2Fe%2F")[2])
        assert not operation["done"] and server.store.live("h/a/b/1")
        name = operation["name"].rpartition("/")[2]
        done = [json.loads(ask(server, "GET", f"/storage/v1/b/h/operations/{name}")[2])["done"] for _ in range(2)]
        assert done == [False, True] and server.store.live("h/c/e/b/1").data == b"x"
        ask(server, "POST", "/storage/v1/b/h/folders/c%2F/deleteRecursive")
        assert ask(server, "GET", "/storage/v1/b/h/operations/operation-99")[0] == 404


def test_deleted_objects_come_back():
    buckets = {"b": {"softDeletePolicy": {"retentionDurationSeconds": "60"}}}
    with MockServer({"b/k": b"old"}, kind=gcs.Store, buckets=buckets) as server:
        generation = server.store.live("b/k").generation
        assert ask(server, "DELETE", "/storage/v1/b/b/o/k")[0] == 204
        items = json.loads(ask(server, "GET", "/storage/v1/b/b/o?softDeleted=true")[2])["items"]
        assert [i["generation"] for i in items] == [str(generation)]
        assert ask(server, "POST", f"/storage/v1/b/b/o/k/restore?generation={generation}")[0] == 200
        assert server.store.live("b/k").data == b"old"
        server.store.ahead_s += 61
        assert ask(server, "POST", f"/storage/v1/b/b/o/k/restore?generation={generation}")[0] == 404
