"""The command lines in the pages: the command accepts their verbs and options."""

import re
import shlex

import pytest
from test_cli import cove  # noqa: F401

import env as environment

PAGES = [environment.ROOT / "README.md", *sorted((environment.ROOT / "docs").glob("*.md"))]
LINES = [
    line
    for page in PAGES
    for code in re.findall(r"^```.*?^```", page.read_text(), re.MULTILINE | re.DOTALL)
    for line in code.splitlines()
    if re.match(r"(\$ )?cove ", line)
]


def test_pages_have_command_lines():
    assert len(LINES) > 10


@pytest.mark.parametrize("line", sorted(set(LINES)))
def test_a_line_is_taken(cove, line):  # noqa: F811
    """--help behind them ends the line once its words have been parsed."""
    words = shlex.split(line.removeprefix("$ "), comments=True)[1:]
    end = next((i for i, word in enumerate(words) if word in ("|", ">", "<", "&&")), len(words))
    cove(*words[:end], "--help")
