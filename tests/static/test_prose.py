"""Runs tests/check_prose.py: words, and lengths of lines."""

import subprocess

import check_prose
import env


def test_the_tree_keeps_to_the_style():
    assert check_prose.problems(env.ROOT) == {}


def test_counted_words_still_occur():
    """A counted word that no longer occurs must be banned instead. A page without long lines needs no exception."""
    files = check_prose.texts(env.ROOT)
    assert [pattern for pattern in check_prose.LEFT if not check_prose.found(pattern, files)] == []
    assert [page for page in check_prose.LONG_LINES if not check_prose.long_lines(files.get(page, []))] == []


def test_the_check_finds_violations(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "a.c").write_text("/* The rest is gone on with. */\n/* olden */\n/* olden */\n")
    (tmp_path / "page.md").write_text(f"{'word ' * 21}\n\n| {'cell ' * 30} |\n\n```\n{'code ' * 30}\n```\n")
    found = check_prose.problems(tmp_path, left={"olden": ("again", 1)}, long=set())
    assert {name: len(lines) for name, lines in found.items()} == {"a.c": 1, "": 1, "page.md": 1}
    assert check_prose.problems(tmp_path, banned={}, left={"olden": ("again", 2)}, long={"page.md"}) == {}
