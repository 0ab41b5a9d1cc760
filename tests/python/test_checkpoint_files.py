"""Paths that pathlib has changed, and files that are not checkpoints, passed to the plugins."""

import fsspec
import os
import pickle
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

import training  # noqa: E402
from counted import proxy, root  # noqa: E402, F401
from cove import CorruptData, InvalidArgument  # noqa: E402
from training import content, fit, load, names, same  # noqa: E402

KINDS = ["CoveCheckpointIO", "AsyncCoveCheckpointIO"]


@pytest.fixture(scope="module")
def pl():
    return training.package("lightning.pytorch")


@pytest.fixture(params=KINDS)
def io(request, pl):
    return getattr(pl.cove, request.param)()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- paths ----


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_a_url_as_a_path_is_refused(root, here, io, scheme):
    url = f"{scheme}://{root.removeprefix('s3://')}/a.ckpt"
    for place in Path(url), str(Path(url)):
        for call in (
            lambda: io.save_checkpoint({"a": 1}, place),
            lambda: io.load_checkpoint(place),
            lambda: io.remove_checkpoint(place),
            lambda: io.copy_checkpoint(url, place),
        ):
            with pytest.raises(InvalidArgument, match=f"one slash.*{url}"):
                call()
            io.teardown()
    with pytest.raises(InvalidArgument, match="one slash"):
        io.save_checkpoint({"a": 1}, Path(url).absolute())  # as Lightning's ModelCheckpoint makes it
    assert os.listdir(here) == names(root) == []


def test_local_names_that_resemble_urls(here, io):
    for name in "s3/a.ckpt", "xs3:/a.ckpt", "s3:x/a.ckpt", "memory:/a.ckpt":
        io.save_checkpoint({"a": name}, Path(name))
        assert io.load_checkpoint(Path(name)) == {"a": name}
    io.teardown()


@pytest.mark.parametrize("name", training.NAMES)
@pytest.mark.parametrize("given", ["dirpath", "default_root_dir", "save_dir"])
def test_a_run_at_a_path_is_refused(root, here, name, given):
    """Before the first step. A logger may leave its files, but no checkpoint."""
    pytest.importorskip(name)
    pl = training.package(name)
    place, steps = Path(f"{root}/run"), []
    model = pl.model()
    model.at_batch = lambda model, step: steps.append(step)
    callback = pl.cove.ModelCheckpoint(place if given == "dirpath" else None, save_last=True)
    logger = pl.loggers.CSVLogger(place) if given == "save_dir" else False
    with pytest.raises(InvalidArgument, match=f"pass the URL as a str, .*{root}/run"):
        fit(pl, place if given == "default_root_dir" else root, model, callbacks=[callback], logger=logger)
    assert steps == [] and names(root) == [] and not list(here.rglob("*.ckpt"))


def test_a_path_with_lightnings_callback(pl, root, here):
    """It reaches cove's plugin at the first save."""
    for options in dict(dirpath=Path(f"{root}/run")), dict():
        with pytest.raises(InvalidArgument, match=f"pass the URL as a str, .*{root}/"):
            fit(pl, Path(root), callbacks=[pl.callbacks.ModelCheckpoint(**options)], plugins=[pl.cove.CoveCheckpointIO()])
    trainer = fit(pl, root, max_epochs=1, enable_checkpointing=False, plugins=[pl.cove.CoveCheckpointIO()])
    with pytest.raises(InvalidArgument, match="one slash"):
        trainer.save_checkpoint(Path(f"{root}/a.ckpt"))
    with pytest.raises(InvalidArgument, match="one slash"):
        fit(pl, root, ckpt_path=Path(f"{root}/a.ckpt"), plugins=[pl.cove.CoveCheckpointIO()])
    assert not list(here.rglob("*.ckpt")) and names(root) == []


def test_a_path_in_upper_case_and_the_advice(here, io):
    with pytest.raises(InvalidArgument, match="'s3://bucket/a'"):
        io.save_checkpoint({"a": 1}, Path("S3://bucket/a"))
    with pytest.raises(InvalidArgument) as caught:
        io.save_checkpoint({"a": 1}, here / "s3:" / "a")
    url = f"file://{here}/s3:/a"
    assert repr(url) in str(caught.value)
    io.save_checkpoint({"a": 1}, url)
    io.teardown()
    assert names(here) == ["s3:/a"]


class Cached:
    """As cloudpathlib's paths: str is the URL, __fspath__ a local copy, which may have to be downloaded."""

    def __init__(self, url):
        self.url = url

    def __str__(self):
        return self.url

    def __fspath__(self):
        raise FileNotFoundError("not cached")


def test_a_path_object_of_another_package(root, io):
    place = Cached(f"{root}/a.ckpt")
    io.save_checkpoint({"a": 1}, place)
    assert io.load_checkpoint(place) == {"a": 1}
    io.remove_checkpoint(place)
    io.teardown()
    assert names(root) == []


@pytest.mark.parametrize("plugin", KINDS)
def test_a_path_in_an_emergency(pl, root, here, plugin):
    """There is no later save: the checkpoint is saved to the URL, and the error that ended the training is raised."""

    def fails(model, step):
        if step == 2:
            raise KeyError("the training failed")

    for place in Path(f"{root}/run"), here / Path(f"{root}/run"):
        model = pl.model()
        model.at_batch = fails
        with pytest.raises(KeyError, match="the training failed"):
            fit(pl, root, model, plugins=[getattr(pl.cove, plugin)()], callbacks=[pl.callbacks.OnExceptionCheckpoint(place)])
        assert load(f"{root}/run/on_exception.ckpt")["global_step"] == 2 and os.listdir(here) == []
        fsspec.filesystem("s3").rm(f"{root}/run", recursive=True)
    io = getattr(pl.cove, plugin)()
    io.save_checkpoint({"a": 1}, Path(f"{root}/hpc_ckpt_1.ckpt"))  # Lightning's signal handler
    io.teardown()
    assert load(f"{root}/hpc_ckpt_1.ckpt") == {"a": 1}


def test_filesystems_refuse_paths_of_urls(root, here):
    fs = fsspec.filesystem("s3")
    fs.pipe(f"{root}/a", b"1")
    lost = Path(f"{root}/a")
    for call in (
        fs.open,
        fs.ls,
        fs.info,
        fs.exists,
        fs.isdir,
        fs.find,
        fs.glob,
        fs.cat,
        fs.rm,
        fs.touch,
        fs.makedirs,
        fs.size,
        lambda p: fs.pipe(p, b"2"),
        lambda p: fs.open(p, "ab"),
        lambda p: fs.open(str(p), "wb"),
        lambda p: fs.copy(f"{root}/a", p),
        lambda p: fs.mv(p, f"{root}/b"),
        lambda p: fs.get(f"{root}/a", p),
        lambda p: fs.get_file(f"{root}/a", p),
        lambda p: fs.put(__file__, p),
        lambda p: fs.cat([p]),
        lambda p: fs.bulk_delete([p]),
    ):
        with pytest.raises(InvalidArgument, match="one slash"):
            call(lost)
    assert os.listdir(here) == [] and content(f"{root}/a") == b"1" and names(root) == ["a"]


def test_another_spelling_of_the_same_folder(pl, root, tmp_path):
    """A resumed run keeps its scores, as on a local disk; with another folder it does not."""
    for place in root, str(tmp_path):
        fit(pl, place, max_epochs=2, callbacks=[pl.cove.ModelCheckpoint(f"{place}/kept", monitor="score", save_last=True)])
        for folder, expected in (f"{place}/kept/", 2), (f"{place}/kept2", 0):
            callback = pl.cove.ModelCheckpoint(folder, monitor="score", save_top_k=2)
            fit(pl, place, max_epochs=2, callbacks=[callback], ckpt_path=f"{place}/kept/last.ckpt")
            assert (callback.best_model_score is not None) == (expected == 2)
    if root.startswith("s3://"):
        callback = pl.cove.ModelCheckpoint(root.replace("s3://", "s3a://") + "/kept", monitor="score")
        fit(pl, root, max_epochs=2, callbacks=[callback], ckpt_path=f"{root}/kept/last.ckpt")
        assert callback.best_model_score is not None


SPELLINGS = ["s3://{}/kept", "s3://{}/kept/", "s3a://{}/kept", "s3a://{}/kept//"]


@pytest.mark.parametrize("save_last", [True, "link"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_resuming_at_another_spelling(pl, root, tmp_path, spelling, save_last):
    """The files that are kept and removed, and the state, are as on a local disk."""

    def run(place, folder, ModelCheckpoint, plugins):
        callback = ModelCheckpoint(f"{place}/kept", filename="{epoch}", monitor="score", save_top_k=2, save_last=save_last)
        fit(pl, place, max_epochs=2, plugins=plugins(), callbacks=[callback])
        callback = ModelCheckpoint(folder, filename="{epoch}", monitor="score", save_top_k=2, save_last=save_last)
        fit(pl, place, max_epochs=5, plugins=plugins(), callbacks=[callback], ckpt_path=f"{place}/kept/last.ckpt")
        known = [callback.last_model_path, callback.best_model_path, callback.kth_best_model_path, *callback.best_k_models]
        assert all(path.startswith(str(callback.dirpath)) for path in known)
        return names(place), [path.rpartition("/")[2] for path in known]

    expected = run(str(tmp_path), f"{tmp_path}/./kept/", pl.callbacks.ModelCheckpoint, lambda: [])
    assert run(root, spelling.format(root.removeprefix("s3://")), pl.cove.ModelCheckpoint, lambda: [pl.cove.CoveCheckpointIO()]) == expected
    assert expected[0] == ["kept/epoch=1.ckpt", "kept/epoch=3.ckpt", "kept/last.ckpt"]


def test_a_save_in_progress_has_one_name(pl, root, proxy):
    """A name is taken at every spelling."""
    free, io = threading.Event(), pl.cove.AsyncCoveCheckpointIO()
    proxy.refuse = lambda request: request.method == "PUT" and not free.wait(60)
    io.save_checkpoint({"a": 1}, f"{root}/a.ckpt")
    others = [f"{root}/a.ckpt", f"s3a://{root.removeprefix('s3://')}/a.ckpt"]
    assert [io.is_saving(other) for other in others] == [True, True]
    free.set()
    io.teardown()
    assert not io.is_saving(others[0])


def test_resuming_in_another_folder(pl, root, here):
    """A URL is never below a local folder; a filesystem that isn't installed is not opened."""
    callback = pl.cove.ModelCheckpoint(f"{root}/kept", filename="{epoch}")
    trainer = fit(pl, root, max_epochs=1, callbacks=[callback])
    trainer.save_checkpoint(f"{root}/a.ckpt")
    fit(pl, here, max_epochs=2, callbacks=[pl.cove.ModelCheckpoint(".", filename="{epoch}")], ckpt_path=f"{root}/a.ckpt")
    assert names(root) == ["a.ckpt", "kept/epoch=0.ckpt"] and names(here) == ["epoch=1.ckpt"]
    callback.dirpath = "nothing-installed://bucket/kept"
    trainer.save_checkpoint(f"{root}/b.ckpt")
    resumed = pl.cove.ModelCheckpoint(f"{root}/kept", filename="{epoch}")
    assert fit(pl, root, max_epochs=2, callbacks=[resumed], ckpt_path=f"{root}/b.ckpt").global_step == 2 * training.BATCHES
    assert "kept/epoch=1.ckpt" in names(root)


# ---- files ----


def other_files(folder):
    checkpoint = folder / "a.ckpt"
    torch.save({"w": torch.ones(50_000)}, checkpoint)
    whole = checkpoint.read_bytes()
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "text")
    with zipfile.ZipFile(folder / "long.zip", "w") as archive:
        archive.writestr("n" * 60_000, "text")
    newer = bytearray((folder / "other.zip").read_bytes())
    central = newer.index(b"PK\x01\x02")
    newer[central + 6] = 99  # "version needed to extract" 9.9
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    return {
        b"": "an empty file",
        b"iteration,loss\n1,0.5\n": r"a text that begins with 'iteration,loss\\n1,0.5\\n'",
        b"Not found": "a text that begins with 'Not found'",
        "é".encode() * 400: "a text that begins with 'éé",
        b"  <!DOCTYPE html><html>503</html>": "an HTML page",
        b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>': "an XML document",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n": "a Git LFS pointer",
        (folder / "other.zip").read_bytes(): "without data.pkl; it has 'readme.txt'",
        (folder / "long.zip").read_bytes(): f"without data.pkl; it has '{'n' * 40}…'$",
        bytes(newer): "truncated or damaged zip",
        whole[: len(whole) // 2]: "truncated or damaged zip",
        whole[:3000]: "truncated or damaged zip",
        len(header).to_bytes(8, "little") + header + bytes(4): "a safetensors file",
        b"\x1f\x8b\x08" + bytes(20): "a gzip file",
        pickle.dumps({"w": 1}): "a pickle that torch.save did not write",
        b"\x00\x01\x02\x03\x04": "the bytes 00 01 02 03 04",
    }


@pytest.mark.parametrize("weights_only", [True, False, None])
def test_loading_a_file_that_is_not_a_checkpoint(root, tmp_path, io, weights_only):
    fs = fsspec.filesystem("s3")
    for data, what in other_files(tmp_path).items():
        fs.pipe(f"{root}/a.ckpt", data)
        with pytest.raises(CorruptData, match=f"load {root}/a.ckpt: not a checkpoint of torch.save but .*{what}") as caught:
            io.load_checkpoint(f"{root}/a.ckpt", weights_only=weights_only)
        assert isinstance(caught.value.__cause__, Exception)
    with pytest.raises(IsADirectoryError, match=root):
        io.load_checkpoint(root, weights_only=weights_only)
    with pytest.raises(FileNotFoundError, match=f"{root}/none.ckpt"):
        io.load_checkpoint(f"{root}/none.ckpt", weights_only=weights_only)


class Unknown:
    def __init__(self):
        self.x = 1


FORMATS = [{}, *({"pickle_protocol": n, "_use_new_zipfile_serialization": False} for n in range(6))]


@pytest.mark.parametrize("written", FORMATS, ids=lambda options: f"protocol {options['pickle_protocol']}" if options else "zip")
def test_torchs_error_for_unsafe_files_is_kept(root, tmp_path, io, written):
    io.save_checkpoint({"x": Unknown()}, f"{root}/a.ckpt")
    io.teardown()
    torch.save({"x": Unknown()}, tmp_path / "a.ckpt", **written)
    fsspec.filesystem("s3").put_file(str(tmp_path / "a.ckpt"), f"{root}/a.ckpt")
    with pytest.raises(pickle.UnpicklingError, match="Unknown|Unsupported operand"):
        io.load_checkpoint(f"{root}/a.ckpt", weights_only=True)
    assert io.load_checkpoint(f"{root}/a.ckpt", weights_only=False)["x"].x == 1


def test_the_old_format_is_read(root, tmp_path, io):
    state = {"w": torch.arange(5), "n": [1, "a"]}
    torch.save(state, tmp_path / "a.ckpt", _use_new_zipfile_serialization=False)
    fsspec.filesystem("s3").put_file(str(tmp_path / "a.ckpt"), f"{root}/a.ckpt")
    assert same(io.load_checkpoint(f"{root}/a.ckpt"), state) and same(load(f"{root}/a.ckpt"), state)


def test_a_refusal_of_the_store_is_not_reported_as_a_corrupt_file(root, io, proxy):
    io.save_checkpoint({"w": torch.ones(5_000_000)}, f"{root}/a.ckpt")
    io.teardown()
    proxy.clear()
    proxy.refuse = lambda request: request.method == "GET" and proxy.count("GET") > 1
    with pytest.raises(PermissionError, match="a.ckpt"):
        io.load_checkpoint(f"{root}/a.ckpt")


class Unprepared:
    """Raises its own error because of one that it has handled."""

    def __getstate__(self):
        try:
            open("/nonexistent/vocabulary")
        except FileNotFoundError:
            raise RuntimeError("call prepare() first")


class Untranslated:
    def __getstate__(self):
        return {"a": 1}

    def __setstate__(self, state):
        try:
            open("/nonexistent/vocabulary")
        except FileNotFoundError:
            raise ValueError("make the vocabulary first")


def test_the_users_own_error_is_raised(root, io):
    with pytest.raises(RuntimeError, match="call prepare"):
        io.save_checkpoint({"x": Unprepared()}, f"{root}/b.ckpt")
    io.save_checkpoint({"x": Untranslated()}, f"{root}/a.ckpt")
    with pytest.raises(ValueError, match="make the vocabulary first"):
        io.load_checkpoint(f"{root}/a.ckpt", weights_only=False)
    assert names(root) == ["a.ckpt"]


@pytest.mark.parametrize("plugin", KINDS)
def test_resuming_from_a_file_that_is_not_a_checkpoint(pl, root, plugin):
    fsspec.filesystem("s3").pipe(f"{root}/a.ckpt", b"epoch,loss\n")
    with pytest.raises(CorruptData, match=f"{root}/a.ckpt: not a checkpoint"):
        fit(pl, root, plugins=[getattr(pl.cove, plugin)()], ckpt_path=f"{root}/a.ckpt")


OTHER_OBJECTS = [
    ({"w": torch.ones(2)}, "a state_dict; load it with model.load_state_dict"),
    ({"model": {}, "epoch": 1}, "a dict without 'pytorch-lightning_version'; it has 'model', 'epoch'"),
    ({}, "a dict without 'pytorch-lightning_version'; it has no keys"),
    (torch.ones(2), "an object of the class torch.Tensor"),
    ([1, 2], "an object of the class list"),
]


@pytest.mark.parametrize("plugin", KINDS)
def test_resuming_from_a_file_that_is_not_lightnings(pl, root, plugin):
    for saved, what in OTHER_OBJECTS:
        with fsspec.open(f"{root}/a.ckpt", "wb") as file:
            torch.save(saved, file)
        with pytest.raises(CorruptData, match=f"load {root}/a.ckpt: not a checkpoint of Lightning but {what}"):
            fit(pl, root, plugins=[getattr(pl.cove, plugin)()], ckpt_path=f"{root}/a.ckpt")


def test_a_saved_module_is_refused_by_name(root, pl, tmp_path):
    with fsspec.open(f"{root}/a.ckpt", "wb") as file:
        torch.save(torch.nn.Linear(2, 2), file)
    trainer = pl.Trainer(default_root_dir=str(tmp_path), logger=False, plugins=[pl.cove.CoveCheckpointIO()], **training.QUIET)
    with pytest.raises(CorruptData, match=r"but a whole torch.nn.modules.linear.Linear; save its state_dict\(\)"):
        trainer.fit(pl.model(), ckpt_path=f"{root}/a.ckpt", weights_only=False)


def test_other_callers_may_load_any_object(root, io):
    lightning = pytest.importorskip("lightning")
    fabric = lightning.Fabric(accelerator="cpu", devices=1, plugins=[io])
    model = torch.nn.Linear(2, 2)
    fabric.save(f"{root}/a.ckpt", model.state_dict())
    io.teardown()
    assert same(dict(fabric.load(f"{root}/a.ckpt")), dict(model.state_dict()))
    assert same(dict(io.load_checkpoint(f"{root}/a.ckpt")), dict(model.state_dict()))


def test_libcove_names_the_same_kinds(tmp_path, build):
    from cove.file_kind import _BEGINNINGS

    for beginning, kind in _BEGINNINGS:
        (tmp_path / "x.ckpt").write_bytes(beginning + bytes(8))
        done = subprocess.run([build / "cli/cove", "ckpt", "show", tmp_path / "x.ckpt"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and f"but {kind} (" in done.stderr
