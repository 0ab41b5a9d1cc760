"""For `lightning`: Trainer(plugins=[CoveCheckpointIO()], callbacks=[ModelCheckpoint(...)]). `cove.pytorch_lightning` has the same for that package.

Training at a cove URL works without this. It saves memory, uploads and requests, and corrects what Lightning does wrong on a remote root.
"""

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.cloud_io import _load
from lightning.pytorch import callbacks

from .checkpoints import BackgroundIO, StreamingIO
from .model_checkpoint import RemoteModelCheckpoint

__all__ = ["AsyncCoveCheckpointIO", "CoveCheckpointIO", "ModelCheckpoint"]


class CoveCheckpointIO(StreamingIO, TorchCheckpointIO):
    """Saves and loads checkpoints by streams.

    What it changes, at URLs of cove's (all others go to Lightning's own TorchCheckpointIO):

    - `torch.save` writes into the upload as it goes. Lightning builds the whole file in memory first. A checkpoint of up to 100 MiB is one
      request, and held whole; once that has taken more than a second, the next ones go in parts, in parallel. So do larger ones, of which
      is held what a writer holds: 80 MiB, or four parts where `default_block_size` makes these larger.
    - `torch.load` reads from the store as it goes. A missing file is reported by the read; no request looks for it before.
    - The store copies the last checkpoint (`save_last`) of cove's ModelCheckpoint if the same hook call has just saved an equal one, and if no
      other writer has replaced or removed that. Otherwise it is saved, as always with Lightning's own ModelCheckpoint. (A Timer's state differs
      between the two.)
    - A file that is not a checkpoint raises CorruptData, which names the kind of file; torch's error is its cause.
    - A save that the store refuses raises PermissionError. Lightning passes over that in silence. Whatever else the store says is raised as
      it is, where torch.save would speak of a position in a file.

    Arguments are options of the filesystem for checkpoints alone, as `default_block_size="64MiB"`, by which small checkpoints go, too:
    larger parts mean fewer requests and more memory. A wrong option raises InvalidArgument here, not at the first save. `storage_options` of Trainer.save_checkpoint come on top of them.
    """

    _lightnings_load = staticmethod(_load)


class AsyncCoveCheckpointIO(BackgroundIO, TorchCheckpointIO):
    """The same beside the training: one thread saves, copies and removes, in the order in which that was asked for.

    - A save returns when the file has been made in memory, of whatever is in the checkpoint at that moment, so the peak is that file and what
      a save holds. Never more: a save waits until the one before has ended.
    - A failure is raised by the next save, removal or load, by `check()`, and at the end of training; cove's ModelCheckpoint calls `check()`
      after every batch. It is logged at once.
    - What was asked for after a save that failed is not done: no older checkpoint is removed in favour of one that isn't there.
    - A load waits for what is under way, so does the end of training. `wait()` does it at any time.
    """

    _lightnings_load = staticmethod(_load)


class ModelCheckpoint(RemoteModelCheckpoint, callbacks.ModelCheckpoint):
    """Lightning's ModelCheckpoint, right on a remote root too. Where its folder is a local one, nothing is changed.

    - `ckpt_path="last"` finds the last checkpoint. Lightning looks for it on the local disk, finds none, and trains from scratch.
    - `save_last="link"` is accepted: the last checkpoint is a copy within the store by CoveCheckpointIO, with other plugins it is saved as
      with True.
    - What Lightning keeps on a local disk is kept: the checkpoint that training was resumed from, and what lies in other folders.
    - A checkpoint knows the name of the last one that is saved after it, so that the two are equal (see CoveCheckpointIO).
    - `dirpath=Path("s3://bucket/run")` is refused before training, because pathlib removes a slash. Lightning makes a local folder.
    - Another spelling of the same folder (`"s3://bucket/run/"`) is the same folder on resume, as on a local disk.
    - The store is not asked whether the last checkpoint's file exists where the callback has written it itself. With CoveCheckpointIO, one
      request asks whether another name is taken, not two.
    - With AsyncCoveCheckpointIO, a save that has failed ends training at the next batch, and a name is taken as soon as its save has begun:
      where names may meet, Lightning's own would give it again, and the second checkpoint would replace the first.

    Its state is Lightning's: runs can change from one to the other.
    """
