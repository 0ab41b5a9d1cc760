"""Local paths of `get` and `put`, by the rules that fsspec documents. They do not depend on the installed version of fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterable
from glob import has_magic

from fsspec.implementations.local import LocalFileSystem

from cove.errors import failure
from cove.patterns import check_depth

_SCHEMES = ("file://", "file:", "local://", "local:")


def absolute(path: str) -> str:
    """The absolute path. "~" at the start is expanded. A slash at the end is kept; "." gets one."""
    if path.startswith("~"):
        return os.path.expanduser(path)
    return path if path.startswith("/") else f"{os.getcwd()}/{'' if path == '.' else path.removeprefix('./')}"


def without_scheme(path: str) -> str:
    """The absolute path of an element of a list, which may be a file:// URL. A slash at the end is removed."""
    scheme = next(filter(path.startswith, _SCHEMES), "")
    return absolute(path[len(scheme) :]).rstrip("/") or "/"


def patterns_in(paths: Iterable[str]) -> set[str]:
    """The paths that are patterns. A path that exists is not one."""
    return {path for path in paths if has_magic(path) and not os.path.lexists(path)}


def expand(paths: Iterable[str], patterns: set[str], recursive: bool, maxdepth: int | None) -> list[str]:
    """The sorted paths that paths and patterns expand to; with `recursive`, also everything below them, and then the paths must exist."""
    check_depth(maxdepth)
    found: set[str] = set()
    for path in paths:
        if path not in patterns:
            some = _below(path.rstrip("/") or "/", maxdepth) if recursive else {path.rstrip("/") or "/"}
            why = "no such local file or directory"
        else:
            some = set(LocalFileSystem().glob(path, maxdepth=maxdepth))
            if recursive and maxdepth != 1:  # the matches of a pattern are the first level
                some = some.union(*(_below(match, maxdepth and maxdepth - 1) for match in some))
            why = "no local path matches this pattern; to match the character [, write [[]"
        if not some:
            raise failure("COVE_ENOTFOUND", f"put {path}: {why}")
        found |= some
    return sorted(found)


def _below(path: str, maxdepth: int | None) -> set[str]:
    found = set(LocalFileSystem().find(path, maxdepth=maxdepth, withdirs=True))
    return found | {path} if os.path.exists(path) else found
