"""Responses of a real Hadoop that are lost after it has done what was asked for: nothing is done twice, and nothing is reported wrongly."""

from collections import Counter

import pytest
from hadoop import names, pattern, probe, rest
from servers.hdfs import HDFS
from servers.lossy import Lossy

LARGE = 20 << 20


@pytest.fixture(scope="module")
def server():
    with HDFS() as hdfs:
        yield hdfs


class Losing:
    """Loses the first response of each operation; the names of those of a DataNode begin with "data ". A name may have a number: of bytes that arrive."""

    def __init__(self, **operations):
        self.left = {name.replace("_", " "): way for name, way in operations.items()}

    def __call__(self, operation, to_datanode):
        return self.left.pop(f"data {operation}" if to_datanode else operation, None)


def run(proxy, verb, path, *args, out=None):
    return probe({"user": "cove"}, verb, f"webhdfs://127.0.0.1:{proxy.port}{path}", *args, out=out)


def stored(server, path):
    return rest(server, "OPEN", path)


@pytest.mark.parametrize("condition", [(), ("new",)], ids=["always", "new"])
@pytest.mark.parametrize("size", [1000, LARGE])
@pytest.mark.parametrize(
    "losses",
    [
        {"CREATE": "lost"},
        {"data_CREATE": "lost"},
        {"GETFILESTATUS": "lost"},
        {"RENAME": "lost"},
        {"data_CREATE": "lost", "data_APPEND": "lost", "RENAME": "lost"},
    ],
    ids="+".join,
)
def test_a_write(server, losses, size, condition):
    folder = f"/write/{'+'.join(losses)}-{size}-{len(condition)}"
    with Lossy(server.port, Losing(**losses)) as proxy:
        outcome = run(proxy, "write", f"{folder}/f", size, *condition)
    assert outcome["code"] == "COVE_OK", outcome
    assert stored(server, f"{folder}/f") == pattern(size)
    assert names(server, folder) == ["f"]
    assert set(proxy.lost) <= {name.removeprefix("data_") for name in losses}


def test_appends(server):
    """Each piece is in the file once."""
    texts = ["one ", "two ", "three ", "four"]
    with Lossy(server.port, Losing(RENAME="lost", APPEND="lost", data_APPEND="lost")) as proxy:
        outcome = run(proxy, "flush", "/appends/f", *texts)
    assert outcome["code"] == "COVE_OK", outcome
    assert stored(server, "/appends/f") == "".join(texts).encode()
    assert Counter(proxy.lost) == {"RENAME": 1, "APPEND": 2}


def test_a_move_and_removals(server):
    with Lossy(server.port, Losing(RENAME="lost")) as proxy:
        assert run(proxy, "put", "/moves/a", 10)["code"] == "COVE_OK"
    with Lossy(server.port, Losing(RENAME="lost", MKDIRS="lost", DELETE="lost")) as proxy:
        outcome = run(proxy, "move", "/moves/a", f"webhdfs://127.0.0.1:{proxy.port}/moves/new/b")
        assert outcome["code"] == "COVE_OK", outcome
        assert names(server, "/moves") == ["new"]
        assert stored(server, "/moves/new/b") == pattern(10)
        assert run(proxy, "rm", "/moves/new/b")["code"] == "COVE_OK"
    assert names(server, "/moves/new") == []
    assert proxy.lost == ["MKDIRS", "RENAME", "DELETE"]


def test_a_read_that_breaks_off(server, tmp_path):
    """It is resumed where it broke."""
    with Lossy(server.port, lambda operation, to_datanode: None) as proxy:
        assert run(proxy, "put", "/reads/f", LARGE)["code"] == "COVE_OK"
    with Lossy(server.port, Losing(data_OPEN=3 << 20, OPEN="lost", GETFILESTATUS=10)) as proxy:
        outcome = run(proxy, "get", "/reads/f", out=tmp_path / "got")
    assert outcome["code"] == "COVE_OK", outcome
    assert (tmp_path / "got").read_bytes() == pattern(LARGE)
    assert sorted(proxy.lost) == ["GETFILESTATUS", "OPEN", "OPEN"]
