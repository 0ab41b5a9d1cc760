"""The last checkpoint has the same content as with Lightning's own plugin, and a copy is a copy of what was saved."""

import contextlib
import io
import os
import sys
import threading

import fsspec
import pytest

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")
pytest.importorskip("lightning")

import training  # noqa: E402
from counted import proxy, root  # noqa: E402, F401
from cove._cove import block_sums  # noqa: E402
from cove.fingerprint import Fingerprint, Recorded, _Comparison, _Different  # noqa: E402
from training import content, copies, fit, load, names, same, state_of_callback, uploaded  # noqa: E402

KINDS = ["CoveCheckpointIO", "AsyncCoveCheckpointIO"]


@pytest.fixture(scope="module")
def pl():
    return training.package("lightning.pytorch")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def without(value, place):
    """A checkpoint without the path of its run."""
    if isinstance(value, str):
        return value.replace(place, "")
    if isinstance(value, dict):
        return {without(key, place): without(item, place) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(without(item, place) for item in value)
    return value


def assert_as_lightning(pl, root, tmp_path, io, own, run):
    """`run(place, ModelCheckpoint, plugins)` leaves the same values below a URL by cove's plugin as below a folder by Lightning's."""
    run(str(tmp_path), pl.callbacks.ModelCheckpoint, [])
    run(root, (pl.cove if own else pl.callbacks).ModelCheckpoint, [io])
    lasts = [name for name in names(root) if name.endswith("last.ckpt")]
    assert lasts and names(root) == names(tmp_path)
    for name in lasts:
        assert same(without(load(f"{root}/{name}"), root), without(load(tmp_path / name), str(tmp_path))), name


CALLBACKS = {
    "deferred to the validation": dict(monitor="score", every_n_train_steps=2, save_on_train_epoch_end=False),
    "the best two": dict(monitor="score", save_top_k=2),
    "weights alone": dict(monitor="score", save_weights_only=True),
    "without a metric": dict(every_n_train_steps=3, save_top_k=-1),
    "after the validation": dict(monitor="score", save_on_train_epoch_end=False),
}


@pytest.mark.parametrize("own", [True, False], ids=["cove's callback", "Lightning's callback"])
@pytest.mark.parametrize("case", CALLBACKS)
def test_two_callbacks(pl, root, tmp_path, kind, own, case):
    """The other one saves at the same steps, before this one; EarlyStopping's count changes in between."""

    def run(place, ModelCheckpoint, plugins):
        stopping = pl.callbacks.EarlyStopping("score", patience=10, check_on_train_epoch_end=False)
        steps = ModelCheckpoint(dirpath=f"{place}/steps", every_n_train_steps=2, save_top_k=-1, save_last=True)
        fit(pl, place, max_epochs=4, plugins=plugins, callbacks=[stopping, steps, ModelCheckpoint(dirpath=f"{place}/best", save_last=True, **CALLBACKS[case])])

    assert_as_lightning(pl, root, tmp_path, getattr(pl.cove, kind)(), own, run)


def counted(model, checkpoint):
    model.saves = getattr(model, "saves", 0) + 1
    checkpoint["saves"] = model.saves


def shifted(model, checkpoint):
    with torch.no_grad():
        model.ballast += 1


def shifted_by_data(model, checkpoint):
    model.ballast.data.add_(1)


def shifted_by_numpy(model, checkpoint):
    model.ballast.numpy()[:] += 1


def averaged(model, checkpoint):
    model.saves = getattr(model, "saves", 0) + 1
    checkpoint["state_dict"] = {name: value * model.saves for name, value in checkpoint["state_dict"].items()}


@pytest.mark.parametrize("hook", [counted, shifted, shifted_by_data, shifted_by_numpy, averaged])
def test_a_hook_that_changes_each_save(pl, root, tmp_path, kind, hook, proxy):
    def run(place, ModelCheckpoint, plugins):
        model = pl.model(ballast=1000)
        model.on_save_checkpoint = lambda checkpoint: hook(model, checkpoint)
        fit(pl, place, model, max_epochs=3, plugins=plugins, callbacks=[ModelCheckpoint(monitor="score", save_last=True)])

    assert_as_lightning(pl, root, tmp_path, getattr(pl.cove, kind)(), True, run)
    assert copies(proxy) == []


class Between:
    """Acts between the two saves, when Lightning calls the logger."""

    def __init__(self, pl, act):
        class Logger(pl.loggers.CSVLogger):
            def after_save_checkpoint(self, callback):
                act(callback)

        self.kind = Logger


def replaced(other, path):
    other.pipe(path, b"another writer's")


def removed(other, path):
    other.rm(path)


@pytest.mark.parametrize("save_last", [True, "link"])
@pytest.mark.parametrize("act", [replaced, removed])
def test_a_source_that_another_writer_has_changed(pl, root, tmp_path, kind, save_last, act, proxy):
    """Between the two saves; with AsyncCoveCheckpointIO the first one has ended."""
    io, seen = getattr(pl.cove, kind)(), []

    def between(callback):
        if kind == "AsyncCoveCheckpointIO":
            io.wait()
        if not seen:  # the last one's save calls it, too
            seen.append(callback.best_model_path)
            act(fsspec.filesystem("s3", retries=7), seen[0])

    logger = Between(pl, between).kind(str(tmp_path), name="log", version=0)
    callback = pl.cove.ModelCheckpoint(dirpath=f"{root}/kept", filename="best", save_last=save_last)
    model = pl.model()
    fit(pl, root, model, max_epochs=1, plugins=[io], callbacks=[callback], logger=logger)
    last = load(f"{root}/kept/last.ckpt")
    assert same(dict(last["state_dict"]), dict(model.state_dict())) and last["global_step"] == training.BATCHES
    assert state_of_callback(last)["last_model_path"] == f"{root}/kept/last.ckpt"
    assert names(f"{root}/kept") == (["best.ckpt", "last.ckpt"] if act is replaced else ["last.ckpt"])
    assert copies(proxy) != []  # it was tried


def test_a_failed_save_cancels_the_last_checkpoint(pl, root, proxy):
    """In the background: jobs queued after a failed save are skipped, and the older last checkpoint stays."""
    callback = pl.cove.ModelCheckpoint(dirpath=f"{root}/kept", filename="{epoch}", save_last=True, save_top_k=-1)
    io, model = pl.cove.AsyncCoveCheckpointIO(), pl.model()

    def at_batch(model, step):
        if step == training.BATCHES:
            io.wait()
            proxy.refuse = lambda request: request.method == "PUT" and "epoch=1" in request.path

    model.at_batch = at_batch
    with pytest.raises(PermissionError, match="epoch=1.ckpt"):
        fit(pl, root, model, max_epochs=3, plugins=[io], callbacks=[callback])
    proxy.refuse = lambda request: False
    assert names(f"{root}/kept") == ["epoch=0.ckpt", "last.ckpt"]
    assert content(f"{root}/kept/last.ckpt") == content(f"{root}/kept/epoch=0.ckpt")


def test_a_plugin_works_after_a_failed_run(pl, root, proxy, kind):
    """Nothing of the first run is used for the second."""
    io = getattr(pl.cove, kind)()
    model = pl.model()
    model.on_save_checkpoint = lambda checkpoint: 1 / 0
    with pytest.raises(ZeroDivisionError):
        fit(pl, root, model, max_epochs=1, plugins=[io], callbacks=[pl.cove.ModelCheckpoint(f"{root}/a", save_last=True)])
    assert names(root) == [] and not io._in_one_call and io._copy_source is None
    for folder in "b", "c":
        model = pl.model(lr=0.5 if folder == "c" else 0.1)
        fit(pl, root, model, max_epochs=1, plugins=[io], callbacks=[pl.cove.ModelCheckpoint(f"{root}/{folder}", filename="x", save_last=True)])
        assert names(f"{root}/{folder}") == ["last.ckpt", "x.ckpt"]
        assert same(dict(load(f"{root}/{folder}/last.ckpt")["state_dict"]), dict(model.state_dict()))
    assert len(copies(proxy)) == 2 and len(uploaded(proxy)) == 2


def test_other_plugins_save_twice(pl, root, proxy):
    """Cove's callback with Lightning's plugins, and Lightning's callback with cove's."""
    of_lightning, of_cove = pl.callbacks.ModelCheckpoint, pl.cove.ModelCheckpoint
    for n, (plugin, kind) in enumerate(
        [
            (pl.plugins.TorchCheckpointIO(), of_cove),
            (pl.plugins.AsyncCheckpointIO(pl.cove.CoveCheckpointIO()), of_cove),
            (pl.cove.CoveCheckpointIO(), of_lightning),
            (pl.cove.AsyncCoveCheckpointIO(), of_lightning),
        ]
    ):
        proxy.clear()
        model = pl.model()
        fit(pl, root, model, max_epochs=2, plugins=[plugin], callbacks=[kind(f"{root}/{n}", filename="{epoch}", save_top_k=-1, save_last=True)])
        assert copies(proxy) == [] and len(uploaded(proxy)) == 4
        assert same(dict(load(f"{root}/{n}/last.ckpt")["state_dict"]), dict(model.state_dict()))


def test_only_what_is_saved_in_one_call_is_copied(pl, root, proxy, kind):
    io, other, state = getattr(pl.cove, kind)(), getattr(pl.cove, kind)(), {"w": torch.ones(5000), "global_step": 1}

    def save(name, checkpoint=state, **options):
        io.save_checkpoint(checkpoint, f"{root}/{name}", **options)

    save("a")
    with io.one_call():
        save("b")
        save("c")  # the first copy
        save("other options", storage_options={"default_block_size": "8MiB"})
        save("d")
        save("other weights", {**state, "w": torch.ones(5000)})
        other.save_checkpoint(state, f"{root}/other plugin")
        save("weights alone", {"w": state["w"]})
    with io.one_call():
        save("e")
    save("f")
    io.teardown(), other.teardown()
    assert [path.rpartition("/")[2] for path in copies(proxy)] == ["c"]
    assert len(uploaded(proxy)) == 9 and same(load(f"{root}/c"), state)


def test_a_copy_waits_for_its_source(pl, root, proxy):
    """In the background the source may still be in progress. The content is that of the time of the call."""
    free, io = threading.Event(), pl.cove.AsyncCoveCheckpointIO()
    proxy.refuse = lambda request: request.method == "PUT" and not free.wait(60)
    state = {"w": torch.zeros(5000)}
    with io.one_call():
        io.save_checkpoint(state, f"{root}/a")
        io.save_checkpoint(state, f"{root}/b")
        state["w"] += 1
    free.set()
    io.teardown()
    assert load(f"{root}/a")["w"].sum() == load(f"{root}/b")["w"].sum() == 0 and len(copies(proxy)) == 1


def test_a_link_to_an_unknown_checkpoint_is_saved(pl, root, kind):
    io = getattr(pl.cove, kind)()
    assert io.copy_checkpoint(f"{root}/a", f"{root}/b") is False
    io.save_checkpoint({"n": 1}, f"{root}/a")
    assert io.copy_checkpoint(f"{root}/a", f"{root}/b") is True
    io.save_checkpoint({"n": 2}, f"{root}/c")
    assert io.copy_checkpoint(f"{root}/a", f"{root}/d") is False
    io.teardown()
    assert load(f"{root}/b") == {"n": 1} and io.copy_checkpoint(f"{root}/c", f"{root}/d") is False
    assert names(root) == ["a", "b", "c"]


RANKS = """
import sys
import training
pl = training.package("lightning.pytorch")
root, kind, save_last = sys.argv[1:]
class Model(pl.model):
    def on_save_checkpoint(self, checkpoint):
        checkpoint["ranks"] = self.trainer.world_size
callback = pl.cove.ModelCheckpoint(dirpath=root + "/kept", monitor="score", filename="{epoch}", save_top_k=1, save_last=save_last == "link" and "link" or True)
trainer = pl.Trainer(strategy="ddp_fork", devices=2, max_epochs=3, logger=False, callbacks=[callback], plugins=[getattr(pl.cove, kind)()],
                     default_root_dir=root, **training.QUIET)
trainer.fit(Model())
"""


@pytest.mark.parametrize("save_last", ["True", "link"])
def test_several_ranks(root, minio, proxy, kind, save_last):
    """Only rank 0 knows whether it was copied; all ranks save if it was not."""
    import subprocess
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RANKS, root, kind, save_last],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **proxy.environ(minio), "PYTHONPATH": os.pathsep.join([here, *sys.path])},
    )
    assert done.returncode == 0, done.stderr
    assert names(f"{root}/kept") == ["epoch=1.ckpt", "last.ckpt"]
    assert content(f"{root}/kept/last.ckpt") == content(f"{root}/kept/epoch=1.ckpt") and load(f"{root}/kept/last.ckpt")["ranks"] == 2
    assert len(copies(proxy)) == 2


# ---- fingerprints ----


def sums_of(key, data):
    words = [numpy.frombuffer(part, "<u8").tolist() for part in (key, data + bytes(-len(data) % 1024))]
    sums = b""
    for at in range(0, len(words[1]), 128):
        a, b = ([(w + k) % 2**64 for w, k in zip(words[1][at + n : at + 128 : 2], words[0][n::2])] for n in (0, 1))
        sums += (sum(x * y for x, y in zip(a, b)) % 2**128).to_bytes(16, "little")
    return sums


@pytest.mark.skipif(sys.byteorder != "little", reason="the sums are in the machine's byte order")
def test_block_sums():
    key = os.urandom(1024)
    for data in b"", b"a", bytes(1024), os.urandom(1024), os.urandom(5000), b"\xff" * 100_000:
        assert block_sums(key, data) == sums_of(key, data)
    with pytest.raises(ValueError):
        block_sums(key[1:], b"")


def fingerprint(bag):
    taken = Fingerprint()
    torch.save(bag, Recorded(io.BytesIO(), taken))
    return taken


def test_equal_fingerprints():
    weights, small = torch.ones(10_000), torch.ones(3)
    with torch.inference_mode():
        score = torch.tensor(0.5)
    bag = {"weights": weights, "view": weights[10:20], "small": small, "score": score, "list": [1, "a", None, 2.5]}
    first = fingerprint(bag)
    assert first.is_of(bag) and first.is_of(dict(bag))
    assert first.is_of({**bag, "small": small.clone(), "score": score.clone()})


def grown(bag):
    bag["weights"].add_(1)


def grown_by_a_view(bag):
    bag["weights"].view(100, 100)[3].zero_()


def grown_by_data(bag):
    bag["weights"].data.add_(1)


def grown_by_numpy(bag):
    bag["weights"].numpy()[-1] += 1


def grown_by_the_array_behind(bag):
    bag["array"][5] = 7


def grown_by_the_storage(bag):
    bag["weights"].untyped_storage()[39_999] = 1


def grown_uncounted(bag):
    with torch.autograd._unsafe_preserve_version_counter((bag["weights"],)):
        bag["weights"].mul_(2)


def grown_in_a_module(bag):
    bag["module"].weight.data.neg_()


def grown_in_a_sparse_tensor(bag):
    bag["sparse"]._values().add_(1)


def grown_small(bag):
    bag["small"].data += 1


def grown_at_the_end(bag):
    bag["large"].data[-1] += 1


def cast(bag):
    bag["weights"] = bag["weights"].view(torch.int32)


def transposed(bag):
    bag["weights"] = bag["weights"].view(100, 100).t()


def list_grown(bag):
    bag["list"].append(1)


def resized(bag):
    bag["weights"].untyped_storage().resize_(80_000)


@pytest.mark.parametrize(
    "change",
    [
        grown,
        grown_by_a_view,
        grown_by_data,
        grown_by_numpy,
        grown_by_the_array_behind,
        grown_by_the_storage,
        grown_uncounted,
        grown_in_a_module,
        grown_in_a_sparse_tensor,
        grown_small,
        grown_at_the_end,
        cast,
        transposed,
        list_grown,
        resized,
    ],
)
def test_different_fingerprints(change):
    array = numpy.ones(10_000, dtype="float32")
    bag = {
        "list": [1],
        "weights": torch.ones(10_000),
        "small": torch.ones(3),
        "array": array,
        "of array": torch.from_numpy(array),
        "module": torch.nn.Linear(50, 50),
        "sparse": torch.ones(10_000).to_sparse(),
        "large": torch.ones(3_000_000),
    }
    before = fingerprint(bag)
    assert before.is_of(bag)
    change(bag)
    assert not before.is_of(bag)


def test_a_longer_or_shorter_file_differs():
    """Also where one's digests are the beginning of the other's."""
    first, second = Fingerprint(), Fingerprint()
    for taken, n in (first, 3), (second, 2):
        for _ in range(n):
            Recorded(io.BytesIO(), taken).write(bytes(1 << 20))
    for one, other in (first, second), (second, first):
        comparison = _Comparison(one)
        with contextlib.suppress(_Different):
            for _ in range(3 if other is first else 2):
                comparison.write(bytes(1 << 20))
            assert not comparison.is_equal()


def test_a_comparison_ends_at_the_first_difference():
    """Most differences are not in tensors, and torch.save writes these last."""
    bag = {"n": "a" * (1 << 20), "weights": torch.ones(5_000_000)}
    before, written = fingerprint(bag), []
    comparison = _Comparison(before)
    write = comparison.write
    comparison.write = lambda data: written.append(len(data)) or write(data)
    with pytest.raises(Exception):
        torch.save({**bag, "n": "b" * (1 << 20)}, comparison)
    assert sum(written) < 3 << 20


def test_an_object_that_cannot_be_saved_differs():
    before = fingerprint({"x": 1})
    for value in lambda: 1, threading.Lock():
        assert not before.is_of({"x": value})


@pytest.mark.parametrize("save_last", [None, True, "link"])
def test_checkpoints_are_compared_only_for_a_copy(pl, root, kind, save_last, monkeypatch):
    made = []
    monkeypatch.setattr("cove.checkpoints.Fingerprint", lambda: made.append(1) or Fingerprint())
    fit(pl, root, max_epochs=2, plugins=[getattr(pl.cove, kind)()], callbacks=[pl.cove.ModelCheckpoint(f"{root}/kept", filename="best", save_last=save_last)])
    assert len(made) == (2 if save_last is True else 0)
