"""cp and cat of an object that another writer replaces between the ranges in which it is read: they restart on the new version, unless bytes of the
old one have been passed on."""

import json
import os
import re
import sys
import threading

import pytest
from test_cli import cove  # noqa: F401
from test_removing import mock as started

import env as environment

sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))
from store import content

MIB = 1 << 20
OLD, NEW = {"size": 30 * MIB}, {"size": 31 * MIB, "seed": 1}
FIRST = {"on": "GetObject", "only_if": {"Range": "^bytes=65536-"}, "meanwhile": {"b/k": NEW}}  # right after what the open reads
LATE = {"on": "GetObject", "only_if": {"Range": r"^bytes=2\d{7}-"}}  # behind its first 20 MB
REFUSED = {**LATE, "status": 412, "error": ["PreconditionFailed"]}


def mock(faults):
    return started({"b/k": content(OLD), "b/d/j": b"other", "b/d/k": content(OLD)}, faults)


def starts(server):
    """How often b/k was read from its first byte on."""
    return sum(bool(re.match("bytes=0-", r.headers.get("range", ""))) for r in server.requests if r.operation == "GetObject")


@pytest.mark.parametrize("fault", [FIRST, {**LATE, "meanwhile": {"b/k": NEW}}], ids=["at once", "late"])
def test_cp_restarts_once(cove, fault):
    with mock([fault]) as (server, options):
        cove("cp", *options, "s3://b/k", "copy")
        assert (cove.cwd / "copy").read_bytes() == content(NEW)
        assert starts(server) == 2 and server.troubles == []
    assert os.listdir(cove.cwd) == ["copy"]


def test_cp_of_a_tree_restarts_once(cove):
    with mock([{**LATE, "meanwhile": {"b/d/k": NEW}}]) as (server, options):
        cove("cp", "-r", *options, "s3://b/d", "copy")
        assert (cove.cwd / "copy" / "k").read_bytes() == content(NEW) and (cove.cwd / "copy" / "j").read_bytes() == b"other"
        assert starts(server) == 3 and server.troubles == []


@pytest.mark.parametrize("verb", [["cat"], ["cp"]])
def test_to_standard_output(cove, verb):
    """Before a byte was written it restarts; what was written can't be taken back, so after one it fails, with what came as a beginning of the old version."""
    args = [*verb, "s3://b/k", *(["-"] if verb == ["cp"] else [])]
    with mock([FIRST]) as (server, options):
        assert cove(*args, *options, text=False) == content(NEW)
        assert starts(server) == 2 and server.troubles == []
    with mock([REFUSED]) as (server, options), open(cove.cwd / "out", "wb") as out:
        process = cove.start(*args, *options, stdout=out)
        message = process.communicate(timeout=120)[1].decode()
        assert process.returncode == 1 and "changed meanwhile" in message, message
        assert starts(server) == 1 and server.troubles == []
    written = (cove.cwd / "out").read_bytes()
    assert 0 < len(written) < OLD["size"] and content(OLD).startswith(written)


def test_cp_to_a_pipe(cove):
    os.mkfifo(cove.cwd / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((cove.cwd / "pipe").read_bytes()), daemon=True)
    reader.start()
    with mock([REFUSED]) as (server, options):
        assert "changed meanwhile" in cove.error("cp", *options, "s3://b/k", "pipe")
        assert starts(server) == 1 and server.troubles == []
    reader.join(60)
    assert 0 < len(got[0]) < OLD["size"] and content(OLD).startswith(got[0])


def replaced(seed):
    return {"on": "CopyObject", "meanwhile": {"b/k": {"size": 2000 + seed, "seed": seed}}}


def test_cp_within_the_store_copies_the_newer_version(cove):
    """It has the size that the command reports."""
    with mock([replaced(1), replaced(2)]) as (server, options):
        line = json.loads(cove("cp", "--json", *options, "s3://b/k", "s3://b/copy"))
        assert line["size"] == 2002 and server.store.objects["b/copy"][0] == content({"size": 2002, "seed": 2})
        assert server.count("CopyObject") == 3 and server.troubles == []


def test_cp_within_the_store_ends_when_the_source_is_always_replaced(cove):
    with mock([replaced(seed) for seed in range(1, 30)]) as (server, options):
        assert "has changed" in cove.error("cp", *options, "s3://b/k", "s3://b/copy")
        assert server.count("CopyObject") == 11 and "b/copy" not in server.store.objects and server.troubles == []


def test_cp_within_the_store_is_not_repeated_for_a_refused_target(cove):
    """The source still has its ETag, so the refusal is not about it."""
    with mock([{"on": "CopyObject", "times": -1, "status": 412, "error": ["PreconditionFailed"]}]) as (server, options):
        cove.error("cp", *options, "s3://b/k", "s3://b/copy")
        assert server.count("CopyObject") == 1 and server.troubles == []
