"""Calls of the library from the Python extension: with the GIL only those that never wait for a network, a disk or a thread."""

import re

import pytest
from test_tree import tracked

# These only look at memory, or free it.
AT_ONCE = {
    "cove_cancel_fire", "cove_cancel_new", "cove_cancel_unref", "cove_code_errno", "cove_code_name", "cove_code_phrase", "cove_free",
    "cove_fs_endpoint", "cove_fs_same_store", "cove_fs_scheme", "cove_fs_url", "cove_info_content_type", "cove_info_etag", "cove_info_free",
    "cove_info_is_deleted", "cove_info_is_latest", "cove_info_metadata", "cove_info_mtime_ns", "cove_info_path", "cove_info_size",
    "cove_info_storage_class", "cove_info_type", "cove_info_version_id", "cove_known_implementations", "cove_listing_limit", "cove_log_set",
    "cove_options_describe", "cove_options_free", "cove_options_new", "cove_options_set", "cove_queue_cancel", "cove_queue_cancel_all",
    "cove_queue_fd", "cove_queue_new", "cove_queue_pending", "cove_reader_seek", "cove_reader_size", "cove_reader_tell", "cove_reader_version_id",
    "cove_version", "cove_writer_tell",
}

# What may wait elsewhere, but not here: the whole listing is in memory.
AT_HAND = {("covepy_infos_at_hand", "cove_listing_next")}

# Functions of these files whose callers have let go of the GIL; so their calls are looked at as the library's are.
WITHOUT_GIL = {"fs_write.c": {"write_by_writer"}, "info.c": {"fill"}, "many.c": {"submit", "take_batch"}, "queue.c": {"begin", "take", "covepy_result_done"},
               "reader.c": {"let_go"}, "writer.c": {"let_go", "covepy_writer_end"}}


def without_comments(text):
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.DOTALL)


def closing(text, at):
    """The place behind the parenthesis that closes the one at `at`."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    raise ValueError(text[at:at + 60])


def with_gil(text):
    """`text` without what runs while other threads may have the GIL."""
    text = re.sub(r"Py_BEGIN_ALLOW_THREADS.*?Py_END_ALLOW_THREADS", "", text, flags=re.DOTALL)
    while (wait := re.search(r"COVEPY_WAIT\(", text)) is not None:
        text = text[:wait.start()] + text[closing(text, wait.end() - 1):]
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
def test_what_may_wait_is_called_without_the_gil(source):
    found = calls_with_gil(source.name, source.read_text())
    assert [f"{function}: {call}" for function, call in found if call not in AT_ONCE and (function, call) not in AT_HAND] == []
