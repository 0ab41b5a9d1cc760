"""A store as an fsspec filesystem: what all families share. The ordinary methods go straight to the library; the coroutines are in coroutines.py."""

from __future__ import annotations

import errno
import mimetypes
import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import PurePath
from typing import Any

from fsspec.asyn import get_loop
from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.spec import AbstractFileSystem
from fsspec.utils import isfilelike, read_block, stringify_path

from cove import _cove, appenders, ranges, targets, transfers
from cove.arguments import HINTS, check_arguments, object_properties
from cove.errors import failure
from cove.files import AppendFile, ReadFile, TextFile, WriteFile
from cove.listings import GONE, Listings, check_depth
from cove.options import seconds, to_library
from cove.paths import as_text, check_url
from cove.transactions import FileTransaction

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_APPEND_S = 60.0  # for a flush where nobody has said how long a call may take: a read that must have one first, or the process's end, waits for it
_MOST = 1 << 40  # bytes of a block, which the library bounds further
_SMALL = 1 << 20  # of files up to it many are fetched together
_TOGETHER = 32 << 20  # bytes of small files in memory at once


class CoveFileSystem(Listings):
    """What the classes of all families share.

    Parameters
    ----------
    append_interval:
        Seconds after which what was written to an "ab" file is in the store, or later where a flush takes more than half of that; until then only this
        process sees it. 0: at each write.
    append_bytes:
        As soon as so many bytes have gathered, they are sent.
    asynchronous, loop, batch_size, skip_instance_cache, use_listings_cache, listings_expiry_time, max_paths:
        As fsspec has them. Nothing is cached about what is in a store, so the last three change nothing.
    options:
        The library's, by their names (`cove fs SCHEME` in a shell lists them). An unknown one is named by the InvalidArgument that it raises.
    """

    transaction_type = FileTransaction
    mirror_sync_methods = False  # each ordinary method is written out: a loop's thread in between would cost more than most calls do
    version_aware = False  # whether paths may name a version
    family = ""  # of stores whose paths mean the same, whatever the scheme and the options
    _options_of_others: Iterable[str] = ()

    def __init__(
        self, *, asynchronous: bool = False, loop: Any = None, batch_size: int | None = None, append_interval: float = 1.0, append_bytes: int = 8 << 20,
        **options: Any,
    ) -> None:  # fmt: skip
        """Checks the options; sends no request. The parameters are documented at the class."""
        # AsyncFileSystem's own __init__ starts a thread with an event loop, which is made here when somebody asks for it.
        self.asynchronous, self._loop, self.batch_size = asynchronous, loop, batch_size
        self._thread = threading.local()
        AbstractFileSystem.__init__(self)
        given = to_library(options, self._options_of_others)
        self._given, self._fs = given, _cove.Filesystem(f"{self._schemes()[0]}://", given)
        self._store = (self.family, tuple(sorted(given.items())))
        self._timeout_s = seconds(given.get("timeout") or os.environ.get("COVE_TIMEOUT") or "0")
        self._append_options = {"flush_interval": float(append_interval), "flush_bytes": int(append_bytes)}
        if "timeout" not in given and "COVE_TIMEOUT" not in os.environ:
            self._append_options["timeout"] = _APPEND_S

    def __repr__(self) -> str:
        """The class and the store's address; no key and no secret, since it gets into logs."""
        try:
            return f"<{type(self).__name__} {self._fs.endpoint}>"
        except (AttributeError, OSError):  # __init__ has not finished; its options contradict each other
            return f"<{type(self).__name__}>"

    @property
    def loop(self) -> Any:
        """fsspec's event loop, for what wants to run a coroutine from outside; None where the user brings one."""
        return None if self.asynchronous else self._loop or get_loop()

    # A transaction is of the thread that began it: a log that another thread writes meanwhile is neither held back by it nor dropped with it.

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
        """Begins a transaction, which `end_transaction` ends. One that was begun so and not ended is discarded, with a RuntimeWarning."""
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
        """The path as the store has it: no scheme, no slash at either end."""
        if type(path) is not str:
            if isinstance(path, (list, tuple, set)):
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
        """The URL of a path. One that has a scheme already keeps it, in lower case."""
        scheme, colon, rest = name.partition("://")
        if colon and scheme.lower() in self._schemes():
            return f"{scheme.lower()}://{rest}"
        return super().unstrip_protocol(name)

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
        """The path, with the version that `kwargs` of a reading call names; TypeError for an unknown argument."""
        if kwargs.get("version_id") is not None:
            raise ValueError(f"{self.unstrip_protocol(path)}: only the latest version of a file is served")
        self._check_arguments(path, kwargs, ("version_id", "versions"))
        return path

    def _check_arguments(self, path: Any, kwargs: dict[str, Any], known: Iterable[str] = ()) -> None:
        """Raises TypeError for an argument that neither means something here nor is a hint (arguments.py)."""
        if kwargs:
            check_arguments(self._place(path), kwargs, known, self._agreed())

    def _properties(self, path: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The properties of an object to be written, from the further arguments of a call. Another argument raises TypeError."""
        return object_properties(self._place(path), kwargs, self._agreed()) if kwargs else {}

    def _place(self, path: Any) -> str:
        return self.unstrip_protocol(path) if isinstance(path, str) else str(path)

    def _agreed(self) -> Mapping[str, Any]:
        """What this filesystem does in each call, so that a call may ask for the same."""
        return {}

    # ---- what is there ----

    def _details(self, info: _cove.Info) -> dict[str, Any]:
        path, size, is_directory, mtime_ns, etag = info[:5]
        details = {"name": path, "size": size, "type": "directory" if is_directory else "file"}
        if mtime_ns is not None:
            details["mtime"] = time_of(mtime_ns)
        if etag is not None:
            details["ETag"] = etag  # a directory has one if it has a marker
        return details

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """What the store says of a file or a directory: `name` (its path), `size` in bytes, `type` ("file" or "directory"), and the store's own entries.

        FileNotFoundError: there is neither. Where both have the name, the file's. What this process has appended there is sent first.
        """
        return self._details(self._fs.stat(self._see_file(path, kwargs)))

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Whether there is a file or a directory. What keeps the store from answering is raised, and is no "no"."""
        return self._fs.exists(self._see(path, kwargs))

    def isdir(self, path: str) -> bool:
        """Whether there is a directory, to which a bucket's names may have a file besides."""
        known = self._known(path)
        return known == "directory" if known else self._fs.is_directory(self._see(path))

    def isfile(self, path: str) -> bool:
        """Whether there is a file. In a bucket a directory may have the same name."""
        known = self._known(path)
        if known is None and self._fs.is_file(place := self._see_file(path)):
            appenders.found(self._store, place)
            known = "file"
        return known == "file"

    def _known(self, path: str) -> str | None:
        """What a path is, where a log that is being written there tells."""
        return appenders.what_is(self._store, self._strip_protocol(path)) if appenders.dirty else None

    def size(self, path: str) -> int:
        """Bytes of a file; 0 for a directory."""
        return self._fs.stat(self._see_file(path))[1]

    def sizes(self, paths: list[str], batch_size: int | None = None) -> list[int]:
        """`size` of each path, all at once. `batch_size` is accepted: the library decides how many requests are under way."""
        return [info[1] for info in self._results(self._fs.stat_many([self._see_file(path) for path in paths]))]

    def modified(self, path: str, version_id: str | None = None, refresh: bool = False) -> datetime:
        """When the file was written last, in UTC; or that version of it."""
        info = self._fs.stat(self._see_file(path, {"version_id": version_id}))
        if info[3] is None:
            raise failure("COVE_EISDIR", f"modified {self.unstrip_protocol(path)}: nothing is known of when a directory was written")
        return time_of(info[3])

    def _etag(self, path: str) -> str | None:
        return self._fs.stat(path)[4]

    # ---- reading ----

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """The bytes of a file, or `file[start:end]` as Python's slices have it."""
        path = self._see_file(path, kwargs)
        if start is None and end is None:
            return self._fs.read_file(path)
        return self._fs.read_range(path, *ranges.byte_range(start, end, lambda: self._fs.stat(path)[1]))

    def cat_ranges(self, paths: list[str], starts: Any, ends: Any, max_gap: int | None = None, on_error: str = "return", **kwargs: Any) -> list[Any]:
        """`paths[i][starts[i]:ends[i]]` for each i, all at once. `max_gap` is accepted: the library merges what lies close together by itself."""
        if not isinstance(paths, list):
            raise TypeError("paths must be a list")
        starts, ends = ranges.spread(paths, starts), ranges.spread(paths, ends)
        return self._results(ranges.read(self._fs, [self._see_file(path, kwargs) for path in paths], starts, ends), on_error)

    def cat(self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """The bytes of one file; or a dict of them by path, for a list, a pattern, or all files below a directory.

        on_error: "raise", "omit" (leave out what fails) or "return" (an exception in the place of bytes).
        """
        patterns = self._patterns(path)
        if not recursive and not patterns and not _is_list(path):
            return self.cat_file(path, **kwargs)
        reading = _without(kwargs, "start", "end")
        self._version("", reading)  # refuses arguments before a request is sent
        found = self._expand(path, patterns, recursive)
        names = [self._version(self._settle(name), reading) for name, details in found.items() if not details or details["type"] != "directory"]
        if kwargs.get("start") is None and kwargs.get("end") is None:
            results = self._fs.read_many(names)
        else:
            results = self.cat_ranges(names, kwargs.get("start"), kwargs.get("end"))
        self._results(results, on_error)
        if names == [self._strip_protocol(path)]:
            return results[0]
        return {name: data for name, data in zip(names, results) if on_error != "omit" or not isinstance(data, Exception)}

    @staticmethod
    def _results(results: list[Any], on_error: str = "raise") -> list[Any]:
        if on_error == "raise":
            for result in results:
                if isinstance(result, Exception):
                    raise result
        return results

    def head(self, path: str, size: int = 1024) -> bytes:
        """The first `size` bytes of a file, or all that it has."""
        return self._fs.read_range(self._see_file(path), 0, size)

    def tail(self, path: str, size: int = 1024) -> bytes:
        """The last `size` bytes of a file, or all that it has."""
        return self._fs.read_range(self._see_file(path), -size, size) if size else b""

    def read_block(self, fn: str, offset: int, length: int | None, delimiter: bytes | None = None) -> bytes:
        """Up to `length` bytes from `offset`, b"" beyond the end; with a delimiter, the whole lines that begin in that range."""
        with self.open(fn) as file:
            offset = min(offset, file.size)
            rest = file.size - offset
            return read_block(file, offset, rest if length is None else min(length, rest), delimiter)

    def get_file(self, rpath: str, lpath: Any = None, callback: Callback = DEFAULT_CALLBACK, outfile: Any = None, **kwargs: Any) -> None:
        """Copies a file to a local path, which is replaced at the end, or to an open file, in bounded memory. A directory makes one."""
        _check_local(lpath)
        outfile = lpath if outfile is None and isfilelike(lpath) else outfile
        try:
            source = _cove.Reader(self._fs, self._see_file(rpath, kwargs))
        except IsADirectoryError:
            if outfile is not None:
                raise
            os.makedirs(lpath, exist_ok=True)
            return
        try:
            if outfile is not None:
                transfers.send_whole(source, outfile, callback)
            else:
                transfers.download(source, lpath, self._timeout_s, callback)
        finally:
            source.close()

    def get(
        self, rpath: Any, lpath: Any, recursive: bool = False, callback: Callback = DEFAULT_CALLBACK, maxdepth: int | None = None,
        batch_size: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Downloads files and directories, by fsspec's rules for the targets. `batch_size`: files transferred at once.

        Raises InvalidArgument before anything is done if two sources have the same target, or a target is both a file and a directory. Raises
        IsADirectoryError, once all other files are copied, if a tree has a file whose name ends in a slash: on a disk only a directory can have it.
        """
        _check_local(lpath)
        pairs, unfit = transfers.downloads(self, rpath, lpath, recursive, maxdepth)
        callback.set_size(len(pairs))
        small, others = [], []
        for path, local, known in pairs:
            if known and known["type"] == "directory":
                os.makedirs(local, exist_ok=True)
                callback.relative_update(1)
            elif known and known["size"] <= _SMALL:
                small.append((path, local, known["size"]))
            else:
                others.append((path, local))
        for some in _together(small):
            self._get_together(some, callback, kwargs)

        def get_one(path: str, local: str) -> None:
            with callback.branched(path, local) as child:
                self.get_file(path, local, callback=child, **kwargs)

        transfers.each(get_one, others, batch_size or self.batch_size, callback)
        if unfit:
            more = f" (and {len(unfit) - 1} more like it)" if len(unfit) > 1 else ""
            why = f"a disk cannot hold a file whose name ends in a slash: it was left out{more}, the others were copied; get it alone, by its name"
            raise failure("COVE_EISDIR", f"get {self.unstrip_protocol(unfit[0])}: {why}")

    def _get_together(self, files: list[tuple[str, str, int]], callback: Callback, kwargs: dict[str, Any]) -> None:
        sources = [self._version(self._settle(path), kwargs) for path, _, _ in files]
        for (path, local, _), data in zip(files, self._results(self._fs.read_many(sources))):
            with callback.branched(path, local) as child, transfers.local_file(local, len(data), self._timeout_s) as target:
                child.set_size(len(data))
                child.relative_update(target.write(data))
            callback.relative_update(1)

    # ---- writing ----

    def pipe_file(self, path: str, value: Any = None, mode: str = "overwrite", *, data: Any = None, **kwargs: Any) -> Any:
        """Makes or replaces a file in one step. mode="create": FileExistsError where there is one. `content_type` and `metadata` go with it.

        `data` is s3fs's name for `value`. S3FileSystem returns the new object's `ETag` and, where the bucket keeps versions, `VersionId`.
        """
        value = data if value is None else value
        if self._intrans:
            with self.open(path, "xb" if mode == "create" else "wb", **kwargs) as file:
                file.write(value)
            return None
        condition = "new" if mode == "create" else None
        return self._written(self._fs.write_file(self._take(path), value, condition=condition, **self._properties(path, kwargs)))

    def _written(self, made: tuple[str | None, str | None]) -> Any:
        """What a call that makes a file returns, of the new one's ETag and version."""
        return None

    def pipe(self, path: Any, value: Any = None, **kwargs: Any) -> None:
        """`pipe_file`; or many at once, for a dict of bytes by path."""
        kwargs = _without(kwargs, *HINTS)
        if not isinstance(path, dict):
            self.pipe_file(path, value, **kwargs)
        elif self._intrans:  # which is of this thread
            for name, data in path.items():
                self.pipe_file(name, data, **kwargs)
        elif kwargs:
            transfers.each(lambda name, data: self.pipe_file(name, data, **kwargs), path.items(), self.batch_size, DEFAULT_CALLBACK)
        else:
            self._results(self._fs.write_many([(self._take(name), data) for name, data in path.items()]))

    def put_file(self, lpath: Any, rpath: str, callback: Callback = DEFAULT_CALLBACK, mode: str = "overwrite", **kwargs: Any) -> None:
        """Uploads a local file, in bounded memory and parallel parts, with the content type of its file name. For a directory, makes one.

        Raises PreconditionFailed and publishes nothing if the file became shorter during the upload.
        """
        lpath = stringify_path(lpath)
        if os.path.isdir(lpath):
            self.makedirs(rpath, exist_ok=True)
            return
        kwargs.setdefault("content_type", kwargs.pop("ContentType", None) or mimetypes.guess_type(lpath)[0])
        with transfers.local_source(lpath, self._timeout_s) as source:
            size = os.fstat(source.fileno()).st_size
            callback.set_size(size)
            with self.open(rpath, "xb" if mode == "create" else "wb", expected_size=size or None, **kwargs) as target:
                transfers.send(source, target, callback, min(size, transfers.BLOCK) or transfers.BLOCK)  # a pipe says 0
                if target.tell() < size:
                    why = f"{target.tell()} bytes came of {size}: the file has become shorter while it was read"
                    raise failure("COVE_EPRECONDITION", f"put {lpath}: {why}")

    def put(
        self, lpath: Any, rpath: Any, recursive: bool = False, callback: Callback = DEFAULT_CALLBACK, maxdepth: int | None = None,
        batch_size: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Uploads local files and directories, by fsspec's rules for the targets. `batch_size`: files transferred at once.

        Raises InvalidArgument before anything is done if two sources have the same target.
        """
        files, directories = transfers.uploads(self, lpath, rpath, recursive, maxdepth)
        for path in directories:
            self.makedirs(path, exist_ok=True)
        callback.set_size(len(files))

        def put_one(local: str, path: str) -> None:
            with callback.branched(local, path) as child:
                self.put_file(local, path, callback=child, **kwargs)

        if self._intrans:  # which is of this thread
            for local, path in callback.wrap(files):
                put_one(local, path)
        else:
            transfers.each(put_one, files, batch_size or self.batch_size, callback)

    def touch(self, path: str, truncate: bool = True, data: bytes | None = None, **kwargs: Any) -> Any:
        """Makes a file that is empty, or has `data`; one that exists is replaced. ValueError with truncate=False where there is one: its time cannot be set."""
        if truncate:
            return self.pipe_file(path, data or b"", **kwargs)
        made = self._create_missing(path, data or b"", **self._properties(path, kwargs))
        if made is None:
            raise ValueError(f"{self.unstrip_protocol(path)} exists, and a store does not set a file's time")
        return self._written(made)

    def _create_missing(self, path: str, data: bytes = b"", **properties: Any) -> tuple[str | None, str | None] | None:
        """Makes a file where there is none: its ETag and version; None: there was one."""
        path = self._see(path)
        try:
            return self._fs.write_file(path, data, condition="new", **properties)
        except FileExistsError:
            return None

    # ---- open files ----

    def open(
        self, path: str, mode: str = "rb", block_size: int | None = None, cache_options: dict[str, Any] | None = None, compression: str | None = None,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """A file: "rb", "wb", "xb", "ab", "r+b", or text without the "b". See ReadFile, WriteFile, AppendFile, UpdateFile and TextFile.

        `block_size` of a new file: what fits in it is one request (5 to 256 MiB); a larger one goes in parts as ever. Reads go by what is read, and ignore it.
        """
        path = self._file(path) if mode.startswith("r") else self._strip_protocol(path)
        text = {name: kwargs.pop(name) for name in ("encoding", "errors", "newline") if name in kwargs}
        if "b" not in mode:
            below = self.open(path, mode.replace("t", "") + "b", block_size, cache_options, compression, **kwargs)
            try:
                return TextFile(below, **text)
            except BaseException:
                getattr(below, "discard", below.close)()
                raise
        autocommit = kwargs.pop("autocommit", not self._intrans)
        file = self._open(path, mode, block_size=block_size, autocommit=autocommit, cache_options=cache_options, **kwargs)
        if not getattr(file, "autocommit", True):
            self.transaction.files.append(file)
        if compression is not None:
            from cove.compressed import open_compressed

            return open_compressed(file, path, compression, mode)
        return file

    def _open(
        self, path: str, mode: str = "rb", block_size: int | None = None, autocommit: bool = True, cache_options: dict[str, Any] | None = None,
        expected_size: int | None = None, size: int | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        letters = "".join(sorted(mode))
        if letters == "br":
            return self._reading(self._version(self._settle(path), kwargs), path, size)
        properties = self._properties(path, kwargs)
        if letters == "bw":
            return self._writing(path, autocommit, block_size=block_size, expected_size=expected_size, **properties)
        if letters == "bx":
            if self.exists(path):  # said before anything is sent; the store is asked again in the end
                raise failure("COVE_EEXIST", f"open {self.unstrip_protocol(path)}: it exists")
            return self._writing(path, autocommit, "xb", condition="new", block_size=block_size, expected_size=expected_size, **properties)
        if letters == "ab":
            if properties:
                raise ValueError(f"open {self.unstrip_protocol(path)}: {', '.join(properties)} cannot be set by an append; write the file by \"wb\"")
            return AppendFile(self, path)
        if letters == "+br":
            from cove.update import UpdateFile

            return UpdateFile(self, path, autocommit, properties)
        raise ValueError(f"open {self.unstrip_protocol(path)}: no mode {mode!r}; there are rb, wb, xb, ab, r+b, and r, w, x, a, r+ for text")

    def _reading(self, place: str, path: str, size: int | None) -> ReadFile:
        """`size`: the size that the caller expects. ValueError where it is another."""
        reader = _cove.Reader(self._fs, place)
        if size is not None and size != reader.size:
            known = reader.size
            reader.close()
            raise ValueError(f"open {self.unstrip_protocol(path)}: size={size}, but the file has {known} bytes; read(n) reads the first n")
        return ReadFile(self, path, reader, place)

    def _writing(
        self, path: str, autocommit: bool = True, mode: str = "wb", block_size: float | None = None, expected_size: int | None = None, **options: Any
    ) -> WriteFile:
        size = -1 if expected_size is None else expected_size
        first = int(min(block_size or 0, _MOST))
        return WriteFile(self, path, mode, autocommit, _cove.Writer(self._fs, path, expected_size=size, first_part=first, **options))

    def _acquire_appender(self, path: str) -> appenders.SharedAppender:
        return appenders.acquire(self._store, self._fs, path, self._append_options)

    # ---- changes ----

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Makes a directory with those above it, or a bucket. A store keeps no empty directories: this process remembers it."""
        self._check_arguments(path, kwargs, ("mode", "exist_ok"))
        self._fs.mkdir(self._strip_protocol(path))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """As `mkdir`."""
        self._fs.mkdir(self._strip_protocol(path))

    def rmdir(self, path: str) -> None:
        """Removes an empty directory or an empty bucket. No other call removes a bucket."""
        path = self._take(path)
        if not self._fs.stat(path)[2]:
            raise failure("COVE_ENOTDIR", f"rmdir {self.unstrip_protocol(path)}: a file, not a directory")
        advice = "rm with recursive=True removes what is in it"
        with _advice_where_not_empty(f"{advice}; older versions and unfinished uploads count, too" if self._is_bucket(path) else advice):
            self._fs.remove(path)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copies a file within the store, on the server's side."""
        self._fs.copy(self._see_file(path1, kwargs), self._take(path2))

    def copy(
        self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, on_error: str | None = None, batch_size: int | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        """Copies files and directories within the store, by fsspec's rules for the targets. Raises InvalidArgument before anything is done if two sources have
        the same target, or a target is another copy's source.

        on_error: "raise", or "ignore" to go on where a file has vanished meanwhile; the default of a recursive copy.
        """
        self._check_arguments(path1, kwargs, ("version_id", "versions"))
        on_error = on_error or ("ignore" if recursive else "raise")
        files, markers, directories, _ = transfers.copies(self, path1, path2, self._patterns(path1), recursive, maxdepth)
        pairs = [(self._version(self._settle(source), kwargs), self._end(target)) for source, target in files]
        results = self._fs.copy_many(pairs)
        gone = [target for (_, target), r in zip(pairs, results) if isinstance(r, FileNotFoundError)] if on_error == "ignore" else []
        self._need_buckets(gone)
        self._results([r for r in results if not (on_error == "ignore" and isinstance(r, FileNotFoundError))])
        self._make_directories(directories, pairs + self._copy_markers(markers))

    def mv(self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> None:
        """Moves files, and with `recursive` directories. Copies everything first; if a copy fails, nothing is removed.

        Raises OSError if another writer has replaced a file during the move; the new file stays, beside the copy of the old one. A bucket whose content is
        moved stays, empty.

        As for `rm`, "[ ]" alone does not make a pattern. A file or directory that would be moved onto itself is unchanged. Raises InvalidArgument before
        anything is done if two sources have the same target, a target is a source, or a directory would be moved into itself.
        """
        self._check_arguments(path1, kwargs)
        if transfers.same_path(self, path1, path2):
            return
        patterns = self._patterns(path1, removing=True)
        files, markers, directories, etags = transfers.copies(self, path1, path2, patterns, recursive, maxdepth, moving=True)
        pairs = [(self._end(source), self._end(target)) for source, target in files if source != target]
        if files and not pairs:
            return
        if len(pairs) == 1 and not recursive:
            self._fs.move(*pairs[0])
            return
        if not files and not recursive and self.isdir(path1):
            raise failure("COVE_EISDIR", f"move {self.unstrip_protocol(path1)}: a directory is moved with recursive=True")
        untold = [source for source, _ in pairs if source not in etags]
        etags.update((path, info[4]) for path, info in zip(untold, self._results(self._fs.stat_many(untold))))
        self._results(self._fs.copy_many(pairs))
        pairs += self._copy_markers(pair for pair in markers if pair[0] != pair[1])
        self._make_directories(directories, pairs)
        self._fs.remove_files([source for source, _ in pairs], [etags.get(source) for source, _ in pairs])
        if not patterns and not _is_list(path1) and maxdepth is None:
            self._remove_empty(self._directory(path1))

    def _copy_markers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Copies those directory markers that exist."""
        pairs = list(pairs)
        results = self._fs.copy_many(pairs)
        self._results([r for r in results if not isinstance(r, (*GONE, IsADirectoryError))])  # directories without a marker
        return [pair for pair, result in zip(pairs, results) if not isinstance(result, Exception)]

    def _make_directories(self, directories: list[str], copied: list[tuple[str, str]]) -> None:
        """Makes them, also those that are empty. A directory may have the name of a file only if something was copied into it."""
        names = sorted(target for _, target in copied)
        for path in directories:
            try:
                self.makedirs(path, exist_ok=True)
            except FileExistsError:
                below = targets.marker(path)
                at = bisect_left(names, below)
                if at == len(names) or not names[at].startswith(below):
                    raise

    def _need_buckets(self, paths: list[str]) -> None:
        """Raises FileNotFoundError where the bucket of a path does not exist."""

    def _remove_empty(self, path: str) -> None:
        """Removes the directories left after a directory's files were moved, unless new files have been put there meanwhile."""
        directory = targets.marker(path) if path else path  # without the slash it may name a file
        try:
            for name, _, is_directory, *_ in self._fs.list(directory):
                if is_directory:
                    self._remove_empty(name)
            if not self._is_bucket(path):
                self._fs.remove(directory)
        except GONE:
            pass
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise

    def _is_bucket(self, path: str) -> bool:
        """Whether `path` is a bucket or a whole store, which rm empties but does not remove."""
        return not path

    def rm_file(self, path: str, **kwargs: Any) -> None:
        """Removes one file. FileNotFoundError where there is none; a bucket is refused."""
        self._check_arguments(path, kwargs)
        self._remove_file(path)

    def _remove_file(self, path: str) -> str:
        """`rm_file`; the name of what it removed."""
        path = self._end(self._file(path))
        if self._is_bucket(path):
            self._fs.stat(path)  # FileNotFoundError where there is none
            why = "is a bucket: rm with recursive=True empties it, rmdir removes an empty one"
            raise failure("COVE_EISDIR", f"remove {self.unstrip_protocol(path)}: {why}")
        self._fs.remove(path)
        return path

    def bulk_delete(self, pathlist: list[str], **kwargs: Any) -> list[str]:
        """Removes files by their names alone, a thousand in one request, and gives the names. Which of them were there is not told."""
        if isinstance(pathlist, (str, bytes)):
            raise TypeError("bulk_delete takes a list of paths")
        self._check_arguments(pathlist, kwargs)
        names = [self._exact(path) for path in pathlist]
        self._remove_files(names)
        return names

    def _remove_files(self, names: list[str]) -> None:
        self._fs.remove_files([self._end(name) for name in names])

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> list[str]:
        """Removes files, and with `recursive` directories and everything below them. Takes paths, patterns or lists of them. A bucket is only emptied.
        Returns the paths that it removed; of files that were given by name in a list, also those that were not there.

        A path that exists is not a pattern. Otherwise a pattern removes what `glob` gives for it. "[ ]" alone does not make a pattern, so that the name of
        a missing file or directory never removes another one.

        Of one path, FileNotFoundError says that it isn't there. The files of a list are not looked at: a thousand of a bucket go in one request. Where
        that fails, some are gone and others are not.
        """
        check_depth(maxdepth)
        self._check_arguments(path, kwargs)
        patterns = self._patterns(path, removing=True)
        if not patterns and not _is_list(path) and not (recursive and maxdepth is not None):
            if recursive:
                return self._remove_tree(self._end(self._directory(path)))
            with _advice_where_not_empty("recursive=True removes it with its content"):
                return [self._remove_file(path)]
        removed: list[str] = []
        if recursive and maxdepth is None:
            for name in self._expand(path, patterns):
                self._remove_if_there(lambda place: removed.extend(self._remove_tree(place)), name)
            if not removed:
                raise failure("COVE_ENOTFOUND", f"remove {path}: nothing is there")
        else:
            found = self._expand(path, patterns, recursive, maxdepth)
            directories = {name: None for name, known in found.items() if known and known["type"] == "directory"}
            removed = [name for name in found if name not in directories]
            self._remove_files(removed)
            for name in reversed(directories):
                if self._is_bucket(name):
                    continue
                try:
                    if self._remove_if_there(self._fs.remove, name):
                        removed.append(name)
                except OSError as error:
                    if not (recursive and error.errno == errno.ENOTEMPTY):  # what is deeper than maxdepth stays
                        raise
        return removed

    def _remove_tree(self, path: str) -> list[str]:
        """Removes a path and everything below it; returns the removed paths, as far as they are known without more requests."""
        self._fs.remove_tree(path)
        return [path]

    def _remove_if_there(self, remove: Callable[[str], None], path: str) -> bool:
        """A directory may have gone with the last of its files, or with the one above it."""
        try:
            remove(self._end(path))
        except GONE:
            return False
        return True


def _check_local(path: Any) -> None:
    """A local str may look like a URL; a Path that does was made from a URL."""
    if isinstance(path, PurePath):
        check_url(path)


def time_of(ns: int) -> datetime:
    """UTC, of nanoseconds since 1970."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


@contextmanager
def _advice_where_not_empty(advice: str) -> Iterator[None]:
    """Completes the message of ENOTEMPTY."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            error.strerror = f"{error.strerror}: {advice}"
        raise


def _without(arguments: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in names}


def _is_list(path: Any) -> bool:
    return isinstance(path, (list, tuple, set))


def _together(files: list[tuple[str, str, int]]) -> Iterable[list[tuple[str, str, int]]]:
    """Small files in groups that fit in memory."""
    group: list[tuple[str, str, int]] = []
    held = 0
    for file in files:
        if group and held + file[2] > _TOGETHER:
            yield group
            group, held = [], 0
        group.append(file)
        held += file[2]
    if group:
        yield group
