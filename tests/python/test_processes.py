"""Forked children and the workers of a DataLoader, on MinIO and fake-gcs-server."""

import multiprocessing
import os
import subprocess
import sys

import env
import pytest
from servers.minio import MinIO
from servers.toxiproxy import Toxiproxy


@pytest.fixture(params=["aws", "google"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def fs(server):
    from cove import GCSFileSystem, S3FileSystem

    return S3FileSystem() if isinstance(server, MinIO) else GCSFileSystem()


def read_in_child(fs, file, path, results):
    file.seek(2)
    results.put((fs.cat(path), file.read(), fs.exists(path), [len(d) for d in fs.cat_ranges([path, path], 0, [1, 2])]))
    with fs.open(f"{path}-child", "ab") as f:
        f.write(b"from the child")
    fs.pipe(f"{path}-pipe", b"1")
    results.put(fs.cat(f"{path}-child"))


def test_a_forked_child_continues(fs, root):
    fs.pipe(f"{root}/x", b"abcdef")
    file = fs.open(f"{root}/x")
    log = fs.open(f"{root}/log", "ab")
    log.write(b"parent")
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=read_in_child, args=(fs, file, f"{root}/x", results))
    child.start()
    assert results.get(timeout=60) == (b"abcdef", b"cdef", True, [1, 2])
    assert results.get(timeout=60) == b"from the child"
    child.join()
    assert child.exitcode == 0
    log.close()
    assert fs.cat(f"{root}/log") == b"parent"
    assert fs.cat(f"{root}/x-pipe") == b"1"


class Files:
    """A dataset: one file an item."""

    def __init__(self, fs, paths):
        self.fs, self.paths = fs, paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        with self.fs.open(self.paths[i]) as f:
            return f.read().decode() + self.fs.cat(self.paths[i]).decode()


@pytest.mark.parametrize("server, start", [("aws", "fork"), ("aws", "spawn"), ("google", "fork")], indirect=["server"])
def test_workers_of_a_dataloader(fs, root, start, monkeypatch):
    data = pytest.importorskip("torch.utils.data")
    monkeypatch.setenv("PYTHONPATH", env.python_path(env.build_dir() / "python", os.path.dirname(__file__)))
    files = {f"{root}/{n:02}": b"%d" % n for n in range(40)}
    fs.pipe(files)
    loader = data.DataLoader(Files(fs, list(files)), batch_size=8, num_workers=2, multiprocessing_context=start)
    assert [item for batch in loader for item in batch] == [f"{n}{n}" for n in range(40)]


WRITES_AND_ENDS = """
import sys, cove
fs = getattr(cove, sys.argv[3])(endpoint_url=sys.argv[1], timeout="2s", append_interval=600)
logs = [fs.open(f"{sys.argv[2]}/{name}", "ab") for name in "ab"]
for log in logs:
    log.write(b"12345")
print("written", flush=True)
sys.stdin.readline()
"""


def test_a_process_exits_without_a_response_of_the_store(fs, server, root):
    with Toxiproxy(server.endpoint.removeprefix("http://")) as proxy:
        environ = {**os.environ, "PYTHONPATH": env.python_path(env.build_dir() / "python")}
        process = subprocess.Popen(
            [sys.executable, "-c", WRITES_AND_ENDS, proxy.endpoint, root, type(fs).__name__],
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout.readline() == "written\n", process.stderr.read()
        proxy.toxic("timeout", stream="upstream", timeout=0)
        _, stderr = process.communicate("end\n", timeout=300)
    assert process.returncode == 0 and stderr.count("5 bytes could not be appended") == 2
    assert not fs.exists(f"{root}/a")
