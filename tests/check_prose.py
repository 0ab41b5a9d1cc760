#!/usr/bin/env python3
"""Finds words and lines that the house style does not have (CONTRIBUTING.md): in pages, comments, messages and names.

    tests/check_prose.py [FILE…]      every tracked file by default; the exit status is 1 where something was found

A word is banned, or it is left over: then no more of it may come than are there, until it is gone and can be banned. Pages
have lines of at most 100 columns. Tables, code and lines of one word may be as
long as they are.
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
    r"(go|goes|going|gone|went) on with": "resume, continue",
    r"for ever": "forever",
    r"farthest": "high_water",
    r"how manyth": "index, number",
    r"strangers?": "other, unrelated",
    r"tongue": "format, protocol",
    r"whilst|hitherto|thereof|wherein|amiss|forthwith|thence|betwixt|hither": "a plain word",
}

# The same, with how many lines have it still.
LEFT = {
    r"of its own": ("its own, another, separate", 19),
    r"by itself": ("no word, alone", 29),
    r"looks? at": ("reads, checks", 34),
}

# Programs write their long lines.
LONG_LINES = {"bench/python/README.md", "bench/results.md"}


def tracked(root):
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                             capture_output=True, check=True).stdout
    return [os.fsdecode(name) for name in listing.split(b"\0") if name]


def texts(root):
    """{name: its lines} of all files that are read by people."""
    names = [name for name in tracked(root) if Path(name).suffix in SUFFIXES and name not in NOT_CHECKED]
    return {name: (root / name).read_text(encoding="utf-8", errors="replace").splitlines() for name in names
            if (root / name).is_file() and not (root / name).is_symlink()}


def found(pattern, files):
    """Lines with the pattern, as (file, number)."""
    word = re.compile(rf"\b({pattern})\b", re.IGNORECASE)
    return [(name, n) for name, lines in files.items() for n, line in enumerate(lines, 1) if word.search(line)]


def long_lines(lines):
    """The numbers of lines of a page that are too long."""
    result, fenced = [], False
    for n, line in enumerate(lines, 1):
        fenced ^= line.startswith("```")
        if len(line) > COLUMNS and not fenced and not line.startswith("|") and " " in re.sub(r"`[^`]*`", "", line).strip():
            result.append(n)
    return result


def problems(root=ROOT, banned=BANNED, left=LEFT, long=LONG_LINES):
    """{file: what is wrong there, in lines}; "" stands for the whole tree."""
    files, result = texts(root), {}
    for pattern, instead in banned.items():
        for name, n in found(pattern, files):
            result.setdefault(name, []).append(f"{name}:{n}: write {instead}, not {pattern}")
    for pattern, (instead, count) in left.items():
        places = found(pattern, files)
        if len(places) > count:
            result.setdefault("", []).append(f"{len(places)} lines have \"{pattern}\", {count} had; write {instead}: "
                                             + ", ".join(f"{name}:{n}" for name, n in places))
    for name, lines in files.items():
        for n in long_lines(lines) if name.endswith(".md") and name not in long else ():
            result.setdefault(name, []).append(f"{name}:{n}: more than {COLUMNS} columns")
    return result


def main():
    wanted = {os.path.relpath(os.path.abspath(name), ROOT) for name in sys.argv[1:]}
    lines = [line for name, said in problems().items() if not wanted or not name or name in wanted for line in said]
    print("\n".join(lines), end="\n" if lines else "", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
