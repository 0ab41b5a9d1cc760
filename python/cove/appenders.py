"""The appenders behind mode "ab": one a file, shared by all its handles, and known to all readers in this process.

It belongs to the file, not to a filesystem: filesystems with different options (a timeout, intervals) share it, and the options of the first one apply.
With two appenders, each would expect the version that it wrote itself, and the second one's flush would be refused.

A log is opened, written to and closed again for every line by some writers (TensorBoard's does), so closing a handle sends nothing: what is written gathers
in the library's appender, which sends it after `append_interval` at the latest. A read, a stat or a listing here calls `settle` first and so sees every byte;
what replaces, moves or removes a file calls `end`.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import Any

from cove import _cove

MAX_IDLE = 16  # appenders that no handle uses, and that are kept for the next one
# An appender holds on to the version of the file that it made. One that was idle so long is replaced by a new one, so that processes that take turns at a file
# do not meet.
IDLE_S = 10.0
KNOWN_S = 1.0  # so long a yes is good, where a log is written
MAX_FOUND = 1000

EXIT_S = 60.0  # in which all of them are sent when the process ends

# After these the library's appender keeps its bytes and tries again; after any other it is of no more use.
_PASSING = frozenset({"COVE_ENETWORK", "COVE_ETIMEDOUT", "COVE_ETHROTTLED", "COVE_ESERVER", "COVE_ENOSPC", "COVE_ENOMEM", "COVE_ECANCELED"})

# Around `_shared` and the counts of handles. A file that Python collects gives its handle back from wherever its thread is, in here as well, and what changes
# then must not be walked over just now: hence an RLock, and copies.
_lock = threading.RLock()
_shared: dict[tuple[Any, ...], SharedAppender] = {}  # in the order of their last use
_found: dict[tuple[Any, ...], float] = {}  # files, and when the store last said that they are there; only while logs are written
dirty: set[SharedAppender] = set()  # those that may hold bytes back; looked at by every read, so a plain set


class SharedAppender:
    """The library's appender of one path, opened when it is needed."""

    def __init__(self, key: tuple[Any, ...], filesystem: _cove.Filesystem, path: str, options: dict[str, Any]) -> None:
        self.key, self.family, self.path = key, key[0], path
        self.handles = 0
        self.used = time.monotonic()
        self._filesystem, self._options = filesystem, options
        self._lock = threading.RLock()  # the library wants one thread at a time
        self._appender: _cove.Appender | None = None
        self._size: int | None = None  # of the file including what was written here; None until tell() is called

    def open(self) -> None:
        """Raises what speaks against appending there, before a byte is written."""
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
        """The size of the file, including what was written here."""
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
        """Flushes, and lets go of the version of the file that was appended to."""
        with self._lock:
            dirty.discard(self)
            appender, self._appender, self._size = self._appender, None, None
            if appender is not None:
                appender.close()

    def begin_anew(self) -> None:
        """A close in mid-run, before which everything is sent with all patience. To the library the close is a last wait (docs/s3.md): it loses what a store
        that has died does not take in seconds. Here that stays for later."""
        with self._lock:
            self.flush()
            self.close()

    def give_up(self) -> None:
        """Closes without another wait for the store. What could not be sent is lost, and the error says how much."""
        if self._appender is not None:
            self._appender.cancel()
        self.close()

    def is_closed(self) -> bool:
        return self._appender is None

    def forget(self) -> None:
        """In a forked child: the bytes that gathered here are the parent's to send."""
        self._lock = threading.RLock()
        self._appender = None

    def is_of(self, family: str, filesystem: _cove.Filesystem, path: str) -> bool:
        return self.path == path and self.family == family and self._filesystem.same_store(filesystem)

    def may_be_under(self, store: tuple[Any, ...], filesystem: _cove.Filesystem, path: str) -> bool:
        """Whether the file is at `path` or below it. Stores are distinguished by the endpoints given to them: two users of one may see the same files."""
        if path and self.path != path and not self.path.startswith(path + "/"):
            return False
        endpoints = [_endpoint(self.key), _endpoint(store)]
        apart = all(endpoints) and endpoints[0] != endpoints[1]
        return self.family == store[0] and (not apart or self._filesystem.same_store(filesystem))

    def _call(self, name: str, *args: Any) -> Any:
        assert self._appender is not None
        try:
            return getattr(self._appender, name)(*args)
        except OSError as error:
            if getattr(error, "retryable", False) or getattr(error, "code", None) in _PASSING:
                dirty.add(self)
            else:
                self.close()  # fails, too, and says how many bytes are lost
            raise
        except BaseException:
            dirty.add(self)
            raise


def _endpoint(store: tuple[Any, ...]) -> str:
    """The endpoint among the options of a store; "" if it is Amazon's or the environment names it."""
    return dict(store[1]).get("endpoint_url", "").rstrip("/").lower()


def acquire(store: tuple[Any, ...], filesystem: _cove.Filesystem, path: str, options: dict[str, Any]) -> SharedAppender:
    """One more handle of the appender of `path`. `store`: the family of filesystems first, then what tells one store from another."""
    key = (*store, path)
    with _lock:
        shared = _shared.get(key) or _of_file(store[0], filesystem, path) or SharedAppender(key, filesystem, path, options)
        _shared.pop(shared.key, None)
        _shared[shared.key] = shared
        shared.handles += 1
        stale = shared.handles == 1 and time.monotonic() - shared.used > IDLE_S
    try:
        if stale:
            shared.begin_anew()
        shared.open()
    except BaseException:
        release(shared)
        raise
    return shared


def _of_file(family: str, filesystem: _cove.Filesystem, path: str) -> SharedAppender | None:
    """The appender of this file that was opened through another filesystem."""
    return next((s for s in list(_shared.values()) if s.is_of(family, filesystem, path)), None)


def release(shared: SharedAppender) -> None:
    """One handle less. Nothing is sent, but for appenders that have been idle longest when there are too many of them."""
    with _lock:
        shared.handles -= 1
        idle = [s for s in list(_shared.values()) if s.handles == 0]
    for one in idle[: max(0, len(idle) - MAX_IDLE)]:
        try:
            one.flush()
        except OSError:
            if one.is_closed():
                raise  # its bytes are lost, and nobody else would say so
            continue  # it stays, with its bytes: whether they can be sent now is no matter of the file that is closed here
        _retire(one)


def settle(store: tuple[Any, ...], filesystem: _cove.Filesystem, path: str) -> None:
    """Sends what was appended at `path` or below it, so that a look at the store sees it."""
    for shared in list(dirty):
        if shared.may_be_under(store, filesystem, path):
            shared.flush()


def what_is(store: tuple[Any, ...], path: str) -> str | None:
    """"directory" or "file", where a log that was written to a moment ago tells: its folders are there, and the files that `found` told of.

    Lightning asks for the folder of its log and for a file beside it after every step of training. Each look would send what has gathered, and be two or
    three requests more.
    """
    recent = time.monotonic() - KNOWN_S
    for shared in list(dirty):
        if shared.used > recent and shared.key[:-1] == store and shared.path.startswith(path + "/"):
            return "directory"
    return "file" if dirty and _found.get((*store, path), 0) > recent else None


def found(store: tuple[Any, ...], path: str) -> None:
    """The store has just said that this file is there."""
    if dirty:
        if len(_found) >= MAX_FOUND:
            _found.clear()
        _found[(*store, path)] = time.monotonic()


def end(store: tuple[Any, ...], filesystem: _cove.Filesystem, path: str) -> None:
    """Sends what was appended at `path` or below it and appends no more to what is there now: it is about to be replaced, moved or removed."""
    with _lock:
        under = [s for s in list(_shared.values()) if s.may_be_under(store, filesystem, path)]
    for shared in under:
        _retire(shared)
    _found.clear()


def _retire(shared: SharedAppender) -> None:
    """Closes an appender, then forgets it, unless somebody has taken it up again meanwhile. Forgotten first, it would have a second one beside it that
    begins at the version of the file which it is about to replace, and one of the two would lose its bytes."""
    try:
        shared.begin_anew()
    finally:
        with _lock:
            if shared.handles == 0 and shared.is_closed():
                _shared.pop(shared.key, None)


def any_open() -> bool:
    return bool(_shared)


@atexit.register
def _close_all() -> None:
    """Sends what has gathered. A store that does not answer keeps the process from ending for a minute, and for no longer than somebody wants it to."""
    close, deadline = SharedAppender.close, time.monotonic() + EXIT_S
    for shared in list(_shared.values()):
        try:
            close(shared)
        except OSError as error:
            logging.getLogger("cove").error("%s", error)
        except KeyboardInterrupt:
            logging.getLogger("cove").error("%s: what had gathered was not sent: interrupted", shared.path)
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
