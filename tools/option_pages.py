#!/usr/bin/env python3
"""Writes the tables of options into the documentation: a page for each backend that has options
(docs/BACKEND-options.md), and the list in its manual page (docs/man/cove-SCHEME.7, between its two marks), if there is one.

    tools/option_pages.py [--check] [COMMAND]      COMMAND is build/cli/cove by default

--check writes nothing; the exit status is 1 where a page is not as the tables have it (tests/static/ asks).
"""

import argparse
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = '.\\" options: begin (tools/option_pages.py)\n', '.\\" options: end\n'

EXAMPLES = {
    "s3": ("endpoint_url=http://127.0.0.1:9000", "s3://bucket/run/"),
    "gs": ("endpoint_url=http://127.0.0.1:4443", "gs://bucket/run/"),
    "az": ("account_name=acct", "az://container/run/"),
    "webhdfs": ("replication=2", "webhdfs://nn1/run/"),
    "viewfs": ("hadoop_conf_dir=conf", "viewfs://cluster/user/"),
    "file": ("auto_mkdir=false", "run/"),
}

INTRO = """# Options of {schemes}

```
cove ls -o {example} {url}
```

Made from the table that the program itself uses (`tools/option_pages.py`); `cove fs {scheme}` prints
the same{more}.

- An option is given by `-o NAME=VALUE` to the command, and by `cove_options_set` to the library.
- It comes before its environment variables, of which the first that is set counts; they come before
  the default.
- An unknown name, or a value that is not of the type, fails at the open.

| option | values | default | environment | what it does |
|---|---|---|---|---|
"""

OUTRO = """
- `true` is also `1`, `yes`, `on`; `false` is `0`, `no`, `off`.
- A size is a number of bytes, or has a unit: `KiB`, `MiB`, `GiB` (also `K`, `M`, `G`) are powers of
  1,024, `KB`, `MB`, `GB` of 1,000.
- A time is a number of seconds (`30`, `0.5`), or has a unit: `ms`, `s`, `m`, `h`.
"""


def ask(command, *arguments):
    result = subprocess.run([command, "fs", *arguments, "--json"], capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def size(n):
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if n >= scale and n % scale == 0:
            return f"{n // scale:,} {unit}"
    return f"{n:,} bytes"


def time(ms):
    for unit, scale in (("days", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if ms >= scale and ms % scale == 0:
            return f"{ms // scale:,} {unit}"
    return f"{ms:,} ms"


def values(option, quoted):
    """What an option may be, in words; `quoted` puts a literal value as the page has it."""
    show = {"size": size, "duration": time}.get(option["type"], lambda n: f"{n:,}")
    bounds = f", {show(option['min'])} to {show(option['max'])}" if option["max"] is not None else ""
    return {
        "string": "text",
        "secret": "text, never shown",
        "json": "a JSON object",
        "bool": "true or false",
        "maybe": "auto, true or false",
        "integer": "a whole number" + bounds,
        "size": "a size" + bounds,
        "duration": "a time" + bounds,
        "choice": ", ".join(quoted(word) for word in (option["choices"] or "").split()),
    }[option["type"]]


def with_aliases(options):
    """(option, its other names), without rows for the latter."""
    return [(o, [a["name"] for a in options if a["alias_of"] == o["name"]]) for o in options if not o["alias_of"]]


def markdown(schemes, options, more):
    example, url = EXAMPLES.get(schemes[0], ("NAME=VALUE", f"{schemes[0]}://…"))
    text = INTRO.format(schemes=", ".join(f"`{s}://`" for s in schemes), scheme=schemes[0], more=more, example=example, url=url)
    for option, others in with_aliases(options):
        text += "| {} | {} | {} | {} | {} |\n".format(
            ", ".join(f"`{name}`" for name in (option["name"], *others)),
            values(option, lambda word: f"`{word}`"),
            f"`{option['default']}`" if option["default"] else "",
            " ".join(f"`{name}`" for name in (option["environment"] or "").split()),
            option["help"].replace("|", "\\|"),
        )
    return text + OUTRO


def roff(text):
    """Text as lines: no request, no escape, none too long."""
    lines = textwrap.wrap(text.replace("\\", "\\e"), 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join("\\&" + line if line[0] in ".'" else line for line in lines)


def mdoc(options):
    text = ".Bl -tag -width indent\n"
    for option, others in with_aliases(options):
        text += ".It " + " , ".join(f"Cm {name}" for name in (option["name"], *others)) + "\n"
        first = option["help"].split()[0].rstrip(",:;")
        text += roff((option["help"] if first.isupper() or "_" in first or first == "https" else option["help"][0].upper() + option["help"][1:]) + ".") + "\n"
        text += roff("Values: " + values(option, str) + (f"; default {option['default']}" if option["default"] else "") + ".") + "\n"
        names = (option["environment"] or "").split()
        if names:
            text += "Environment:\n" + "\n".join(f".Ev {name}" + (" ," if name != names[-1] else " .") for name in names) + "\n"
    return text + ".El\n"


def pages(command):
    """Every page that the tables make, as {path: text}."""
    rows = [row for row in ask(command) if row["available"]]
    tables = {row["scheme"]: ask(command, row["scheme"]) for row in rows}
    common = set.intersection(*({o["name"] for o in table} for table in tables.values()))
    made = {}
    for backend in dict.fromkeys(row["backend"] for row in rows):
        schemes = [row["scheme"] for row in rows if row["backend"] == backend]
        options = tables[schemes[0]]
        if {o["name"] for o in options} <= common:
            continue
        about = ROOT / "docs" / f"{backend}.md"
        more = f", and [{about.name}]({about.name}) explains how they work together" if about.exists() else ""
        made[ROOT / "docs" / f"{backend}-options.md"] = markdown(schemes, options, more)
        manual = ROOT / "docs" / "man" / f"cove-{schemes[0]}.7"
        if manual.exists():
            before, rest = manual.read_text().split(BEGIN)
            made[manual] = before + BEGIN + mdoc(options) + END + rest.split(END)[1]
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, report what would change")
    parser.add_argument("command", nargs="?", default=str(ROOT / "build" / "cli" / "cove"), metavar="COMMAND")
    given = parser.parse_args()
    stale = 0
    for path, text in pages(given.command).items():
        text = re.sub(r"[ \t]+\n", "\n", text)
        if path.exists() and path.read_text() == text:
            continue
        stale += 1
        if given.check:
            print(f"{path.relative_to(ROOT)} is not as the table has it: run tools/option_pages.py", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if given.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
