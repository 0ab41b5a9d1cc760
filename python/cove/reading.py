"""The methods that read files or download them: `cat`, `head`, `tail`, `get`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.utils import isfilelike, read_block

from cove import _cove, ranges, transfers
from cove.arguments import without
from cove.errors import failure
from cove.opening import Opening
from cove.paths import check_url, is_list

_SMALL = 1 << 20  # bytes; smaller files are downloaded many at a time
_TOGETHER = 32 << 20  # bytes of small files in memory at once


class Reading(Opening):
    """The methods of a filesystem that read files or download them."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """The bytes of a file, or `file[start:end]` with the meaning of a Python slice."""
        path = self._see_file(path, kwargs)
        if start is None and end is None:
            return self._fs.read_file(path)
        return self._fs.read_range(path, *ranges.byte_range(start, end, lambda: self._fs.stat(path)[1]))

    def cat_ranges(self, paths: list[str], starts: Any, ends: Any, max_gap: int | None = None, on_error: str = "return", **kwargs: Any) -> list[Any]:
        """`paths[i][starts[i]:ends[i]]` for each i, in parallel. `max_gap` has no effect: the library decides which nearby ranges it merges."""
        if not isinstance(paths, list):
            raise TypeError("paths must be a list")
        starts, ends = ranges.spread(paths, starts), ranges.spread(paths, ends)
        return self._results(ranges.read(self._fs, [self._see_file(path, kwargs) for path in paths], starts, ends), on_error)

    def cat(self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """The bytes of one file; or a dict from path to bytes, for a list, a pattern, or all files below a directory.

        on_error: "raise", "omit" (leave out files that fail) or "return" (the exception in place of the bytes).
        """
        patterns = self._patterns(path)
        if not recursive and not patterns and not is_list(path):
            return self.cat_file(path, **kwargs)
        reading = without(kwargs, "start", "end")
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

    def head(self, path: str, size: int = 1024) -> bytes:
        """The first `size` bytes of a file; the whole file if it is shorter."""
        return self._fs.read_range(self._see_file(path), 0, size)

    def tail(self, path: str, size: int = 1024) -> bytes:
        """The last `size` bytes of a file; the whole file if it is shorter."""
        return self._fs.read_range(self._see_file(path), -size, size) if size else b""

    def read_block(self, fn: str, offset: int, length: int | None, delimiter: bytes | None = None) -> bytes:
        """Up to `length` bytes from `offset`; b"" beyond the end. With a delimiter, the whole lines that begin in that range."""
        with self.open(fn) as file:
            offset = min(offset, file.size)
            rest = file.size - offset
            return read_block(file, offset, rest if length is None else min(length, rest), delimiter)

    # ---- downloads ----

    def get_file(self, rpath: str, lpath: Any = None, callback: Callback = DEFAULT_CALLBACK, outfile: Any = None, **kwargs: Any) -> None:
        """Downloads a file to a local path or into an open file, in bounded memory. A local file is replaced at the end. For a directory, makes a local one."""
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

        Raises InvalidArgument before anything is done if two sources have the same target, or a target is both a file and a directory. A file whose name
        ends in a slash cannot be stored on a disk: the other files are copied, then IsADirectoryError is raised.
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


def _check_local(path: Any) -> None:
    """A local path given as a str may look like a URL. A Path that does was made from a URL, which is an error."""
    if isinstance(path, PurePath):
        check_url(path)


def _together(files: list[tuple[str, str, int]]) -> Iterable[list[tuple[str, str, int]]]:
    """Divides small files into groups that fit in memory."""
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
