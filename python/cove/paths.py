"""Paths as they are given: as text, and URLs with a missing slash. pathlib turns "s3://bucket/x" into "s3:/bucket/x", which every program takes for a local path.

The library refuses such a URL, and so does every function of this package that takes a path: otherwise a file in a local folder "s3:" would be missed too late.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import Any

from fsspec.utils import stringify_path

from cove import FILESYSTEMS
from cove.errors import failure

_SCHEMES = "|".join(map(re.escape, FILESYSTEMS))
_AT_THE_START = re.compile(rf"({_SCHEMES}):/(?!/)", re.IGNORECASE)
_ANYWHERE = re.compile(rf"(?:^|/)({_SCHEMES}):/(?!/)", re.IGNORECASE)


def as_text(path: Any) -> str:
    """A path that somebody has given, as a str."""
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
    # Not fspath of anything else: for other classes it may be another path, or a download.
    return str(path) if isinstance(path, (str, PurePath)) else ""


def _url(match: re.Match[str]) -> str:
    return f"{match[1].lower()}://{match.string[match.end():]}"


def _refusal(path: Any, match: re.Match[str]) -> OSError:
    why = f"open {path}: one slash after the scheme, so this would be a local path (pathlib removes a slash); pass the URL as a str, {_url(match)!r}"
    if match.string.startswith("/"):
        why += f", or {f'file://{match.string}'!r} for a local folder of this name"
    return failure("COVE_EINVAL", why)
