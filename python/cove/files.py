"""What `open` gives: files to read, to write and to append to, and text over them.

A file that is written is published when it is closed, whole and in one step; until then, and for ever where it is left by an exception, the old one stays.
"""

from __future__ import annotations

import functools
import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

from fsspec.core import OpenFile

from cove import _cove, appenders

if TYPE_CHECKING:
    from cove.filesystem import CoveFileSystem

READ_BUFFER = 64 << 10  # one request brings so much whether it is wanted or not


class _Named:
    """What a file knows of its place; fsspec's names."""

    fs: CoveFileSystem
    path: str
    mode: str

    @property
    def name(self) -> str:
        return self.path

    @property
    def full_name(self) -> str:
        return self.fs.unstrip_protocol(self.path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.full_name!r} mode={self.mode!r}>"


# ---- reading ----


class _Raw(io.RawIOBase):
    """The library's reader as Python's own buffers want it."""

    def __init__(self, reader: _cove.Reader) -> None:
        self._reader = reader
        self.cache: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.cache is None:
            return self._reader.readinto(buffer)
        start = self._reader.tell()
        data = self.cache._fetch(start, min(start + len(buffer), self._reader.size))
        buffer[: len(data)] = data
        self._reader.seek(start + len(data))
        return len(data)

    def readall(self) -> bytes:
        return self._reader.read(-1) if self.cache is None else super().readall()

    def fetch(self, start: int, end: int) -> bytes:
        return self._reader.read_at(start, end - start)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._reader.tell()
        elif whence == io.SEEK_END:
            offset += self._reader.size
        self._reader.seek(offset)
        return offset

    def tell(self) -> int:
        return self._reader.tell()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._reader.close()


class ReadFile(_Named, io.BufferedReader):
    """A file opened with "rb": one version of it, however often it is replaced meanwhile.

    Reads ahead where it is read in order; what is large goes straight into the caller's memory. `block_size`, `cache_type` and their like are accepted by
    `open` and change nothing here.
    """

    mode = "rb"

    def __init__(self, fs: CoveFileSystem, path: str, reader: _cove.Reader) -> None:
        self._raw = _Raw(reader)
        super().__init__(self._raw, READ_BUFFER)
        self.fs, self.path, self.size = fs, path, reader.size
        self.blocksize = fs.blocksize

    @property
    def loc(self) -> int:
        return self.tell()

    @functools.cached_property
    def details(self) -> dict[str, Any]:
        return self.fs.info(self.path)

    def info(self) -> dict[str, Any]:
        """What the filesystem says of this path."""
        return self.details

    # fsspec's "blockcache" puts a cache of its own before the file, and says itself when the file is closed.

    @property
    def cache(self) -> Any:
        return self._raw.cache

    @cache.setter
    def cache(self, cache: Any) -> None:
        self._raw.cache = cache

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self._raw.fetch(start, end)

    @property
    def closed(self) -> bool:
        return self._raw.closed

    @closed.setter
    def closed(self, value: bool) -> None:
        pass

    # s3fs's names for what its filesystem has under the same ones.

    def url(self, **kwargs: Any) -> str:
        return self.fs.url(self.path, **kwargs)

    def metadata(self, **kwargs: Any) -> dict[str, str]:
        return self.fs.metadata(self.path, **kwargs)

    def getxattr(self, xattr_name: str, **kwargs: Any) -> str | None:
        return self.fs.getxattr(self.path, xattr_name, **kwargs)

    def setxattr(self, copy_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        self.fs.setxattr(self.path, copy_kwargs=copy_kwargs, **kwargs)

    def readuntil(self, char: bytes = b"\n", blocks: int | None = None) -> bytes:
        """All up to the next `char`, that included; or up to the end. `blocks`: bytes to look at in one go."""
        found = []
        while block := self.read(blocks or READ_BUFFER):
            end = block.find(char)
            if end >= 0:
                end += len(char)
                self.seek(end - len(block), io.SEEK_CUR)
                found.append(block[:end])
                break
            found.append(block)
        return b"".join(found)

    def __reduce_ex__(self, protocol: Any) -> tuple:  # BufferedReader has this one, and refuses in it
        return _reopen, (self.fs, self.path, self.tell())


def _reopen(fs: CoveFileSystem, path: str, position: int) -> ReadFile:
    file = fs.open(path, "rb")
    file.seek(position)
    return file


# ---- writing ----


class WritableFile(_Named, io.BufferedIOBase):
    """What files to write and to append to have in common: they end in `commit` or in `discard`.

    `close` commits, unless a transaction (autocommit=False) is to decide. Left by an exception, or dropped without `close`, a file is discarded, and so is one
    that is still open at the end of its transaction: who knows what was to follow.
    """

    _closed = True  # until an __init__ has succeeded, for what Python calls on a half made object
    _abandoned = False

    def __init__(self, fs: CoveFileSystem, path: str, mode: str, autocommit: bool) -> None:
        self.fs, self.path, self.mode, self.autocommit = fs, path, mode, autocommit
        self.blocksize = fs.blocksize

    def commit(self) -> None:
        """Publishes what was written, if the file was closed. Nothing is published where that fails, nor where `discard` came first."""
        if self._closed:
            self._publish()
        else:
            self._give_up()

    def _publish(self) -> None:
        raise NotImplementedError

    def discard(self) -> None:
        raise NotImplementedError

    @property
    def closed(self) -> bool:
        return self._closed

    def writable(self) -> bool:
        return True

    def flush(self, force: bool = False) -> None:
        self._check_open()

    def info(self) -> dict[str, Any]:
        raise ValueError(f"{self.full_name} is being written")

    @property
    def loc(self) -> int:
        return self.tell()

    def close(self) -> None:
        if self._closed:
            return
        if self._abandoned:
            self._give_up()
        elif _left_by_exception(self):
            self.discard()
        else:
            self._closed = True
            if self.autocommit:
                self.commit()

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def _dealloc_warn(self, source: Any) -> None:
        """Python's own text and buffer files call this before they close what is below them because nobody holds them any more."""
        self._abandoned = True

    def __del__(self) -> None:
        if not self._closed:
            self._give_up()

    def _give_up(self) -> None:
        # Not a ResourceWarning, which Python does not show: bytes are lost here that a local file would have.
        warnings.warn(f"{self!r} was never closed, so nothing is published: use it in a `with` block", RuntimeWarning, source=self, stacklevel=3)
        self.discard()

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"I/O operation on closed file {self.full_name}")

    def __reduce__(self) -> tuple:
        raise TypeError(f"{self!r} cannot be pickled: it is being written")


class WriteFile(WritableFile):
    """A file opened with "wb" or "xb": sent in parallel parts while it is written, published by `close` or at the end of a transaction.

    `flush` publishes nothing.
    """

    def __init__(self, fs: CoveFileSystem, path: str, mode: str, autocommit: bool, writer: _cove.Writer) -> None:
        super().__init__(fs, path, mode, autocommit)
        self._writer: _cove.Writer | None = writer
        self._closed = False

    def write(self, data: Any) -> int:
        self._check_open()
        assert self._writer is not None
        return self._writer.write(data)

    def tell(self) -> int:
        self._check_open()
        assert self._writer is not None
        return self._writer.tell()

    def _publish(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            if appenders.any_open():
                appenders.end(self.fs.family, self.path)
            writer.finish()

    def discard(self) -> None:
        """Gives up what was written; what is in the store stays as it is."""
        self._closed = True
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abort()


def _left_by_exception(file: WritableFile) -> bool:
    """Whether `with fsspec.open(url, "wb") as file` is being left by an exception.

    fsspec's OpenFile gets to know of the exception in its __exit__, but tells nobody: it closes its files as if all were well, and half a file would
    replace the whole one. So the question goes to the callers.
    """
    frame = sys._getframe(1).f_back  # of who called `close`; a thread that is not Python's has none
    for _ in range(8):  # wrappers for text and compression may stand in between
        if frame is None:
            break
        if frame.f_code is OpenFile.__exit__.__code__:
            found = frame.f_locals
            return bool(found["args"]) and found["args"][0] is not None and any(f is file for f in found["self"].fobjects)
        frame = frame.f_back
    return False


class AppendFile(WritableFile):
    """A file opened with "ab": what is written joins the file's end within `append_interval`, and is seen by this process at once.

    All handles of one file share an appender, which goes on gathering when a handle is closed; `flush` sends. What was taken stays taken, by an exception in a
    `with` block and by a transaction, too: a log is none the worse for what failed beside it.
    """

    def __init__(self, fs: CoveFileSystem, path: str) -> None:
        super().__init__(fs, path, "ab", autocommit=True)
        self._before: int | None = None  # the file's size without what was written here
        self._written = 0
        self._shared: appenders.SharedAppender | None = fs._acquire_appender(path)
        self._closed = False

    def write(self, data: Any) -> int:
        self._check_open()
        assert self._shared is not None
        n = self._shared.write(data)
        self._written += n
        return n

    def tell(self) -> int:
        self._check_open()
        if self._before is None:
            self._before = (self.fs.size(self.path) if self.fs.exists(self.path) else 0) - self._written
        return self._before + self._written

    def flush(self, force: bool = False) -> None:
        """Returns when all that was appended to this file is in the store."""
        self._check_open()
        assert self._shared is not None
        self._shared.flush()

    def _publish(self) -> None:
        """Lets go of the file; one that nothing was written to is made where it is missing."""
        try:
            if self._written == 0:
                self.fs._create_missing(self.path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Lets go of the file."""
        self._closed = True
        shared, self._shared = self._shared, None
        if shared is not None:
            appenders.release(shared)

    def _give_up(self) -> None:
        self.discard()


# ---- text ----


class TextFile(io.TextIOWrapper):
    """Text over one of the files above. Left by an exception, it publishes nothing either."""

    def __init__(self, buffer: Any, **kwargs: Any) -> None:
        # Text that is appended is handed on at once, so that closing has nothing to flush: TextIOWrapper's flush is the store's.
        super().__init__(buffer, write_through=isinstance(buffer, AppendFile), **kwargs)

    def close(self) -> None:
        if isinstance(self.buffer, AppendFile):
            self.buffer.close()
        super().close()

    def discard(self) -> None:
        """Gives up what was written; what is in the store stays as it is."""
        self.buffer.discard()  # type: ignore[attr-defined]
        self.close()

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is not None and self.buffer.writable():
            self.discard()
        self.close()
