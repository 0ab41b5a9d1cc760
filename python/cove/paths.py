"""URLs with a missing slash: pathlib turns "s3://bucket/x" into "s3:/bucket/x", which every program takes for a local path.

The library refuses them, and so does every function of this package that takes a path: otherwise a file in a local folder "s3:" would be missed too late.
"""

from __future__ import annotations

import errno
import re
from os import PathLike, fspath
from typing import Any

from cove import FILESYSTEMS
from cove._cove import InvalidArgument

_SCHEMES = "|".join(map(re.escape, FILESYSTEMS))
_AT_THE_START = re.compile(rf"({_SCHEMES}):/(?!/)")
_ANYWHERE = re.compile(rf"(?:^|/)({_SCHEMES}):/(?!/)")


def check_url(path: Any) -> None:
    """Raises InvalidArgument for a cove URL with one slash after its scheme."""
    if match := _AT_THE_START.match(_text(path)):
        raise _refusal(path, match)


def check_target(path: Any) -> None:
    """The same for a path to write to, also if it has been made absolute: "/home/me/s3:/bucket/x". This refuses "./s3:/x" too."""
    text = _text(path)
    if "://" not in text and (match := _ANYWHERE.search(text)):
        raise _refusal(path, match)


def _text(path: Any) -> str:
    path = fspath(path) if isinstance(path, PathLike) else path
    return path if isinstance(path, str) else ""


def _refusal(path: Any, match: re.Match[str]) -> InvalidArgument:
    url = f"{match[1]}://{match.string[match.end():]}"
    why = f"{path}: one slash after the scheme, so this would be a local path (pathlib removes a slash); pass the URL as a str, {url!r}"
    return InvalidArgument(errno.EINVAL, why)
