"""The classes of `cove.lightning`, for the package `pytorch_lightning`."""

from lightning_fabric.plugins import TorchCheckpointIO
from lightning_fabric.utilities.cloud_io import _load
from pytorch_lightning import callbacks

from .checkpoints import BackgroundIO, StreamingIO
from .model_checkpoint import RemoteModelCheckpoint

__all__ = ["AsyncCoveCheckpointIO", "CoveCheckpointIO", "ModelCheckpoint"]


class CoveCheckpointIO(StreamingIO, TorchCheckpointIO):
    """Streams checkpoints to and from the store: see `cove.lightning.CoveCheckpointIO`."""

    _lightnings_load = staticmethod(_load)


class AsyncCoveCheckpointIO(BackgroundIO, TorchCheckpointIO):
    """Saves checkpoints in the background: see `cove.lightning.AsyncCoveCheckpointIO`."""

    _lightnings_load = staticmethod(_load)


class ModelCheckpoint(RemoteModelCheckpoint, callbacks.ModelCheckpoint):
    """Lightning's ModelCheckpoint, corrected for remote folders: see `cove.lightning.ModelCheckpoint`."""
