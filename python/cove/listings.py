"""Listings, and the expansion of paths and patterns.

An object store takes any key, so a tree may have names that no local disk can hold:

- A name may be both a file and a directory ("a" beside "a/b"). Results keyed by name have the file.
- "a//b" is in a directory with an empty name, whose path is "a//".
- An empty object whose name ends in a slash is the marker of a directory. A non-empty one is a file of exactly that name.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from glob import has_magic
from operator import itemgetter
from types import FrameType
from typing import Any

from fsspec.utils import stringify_path

from cove import transfers
from cove.coroutines import Coroutines
from cove.errors import failure
from cove.patterns import check_depth, matcher

GONE = (FileNotFoundError, NotADirectoryError)
_BRACES = re.compile(r"[{}]")
_MAGIC = re.compile(r"[][*?{}]")


class Listings(Coroutines):
    """The methods of a filesystem that list."""

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
        """The path in the store, with the version from the call's arguments, after everything that this process appended there has been sent."""
        path = self._settle(self._directory(path))
        return self._version(path, kwargs) if kwargs else path

    def _see_file(self, path: Any, kwargs: dict[str, Any] | None = None) -> str:
        """The same for a file, whose name may end in a slash, which costs one request."""
        path = self._settle(self._file(path))
        return self._version(path, kwargs) if kwargs else path

    # ---- what is below ----

    def ls(self, path: str, detail: bool = False, **kwargs: Any) -> list[Any]:
        """The entries directly below a path, sorted: names, or dicts with `detail`. A file lists itself. A name that is both a file and a directory has two
        entries."""
        entries = sorted(self._fs.list(self._see(path, kwargs)), key=itemgetter(0))
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
        place = path.removesuffix("/")
        directories: Any = {_name(place, e): e for e in entries if e["type"] == "directory"}
        files: Any = {_name(place, e): e for e in entries if e["type"] != "directory"}
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

    async def _walk(
        self, path: str, maxdepth: int | None = None, topdown: bool = True, on_error: Any = "omit", **kwargs: Any
    ) -> AsyncIterator[tuple[str, Any, Any]]:
        steps = self.walk(path, maxdepth, topdown, on_error, **kwargs)
        while (step := await asyncio.to_thread(next, steps, None)) is not None:
            yield step

    def find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, prefix: str = "", **kwargs: Any) -> Any:
        """All files below a path, and the file of that name. With `withdirs` also directories, including the path itself. `prefix`: only entries whose path
        below `path` begins with it.

        A path that is not there has none; FileNotFoundError where its bucket does not exist.

        If the path is a directory, checking for a file of the same name costs one more request. A slash at the end of the path leaves that out. Where
        nothing is found, checking for the bucket costs one.
        """
        root = self._see(path, kwargs)
        if maxdepth is None and not withdirs and not prefix:
            found = {e[0]: self._details(e) for e in self._fs.find(root)}
        else:
            found = _by_name(e for e in self._below(root, maxdepth, prefix) if withdirs or e["type"] != "directory")
        if self._may_be_both(path, root, found) and not prefix:
            found.update(_by_name(self._file_itself(root)))
        if not found:
            self._check_bucket(root)
        return dict(sorted(found.items())) if detail else sorted(found)

    def _check_bucket(self, path: str) -> None:
        """Raises FileNotFoundError where the path is in a bucket that does not exist: then its name has a mistake in it, and "nothing" is no answer."""

    def _below(self, root: str, maxdepth: int | None = None, prefix: str = "") -> list[dict[str, Any]]:
        """The files and directories below a path, and what it is itself where it is no bucket of buckets."""
        start = root if not root or root.endswith("/") else f"{root}/"
        if maxdepth is not None:
            steps = self.walk(root, maxdepth, on_error=_unless_gone, detail=True)
            found = [e for _, directories, files in steps for e in (*directories.values(), *files.values())]
        else:
            listed = self._fs.glob(f"{_literal(start + prefix)}*/**") if prefix else self._fs.walk(root)
            found = [self._details(e) for e in listed]
        if prefix:
            return [e for e in found if e["name"].startswith(start + prefix)]
        return found if not root or any(e["name"] == root for e in found) else found + self._top(root, bool(found))

    @staticmethod
    def _may_be_both(path: Any, root: str, found: dict[str, dict[str, Any]]) -> bool:
        """Whether `root`, given as `path`, is a directory with entries and may also be a file."""
        itself = found.get(root)
        return "/" in root and len(found) > (itself is not None) and not stringify_path(path).endswith("/") and (not itself or itself["type"] == "directory")

    def _file_itself(self, path: str) -> list[dict[str, Any]]:
        """The entry of the file of this name, if there is one."""
        return [e for e in self._top(path, False) if e["type"] != "directory"] if self._fs.is_file(path) else []

    def _top(self, path: str, something_below: bool) -> list[dict[str, Any]]:
        """The entry of `path` itself: a directory if there is something below it, else what the store says."""
        if something_below:
            return [self._details((path, 0, True, *[None] * 5))]
        try:
            return [self._details(self._fs.stat(path))]
        except GONE:
            return []

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """The paths that a pattern with *, ?, [] and ** matches, as documented by fsspec: sorted names, or a dict keyed by name with `detail=True`.

        `maxdepth`: how many levels the first ** stands for at most, each of which is listed by itself.
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
            levels = pattern[len(top) + 1 if top else 0 : pattern.index("**")].count("/")
            found = list(_by_name(self._below(top, levels + maxdepth)).values())
        else:
            found = [self._details(e) for e in self._fs.glob(_BRACES.sub(r"[\g<0>]", pattern))]
        if pattern.endswith("/**") and literal == pattern[:-2]:  # the directory itself matches, too
            top = pattern[:-2] if pattern.endswith("//**") else pattern[:-3]
            found += [e for e in self._top(top, any(e["name"] != top for e in found)) if e["type"] == "directory"]
        if not has_magic(pattern):
            return found
        matches = matcher(pattern + "/" * directories_only)
        slash = directories_only or pattern.endswith("/**")
        return [e for e in found if matches(e["name"] + "/" * (slash and e["type"] == "directory"))]

    def du(self, path: str, total: bool = True, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any) -> Any:
        """The total size of all files below a path in bytes; with total=False the size of each. Directories count 0."""
        found = self.find(path, maxdepth=maxdepth, withdirs=withdirs, detail=True, **kwargs)
        sizes = {name: details["size"] for name, details in found.items()}
        return sum(sizes.values()) if total else sizes

    # ---- paths and patterns ----

    def _patterns(self, path: Any, removing: bool = False) -> set[str]:
        """Those of the given paths that are patterns. A path that exists is not one, and a key of a mapping never is. Checking a path with special
        characters costs one request if it is a file, else two. `removing`: for removals and moves, where "[ ]" alone does not make a pattern.
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
        """The expansion of paths and patterns, with the entry of each; None if it has not been looked up.

        A directory that has the same name as a file is keyed by its name with a slash, unless there is a file of that name, too. With `recursive`, one more
        request for each path checks for a file.
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
            raise failure("COVE_ENOTFOUND", f"expand {path}: nothing is there")
        files = {e["name"]: e for e in entries if e["type"] != "directory"}
        marked_last = sorted((e for e in entries if e["type"] == "directory"), key=lambda e: "ETag" in e)
        directories = {e["name"] + "/" * (e["name"] in files): e for e in marked_last}
        return dict(sorted({**unseen, **directories, **files}.items()))

    def _with_itself(self, root: str, maxdepth: int | None) -> list[dict[str, Any]]:
        """The entries of a path and everything below it. A directory may also be a file."""
        found = self._below(root, maxdepth)
        if any(e["name"] == root and e["type"] == "directory" for e in found) and "/" in root:
            found += self._file_itself(root)
        return found

    def expand_path(self, path: Any, recursive: bool = False, maxdepth: int | None = None, assume_literal: bool = False, **kwargs: Any) -> list[str]:
        """The sorted paths that paths and patterns expand to; with `recursive`, also everything below them. A path that exists is not a pattern."""
        self._check_arguments(path, kwargs)
        found = self._expand(path, set() if assume_literal else self._patterns(path), recursive, maxdepth)
        return sorted({known["name"] if known else name for name, known in found.items()})


def _called_by_mapping() -> bool:
    """Whether fsspec's FSMap makes this call. It passes its keys, which are names, to methods that take patterns, so only its frame shows it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (module := frame.f_globals.get("__name__", "")).partition(".")[0] in ("cove", "fsspec"):
        if module == "fsspec.mapping":
            return True
        frame = frame.f_back
    return False


def _by_name(entries: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The entries keyed by name; of a name that is both, the file."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry["type"] != "directory" or entry["name"] not in found:
            found[entry["name"]] = entry
    return found


def _name(place: str, entry: dict[str, Any]) -> str:
    """The name of an entry in the directory `place`; "" for `place` itself, which is a file then."""
    name = entry["name"][len(place) + 1 if place else 0 :]
    return name.removesuffix("/") if entry["type"] == "directory" else name


def _literal(path: str) -> str:
    """A pattern that matches only this path."""
    return _MAGIC.sub(r"[\g<0>]", path)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, GONE):
        raise error
