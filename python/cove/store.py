"""What all filesystems have, whatever they do with files: the options of a store, transactions, paths, and the arguments of calls."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from fsspec.asyn import AsyncFileSystem, get_loop
from fsspec.spec import AbstractFileSystem

from cove import _cove, appenders
from cove.arguments import check_arguments, object_properties
from cove.options import seconds, to_library
from cove.paths import as_text, check_url, is_list
from cove.transactions import FileTransaction

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_APPEND_S = 60.0  # timeout of a flush if the option `timeout` is not set: reads of the file and the exit of the process wait for a flush


class Store(AsyncFileSystem):
    """A store with its options. CoveFileSystem documents the parameters."""

    transaction_type = FileTransaction
    mirror_sync_methods = False  # synchronous methods do not run coroutines: a switch to an event loop's thread costs more than most calls
    version_aware = False  # whether paths may name a version
    _keeps_directories = False  # whether directories are real, also empty ones
    family = ""  # filesystems of one family use the same paths for the same files, with any scheme and options
    _options_of_others: Iterable[str] = ()
    _instead: Mapping[str, str] = {}  # what to use instead of an argument that is refused, by its name

    def __init__(
        self, *, asynchronous: bool = False, loop: Any = None, batch_size: int | None = None, append_interval: float = 1.0, append_bytes: int = 8 << 20,
        **options: Any,
    ) -> None:  # fmt: skip
        """Checks the options; sends no request. The parameters are documented at the class."""
        # AsyncFileSystem.__init__ would start a thread with an event loop. Here `loop` starts it when it is used.
        self.asynchronous, self._loop, self.batch_size = asynchronous, loop, batch_size
        self._thread = threading.local()
        AbstractFileSystem.__init__(self)
        given = to_library(options, self._options_of_others)
        self._given, self._fs = given, _cove.Filesystem(self._own_url(), given)
        self._store = (self.family, tuple(sorted(given.items())))
        self._timeout_s = seconds(given.get("timeout") or os.environ.get("COVE_TIMEOUT") or "0")
        self._append_options = {"flush_interval": float(append_interval), "flush_bytes": int(append_bytes)}
        if "timeout" not in given and "COVE_TIMEOUT" not in os.environ:
            self._append_options["timeout"] = _APPEND_S

    def __repr__(self) -> str:
        """The class and the store's address. No keys or secrets: this text gets into logs."""
        try:
            return f"<{type(self).__name__} {self._fs.endpoint}>"
        except (AttributeError, OSError):  # __init__ has not finished; its options contradict each other
            return f"<{type(self).__name__}>"

    @property
    def loop(self) -> Any:
        """fsspec's event loop, for callers that run a coroutine from another thread. None with asynchronous=True."""
        return None if self.asynchronous else self._loop or get_loop()

    # A transaction belongs to the thread that began it. Files that another thread writes meanwhile, such as a log, are not part of it.

    @property
    def _intrans(self) -> bool:
        return getattr(self._thread, "in_transaction", False)

    @_intrans.setter
    def _intrans(self, value: bool) -> None:
        self._thread.in_transaction = value

    @property
    def _transaction(self) -> Any:
        return getattr(self._thread, "transaction", None)

    @_transaction.setter
    def _transaction(self, value: Any) -> None:
        self._thread.transaction = value

    def start_transaction(self) -> FileTransaction:
        """Begins a transaction, which `end_transaction` ends. An earlier one that was not ended is discarded, with a RuntimeWarning."""
        transaction = self.transaction
        transaction.start(by_steps=True)
        return transaction

    def end_transaction(self) -> None:
        """Publishes what was written since `start_transaction`."""
        self.transaction.complete()

    # ---- paths ----

    @classmethod
    def _schemes(cls) -> tuple[str, ...]:
        return (cls.protocol,) if isinstance(cls.protocol, str) else tuple(cls.protocol)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """The path without its scheme and without slashes at both ends."""
        if type(path) is not str:
            if is_list(path):
                return [cls._strip_protocol(p) for p in path]
            path = as_text(path)
        if "::" in path or "://" in path:
            for scheme in cls._schemes():
                if path[: len(scheme)].lower() == scheme and path.startswith(("://", "::"), len(scheme)):
                    path = path[len(scheme) :].lstrip(":")
                    break
        elif ":/" in path:
            check_url(path)
        return path.strip("/")

    def unstrip_protocol(self, name: str) -> str:
        """The URL of a path. A URL is returned with its scheme in lower case."""
        scheme, colon, rest = name.partition("://")
        if colon and scheme.lower() in self._schemes():
            return f"{scheme.lower()}://{rest}"
        return super().unstrip_protocol(name)

    def _own_url(self) -> str:
        """The URL by which the library opens the store."""
        return f"{self._schemes()[0]}://"

    def _settle(self, path: str) -> str:
        """The path in the store, after everything that this process appended there has been sent."""
        if appenders.dirty:
            appenders.settle(self._store, self._fs, path)
        return path

    def _end(self, path: str) -> str:
        """The path in the store, after closing this process's appenders there."""
        if appenders.any_open():
            appenders.end(self._store, self._fs, path)
        return path

    def _take(self, path: Any) -> str:
        """The path in the store of a file to be written, after closing this process's appenders there."""
        return self._end(self._strip_protocol(path))

    def _version(self, path: str, kwargs: dict[str, Any]) -> str:
        """The path, with the version that the `kwargs` of a read name. TypeError: an unknown argument."""
        if kwargs.get("version_id") is not None:
            raise ValueError(f"{self.unstrip_protocol(path)}: only the latest version of a file is served")
        self._check_arguments(path, kwargs, ("version_id", "versions"))
        return path

    # ---- arguments ----

    def _check_arguments(self, path: Any, kwargs: dict[str, Any], known: Iterable[str] = ()) -> None:
        """Raises TypeError for an argument that is neither in `known` nor a hint (arguments.py)."""
        if kwargs:
            check_arguments(self._place(path), kwargs, known, self._agreed(), self._instead)

    def _properties(self, path: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The properties of an object to be written, from a call's keyword arguments. TypeError: an unknown argument."""
        return object_properties(self._place(path), kwargs, self._agreed(), self._instead) if kwargs else {}

    def _place(self, path: Any) -> str:
        return self.unstrip_protocol(path) if isinstance(path, str) else str(path)

    def _agreed(self) -> Mapping[str, Any]:
        """Arguments that this filesystem applies to every call. A call may repeat them with the same value."""
        return {}

    # ---- results ----

    def _details(self, info: _cove.Info) -> dict[str, Any]:
        path, size, is_directory, mtime_ns, etag = info[:5]
        details = {"name": path, "size": size, "type": "directory" if is_directory else "file"}
        if mtime_ns is not None:
            details["mtime"] = time_of(mtime_ns)
        if etag is not None:
            details["ETag"] = etag  # a directory has one if it has a marker
        return details

    def _written(self, made: tuple[str | None, str | None]) -> Any:
        """The result of a call that writes a file, made from the new ETag and version."""
        return None

    @staticmethod
    def _version_of_file(etag: str | None, version_id: str | None) -> str | None:
        """The version of an open file."""
        return version_id

    @staticmethod
    def _results(results: list[Any], on_error: str = "raise") -> list[Any]:
        if on_error == "raise":
            for result in results:
                if isinstance(result, Exception):
                    raise result
        return results


def time_of(ns: int) -> datetime:
    """The time in UTC, from nanoseconds since 1970."""
    return _EPOCH + timedelta(microseconds=ns // 1000)
