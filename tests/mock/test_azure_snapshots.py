"""Snapshots are removed by removals alone: not by the end of a move, nor by what cleans up after a failed write or copy."""

import pytest

import azure
from server import MockServer
from test_azure_mock import call


def started(faults=(), **ways):
    return MockServer({"b/from": b"new", "b/to": b"old", "b/d/x": b"x", "b/d/y": b"y"}, kind=azure.Store, ways=ways, faults=list(faults))


def snapshots(server):
    return {name: len(taken) for name, taken in server.store.containers["b"].snapshots.items() if taken}


def test_a_move():
    with started() as server:
        server.store.snap("b", "from")
        outcome = call(server, "move", "az://b/from", "b/to")
        assert outcome.code == "COVE_ENOTEMPTY" and outcome.store_code == "SnapshotsPresent", outcome
        assert "the original stays, beside its copy" in outcome.message
        assert snapshots(server) == {"from": 1} and server.store.objects["b/to"][0] == b"new" and "b/from" in server.store.objects
        assert call(server, "rm", "az://b/from").ok and snapshots(server) == {}
        assert server.troubles == []


def test_a_move_of_a_folder():
    with started() as server:
        server.store.snap("b", "d/y")
        outcome = call(server, "move", "az://b/d", "b/e")
        assert outcome.code == "COVE_ENOTEMPTY" and "d/y" in outcome.message, outcome
        assert snapshots(server) == {"d/y": 1} and {"b/d/y", "b/e/x", "b/e/y"} < set(server.store.objects)
        assert call(server, "rmtree", "az://b/d").ok and snapshots(server) == {}
        assert server.troubles == []


@pytest.mark.parametrize("ways, timeout_ms", [({"copy_polls": -1}, 1000), ({"copy_polls": 2, "copy_fails": "500 InternalServerError"}, None)])
def test_a_copy_that_does_not_end_well(ways, timeout_ms):
    with started(**ways) as server:
        server.store.snap("b", "to")
        outcome = call(server, "copy", "az://b/from", "b/to", timeout_ms=timeout_ms)
        assert not outcome.ok and snapshots(server) == {"to": 1}, outcome
        assert "of older content, which stay" in outcome.log
        assert server.count("DeleteBlob") == 1 and server.store.objects["b/to"][0] == b""
        assert server.troubles == []
