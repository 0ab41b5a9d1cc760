"""URLs that have lost a slash: pathlib makes "s3:/bucket/x" of "s3://bucket/x", which every program takes for a local path.

The library refuses them, and so does this package wherever a path comes in: a file that goes to a folder named "s3:" is found missing too late.
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
    """Raises InvalidArgument for a URL of cove's with one slash behind its scheme."""
    if match := _AT_THE_START.match(_text(path)):
        raise _refusal(path, match)


def check_target(path: Any) -> None:
    """The same for a place to write to, which may have been made absolute meanwhile: "/home/me/s3:/bucket/x". ("./s3:" would be one, too.)"""
    text = _text(path)
    if "://" not in text and (match := _ANYWHERE.search(text)):
        raise _refusal(path, match)


def _text(path: Any) -> str:
    path = fspath(path) if isinstance(path, PathLike) else path
    return path if isinstance(path, str) else ""


def _refusal(path: Any, match: re.Match[str]) -> InvalidArgument:
    url = f"{match[1]}://{match.string[match.end():]}"
    why = f"{path}: two slashes stand behind a scheme, and pathlib leaves one, so this would be a local path; write the URL as a str, {url!r}"
    return InvalidArgument(errno.EINVAL, why)
