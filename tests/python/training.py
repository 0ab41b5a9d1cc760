"""A model and data that train quickly with reproducible results, for both packages of Lightning."""

import importlib
import re
import warnings
from types import SimpleNamespace

import fsspec
import torch

warnings.filterwarnings("ignore", module=".*(lightning|tensorboard).*")
torch.set_num_threads(1)

BATCHES = 4  # of an epoch
NAMES = ("lightning.pytorch", "pytorch_lightning")
OURS = {"lightning.pytorch": "cove.lightning", "pytorch_lightning": "cove.pytorch_lightning"}


def package(name):
    """The parts of one of Lightning's two packages, and cove's for it."""
    pl = importlib.import_module(name)
    return SimpleNamespace(
        name=name,
        Trainer=pl.Trainer,
        loggers=importlib.import_module(name + ".loggers"),
        callbacks=importlib.import_module(name + ".callbacks"),
        plugins=importlib.import_module(name + ".plugins.io"),
        profilers=importlib.import_module(name + ".profilers"),
        Tuner=getattr(importlib.import_module(name + ".tuner"), "Tuner", None),
        cove=importlib.import_module(OURS[name]),
        model=model_of(pl),
    )


def model_of(pl):
    class Model(pl.LightningModule):
        def __init__(self, lr=0.1, batch_size=4, ballast=0):
            super().__init__()
            self.save_hyperparameters()
            torch.manual_seed(1)
            self.layer = torch.nn.Linear(3, 1)
            if ballast:  # what makes a checkpoint large
                self.register_buffer("ballast", torch.arange(ballast, dtype=torch.float32))
            self.at_batch = lambda model, step: None

        def training_step(self, batch, index):
            self.at_batch(self, self.global_step)
            loss = (self.layer(batch[0]) ** 2).mean()
            self.log("loss", loss)
            return loss

        def validation_step(self, batch, index):
            # Better, worse, better …: so that the best is not the last.
            self.log("score", torch.tensor([3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0][self.current_epoch % 7]))

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)

        def data(self, shuffle=False):
            inputs = torch.linspace(-1, 1, BATCHES * 4 * 3).reshape(-1, 3)
            return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs), batch_size=self.hparams.batch_size)

        train_dataloader = val_dataloader = data

    return Model


QUIET = dict(accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, log_every_n_steps=1)


def same(a, b):
    """Equal values and types; tensors to the bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def fit(pl, root, model=None, ckpt_path=None, **options):
    """Runs a short training below `root` and returns the trainer."""
    options = {"max_epochs": 2, "logger": False, **QUIET, **options}
    trainer = pl.Trainer(default_root_dir=str(root), **options)
    trainer.fit(model or pl.model(), ckpt_path=ckpt_path)
    return trainer


def names(root):
    """The files below a URL or a folder, without the parts of names that differ from run to run."""
    fs, path = fsspec.core.url_to_fs(str(root))
    return sorted(re.sub(r"tfevents\..*", "tfevents", name[len(path) :].strip("/")) for name in fs.find(path))


def load(path):
    with fsspec.open(str(path), "rb") as file:
        return torch.load(file, weights_only=False)


def content(path):
    with fsspec.open(str(path), "rb") as file:
        return file.read()


def state_of_callback(checkpoint):
    (state,) = (s for key, s in checkpoint["callbacks"].items() if key.startswith("ModelCheckpoint"))
    return state


def copies(proxy):
    return [r.path for r in list(proxy.requests) if "x-amz-copy-source" in r.headers]


def uploaded(proxy):
    return [r.path for r in list(proxy.requests) if r.method == "PUT" and r.length]
