"""cove: remote filesystems for training."""

from ._cove import CorruptData, InvalidArgument, PreconditionFailed, __version__, known_implementations

__all__ = ["CorruptData", "InvalidArgument", "PreconditionFailed", "__version__", "known_implementations"]
