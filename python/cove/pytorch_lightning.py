"""What `cove.lightning` has, over the classes of `pytorch_lightning`."""

from lightning_fabric.plugins import TorchCheckpointIO
from lightning_fabric.utilities.cloud_io import _load
from pytorch_lightning import callbacks

from .checkpoints import BackgroundIO, StreamingIO
from .model_checkpoint import RemoteModelCheckpoint

__all__ = ["AsyncCoveCheckpointIO", "CoveCheckpointIO", "ModelCheckpoint"]


class CoveCheckpointIO(StreamingIO, TorchCheckpointIO):
    """Saves and loads checkpoints by streams: see `cove.lightning.CoveCheckpointIO`."""

    _lightnings_load = staticmethod(_load)


class AsyncCoveCheckpointIO(BackgroundIO, TorchCheckpointIO):
    """The same beside the training: see `cove.lightning.AsyncCoveCheckpointIO`."""

    _lightnings_load = staticmethod(_load)


class ModelCheckpoint(RemoteModelCheckpoint, callbacks.ModelCheckpoint):
    """Lightning's ModelCheckpoint, right on a remote root too: see `cove.lightning.ModelCheckpoint`."""
