"""hdfs:// at the borders of checksums, blocks and listings, and what the command takes for a directory."""

import subprocess

import env
import pytest
from hadoop import COVE, pattern, probe
from servers.hdfs import HDFS

BLOCK = 1 << 20
SIZES = (0, 1, 511, 512, 513, BLOCK - 1, BLOCK, BLOCK + 1)


@pytest.fixture(scope="module")
def server():
    with HDFS(datanodes=2, settings={"dfs.namenode.fs-limits.min-block-size": BLOCK}) as hdfs:
        yield hdfs


OPTIONS = {"user": "cove", "block_size": BLOCK}


@pytest.mark.parametrize("added", [1, 511, 512, BLOCK])
@pytest.mark.parametrize("size", SIZES)
def test_appends(server, size, added, tmp_path):
    url = f"{server.rpc_url}/sizes/{size}-{added}"
    for verb, n, expected in (("put", size, pattern(size)), ("grow", added, pattern(size) + pattern(added))):
        outcome = probe(OPTIONS, verb, url, n)
        assert outcome["code"] == "COVE_OK", outcome
        assert probe(OPTIONS, "get", url, out=tmp_path / "got")["value"] == len(expected)
        assert (tmp_path / "got").read_bytes() == expected


@pytest.mark.parametrize("at", [0, 1, 511, 512, BLOCK - 1, BLOCK, BLOCK + 512])
@pytest.mark.parametrize("length", [1, 512, 513, BLOCK + 1])
def test_ranges(server, at, length, tmp_path):
    url, data = f"{server.rpc_url}/ranges", pattern(3 * BLOCK + 1)
    if probe(OPTIONS, "get", url)["code"] != "COVE_OK":
        assert probe(OPTIONS, "put", url, len(data))["code"] == "COVE_OK"
    assert probe(OPTIONS, "range", url, at, length, out=tmp_path / "got")["value"] == length
    assert (tmp_path / "got").read_bytes() == data[at : at + length]


def cove(server, *args):
    done = subprocess.run([COVE, *args], env={**env.clean({}), "PATH": "/usr/bin:/bin", **server.environ}, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def test_a_long_listing(server):
    """The NameNode lists 1,000 names at a time (dfs.ls.limit)."""
    folder, expected = f"{server.rpc_url}/long", [f"n{i:04}" for i in range(3000)]
    assert cove(server, "mkdir", *(f"{folder}/{name}" for name in expected))[::2] == (0, "")
    code, out, err = cove(server, "find", folder)
    assert code == 0, err
    code, out, err = cove(server, "ls", folder)
    assert code == 0, err
    assert [line.rstrip("/").rsplit("/", 1)[-1] for line in out.splitlines()] == expected


@pytest.mark.parametrize("scheme", ["hdfs", "webhdfs"])
def test_the_first_part_of_a_path_is_a_directory(server, scheme, tmp_path):
    """No bucket: it is removed, moved and copied like any other."""
    root = {"hdfs": server.rpc_url, "webhdfs": server.url}[scheme]
    (tmp_path / "src" / "empty").mkdir(parents=True)
    (tmp_path / "src" / "f").write_bytes(b"1")
    for args in (
        ["cp", "-r", str(tmp_path / "src"), f"{root}/top"],
        ["mv", f"{root}/top", f"{root}/moved"],
        ["cp", "-r", f"{root}/moved", f"{root}/copied"],
        ["rm", "-r", f"{root}/moved"],
    ):
        code, _, err = cove(server, *args)
        assert (code, err) == (0, "")
    assert cove(server, "stat", f"{root}/moved")[0] == 3
    assert cove(server, "cat", f"{root}/copied/f")[:2] == (0, "1")
    assert "directory" in cove(server, "stat", f"{root}/copied/empty")[1]
    code, _, err = cove(server, "rm", "-r", root)
    assert code == 2 and "is a whole store: emptying it needs -r --force" in err
    assert cove(server, "rm", "-r", f"{root}/copied")[0] == 0
