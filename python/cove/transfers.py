"""Transfers of many files: the target of each, by fsspec's rules, and running several at once."""

from __future__ import annotations

import os
import select
import stat
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import Any

from fsspec.callbacks import DEFAULT_CALLBACK, Callback

from cove import _cove, local_paths, targets
from cove.errors import failure
from cove.paths import as_text, is_list

BLOCK = 4 << 20  # bytes between two calls of a callback
PARALLEL = 16  # files under way at once; each may have several parts in parallel
_mine = threading.local()  # `transfer`: the transfer that this thread works for


class _Transfer:
    """A transfer of many files by several threads. Stopping it also ends the local writes in progress, such as one that waits for the reader of a pipe."""

    def __init__(self) -> None:
        self.stopped = False
        self._writers: set[_cove.Writer] = set()
        self._lock = threading.Lock()

    def begin(self, writer: _cove.Writer) -> None:
        with self._lock:
            self._writers.add(writer)
            if self.stopped:
                writer.cancel()

    def end(self, writer: _cove.Writer) -> None:
        with self._lock:
            self._writers.discard(writer)

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            for writer in self._writers:
                writer.cancel()


def plain(path: Any) -> Any:
    """A path as a string; a list of paths as a list of strings."""
    return [as_text(p) for p in path] if is_list(path) else as_text(path)


def same_path(fs: Any, one: Any, other: Any) -> bool:
    """Whether two paths, or two lists of them, are equal, with or without the scheme. A trailing slash on `other` alone is ignored."""
    one, other = plain(one), plain(other)
    if isinstance(one, list) or isinstance(other, list):
        return one == other
    ends = [path[len(path.rstrip("/")) :] for path in (one, other)]
    return fs._strip_protocol(one) == fs._strip_protocol(other) and ends[0] in ("", ends[1])


def destinations(sources: list[str], source: Any, pattern: bool, target: Any, into: bool) -> list[str]:
    """The target of each of `sources`, which `source` (a path, a pattern or a list) expanded to.

    `pattern`: `source` is a pattern. `target`: a path or a list of paths. `into`: `target` is an existing directory, or ends in a slash. Then a file keeps its
    name inside it, and so does a directory that is given without a slash at its end.
    """
    listed = not isinstance(source, str)
    keeps_name = not listed and (len(sources) == 1 if pattern else into and not source.endswith("/"))
    if isinstance(target, str) and (listed or (keeps_name and len(sources) == 1)):
        return [f"{target.rstrip('/')}/{_last(path)}" for path in sources]
    return _renamed(sources, target, keeps_name) if isinstance(target, str) else _as_many(target, sources)


def _renamed(paths: list[str], target: str, keeps_name: bool) -> list[str]:
    """The paths with `target` in place of their common parent. `keeps_name`: the last part of that parent stays, unless it is the only one."""
    common: list[str] = os.path.commonprefix([path.split("/") for path in paths])  # type: ignore[type-var, assignment]
    if keeps_name:
        common = common[:-1] or common
    start = len("/".join(common))
    below = [path[start:] for path in paths]
    return [target.rstrip("/") + (path if not path or path.startswith("/") else f"/{path}") for path in below]


def _as_many(target: list[str], sources: list[str]) -> list[str]:
    if len(target) != len(sources):
        raise ValueError(f"{len(sources)} sources, but {len(target)} targets: give one target for each source, or one directory")
    return target


def _last(path: str) -> str:
    """The last part of a path, including trailing slashes, which may be part of a name in a store."""
    return path[path.rstrip("/").rfind("/") + 1 :]


def without_directories(found: dict[str, Any], source: Any, recursive: bool, maxdepth: int | None, is_directory: Callable[[str], bool]) -> dict[str, Any]:
    """The entries that a copy includes: files only, if `source` is a path or pattern and the copy is not recursive or is limited by `maxdepth`."""
    if not isinstance(source, str) or (recursive and maxdepth is None):
        return found
    return {path: known for path, known in found.items() if not (known["type"] == "directory" if known else is_directory(path))}


def downloads(fs: Any, source: Any, target: Any, recursive: bool, maxdepth: int | None) -> tuple[list[tuple[str, str, Any]], list[str]]:
    """(path in the store, local path, its entry if known) for each file and directory; and the files that are skipped because no file on a disk has a name that
    ends in a slash."""
    source, target = plain(source), plain(target)
    if isinstance(source, list) and isinstance(target, list):
        pairs = [(fs._file(s), local_paths.absolute(t)) for s, t in zip(source, target, strict=True)]
        targets.check_local(pairs, [])
        return [(path, local, None) for path, local in pairs], []
    patterns = fs._patterns(source)
    found = without_directories(fs._expand(source, patterns, recursive, maxdepth), source, recursive, maxdepth, fs.isdir)
    if not found:
        return [], []
    target = local_paths.absolute(target) if isinstance(target, str) else [local_paths.absolute(t) for t in target]
    into = isinstance(target, str) and (target.endswith("/") or os.path.isdir(target))
    places = destinations(list(found), source, bool(patterns), target, into)
    if isinstance(target, str):
        targets.check_inside(target, places)
    directories = {path for path, known in found.items() if known and known["type"] == "directory"}
    named = set() if recursive else {fs._exact(path) for path in ([source] if isinstance(source, str) else source)}  # its own target
    unfit = {path for path in found if path.endswith("/") and path not in directories and path not in named}
    triples = [(path, local, known) for (path, known), local in zip(found.items(), places) if path not in unfit]
    files = [(path, local) for path, local, _ in triples if path not in directories]
    targets.check_local(files, [(path, local) for path, local, _ in triples if path in directories])
    return triples, sorted(unfit)


def uploads(fs: Any, source: Any, target: Any, recursive: bool, maxdepth: int | None) -> tuple[list[tuple[str, str]], list[str]]:
    """(local path, path in the store) for each file; and the directories to make. Others exist as soon as their files do."""
    source, target = plain(source), plain(target)
    if isinstance(source, list) and isinstance(target, list):
        pairs = [(local_paths.absolute(s), fs._strip_protocol(t)) for s, t in zip(source, target, strict=True)]
    else:
        source = local_paths.absolute(source) if isinstance(source, str) else list(map(local_paths.without_scheme, source))
        named = [source] if isinstance(source, str) else source
        patterns = local_paths.patterns_in(named)
        found = dict.fromkeys(local_paths.expand(named, patterns, recursive, maxdepth))
        sources = _copied(without_directories(found, source, recursive, maxdepth, os.path.isdir), {*named})
        if not sources:
            return [], []
        into = isinstance(target, str) and (target.endswith("/") or fs._may_be_directory(target))
        pairs = list(zip(sources, destinations(sources, source, bool(patterns), fs._strip_protocol(target), into)))
    directories = {local: path for local, path in pairs if os.path.isdir(local)}
    made = {*_tops(directories), *(d for d in directories if not os.listdir(d))}
    files = [pair for pair in pairs if pair[0] not in directories]
    targets.check_distinct(files)
    return files, sorted(directories[d] for d in made)


def _copied(found: Iterable[str], named: set[str]) -> list[str]:
    """The paths without pipes, sockets and devices, unless they were named."""
    others = {path for path in found if path not in named and _is_special(path)}
    for path in sorted(others):
        warnings.warn(f"put {path}: neither a file nor a directory, so it is not copied; name it to copy it", stacklevel=5)
    return [path for path in found if path not in others]


def _is_special(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False  # reported when it is opened
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def copies(
    fs: Any, source: Any, target: Any, patterns: set[str], recursive: bool, maxdepth: int | None, moving: bool = False
) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[str], dict[str, Any]]:
    """For a copy within the store: (source, target) for each file; the same for existing directory markers; the directories to make that no file implies; and
    the ETags known from listings."""
    source, target = plain(source), plain(target)
    if isinstance(source, list) and isinstance(target, list):
        pairs = [(fs._file(s), fs._strip_protocol(t)) for s, t in zip(source, target, strict=True)]
        targets.check_within(pairs)
        return pairs, [], [], {}
    found = without_directories(fs._expand(source, patterns, recursive, maxdepth), source, recursive, maxdepth, fs.isdir)
    if not found:
        return [], [], [], {}
    into = isinstance(target, str) and (target.endswith("/") or fs._may_be_directory(target))
    places = dict(zip(found, destinations(list(found), source, bool(patterns), fs._strip_protocol(target), into)))
    directories = dict.fromkeys(path for path, known in found.items() if known and known["type"] == "directory")
    pairs = [pair for pair in places.items() if pair[0] not in directories]
    if moving:
        targets.check_not_inside((d, places[d]) for d in directories)
    tops = _tops(directories)  # a listing below them does not include their own markers
    marked = [d for d in directories if "ETag" in found[d] or (d in tops and "/" in d and "/" in places[d])]
    files = dict(pairs)  # includes non-empty objects with the name of a marker
    markers = [(targets.marker(d), targets.marker(places[d])) for d in marked if targets.marker(d) not in files]
    targets.check_within(pairs + markers)
    names = set(files.values())
    etags = {targets.marker(d): found[d].get("ETag") for d in directories}
    etags.update((path, found[path].get("ETag")) for path, _ in pairs if found[path])
    missing = directories if fs._keeps_directories else tops
    return pairs, markers, [places[d] for d in missing if places[d].rstrip("/") not in names], etags


def _tops(directories: Iterable[str]) -> dict[str, None]:
    """The directories that are not below another one."""
    tops: dict[str, None] = {}
    last = ""
    for directory in sorted(directories, key=targets.marker):
        if not last or not directory.startswith(last):
            tops[directory] = None
            last = targets.marker(directory)
    return tops


@cache
def _local() -> _cove.Filesystem:
    return _cove.Filesystem("file:///", {"fsync": "false"})


@contextmanager
def local_file(path: Any, size: int = -1, timeout_s: float = 0) -> Iterator[_cove.Writer]:
    """Opens a local file for writing, which replaces `path` when it is complete. Makes missing folders above it.

    `size`: in bytes, if known. Pipes and devices are written to directly; `timeout_s` (0: none) limits each wait for the reader.
    """
    # No normpath: symbolic links decide what ".." means. No expansion: a local name may begin with ~ or look like a URL.
    writer = _cove.Writer(_local(), os.path.join(os.getcwd(), os.fsdecode(path)), expected_size=size, timeout=timeout_s or None)
    transfer = getattr(_mine, "transfer", None)
    if transfer is not None:
        transfer.begin(writer)
    try:
        yield writer
        writer.finish()
    finally:
        writer.abort()  # if it was not finished
        if transfer is not None:
            transfer.end(writer)


@contextmanager
def local_source(path: str, timeout_s: float = 0) -> Iterator[Any]:
    """Opens a local file for reading. Waiting for a pipe ends when its transfer is stopped, or after `timeout_s` (0: never)."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb", buffering=0) as file:
        yield file if stat.S_ISREG(os.fstat(fd).st_mode) else _Pipe(file, path, timeout_s)


class _Pipe:
    """Reads from a pipe or a device."""

    def __init__(self, file: Any, path: str, timeout_s: float):
        self.fileno, self._file, self._path, self._timeout_s, self._poll = file.fileno, file, path, timeout_s, select.poll()
        self._poll.register(file, select.POLLIN)

    def readinto(self, buffer: memoryview) -> int:
        until = time.monotonic() + self._timeout_s
        while True:
            if self._poll.poll(100):
                n = self._file.readinto(buffer)
                if n is not None:
                    return n
            check_stopped()
            if self._timeout_s and time.monotonic() >= until:
                raise failure("COVE_ETIMEDOUT", f"put {self._path}: no data within the timeout of {self._timeout_s:g} s")


def check_stopped() -> None:
    """Raises if the transfer that this thread works for was stopped."""
    transfer = getattr(_mine, "transfer", None)
    if transfer is not None and transfer.stopped:
        raise failure("COVE_ECANCELED", "transfer: stopped, because another of its files failed or it was interrupted")


def send(source: Any, target: Any, callback: Callback = DEFAULT_CALLBACK, block: int = BLOCK) -> None:
    """Copies the rest of `source` to `target`, through one buffer."""
    buffer = memoryview(bytearray(block))
    while n := source.readinto(buffer):
        target.write(buffer[:n])
        callback.relative_update(n)
        check_stopped()


def send_whole(source: Any, target: Any, callback: Callback) -> None:
    """Copies all of `source` (a reader at its first byte) to an open file. If the source is replaced before the first byte is written, copies the new
    version."""
    while True:
        callback.set_size(source.size)
        try:
            send(source, target, callback, min(max(source.size, 1), BLOCK))
            return
        except _cove.PreconditionFailed:
            if source.tell() > 0:
                raise
        source.reopen()


def download(source: Any, path: Any, timeout_s: float, callback: Callback) -> None:
    """Copies all of `source` (a reader at its first byte) to a local file, which is replaced at the end. If the source is replaced meanwhile, restarts with the
    new version, unless a pipe or a device has already received bytes."""
    while True:
        callback.set_size(source.size)
        try:
            with local_file(path, source.size, timeout_s) as target:
                send(source, target, callback, min(max(source.size, 1), BLOCK))
            return
        except _cove.PreconditionFailed:
            done = source.tell()
            if done > 0 and _is_special(path):
                raise
        source.reopen()
        callback.relative_update(-done)


def each(work: Callable[..., None], calls: Iterable[Sequence[Any]], parallel: int | None, callback: Callback) -> None:
    """Calls `work` with each of `calls`, several in parallel, and counts them. The first failure stops the others, each at its next block."""
    calls = list(calls)
    if len(calls) == 1:  # on this thread: in the main thread Ctrl-C ends a call of the library at once
        work(*calls[0])
        callback.relative_update(1)
        return
    todo, under_way = iter(calls), set()
    transfer = _Transfer()

    def one(*call: Any) -> None:
        _mine.transfer = transfer
        work(*call)

    with ThreadPoolExecutor(parallel or PARALLEL, thread_name_prefix="cove-copy") as pool:
        try:
            for call in todo:
                under_way.add(pool.submit(one, *call))
                if len(under_way) > 2 * (parallel or PARALLEL):
                    under_way = _finished(under_way, callback)
            while under_way:
                under_way = _finished(under_way, callback)
        except BaseException:
            transfer.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _finished(under_way: set, callback: Callback) -> set:
    done, rest = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
        callback.relative_update(1)
    return rest
