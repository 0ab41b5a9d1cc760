"""Converts paths to text and refuses URLs that pathlib has damaged.

pathlib turns "s3://bucket/x" into "s3:/bucket/x", which other programs use as a local path. The library and every function of this package that takes a path
refuse such a URL. Otherwise a run would be saved into a local folder "s3:" without an error.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import Any

from fsspec.utils import stringify_path

from cove.errors import failure
from cove.schemes import FILESYSTEMS

_SCHEMES = "|".join(map(re.escape, FILESYSTEMS))
_AT_THE_START = re.compile(rf"({_SCHEMES}):/(?!/)", re.IGNORECASE)
_ANYWHERE = re.compile(rf"(?:^|/)({_SCHEMES}):/(?!/)", re.IGNORECASE)


def as_text(path: Any) -> str:
    """A path that a caller has given, as a str."""
    path = stringify_path(path)
    if isinstance(path, bytes):
        return os.fsdecode(path)
    if not isinstance(path, str):
        raise TypeError(f"a path is a str, not {type(path).__name__}: {path!r}")
    return path


def check_url(path: Any) -> None:
    """Raises InvalidArgument for a cove URL with one slash after its scheme."""
    if match := _AT_THE_START.match(_text(path)):
        raise _refusal(path, match)


def check_target(path: Any) -> None:
    """The same for a path to write to, also if it has been made absolute: "/home/me/s3:/bucket/x". This refuses "./s3:/x" too."""
    if match := _in_target(path):
        raise _refusal(path, match)


def url_of(path: Any) -> str | None:
    """The URL that a path refused by `check_target` was made from; None for any other path."""
    match = _in_target(path)
    return match and _url(match)


def _in_target(path: Any) -> re.Match[str] | None:
    text = _text(path)
    return None if "://" in text else _ANYWHERE.search(text)


def _text(path: Any) -> str:
    # No fspath of other classes: it may return another path, or download a file.
    return str(path) if isinstance(path, (str, PurePath)) else ""


def _url(match: re.Match[str]) -> str:
    return f"{match[1].lower()}://{match.string[match.end() :]}"


def _refusal(path: Any, match: re.Match[str]) -> OSError:
    why = f"open {path}: one slash after the scheme, so this would be a local path (pathlib removes a slash); pass the URL as a str, {_url(match)!r}"
    if match.string.startswith("/"):
        why += f", or {f'file://{match.string}'!r} for a local folder of this name"
    return failure("COVE_EINVAL", why)


def is_list(path: Any) -> bool:
    """Whether a call was given several paths."""
    return isinstance(path, (list, tuple, set))


class StripProtocol:
    """`_strip_protocol` of a class and of its filesystems, where URLs name a store: an account, a cluster. A filesystem refuses the URL of another one: its path
    would be read from, or written to, the filesystem's own store."""

    def __get__(self, fs: Any, cls: Any) -> Any:
        return cls._path_of if fs is None else fs._own_path
