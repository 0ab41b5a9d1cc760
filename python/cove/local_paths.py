"""Paths on the local disk, as fsspec documents them for `get` and `put`, the same whichever version of fsspec is installed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from glob import has_magic

from fsspec.implementations.local import LocalFileSystem

from cove.errors import failure
from cove.patterns import check_depth

_SCHEMES = ("file://", "file:", "local://", "local:")


def absolute(path: str) -> str:
    """The path from the root on. "~" at its start is a home folder; a slash at its end stays, and "." has one."""
    if path.startswith("~"):
        return os.path.expanduser(path)
    return path if path.startswith("/") else f"{os.getcwd()}/{'' if path == '.' else path.removeprefix('./')}"


def without_scheme(path: str) -> str:
    """The same for a member of a list, which may be a file:// URL; without a slash at its end."""
    scheme = next(filter(path.startswith, _SCHEMES), "")
    return absolute(path[len(scheme) :]).rstrip("/") or "/"


def patterns_in(paths: Iterable[str]) -> set[str]:
    """The paths that are patterns: one that exists is not."""
    return {path for path in paths if has_magic(path) and not os.path.lexists(path)}


def expand(paths: Iterable[str], patterns: set[str], recursive: bool, maxdepth: int | None) -> list[str]:
    """The sorted paths that paths and `patterns` among them stand for; with `recursive`, also everything below them, and the paths must exist."""
    check_depth(maxdepth)
    found: set[str] = set()
    for path in paths:
        if path not in patterns:
            some = _below(path.rstrip("/") or "/", maxdepth) if recursive else {path.rstrip("/") or "/"}
            why = "nothing is there"
        else:
            some = set(LocalFileSystem().glob(path, maxdepth=maxdepth))
            if recursive and maxdepth != 1:  # what a pattern matches is the first level
                some = some.union(*(_below(match, maxdepth and maxdepth - 1) for match in some))
            why = "nothing matches; in a pattern, [ of a name is written [[]"
        if not some:
            raise failure("COVE_ENOTFOUND", f"put {path}: {why}")
        found |= some
    return sorted(found)


def _below(path: str, maxdepth: int | None) -> set[str]:
    found = set(LocalFileSystem().find(path, maxdepth=maxdepth, withdirs=True))
    return found | {path} if os.path.exists(path) else found
