"""The comments of the public headers: each call's states who owns what it gives, and its errors.

A call's comment is the one above it or above its group, that behind it, and that of its section. What it states is for
readers to check; that it states something is checked here.
"""

import re
import sys

import env

sys.path.insert(0, str(env.ROOT / "tools"))
import man_pages

OWNER = re.compile(r"BORROWED|copied|static|\bfree[sd]?\b|_(free|unref|close)\b")
ERROR = re.compile(r"COVE_E[A-Z]|negative COVE_E…|\b[Ee]rrors (as )?of\b")


def calls(name):
    """(call, its comments as one text) of each public call of a header."""
    for _, groups in man_pages.read_header(name)[1]:
        section = groups[0][0] if groups and not groups[0][1] else ""
        for comment, items in groups:
            for item in items:
                if item.kind == "call":
                    yield item, " ".join(word for part in (section, comment, item.comment) for word in man_pages.paragraphs(part))


def lacks(name):
    """What the comments of a header do not state."""
    result = []
    for item, comment in calls(name):
        gives = item.result.endswith("*") or any(re.search(r"\*\*\s*ret", argument) for argument in item.arguments)
        if gives and not OWNER.search(comment):
            result.append(f"{item.name}: who owns what it gives, or until when it is BORROWED")
        if any("struct cove_error *err" in argument for argument in item.arguments) and not ERROR.search(comment):
            result.append(f"{item.name}: its errors")
    return result


def test_comments_state_owner_and_errors():
    headers = sorted(path.name for path in man_pages.HEADERS.glob("*.h"))
    assert sum(1 for name in headers for _ in calls(name)) > 150
    assert [f"{name}: {what}" for name in headers for what in lacks(name)] == []


def test_the_check_sees_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(man_pages, "HEADERS", tmp_path)
    (tmp_path / "a.h").write_text(
        "/* A header. */\n#ifndef COVE_A_H\n#define COVE_A_H\n\n"
        "/* Opens it; freed with cove_a_free. COVE_ENOTFOUND. */\nCOVE_API int cove_a_open(cove_a **ret_a, struct cove_error *err);\n"
        "/* Opens it. */\nCOVE_API int cove_a_other(cove_a **ret_a, struct cove_error *err);\n"
        "COVE_API const char *cove_a_name(const cove_a *a); /* its name */\n"
        "\n#endif\n"
    )
    assert [what.split(":")[0] for what in lacks("a.h")] == ["cove_a_other", "cove_a_other", "cove_a_name"]
