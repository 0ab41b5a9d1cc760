"""AsyncCoveCheckpointIO when a signal handler saves while a save or `wait` waits, as Lightning's handler for SLURM does; and copies of the plugin."""

import copy
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

import training  # noqa: E402
from counted import proxy, root  # noqa: E402, F401
from training import fit, load, names  # noqa: E402


@pytest.fixture(scope="module")
def pl():
    return training.package("lightning.pytorch")


@pytest.fixture
def io(pl):
    return pl.cove.AsyncCoveCheckpointIO()


class Interruption:
    """Runs `act` in a signal handler while the main thread waits for the save of `a`, which ends only then."""

    def __init__(self, proxy, act):
        self.begun, self.handled, self.refused = threading.Event(), threading.Event(), set()
        proxy.refuse = self.refuse
        self.act = act

    def refuse(self, request):
        name = request.path.rpartition("/")[2]
        if request.method == "PUT" and name == "a" and not self.handled.is_set():
            self.begun.wait(60)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            self.handled.wait(60)
        return request.method == "PUT" and name in self.refused

    def during(self, call, *args):
        self.begun.set()
        call(*args)

    def handle(self, *_):
        self.handled.set()
        self.act()

    def __enter__(self):
        self.before = signal.signal(signal.SIGUSR1, self.handle)
        return self

    def __exit__(self, *_):
        self.begun.set()
        self.handled.set()
        signal.signal(signal.SIGUSR1, self.before)


STATE = {"w": torch.ones(5000)}


@pytest.mark.parametrize("waits", [True, False], ids=["the handler waits", "the handler saves"])
@pytest.mark.parametrize("outer", ["wait", "save_checkpoint"])
def test_a_save_of_a_signal_handler(root, proxy, io, outer, waits):
    def act():
        io.save_checkpoint(STATE, f"{root}/handlers")
        if waits:
            io.wait()

    with Interruption(proxy, act) as interruption:
        io.save_checkpoint(STATE, f"{root}/a")
        if outer == "wait":
            interruption.during(io.wait)
            assert names(root) == ["a", "handlers"]
        else:
            interruption.during(io.save_checkpoint, STATE, f"{root}/c")
        io.teardown()
    assert names(root) == (["a", "handlers"] if outer == "wait" else ["a", "c", "handlers"])


def test_a_refused_save_of_a_signal_handler(root, proxy, io):
    """Its error is raised, once, and later saves are made."""
    with Interruption(proxy, lambda: io.save_checkpoint(STATE, f"{root}/handlers")) as interruption:
        interruption.refused.add("handlers")
        io.save_checkpoint(STATE, f"{root}/a")
        with pytest.raises(PermissionError, match="handlers"):
            interruption.during(io.wait)
        for name in "d", "e":
            io.save_checkpoint(STATE, f"{root}/{name}")
        io.teardown()
    assert names(root) == ["a", "d", "e"]


def test_an_error_while_a_signal_handler_saves(root, proxy, io):
    """The save that the outer call waits for fails: what the handler asked for is done, or its call raises."""
    with Interruption(proxy, lambda: io.save_checkpoint(STATE, f"{root}/handlers")) as interruption:
        interruption.refused.add("a")
        io.save_checkpoint(STATE, f"{root}/a")
        with pytest.raises(PermissionError, match="/a"):
            interruption.during(io.wait)
        io.save_checkpoint(STATE, f"{root}/d")
        io.teardown()
    assert names(root) == ["d"]


def test_lightnings_checkpoint_for_slurm_is_in_the_store(root, proxy, io):
    """The job is requeued as soon as the save returns."""
    io.save_checkpoint(STATE, f"{root}/hpc_ckpt_1.ckpt")
    assert io._jobs == [] and load(f"{root}/hpc_ckpt_1.ckpt")["w"].sum() == 5000
    io.teardown()


def test_a_signal_handler_that_interrupts_the_executor(root, proxy, io):
    """Its locks are not reentrant, so it is not called again."""

    class Interrupted(ThreadPoolExecutor):
        inside = False

        def submit(self, *args):
            assert not self.inside
            self.inside = True
            io.save_checkpoint(STATE, f"{root}/handlers")
            self.inside = False
            return super().submit(*args)

    io._executor = Interrupted(1)
    io.save_checkpoint(STATE, f"{root}/a")
    io.teardown()
    assert names(root) == ["a", "handlers"]


@pytest.mark.parametrize("name", ["hpc_ckpt_1.ckpt", "on_exception.ckpt"])
def test_the_last_save_is_made_after_a_failed_one(root, proxy, io, name):
    """The older error is raised when the checkpoint has been saved."""
    proxy.refuse = lambda request: request.method == "PUT" and request.path.endswith("/a")
    io.save_checkpoint(STATE, f"{root}/a")
    with pytest.raises(PermissionError, match="/a"):
        if name.startswith("hpc"):
            io.save_checkpoint(STATE, f"{root}/{name}")
        else:
            try:
                raise KeyError("the training failed")
            except KeyError:
                io.save_checkpoint(STATE, f"{root}/{name}")
    io.teardown()
    assert names(root) == [name]


@pytest.mark.parametrize("copied", [lambda io: pickle.loads(pickle.dumps(io)), copy.deepcopy], ids=["pickle", "deepcopy"])
@pytest.mark.parametrize("kind", ["CoveCheckpointIO", "AsyncCoveCheckpointIO"])
def test_a_plugin_can_be_copied_after_a_fit(pl, root, kind, copied):
    io = getattr(pl.cove, kind)(default_block_size="8MiB")
    fit(pl, root, max_epochs=1, plugins=[io], callbacks=[pl.cove.ModelCheckpoint(f"{root}/kept", save_last=True)])
    other = copied(io)
    other.save_checkpoint(STATE, f"{root}/other")
    other.teardown()
    assert "other" in names(root) and other.storage_options == io.storage_options


def test_a_failed_save_on_a_local_disk_ends_its_transaction(tmp_path, monkeypatch):
    """With fsspec before 2026, everything that this thread wrote there later would be lost."""
    from io import BytesIO

    from cove.checkpoints import _write_elsewhere
    from fsspec.implementations import local

    class Forgetful(local.AbstractFileSystem.transaction_type):  # as that fsspec has it
        def complete(self, commit=True):
            for file in self.files:
                file.commit() if commit else file.discard()
            self.fs._intrans = False

    def refuse(file):
        raise PermissionError("no")

    fs = local.LocalFileSystem()
    with monkeypatch.context() as patch:
        patch.setattr(local.LocalFileSystem, "transaction_type", Forgetful)
        patch.setattr(local.LocalFileOpener, "commit", refuse)
        with pytest.raises(PermissionError):
            _write_elsewhere(str(tmp_path / "a.ckpt"), BytesIO(b"1"))
    with fs.open(str(tmp_path / "b"), "wb") as f:
        f.write(b"2")
    assert (tmp_path / "b").read_bytes() == b"2"
