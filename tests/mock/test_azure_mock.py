"""What a case in cases/ cannot say of az://: blobs that others have made, and the mock of Azure itself."""

import base64

import pytest

import azure
import crc
from probe_run import probe
from server import MockServer
from store import pattern

BIG = 70_000  # appends to smaller blobs put them again


@pytest.fixture
def server():
    with MockServer({"b/k": b"old"}, kind=azure.Store) as server:
        yield server
        assert server.troubles == []


def call(server, *verb, timeout_ms=None, **options):
    outcome = probe(*verb, options={"endpoint_url": server.endpoint, **azure.OPTIONS, **options}, timeout_ms=timeout_ms)
    assert azure.KEY not in outcome.text
    return outcome


def test_checksums():
    assert crc.crc64(b"123456789") == 0xAE8B14860A799888 and crc.crc32c(b"123456789") == 0xE3069283
    data = pattern(100_000)
    state = crc.CRC64.ones
    for byte in data:
        state = (state >> 8) ^ crc.CRC64.table[(state ^ byte) & 255]
    assert crc.crc64(data) == state ^ crc.CRC64.ones  # many bytes at once


def test_another_key_is_refused(server):
    """The mock checks signatures."""
    outcome = call(server, "get", "az://b/k", account_key="AAAA")
    assert outcome.code == "COVE_EAUTH" and outcome.store_code == "AuthenticationFailed", outcome
    assert "the key of the account acct" in outcome.message


@pytest.mark.parametrize("size", [0, BIG])
def test_names_of_metadata_keep_their_case(server, size):
    """Also those that an append or a change of others takes over."""
    assert call(server, "new", "az://b/n", size, "text/plain", "runName=x", "Epoch=1").ok
    assert call(server, "set_metadata", "az://b/n", "epoch=7").ok and call(server, "flush", "az://b/n", "one").ok
    blob = server.store.container("b").live["n"]
    assert {name: value for name, value in blob.metadata.items() if name != "cove_write"} == {"runName": "x", "epoch": "7"}
    assert "runName=x" in call(server, "describe", "az://b/n").names


@pytest.mark.parametrize("header", ["ETag", "x-ms-version-id"])
@pytest.mark.parametrize("do", [["get"], ["put", 5], ["stat"], ["flush", "one"], ["write", 5, "new"]], ids=lambda do: do[0])
def test_a_version_that_is_too_long(server, do, header):
    """It is refused by its name: as an absent one it would leave out the conditions of what follows."""
    server.store.ways["headers"] = {header: f'"{"e" * 600}"'}
    outcome = call(server, do[0], "az://b/n" if do[0] == "write" else "az://b/k", *do[1:])
    assert outcome.code == "COVE_ELIMIT" and f"{header.lower()} has 602 bytes" in outcome.message, outcome


@pytest.mark.parametrize("size", [100, 600])
def test_a_copy_whose_id_is_too_long(server, size):
    server.begin_faults([{"on": "CopyBlob", "do_it": True, "headers": {"x-ms-copy-id": "i" * size, "x-ms-copy-status": "pending"}}])
    outcome = call(server, "copy", "az://b/k", "az://b/n")
    assert outcome.code == "COVE_ELIMIT" and "the response to a copy cannot be read" in outcome.message, outcome


def test_uploads_under_way(server):
    """Names with blocks alone, of ours and of others; an empty blob is none, and blocks behind a blob are in no listing."""
    ours = [base64.b64encode(f"{7:032x}{n:016x}".encode()).decode() for n in (1, 2)]
    server.store.stage("b/d/ours", {name: b"x" for name in ours})
    server.store.stage("b/theirs", {"AAAA": b"x"})
    server.store.stage("b/k", {"AAAA": b"x"})
    server.store.put("b/d/", b"")
    assert call(server, "uploads", "az://b").value == 2 and server.count("GetBlockList") == 3
    assert call(server, "uploads", "az://b/d").value == 1
    assert call(server, "uploads", "az://b/d", "remove").value == 1
    assert set(server.store.uploads) == {"b/theirs", "b/k"} and set(server.store.objects) == {"b/k", "b/d/"}


def test_a_whole_response_of_another_size_is_no_file():
    """A HEAD gives the size of the version; the GET behind it is answered whole, and shorter, for the same version."""
    with MockServer({"b/k": pattern(5000)}, kind=azure.Store) as server:
        etag = server.store.live("b/k").etag
        head = f"HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: 1000\r\nx-ms-request-id: 1\r\nConnection: close\r\n\r\n"
        cut = {"on": "GetBlob", "raw": head + pattern(1000).decode("latin-1")}
        server.begin_faults([cut])
        assert call(server, "range", "az://b/k", -8000, 8000).data == pattern(5000)
        server.begin_faults([{**cut, "times": -1}])
        outcome = call(server, "range", "az://b/k", -8000, 8000, retries=1)
        assert outcome.code == "COVE_ECORRUPT" and "1000 bytes, but this version has 5000" in outcome.message, outcome


def test_a_quoted_signature_is_not_shown():
    """The service quotes the request that it refuses: its signature gives the right to repeat it."""
    detail = "The MAC signature found in the HTTP request 'yZ3/a+b4c5d=' is not the same. Got SharedKey devstoreaccount1:yZ3/a+b4c5d= and sig=yZ3/a+b4c5d=."
    body = f"<Error><Code>AuthenticationFailed</Code><Message>Refused.</Message><AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail></Error>"
    with MockServer({"b/k": b"old"}, [{"on": "GetBlob", "status": 403, "body": body, "times": -1}], kind=azure.Store) as server:
        outcome = call(server, "get", "az://b/k")
        assert outcome.code == "COVE_EAUTH" and "MAC signature found in the HTTP request '***'" in outcome.message, outcome
        assert "yZ3" not in outcome.text


@pytest.mark.parametrize("size", [3, BIG])
@pytest.mark.parametrize("no_tags", [None, "read", "write"])
def test_an_append_keeps_tier_and_tags(size, no_tags):
    """A put or a commit makes the blob with what its request has, and no more."""
    with MockServer({}, kind=azure.Store, ways={"no_tags": no_tags}) as server:
        blob = server.store.put("b/k", pattern(size), tier="Cool")
        blob.tags = {"run": "a b", "k+": "x&=y"}
        outcome = call(server, "append", "az://b/k", 3)
        assert outcome.ok, outcome
        made = server.store.live("b/k")
        assert made.tier == "Cool" and made.tier_given and len(made.data) > size
        assert made.tags == ({} if no_tags else blob.tags)
        assert outcome.log.count("loses its index tags") == (1 if no_tags else 0)
        assert server.count("GetBlobTags") == 1


@pytest.mark.parametrize("kind", ["BlockBlob", "AppendBlob"])
@pytest.mark.parametrize("verb", ["copy", "move"])
@pytest.mark.parametrize("no_tags", [None, "read", "write"])
def test_a_copy_keeps_tags(no_tags, verb, kind):
    """Copy Blob gives the new blob those that its request has, and no more."""
    with MockServer({}, kind=azure.Store, ways={"no_tags": no_tags}) as server:
        blob = server.store.put("b/k", pattern(3), kind=kind, metadata={"a": "b"})
        blob.tags = {"run": "a b", "k+": "x&=y"}
        outcome = call(server, verb, "az://b/k", "b/new")
        assert outcome.ok, outcome
        made = server.store.live("b/new")
        assert made.tags == ({} if no_tags else blob.tags) and made.data == blob.data and made.metadata == {"a": "b"}
        assert outcome.log.count("loses its index tags") == (1 if no_tags else 0)
        assert server.count("GetBlobTags") == 1 and server.count("GetBlobProperties") == 1


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_a_copy_of_a_blob_without_tags_does_not_ask_for_them(verb):
    with MockServer({"b/k": b"data"}, kind=azure.Store) as server:
        assert call(server, verb, "az://b/k", "b/new").ok
        assert server.count("GetBlobTags") == 0 and server.count("GetBlobProperties") == 1


def test_a_copy_of_a_version_keeps_its_tags():
    with MockServer({}, kind=azure.Store, ways={"versions": True}) as server:
        old = server.store.put("b/k", b"old")
        old.tags = {"run": "1"}
        server.store.put("b/k", b"new").tags = {"run": "2"}
        assert call(server, "copy", f"az://b/k?versionid={old.version_id}", "b/new", version_aware="true").ok
        assert server.store.live("b/new").tags == {"run": "1"}


@pytest.mark.parametrize("tags", [{}, {"run": "2"}])
def test_a_copy_of_a_blob_that_changes_has_its_own_tags(tags):
    """Between the HEAD and the copy another writer replaces the blob."""
    with MockServer({}, [{"on": "CopyBlob", "meanwhile": {"b/k": "theirs"}}], kind=azure.Store) as server:
        server.store.put("b/k", b"old").tags = tags
        outcome = call(server, "copy", "az://b/k", "b/new")
        assert outcome.ok, outcome
        made = server.store.live("b/new")
        assert made.data == b"theirs" and made.tags == {}


def test_a_copy_of_a_blob_that_never_stays_the_same():
    with MockServer({}, [{"on": "CopyBlob", "meanwhile": {"b/k": "theirs"}, "times": -1}], kind=azure.Store) as server:
        server.store.put("b/k", b"old").tags = {"run": "2"}
        outcome = call(server, "copy", "az://b/k", "b/new")
        assert outcome.ok and server.store.live("b/new").data == b"theirs" and server.count("CopyBlob") < 10, outcome


def test_an_append_gives_no_tier_that_is_the_accounts():
    with MockServer({"b/k": pattern(BIG)}, kind=azure.Store) as server:
        assert call(server, "append", "az://b/k", 3).ok
        assert not server.store.live("b/k").tier_given and server.count("GetBlobTags") == 0
