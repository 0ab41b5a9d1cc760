"""The files that `open` returns: to read, to write, to append, and text over each of them.

A written file is published in one step when it is closed; until then the store keeps the old one. If an exception leaves the file, nothing is published.
When two threads close a file at once, the second waits for the first.
"""

from __future__ import annotations

import atexit
import functools
import io
import logging
import os
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any

from cove import _cove, appenders
from cove.errors import failure
from cove.unwinding import OpenContext

if TYPE_CHECKING:
    from cove.opening import Opening

READ_BUFFER = 64 << 10  # bytes; a smaller read costs one request as well
EXIT_S = 60.0  # time for discarding open files when the process exits


class _Named:
    """The path and the filesystem of a file, under fsspec's names."""

    fs: Opening
    path: str
    mode: str

    @property
    def name(self) -> str:
        """The path, without the scheme."""
        return self.path

    @property
    def full_name(self) -> str:
        """The URL."""
        return self.fs.unstrip_protocol(self.path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.full_name!r} mode={self.mode!r}>"


# ---- reading ----


class _Raw(io.RawIOBase):
    """The library's reader as a raw file below io.BufferedReader."""

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
    """A file opened with "rb". It reads one version, even if the file is replaced meanwhile.

    Sequential reads read ahead; large reads go directly into the caller's memory. `open` accepts `block_size`, `cache_type` and similar arguments; they have
    no effect here.
    """

    mode = "rb"

    def __init__(self, fs: Opening, path: str, reader: _cove.Reader, place: str) -> None:
        """`place`: the path with the version that the caller named, if any."""
        self._raw = _Raw(reader)
        super().__init__(self._raw, READ_BUFFER)
        self.fs, self.path, self.size = fs, path, reader.size
        self.blocksize = fs.blocksize
        self.version_id: str | None = fs._version_of_file(reader.etag, reader.version_id) if fs.version_aware else None
        unnamed = self.version_id is not None and fs._split_version(place)[1] is None
        self._place = f"{place}{fs._version_mark}{self.version_id}" if unnamed else place

    @property
    def generation(self) -> str | None:
        """`version_id` under gcsfs's name."""
        return self.version_id

    @property
    def loc(self) -> int:
        """The position: `tell()`."""
        return self.tell()

    @functools.cached_property
    def details(self) -> dict[str, Any]:
        """The result of `info`, requested once."""
        return self.fs.info(self._place)

    def info(self) -> dict[str, Any]:
        """The filesystem's `info` of this path; with version_aware=True, of the version that is read."""
        return self.details

    # fsspec's "blockcache" assigns `cache`, and sets `closed` itself.

    @property
    def cache(self) -> Any:
        """fsspec's cache of this file, if fsspec has set one."""
        return self._raw.cache

    @cache.setter
    def cache(self, cache: Any) -> None:
        self._raw.cache = cache

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self._raw.fetch(start, end)

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._raw.closed

    @closed.setter
    def closed(self, value: bool) -> None:
        pass

    # As on s3fs's files: methods of the filesystem, called with this file's path.

    def url(self, **kwargs: Any) -> str:
        """A signed URL of this file: `S3FileSystem.url`."""
        return self.fs.url(self.path, **kwargs)

    def metadata(self, **kwargs: Any) -> dict[str, str]:
        """The user's metadata of this file: `S3FileSystem.metadata`."""
        return self.fs.metadata(self.path, **kwargs)

    def getxattr(self, xattr_name: str, **kwargs: Any) -> str | None:
        """One value of the user's metadata: `S3FileSystem.getxattr`."""
        return self.fs.getxattr(self.path, xattr_name, **kwargs)

    def setxattr(self, copy_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Changes the user's metadata by a copy within the store: `S3FileSystem.setxattr`."""
        self.fs.setxattr(self.path, copy_kwargs=copy_kwargs, **kwargs)

    def readuntil(self, char: bytes = b"\n", blocks: int | None = None) -> bytes:
        """The bytes up to and including the next `char`, or up to the end of the file. `blocks`: bytes to search at a time."""
        start, found = self.tell(), bytearray()
        while block := self.read(blocks or READ_BUFFER):
            searched = max(0, len(found) - len(char) + 1)  # `char` may span two blocks
            found += block
            end = found.find(char, searched)
            if end >= 0:
                del found[end + len(char) :]
                self.seek(start + len(found))
                break
        return bytes(found)

    def __reduce_ex__(self, protocol: Any) -> tuple:  # BufferedReader defines it, to refuse pickling
        return _reopen, (self.fs, self._place, self.path, self.tell())


def _reopen(fs: Opening, place: str, path: str, position: int) -> ReadFile:
    file = fs.open(place, "rb")
    file.path = path
    file.seek(position)
    return file


# ---- writing ----


class SerialClose:
    """A file that only one thread at a time closes or discards."""

    def _begin(self) -> None:
        self._ending = threading.RLock()  # reentrant: a signal handler may close the file that is being closed
        _open.add(weakref.ref(self, _open.discard))


_open: set[weakref.ref[SerialClose]] = set()  # not a WeakSet: copying a plain set is atomic


class WritableFile(SerialClose, _Named, io.BufferedIOBase):
    """The base of files that are written or appended to. They end with `commit` or `discard`.

    `close` commits, unless a transaction (autocommit=False) decides. While an exception propagates that was raised after the file was opened (unwinding.py),
    `close` discards instead and logs it. After a failed write, it discards and raises. A file that is dropped without `close` is discarded, and so is one that
    is still open at the end of its transaction or of the process: it may be incomplete.
    """

    _closed = True  # until __init__ has succeeded: Python may call __del__ on a partly made object
    _abandoned = False
    _failure: str | None = None  # why the first failed write failed
    has_position = False  # whether a text layer may call `tell` to decide on a byte order mark

    def __init__(self, fs: Opening, path: str, mode: str, autocommit: bool) -> None:
        self.fs, self.path, self.mode, self.autocommit = fs, path, mode, autocommit
        self.blocksize = fs.blocksize
        self._user = threading.get_ident()  # the last thread to open, write or close it
        self._begin()

    def commit(self) -> None:
        """Publishes the file, if it was closed. Publishes nothing if that fails, or after `discard`."""
        with self._ending:
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
        """Whether the file is closed."""
        return self._closed

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.has_position

    def flush(self, force: bool = False) -> None:
        """Publishes nothing: `close` publishes the whole file."""
        self._check_open()

    def info(self) -> dict[str, Any]:
        """Raises ValueError: the file is being written."""
        raise ValueError(f"info {self.full_name}: the file is being written; it has no details until it is closed")

    def setxattr(self, copy_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Raises NotImplementedError: give `metadata` to `open`."""
        raise NotImplementedError(f"setxattr {self.full_name}: the file is being written; pass metadata={{...}} to open instead")

    @property
    def loc(self) -> int:
        """The position: `tell()`."""
        return self.tell()

    def write(self, data: Any) -> int:
        """Writes all of `data` and returns its number of bytes. After an exception `close` publishes nothing."""
        self._user = threading.get_ident()
        try:
            return self._take(data)
        except (TypeError, ValueError):  # not bytes, or closed: nothing was written
            raise
        except BaseException as error:
            self.fail(error)
            raise

    def fail(self, error: BaseException) -> None:
        """Records that a write has failed: the file is incomplete, so `close` publishes nothing."""
        self._failure = self._failure or f"{type(error).__name__}: {error}".removesuffix(": ")

    def _take(self, data: Any) -> int:
        raise NotImplementedError

    def close(self) -> None:
        """Publishes the file, unless an exception is leaving it or a write has failed."""
        self._user = threading.get_ident()
        with self._ending:
            if not self._closed:
                self._end()

    def _end(self) -> None:
        """Closes a file that is open."""
        self._closed = True
        if self.autocommit:
            self.commit()

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        self.leave(kind)
        self.close()

    def leave(self, kind: type[BaseException] | None) -> None:
        """For `__exit__`: an exception of this type leaves the file, which discards it; None: no exception does, and `close` follows."""
        if kind is not None:
            self.discard()

    def _dealloc_warn(self, source: Any) -> None:
        """Python's text and buffer files call this before they close the file below them because they are garbage collected."""
        self._abandoned = True

    def __del__(self) -> None:
        if not self._closed:
            self._give_up()

    def _give_up(self) -> None:
        self.discard()

    def _check_open(self) -> None:
        if self._closed:
            raise self._is_closed()

    def _is_closed(self) -> ValueError:
        return ValueError(f"I/O operation on closed file {self.full_name}")

    def __reduce__(self) -> tuple:
        raise TypeError(f"{self!r} cannot be pickled: it is being written")


class PublishedFile(WritableFile):
    """A file that replaces the old one, in one step, when it is closed."""

    def __init__(self, fs: Opening, path: str, mode: str, autocommit: bool) -> None:
        super().__init__(fs, path, mode, autocommit)
        self._opening: OpenContext | None = OpenContext()  # until the file ends: it may hold an exception with its frames
        self._exited_normally = False
        self.etag: str | None = None  # of the published file
        self.version_id: str | None = None  # of the published file, in a versioned bucket

    @property
    def generation(self) -> str | None:
        """`version_id` under gcsfs's name."""
        return self.version_id

    def _end(self) -> None:
        opening, self._opening = self._opening, None
        assert opening is not None
        if self._abandoned or opening.dropped():
            self._give_up()
        elif (passing := opening.passing(self._exited_normally)) is not None:
            self.leave(type(passing))
        elif self._failure is not None:
            self.discard()
            raise failure("COVE_EIO", f"write {self.full_name}: a write failed before ({self._failure}), so nothing is published")
        else:
            super()._end()

    def leave(self, kind: type[BaseException] | None) -> None:
        with self._ending:
            if kind is None:
                self._exited_normally = True
            elif not self._closed:
                self.discard()
                logging.getLogger("cove").warning("%s: left by %s, so nothing is published", self.full_name, kind.__name__)

    def _give_up(self) -> None:
        self.discard()
        # Not a ResourceWarning, which Python hides by default: data is lost here that a local file would have kept.
        warnings.warn(f"{self!r} was never closed, so nothing is published: use it in a `with` block", RuntimeWarning, source=self, stacklevel=3)

    def _stop(self) -> None:
        """Cancels a call of another thread that waits for the store."""

    def _is_pending(self) -> bool:
        """Whether the file is neither published nor discarded."""
        return not self._closed


class WriteFile(PublishedFile):
    """A file opened with "wb" or "xb". It is sent in parallel parts while it is written. `close` or the end of the transaction publishes it.

    `flush` publishes nothing.
    """

    def __init__(self, fs: Opening, path: str, mode: str, autocommit: bool, writer: _cove.Writer) -> None:
        super().__init__(fs, path, mode, autocommit)
        self._writer: _cove.Writer | None = writer
        self._closed = False

    def _take(self, data: Any) -> int:
        writer = self._writer
        if self._closed or writer is None:
            raise self._is_closed()
        return writer.write(data)

    def tell(self) -> int:
        """The number of bytes written."""
        writer = self._writer
        if self._closed or writer is None:
            raise self._is_closed()
        return writer.tell()

    def _publish(self) -> None:
        writer = self._writer
        if writer is not None:
            try:
                self.fs._end(self.path)
                writer.finish()
                self.etag, self.version_id = writer.etag, self.fs._version_of_file(writer.etag, writer.version_id)
            finally:
                self.discard()

    def discard(self) -> None:
        """Discards what was written; the file in the store is unchanged. Cancels a call of another thread that waits for the store."""
        self._stop()
        with self._ending:
            self._closed, self._opening = True, None
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.abort()

    def _stop(self) -> None:
        writer = self._writer
        if writer is not None:
            writer.cancel()

    def _is_pending(self) -> bool:
        return self._writer is not None


class AppendFile(WritableFile):
    """A file opened with "ab". Written bytes are at the end of the file in the store within `append_interval`; this process sees them at once.

    All handles of one file share an appender, which keeps its bytes when a handle is closed; `flush` sends them. An exception in a `with` block or a discarded
    transaction does not discard appended bytes: a log keeps the lines before the failure.
    """

    has_position = True  # as for Python's own files in append mode

    def __init__(self, fs: Opening, path: str) -> None:
        super().__init__(fs, path, "ab", autocommit=True)
        self.written = 0
        self._shared: appenders.SharedAppender | None = fs._acquire_appender(path)
        self._closed = False

    def _take(self, data: Any) -> int:
        n = self._appender().write(data)
        self.written += n
        return n

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Accepts only the end of the file, which is always its position."""
        if (offset, whence) != (0, io.SEEK_END):
            raise io.UnsupportedOperation(f"{self.full_name} is open for appending: it can only seek to its end")
        return self.tell()

    def tell(self) -> int:
        """The size of the file, including bytes appended here. The first call costs a request, once for all handles."""
        return self._appender().tell()

    def flush(self, force: bool = False) -> None:
        """Returns when all bytes appended to this file are in the store."""
        self._appender().flush()

    def _appender(self) -> appenders.SharedAppender:
        shared = self._shared
        if shared is None:
            raise self._is_closed()
        return shared

    def _publish(self) -> None:
        """Releases the appender. If nothing was written, creates the file unless it exists."""
        try:
            if self.written == 0:
                self.fs._create_missing(self.path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Releases the appender. Appended bytes are not discarded."""
        with self._ending:
            self._closed = True
            shared, self._shared = self._shared, None
        if shared is not None:
            appenders.release(shared)


# ---- text ----


class TextFile(SerialClose, io.TextIOWrapper):
    """Text over one of the files above. If an exception leaves it, nothing is published."""

    def __init__(self, buffer: Any, **kwargs: Any) -> None:
        self._begin()
        if buffer.writable():
            buffer.has_position = _has_mark(kwargs.get("encoding"))  # costs a request when appending
        # Appended text is written through, so that close has nothing to flush: TextIOWrapper.flush would also flush the appender, which sends requests.
        super().__init__(buffer, write_through=isinstance(buffer, AppendFile), **kwargs)
        if buffer.writable():
            buffer.has_position = False

    def close(self) -> None:
        """Publishes the file, as the `close` of a binary file does."""
        with self._ending:
            if isinstance(self.buffer, AppendFile):
                self.buffer.close()
            elif not self.closed and self.buffer.writable():
                try:
                    self.flush()
                except BaseException:  # TextIOWrapper would close the file below, which would publish it without the last text
                    self.discard()
                    raise
            super().close()

    def discard(self) -> None:
        """Discards the written text; the file in the store does not change."""
        self.buffer.discard()  # type: ignore[attr-defined]
        self.close()

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if self.buffer.writable():
            self.buffer.leave(kind)  # type: ignore[attr-defined]
        self.close()


@functools.lru_cache
def _has_mark(encoding: str | None) -> bool:
    """Whether text begins with a byte order mark in this encoding."""
    text = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    text.write("x")
    with_mark = text.buffer.tell()
    text.write("x")
    return text.buffer.tell() != 2 * with_mark


# ---- exit of the process, and forked children ----


@atexit.register
def _give_up_all() -> None:
    """At exit, discards the files that a daemon thread used last: otherwise their unfinished uploads would stay in the store. Files being published may finish.

    Other files are finalized when their last reference is dropped. That is after the program's own exit handlers, which may write and close them.
    """
    deadline = time.monotonic() + EXIT_S
    daemons = {thread.ident for thread in threading.enumerate() if thread.daemon}
    files = [file for file in (ref() for ref in list(_open)) if isinstance(file, PublishedFile)]
    pending = [file for file in files if file._user in daemons and file._is_pending()]
    for file in pending:
        if not file.closed:
            file._stop()
    for file in pending:
        left = deadline - time.monotonic()
        if left <= 0 or not file._ending.acquire(timeout=left):
            logging.getLogger("cove").error("write %s: not published before the process ended; parts of it may stay in the store", file.full_name)
            continue
        try:
            if file._is_pending():
                file._give_up()
        except Exception as error:
            logging.getLogger("cove").error("discard %s: %s", file.full_name, error)
        finally:
            file._ending.release()


def _after_fork() -> None:
    """In a forked child: threads that were closing files do not exist here, and files open for writing belong to the parent."""
    for ref in list(_open):
        file = ref()
        if file is not None:
            file._ending = threading.RLock()
        if isinstance(file, PublishedFile):
            _open.discard(ref)


os.register_at_fork(after_in_child=_after_fork)
