"""Patterns of paths, as fsspec documents them: * ? [ ] within one name, ** for any number of directories."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKENS = re.compile(r"\*+|\?|\[(?:!.|[^!])[^]]*\]|.", re.DOTALL)


def matcher(pattern: str) -> Callable[[str], object]:
    """A function that tells whether a whole path matches. ValueError: ** beside other characters."""
    *above, last = pattern.split("/")
    regex = "".join(map(_directories, above)) + (".*" if last == "**" else _name(last))
    return re.compile(regex, re.DOTALL).fullmatch


def check_depth(maxdepth: int | None) -> None:
    if maxdepth is not None and maxdepth < 1:
        raise ValueError("maxdepth must be at least 1")


def _directories(part: str) -> str:
    return "(?:.+/)?" if part == "**" else _name(part) + "/"


def _name(part: str) -> str:
    if part == "*":
        return "[^/]+"
    if "**" in part:
        raise ValueError(f"Invalid pattern: '**' can only be an entire path component, not {part!r}")
    return "".join(map(_token, _TOKENS.findall(part)))


def _token(token: str) -> str:
    if token == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    return re.escape(token) if len(token) == 1 else _one_of(token[1:-1])


def _one_of(characters: str) -> str:
    """What stands between [ and ]: characters and ranges, after a ! all others."""
    negated = characters.startswith("!")
    accepted = ""
    for low, high in re.findall(r"(.)(?:-(.))?", characters[negated:], re.DOTALL):
        if not high:
            accepted += re.escape(low)
        elif low <= high:
            accepted += f"{re.escape(low)}-{re.escape(high)}"
    if negated:
        return f"[^/{accepted}]"
    return f"[{accepted}]" if accepted else "(?!)"  # an empty range matches nothing
