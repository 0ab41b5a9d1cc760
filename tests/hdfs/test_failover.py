"""hdfs:// of a nameservice: the active NameNode changes or dies, and its responses are lost. All ends right, and nothing is done twice."""

import json
import random
import subprocess

import env
import pytest
from hadoop import COVE, names, pattern, probe, rest
from servers.hdfs_ha import HA
from servers.lossy_rpc import LossyRPC

MIB = 1 << 20
LARGE = 20 * MIB


@pytest.fixture(scope="module")
def server():
    with HA(datanodes=1, settings={"dfs.namenode.fs-limits.min-block-size": MIB, "dfs.blocksize": 4 * MIB}) as hdfs:
        yield hdfs


@pytest.fixture
def conf(server):
    """Site files of a client, which finds the standby first."""
    return server.client_conf(order=(server.other, server.active))


def command(conf, *args, **pipes):
    variables = {**env.clean({}), "PATH": "/usr/bin:/bin", "HADOOP_USER_NAME": "cove", "HADOOP_CONF_DIR": str(conf)}
    return subprocess.Popen([COVE, *args], env=variables, **pipes)


def cove(conf, *args):
    process = command(conf, *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err.decode()


def run(conf, verb, path, *args, out=None):
    return probe({"user": "cove", "hadoop_conf_dir": conf}, verb, f"hdfs://lab{path}", *args, out=out)


def test_the_standby_is_first(server, conf, tmp_path):
    assert run(conf, "put", "/first/f", 1000)["code"] == "COVE_OK"
    assert run(conf, "get", "/first/f", out=tmp_path / "got")["code"] == "COVE_OK"
    assert (tmp_path / "got").read_bytes() == pattern(1000)
    assert cove(conf, "ls", "hdfs:///first")[0] == 0  # fs.defaultFS


@pytest.mark.parametrize("change", ["failover", "kill_active"])
def test_a_change_in_mid_write(server, conf, change):
    content = random.Random(3).randbytes(64 * MIB)
    writer = command(conf, "cp", "-", f"hdfs://lab/{change}/f", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    writer.stdin.write(content[: 40 * MIB])
    writer.stdin.flush()
    assert names(server, f"/{change}")[0].endswith(".cove-tmp")
    getattr(server, change)()
    _, err = writer.communicate(content[40 * MIB :], timeout=300)
    assert writer.returncode == 0, err
    assert names(server, f"/{change}") == ["f"]
    assert cove(conf, "cat", f"hdfs://lab/{change}/f") == (0, content, "")
    server.revive()


class Losing:
    """Loses the first response of a method; `after` is called before that."""

    def __init__(self, method, after=None):
        self.method, self.after, self.lost = method, after, []

    def __call__(self, method):
        if method != self.method or self.lost:
            return False
        self.lost.append(method)
        if self.after:
            self.after()
        return True


class Proxies:
    """Before both NameNodes, for a client whose site files are in `conf`."""

    def __init__(self, server, loses):
        self.proxies = {name: LossyRPC(port, loses) for name, (port, _) in server.namenodes.items()}
        self.server = server

    def __enter__(self):
        for proxy in self.proxies.values():
            proxy.__enter__()
        return self.server.client_conf({name: proxy.port for name, proxy in self.proxies.items()}, (self.server.active, self.server.other))

    def __exit__(self, *_):
        for proxy in self.proxies.values():
            proxy.__exit__()


WRITES = ["create", "addBlock", "complete", "rename2"]


@pytest.mark.parametrize("changes", [False, True], ids=["", "and-failover"])
@pytest.mark.parametrize("method", [*WRITES, "mkdirs", "delete", "append", "fsync"])
def test_a_lost_response(server, method, changes, tmp_path):
    folder = f"/lost/{method}-{changes}"
    assert run(server.client_conf(), "put", f"{folder}/old", 10)["code"] == "COVE_OK"
    losing = Losing(method, server.failover if changes else None)
    with Proxies(server, losing) as conf:
        if method in WRITES:
            expected, outcome = {"new": pattern(LARGE), "old": pattern(10)}, run(conf, "write", f"{folder}/new", LARGE, "new")
        elif method == "mkdirs":
            expected, outcome = {"d": None, "old": pattern(10)}, run(conf, "mkdir", f"{folder}/d")
        elif method == "delete":
            expected, outcome = {}, run(conf, "rm", f"{folder}/old")
        else:
            expected, outcome = {"old": pattern(10) + b"one two three"}, run(conf, "flush", f"{folder}/old", "one ", "two ", "three")
    assert outcome["code"] == "COVE_OK", outcome
    assert losing.lost == [method]
    assert names(server, folder) == sorted(expected)
    for name, content in expected.items():
        assert content is None or rest(server, "OPEN", f"{folder}/{name}") == content


def test_a_move_whose_response_is_lost(server):
    assert run(server.client_conf(), "put", "/moves/a", 10)["code"] == "COVE_OK"
    losing = Losing("rename2", server.failover)
    with Proxies(server, losing) as conf:
        assert run(conf, "move", "/moves/a", "hdfs://lab/moves/b")["code"] == "COVE_OK"
    assert losing.lost == ["rename2"] and names(server, "/moves") == ["b"]


def test_the_active_dies_in_mid_listing(server):
    expected = [f"n{i:04}" for i in range(2500)]
    code, _, err = cove(server.client_conf(), "mkdir", *(f"hdfs://lab/long/{name}" for name in expected))
    assert code == 0, err
    losing = Losing("getListing", server.kill_active)
    with Proxies(server, losing) as conf:
        code, out, err = cove(conf, "ls", "hdfs://lab/long")
    assert code == 0 and losing.lost, err
    assert [line.rstrip("/").rsplit("/", 1)[-1] for line in out.decode().splitlines()] == expected
    server.revive()


def test_both_are_on_standby(server):
    """The error has what each of them is; a nameservice was given, so that this is no advice."""
    server.admin("-transitionToStandby", server.active)
    try:
        settings = {"dfs.client.failover.max.attempts": 3, "dfs.client.failover.sleep.base.millis": 1}
        outcome = run(server.client_conf(**settings), "get", "/f")
        assert outcome["code"] == "COVE_ESERVER" and outcome["store_code"] == "StandbyException" and outcome["retryable"] == 1
        assert "standby NameNode; none of the 2 servers of lab could do it, in 4 tries" in outcome["message"]
        port = server.namenodes["nn1"][0]
        alone = probe({"user": "cove", "extra_conf": json.dumps({"dfs.client.failover.sleep.base.millis": 1})}, "get", f"hdfs://127.0.0.1:{port}/f")
        assert "it is a standby NameNode: give the nameservice, not one host" in alone["message"]
    finally:
        server.admin("-transitionToActive", server.active)
        server.wait_until(server._ready)
