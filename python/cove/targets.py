"""Checks the targets of a copy of many files before anything is copied. Two sources with the same target would lose a file."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from cove.errors import failure


def check_distinct(pairs: Iterable[tuple[str, str]]) -> None:
    """`pairs`: (source, target). Raises InvalidArgument if two have the same target."""
    sources: dict[str, str] = {}
    for source, target in pairs:
        if target in sources:
            raise _same_target(sources[target], source, target)
        sources[target] = source


def check_within(pairs: list[tuple[str, str]]) -> None:
    """The same for copies within a store. There a target must not be the source of another copy either."""
    check_distinct(pairs)
    sources = {source for source, _ in pairs}
    for source, target in pairs:
        if target in sources and target != source:
            raise _refusal(f"{target} is both a source and the target of {source}: nothing was done; copy them one after the other")


def check_not_inside(places: Iterable[tuple[str, str]]) -> None:
    """`places`: (directory, target). Raises InvalidArgument if a directory would be moved into itself."""
    for directory, place in places:
        if place != directory and place.startswith(marker(directory)):
            raise _refusal(f"{directory} cannot be moved into itself, to {place}: nothing was done")


def check_inside(top: str, places: Iterable[str]) -> None:
    """Raises InvalidArgument if a local path is outside of `top`, for example because a key contains ".."."""
    top = os.path.abspath(top)
    for place in places:
        if os.path.commonpath([top, whole := os.path.abspath(place)]) != top:
            raise _refusal(f"{place} is {whole}, which is outside of {top}: nothing was done")


def marker(directory: str) -> str:
    """The name of a directory's marker, which is also the prefix of everything in it."""
    return directory if directory.endswith("/") else f"{directory}/"


def check_local(files: list[tuple[str, str]], directories: list[tuple[str, str]]) -> None:
    """`files`, `directories`: (source, local target). On a disk two paths may name one file, and no name is both a file and a directory."""
    real = _resolver()
    files = [(source, real(target)) for source, target in files]
    directories = [(source, real(target)) for source, target in directories]
    for first, second, target in _collisions(files, directories, str):
        raise _same_target(first, second, target)
    ignores_case = cache(_ignores_case)
    for first, second, target in _collisions(files, directories, _folded):
        if ignores_case(_existing(target)):
            raise _same_target(first, second, target)


def _same_target(first: str, second: str, target: str) -> OSError:
    return _refusal(f"{first} and {second} have the same target, {target}: nothing was done; copy them to different targets")


def _refusal(why: str) -> OSError:
    return failure("COVE_EINVAL", why)


def _collisions(files: list[tuple[str, str]], directories: list[tuple[str, str]], key: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    """Yields (source, source, target) where two files have the same key, or a file has the key of a directory that is copied or needed as a parent."""
    sources: dict[str, str] = {}
    for source, target in files:
        if (name := key(target)) in sources:
            yield sources[name], source, target
        sources[name] = source
    seen: set[str] = set()
    for source, target in [*((s, os.path.dirname(t)) for s, t in files), *((f"{s}/", t) for s, t in directories)]:
        while target not in seen:
            seen.add(target)
            if key(target) in sources:
                yield sources[key(target)], source, target
            target = os.path.dirname(target)


def _resolver() -> Callable[[str], str]:
    """A function from a local path to one canonical name of the file. It resolves each directory once."""
    directory = cache(os.path.realpath)

    def resolve(path: str) -> str:
        parent, name = os.path.split(path.rstrip("/"))
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        whole = os.path.join(directory(parent), name)
        return os.path.realpath(whole) if os.path.islink(whole) else whole

    return resolve


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path.casefold())


def _existing(path: str) -> str:
    """The nearest existing directory above a path."""
    while not os.path.isdir(path := os.path.dirname(path)):
        pass
    return path


def _ignores_case(directory: str) -> bool:
    """Whether names in a directory are case-insensitive."""
    try:
        with tempfile.NamedTemporaryFile(prefix=".cove-case-", dir=directory) as probe:
            return os.path.lexists(os.path.join(directory, os.path.basename(probe.name).swapcase()))
    except OSError:
        return False  # not writable
