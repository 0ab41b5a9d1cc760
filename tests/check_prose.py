#!/usr/bin/env python3
"""Finds words and lines that break the house style (CONTRIBUTING.md), in pages, comments, messages and names.

    tests/check_prose.py [FILE…]      by default every tracked file; the exit status is 1 if something was found

A word is either banned, or counted: then the number of lines that have it may only fall, and at zero it is banned. Lines of
pages have at most 100 columns, except tables, code and lines of one word.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 100
NOT_CHECKED = {"tests/check_prose.py", "tests/static/test_prose.py", "CONTRIBUTING.md"}  # they name the words
SUFFIXES = {".c", ".h", ".py", ".pyi", ".md", ".sh", ".build", ".1", ".in", ".7"}

# A pattern of whole words, in any case: what to write instead.
BANNED = {
    r"whoever": "the caller, a reader, who",
    r"anew": "again, new",
    r"is told": "is reported, is given",
    r"promises?": "guarantee, virtual directory",
    r"ceilings?": "limit",
    r"for ever": "forever",
    r"farthest": "high_water",
    r"how manyth": "index, number",
    r"strangers?": "other, unrelated",
    r"tongue": "format, protocol",
    r"of its own": "its own, another, separate",
    r"by itself": "alone, automatically",
    r"looks? at": "reads, checks",
    r"(go|goes|going|gone|went) on": "continue, resume",
    r"what there is": "the noun",
    r"lets go": "releases",
    r"tells": "reports, returns, shows",
    r"whosever": "the first that, another's",
    r"whilst|hitherto|thereof|wherein|amiss|forthwith|thence|betwixt|hither": "a plain word",
}

# The same for counted words, with the number of lines that still have them.
LEFT = {
    r"nobody|somebody": ("no caller, another user, the passive", 30),  # those that are left are names of users
    r"says": ("prints, reports, returns, lists", 2),  # the field `says` of the mock store's cases
}

# Pages that a program writes.
LONG_LINES = {"bench/python/README.md", "bench/results.md", "bench/gcs-results.md"}


def tracked(root):
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, capture_output=True, check=True).stdout
    return [os.fsdecode(name) for name in listing.split(b"\0") if name]


def texts(root):
    """{name: its lines} for all files that people read."""
    names = [name for name in tracked(root) if Path(name).suffix in SUFFIXES and name not in NOT_CHECKED]
    return {
        name: (root / name).read_text(encoding="utf-8", errors="replace").splitlines()
        for name in names
        if (root / name).is_file() and not (root / name).is_symlink()
    }


def found(pattern, files):
    """Lines with the pattern, as (file, number)."""
    word = re.compile(rf"\b({pattern})\b", re.IGNORECASE)
    return [(name, n) for name, lines in files.items() for n, line in enumerate(lines, 1) if word.search(line)]


def long_lines(lines):
    """The numbers of the lines of a page that are too long."""
    result, fenced = [], False
    for n, line in enumerate(lines, 1):
        fenced ^= line.startswith("```")
        if len(line) > COLUMNS and not fenced and not line.startswith("|") and " " in re.sub(r"`[^`]*`", "", line).strip():
            result.append(n)
    return result


def problems(root=ROOT, banned=BANNED, left=LEFT, long=LONG_LINES):
    """{file: messages}. Messages under "" concern the whole tree."""
    files, result = texts(root), {}
    for pattern, instead in banned.items():
        for name, n in found(pattern, files):
            result.setdefault(name, []).append(f"{name}:{n}: write {instead}, not {pattern}")
    for pattern, (instead, count) in left.items():
        places = found(pattern, files)
        if len(places) > count:
            result.setdefault("", []).append(
                f'{len(places)} lines have "{pattern}", at most {count} may; write {instead}: ' + ", ".join(f"{name}:{n}" for name, n in places)
            )
    for name, lines in files.items():
        for n in long_lines(lines) if name.endswith(".md") and name not in long else ():
            result.setdefault(name, []).append(f"{name}:{n}: more than {COLUMNS} columns")
    return result


def main():
    wanted = {os.path.relpath(os.path.abspath(name), ROOT) for name in sys.argv[1:]}
    lines = [line for name, messages in problems().items() if not wanted or not name or name in wanted for line in messages]
    print("\n".join(lines), end="\n" if lines else "", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
