#!/usr/bin/env python3
"""Includes point down only: a room of src/ includes itself and the rooms below it, never one above.

    tests/check_includes.py [ROOT]      prints FILE:LINE: why, exit status 1 where there is anything to print

It also checks:

- files of a room do not call each other in a circle, nor do those of the engine of object stores and its backends
- public headers include public and standard headers only
- programs (cli/, examples/) and the Python extension include public headers only
- a backend includes no header of another backend
- headers of a foreign library are included in one room only

A unit test may include any header.
"""

import re
import sys
from pathlib import Path

# From the ground up; rooms of one line do not know each other.
FLOORS = [["base"], ["wire"], ["net"], ["auth"], ["fs"], ["stream"], ["queue"], ["checkpoint", "events"], ["trainer"]]
FLOOR = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}

# The folder of fs/ that the backends of object stores may include: what they share. It includes none of them.
ENGINE = "object"
BACKENDS = ("s3", "gcs", "azure", "webhdfs")
# A backend that reads the same site files as another one, and has its paths.
SHARES = {("viewfs", "hdfs")}

# The header of a library, and the only rooms that may know it.
KEPT_IN = {
    "curl/": {"net"},
    "expat.h": {"wire"},
    "isa-l": {"wire"},
    "openssl/": {"wire", "auth", "base"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == "<", match.group(2)


def check_source(path, parts):
    """A file of src/: its room is parts[0]; parts[1] too where that is a backend's folder."""
    room = parts[0]
    backend = parts[1] if room == "fs" and len(parts) > 2 else None
    for number, angled, name in includes(path):
        for library, rooms in KEPT_IN.items():
            if name.startswith(library) and room not in rooms:
                yield number, f"<{name}> is for {', '.join(sorted(rooms))} only"
        if angled or name == "config.h":
            continue
        target = name.split("/")
        if len(target) < 2 or target[0] not in FLOOR:
            yield number, f'"{name}": includes name the room: "room/file.h"'
        elif target[0] != room and FLOOR[target[0]] >= FLOOR[room]:
            yield number, f'"{name}": {target[0]} is not below {room}'
        elif target[0] == "fs" and len(target) > 2 and target[1] != backend and not (target[1] == ENGINE and backend or (backend, target[1]) in SHARES):
            yield number, f'"{name}": only the backend {target[1]} itself may know its inside'


def check_public(path):
    for number, angled, name in includes(path):
        if not angled or not (name.startswith("cove/") or name in ("math.h", "stddef.h", "stdint.h")):
            yield number, f"{name}: a public header includes public and standard headers only"


def check_program(path):
    for number, angled, name in includes(path):
        if not angled and "/" in name:
            yield number, f'"{name}": programs and bindings use public headers only'


def calls(files):
    """For each file, the files that define the functions that it calls, by the library's prefix; a table of functions calls none."""
    text = {path: path.read_text(encoding="utf-8") for path in files}
    defined = {name: path for path, source in text.items() for name in re.findall(r"^(?!static|extern)[\w *]+?(cove_\w+)\([^;{]*\)\n\{", source, re.M)}
    return {path: {defined[name] for name in re.findall(r"\b(cove_\w+)\(", source) if name in defined} - {path} for path, source in text.items()}


def circles(graph):
    """Each circle of files once, as a sorted list: files that reach each other."""
    reach = {}
    for start in graph:
        seen, waiting = set(), list(graph[start])
        while waiting:
            at = waiting.pop()
            if at not in seen:
                seen.add(at)
                waiting += graph[at]
        reach[start] = seen
    return {tuple(sorted(b for b in reach[a] if a in reach[b])) for a in graph if a in reach[a]}


def groups(root):
    """The files that may not call each other in a circle: those of each folder of src/, and the engine with its backends."""
    files = [p for p in sorted((root / "src").glob("**/*.c")) if not p.name.endswith("_test.c")]
    together = {root / "src/fs" / folder: ENGINE for folder in (ENGINE, *BACKENDS)}
    by_group = {}
    for path in files:
        by_group.setdefault(together.get(path.parent, path.parent), []).append(path)
    return by_group.values()


def problems(root):
    """Every breach, as "FILE:LINE: why"."""
    found = []
    for path in sorted(root.glob("src/**/*.[ch]")):
        parts = path.relative_to(root / "src").parts
        if len(parts) > 1 and not path.name.endswith("_test.c"):
            if parts[0] not in FLOOR:
                found.append(f"{path.relative_to(root)}:1: the room {parts[0]} has no floor in tests/check_includes.py")
                continue
            found += [f"{path.relative_to(root)}:{n}: {why}" for n, why in check_source(path, parts)]
    for files in groups(root):
        for circle in sorted(circles(calls(files))):
            names = tuple(p.name for p in circle)
            found.append(f"{circle[0].relative_to(root)}:1: calls in a circle: {', '.join(names)}")
    for path in sorted(root.glob("include/cove/*.h")):
        found += [f"{path.relative_to(root)}:{n}: {why}" for n, why in check_public(path)]
    for top in ("cli", "examples", "python"):
        for path in sorted(root.glob(f"{top}/**/*.[ch]")):
            found += [f"{path.relative_to(root)}:{n}: {why}" for n, why in check_program(path)]
    return found


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = problems(root)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
