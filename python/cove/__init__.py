"""cove: remote filesystems for training."""

from ._cove import __version__, known_implementations

__all__ = ["__version__", "known_implementations"]
