"""What cove guarantees on every version of Lightning that it supports (tests/versions), under each installed name of the package."""

import os
import pickle
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

import env as environment  # noqa: E402
import training  # noqa: E402
from counted import PLACES, proxy, root  # noqa: E402, F401
from training import BATCHES, content, copies, fit, load, names, same, state_of_callback, uploaded  # noqa: E402

KINDS = ["CoveCheckpointIO", "AsyncCoveCheckpointIO"]


@pytest.fixture(scope="module", params=training.NAMES)
def pl(request):
    pytest.importorskip(request.param, exc_type=ImportError)
    return training.package(request.param)


@pytest.fixture(params=KINDS)
def io(pl, request):
    io = getattr(pl.cove, request.param)()
    yield io
    io.teardown()


def test_the_page_of_lightning(pl, root, tmp_path):
    """A root, a logger and a checkpoint to resume from, each of them a URL, with Lightning's own classes."""
    fit(pl, root + "/data", logger=True, max_epochs=1)
    assert f"lightning_logs/version_0/checkpoints/epoch=0-step={BATCHES}.ckpt" in names(root + "/data")
    fit(pl, tmp_path, logger=pl.loggers.TensorBoardLogger(save_dir=root + "/logs"), max_epochs=1)
    assert "lightning_logs/version_0/events.out.tfevents" in names(root + "/logs")
    whole, resumed = pl.model(), pl.model()
    fit(pl, tmp_path / "whole", whole)
    checkpoint = f"{root}/data/lightning_logs/version_0/checkpoints/epoch=0-step={BATCHES}.ckpt"
    assert fit(pl, tmp_path / "resumed", resumed, ckpt_path=checkpoint).global_step == 2 * BATCHES
    assert same(dict(resumed.state_dict()), dict(whole.state_dict()))


@pytest.mark.parametrize("kind", KINDS)
def test_coves_plugins_resume(pl, root, tmp_path, kind):
    """From a URL, and from a local path, which goes to Lightning's own plugin."""
    whole = pl.model()
    fit(pl, tmp_path / "whole", whole)
    for place in root, str(tmp_path):
        io = getattr(pl.cove, kind)()
        fit(pl, place, max_epochs=1, plugins=[io], enable_checkpointing=False).save_checkpoint(place + "/at-one.ckpt")
        io.teardown()  # which waits for a save in the background
        resumed = pl.model()
        fit(pl, place, resumed, plugins=[getattr(pl.cove, kind)()], ckpt_path=place + "/at-one.ckpt")
        assert same(dict(resumed.state_dict()), dict(whole.state_dict())), place


class AnyObject:
    pass


def outcome(load, *args, **options):
    """The outcome: the class of the loaded object, or of the error."""
    try:
        return type(load(*args, **options)["extra"])
    except (pickle.UnpicklingError, TypeError) as error:
        return type(error)


def test_any_object_in_a_checkpoint_is_as_with_lightnings_plugin(pl, io, root, tmp_path):
    """Lightning 2.4 and 2.5 load it, the others leave it to torch; from 2.6 on the caller may choose."""
    url, path = root + "/a.ckpt", str(tmp_path / "a.ckpt")
    for place in url, path:
        io.save_checkpoint({"extra": AnyObject()}, place)
    theirs = pl.plugins.TorchCheckpointIO()
    assert outcome(io.load_checkpoint, url) == outcome(io.load_checkpoint, path) == outcome(theirs.load_checkpoint, path)
    assert outcome(io.load_checkpoint, url, weights_only=None) == outcome(theirs.load_checkpoint, path)
    assert outcome(io.load_checkpoint, url, weights_only=True) == pickle.UnpicklingError
    assert outcome(io.load_checkpoint, url, weights_only=False) == AnyObject
    for given in True, False:  # it is never ignored
        assert outcome(io.load_checkpoint, path, weights_only=given) == outcome(theirs.load_checkpoint, path, weights_only=given)


CHECKPOINTS = {
    "top 2 and last": dict(monitor="score", save_top_k=2, save_last=True),
    "all, by steps": dict(every_n_train_steps=3, save_top_k=-1, save_last=True),
    "names that meet": dict(monitor="score", save_top_k=3, filename="same"),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_model_checkpoint_keeps_the_same_files_as_lightnings_locally(pl, root, tmp_path, case):
    callback = pl.cove.ModelCheckpoint(dirpath=root + "/kept", **CHECKPOINTS[case])
    fit(pl, root, max_epochs=3, callbacks=[callback], plugins=[pl.cove.CoveCheckpointIO()])
    fit(pl, tmp_path, max_epochs=3, callbacks=[pl.callbacks.ModelCheckpoint(dirpath=str(tmp_path / "kept"), **CHECKPOINTS[case])])
    assert names(root) == names(tmp_path) != []
    for name in names(root):
        if (tmp_path / name).is_symlink():
            continue  # Lightning 2.1's last checkpoint is a link on a local disk, and saved again on a remote one
        assert same(dict(load(f"{root}/{name}")["state_dict"]), dict(load(tmp_path / name)["state_dict"])), name


@pytest.mark.parametrize("save_last", [True, "link"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_checkpoint_is_a_copy(pl, root, proxy, kind, save_last):
    callback = pl.cove.ModelCheckpoint(dirpath=root, monitor="score", save_top_k=1, save_last=save_last, filename="{epoch}")
    fit(pl, root, callbacks=[callback], plugins=[getattr(pl.cove, kind)()])
    place = root.removeprefix("s3:/")
    assert names(root) == ["epoch=1.ckpt", "last.ckpt"]
    assert uploaded(proxy) == [f"{place}/epoch=0.ckpt", f"{place}/epoch=1.ckpt"]
    assert copies(proxy) == [f"{place}/last.ckpt"] * 2
    assert content(root + "/last.ckpt") == content(root + "/epoch=1.ckpt")
    assert state_of_callback(load(root + "/last.ckpt"))["last_model_path"] == root + "/last.ckpt"


def test_the_last_checkpoint_is_found(pl, root):
    for epochs in 1, 3:
        resumed = pl.model()
        trainer = fit(pl, root, resumed, max_epochs=epochs, callbacks=[pl.cove.ModelCheckpoint(save_last=True)], ckpt_path="last")
        assert trainer.ckpt_path == (None if epochs == 1 else root + "/checkpoints/last.ckpt")
    whole = pl.model()
    fit(pl, root + "/whole", whole, max_epochs=3)
    assert same(dict(resumed.state_dict()), dict(whole.state_dict()))


def test_checkpoints_of_other_folders_are_kept(pl, root):
    """The one resumed from, and those of an earlier run in another folder. Lightning 2.0 removes these on a local disk, too."""

    def run(epochs, folder, **options):
        fit(pl, root, max_epochs=epochs, callbacks=[pl.cove.ModelCheckpoint(dirpath=f"{root}/{folder}", filename="{epoch}")], **options)

    run(1, "kept")
    run(3, "kept", ckpt_path=root + "/kept/epoch=0.ckpt")
    run(4, "other", ckpt_path=root + "/kept/epoch=2.ckpt")
    assert names(root) == ["kept/epoch=0.ckpt", "kept/epoch=2.ckpt", "other/epoch=3.ckpt"]


def test_pytorch_lightning_alone(tmp_path):
    """`cove.pytorch_lightning` works without the package `lightning`."""
    pytest.importorskip("pytorch_lightning")
    code = (
        "import sys; sys.modules['lightning'] = None; import cove.pytorch_lightning as p; print(p.CoveCheckpointIO().teardown(), p.ModelCheckpoint().save_last)"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": environment.python_path(*PLACES)},
    )
    assert (run.stdout.strip(), run.returncode) == ("None None", 0), run.stderr


def test_a_plugin_shows_itself_without_secrets(pl):
    for kind in pl.cove.CoveCheckpointIO, pl.cove.AsyncCoveCheckpointIO:
        assert repr(kind()) == f"{kind.__name__}()"
        shown = repr(kind(default_block_size="64MiB", key="hush", secret="hush"))
        assert shown == f"{kind.__name__}(default_block_size='64MiB', key=..., secret=...)"
    shown = repr(pl.cove.ModelCheckpoint(dirpath="memory://run", monitor="loss", save_top_k=2))
    assert shown == "ModelCheckpoint(dirpath='memory://run', filename=None, monitor='loss', mode='min', save_top_k=2, save_last=None)"
