"""Plugins for `lightning`: Trainer(plugins=[CoveCheckpointIO()], callbacks=[ModelCheckpoint(...)]). `cove.pytorch_lightning` has the same classes.

Training with a cove URL works without them. They save memory, uploads and requests, and correct Lightning's errors with remote folders.
"""

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.cloud_io import _load
from lightning.pytorch import callbacks

from .checkpoints import BackgroundIO, StreamingIO
from .model_checkpoint import RemoteModelCheckpoint

__all__ = ["AsyncCoveCheckpointIO", "CoveCheckpointIO", "ModelCheckpoint"]


class CoveCheckpointIO(StreamingIO, TorchCheckpointIO):
    """Streams checkpoints to and from the store.

    Differences to Lightning's TorchCheckpointIO, which still handles all paths that are not cove URLs:

    - `torch.save` writes directly into the upload. Lightning builds the whole file in memory first. A checkpoint of up to 100 MiB is sent in one
      request, and is in memory until then. After such a request that took more than a second, the next checkpoints are sent in parallel parts.
      Larger checkpoints always are; a writer holds 80 MiB of them, or four parts if `default_block_size` makes these larger.
    - `torch.load` reads directly from the store. There is no request before to check that the file exists.
    - With cove's ModelCheckpoint, the last checkpoint (`save_last`) is a copy within the store, if the same hook call has just saved an equal
      one and no other writer has replaced or removed it. Otherwise it is uploaded, as with Lightning's ModelCheckpoint. (The state of a Timer
      differs between the two.)
    - A file that is not a checkpoint raises CorruptData, which names the kind of file; torch's error is its cause.
    - A save that the store refuses raises PermissionError, which Lightning ignores. Other errors of the store are raised unchanged; torch.save
      replaces them by an error about a position in the file.

    Arguments are filesystem options for checkpoints only, for example `default_block_size="64MiB"`, which also applies to small checkpoints:
    larger parts need fewer requests and more memory. A wrong option raises InvalidArgument here, not at the first save. `storage_options` of
    Trainer.save_checkpoint override them.
    """

    _lightnings_load = staticmethod(_load)


class AsyncCoveCheckpointIO(BackgroundIO, TorchCheckpointIO):
    """CoveCheckpointIO in the background: one thread saves, copies and removes, in the order of the calls.

    - A save serializes the checkpoint in memory and returns; the upload continues in the background. Memory needed: that file, and the parts of
      the upload. Only one save runs at a time: the next one waits for it.
    - An error is logged at once. It is raised by the next save, removal or load, by `check()`, and at the end of training. cove's
      ModelCheckpoint calls `check()` after every batch.
    - After a failed save, copies and removals that were queued behind it are skipped, so that no older checkpoint is removed in favour of one
      that does not exist.
    - A load and the end of training wait for the jobs under way. `wait()` waits for them at any time.
    """

    _lightnings_load = staticmethod(_load)


class ModelCheckpoint(RemoteModelCheckpoint, callbacks.ModelCheckpoint):
    """Lightning's ModelCheckpoint, corrected for remote folders. With a local folder nothing is changed.

    - `ckpt_path="last"` finds the last checkpoint. Lightning searches the local disk only, finds none, and trains from scratch.
    - `save_last="link"` is accepted: with CoveCheckpointIO the last checkpoint is a copy within the store; with other plugins it is saved, as
      with True.
    - As on a local disk, the checkpoint that training was resumed from is not removed, nor are checkpoints in other folders.
    - A checkpoint contains the path of the last checkpoint that is saved after it, so that the two are equal (see CoveCheckpointIO).
    - `dirpath=Path("s3://bucket/run")` raises an error before training, because pathlib removes a slash. Lightning would make a local folder.
    - On resume, another spelling of the same folder (`"s3://bucket/run/"`) is recognized, as on a local disk.
    - Fewer requests: none checks that the last checkpoint exists if this callback has written it. With CoveCheckpointIO, one request checks
      whether another name is in use, not two.
    - With AsyncCoveCheckpointIO, a failed save ends training at the next batch. A name is in use as soon as its save has begun; Lightning's
      class could choose it again, and the second checkpoint would replace the first.

    Its state is the same as Lightning's: a run can be resumed with either class.
    """
