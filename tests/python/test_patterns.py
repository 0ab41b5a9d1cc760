"""The package's glob patterns, by a table."""

import pytest

from cove.patterns import matcher

MATCHES = {
    "a": ["a"],
    "*": ["a", "ab", "-", "]"],
    "a*": ["a", "ab"],
    "?": ["a", "-", "]"],
    "a?": ["ab"],
    "*/*": ["a/b", "x/b"],
    "**": ["", "a", "ab", "a/b", "x/b", "x/a/b", "x/", "-", "]"],
    "**/b": ["a/b", "x/b", "x/a/b"],
    "x/**": ["x/b", "x/a/b", "x/"],
    "x/**/b": ["x/b", "x/a/b"],
    "[a-c]": ["a"],
    "[!a-c]": ["-", "]"],
    "[]]": ["]"],
    "[!]]": ["a", "-"],
    "[-]": ["-"],
    "[a-]": ["a", "-"],
    "[c-a]": [],
    "[!c-a]": ["a", "-", "]"],
    "[": [],
    "]": ["]"],
    "[]": [],
    "x/": ["x/"],
    ".": [],
}
PATHS = ["", "a", "ab", "a/b", "x/b", "x/a/b", "x/", "-", "]"]


@pytest.mark.parametrize("pattern", MATCHES)
def test_patterns(pattern):
    matches = matcher(pattern)
    assert [path for path in PATHS if matches(path)] == MATCHES[pattern]


def test_two_stars_are_a_whole_component():
    with pytest.raises(ValueError, match=r"'\*\*' can only be an entire path component"):
        matcher("a**/b")


def test_matching_time_is_bounded_for_any_name():
    """Trying each place for each * would take years here."""
    assert not matcher("b/*a*a*a*a*a*a*a*a*z")("b/" + "a" * 1000)
    assert not matcher("**/*a*/**/*a*/**/*a*/**/*a*/**/*a*/z")("aa/" * 300)
    assert matcher("b/*a*b*a*z")("b/xabxxaz") and matcher("**/a/**/b*c/**/d")("x/a/a/bxc/y/z/d")
