"""AzureBlobFileSystem on an account with a hierarchical namespace, whose directories are the store's own: on the project's mock."""

import subprocess
import sys

import pytest

import env as environment

sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))

import azure
import azure_dfs
from mocked import requests
from server import MockServer

LEFT = ".cove-upload-" + "0123456789abcdef" * 2


@pytest.fixture
def mock(monkeypatch):
    with MockServer(buckets=["b"], kind=azure_dfs.Store) as server:
        for name, value in {
            "AZURE_STORAGE_ACCOUNT_NAME": azure.ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": azure.KEY, "AZURE_STORAGE_ENDPOINT": server.endpoint,
            "AZURE_STORAGE_DFS_ENDPOINT": f"{server.endpoint}/dfs/{azure.ACCOUNT}",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield server
        assert server.troubles == []


@pytest.fixture
def fs(mock):
    import cove
    from cove import AzureBlobFileSystem

    cove.register()
    AzureBlobFileSystem.clear_instance_cache()
    yield AzureBlobFileSystem()
    AzureBlobFileSystem.clear_instance_cache()


def test_directories(fs):
    """They stay when they are empty, for every client."""
    fs.makedirs("b/d/e")
    assert fs.isdir("b/d") and fs.isdir("b/d/e") and not fs.isfile("b/d") and fs.info("b/d")["type"] == "directory"
    fs.touch("b/d/f")
    fs.pipe("b/d/e/g", b"data")
    assert fs.ls("b/d", detail=False) == ["b/d/e", "b/d/f"] and fs.find("b") == ["b/d/e/g", "b/d/f"]
    assert fs.find("b", withdirs=True) == ["b", "b/d", "b/d/e", "b/d/e/g", "b/d/f"]
    assert [*fs.walk("b")] == [("b", ["d"], []), ("b/d", ["e"], ["f"]), ("b/d/e", [], ["g"])]
    with pytest.raises(OSError, match="the directory is not empty"):
        fs.rmdir("b/d/e")
    fs.rm("b/d/e/g")
    assert fs.isdir("b/d/e")
    fs.rmdir("b/d/e")
    assert not fs.exists("b/d/e")


def test_what_a_killed_process_left(mock, fs):
    mock.store.put(f"b/d/{LEFT}", b"x")
    assert fs.ls("b/d") == [] and fs.find("b") == []
    with pytest.raises(OSError, match="cove uploads --remove"):
        fs.rmdir("b/d")
    fs.rm("b/d", recursive=True)
    assert not mock.store.objects and not mock.store.folders


def test_new_and_appended_files(mock, fs):
    with fs.open("b/f", "xb") as file:
        file.write(b"1")
    with pytest.raises(FileExistsError), fs.open("b/f", "xb"):
        pass
    with fs.open("b/f", "ab") as file:
        file.write(b"2")
    assert fs.cat("b/f") == b"12" and sum(len(r.body) for r in mock.requests) == 2


def test_a_directory_is_moved_by_one_rename(mock, fs):
    for place, want in ("b/x", "b/x"), ("b/new/", "b/new/d"), ("b/there", "b/there/d"):
        fs.pipe({"b/d/f": b"data", "b/d/e/g": b"more"})
        fs.makedirs("b/d/empty")
        fs.makedirs("b/there", exist_ok=True)
        asked = requests(mock, fs.mv, "b/d", place, recursive=True)
        assert not {"PathRead", "PathAppend", "PathDelete"} & {*asked} and "PathRename" in asked
        assert fs.isdir(f"{want}/empty") and fs.cat(want, recursive=True) == {f"{want}/f": b"data", f"{want}/e/g": b"more"}
        assert not fs.exists("b/d")


def test_a_directory_that_meets_another_is_merged(mock, fs):
    fs.pipe({"b/d/f": b"new", "b/d/e/g": b"new", "b/there/d/f": b"old", "b/there/d/h": b"old"})
    fs.mv("b/d", "b/there", recursive=True)
    assert fs.cat("b/there", recursive=True) == {"b/there/d/f": b"new", "b/there/d/e/g": b"new", "b/there/d/h": b"old"}
    assert not fs.exists("b/d")
    with pytest.raises(ValueError, match="into itself"):
        fs.mv("b/there", "b/there/below", recursive=True)


def test_a_tree_is_removed_by_one_request(mock, fs):
    fs.pipe({f"b/d/{i}/f": b"x" for i in range(5)})
    assert requests(mock, fs.rm, "b/d", recursive=True).count("PathDelete") == 1
    assert not mock.store.objects and not mock.store.folders


def test_the_command(mock, build):
    def cove(*arguments):
        return subprocess.run([build / "cli" / "cove", *arguments], capture_output=True, text=True)

    assert cove("mkdir", "az://b/d/e").stderr == ""
    mock.store.put("b/d/e/f", b"data")
    mock.store.put(f"b/d/{LEFT}", b"x")
    del mock.requests[:]
    assert cove("mv", "az://b/d", "az://b/x").returncode == 0
    assert mock.count("PathRename") == 1 and mock.count("PathRead") == 0
    assert f"b/x/{LEFT}" in cove("uploads", "--older-than", "0", "az://b").stdout
    del mock.requests[:]
    assert cove("rm", "-r", "az://b/x").returncode == 0
    assert mock.count("PathDelete") == 1 and not mock.store.objects and not mock.store.folders


def test_lightning(fs, tmp_path):
    """A run with both loggers and checkpoints, and its resume."""
    pytest.importorskip("lightning")
    pytest.importorskip("tensorboard")
    import training
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pl = training.package("lightning.pytorch")
    place = "az://b/run"

    def run(epochs, **options):
        loggers = [pl.loggers.TensorBoardLogger(place, name="tb", version=0), pl.loggers.CSVLogger(place, name="csv", version=0)]
        kept = pl.callbacks.ModelCheckpoint(dirpath=f"{place}/kept", save_last=True, save_top_k=1)
        return training.fit(pl, place, max_epochs=epochs, logger=loggers, callbacks=[kept], **options)

    run(1)
    assert fs.isdir("b/run/kept") and fs.isfile("b/run/kept/last.ckpt") and fs.isfile("b/run/csv/version_0/metrics.csv")
    assert run(2, ckpt_path=f"{place}/kept/last.ckpt").global_step == 2 * training.BATCHES
    accumulator = EventAccumulator(f"{place}/tb/version_0")
    accumulator.Reload()
    assert accumulator.Tags()["scalars"]
    assert not [path for path in fs.find("b") if LEFT[:13] in path]
