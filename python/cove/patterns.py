"""Glob patterns as fsspec documents them: * ? [ ] within one name, ** for any number of directories."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count

_TOKENS = re.compile(r"\*+|\?|\[(?:!.|[^!])[^]]*\]|.", re.DOTALL)


def matcher(pattern: str) -> Callable[[str], object]:
    """A function that returns whether a whole path matches the pattern. ValueError: ** beside other characters in one name.

    Matching never backtracks without limit: its time is bounded by the lengths of pattern and path. The text between two wildcards is matched at the first
    place where it fits. Later places need not be tried, because the next wildcard can match the text in between. Only the last wildcard reaches to the end.
    """
    *above, last = pattern.split("/")
    groups = count()
    runs: list[str] = [""]  # the names between two **
    for part in above:
        if part == "**":
            runs.append("")
        else:
            runs[-1] += _name(part, groups) + "/"
    end = ".*" if last == "**" else _name(last, groups)
    regex, *below = runs
    for run in below if last == "**" else below[:-1]:
        # ** never matches only one directory with an empty name. So a run that contains empty names may fit later only: it is not atomic.
        regex += f"(?:.+/)?{run}" if run.startswith("/") or "//" in run else _first(f"(?:.+?/)??{run}", groups)
    if below and last != "**":
        regex += "(?:.+/)?" + below[-1]
    return re.compile(regex + end, re.DOTALL).fullmatch


def _first(regex: str, groups: Iterator[int]) -> str:
    """An atomic group: matches at the first place only. Python's re has atomic groups from 3.11 on only."""
    group = f"g{next(groups)}"
    return f"(?=(?P<{group}>{regex}))(?P={group})"


def check_depth(maxdepth: int | None) -> None:
    if maxdepth is not None and maxdepth < 1:
        raise ValueError("maxdepth must be at least 1")


def _name(part: str, groups: Iterator[int]) -> str:
    if part == "*":
        return "[^/]+"
    if "**" in part:
        raise ValueError(f"Invalid pattern: '**' can only be an entire path component, not {part!r}")
    runs: list[str] = [""]  # the characters between two *
    for token in _TOKENS.findall(part):
        if token == "*":
            runs.append("")
        else:
            runs[-1] += _token(token)
    first, *others = runs
    return first + "".join(_first(f"[^/]*?{run}", groups) for run in others[:-1]) + "".join("[^/]*" + run for run in others[-1:])


def _token(token: str) -> str:
    if token == "?":
        return "[^/]"
    return re.escape(token) if len(token) == 1 else _one_of(token[1:-1])


def _one_of(characters: str) -> str:
    """The regex of the text between [ and ]: characters and ranges, or after "!" all characters but these."""
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
