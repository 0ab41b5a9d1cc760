"""A move deletes its source only after its own copy, of that source, with all of its bytes."""

import pytest

import azure
from server import MockServer
from test_azure_mock import call

DATA = b"source" * 50
LOST = [{"on": "CopyBlob", "close": True}, {"on": "CopyBlob", "status": 409, "error": ["PendingCopyOperation", "mocked"], "times": -1}]


def started():
    return MockServer({"b/from": DATA}, kind=azure.Store, faults=LOST)


def moved(server):
    outcome = call(server, "move", "az://b/from", "b/to")
    assert server.troubles == []
    return outcome


def shown(server, source, data=DATA):
    """What the call finds at the target after the lost response."""
    server.store.put("b/to", data).copy.update(id="9", status="success", source=source)


@pytest.mark.parametrize(
    "source",
    [
        "http://other.test/x/acct/b/from",
        "{here}/acct/b/from?snapshot=2026-01-01T00:00:00.0000000Z",
        "{here}/acct/b/from?sv=1&versionid=2",
        "{here}/x/acct/b/from",
    ],
)
def test_another_copy_is_not_ours(source):
    with started() as server:
        shown(server, source.format(here=server.endpoint))
        outcome = moved(server)
        assert outcome.code == "COVE_ESERVER" and "another copy to the blob" in outcome.message, outcome
        assert "b/from" in server.store.objects and server.count("DeleteBlob") == 0


def test_our_own_copy():
    with started() as server:
        shown(server, f"{server.endpoint}/acct/b/from?sv=1".replace("http", "HTTP"))
        assert moved(server).ok and "b/from" not in server.store.objects


def test_a_copy_of_another_size():
    """Of the same source, as it was earlier: it is kept, as it may be another writer's."""
    with started() as server:
        shown(server, f"{server.endpoint}/acct/b/from", b"as it was")
        outcome = moved(server)
        assert outcome.code == "COVE_ECORRUPT" and "9 bytes of the 300" in outcome.message, outcome
        assert {"b/from", "b/to"} == set(server.store.objects) and server.count("DeleteBlob") == 0
