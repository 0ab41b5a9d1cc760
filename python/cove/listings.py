"""The details of files and directories, listings, and the expansion of paths and patterns.

A key in an object store is any text, so a tree may have names that cannot exist on a local disk:

- A name may be both a file and a directory ("a" beside "a/b"). A result that is keyed by name has the file.
- "a//b" is in a directory with an empty name. The path of that directory is "a//".
- An empty object whose name ends in a slash is the marker of a directory. A non-empty one is a file of exactly that name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from glob import has_magic
from operator import itemgetter
from types import FrameType
from typing import Any

from fsspec.utils import stringify_path

from cove import appenders, targets, transfers
from cove.errors import failure
from cove.patterns import check_depth, matcher
from cove.store import Store, time_of

GONE = (FileNotFoundError, NotADirectoryError)
_BRACES = re.compile(r"[{}]")
_MAGIC = re.compile(r"[][*?{}]")


class Listings(Store):
    """The methods of a filesystem that find files and expand paths."""

    # ---- one path ----

    def _exact(self, path: Any) -> str:
        """The path in the store, with its trailing slashes."""
        path = stringify_path(path)
        stripped = self._strip_protocol(path)
        return stripped + path[len(path.rstrip("/")) :] if stripped else ""

    def _directory(self, path: Any) -> str:
        """The path of a directory in the store. Trailing slashes are dropped, unless they are part of its name: with two of them, this costs one request."""
        if type(path) is str and path.endswith("//") and (exact := self._exact(path)) and self._fs.is_directory(exact):
            return exact
        return self._strip_protocol(path)

    def _file(self, path: Any) -> str:
        """The path of a file or directory in the store: a trailing slash costs one request."""
        if type(path) is str and path.endswith("/") and (exact := self._exact(path)) and self._fs.is_file(exact):
            return exact
        return self._directory(path)

    def _see(self, path: Any, kwargs: dict[str, Any] | None = None) -> str:
        """The path in the store, with the version from the call's arguments, after sending all bytes that this process appended there."""
        path = self._settle(self._directory(path))
        return self._version(path, kwargs) if kwargs else path

    def _see_file(self, path: Any, kwargs: dict[str, Any] | None = None) -> str:
        """The same for a file. Its name may end in a slash; this costs one request."""
        path = self._settle(self._file(path))
        return self._version(path, kwargs) if kwargs else path

    # ---- details ----

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """The details of a file or a directory: `name` (its path), `size` in bytes, `type` ("file" or "directory"), and the store's own entries.

        FileNotFoundError: there is neither. If both have this name, the details are the file's. Appended bytes that this process still holds are sent first.
        """
        return self._details(self._fs.stat(self._see_file(path, kwargs)))

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Whether there is a file or a directory. Raises if the store cannot be reached or refuses the request."""
        return self._fs.exists(self._see(path, kwargs))

    def isdir(self, path: str) -> bool:
        """Whether there is a directory. In a bucket a file may have the same name."""
        if known := self._known(path):
            return known == "directory"
        place = self._see(path)
        try:
            return self._fs.is_directory(place)
        except PermissionError as refused:
            self._sole_file(place, refused)
            return False

    def _may_be_directory(self, path: str) -> bool:
        """Whether a file that is written to `path` goes into it. Without the right to list, it is taken for a file: writing may be allowed all the same."""
        try:
            return self.isdir(path)
        except PermissionError:
            return False

    def _sole_file(self, path: str, refused: PermissionError) -> Any:
        """After a listing was refused: the store's entry of the file `path`, which may be looked at without the right to list. Raises `refused` if it is no
        file."""
        try:
            entry = self._fs.stat(path)
        except OSError:
            raise refused from None
        if entry[2]:
            raise refused
        return entry

    def _listed(self, listing: Callable[[str], Any], path: str) -> list[Any]:
        """The entries of one of the store's listings. Without the right to list: the file itself."""
        try:
            return list(listing(path))
        except PermissionError as refused:
            return [self._sole_file(path, refused)]

    def isfile(self, path: str) -> bool:
        """Whether there is a file. In a bucket a directory may have the same name."""
        known = self._known(path)
        if known is None and self._fs.is_file(place := self._see_file(path)):
            appenders.found(self._store, place)
            known = "file"
        return known == "file"

    def _known(self, path: str) -> str | None:
        """The type of a path if it is known from a log that this process appends to; else None."""
        return appenders.known_type(self._store, self._strip_protocol(path)) if appenders.dirty else None

    def size(self, path: str) -> int:
        """The size of a file in bytes; 0 for a directory."""
        return self._fs.stat(self._see_file(path))[1]

    def sizes(self, paths: list[str], batch_size: int | None = None) -> list[int]:
        """The `size` of each path, in parallel. `batch_size` has no effect: the library limits the number of requests under way."""
        return [info[1] for info in self._results(self._fs.stat_many([self._see_file(path) for path in paths]))]

    def modified(self, path: str, version_id: str | None = None, refresh: bool = False) -> datetime:
        """When the file, or the version `version_id` of it, was last written, in UTC."""
        info = self._fs.stat(self._see_file(path, {"version_id": version_id}))
        if info[3] is None:
            raise failure("COVE_EISDIR", f"modified {self.unstrip_protocol(path)}: a directory has no modification time")
        return time_of(info[3])

    def _etag(self, path: str) -> str | None:
        return self._fs.stat(path)[4]

    # ---- listings ----

    def ls(self, path: str, detail: bool = False, **kwargs: Any) -> list[Any]:
        """The entries directly below a path, sorted: names, or dicts with `detail`. A file lists itself. A name that is both a file and a directory has two
        entries."""
        entries = sorted(self._listed(self._fs.list, self._see(path, kwargs)), key=itemgetter(0))
        return [self._details(e) for e in entries] if detail else [e[0] for e in entries]

    def walk(
        self, path: str, maxdepth: int | None = None, topdown: bool = True, on_error: str | Callable[[OSError], Any] = "omit", detail: bool = False,
        **kwargs: Any,
    ) -> Iterator[tuple[str, Any, Any]]:  # fmt: skip
        """Yields (path, directories, files) for each directory, as fsspec does; one request each. Names, or with `detail` dicts keyed by name.

        path + "/" + name is always the path of an entry. A name may be "": a directory with an empty name, or a file whose name ends in a slash.
        """
        check_depth(maxdepth)
        yield from self._steps(self._see(path, kwargs), maxdepth, topdown, on_error, detail)

    def _steps(self, path: str, maxdepth: int | None, topdown: bool, on_error: Any, detail: bool) -> Iterator[tuple[str, Any, Any]]:
        try:
            entries = [self._details(e) for e in sorted(self._fs.list(self._settle(path)), key=itemgetter(0))]
        except OSError as error:
            if on_error == "raise":
                raise
            if callable(on_error):
                on_error(error)
            return
        place, start = path.removesuffix("/"), targets.marker(path) if path else ""
        directories: Any = {_name(start, e): e for e in entries if e["type"] == "directory"}
        files: Any = {_name(start, e): e for e in entries if e["type"] != "directory"}
        below = {name: e["name"] for name, e in directories.items()}
        if not detail:
            directories, files = list(directories), list(files)
        if topdown:
            yield place, directories, files
        if maxdepth is None or maxdepth > 1:
            for name in directories:
                yield from self._steps(below.get(name, f"{place}/{name}"), maxdepth and maxdepth - 1, topdown, on_error, detail)
        if not topdown:
            yield place, directories, files

    def find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, prefix: str = "", **kwargs: Any) -> Any:
        """All files below a path, and the file of that name. With `withdirs` also directories, including the path itself. `prefix`: only entries whose path
        below `path` begins with it.

        The result is empty if the path does not exist. FileNotFoundError: its bucket does not exist.

        If the path is a directory, checking for a file of the same name costs one more request. A slash at the end of the path avoids it. If
        nothing is found, checking for the bucket costs one request.
        """
        root = self._see(path, kwargs)
        if maxdepth is None and not withdirs and not prefix:
            found = {e[0]: self._details(e) for e in self._listed(self._fs.find, root)}
        else:
            found = _by_name(e for e in self._below(root, maxdepth, prefix) if withdirs or e["type"] != "directory")
        if self._may_be_both(path, root, found) and not prefix:
            found.update(_by_name(self._file_itself(root)))
        if not found:
            self._check_bucket(root)
        return dict(sorted(found.items())) if detail else sorted(found)

    def _check_bucket(self, path: str) -> None:
        """Raises FileNotFoundError if the path is in a bucket that does not exist: probably its name is mistyped, and an empty result would hide that."""

    def _below(self, root: str, maxdepth: int | None = None, prefix: str = "") -> list[dict[str, Any]]:
        """The files and directories below a path, and the entry of the path itself unless it is the whole store."""
        start = root if not root or root.endswith("/") else f"{root}/"
        if maxdepth is not None:
            steps = self.walk(root, maxdepth, on_error=_unless_gone, detail=True)
            found = [e for _, directories, files in steps for e in (*directories.values(), *files.values())]
        else:
            listed = self._fs.glob(f"{_literal(start + prefix)}*/**") if prefix else self._listed(self._fs.walk, root)
            found = [self._details(e) for e in listed]
        if prefix:
            return [e for e in found if e["name"].startswith(start + prefix)]
        return found if not root or any(e["name"] == root for e in found) else found + self._top(root, bool(found))

    def _is_ambiguous(self, path: str) -> bool:
        """Whether the path of a directory may also be that of a file."""
        return "/" in path

    def _may_be_both(self, path: Any, root: str, found: dict[str, dict[str, Any]]) -> bool:
        """Whether `root`, given as `path`, is a directory with entries and may also be a file."""
        itself = found.get(root)
        return (
            self._is_ambiguous(root)
            and len(found) > (itself is not None)
            and not stringify_path(path).endswith("/")
            and (not itself or itself["type"] == "directory")
        )

    def _file_itself(self, path: str) -> list[dict[str, Any]]:
        """The entry of the file of this name, if there is one."""
        return [e for e in self._top(path, False) if e["type"] != "directory"] if self._fs.is_file(path) else []

    def _top(self, path: str, something_below: bool) -> list[dict[str, Any]]:
        """The entry of `path` itself: a directory if there is something below it, else the store's entry, if any."""
        if something_below:
            return [self._details((path, 0, True, None, None, None, None, None, None, None, None))]
        try:
            return [self._details(self._fs.stat(path))]
        except GONE:
            return []

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """The paths that a pattern with *, ?, [] and ** matches, as documented by fsspec: sorted names, or a dict keyed by name with `detail=True`.

        `maxdepth`: the most levels that the first ** matches. Each level is listed separately.
        """
        check_depth(maxdepth)
        detail = kwargs.pop("detail", False)
        withdirs = kwargs.pop("withdirs", True)
        found = _by_name(e for e in self._matches(path, maxdepth, kwargs) if withdirs or e["type"] != "directory")
        return dict(sorted(found.items())) if detail else sorted(found)

    def _matches(self, path: Any, maxdepth: int | None, kwargs: dict[str, Any]) -> list[dict[str, Any]]:
        """The entries that a pattern matches. A name that is both a file and a directory has two."""
        path = stringify_path(path)
        pattern = self._strip_protocol(path)
        directories_only = path.endswith("/")
        literal = pattern[: _MAGIC.search(pattern + "*").start()]  # type: ignore[union-attr]
        top = literal.rpartition("/")[0]
        self._see(top if literal != pattern else literal, kwargs)
        if maxdepth is not None and "**" in pattern:
            levels = pattern[len(literal) : pattern.index("**")].count("/")
            found = list(_by_name(self._below(top, levels + maxdepth)).values())
        else:
            found = [self._details(e) for e in self._fs.glob(_BRACES.sub(r"[\g<0>]", pattern))]
        if pattern.endswith("/**") and literal == pattern[:-2]:  # the directory itself matches, too
            top = pattern[:-2] if pattern == "/**" or pattern.endswith("//**") else pattern[:-3]
            found += [e for e in self._top(top, any(e["name"] != top for e in found)) if e["type"] == "directory"]
        if not has_magic(pattern):
            return found
        matches = matcher(pattern + "/" * directories_only)
        slash = directories_only or pattern.endswith("/**")
        return [e for e in found if matches(e["name"] + "/" * (slash and e["type"] == "directory"))]

    def du(self, path: str, total: bool = True, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any) -> Any:
        """The total size of all files below a path in bytes; with total=False a dict of sizes by path. A directory has size 0."""
        found = self.find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True, **kwargs)
        sizes = {name: details["size"] for name, details in found.items()}
        return sum(sizes.values()) if total else sizes

    # ---- paths and patterns ----

    def _patterns(self, path: Any, removing: bool = False) -> set[str]:
        """The given paths that are patterns. A path that exists is not one, and a key of an FSMap never is. Checking a path with special characters costs one
        request if it is a file, else two. `removing`: for removals and moves, where "[ ]" alone does not make a pattern.
        """
        path = transfers.plain(path)
        special = [p for p in dict.fromkeys([path] if isinstance(path, str) else path) if self._may_be_pattern(p)]
        if special and _called_by_mapping():
            return set()
        if removing:
            special = [p for p in special if "*" in p or "?" in p]
        there = self._fs.stat_many([self._see(p) for p in special]) if special else []
        self._results([r for r in there if not isinstance(r, (*GONE, ValueError))])  # ValueError: not a valid name, so it does not exist
        return {p for p, result in zip(special, there) if isinstance(result, Exception)}

    def _may_be_pattern(self, path: str) -> bool:
        return has_magic(path)

    def _expand(self, path: Any, patterns: set[str], recursive: bool = False, maxdepth: int | None = None) -> dict[str, Any]:
        """Expands paths and patterns to {path: its entry, or None if it was not requested}.

        A directory with the same name as a file is keyed by its name with a slash, unless there is a file of that name as well. With `recursive`, each path
        costs one more request, which checks for a file.
        """
        check_depth(maxdepth)
        path = transfers.plain(path)
        entries: list[dict[str, Any]] = []
        unseen: dict[str, Any] = {}
        for given in [path] if isinstance(path, str) else path:
            if given in patterns:
                matches = self._matches(given, maxdepth, {})
                entries += matches
                deeper = None if maxdepth is None else maxdepth - 1
                for match in matches:
                    if recursive and match["type"] == "directory" and deeper != 0:
                        entries += self._below(match["name"], deeper)
            elif recursive:
                entries += self._with_itself(self._see(given), maxdepth)
            else:
                place = self._file(given)
                if place.endswith("/"):  # not the file or directory without the slash
                    entries += self._top(place, False)
                else:
                    unseen.setdefault(place)
        if not entries and not unseen:
            for given in [path] if isinstance(path, str) else path:
                self._check_bucket(self._strip_protocol(given))
            raise failure("COVE_ENOTFOUND", f"expand {path}: no file or directory has this name, and no path matches it")
        files = {e["name"]: e for e in entries if e["type"] != "directory"}
        marked_last = sorted((e for e in entries if e["type"] == "directory"), key=lambda e: "ETag" in e)
        directories = {e["name"] + "/" * (e["name"] in files): e for e in marked_last}
        return dict(sorted({**unseen, **directories, **files}.items()))

    def _with_itself(self, root: str, maxdepth: int | None) -> list[dict[str, Any]]:
        """The entries of a path and everything below it. A directory may also be a file."""
        found = self._below(root, maxdepth)
        if any(e["name"] == root and e["type"] == "directory" for e in found) and self._is_ambiguous(root):
            found += self._file_itself(root)
        return found

    def expand_path(self, path: Any, recursive: bool = False, maxdepth: int | None = None, assume_literal: bool = False, **kwargs: Any) -> list[str]:
        """The sorted paths that paths and patterns expand to; with `recursive`, also everything below them. A path that exists is not a pattern."""
        self._check_arguments(path, kwargs)
        found = self._expand(path, set() if assume_literal else self._patterns(path), recursive, maxdepth)
        return sorted({known["name"] if known else name for name, known in found.items()})


def _called_by_mapping() -> bool:
    """Whether fsspec's FSMap makes this call. It passes keys, which are never patterns, to methods that take patterns. Only its stack frame shows that."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (module := frame.f_globals.get("__name__", "")).partition(".")[0] in ("cove", "fsspec"):
        if module == "fsspec.mapping":
            return True
        frame = frame.f_back
    return False


def _by_name(entries: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The entries keyed by name. For a name that is both a file and a directory: the file."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry["type"] != "directory" or entry["name"] not in found:
            found[entry["name"]] = entry
    return found


def _name(start: str, entry: dict[str, Any]) -> str:
    """The name of an entry in a directory, without what the paths below it begin with; "" for the directory itself, if a file has its name."""
    name = entry["name"][len(start) :]
    return name.removesuffix("/") if entry["type"] == "directory" else name


def _literal(path: str) -> str:
    """A pattern that matches only this path."""
    return _MAGIC.sub(r"[\g<0>]", path)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, GONE):
        raise error
