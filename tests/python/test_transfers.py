"""Downloads and uploads of files and trees, with callbacks, on MinIO. test_abstract.py tests the targets."""

import asyncio
import io
import os
import signal
import socket
import threading
import time

import pytest
from fsspec.callbacks import Callback, TqdmCallback
from trees import TREE, below

from cove import PreconditionFailed


class Counting(Callback):
    """Records its calls; one child for each file."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.children = {}

    def branched(self, source, target, **kwargs):
        child = self.children[source, target] = Callback()
        return child


def test_get_and_put_trees(fs, tree, tmp_path):
    local = tmp_path / "here"
    down = Counting()
    fs.get(tree, str(local), recursive=True, callback=down)
    assert {str(p.relative_to(local)): p.read_bytes() for p in local.rglob("*") if p.is_file()} == TREE
    assert down.value == down.size == 6 + 4  # the files, and the four directories
    assert sorted(c.value for c in down.children.values()) == sorted(map(len, TREE.values()))
    (local / "empty").mkdir()
    up = Counting()
    fs.put(str(local), f"s3://{tree}-up", recursive=True, callback=up)
    assert fs.cat(f"{tree}-up", recursive=True) == {f"{tree}-up/{name}": data for name, data in TREE.items()}
    assert up.value == up.size == 6
    assert sorted((c.size, c.value) for c in up.children.values()) == sorted((len(d), len(d)) for d in TREE.values())
    assert fs.isdir(f"{tree}-up/empty")
    fs.download(f"{tree}/a.txt", str(tmp_path / "one"))
    fs.upload(str(tmp_path / "one"), f"{tree}/two")
    assert fs.cat(f"{tree}/two") == b"a"


def test_transfers_with_a_bar(fs, tree, tmp_path, capfd):
    pytest.importorskip("tqdm")
    fs.get(f"{tree}/", f"{tmp_path}/x/", recursive=True, callback=TqdmCallback(tqdm_kwargs={"desc": "down"}))
    fs.put(f"{tmp_path}/x/", f"{tree}-up/", recursive=True, callback=TqdmCallback(tqdm_kwargs={"desc": "up"}))
    bars = capfd.readouterr().err
    assert "down" in bars and "up" in bars and "6/6" in bars
    assert len(fs.find(f"{tree}-up")) == 6


def test_one_file_reports_its_bytes(fs, root, tmp_path):
    (tmp_path / "x").write_bytes(bytes(10_000_000))
    seen = []
    callback = Callback(hooks={"seen": lambda size, value, **_: seen.append((size, value))})
    fs.put_file(tmp_path / "x", f"{root}/x", callback=callback)
    assert seen[0] == (10_000_000, 0) and seen[-1] == (10_000_000, 10_000_000) and len(seen) > 3
    seen.clear()
    fs.get_file(f"{root}/x", tmp_path / "y", callback=Callback(hooks={"seen": lambda size, value, **_: seen.append((size, value))}))
    assert seen[0] == (10_000_000, 0) and seen[-1] == (10_000_000, 10_000_000) and len(seen) > 3


@pytest.mark.parametrize("call", ["put_file", "put", "awaited"])
def test_a_local_file_that_shrinks_is_not_published(fs, root, tmp_path, call):
    fs.pipe(f"{root}/x", b"the good one")
    local = tmp_path / "x"
    local.write_bytes(bytes(12_000_000))

    class Shrinks(Counting):
        def branched(self, source, target, **kwargs):
            return self

        def relative_update(self, inc=1):
            os.truncate(local, 5_000_000)

    put = (lambda *args, **kwargs: asyncio.run(fs._put_file(*args, **kwargs))) if call == "awaited" else getattr(fs, call)
    with pytest.raises(PreconditionFailed, match="read 5000000 of 12000000 bytes"):
        put(str(local), f"{root}/x", callback=Shrinks())
    assert fs.cat(f"{root}/x") == b"the good one"
    put(str(local), f"{root}/x")
    assert fs.size(f"{root}/x") == 5_000_000


def test_get_of_lists_and_into_open_files(fs, tree, tmp_path):
    fs.get(below(tree, ["a.txt", "b0.txt"]), [str(tmp_path / "1"), str(tmp_path / "sub" / "2")])
    assert (tmp_path / "1").read_bytes() + (tmp_path / "sub" / "2").read_bytes() == b"a0"
    fs.get(below(tree, ["a.txt", "b0.txt"]), str(tmp_path / "into"))
    assert sorted(os.listdir(tmp_path / "into")) == ["a.txt", "b0.txt"]
    memory = io.BytesIO()
    fs.get_file(f"{tree}/b/c.txt", memory)
    fs.get_file(f"{tree}/b/c.txt", outfile=memory)
    assert memory.getvalue() == b"bcbc"
    fs.get_file(f"{tree}/b", str(tmp_path / "directory"))
    assert os.listdir(tmp_path / "directory") == []
    with pytest.raises(ValueError):
        fs.get(below(tree, ["a.txt", "b0.txt"]), [str(tmp_path / "1")])


def test_a_failed_get_leaves_nothing(fs, tree, tmp_path):
    with pytest.raises(FileNotFoundError):
        fs.get(f"{tree}/none", str(tmp_path / "x"))
    with pytest.raises(FileNotFoundError):
        fs.get_file(f"{tree}/none", str(tmp_path / "x"))

    def stop(size, value, **_):
        if value:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fs.get_file(f"{tree}/a.txt", str(tmp_path / "x"), callback=Callback(hooks={"stop": stop}))
    with pytest.raises(KeyboardInterrupt):
        fs.get(tree, str(tmp_path / "t"), recursive=True, callback=Stopping())
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


class Stopping(Callback):
    """Ends a copy when the first bytes of a file have come."""

    def branched(self, source, target, **kwargs):
        return Callback(hooks={"stop": self.stop})

    @staticmethod
    def stop(size, value, **_):
        if value:
            raise KeyboardInterrupt


def test_a_failed_get_leaves_what_was_there(fs, tree, tmp_path):
    (tmp_path / "x").write_bytes(b"good")
    (tmp_path / "x").chmod(0o640)
    (tmp_path / "link").symlink_to("x")

    def stop(size, value, **_):
        if value:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fs.get_file(f"{tree}/a.txt", str(tmp_path / "x"), callback=Callback(hooks={"stop": stop}))
    with pytest.raises(FileNotFoundError):
        fs.get(f"{tree}/none", str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == b"good"
    fs.get_file(f"{tree}/a.txt", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "x").read_bytes() == b"a"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640
    fs.get_file(f"{tree}/a.txt", os.devnull)
    assert os.path.exists(os.devnull) and not os.path.isfile(os.devnull)
    assert sorted(os.listdir(tmp_path)) == ["link", "x"]


def test_keys_that_lead_outside_the_target_are_refused(fs, root, tmp_path, monkeypatch):
    """Stores other than MinIO take keys with '..' in them."""
    names = {f"{root}/{name}": {"name": f"{root}/{name}", "type": "file", "size": 1} for name in ("../../out", "in")}
    monkeypatch.setattr(type(fs), "_expand", lambda *args: names)
    with pytest.raises(ValueError, match="outside"):
        fs.get(root, str(tmp_path / "in"), recursive=True)


@pytest.mark.parametrize("files", [1, 3])
def test_an_interrupted_put_stops_transfers_under_way(fs, root, tmp_path, files):
    """Ctrl-C comes to the main thread, which has to tell those that copy."""
    for i in range(files):
        (tmp_path / "d").mkdir(exist_ok=True)
        with open(tmp_path / "d" / f"{i}", "wb") as file:
            file.truncate(64 << 20)
    sent, press = [], threading.Lock()

    class Slow(Callback):
        def relative_update(self, inc=1):
            if inc > 1:
                sent.append(inc)
                time.sleep(0.1)
                if press.acquire(blocking=False):
                    os.kill(os.getpid(), signal.SIGINT)

        def branched(self, *args, **kwargs):
            return self

    with pytest.raises(KeyboardInterrupt):
        fs.put(str(tmp_path / "d"), f"{root}/d", recursive=True, callback=Slow())
    assert len(sent) < 16 and not fs.exists(f"{root}/d/0")


def test_put_file(fs, root, tmp_path):
    (tmp_path / "x.html").write_bytes(b"<p>")
    fs.put_file(str(tmp_path / "x.html"), f"{root}/x.html")
    fs.put_file(tmp_path / "x.html", f"{root}/y", ContentType="text/plain")
    with pytest.raises(FileExistsError):
        fs.put_file(tmp_path / "x.html", f"{root}/y", mode="create")
    fs.put_file(tmp_path / "x.html", f"{root}/z", mode="create")
    assert fs.cat(f"{root}/z") == b"<p>"
    with pytest.raises(FileNotFoundError):
        fs.put_file(tmp_path / "none", f"{root}/none")
    (tmp_path / "empty").mkdir()
    fs.put_file(tmp_path / "empty", f"{root}/empty")
    assert fs.isdir(f"{root}/empty") and fs.ls(f"{root}/empty") == []


def test_a_put_that_fails_publishes_nothing(fs, root, tmp_path):
    fs.pipe(f"{root}/x", b"old")
    (tmp_path / "x").write_bytes(bytes(20_000_000))

    def stop(size, value, **_):
        if value > 5_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fs.put_file(tmp_path / "x", f"{root}/x", callback=Callback(hooks={"stop": stop}))
    assert fs.cat(f"{root}/x") == b"old"


def test_put_of_a_pipe(fs, root, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    data = bytes(range(256)) * 1000
    thread = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,))
    thread.start()
    steps = []
    fs.put_file(tmp_path / "pipe", f"{root}/x", callback=Callback(hooks={"step": lambda size, value, **_: steps.append(value)}))
    thread.join()
    assert fs.cat(f"{root}/x") == data and len(steps) < 1000


def test_a_failed_copy_stops_the_others(aws, fs, root, python):
    process = python.start(
        """
        import sys, cove.s3
        fs, root = cove.s3.S3FileSystem(), sys.argv[1]
        try:
            fs.put(["/dev/zero", "/none"], [root + "/endless", root + "/none"])
        except FileNotFoundError:
            print("ended")
    """,
        root,
        environ=aws.environ,
    )
    try:
        assert process.communicate(timeout=120)[0] == "ended\n"
    finally:
        process.kill()
    assert fs.find(root) == []


def test_a_directory_is_not_moved_into_itself(fs, tree, root):
    before = fs.find(root)
    for target in (f"{root}/in", f"s3://{root}/in/deeper/"):
        with pytest.raises(OSError, match="into itself"):
            fs.mv(root, target, recursive=True)
    fs.mv(root, f"s3://{root}/", recursive=True)
    fs.mv(before[0], f"s3://{before[0]}")
    assert fs.find(root) == before


def test_special_files_in_a_tree_are_skipped(fs, root, tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "f").write_bytes(b"x")
    os.mkfifo(tmp_path / "d" / "e" / "pipe")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "d" / "s"))
    with pytest.warns(UserWarning) as warned:
        fs.put(str(tmp_path / "d"), f"{root}/d", recursive=True)
    assert [str(w.message).split(": neither")[0] for w in warned] == [f"put {tmp_path}/d/e/pipe", f"put {tmp_path}/d/s"]
    assert fs.find(f"{root}/d") == [f"{root}/d/e/f"]


def test_a_failed_transfer_stops_waiting_for_a_pipe(fs, root, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        fs.put([str(tmp_path / "pipe"), str(tmp_path / "none")], [f"{root}/pipe", f"{root}/none"])
    assert fs.find(root) == []


def test_a_failed_transfer_does_not_wait_for_the_reader_of_a_pipe(fs, root, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    fs.pipe(f"{root}/x", b"x")
    with pytest.raises(FileNotFoundError):
        fs.get([f"{root}/x", f"{root}/none"], [str(tmp_path / "pipe"), str(tmp_path / "none")])
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("timeout", [0.2, "200ms"])
def test_a_pipe_without_a_peer_ends_with_the_timeout(fs, root, tmp_path, timeout):
    os.mkfifo(tmp_path / "pipe")
    fs.pipe(f"{root}/x", b"x")
    hasty = type(fs)(**{**fs.storage_options, "timeout": timeout})
    for call in (hasty.put_file, hasty.put):
        with pytest.raises(TimeoutError, match="no data within the timeout"):
            call(str(tmp_path / "pipe"), f"{root}/y")
    for call in (hasty.get_file, hasty.get):
        with pytest.raises(TimeoutError, match="deadline"):
            call(f"{root}/x", str(tmp_path / "pipe"))
    assert fs.find(root) == [f"{root}/x"]


def test_get_file_to_a_path_of_bytes(fs, root, tmp_path):
    fs.pipe(f"{root}/x", b"x")
    fs.get_file(f"{root}/x", os.fsencode(tmp_path / "y"))
    assert (tmp_path / "y").read_bytes() == b"x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")
@pytest.mark.parametrize("size", [10, 3 << 20])
@pytest.mark.parametrize("mode", [0o4755, 0o600])
def test_get_keeps_the_owner_of_a_local_file(fs, root, tmp_path, size, mode):
    fs.pipe({f"{root}/d/x": bytes(size)})
    for get in (lambda: fs.get(f"{root}/d", str(tmp_path) + "/", recursive=True), lambda: fs.get_file(f"{root}/d/x", tmp_path / "d" / "x")):
        (tmp_path / "d").mkdir(exist_ok=True)
        local = tmp_path / "d" / "x"
        local.write_bytes(b"old")
        os.chown(local, 65534, 65533)
        os.chmod(local, mode)
        get()
        st = local.stat()
        assert (st.st_size, st.st_uid, st.st_gid, st.st_mode & 0o7777) == (size, 65534, 65533, mode & 0o777)
    assert os.listdir(tmp_path / "d") == ["x"]
