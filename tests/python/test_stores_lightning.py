"""Lightning on gs:// and az://: what is there afterwards is what is there on a local disk."""

import os

import pytest

pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("tensorboard")

import training  # noqa: E402
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402
from training import BATCHES, content, fit, load, names, same  # noqa: E402


@pytest.fixture(scope="module", params=training.NAMES)
def both(request):
    """Lightning under one name and the other."""
    pytest.importorskip(request.param)
    return training.package(request.param)


@pytest.fixture(scope="module")
def pl():
    return training.package("lightning.pytorch")


@pytest.fixture
def url(cloud, root):
    return f"{cloud.scheme}://{root}"


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


def test_the_snippets_of_lightnings_page(cloud, tmp_path, monkeypatch):
    """Lightning's page on remote filesystems with the store's scheme for s3://; the model stops after two epochs."""
    place = f"{cloud.scheme}://lightning"
    pl = training.package("pytorch_lightning")
    monkeypatch.chdir(tmp_path)

    class Model(pl.model):
        def on_train_epoch_end(self):
            self.trainer.should_stop = self.current_epoch == 1

    def run(name):
        space = {"Trainer": pl.Trainer, "model": Model(), "tmpdir": str(tmp_path / "local")}
        exec(PAGE[name].replace("s3://lightning", place), space)
        return space["trainer"]

    run("root")
    assert names(f"{place}/data") == [
        f"lightning_logs/version_0/{name}" for name in (f"checkpoints/epoch=1-step={2 * BATCHES}.ckpt", "events.out.tfevents", "hparams.yaml")
    ]
    run("logger")
    assert "lightning_logs/version_0/events.out.tfevents" in names(f"{place}/logs")
    fit(pl, tmp_path / "short", max_steps=2, enable_checkpointing=False).save_checkpoint(f"{place}/ckpts/classifier.ckpt")
    assert run("resume").global_step == 3
    assert not (tmp_path / f"{cloud.scheme}:").exists()


def test_every_scalar_is_in_the_event_file(both, url, tmp_path):
    """TensorBoard opens the file with "ab" for each event. gcsfs, which has no append, leaves only the last of them; adlfs raises InvalidBlobType."""
    found = {}
    for place in url, str(tmp_path):
        logger = both.loggers.TensorBoardLogger(place, name="run", version=0)
        for step in range(200):
            logger.log_metrics({"loss": step * 0.5, "accuracy": 1.0}, step)
        logger.finalize("success")
        accumulator = EventAccumulator(f"{place}/run/version_0", size_guidance={"scalars": 0})
        accumulator.Reload()
        found[place] = {
            tag: [(e.step, e.value) for e in accumulator.Scalars(tag)] for tag in ("loss", "accuracy", "hp_metric") if tag in accumulator.Tags()["scalars"]
        }
    assert found[url] == found[str(tmp_path)]
    assert found[url]["loss"] == [(step, step * 0.5) for step in range(200)]


def test_csv_logger_writes_what_it_writes_locally(both, url, tmp_path):
    for place in url, tmp_path:
        fit(both, place, logger=both.loggers.CSVLogger(str(place), name="run", version=0, flush_logs_every_n_steps=2))
    for name in ("metrics.csv", "hparams.yaml"):
        assert content(f"{url}/run/version_0/{name}") == content(tmp_path / "run/version_0" / name)


def test_loggers_count_versions(pl, url):
    for kind in pl.loggers.CSVLogger, pl.loggers.TensorBoardLogger:
        for version in range(2):
            logger = kind(url, name=kind.__name__)
            assert logger.version == version
            logger.log_metrics({"a": 1.0}, 1)
            logger.finalize("success")


@pytest.mark.parametrize("plugin", ["Lightning's", "cove's"])
@pytest.mark.parametrize("options", [dict(monitor="score", save_top_k=2, save_last=True), dict(every_n_train_steps=3, save_top_k=-1)], ids=["top 2", "all"])
def test_model_checkpoint_leaves_what_it_leaves_locally(pl, url, tmp_path, plugin, options):
    own = plugin == "cove's"
    kind = pl.cove.ModelCheckpoint if own else pl.callbacks.ModelCheckpoint
    for place in url, str(tmp_path):
        fit(pl, place, max_epochs=3, callbacks=[kind(dirpath=f"{place}/kept", **options)], plugins=[pl.cove.CoveCheckpointIO()] if own else [])
    assert names(url) == names(tmp_path) != []
    for name in names(url):
        ours, theirs = load(f"{url}/{name}"), load(tmp_path / name)
        for key in theirs.keys() - {"callbacks"}:
            assert same(ours[key], theirs[key]), (name, key)


def test_resumed_from_a_url_is_as_never_stopped(both, url):
    whole = both.model()
    fit(both, f"{url}/whole", whole, max_epochs=4)
    fit(both, f"{url}/half", max_epochs=2).save_checkpoint(f"{url}/at-two.ckpt")
    resumed = both.model()
    assert fit(both, f"{url}/half", resumed, ckpt_path=f"{url}/at-two.ckpt", max_epochs=4).global_step == 4 * BATCHES
    assert same(dict(resumed.state_dict()), dict(whole.state_dict()))


def test_a_distributed_checkpoint(url):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint import fsspec_filesystem

    state = {"weights": torch.arange(1000.0), "step": torch.tensor(7)}
    dcp.save(state, storage_writer=fsspec_filesystem.FsspecWriter(f"{url}/dcp"), no_dist=True)
    back = {name: torch.zeros_like(value) for name, value in state.items()}
    dcp.load(back, storage_reader=fsspec_filesystem.FsspecReader(f"{url}/dcp"), no_dist=True)
    assert same(back, state)


def test_a_mistyped_bucket_ends_the_run_at_its_start(pl, cloud):
    with pytest.raises(FileNotFoundError, match="no such (bucket|container): lightening.*; to make it: cove mkdir (gs|az|abfs)://lightening"):
        fit(pl, f"{cloud.scheme}://lightening/run", logger=True)
    assert not cloud.fs.exists("lightening") and not os.path.exists(f"{cloud.scheme}:")
