"""Files that are compressed or decompressed while they are written or read: `fs.open(path, compression="gzip")`.

The codec does not close the file below it. CompressedFile does, because that file is published by its `close`.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from fsspec.compression import compr
from fsspec.core import get_compression

from cove.files import SerialClose


class CompressedFile(SerialClose, io.BufferedIOBase):
    """A codec and the file below it, which are closed, discarded and published together."""

    _closed = True

    def __init__(self, below: Any, compression: str, mode: str) -> None:
        self._below = below
        self._codec = compr[compression](below, mode=mode[0])
        self._appends = mode[0] == "a"
        self._begin()
        self._closed = False
        # Methods that are called often are those of the codec, without a layer in between. Such a method does not hold this object: __del__.
        for name in ("read", "read1", "readinto", "readline", "seek", "peek") if below.readable() else ():
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

    def write(self, data: Any) -> int:
        return self._codec.write(data)

    def flush(self) -> None:
        self._codec.flush()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._codec.seek(offset, whence)

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
        """Discards the written bytes; the file in the store does not change."""
        self._closed = True
        with contextlib.suppress(Exception):
            self._codec.close()  # first, while the file below is open: it writes its end, now or when it is garbage collected
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
        """Python's text files call this before they close the file below them because they are garbage collected."""
        if self._below.writable():
            self._below._dealloc_warn(source)

    def __del__(self) -> None:
        """The codec of a file that is read ends with the last reference to it: in `open(...).read()` its method outlives this object."""
        if not self._closed and self._below.writable():
            self._dealloc_warn(self)
            with contextlib.suppress(Exception):  # the file below may have been closed already
                self.close()


def open_compressed(below: Any, path: str, compression: str, mode: str) -> Any:
    """`below` with the codec that `compression` names. "infer": the codec of the path's file name extension, or none."""
    name = get_compression(path, compression)
    return CompressedFile(below, name, mode) if name is not None else below
