"""hdfs:// on four DataNodes with three copies of each block, of which some fail: the bytes are equal, or the error is clear and the old file whole."""

import random
import subprocess
import time

import env
import pytest
from hadoop import COVE, names
from servers.hdfs import HDFS

MIB = 1 << 20
BLOCK = 16 * MIB


SETTINGS = {
    "dfs.namenode.fs-limits.min-block-size": MIB,
    "dfs.blocksize": BLOCK,
    "dfs.namenode.redundancy.considerLoad": "false",  # the one that is left has more to do than those that are dead, and is refused for that
}


@pytest.fixture
def server():
    with HDFS(datanodes=4, settings=SETTINGS) as hdfs:
        yield hdfs


@pytest.fixture(scope="module")
def content():
    return random.Random(7).randbytes(96 * MIB)


def command(server, *args, **pipes):
    return subprocess.Popen([COVE, *args], env={**env.clean({}), "PATH": "/usr/bin:/bin", **server.environ}, **pipes)


def put(server, data, url):
    writer = command(server, "cp", "-", url, stdin=subprocess.PIPE)
    writer.communicate(data, timeout=300)
    assert writer.returncode == 0


def cat(server, url):
    reader = command(server, "cat", url, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = reader.communicate(timeout=300)
    return reader.returncode, out, err.decode()


def one_of_the_pipeline(server, left):
    """A DataNode that is writing a block now."""
    found = []

    def is_writing():
        found[:] = [i for i in left if server.blocks(i, "rbw")]
        return found

    give_up = time.monotonic() + 120
    while not is_writing():
        assert time.monotonic() < give_up, "no block is being written"
        time.sleep(0.02)
    return found[0]


def test_two_killed_in_mid_write(server, content):
    url = f"{server.rpc_url}/f"
    writer = command(server, "cp", "-", url, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    left = list(range(4))
    for at in range(0, len(content), 24 * MIB):
        # The pipe and the command hold less than this, so that the block that is found is not the last one.
        writer.stdin.write(content[at : at + 24 * MIB])
        writer.stdin.flush()
        if len(left) > 2:
            node = one_of_the_pipeline(server, left)
            server.kill(node)
            left.remove(node)
    _, err = writer.communicate(timeout=300)
    assert writer.returncode == 0, err
    assert cat(server, url) == (0, content, "")
    assert names(server, "/") == ["f"]


def test_all_but_one_killed(server, content):
    """A write ends on the one that is left, and a read finds its bytes there."""
    url = f"{server.rpc_url}/f"
    put(server, content[: 8 * MIB], url)
    survivor = next(i for i in range(4) if server.blocks(i))
    for i in range(4):
        if i != survivor:
            server.kill(i)
    assert cat(server, url) == (0, content[: 8 * MIB], "")
    put(server, content[: 20 * MIB], url)
    assert cat(server, url) == (0, content[: 20 * MIB], "")


def test_none_is_left(server, content):
    """The error names what failed, and the old file is still there."""
    url = f"{server.rpc_url}/f"
    put(server, b"old", url)
    for i in range(4):
        server.kill(i)
    writer = command(server, "cp", "-", url, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = writer.communicate(content[:MIB], timeout=300)
    assert writer.returncode != 0 and b"127.0.0.1:" in err
    assert names(server, "/") == ["f"]
    code, _, err = cat(server, url)
    assert code != 0 and "127.0.0.1:" in err
    for i in range(4):
        server.start_datanode(i)
    server.wait_until(lambda: cat(server, url)[:2] == (0, b"old"))


def test_killed_in_mid_read(server, content):
    url = f"{server.rpc_url}/f"
    put(server, content, url)
    reader = command(server, "cat", url, stdout=subprocess.PIPE)
    got = reader.stdout.read(MIB)
    for node in (0, 1):
        server.kill(node)
        got += reader.stdout.read(16 * MIB)
    got += reader.stdout.read()
    assert reader.wait() == 0 and got == content


def damage(path):
    with open(path, "r+b") as f:
        f.seek(path.stat().st_size // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 1]))


def test_damaged_replicas(server, content):
    """Whichever replica is asked first, the bytes are those of the good one; without a good one the read fails."""
    url, data = f"{server.rpc_url}/f", content[: 3 * MIB]
    put(server, data, url)
    server.wait_until(lambda: len([i for i in range(4) if server.blocks(i)]) == 3)
    replicas = [server.blocks(i)[0] for i in range(4) if server.blocks(i)]
    for replica in replicas[:2]:
        damage(replica)
    for _ in range(6):
        assert cat(server, url) == (0, data, "")
    damage(replicas[2])
    code, out, err = cat(server, url)
    assert code != 0 and "checksum" in err
    assert data.startswith(out)


def test_a_killed_writer(server, content):
    """The old file is whole. The temporary one, which the NameNode has, is in no listing."""
    put(server, b"old", f"{server.rpc_url}/d/f")
    writer = command(server, "cp", "-", f"{server.rpc_url}/d/f", stdin=subprocess.PIPE)
    writer.stdin.write(content[: 40 * MIB])
    writer.stdin.flush()
    one_of_the_pipeline(server, range(4))
    writer.kill()
    writer.wait()
    writer.stdin.close()
    temporary, old = names(server, "/d")
    assert temporary.startswith(".f.") and temporary.endswith(".cove-tmp") and old == "f"
    assert cat(server, f"{server.rpc_url}/d/f") == (0, b"old", "")
    for verb in ("ls", "find"):
        lines = command(server, verb, f"{server.rpc_url}/d", stdout=subprocess.PIPE, text=True).communicate(timeout=60)[0]
        assert lines.splitlines() == [f"{server.rpc_url}/d/f"] or lines.split() == ["f"]
    put(server, b"new", f"{server.rpc_url}/d/f")
    assert cat(server, f"{server.rpc_url}/d/f") == (0, b"new", "")


def test_a_file_that_is_being_written(server, content):
    """Another client reads what the DataNodes have, of which the NameNode does not know."""
    writer = command(server, "cp", "-", f"{server.rpc_url}/d/f", stdin=subprocess.PIPE)
    writer.stdin.write(content[: 28 * MIB])  # three whole parts, which end in the middle of a block
    writer.stdin.flush()
    one_of_the_pipeline(server, range(4))
    url = f"{server.rpc_url}/d/{names(server, '/d')[0]}"
    seen = []

    def is_there():
        code, out, err = cat(server, url)
        assert code == 0 and content.startswith(out), err
        seen.append(len(out))
        return len(out) % BLOCK > 0

    server.wait_until(is_there)
    assert seen == sorted(seen)
    writer.communicate(content[28 * MIB : 40 * MIB], timeout=300)
    assert writer.returncode == 0
    assert cat(server, f"{server.rpc_url}/d/f") == (0, content[: 40 * MIB], "")
