"""The appenders behind mode "ab". Each file has one, shared by all its open handles in this process.

An appender belongs to the file, not to a filesystem object. Filesystems with different options (such as timeouts) share it, and the options of the first one
apply. With two appenders, each would expect the version that it wrote last, and the store would refuse the other one's flush.

Some writers, such as TensorBoard's, open, write and close a log for every line. So closing a handle sends nothing: written bytes stay in the library's
appender, which sends them after `append_interval` at the latest. A read, a stat or a listing calls `settle` first, which sends them, so it sees every byte.
A call that replaces, moves or removes a file calls `end`.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import Any

from cove import _cove, targets

MAX_IDLE = 16  # appenders without an open handle that are kept for the next open
# An appender expects the version of the file that it wrote last. After an idle time of this length it is replaced by a new one, which reads the version again:
# another process may have appended meanwhile.
IDLE_S = 10.0
KNOWN_S = 1.0  # how long an earlier answer "exists" is reused while a log is written
MAX_FOUND = 1000

EXIT_S = 60.0  # time for sending the bytes of all appenders when the process exits

# After these errors the library's appender keeps its bytes and tries again; after any other it has failed for good.
_TRANSIENT = frozenset({"COVE_ENETWORK", "COVE_ETIMEDOUT", "COVE_ETHROTTLED", "COVE_ESERVER", "COVE_ENOSPC", "COVE_ENOMEM", "COVE_ECANCELED"})

# Guards `_shared` and the counts of handles. The garbage collector may close a file, and so release its handle, at any point of this module: hence an RLock,
# and loops over copies.
_lock = threading.RLock()
_shared: dict[tuple[Any, ...], SharedAppender] = {}  # least recently used first
_found: dict[tuple[Any, ...], float] = {}  # files that exist, with the time at which the store confirmed it; only while logs are written
dirty: set[SharedAppender] = set()  # appenders that may hold unsent bytes; every read checks it, so it has no lock


class SharedAppender:
    """The library's appender of one path, opened when it is needed."""

    def __init__(self, key: tuple[Any, ...], filesystem: _cove.Filesystem, path: str, options: dict[str, Any]) -> None:
        self.key, self.family, self.path = key, key[0], path
        self.handles = 0
        self.used = time.monotonic()
        self._filesystem, self._options = filesystem, options
        self._lock = threading.RLock()  # only one thread at a time may use a library appender
        self._appender: _cove.Appender | None = None
        self._size: int | None = None  # size of the file including unsent bytes; None until tell() is called

    def open(self) -> None:
        """Opens the library's appender. Raises if the file cannot be appended to, before a byte is written."""
        with self._lock:
            if self._appender is None:
                self._appender = _cove.Appender(self._filesystem, self.path, **self._options)

    def write(self, data: Any) -> int:
        with self._lock:
            self.open()
            dirty.add(self)
            self.used = time.monotonic()
            n = self._call("write", data)
            if self._size is not None:
                self._size += n
            return n

    def tell(self) -> int:
        """The size of the file, including unsent bytes."""
        with self._lock:
            if self._size is None:
                self.flush()
                try:
                    self._size = self._filesystem.stat(self.path)[1]
                except FileNotFoundError:
                    self._size = 0
            return self._size

    def flush(self) -> None:
        """Returns when every byte is in the store."""
        with self._lock:
            dirty.discard(self)
            if self._appender is not None:
                self._call("flush")

    def close(self) -> None:
        """Flushes and closes the library's appender, which also forgets the version of the file."""
        with self._lock:
            dirty.discard(self)
            appender, self._appender, self._size = self._appender, None, None
            if appender is not None:
                appender.close()

    def reset(self) -> None:
        """Closes the library's appender while the program runs. The flush before it has the full timeout, and a failure keeps the bytes for a later try. The
        library's close alone waits for seconds only, then drops the bytes (docs/s3.md)."""
        with self._lock:
            self.flush()
            self.close()

    def give_up(self) -> None:
        """Closes without waiting for the store. Unsent bytes are lost; the error reports how many."""
        if self._appender is not None:
            self._appender.cancel()
        self.close()

    def is_closed(self) -> bool:
        return self._appender is None

    def forget(self) -> None:
        """For a forked child: drops the unsent bytes, which the parent sends."""
        self._lock = threading.RLock()
        self._appender = None

    def is_of(self, family: str, filesystem: _cove.Filesystem, path: str) -> bool:
        return self.path == path and self.family == family and self._filesystem.same_store(filesystem)

    def may_be_under(self, store: tuple[Any, ...], filesystem: _cove.Filesystem, path: str) -> bool:
        """Whether the file may be at `path` or below it. Two filesystems are of different stores only if their endpoints differ: two users of one endpoint may
        see the same files."""
        if path and self.path != path and not self.path.startswith(targets.marker(path)):
            return False
        endpoints = [_endpoint(self.key), _endpoint(store)]
        differ = all(endpoints) and endpoints[0] != endpoints[1]
        return self.family == store[0] and (not differ or self._filesystem.same_store(filesystem))

    def _call(self, name: str, *args: Any) -> Any:
        assert self._appender is not None
        try:
            return getattr(self._appender, name)(*args)
        except OSError as error:
            if getattr(error, "retryable", False) or getattr(error, "code", None) in _TRANSIENT:
                dirty.add(self)
            else:
                self.close()  # raises as well; its error reports how many bytes are lost
            raise
        except BaseException:
            dirty.add(self)
            raise


def _endpoint(store: tuple[Any, ...]) -> str:
    """The endpoint in a store's options; "" if it is Amazon's or comes from the environment."""
    return dict(store[1]).get("endpoint_url", "").rstrip("/").lower()


def acquire(store: tuple[Any, ...], filesystem: _cove.Filesystem, path: str, options: dict[str, Any]) -> SharedAppender:
    """Adds a handle to the appender of `path`. `store`: the filesystem's family, then its options, which identify the store."""
    key = (*store, path)
    with _lock:
        shared = _shared.get(key) or _of_file(store[0], filesystem, path) or SharedAppender(key, filesystem, path, options)
        _shared.pop(shared.key, None)
        _shared[shared.key] = shared
        shared.handles += 1
        stale = shared.handles == 1 and time.monotonic() - shared.used > IDLE_S
    try:
        if stale:
            shared.reset()
        shared.open()
    except BaseException:
        release(shared)
        raise
    return shared


def _of_file(family: str, filesystem: _cove.Filesystem, path: str) -> SharedAppender | None:
    """The appender of this file, if it was opened through another filesystem object."""
    return next((s for s in list(_shared.values()) if s.is_of(family, filesystem, path)), None)


def release(shared: SharedAppender) -> None:
    """Removes a handle. Sends nothing, unless more than MAX_IDLE appenders are idle: then those that have been idle longest are flushed and closed."""
    with _lock:
        shared.handles -= 1
        idle = [s for s in list(_shared.values()) if s.handles == 0]
    for one in idle[: max(0, len(idle) - MAX_IDLE)]:
        try:
            one.flush()
        except OSError:
            if one.is_closed():
                raise  # its bytes are lost, and no later call would report it
            continue  # it keeps its bytes for a later try; the error is not one of the file that is closed here
        _retire(one)


def settle(store: tuple[Any, ...], filesystem: _cove.Filesystem, path: str) -> None:
    """Sends the bytes appended at `path` or below it, so that a request to the store sees them."""
    for shared in list(dirty):
        if shared.may_be_under(store, filesystem, path):
            shared.flush()


def known_type(store: tuple[Any, ...], path: str) -> str | None:
    """ "directory": a parent of a log written within the last second; "file": one that `found` recorded in that time; None: not known.

    After every step of training, Lightning checks for the folder of its log and for a file in it. Without this function each check would flush the log, and
    send two or three more requests.
    """
    recent = time.monotonic() - KNOWN_S
    for shared in list(dirty):
        if shared.used > recent and shared.key[:-1] == store and shared.path.startswith(targets.marker(path)):
            return "directory"
    return "file" if dirty and _found.get((*store, path), 0) > recent else None


def found(store: tuple[Any, ...], path: str) -> None:
    """Records that the store has just confirmed that this file exists."""
    if dirty:
        if len(_found) >= MAX_FOUND:
            _found.clear()
        _found[(*store, path)] = time.monotonic()


def end(store: tuple[Any, ...], filesystem: _cove.Filesystem, path: str) -> None:
    """Sends the bytes appended at `path` or below it, and closes the appenders: the files are about to be replaced, moved or removed."""
    with _lock:
        under = [s for s in list(_shared.values()) if s.may_be_under(store, filesystem, path)]
    for shared in under:
        _retire(shared)
    _found.clear()


def _retire(shared: SharedAppender) -> None:
    """Closes an appender, then removes it from `_shared`, unless it is in use again. Removed before the close, a new appender could start from the version
    that this one is about to replace, and one of the two would lose its bytes."""
    try:
        shared.reset()
    finally:
        with _lock:
            if shared.handles == 0 and shared.is_closed():
                _shared.pop(shared.key, None)


def any_open() -> bool:
    return bool(_shared)


@atexit.register
def _close_all() -> None:
    """Sends all unsent bytes at exit. If the store does not respond, gives up after EXIT_S, or at Ctrl-C."""
    close, deadline = SharedAppender.close, time.monotonic() + EXIT_S
    for shared in list(_shared.values()):
        try:
            close(shared)
        except OSError as error:
            logging.getLogger("cove").error("%s", error)
        except KeyboardInterrupt:
            logging.getLogger("cove").error("append %s: interrupted; unsent bytes are lost", shared.path)
            close = SharedAppender.give_up
        if time.monotonic() > deadline:
            close = SharedAppender.give_up


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    dirty.clear()
    for shared in _shared.values():
        shared.forget()


os.register_at_fork(after_in_child=_after_fork)
