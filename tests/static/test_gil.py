"""Calls of the library from the Python extension: only those that never wait for a network, a disk or a thread may hold the GIL."""

import re

import pytest
from test_tree import tracked

# These only read or free memory. For the first kinds of objects: every call.
AT_ONCE = re.compile(
    "cove_(cancel|code|info|options)_.*|cove_(free|listing_use_one_timeout|log_set|scheme_at|version)"
    "|cove_fs_(endpoint|same_store|scheme|url)|cove_queue_(cancel|cancel_all|fd|new|pending)"
    "|cove_reader_(seek|size|tell|version_id)|cove_writer_tell"
)

# What may wait elsewhere, but not here: the whole listing is in memory.
AT_HAND = {("covepy_infos_at_hand", "cove_listing_next")}

# Functions of these files whose callers have let go of the GIL; so their calls are looked at as the library's are.
WITHOUT_GIL = {
    "fs_uploads.c": {"each_upload"},
    "fs_write.c": {"write_by_writer"},
    "info.c": {"fill"},
    "many.c": {"submit", "take_batch"},
    "queue.c": {"begin", "take", "covepy_result_done"},
    "reader.c": {"release"},
    "writer.c": {"release", "covepy_writer_end"},
}


def without_comments(text):
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.DOTALL)


def closing(text, at):
    """The place behind the parenthesis that closes the one at `at`."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    raise ValueError(text[at : at + 60])


def with_gil(text):
    """`text` without what runs while other threads may have the GIL."""
    text = re.sub(r"Py_BEGIN_ALLOW_THREADS.*?Py_END_ALLOW_THREADS", "", text, flags=re.DOTALL)
    while (wait := re.search(r"COVEPY_WAIT\(", text)) is not None:
        text = text[: wait.start()] + text[closing(text, wait.end() - 1) :]
    return text


def functions(text):
    """Each function's name and body: it begins and ends at the start of a line."""
    return re.findall(r"^[A-Za-z][^;{}()]*?(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", text, flags=re.DOTALL | re.MULTILINE)


def calls_with_gil(name, text):
    inside = WITHOUT_GIL.get(name, set())
    for function, body in functions(without_comments(text)):
        if function not in inside:
            for call in re.findall(r"\b(\w+)\(", with_gil(body)):
                if call.startswith("cove_") or call in inside:
                    yield function, call


@pytest.mark.parametrize("source", [p for p in tracked("*.c") if "python/src" in str(p)], ids=lambda p: p.name)
def test_blocking_calls_release_the_gil(source):
    found = calls_with_gil(source.name, source.read_text())
    assert [f"{function}: {call}" for function, call in found if not AT_ONCE.fullmatch(call) and (function, call) not in AT_HAND] == []
