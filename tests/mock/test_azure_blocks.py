"""Appends to blobs whose blocks others have made: names of any length, blocks that no commit has named, very many blocks."""

import base64
import types

import pytest

import azure
from azure_messages import xml_response
from server import MockServer
from store import pattern
from test_azure_mock import call

BIG = 70_000  # appends to smaller blobs put them again


@pytest.fixture
def server():
    with MockServer({"b/k": pattern(BIG)}, kind=azure.Store) as server:
        yield server
        assert server.troubles == []


def name(n, size):
    return base64.b64encode(n.to_bytes(4, "big").rjust(size, b"n")[-size:]).decode()


def blocks(data, size, count):
    step = -(-len(data) // count)
    return [(name(n, size), data[n * step : (n + 1) * step]) for n in range(count)]


def data_of(server):
    return server.store.objects["b/k"][0]


def names_of(server):
    return [name for name, _ in server.store.objects["b/k"][2].blocks]


def sent(server, operation):
    return sum(len(r.body) for r in server.requests if r.operation == operation)


@pytest.mark.parametrize("size", [4, 7, 16, 36, 48, 64])
def test_names_of_another_length(server, size):
    """An append gives its blocks names of the length that the others have."""
    server.store.put("b/k", data_of(server), blocks(data_of(server), size, 3))
    server.store.stage("b/k", {name(99, size): b"not committed"})
    outcome = call(server, "flush", "az://b/k", "one", "two")
    assert outcome.ok and outcome.value == 0, outcome
    assert data_of(server) == pattern(BIG) + b"onetwo" and {len(base64.b64decode(n)) for n in names_of(server)} == {size}
    assert server.count("GetBlob") == 0 or sent(server, "PutBlock") < 100


@pytest.mark.parametrize("size", [7, 48, 64])
def test_uncommitted_blocks_behind_a_blob_without_blocks(server, size):
    """Of a blob that one request has put the server makes blocks, with names as long as those that wait behind it."""
    server.store.stage("b/k", {name(n, size): b"not committed" for n in range(100)})
    outcome = call(server, "flush", "az://b/k", "one", "two")
    assert outcome.ok and outcome.value == 0, outcome
    assert data_of(server) == pattern(BIG) + b"onetwo" and server.store.uploads == {}
    assert server.count("PutBlockFromURL") == 1 and {len(base64.b64decode(n)) for n in names_of(server)} == {size}


def test_names_that_are_too_short(server):
    """Another writer could choose the same one: nothing is written."""
    server.store.put("b/k", data_of(server), blocks(data_of(server), 2, 3))
    outcome = call(server, "flush", "az://b/k", "one")
    assert outcome.code == "COVE_EINVAL" and outcome.store_code == "InvalidBlobOrBlock", outcome
    assert data_of(server) == pattern(BIG)


@pytest.mark.parametrize("count", [49_900, 49_999, 50_000])
def test_a_blob_full_of_small_blocks(server, count):
    """The server puts them together: no flush reads them or sends them again, and 50,000 are never reached."""
    data = pattern(2 * count)
    server.store.put("b/k", data, blocks(data, 16, count))
    assert len(names_of(server)) == count
    outcome = call(server, "flush", "az://b/k", *(f"line {n};" for n in range(10)))
    assert outcome.ok and outcome.value == 0, outcome
    assert data_of(server) == data + b"".join(b"line %d;" % n for n in range(10))
    assert len(names_of(server)) <= 20 and server.count("PutBlockFromURL") == 1
    assert sent(server, "PutBlock") < 1000 and sent(server, "PutBlockList") < 20_000
    assert server.count("PutBlock") == server.count("PutBlockList") == 10 and server.count("GetBlockList") == 1


def test_the_cost_of_a_flush_is_constant(server):
    """60,000 flushes are the same as the last 40 of them: what they send does not grow with the blob."""
    data = pattern(6_000_000)  # 60,000 flushes of 100 bytes, put together as they came
    cuts = [4_200_000, 5_800_000, *range(5_860_000, 6_000_000, 40_000), 5_999_000, 6_000_000]
    parts = [(name(n, 48), data[begin:end]) for n, (begin, end) in enumerate(zip([0, *cuts], cuts))]
    server.store.put("b/k", data, parts)
    outcome = call(server, "flush", "az://b/k", *("x" * 100 for _ in range(40)))
    assert outcome.ok and outcome.value == 0, outcome
    assert data_of(server) == data + b"x" * 4000 and len(names_of(server)) < 40
    assert sent(server, "PutBlock") + sent(server, "PutBlockList") < 40 * 12_000
    assert server.count("PutBlock") == server.count("PutBlockList") == 40


def test_where_the_server_makes_no_blocks():
    """The list stays long, and the append is made."""
    data = pattern(BIG)
    with MockServer(kind=azure.Store, ways={"lacks": ["PutBlockFromURL"]}) as server:
        server.store.put("b/k", data, blocks(data, 16, 1000))
        assert call(server, "flush", "az://b/k", "one", "two").ok
        assert data_of(server) == data + b"onetwo" and server.count("PutBlockFromURL") == 1


def test_a_run_of_larger_blocks_is_not_read(server):
    """Of those that another program has left an append sends again less than 8 MiB."""
    data = pattern(40 << 20)
    server.store.put("b/k", data, blocks(data, 16, 40))
    assert call(server, "flush", "az://b/k", "x" * 70_000).ok
    assert data_of(server) == data + b"x" * 70_000 and sent(server, "PutBlock") < 8 << 20


@pytest.mark.parametrize("where", ["b/k", "b/new"])
@pytest.mark.parametrize("size", [4, 7, 16, 36, 48, 64])
def test_a_write_over_uncommitted_blocks(server, where, size):
    """They go. Until then the service wants blocks with names of their length, so the write's get such names."""
    server.store.stage(where, {name(n, size): b"theirs" for n in range(100)})
    outcome = call(server, "write", f"az://{where}", 20 << 20, default_block_size=str(1 << 20))
    assert outcome.ok, outcome
    data, _, blob = server.store.objects[where]
    assert data == pattern(20 << 20) and server.store.uploads == {}
    names = [base64.b64decode(name) for name, _ in blob.blocks]
    assert len(set(names)) == 20 and {len(name) for name in names} == {size}
    parallel = 0 if size == 48 else 16
    assert server.count("GetBlockList") <= parallel and server.count("PutBlock") <= 20 + parallel


def test_a_write_over_uncommitted_blocks_with_short_names(server):
    """Another writer could choose the same one: the error names the cause, and the blob stays."""
    server.store.stage("b/k", {name(1, 3): b"theirs"})
    outcome = call(server, "write", "az://b/k", 5 << 20, default_block_size=str(1 << 20))
    assert outcome.code == "COVE_EINVAL" and "unfinished upload" in outcome.message, outcome
    assert data_of(server) == pattern(BIG)


def test_uncommitted_blocks_that_are_gone_meanwhile(server):
    """Between the refusal and the list they have expired, or another writer has written the blob."""
    server.begin_faults([{"on": "PutBlock", "status": 400, "error": ["InvalidBlobOrBlock", "mocked"]}])
    outcome = call(server, "write", "az://b/new", 5 << 20, default_block_size=str(1 << 20))
    assert outcome.ok, outcome
    assert server.store.objects["b/new"][0] == pattern(5 << 20)


def test_uncommitted_blocks_that_are_refused_for_ever(server):
    server.begin_faults([{"on": "PutBlock", "status": 400, "error": ["InvalidBlobOrBlock", "mocked"], "times": -1}])
    outcome = call(server, "write", "az://b/k", 5 << 20, default_block_size=str(1 << 20))
    assert outcome.code == "COVE_EINVAL" and outcome.store_code == "InvalidBlobOrBlock", outcome
    assert server.count("PutBlock") < 50 and data_of(server) == pattern(BIG)


def test_a_list_of_blocks_that_is_refused(server):
    server.store.stage("b/k", {name(1, 7): b"theirs"})
    server.begin_faults([{"on": "GetBlockList", "status": 403, "error": ["AuthorizationPermissionMismatch", "mocked"], "times": -1}])
    outcome = call(server, "write", "az://b/k", 5 << 20, default_block_size=str(1 << 20))
    assert outcome.code == "COVE_EACCESS", outcome
    assert data_of(server) == pattern(BIG)


@pytest.mark.parametrize("fault", [{"close": True, "do_it": True}, {"status": 503, "error": ["ServerBusy", "mocked"]}])
@pytest.mark.parametrize("operation", ["PutBlock", "GetBlockList"])
def test_a_write_over_uncommitted_blocks_whose_requests_fail(server, operation, fault):
    server.store.stage("b/k", {name(1, 7): b"theirs"})
    server.begin_faults([{"on": operation, **fault, "times": 3}])
    assert call(server, "write", "az://b/k", 5 << 20, default_block_size=str(1 << 20)).ok
    assert data_of(server) == pattern(5 << 20) and len({len(name) for name in names_of(server)}) == 1


def test_many_lost_responses_at_once(server):
    """Each block is sent again; a block that arrives twice is one block."""
    server.begin_faults([{"on": "PutBlock", "close": True, "do_it": True, "times": 20}])
    assert call(server, "write", "az://b/k", 20 << 20, default_block_size=str(1 << 20)).ok
    assert data_of(server) == pattern(20 << 20) and len(names_of(server)) == 20 and server.count("PutBlock") == 40


LISTINGS = (["find", "az://b/d"], ["versions", "az://b/d/k"], ["findversions", "az://b"], ["uploads", "az://b"], ["rmtree", "az://b/d"])


@pytest.fixture
def endless(server):
    """Every page has another; `marker` makes its marker, from its number, and `name` the name of its blob."""
    endless = types.SimpleNamespace(marker=None, name=lambda page: "d/k", pages=0)

    def answer(r):
        if r.operation != "ListBlobs":
            return real(r)
        endless.pages += 1
        blob = f"<Blob><Name>{endless.name(endless.pages)}</Name><Properties><Content-Length>1</Content-Length></Properties></Blob>"
        return xml_response(f"<EnumerationResults><Blobs>{blob}</Blobs><NextMarker>{endless.marker(endless.pages)}</NextMarker></EnumerationResults>")

    real = server.store.answer
    server.store.answer = answer
    return endless


@pytest.mark.parametrize("do", LISTINGS, ids=lambda do: do[0])
def test_listings_that_go_round(server, endless, do):
    endless.marker = lambda page: f"m{page % 3}"
    outcome = call(server, *do)
    assert outcome.code == "COVE_EPROTOCOL" and "does not advance" in outcome.message, outcome
    assert endless.pages < 30


@pytest.mark.parametrize("do", [["versions", "az://b/d/k"], ["rmtree", "az://b/d"]], ids=lambda do: do[0])
def test_listings_without_end(server, endless, do):
    """Ever new markers: the deadline is that of the whole call. (The steps of an iterator have each its own.)"""
    endless.marker = lambda page: f"m{page}"
    endless.name = lambda page: "d/k" if do[0] == "versions" else f"d/k{page}"
    assert call(server, *do, timeout_ms=500).code == "COVE_ETIMEDOUT"
