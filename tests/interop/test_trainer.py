"""What the C trainer writes, read by PyTorch, Lightning and TensorBoard, and what they write, resumed in C."""

import contextlib
import csv
import datetime
import math
import re
import signal
import subprocess
import time

import pytest

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning")

from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402

import schedules  # noqa: E402
from env import ROOT  # noqa: E402

# Small matrices on a machine that others use as well: one thread is faster than several that wait for each other.
torch.set_num_threads(1)

TRAIN = 1437
COPIES = 12  # of each image, as examples/digits/data.h has it
BATCHES = 270  # of an epoch
LR, GAMMA = 3e-3, 0.7


def load_digits():
    with open(ROOT / "examples/digits/data/digits.csv") as f:
        rows = torch.tensor([[int(x) for x in row] for row in csv.reader(f)])
    return rows[:, :64].float() / 16, rows[:, 64]


class Classifier(lightning.LightningModule):
    """The same model as examples/digits/model.c."""

    def __init__(self, hidden=256, lr=LR, batch_size=64):
        super().__init__()
        self.save_hyperparameters()
        sizes = [64, hidden, hidden, 10]
        self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)

    def training_step(self, batch, _):
        loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        y = self(batch[0])
        self.log("val_loss", torch.nn.functional.cross_entropy(y, batch[1]))
        self.log("val_acc", (y.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=GAMMA)]


@pytest.fixture
def digits(build):
    def run(*arguments, status=0):
        command = [build / "examples/digits/digits", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    return run


def printed(output, word):
    return re.search(rf"^{word}:? +(.*)$", output, re.MULTILINE).group(1)


def accuracy_of(model):
    x, y = load_digits()
    with torch.no_grad():
        return (model(x[TRAIN:]).argmax(1) == y[TRAIN:]).float().mean().item()


def same_tree(a, b):
    """Equal values, types and order; tensors to the bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same_tree(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same_tree, a, b))
    return type(a) is type(b) and a == b


def loaders(batch_size=64):
    """As many batches as the C program has; what the copies look like does not matter here."""
    x, y = load_digits()
    train = torch.utils.data.TensorDataset(x[:TRAIN].repeat(COPIES, 1), y[:TRAIN].repeat(COPIES))
    val = torch.utils.data.TensorDataset(x[TRAIN:], y[TRAIN:])
    return (torch.utils.data.DataLoader(train, batch_size=batch_size, shuffle=True), torch.utils.data.DataLoader(val, batch_size=batch_size))


def lightning_trainer(root, epochs):
    callbacks = [ModelCheckpoint(monitor="val_loss", save_last=True)]
    return lightning.Trainer(
        default_root_dir=root, max_epochs=epochs, accelerator="cpu", callbacks=callbacks, enable_progress_bar=False, enable_model_summary=False, logger=False
    )


def test_learns(digits, tmp_path):
    output = digits("--root", tmp_path)
    assert float(printed(output, "val_acc")) >= 0.95


def test_checkpoint_opens_in_torch(digits, tmp_path):
    output = digits("--root", tmp_path, "--max-epochs", 3, "--save", tmp_path / "final.ckpt")
    checkpoint = torch.load(tmp_path / "final.ckpt", weights_only=True)
    assert (checkpoint["epoch"], checkpoint["global_step"]) == (3, 3 * BATCHES)
    assert checkpoint["hyper_parameters"] == {"hidden": 256, "lr": LR, "batch_size": 64}
    model = Classifier()
    model.load_state_dict(checkpoint["state_dict"])
    # The printed value is rounded, and a mean over batches; every one of 360 images counts 0.0028.
    assert accuracy_of(model) == pytest.approx(float(printed(output, "val_acc")), abs=1e-3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1)
    optimizer.load_state_dict(checkpoint["optimizer_states"][0])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(LR * GAMMA**3)
    assert all(state["step"] == 3 * BATCHES for state in optimizer.state.values())


def test_state_has_torchs_layout(digits, tmp_path):
    """Key by key what Lightning itself saves for the same model, in the same order and of the same types."""
    digits("--root", tmp_path, "--max-epochs", 1, "--save", tmp_path / "c.ckpt")
    trainer = lightning_trainer(tmp_path / "l", 1)
    trainer.fit(Classifier(), *loaders())
    trainer.save_checkpoint(tmp_path / "l.ckpt")
    ours = torch.load(tmp_path / "c.ckpt", weights_only=True)
    theirs = torch.load(tmp_path / "l.ckpt", weights_only=True)
    assert set(theirs) <= set(ours) and set(ours) - set(theirs) == {"cove"}

    def shape(tree):
        if isinstance(tree, torch.Tensor):
            return (tree.dtype, tuple(tree.shape))
        if isinstance(tree, dict):
            return {key: shape(tree[key]) for key in tree}
        if isinstance(tree, (list, tuple)):
            return type(tree)(map(shape, tree))
        return type(tree)

    for key in ("state_dict", "optimizer_states", "lr_schedulers", "loops", "hyper_parameters"):
        assert shape(ours[key]) == shape(theirs[key]), key
    assert list(ours["optimizer_states"][0]["param_groups"][0]) == list(theirs["optimizer_states"][0]["param_groups"][0])
    assert ours["loops"] == theirs["loops"]
    (our_key, our_state), (their_key, their_state) = (next(iter(t["callbacks"].items())) for t in (ours, theirs))
    assert our_key == their_key
    added = {"last_global_step_saved", "save_deferred", "exception_model_path"}
    assert set(our_state) == set(their_state) | added


def test_lightning_loads_and_resumes_what_c_saved(digits, tmp_path):
    digits("--root", tmp_path, "--max-epochs", 2, "--save", tmp_path / "c.ckpt")
    model = Classifier.load_from_checkpoint(tmp_path / "c.ckpt", weights_only=True)
    assert accuracy_of(model) > 0.8
    resumed = Classifier()
    trainer = lightning_trainer(tmp_path / "l", 4)
    trainer.fit(resumed, *loaders(), ckpt_path=tmp_path / "c.ckpt", weights_only=True)
    assert (trainer.current_epoch, trainer.global_step) == (4, 4 * BATCHES)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(LR * GAMMA**4)


def test_lightning_resumes_a_cut_epoch_where_c_left_it(digits, tmp_path):
    digits("--root", tmp_path, "--stop-after", 300, status=130)
    last = next(tmp_path.glob("**/last.ckpt"))
    trainer = lightning_trainer(tmp_path / "l", 2)
    trainer.fit(Classifier(), *loaders(), ckpt_path=last, weights_only=True)
    assert (trainer.current_epoch, trainer.global_step) == (2, 2 * BATCHES)


@pytest.mark.parametrize("epochs", [1, 2])
def test_c_resumes_what_lightning_saved(digits, tmp_path, epochs):
    trainer = lightning_trainer(tmp_path / "l", epochs)
    trainer.fit(Classifier(), *loaders())
    last = next((tmp_path / "l").glob("**/last.ckpt"))
    output = digits("--root", tmp_path / "c", "--ckpt", last, "--max-epochs", 4, "--save", tmp_path / "c.ckpt")
    assert printed(output, "at") == f"epoch 4, step {4 * BATCHES}"
    checkpoint = torch.load(tmp_path / "c.ckpt", weights_only=True)
    assert checkpoint["optimizer_states"][0]["param_groups"][0]["lr"] == pytest.approx(LR * GAMMA**4)
    assert all(state["step"] == 4 * BATCHES for state in checkpoint["optimizer_states"][0]["state"].values())


def test_c_resumes_a_checkpoint_with_objects_of_user_classes(digits, tmp_path):
    """Hyperparameters and callback states may be any object; only values that a resume reads must not be opaque."""
    trainer = lightning_trainer(tmp_path / "l", 1)
    trainer.fit(Classifier(), *loaders())
    last = next((tmp_path / "l").glob("**/last.ckpt"))
    checkpoint = torch.load(last, weights_only=True)
    checkpoint["hyper_parameters"].update(date=datetime.date(2020, 1, 1), module=torch.nn.Linear(1, 1))
    checkpoint["callbacks"]["Own"] = {"state": torch.nn.ReLU()}
    torch.save(checkpoint, last)
    output = digits("--root", tmp_path / "c", "--ckpt", last, "--max-epochs", 2)
    assert printed(output, "at") == f"epoch 2, step {2 * BATCHES}"


def test_a_checkpoint_passes_through_lightning_and_c_unchanged(digits, tmp_path):
    """Resumed with nothing left to do, and saved again: the same weights and states to the bit."""
    trainer = lightning_trainer(tmp_path / "l", 1)
    trainer.fit(Classifier(), *loaders())
    last = next((tmp_path / "l").glob("**/last.ckpt"))
    digits("--root", tmp_path / "c", "--ckpt", last, "--max-epochs", 1, "--save", tmp_path / "c.ckpt")
    ours = torch.load(tmp_path / "c.ckpt", weights_only=True)
    theirs = torch.load(last, weights_only=True)
    for key in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert same_tree(dict(ours[key]) if key == "state_dict" else ours[key], dict(theirs[key]) if key == "state_dict" else theirs[key]), key


def test_c_resumes_what_plain_pytorch_saved(digits, tmp_path):
    """A checkpoint made by hand with torch.save: no loops, just weights, states and how far it got."""
    model = Classifier()
    optimizer, scheduler = (x[0] for x in model.configure_optimizers())
    x, y = load_digits()
    for _ in range(90):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[:TRAIN]), y[:TRAIN]).backward()
        optimizer.step()
    scheduler.step()
    torch.save(
        {
            "epoch": 0,
            "global_step": 90,
            "state_dict": model.state_dict(),
            "lr_schedulers": [scheduler.state_dict()],
            "optimizer_states": [optimizer.state_dict()],
        },
        tmp_path / "p.ckpt",
    )
    output = digits("--root", tmp_path, "--ckpt", tmp_path / "p.ckpt", "--max-epochs", 2)
    assert printed(output, "at") == f"epoch 2, step {90 + BATCHES}"


def test_one_step_after_a_resume_is_torchs_step(digits, tmp_path):
    """The optimizer's arithmetic in place: AdamW continued in C stays with AdamW continued in torch."""
    digits("--root", tmp_path, "--max-epochs", 1, "--save", tmp_path / "a.ckpt")
    digits("--root", tmp_path, "--max-steps", BATCHES + 1, "--max-epochs", 2, "--ckpt", tmp_path / "a.ckpt", "--save", tmp_path / "b.ckpt")
    a, b = (torch.load(tmp_path / name, weights_only=True) for name in ("a.ckpt", "b.ckpt"))
    model = Classifier()
    model.load_state_dict(a["state_dict"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1)
    optimizer.load_state_dict(a["optimizer_states"][0])
    # exp_avg went from m to m + (1 - beta1) (g - m): the gradient of the step follows from both states.
    before, after = (c["optimizer_states"][0]["state"] for c in (a, b))
    for i, parameter in enumerate(model.parameters()):
        m, m_next = before[i]["exp_avg"].double(), after[i]["exp_avg"].double()
        parameter.grad = (m + (m_next - m) / 0.1).float()
    optimizer.step()
    for (name, ours), theirs in zip(b["state_dict"].items(), model.parameters()):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-6, msg=name)


def test_another_model_is_refused_with_all_differences(digits, tmp_path):
    trainer = lightning_trainer(tmp_path / "l", 1)
    model = Classifier(hidden=16)
    model.extra = torch.nn.Linear(2, 2)
    trainer.fit(model, *loaders())
    last = next((tmp_path / "l").glob("**/last.ckpt"))
    output = digits("--root", tmp_path / "c", "--ckpt", last, status=1)
    for difference in (
        "layers.0.weight is float32 [16, 64] in the checkpoint, float32 [256, 64] in the module",
        "layers.2.weight is float32 [10, 16]",
        "unexpected extra.weight [2, 2]",
        "unexpected extra.bias [2]",
    ):
        assert difference in output


@pytest.mark.parametrize(("saved", "reason"), [
    (lambda model: model, "a pickled torch.nn.modules.linear.Linear, as torch.save(model) writes: save a dict"),
    (lambda model: {"state_dict": model, "optimizer_states": []},
     "a pickled torch.nn.modules.linear.Linear, as torch.save(model) writes: save a dict"),
    (lambda model: {"state_dict": 1, "optimizer_states": []}, "expected a state_dict, got int"),
])  # fmt: skip
def test_a_saved_module_is_refused_by_name(digits, tmp_path, saved, reason):
    torch.save(saved(torch.nn.Linear(2, 2)), tmp_path / "x.pt")
    assert reason in digits("--root", tmp_path, "--ckpt", tmp_path / "x.pt", status=1)


def test_warnings_are_shown(digits, tmp_path):
    output = digits("--root", tmp_path, "--ckpt", "last", "--max-steps", 1)
    assert "digits: warning: trainer: " in output and '"last"' in output


def test_another_optimizer_is_refused(digits, tmp_path):
    digits("--root", tmp_path, "--max-epochs", 1, "--save", tmp_path / "a.ckpt")
    output = digits("--root", tmp_path, "--ckpt", tmp_path / "a.ckpt", "--optimizer", "sgd", status=1)
    assert "Adam" in output and "SGD" in output


def test_tensorboard_reads_every_scalar(digits, tmp_path):
    output = digits("--root", tmp_path, "--max-epochs", 3)
    events = EventAccumulator(printed(output, "logs"), size_guidance={"scalars": 0})
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"train_loss", "val_loss", "val_acc", "epoch", "hp_metric"}
    # log_every_n_steps is 10 of 810 steps, and one value an epoch of what validation logs.
    assert [e.step for e in events.Scalars("train_loss")] == list(range(9, 3 * BATCHES, 10))
    assert [e.step for e in events.Scalars("val_loss")] == [269, 539, 809]
    assert [e.step for e in events.Scalars("val_acc")] == [269, 539, 809]
    assert events.Scalars("val_acc")[-1].value == pytest.approx(float(printed(output, "val_acc")), abs=1e-4)
    assert all(math.isfinite(e.value) for e in events.Scalars("train_loss"))
    assert set(events.PluginTagToContent("hparams")) == {"_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"}


def test_bits_agree_after_a_resume(digits, tmp_path):
    def final(name, *arguments):
        digits("--root", tmp_path / name, *arguments, "--save", tmp_path / f"{name}.ckpt")
        return torch.load(tmp_path / f"{name}.ckpt", weights_only=True)

    whole = final("whole", "--max-epochs", 10)
    digits("--root", tmp_path / "halves", "--max-epochs", 5)
    halves = final("halves", "--max-epochs", 10, "--ckpt", "last")
    digits("--root", tmp_path / "cut", "--max-epochs", 10, "--stop-after", 1234, status=130)
    cut = final("cut", "--max-epochs", 10, "--ckpt", "last")
    for other in (halves, cut):
        for key in ("state_dict", "optimizer_states", "lr_schedulers", "loops", "cove"):
            assert same_tree(whole[key], other[key]), key


def scalars_below(folder):
    """tag -> [(step, value)] of all event files there. A resumed run begins another file, and each has its hp_metric."""
    found = {}
    for path in folder.rglob("events.out.tfevents.*"):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
        for tag in events.Tags()["scalars"]:
            found.setdefault(tag, []).extend((event.step, event.value) for event in events.Scalars(tag))
    del found["hp_metric"]
    return {tag: sorted(values) for tag, values in found.items()}


@pytest.fixture(scope="module")
def disk_run(build, tmp_path_factory):
    """Three epochs on the local disk: logs below `disk`, and disk.ckpt."""
    folder = tmp_path_factory.mktemp("digits")
    command = [build / "examples/digits/digits", "--root", folder / "disk", "--max-epochs", "3", "--save", folder / "disk.ckpt"]
    subprocess.run(command, check=True, timeout=300)
    return folder


@pytest.mark.parametrize("server, scheme", [("minio", "s3"), ("fake_gcs", "gs"), ("azurite", "az"), ("hdfs_server", "hdfs"), ("hdfs_server", "webhdfs")])
def test_run_on_a_store_is_the_run_on_disk(request, digits, build, disk_run, server, scheme, monkeypatch, tmp_path):
    """Root, logs and checkpoints in a bucket, or on a Hadoop; cut in mid-epoch, found again by "last", and the same bits and scalars as a local run."""
    server = request.getfixturevalue(server)
    conf = server.nameservice(tmp_path) if scheme == "hdfs" else {}
    for name, value in {**server.environ, **conf}.items():
        monkeypatch.setenv(name, value)
    place = f"{server.url}/lightning" if scheme == "webhdfs" else f"{scheme}://lightning"
    logs = f"{place}/logs"
    where = ("--root", f"{place}/data/", "--logs", f"{logs}/", "--max-epochs", 3)
    cut = digits(*where, "--stop-after", 400, status=130)
    assert printed(cut, "logs") == f"{logs}/lightning_logs/version_0"
    assert printed(cut, "last") == f"{logs}/lightning_logs/version_0/checkpoints/last.ckpt"
    resumed = digits(*where, "--ckpt", "last", "--save", f"{place}/ckpts/classifier.ckpt")
    assert printed(resumed, "logs") == f"{logs}/lightning_logs/version_1"
    for url, path in ((logs, "logs"), (f"{place}/ckpts/classifier.ckpt", "store.ckpt")):
        subprocess.run([build / "cli/cove", "cp", "-r", url, tmp_path / path], check=True, timeout=60)
    disk, store = (torch.load(path, weights_only=True) for path in (disk_run / "disk.ckpt", tmp_path / "store.ckpt"))
    for key in ("state_dict", "optimizer_states", "lr_schedulers", "loops", "cove"):
        assert same_tree(disk[key], store[key]), key
    assert scalars_below(tmp_path / "logs") == scalars_below(disk_run / "disk")


@pytest.mark.parametrize("bucket,empty", [("missing-bucket", False), ("lightning", True)])
def test_dirpath_in_a_missing_bucket_is_an_error_before_training(build, minio, monkeypatch, bucket, empty):
    """A prefix that does not exist yet is no error."""
    for name, value in minio.environ.items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(schedules.Trainer(build)) as trainer:
        lines = trainer.run({"root": f"s3://{bucket}/not-yet", "max_epochs": 1})
    assert ("result ok" in lines) == empty
    assert any("dirpath s3://missing-bucket/not-yet/ck0: " in line and "no such bucket" in line for line in lines) == (not empty)
    assert any("on_train_start" in line for line in lines) == empty


def test_first_interrupt_ends_in_order(build, tmp_path):
    """SIGINT while it trains: the status of an interrupted program, a checkpoint, and a resume from it."""
    command = [build / "examples/digits/digits", "--root", str(tmp_path), "--max-epochs", "100000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("**/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in err
    step = int(printed(out, "at").split()[-1])
    checkpoint = torch.load(next(tmp_path.glob("**/last.ckpt")), weights_only=True)
    assert checkpoint["global_step"] == step


def test_no_progress_bar_in_a_pipe(digits, tmp_path):
    output = digits("--root", tmp_path, "--max-epochs", 2)
    assert "\r" not in output and "Epoch" not in output
