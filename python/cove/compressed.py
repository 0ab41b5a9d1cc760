"""Files that are compressed on their way: `fs.open(path, compression="gzip")`.

The compressor leaves the file below it open, so somebody has to close that one, too, or the last bytes would never be published.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from fsspec.compression import compr
from fsspec.core import get_compression

from cove.files import SerialClose


class CompressedFile(SerialClose, io.BufferedIOBase):
    """A compressor or decompressor with the file below it; closed, discarded and published together."""

    _closed = True

    def __init__(self, below: Any, compression: str, mode: str) -> None:
        self._below = below
        self._codec = compr[compression](below, mode=mode[0])
        self._appends = mode[0] == "a"
        self._begin()
        self._closed = False
        # What is called often is the codec's own.
        for name in ("read", "read1", "readinto", "readline", "write", "seek", "flush", "peek"):
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
        return self.has_position or not self._appends and self._codec.seekable()

    @property
    def has_position(self) -> bool:
        return not self._below.readable() and self._below.has_position

    @has_position.setter
    def has_position(self, value: bool) -> None:
        self._below.has_position = value

    def tell(self) -> int:
        """The position in the uncompressed data. When appending it is approximate: 0 at the start of the file, else positive.

        Text uses it to decide on a byte order mark.
        """
        before = self._below.tell() - self._below.written if self._appends else 0
        return before + self._codec.tell()

    def close(self) -> None:
        with self._ending:
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

    def leave(self, kind: type[BaseException] | None) -> None:
        """For `__exit__`: an exception of this type leaves the file, which discards it; None: no exception does, and `close` follows."""
        self._below.leave(kind)
        if kind is not None:
            self.discard()

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if self._below.writable():
            self.leave(kind)
        self.close()

    def _dealloc_warn(self, source: Any) -> None:
        """Python's own text files call this before they close what is below them because nobody holds them any more."""
        if self._below.writable():
            self._below._dealloc_warn(source)

    def __del__(self) -> None:
        if not self._closed:
            self._dealloc_warn(self)
            with contextlib.suppress(Exception):  # what is below may have ended before
                self.close()


def open_compressed(below: Any, path: str, compression: str, mode: str) -> Any:
    """`below`, through the codec that `compression` names; "infer": the one of the path's last letters, if any."""
    name = get_compression(path, compression)
    return CompressedFile(below, name, mode) if name is not None else below
