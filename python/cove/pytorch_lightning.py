"""What `cove.lightning` has, over the classes of `pytorch_lightning`."""

from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning import callbacks

from .checkpoints import BackgroundIO, StreamingIO
from .model_checkpoint import RemoteModelCheckpoint

__all__ = ["AsyncCoveCheckpointIO", "CoveCheckpointIO", "ModelCheckpoint"]


class CoveCheckpointIO(StreamingIO, TorchCheckpointIO):
    """Saves and loads checkpoints by streams: see `cove.lightning.CoveCheckpointIO`."""


class AsyncCoveCheckpointIO(BackgroundIO, TorchCheckpointIO):
    """The same beside the training: see `cove.lightning.AsyncCoveCheckpointIO`."""


class ModelCheckpoint(RemoteModelCheckpoint, callbacks.ModelCheckpoint):
    """Lightning's ModelCheckpoint, right on a remote root too: see `cove.lightning.ModelCheckpoint`."""
