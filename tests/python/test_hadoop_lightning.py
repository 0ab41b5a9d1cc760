"""Lightning on a Hadoop: what is there afterwards is what is there on a local disk. hdfs://lightning is a nameservice, so that the page's snippets run as they
are, but for the scheme."""

import pytest

pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("tensorboard")

import training  # noqa: E402
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402
from test_stores_lightning import PAGE  # noqa: E402
from training import BATCHES, content, fit, load, names, same  # noqa: E402


@pytest.fixture(scope="module")
def pl():
    return training.package("lightning.pytorch")


@pytest.fixture
def url(cluster, root):
    return cluster.unstrip_protocol(f"/{root}")


def test_the_snippets_of_lightnings_page(cluster, tmp_path, monkeypatch):
    place = {"hdfs": "hdfs://lightning"}.get(cluster.protocol[0]) or cluster.unstrip_protocol("/lightning")
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
    assert not (tmp_path / f"{cluster.protocol[0]}:").exists()


def scalars(place):
    accumulator = EventAccumulator(place, size_guidance={"scalars": 0})
    accumulator.Reload()
    return [(e.step, e.value) for e in accumulator.Scalars("loss")]


def test_a_log_is_readable_while_it_is_written(pl, url, cluster):
    """Each event that was flushed, by TensorBoard in this process, and at once by another client."""
    logger = pl.loggers.TensorBoardLogger(url, name="run", version=0)
    other = type(cluster)(cluster.host, cluster.port, append_interval=7)  # another instance, which knows nothing of the log
    for step in range(20):
        logger.log_metrics({"loss": step * 0.5}, step)
        if step % 5 == 4:
            logger.experiment.flush()
            assert scalars(f"{url}/run/version_0") == [(s, s * 0.5) for s in range(step + 1)]
            (log,) = [n for n in other.find(f"{url}/run/version_0") if "tfevents" in n]
            assert other.cat_file(log) == cluster.cat_file(log) and other.size(log) == len(other.cat_file(log))
    logger.finalize("success")
    assert len(scalars(f"{url}/run/version_0")) == 20


def test_csv_logger_writes_what_it_writes_locally(pl, url, tmp_path):
    for place in url, tmp_path:
        fit(pl, place, logger=pl.loggers.CSVLogger(str(place), name="run", version=0, flush_logs_every_n_steps=2))
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
def test_model_checkpoint_leaves_what_it_leaves_locally(pl, url, tmp_path, plugin):
    own = plugin == "cove's"
    kind = pl.cove.ModelCheckpoint if own else pl.callbacks.ModelCheckpoint
    for place in url, str(tmp_path):
        callbacks = [kind(dirpath=f"{place}/kept", monitor="score", save_top_k=2, save_last=True)]
        fit(pl, place, max_epochs=3, callbacks=callbacks, plugins=[pl.cove.CoveCheckpointIO()] if own else [])
    assert names(url) == names(tmp_path) != []
    for name in names(url):
        ours, theirs = load(f"{url}/{name}"), load(tmp_path / name)
        for key in theirs.keys() - {"callbacks"}:
            assert same(ours[key], theirs[key]), (name, key)


def test_resumed_from_a_url_is_as_never_stopped(pl, url):
    whole = pl.model()
    fit(pl, f"{url}/whole", whole, max_epochs=4)
    fit(pl, f"{url}/half", max_epochs=2).save_checkpoint(f"{url}/at-two.ckpt")
    resumed = pl.model()
    assert fit(pl, f"{url}/half", resumed, ckpt_path=f"{url}/at-two.ckpt", max_epochs=4).global_step == 4 * BATCHES
    assert same(dict(resumed.state_dict()), dict(whole.state_dict()))


def test_a_distributed_checkpoint(url):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint import fsspec_filesystem

    state = {"weights": torch.arange(1000.0), "step": torch.tensor(7)}
    dcp.save(state, storage_writer=fsspec_filesystem.FsspecWriter(f"{url}/dcp"), no_dist=True)
    back = {name: torch.zeros_like(value) for name, value in state.items()}
    dcp.load(back, storage_reader=fsspec_filesystem.FsspecReader(f"{url}/dcp"), no_dist=True)
    assert same(back, state)
