"""Lightning with cove URLs has the same results as with a local disk, for both of Lightning's packages; then cove's plugins."""

import array
import collections
import concurrent.futures
import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref

import fsspec
import pytest

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

import training  # noqa: E402
from counted import proxy, root  # noqa: E402, F401
from lightning.fabric.plugins import TorchCheckpointIO  # noqa: E402
from training import BATCHES, QUIET, content, copies, fit, load, names, same, state_of_callback, uploaded  # noqa: E402


@pytest.fixture(scope="module", params=training.NAMES)
def both(request):
    """Lightning under one name and the other."""
    pytest.importorskip(request.param)
    return training.package(request.param)


@pytest.fixture(scope="module")
def pl():
    return training.package("lightning.pytorch")


# ---- Lightning alone ----

PAGE = {
    "root": """
# `default_root_dir` is the default path used for logs and weights
trainer = Trainer(default_root_dir="s3://lightning/data/")
trainer.fit(model)
""",
    "logger": """
from pytorch_lightning.loggers import TensorBoardLogger

logger = TensorBoardLogger(save_dir="s3://lightning/logs/")

trainer = Trainer(logger=logger)
trainer.fit(model)
""",
    "resume": """
trainer = Trainer(default_root_dir=tmpdir, max_steps=3)
trainer.fit(model, ckpt_path="s3://lightning/ckpts/classifier.ckpt")
""",
}


def test_the_snippets_of_lightnings_page(proxy, tmp_path, monkeypatch):
    """The code of Lightning's page on remote filesystems, unchanged; the model stops after two epochs."""
    pl = training.package("pytorch_lightning")
    monkeypatch.chdir(tmp_path)

    class Model(pl.model):
        def on_train_epoch_end(self):
            self.trainer.should_stop = self.current_epoch == 1

    def run(name):
        space = {"Trainer": pl.Trainer, "model": Model(), "tmpdir": str(tmp_path / "local")}
        exec(PAGE[name], space)
        return space["trainer"]

    run("root")
    assert names("s3://lightning/data") == [
        f"lightning_logs/version_0/{name}" for name in (f"checkpoints/epoch=1-step={2 * BATCHES}.ckpt", "events.out.tfevents", "hparams.yaml")
    ]
    run("logger")
    assert "lightning_logs/version_0/events.out.tfevents" in names("s3://lightning/logs")

    short = fit(pl, tmp_path / "short", max_steps=2, enable_checkpointing=False)
    short.save_checkpoint("s3://lightning/ckpts/classifier.ckpt")
    resumed = run("resume")
    assert resumed.global_step == 3
    assert not (tmp_path / "s3:").exists()


def test_a_mistyped_bucket_ends_the_run_at_its_start(both, proxy):
    class Model(both.model):
        def on_train_start(self):
            raise AssertionError("it trains")

    with pytest.raises(FileNotFoundError, match="no such bucket: lightening.*; to make it: cove mkdir s3://lightening"):
        fit(both, "s3://lightening/run", Model(), logger=True)
    assert not fsspec.filesystem("s3").exists("lightening")


@pytest.mark.parametrize("name", ["CoveCheckpointIO", "AsyncCoveCheckpointIO"])
def test_a_wrong_option_is_reported_when_the_plugin_is_made(both, name):
    kind = getattr(both.cove, name)
    with pytest.raises(ValueError, match="default_block_size"):
        kind(default_blocksize="8MiB")
    with pytest.raises(ValueError, match="default_block_size"):
        kind(default_block_size="many")
    kind(skip_instance_cache=True)  # fsspec's own, as any instance takes it
    assert kind(default_block_size="8MiB", read_timeout="5s").storage_options == {"default_block_size": "8MiB", "read_timeout": "5s"}


def test_csv_logger_writes_the_same_files_as_locally(both, root, tmp_path):
    for place in root, tmp_path:
        fit(both, place, logger=both.loggers.CSVLogger(str(place), name="run", version=0, flush_logs_every_n_steps=2))
    assert content(f"{root}/run/version_0/metrics.csv") == content(tmp_path / "run/version_0/metrics.csv")
    assert content(f"{root}/run/version_0/hparams.yaml") == content(tmp_path / "run/version_0/hparams.yaml")


def test_csv_logger_rewrites_its_header(pl, root, tmp_path):
    """A metric that comes later: the file is read, and rewritten with one more column."""
    for place in root, tmp_path:
        logger = pl.loggers.CSVLogger(str(place), name="run", version=0)
        for step, metrics in enumerate([{"a": 0.5}, {"a": 0.25}, {"a": 1.0, "b": 2.0}, {"b": 3.0}]):
            logger.log_metrics(metrics, step)
            logger.save()
    assert content(f"{root}/run/version_0/metrics.csv") == content(tmp_path / "run/version_0/metrics.csv")


def test_loggers_count_versions(pl, root):
    for kind in pl.loggers.CSVLogger, pl.loggers.TensorBoardLogger:
        for version in range(3):
            logger = kind(root, name=kind.__name__)
            assert logger.version == version
            logger.log_metrics({"a": 1.0}, 1)
            logger.finalize("success")


CHECKPOINTS = {
    "default": dict(),
    "top 2 and last": dict(monitor="score", save_top_k=2, save_last=True),
    "all": dict(monitor="score", save_top_k=-1, mode="max"),
    "every 3 steps": dict(every_n_train_steps=3, save_top_k=-1, save_last=True),
    "last alone": dict(save_top_k=0, save_last=True, every_n_train_steps=2),
    "weights of the best": dict(monitor="score", save_weights_only=True, save_last=True),
    "names of metrics": dict(monitor="score", filename="{epoch:02d}-{score:.1f}", save_top_k=3, save_last=True),
}


@pytest.mark.parametrize("plugin", ["Lightning's", "cove's"])
@pytest.mark.parametrize("case", CHECKPOINTS)
def test_model_checkpoint_keeps_the_same_files_as_locally(pl, root, tmp_path, case, plugin):
    own = plugin == "cove's"
    kind = pl.cove.ModelCheckpoint if own else pl.callbacks.ModelCheckpoint
    for place in root, str(tmp_path):
        callback = kind(dirpath=f"{place}/kept", **CHECKPOINTS[case])
        fit(pl, place, max_epochs=4, callbacks=[callback], plugins=[pl.cove.CoveCheckpointIO()] if own else [])
    assert names(root) == names(tmp_path) != []
    for name in names(root):
        ours, theirs = load(f"{root}/{name}"), load(tmp_path / name)
        for key in theirs.keys() - {"callbacks"}:
            assert same(ours[key], theirs[key]), (name, key)
        if "callbacks" in theirs:
            ours, theirs = state_of_callback(ours), state_of_callback(theirs)
            assert os.path.basename(ours["best_model_path"]) == os.path.basename(theirs["best_model_path"])


def test_a_folder_with_brackets_prunes_its_own_checkpoints(both, root):
    for step in range(4):
        with fsspec.open(f"{root}/run1/epoch={step}.ckpt", "wb") as file:
            file.write(b"another run's")
    callback = both.callbacks.ModelCheckpoint(dirpath=f"{root}/run[1]", filename="{epoch}", monitor=None, save_top_k=1)
    fit(both, root, max_epochs=4, callbacks=[callback])
    assert names(root) == ["run1/epoch=0.ckpt", "run1/epoch=1.ckpt", "run1/epoch=2.ckpt", "run1/epoch=3.ckpt", "run[1]/epoch=3.ckpt"]


def test_the_folder_of_checkpoints_by_default(both, root, tmp_path):
    for place in root, tmp_path:
        fit(both, place, max_epochs=1)
        fit(both, place, max_epochs=1, logger=both.loggers.CSVLogger(str(place)))
    assert names(root) == names(tmp_path)


def test_a_run_resumed_from_a_url_equals_an_uninterrupted_one(both, root):
    whole = both.model()
    fit(both, root + "/whole", whole, max_epochs=4)
    fit(both, root + "/half", max_epochs=2).save_checkpoint(root + "/at-two.ckpt")
    resumed = both.model()
    trainer = fit(both, root + "/half", resumed, ckpt_path=root + "/at-two.ckpt", max_epochs=4)
    assert trainer.global_step == 4 * BATCHES
    assert same(dict(resumed.state_dict()), dict(whole.state_dict()))


def test_best_and_load_from_checkpoint(both, root):
    callback = both.callbacks.ModelCheckpoint(monitor="score", filename="{epoch}")
    model = both.model()
    trainer = fit(both, root, model, max_epochs=3, callbacks=[callback])
    assert callback.best_model_path == root + "/checkpoints/epoch=1.ckpt"
    trainer.validate(model, ckpt_path="best", verbose=False)
    best = both.model.load_from_checkpoint(callback.best_model_path, weights_only=True)
    assert same(dict(best.state_dict()), dict(load(callback.best_model_path)["state_dict"]))


def test_a_missing_checkpoint(pl, root):
    with pytest.raises(FileNotFoundError, match="none.ckpt"):
        fit(pl, root, ckpt_path=root + "/none.ckpt")
    with pytest.raises(FileNotFoundError, match="none.ckpt"):
        fit(pl, root, ckpt_path=root + "/none.ckpt", plugins=[pl.cove.CoveCheckpointIO()])


def test_lightnings_own_async_plugin(pl, root):
    model = pl.model()
    fit(pl, root, model, plugins=[pl.plugins.AsyncCheckpointIO()])
    assert same(dict(load(f"{root}/checkpoints/epoch=1-step={2 * BATCHES}.ckpt")["state_dict"]), dict(model.state_dict()))


@pytest.mark.parametrize("kind", ["SimpleProfiler", "AdvancedProfiler"])
def test_profilers_write_to_a_url(both, root, kind):
    fit(both, root, max_epochs=1, profiler=getattr(both.profilers, kind)(dirpath=root, filename="report"))
    (report,) = (name for name in names(root) if name.endswith(".txt"))
    text = content(f"{root}/{report}").decode()
    assert "Profiler Report" in text and "optimizer_step" in text


def test_tuner_leaves_nothing_behind(both, root):
    trainer, model = both.Trainer(default_root_dir=root, logger=False, max_epochs=5, **QUIET), both.model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = both.Tuner(trainer).lr_find(model, num_training=8)
    assert len(found.results["loss"]) == 8
    size = both.Tuner(trainer).scale_batch_size(model, max_trials=2, steps_per_trial=1, init_val=2)
    assert size == 4 and names(root) == []
    assert same(dict(model.state_dict()), before)


def test_on_exception_checkpoint(both, root):
    def interrupted(model, step):
        if step == 5:
            raise RuntimeError("the machine is needed")

    model = both.model()
    model.at_batch = interrupted
    with pytest.raises(RuntimeError, match="needed"):
        fit(both, root, model, callbacks=[both.callbacks.OnExceptionCheckpoint(root)])
    assert "on_exception.ckpt" in names(root) and load(root + "/on_exception.ckpt")["global_step"] == 5
    trainer = fit(both, root, callbacks=[both.callbacks.OnExceptionCheckpoint(root)], ckpt_path="last")
    assert trainer.global_step == 2 * BATCHES and names(root) == []


def test_distributed_checkpoint_by_fsspec(root):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint import fsspec_filesystem

    state = {"weights": torch.arange(100_000.0), "more": {"bias": torch.ones(3), "step": 7}}
    for n in range(2):  # the second time over what is there
        state["more"]["step"] = n
        dcp.save(state, storage_writer=fsspec_filesystem.FsspecWriter(root), no_dist=True)
    assert names(root) == [".metadata", "__0_0.distcp"]
    back = {"weights": torch.zeros(100_000), "more": {"bias": torch.zeros(3), "step": None}}
    dcp.load(back, storage_reader=fsspec_filesystem.FsspecReader(root), no_dist=True)
    assert same(back, state)


class Unpicklable:
    def __reduce__(self):
        raise ValueError("this cannot be pickled")


@pytest.mark.parametrize("plugin", ["Lightning's", "cove's"])
def test_a_save_that_fails_leaves_the_older_one_whole(pl, root, proxy, plugin):
    plugins = [pl.cove.CoveCheckpointIO(default_block_size="8MiB")] if plugin == "cove's" else []
    model = pl.model(ballast=5 << 20)  # 20 MiB: an upload in parts
    trainer = fit(pl, root, model, max_epochs=1, plugins=plugins, enable_checkpointing=False)
    path = root + "/a.ckpt"
    trainer.save_checkpoint(path)
    before = content(path)

    model.on_save_checkpoint = lambda checkpoint: checkpoint.update(extra=Unpicklable())
    with pytest.raises(ValueError, match="cannot be pickled"):
        trainer.save_checkpoint(path)
    assert content(path) == before

    model.on_save_checkpoint = lambda checkpoint: None
    proxy.clear()
    proxy.refuse = lambda request: request.query.get("partNumber") == "2"
    if plugins:
        with pytest.raises(PermissionError, match="a.ckpt"):
            trainer.save_checkpoint(path)
    else:
        trainer.save_checkpoint(path)  # Lightning's own passes over every PermissionError
    assert proxy.count("POST", uploads="") == 1  # it had begun
    assert content(path) == before and names(root) == ["a.ckpt"]


# ---- cove's plugins ----


@pytest.mark.parametrize("save_last", [True, "link"])
@pytest.mark.parametrize("kind", ["CoveCheckpointIO", "AsyncCoveCheckpointIO"])
def test_last_is_a_copy_of_an_equal_checkpoint(both, root, proxy, kind, save_last):
    callback = both.cove.ModelCheckpoint(monitor="score", save_top_k=2, save_last=save_last, filename="{epoch}")
    fit(both, root, max_epochs=4, callbacks=[callback], plugins=[getattr(both.cove, kind)()])
    folder = root + "/checkpoints"
    assert names(folder) == ["epoch=1.ckpt", "epoch=3.ckpt", "last.ckpt"]
    place = folder.removeprefix("s3:/")
    assert uploaded(proxy) == [f"{place}/epoch={n}.ckpt" for n in (0, 1, 3)]  # epoch 2 was none of the two best
    # In epoch 2 Lightning saves no last one either, except that it would set a link again: there is nothing to do.
    assert copies(proxy) == [f"{place}/last.ckpt"] * 3
    assert content(folder + "/last.ckpt") == content(folder + "/epoch=3.ckpt")
    assert state_of_callback(load(folder + "/last.ckpt"))["last_model_path"] == folder + "/last.ckpt"


def test_last_is_found_on_a_remote_root(both, root):
    def callback():
        return both.cove.ModelCheckpoint(dirpath=root + "/kept", save_last=True)

    fit(both, root, max_epochs=1, callbacks=[callback()])
    resumed = both.model()
    trainer = fit(both, root, resumed, max_epochs=3, callbacks=[callback()], ckpt_path="last")
    assert trainer.ckpt_path == root + "/kept/last.ckpt"
    whole = both.model()
    fit(both, root + "/whole", whole, max_epochs=3)
    assert same(dict(resumed.state_dict()), dict(whole.state_dict()))
    assert "last-v1.ckpt" not in names(root + "/kept")


def test_last_is_found_in_the_default_folder(pl, root):
    fit(pl, root, max_epochs=1, callbacks=[pl.cove.ModelCheckpoint(save_last=True)])
    trainer = fit(pl, root, max_epochs=2, callbacks=[pl.cove.ModelCheckpoint(save_last=True)], ckpt_path="last")
    assert trainer.ckpt_path == root + "/checkpoints/last.ckpt"


def test_last_without_a_checkpoint_starts_from_scratch(pl, root):
    trainer = fit(pl, root, max_epochs=1, callbacks=[pl.cove.ModelCheckpoint(save_last=True)], ckpt_path="last")
    assert trainer.ckpt_path is None and trainer.global_step == BATCHES


def test_the_checkpoint_resumed_from_is_kept(both, root, tmp_path):
    for place in root, str(tmp_path):
        fit(both, place, max_epochs=1, callbacks=[both.cove.ModelCheckpoint(dirpath=place + "/kept", filename="{epoch}")])
        fit(
            both,
            place,
            max_epochs=3,
            callbacks=[both.cove.ModelCheckpoint(dirpath=place.replace("s3:", "S3:") + "/kept", filename="{epoch}")],
            ckpt_path=place + "/kept/epoch=0.ckpt",
        )
        # Into another folder: what the first run left is not this one's to remove.
        fit(
            both,
            place,
            max_epochs=4,
            callbacks=[both.cove.ModelCheckpoint(dirpath=place + "/other", filename="{epoch}")],
            ckpt_path=place.replace("s3:", "S3:") + "/kept/epoch=2.ckpt",
        )
    assert names(root) == names(tmp_path) == ["kept/epoch=0.ckpt", "kept/epoch=2.ckpt", "other/epoch=3.ckpt"]


def test_a_run_with_lightnings_callback_resumes_with_coves(pl, root):
    fit(pl, root, max_epochs=2, callbacks=[pl.callbacks.ModelCheckpoint(monitor="score", save_last=True)])
    callback = pl.cove.ModelCheckpoint(monitor="score", save_last=True)
    fit(pl, root, max_epochs=3, callbacks=[callback], ckpt_path=root + "/checkpoints/last.ckpt")
    assert callback.best_model_score == 1.0 and "epoch=1" in callback.best_model_path


def test_local_paths_are_handled_by_lightning(both, tmp_path):
    callback = both.cove.ModelCheckpoint(monitor="score", save_last="link")
    fit(both, tmp_path, max_epochs=3, callbacks=[callback], plugins=[both.cove.CoveCheckpointIO()])
    assert (tmp_path / "checkpoints/last.ckpt").is_symlink()
    trainer = fit(
        both, tmp_path, max_epochs=4, callbacks=[both.cove.ModelCheckpoint(save_last=True)], plugins=[both.cove.AsyncCoveCheckpointIO()], ckpt_path="last"
    )
    assert trainer.ckpt_path.endswith("last.ckpt") and trainer.global_step == 4 * BATCHES


def test_requests_of_a_save(pl, root, proxy, monkeypatch):
    """One request up to 100 MiB if no part size is set; else a request for each part, one to begin and one to end."""
    model = pl.model(ballast=5 << 20)  # 20 MiB
    trainer = fit(pl, root, model, max_epochs=1, plugins=[pl.cove.CoveCheckpointIO()], enable_checkpointing=False)

    def requests(name, **options):
        proxy.clear()
        trainer.save_checkpoint(root + name, **options)
        return len(uploaded(proxy)), proxy.count()

    assert requests("/a.ckpt") == (1, 1)
    assert requests("/b.ckpt", storage_options={"default_block_size": "8MiB"}) == (3, 5)
    monkeypatch.setattr("cove.checkpoints.ONE_REQUEST", 20 << 20)
    assert requests("/c.ckpt") == (3, 5)
    assert content(root + "/a.ckpt") == content(root + "/b.ckpt") == content(root + "/c.ckpt")


class Frozen:
    """As many a hyperparameter: not to be taken to pieces."""

    def __init__(self, x):
        self.__dict__["x"] = x

    def __setattr__(self, name, value):
        raise AttributeError(name)

    def __eq__(self, other):
        return self.x == other.x


def odd_values():
    itself = [1]
    itself.append(itself)
    pair = collections.namedtuple("pair", "a b")
    globals()["pair"], pair.__module__, pair.__qualname__ = pair, __name__, "pair"
    state = torch.nn.Linear(2, 2).state_dict()
    return {
        "frozen": Frozen(torch.ones(2)), "range": range(3), "array": array.array("d", [1, 2]), "itself": itself, "bytes": bytes(3 << 20),
        "numbers": list(range(100_000)), "pair": pair(1, torch.zeros(3)), "numpy": numpy.arange(5), "state": state, "meta": torch.empty(3, device="meta"),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.zeros(3)]), "module": torch.nn.Linear(2, 2), "set": {1, 2}, "none": None,
        "class": numpy.float32, "scalar": numpy.zeros((), "V0"), "parameter": torch.nn.Parameter(torch.ones(2)),
        "default": collections.defaultdict(int, {"w": torch.ones(2)}),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["CoveCheckpointIO", "AsyncCoveCheckpointIO"])
def test_every_object_that_torch_saves_is_saved(pl, root, kind, tmp_path):
    values, io = odd_values(), getattr(pl.cove, kind)()
    io.save_checkpoint(values, root + "/a.ckpt")
    torch.save(values, tmp_path / "a.ckpt")
    got, expected = io.load_checkpoint(root + "/a.ckpt", weights_only=False), torch.load(tmp_path / "a.ckpt", weights_only=False)
    assert list(got) == list(expected)
    for name in got:
        if name == "itself":
            assert got[name][1] is got[name]
        elif name == "nested":
            assert same(list(got[name].unbind()), list(expected[name].unbind()))
        elif name == "module":
            assert same(dict(got[name].state_dict()), dict(expected[name].state_dict()))
        elif name == "meta":
            assert got[name].is_meta and got[name].shape == (3,)
        elif name == "frozen":
            assert same(got[name].x, expected[name].x)
        elif name in ("numpy", "scalar"):
            assert (got[name] == expected[name]).all()
        elif name == "parameter":
            assert type(got[name]) is torch.nn.Parameter and got[name].requires_grad and same(got[name].data, expected[name].data)
        else:
            assert same(got[name], expected[name]), name
    assert got["state"]._metadata == expected["state"]._metadata
    io.teardown()


def test_a_failed_save_frees_its_memory(pl, root, proxy, monkeypatch):
    """Who holds its error doesn't hold the file that was made in memory, too."""
    proxy.refuse = lambda request: request.method in ("PUT", "POST")
    io = pl.cove.AsyncCoveCheckpointIO()
    make, files = io._made, []

    def made(checkpoint, fingerprint):
        file = make(checkpoint, fingerprint)
        files.append(weakref.ref(file))
        return file

    monkeypatch.setattr(io, "_made", made)
    io.save_checkpoint({"a": torch.ones(1 << 20)}, root + "/a.ckpt")
    with pytest.raises(PermissionError) as caught:
        io.wait()
    gc.collect()
    assert caught.value is not None and [file() for file in files] == [None]
    io.teardown()


def test_an_earlier_error_is_not_taken_for_the_stores(pl, root):
    class Broken:
        def __reduce__(self):
            raise RuntimeError("object refuses")

    try:
        os.stat("/none")
    except FileNotFoundError:
        with pytest.raises(RuntimeError, match="object refuses"):
            pl.cove.CoveCheckpointIO().save_checkpoint({"x": Broken()}, root + "/a.ckpt")


def test_a_background_save_has_the_values_of_its_call(pl, root, proxy):
    values = {"list": [1, torch.zeros(2)], "numpy": numpy.zeros(3), "pickle": Frozen([1])}
    free = threading.Event()
    proxy.refuse = lambda request: request.method == "PUT" and not free.wait(60)
    io = pl.cove.AsyncCoveCheckpointIO()
    io.save_checkpoint(values, root + "/a.ckpt")
    values["list"][1] += 1
    values["list"].append(2)
    values["numpy"] += 1
    values["pickle"].x.append(2)
    free.set()
    got = io.load_checkpoint(root + "/a.ckpt", weights_only=False)
    assert same(got["list"], [1, torch.zeros(2)]) and not got["numpy"].any() and got["pickle"].x == [1]
    io.teardown()


@pytest.mark.parametrize("kind", ["CoveCheckpointIO", "AsyncCoveCheckpointIO"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_error_of_the_store_in_a_large_save_is_raised(pl, root, proxy, kind, method):
    proxy.refuse = lambda request: request.method == method
    io = getattr(pl.cove, kind)(default_block_size="5MiB")
    with pytest.raises(PermissionError, match="a.ckpt"):
        io.save_checkpoint({"a": torch.zeros(20 << 20)}, root + "/a.ckpt")  # 80 MiB
        io.teardown()
    assert names(root) == []


def test_names_of_checkpoints_are_no_patterns(pl, root):
    io = pl.cove.CoveCheckpointIO()
    for name in "1", "[1]", "*", "?":
        io.save_checkpoint({"name": name}, f"{root}/exp{name}/a{name}.ckpt")
    io.remove_checkpoint(f"{root}/exp[1]/a[1].ckpt")
    io.remove_checkpoint(f"{root}/exp*/a*.ckpt")
    io.remove_checkpoint(f"{root}/exp?/none[?].ckpt")
    assert names(root) == ["exp1/a1.ckpt", "exp?/a?.ckpt"]


@pytest.mark.parametrize("kind", ["CoveCheckpointIO", "AsyncCoveCheckpointIO"])
def test_a_name_is_in_use_while_its_save_is_under_way(pl, root, proxy, kind):
    held = threading.Semaphore(0)
    proxy.refuse = lambda request: request.method == "PUT" and not held.acquire(timeout=60)
    callback = pl.cove.ModelCheckpoint(monitor="step", mode="max", save_top_k=-1, filename="m")
    held.release(100) if kind == "CoveCheckpointIO" else threading.Timer(1, held.release, [100]).start()
    fit(pl, root, max_epochs=3, callbacks=[callback], plugins=[getattr(pl.cove, kind)()])
    assert names(root + "/checkpoints") == ["m-v1.ckpt", "m-v2.ckpt", "m.ckpt"]
    steps = [load(f"{root}/checkpoints/{name}.ckpt")["global_step"] for name in ("m", "m-v1", "m-v2")]
    assert steps == [BATCHES, 2 * BATCHES, 3 * BATCHES]


def test_saves_after_a_slow_one_are_sent_in_parts(pl, root, proxy, monkeypatch):
    monkeypatch.setattr("cove.checkpoints.SLOW_REQUEST_S", 0)
    io = pl.cove.CoveCheckpointIO()
    for name, requests in ("/a.ckpt", 1), ("/b.ckpt", 4), ("/c.ckpt", 4):
        proxy.clear()
        io.save_checkpoint({"a": torch.zeros(3 << 20), "step": name}, root + name)  # 12 MiB
        assert proxy.count() == requests


def test_requests_of_the_checkpoints_of_a_run(pl, root, proxy):
    """One request each to check that a name is free, for a checkpoint, for its copy and for a removal; and one to list the folder."""
    callback = pl.cove.ModelCheckpoint(monitor="step", mode="max", save_top_k=3, save_last=True, filename="{epoch}")
    fit(pl, root, max_epochs=5, callbacks=[callback], plugins=[pl.cove.CoveCheckpointIO()])
    methods = [r.method for r in list(proxy.requests)]
    assert {m: methods.count(m) for m in set(methods)} == {"PUT": 10, "HEAD": 7, "GET": 1, "DELETE": 2}
    assert names(root + "/checkpoints") == ["epoch=2.ckpt", "epoch=3.ckpt", "epoch=4.ckpt", "last.ckpt"]


def test_requests_of_a_load(pl, root, proxy):
    io = pl.cove.CoveCheckpointIO()
    state = {"a": torch.arange(3 << 20, dtype=torch.float32), "b": [torch.ones(n) for n in range(50)], "global_step": 3}
    io.save_checkpoint(state, root + "/a.ckpt")
    size = len(content(root + "/a.ckpt"))
    proxy.clear()
    assert same(io.load_checkpoint(root + "/a.ckpt", weights_only=True), state)
    assert proxy.count("HEAD") <= 1
    assert size <= proxy.asked <= 1.05 * size + 65536
    other = root + "/b.ckpt"
    io.save_checkpoint(state, other)
    proxy.clear()
    assert same(TorchCheckpointIO().load_checkpoint(other, weights_only=True), state)  # which looks first whether it is there
    assert proxy.count("HEAD") == 1
    proxy.clear()
    io.remove_checkpoint(root + "/a.ckpt")
    assert [r.method for r in proxy.requests] == ["DELETE"]
    io.remove_checkpoint(root + "/a.ckpt")  # is gone already: no error, as with Lightning's


def test_map_location(pl, root):
    io = pl.cove.CoveCheckpointIO()
    io.save_checkpoint({"a": torch.ones(3)}, root + "/a.ckpt")
    assert io.load_checkpoint(root + "/a.ckpt", map_location="meta")["a"].is_meta
    io.save_checkpoint({"a": pytest.approx(1)}, root + "/b.ckpt")
    with pytest.raises(pickle.UnpicklingError, match="Weights only"):
        io.load_checkpoint(root + "/b.ckpt", weights_only=True)
    assert io.load_checkpoint(root + "/b.ckpt", weights_only=False)["a"] == 1


# ---- beside the training ----


def refuse_uploads(request):
    return request.method in ("PUT", "POST")


def test_a_failed_save_ends_training_at_the_next_batch(both, root, proxy):
    seen = []

    def at_batch(model, step):
        seen.append(step)
        io = model.trainer.strategy.checkpoint_io
        if step == 2:
            io.wait()
            proxy.refuse = refuse_uploads
        if step == 4:
            concurrent.futures.wait(io._jobs)  # so that it has failed before this batch ends

    model = both.model()
    model.at_batch = at_batch
    callback = both.cove.ModelCheckpoint(every_n_train_steps=2, save_top_k=1, filename="{step}")
    with pytest.raises(PermissionError, match="step=4.ckpt"):
        fit(both, root, model, callbacks=[callback], plugins=[both.cove.AsyncCoveCheckpointIO()])
    proxy.refuse = lambda request: False
    assert seen[-1] <= 4
    assert names(root) == ["checkpoints/step=2.ckpt"]  # not removed for one that isn't there


def test_a_failed_save_is_raised_by_the_next_one_and_at_the_end(pl, root, proxy):
    io = pl.cove.AsyncCoveCheckpointIO()
    proxy.refuse = refuse_uploads
    io.save_checkpoint({"a": torch.ones(3)}, root + "/a.ckpt")
    with pytest.raises(PermissionError, match="a.ckpt"):
        io.save_checkpoint({"a": torch.ones(3)}, root + "/b.ckpt")  # waits for the one before
    io.save_checkpoint({"a": torch.ones(3)}, root + "/c.ckpt")
    with pytest.raises(PermissionError, match="c.ckpt"):
        io.load_checkpoint(root + "/c.ckpt")
    io.save_checkpoint({"a": torch.ones(3)}, root + "/d.ckpt")
    with pytest.raises(PermissionError, match="d.ckpt"):
        io.teardown()
    io.teardown()  # reported once
    proxy.refuse = lambda request: False
    io.save_checkpoint({"a": torch.ones(3)}, root + "/e.ckpt")
    io.teardown()
    assert names(root) == ["e.ckpt"]


def test_a_background_save_is_not_changed_by_training(pl, root):
    """Also what training has changed while the save was under way, and what shares memory is saved once."""
    io = pl.cove.AsyncCoveCheckpointIO()
    base = torch.zeros(1 << 20)
    state = {
        "all": base,
        "half": base[::2],
        "column": base.view(1024, 1024)[:, 3],
        "list": [1, {"deep": torch.ones(2, dtype=torch.bfloat16)}],
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "sparse": torch.eye(3).to_sparse(),
        "empty": torch.empty(0),
        "conjugated": torch.tensor([1 + 2j]).conj(),
        "negated": torch.tensor([1 + 2j]).conj().imag,
    }
    io.save_checkpoint(state, root + "/a.ckpt")
    base += 1
    state["list"].append("later")
    back = io.load_checkpoint(root + "/a.ckpt", weights_only=True)  # waits
    io.teardown()
    assert back["all"].sum() == back["half"].sum() == back["column"].sum() == 0 and len(back["list"]) == 2
    assert back["half"].untyped_storage()._cdata == back["all"].untyped_storage()._cdata
    assert back["half"].stride() == (2,) and back["column"].shape == (1024,)
    assert torch.equal(back["sparse"].to_dense(), torch.eye(3)) and torch.equal(back["parameter"], torch.ones(3))
    assert back["conjugated"].tolist() == [1 - 2j] and back["negated"].tolist() == [-2]
    assert fsspec.core.url_to_fs(root)[0].size(root + "/a.ckpt") < 1.1 * base.nbytes


def test_the_async_plugin_waits_before_it_loads(both, root):
    callback = both.cove.ModelCheckpoint(monitor="score", save_last=True)
    model = both.model()
    trainer = fit(both, root, model, max_epochs=3, callbacks=[callback], plugins=[both.cove.AsyncCoveCheckpointIO()])
    trainer.validate(model, ckpt_path="best", verbose=False)
    assert same(dict(model.state_dict()), dict(load(callback.best_model_path)["state_dict"]))


MEMORY = """
import sys
import torch
from cove.lightning import AsyncCoveCheckpointIO, CoveCheckpointIO

def resident(name):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name)) << 10

io = {"plain": CoveCheckpointIO, "async": AsyncCoveCheckpointIO}[sys.argv[1]]()
state = {"w": [torch.ones(8 << 20) for _ in range(8)]}  # 256 MiB
with open("/proc/self/clear_refs", "w") as f:
    f.write("5")
before = resident("VmRSS:")
for n in range(3):
    io.save_checkpoint(state, f"{sys.argv[2]}/{n}.ckpt")
io.teardown()
print(resident("VmHWM:") - before)
"""


@pytest.mark.parametrize("kind, copies", [("plain", 0), ("async", 1)])
def test_memory_is_bounded(root, minio, kind, copies):
    """A writer's buffers and what the library needs, but not the checkpoint; beside the training, one copy of it."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, kind, root],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **minio.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < (copies * 256 + 140) << 20
