"""Checkpoints of Lightning's trainer, for test_generated.py: small modules with common additions."""

import argparse
import contextlib
import io
import logging
import random
import warnings
from dataclasses import dataclass

import lightning
import torch
from lightning.pytorch import callbacks


class Module(lightning.LightningModule):
    def __init__(self, kind, hparams):
        super().__init__()
        self.save_hyperparameters(hparams)
        self.kind = kind
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.automatic_optimization = kind != "two"

    def training_step(self, batch, _):
        loss = self.layers(batch).square().mean()
        self.seen += len(batch)
        self.log("loss", loss, on_step=True, on_epoch=True)
        if self.kind == "two":
            for optimizer in self.optimizers():
                optimizer.zero_grad()
            self.manual_backward(loss)
            for optimizer in self.optimizers():
                optimizer.step()
        return loss

    def on_save_checkpoint(self, checkpoint):
        checkpoint["extra"] = {"seen": int(self.seen), ("a", 1): [None, 2.5], "large": 2**80}

    def configure_optimizers(self):
        optim = torch.optim
        if self.kind == "two":
            return [optim.SGD(self.layers[0].parameters(), 0.1, momentum=0.9), optim.Adam(self.layers[2].parameters())]
        if self.kind == "plateau":
            optimizer = optim.AdamW(self.parameters(), amsgrad=True)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": optim.lr_scheduler.ReduceLROnPlateau(optimizer), "monitor": "loss_epoch"}}
        optimizer = optim.Adam(self.parameters())
        return [optimizer], [
            optim.lr_scheduler.SequentialLR(optimizer, [optim.lr_scheduler.ConstantLR(optimizer), optim.lr_scheduler.StepLR(optimizer, 1)], [1])
        ]


class Noting(callbacks.Callback):
    """A callback with its own state."""

    def __init__(self, state):
        self.state = state

    @property
    def state_key(self):
        return f"Noting{len(self.state)}"

    def state_dict(self):
        return self.state


@dataclass
class LightningCase:
    name: str
    kind: str
    hparams: object
    callbacks: list
    wider: bool = False

    def write(self, path):
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.random.fork_rng():
            warnings.simplefilter("ignore")
            torch.manual_seed(sum(map(ord, self.name)))
            trainer = lightning.Trainer(
                max_epochs=2,
                accelerator="cpu",
                devices=1,
                logger=False,
                callbacks=self.callbacks(path.parent),
                enable_progress_bar=False,
                enable_model_summary=False,
                enable_checkpointing=True,
                default_root_dir=path.parent,
            )
            trainer.fit(Module(self.kind, self.hparams), torch.utils.data.DataLoader(torch.randn(8, 3), 4))
            trainer.save_checkpoint(path)


def cases(seed):
    rng = random.Random(f"{seed} lightning")
    hparams = [{"lr": rng.random(), "layers": [rng.randrange(9)] * 2, "name": "grüß"}, argparse.Namespace(lr=rng.random(), nested={"a": (1, None)})]
    hung = [
        lambda folder: [callbacks.ModelCheckpoint(folder / "best", monitor="loss_epoch", save_top_k=2)],
        lambda folder: [callbacks.EarlyStopping("loss_epoch"), Noting({"floats": [0.5, float("nan")], 3: {"set": {1, 2}}})],
        lambda folder: [callbacks.Timer(), callbacks.ModelCheckpoint(folder / "last", save_last=True, every_n_train_steps=1)],
    ]
    for i in range(6):
        yield LightningCase(f"lightning-{i}", ("sequential", "plateau", "two")[i // 2], hparams[i % 2], hung[i % 3])
