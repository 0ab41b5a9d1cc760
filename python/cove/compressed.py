"""Files that are compressed on their way: `fs.open(path, compression="gzip")`.

The compressor leaves the file below it open, so somebody has to close that one, too, or the last bytes would never be published.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from fsspec.compression import compr
from fsspec.core import get_compression


class CompressedFile(io.BufferedIOBase):
    """A compressor or decompressor with the file below it; closed, discarded and published together."""

    _closed = True

    def __init__(self, below: Any, compression: str, mode: str) -> None:
        self._below = below
        self._codec = compr[compression](below, mode=mode[0])
        self._closed = False
        # What is called often is the codec's own.
        for name in ("read", "read1", "readinto", "readline", "write", "seek", "tell", "flush", "peek"):
            if hasattr(self._codec, name):
                setattr(self, name, getattr(self._codec, name))

    @property
    def closed(self) -> bool:
        return self._closed

    def readable(self) -> bool:
        return self._below.readable()

    def writable(self) -> bool:
        return self._below.writable()

    def seekable(self) -> bool:
        return self._codec.seekable()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                self._codec.close()
            except BaseException:
                self.discard()
                raise
            self._below.close()

    def discard(self) -> None:
        """Gives up what was written; what is in the store stays as it is."""
        self._closed = True
        with contextlib.suppress(Exception):
            self._codec.close()  # first: it has a last word to write, and would have it when Python collects it
        if self._below.writable():
            self._below.discard()
        else:
            self._below.close()

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __del__(self) -> None:
        if not self._closed:
            self.discard()


def open_compressed(below: Any, path: str, compression: str, mode: str) -> Any:
    """`below`, through the codec that `compression` names; "infer": the one of the path's last letters, if any."""
    name = get_compression(path, compression)
    return CompressedFile(below, name, mode) if name is not None else below
