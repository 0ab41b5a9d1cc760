#!/usr/bin/env python3
"""One work by one client, in its own process; prints "WALL CPU PEAK" of the work alone. Run by bench/python/run.

    work.py CLIENT WORK URL [SIZE]

Each client serves s3:// to the same lines of Lightning and fsspec; `local` is a folder in memory. Imports are local, so that a client pays
for itself alone. What isn't measured (a model, the files that are read) is made before.
"""

import asyncio
import os
import sys
import time
import warnings
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from measuring import measured

MB = 10**6
SMALL_SIZE = 16 << 10
QUIET = dict(accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, log_every_n_steps=1)


def become(client):
    """Lets `client` serve s3:// to fsspec in this process."""
    if client.startswith("cove"):
        import cove

        cove.register()
    elif client.startswith("obstore"):
        from obstore.fsspec import register

        register("s3")


# ---- Lightning ----


def model_of(megabytes):
    """A model whose checkpoint has so many megabytes, in ten tensors, and trains in no time."""
    import lightning.pytorch as pl
    import torch

    class Model(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)
            for n in range(10 if megabytes else 0):
                self.register_buffer(f"weights{n}", torch.full((megabytes * MB // 40 - 1000,), float(n)))

        def training_step(self, batch, index):
            loss = self.layer(batch).square().mean()
            self.log_dict({f"scalar{n}": loss + n for n in range(10)})
            return loss

        def validation_step(self, batch, index):
            self.log("score", 5.0 - self.current_epoch)  # each epoch is the best so far

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

        def train_dataloader(self):
            return torch.utils.data.DataLoader(torch.ones(4000, 4), batch_size=4)

        def val_dataloader(self):
            return torch.utils.data.DataLoader(torch.ones(4, 4), batch_size=4)

    return Model()


def trainer_of(**options):
    import lightning.pytorch as pl

    return pl.Trainer(**{**QUIET, "logger": False, "enable_checkpointing": False, **options})


def plugins_of(client):
    """cove-plugin: cove's checkpoint plugin; cove-async: beside the training."""
    if "-" not in client:
        return []
    from cove.lightning import AsyncCoveCheckpointIO, CoveCheckpointIO

    return [{"cove-plugin": CoveCheckpointIO, "cove-async": AsyncCoveCheckpointIO}[client]()]


def scalars(client, url, size):
    """TensorBoardLogger, 1,000 steps of 10 scalars: a run of Lightning's, from the logger to its end."""
    from lightning.pytorch.loggers import TensorBoardLogger

    model = model_of(0)
    trainer_of(max_steps=2, limit_val_batches=0).fit(model)  # the first steps of a process are not measured

    def run():
        trainer_of(max_steps=size, limit_val_batches=0, logger=TensorBoardLogger(url)).fit(model)

    return run


def hard_exit(client, url, size):
    """Scalars for some seconds, then the process ends; prints when."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(url)
    end = time.time() + size
    while time.time() < end:
        writer.add_scalar("loss", 1.0, walltime=time.time())
        time.sleep(0.002)
    print(time.time(), flush=True)
    os._exit(0)


def save(client, url, size):
    model = model_of(size)
    trainer = trainer_of(max_steps=1, limit_val_batches=0, plugins=plugins_of(client))
    trainer.fit(model)

    def run():
        trainer.save_checkpoint(url)
        trainer.strategy.checkpoint_io.teardown()  # the asynchronous plugin is done then

    return run


def resume(client, url, size):
    model = model_of(size)
    trainer = trainer_of(max_steps=1, limit_val_batches=0, plugins=plugins_of(client))
    return lambda: trainer.fit(model, ckpt_path=url, weights_only=False)


def five(client, url, size):
    """Five epochs, each with a checkpoint: the three best are kept, and the last."""
    if "-" in client:
        from cove.lightning import ModelCheckpoint
    else:
        from lightning.pytorch.callbacks import ModelCheckpoint

    model = model_of(size)
    callback = ModelCheckpoint(dirpath=url, monitor="score", save_top_k=3, save_last=True)
    trainer = trainer_of(max_epochs=5, limit_train_batches=1, enable_checkpointing=True, callbacks=[callback], plugins=plugins_of(client))
    return lambda: trainer.fit(model)


# ---- fsspec ----


def filesystem():
    import fsspec

    return fsspec.filesystem("s3")


def cat(client, url, size):
    fs = filesystem()
    fs.exists(url)  # connected

    def run():
        assert len(fs.cat_file(url)) == size << 20

    return run


def pipe(client, url, size):
    fs, data = filesystem(), b"\x5a" * (size << 20)
    fs.exists(url)
    return lambda: fs.pipe_file(url, data)


def names_of(url, count):
    return [f"{url}/{n:06d}" for n in range(count)]


def fill(client, url, size):
    """What `small` and `look` read."""
    fs = filesystem()
    return lambda: fs.pipe(dict.fromkeys(names_of(url, size), b"Z" * SMALL_SIZE))


def small(client, url, size):
    names = names_of(url, size)
    if client == "obstore-async":  # no fsspec: the fastest that obstore has
        return obstore_many(url, size)
    fs = filesystem()
    fs.exists(names[0])

    def run():
        result = fs.cat(names)
        assert len(result) == size and all(len(data) == SMALL_SIZE for data in result.values())

    return run


def obstore_many(url, count):
    import obstore
    from obstore.store import S3Store

    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    store = S3Store(bucket)

    async def one(gate, n):
        async with gate:
            response = await obstore.get_async(store, f"{prefix}/{n:06d}")
            assert len(await response.bytes_async()) == SMALL_SIZE

    async def every():
        gate = asyncio.Semaphore(64)
        await asyncio.gather(*(one(gate, n) for n in range(count)))

    return lambda: asyncio.run(every())


def look(call):
    def work(client, url, size):
        fs, names = filesystem(), names_of(url, size)
        one = getattr(fs, call)
        one(names[0])

        def run():
            for name in names:
                one(name)

        return run

    return work


WORKS = {
    "scalars": scalars,
    "hard-exit": hard_exit,
    "save": save,
    "resume": resume,
    "five": five,
    "cat": cat,
    "pipe": pipe,
    "fill": fill,
    "small": small,
    "exists": look("exists"),
    "info": look("info"),
}


def main():
    client, work, url, size = sys.argv[1:5]
    warnings.simplefilter("ignore")
    become(client)
    measured(WORKS[work](client, url, int(size)))
    sys.stdout.flush()
    if client.startswith("obstore"):
        os._exit(0)  # its runtime sometimes aborts the interpreter at its end


if __name__ == "__main__":
    main()
