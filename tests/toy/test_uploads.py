"""The modes of uploads that the toy store has, and what goes wrong in them: each fault happens once (see Toy)."""

import os
import re
import subprocess
from urllib.parse import unquote

import env
import pytest
from toy.server import Object, Toy

WRITE = env.build_dir() / "tests" / "toy" / "toy_write"
pytestmark = pytest.mark.skipif(not WRITE.exists(), reason="built without object stores")

MIB = 1 << 20
KIB = 1 << 10
SIZE = 2 * MIB + 77  # parts of 1 MiB, and 1 MiB + 77 bytes


def write(server, size=SIZE, *condition, key="k", retries=10):
    """What the program prints, and its log. `retries`: the option."""
    first_part = str(min(MIB, int(server.environ["COVE_TOY_BLOCK_SIZE"])))
    command = [WRITE, f"toy://b/{key}", str(size), first_part, str(retries), *condition]
    done = subprocess.run(command, env={**os.environ, **server.environ}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def made(server, output, key="k"):
    """The object is there, and is the one that the writer has named."""
    o = server.http.buckets["b"][key]
    assert output == f"made {o.version}\n", output
    return o


def session(*faults):
    return Toy(buckets=("b",), uploads="session", faults=faults)


def chunks(server):
    """The Content-Range of each request to a session."""
    return [request.split(" ", 2)[2] for request in server.requests if request.startswith("PUT /session/")]


# ---- an ordered session ----


def test_a_session():
    with session() as server:
        output, log = write(server)
        o = made(server, output)
        assert chunks(server) == [f"bytes 0-{MIB - 1}/*", f"bytes {MIB}-{SIZE - 1}/{SIZE}"]
        assert ("Content-Type", "text/toy") in o.headers
        assert "secret-0" not in log, "the session's URL is the right to write"


def test_the_end_has_no_bytes_left():
    """All bytes are sent before the writer knows that they were the last."""
    with session() as server:
        output, _ = write(server, 9 * MIB)
        made(server, output)
        assert chunks(server) == [f"bytes 0-{MIB - 1}/*", f"bytes {MIB}-{9 * MIB - 1}/*", f"bytes */{9 * MIB}"]


@pytest.mark.parametrize("kept", [256 * KIB, 0])
def test_fewer_bytes_are_kept(kept):
    """0: a 308 without a Range."""
    with session(("keep", kept)) as server:
        output, _ = write(server)
        made(server, output)
        assert chunks(server) == [f"bytes 0-{MIB - 1}/*", f"bytes {kept}-{MIB - 1}/*", f"bytes {MIB}-{SIZE - 1}/{SIZE}"]


def test_nothing_is_kept_ever():
    """No endless loop: it is retried as a failure is. Its responses say what the store has, so it is not asked."""
    with session(*[("keep", 0)] * 9) as server:
        output, log = write(server, retries=2)
        assert output.startswith("COVE_ESERVER ") and "keeps nothing of what is sent after the upload's first 0 bytes, after 3 attempts" in output, output
        assert "; attempt 3 in " in log
        assert chunks(server) == [f"bytes 0-{MIB - 1}/*"] * 3
        assert server.http.buckets["b"] == {}
        assert server.requests[-1].startswith("DELETE /session/")


@pytest.mark.parametrize("part", [0, 1])
def test_asked_after_a_failure(part):
    """The bytes of a chunk that seems to have failed are not sent again where the store has them."""
    with session(*[("keep", MIB)] * part, ("busy", 1)) as server:
        output, _ = write(server)
        made(server, output)
        sent = [c for c in chunks(server) if c.startswith(f"bytes {part * MIB}-")]
        asked = [c for c in chunks(server) if c.startswith("bytes *")]
        assert len(sent) == 1 and asked == ["bytes */*" if part == 0 else f"bytes */{SIZE}"]


FAILURES = [("refuse", 503), ("refuse", 429), ("refuse", 500), ("drop", 0)]


@pytest.mark.parametrize("fault", FAILURES)
def test_a_chunk_that_fails_is_retried_by_the_policy(fault):
    """Although the store answers each time that it is asked: those answers do not start the retries again."""
    with session(fault, fault) as server:
        output, log = write(server)
        made(server, output)
        assert chunks(server)[:5] == [f"bytes 0-{MIB - 1}/*", "bytes */*"] * 2 + [f"bytes 0-{MIB - 1}/*"]
        assert "; attempt 2 in " in log and "; attempt 3 in " in log


@pytest.mark.parametrize("fault", FAILURES)
def test_a_chunk_that_fails_always_ends_with_its_failure(fault):
    why = "COVE_ENETWORK " if fault[0] == "drop" else "COVE_ESERVER " if fault[1] == 500 else "COVE_ETHROTTLED "
    with session(*[fault] * 9) as server:
        output, _ = write(server, retries=2)
        assert output.startswith(why) and "after 3 attempts" in output and "keeps nothing" not in output, output
        assert chunks(server) == [f"bytes 0-{MIB - 1}/*", "bytes */*"] * 2 + [f"bytes 0-{MIB - 1}/*"]
        assert server.http.buckets["b"] == {}


def test_a_kept_connection_ends_within_a_chunk():
    """libcurl would send the whole chunk once more, behind what the store has kept of it."""
    with session(("drop", 256 * KIB)) as server:
        output, log = write(server)
        made(server, output)
        assert chunks(server) == [f"bytes 0-{MIB - 1}/*", "bytes */*", f"bytes {256 * KIB}-{MIB - 1}/*", f"bytes {MIB}-{SIZE - 1}/{SIZE}"]
        assert "the connection broke: the server closed it before it responded" in log


def test_the_last_response_is_lost():
    with session(("cut", 1)) as server:
        output, _ = write(server, SIZE, "new")
        made(server, output)
        assert chunks(server)[-1] == f"bytes */{SIZE}"


def test_a_session_is_lost_while_all_bytes_are_at_hand():
    with session(("lost", 1)) as server:
        output, log = write(server)
        o = made(server, output)
        assert len([request for request in server.requests if request.startswith("POST")]) == 2
        assert ("Content-Type", "text/toy") in o.headers
        assert "it is begun again" in log


def test_a_session_is_lost_each_time():
    """All bytes are at hand, but the store does not keep what it has begun."""
    with session(*[("lost", 1)] * 9) as server:
        output, log = write(server)
        assert output.startswith("COVE_ESERVER ") and "the store has lost the upload's session 4 times" in output, output
        waits = [int(ms) for ms in re.findall(r"it is begun again in (\d+) ms", log)]
        assert len(waits) == 3 and all(ms <= 100 << n for n, ms in enumerate(waits)), waits
        assert len([request for request in server.requests if request.startswith("POST")]) == 4
        assert server.http.buckets["b"] == {}


@pytest.mark.parametrize("size", [SIZE, 10 * MIB])
def test_a_session_is_lost_later(size):
    """In the last part, and in one before it: what was confirmed is not at hand any more."""
    with session(("keep", MIB), ("lost", 1)) as server:
        output, log = write(server, size)
        assert output.startswith("COVE_ESERVER ") and "secret-0" not in output + log, output
        assert "the store has lost the upload's session after 1048576 bytes" in output
        assert server.http.buckets["b"] == {}


@pytest.mark.parametrize("condition", ["new", '"other"'])
def test_a_condition_fails_at_the_end(condition):
    with session() as server:
        before, _ = write(server, 5)
        output, _ = write(server, SIZE, condition)
        assert output.startswith("COVE_EEXIST " if condition == "new" else "COVE_EPRECONDITION "), output
        made(server, before)


def test_a_condition_holds():
    with session() as server:
        write(server, 5)
        output, _ = write(server, SIZE, server.http.buckets["b"]["k"].version)
        made(server, output)


# ---- temporary objects ----

PART = 4 * KIB
PARTS = 33  # four sources a request: nine nodes, three of these, and the object
TREE = PARTS * PART - 5
TEMPORARY = ".cove/uploads/k."


def temporaries(*faults, **options):
    return Toy(buckets=("b",), uploads="temporaries", faults=faults, block_size=PART, checksums=True, **options)


def composes(server, of=""):
    return [request for request in server.requests if request.startswith(f"POST /b/{of}") and request.endswith("?compose")]


def left(server):
    return [key for key in server.http.buckets["b"] if key.startswith(".")]


def remove_uploads(server, path=""):
    """The unfinished uploads at and below b/PATH, which are removed, as (path, id)."""
    done = subprocess.run([WRITE, f"toy://b/{path}", "uploads"], env={**os.environ, **server.environ}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [tuple(line.rsplit(" ", 1)) for line in done.stdout.splitlines()]


def plant(server, key, number, parts=2):
    """The temporary objects of an upload whose process has ended."""
    upload_id, key = f"cove-{number:032x}", key.replace("/", "~1")
    for i in range(parts):
        server.http.buckets["b"][f".cove/uploads/{key}.{upload_id}.part-{i + 1:05}"] = Object(b"", [])
    return upload_id


@pytest.mark.parametrize("generations", [False, True])
@pytest.mark.parametrize("condition", [(), ("new",)])
def test_temporaries(condition, generations):
    with temporaries(generations=generations) as server:
        output, _ = write(server, 3 * PART, *condition)
        o = made(server, output)
        assert composes(server) == ["POST /b/k?compose"]
        assert ("Content-Type", "text/toy") in o.headers and any(name.lower().startswith("x-toy-meta-") for name, _ in o.headers)
        assert sorted(server.http.buckets["b"]) == ["k"]


def test_a_tree_of_temporaries():
    with temporaries() as server:
        output, _ = write(server, TREE, "new")
        made(server, output)
        assert len(composes(server, TEMPORARY)) == 9 + 3 and len(composes(server, "k")) == 1
        assert sorted(server.http.buckets["b"]) == ["k"]


def test_a_temporary_is_refused():
    with temporaries(("PUT", 1)) as server:
        output, _ = write(server, TREE, "new")
        assert output.startswith("COVE_E"), output
        assert server.http.buckets["b"] == {} and composes(server) == []


def test_a_temporary_is_sent_again():
    """The last request's version counts: the one before it may have made another one."""
    with temporaries(("busy", 1)) as server:
        output, _ = write(server, TREE, "new")
        made(server, output)


@pytest.mark.parametrize("condition", [("new",), ()])
def test_a_temporary_vanishes(condition):
    """The upload was removed as abandoned. That is not about the condition."""
    with temporaries(("vanish", 1)) as server:
        output, _ = write(server, TREE, *condition)
        assert output.startswith("COVE_ESERVER ") and "something else has removed it" in output, output
        assert server.http.buckets["b"] == {}


@pytest.mark.parametrize("condition", ["new", '"other"'])
def test_a_condition_fails_at_the_compose(condition):
    with temporaries() as server:
        before, _ = write(server, 5)
        output, _ = write(server, TREE, condition)
        assert output.startswith("COVE_EEXIST " if condition == "new" else "COVE_EPRECONDITION "), output
        made(server, before)
        assert left(server) == []


def test_a_condition_holds_at_the_compose():
    with temporaries() as server:
        write(server, 5)
        output, _ = write(server, TREE, server.http.buckets["b"]["k"].version)
        made(server, output)


@pytest.mark.parametrize("generations", [False, True])
def test_the_response_to_the_compose_is_lost(generations):
    """It was made once: the request after it is refused, and the mark shows whose object it is."""
    with temporaries(("cut", 1), generations=generations) as server:
        output, _ = write(server, TREE, "new")
        made(server, output)
        assert len(composes(server, "k")) == 2 and left(server) == []


def test_another_checksum():
    """What the store has composed is not what was sent: it does not stay."""
    with temporaries(("corrupt", 1)) as server:
        output, _ = write(server, TREE, "new")
        assert output.startswith("COVE_ECORRUPT ") and "CRC32C is" in output and "was removed" in output, output
        assert server.http.buckets["b"] == {}


def test_a_temporary_that_stays():
    """It fails nothing, is logged, and is found as an abandoned upload."""
    with temporaries(*[("DELETE", 1)] * 9) as server:
        output, log = write(server, TREE, "new")
        made(server, output)
        assert "until they are removed as an abandoned upload" in log
        assert left(server) != []


def test_an_abort():
    with temporaries() as server:
        output, _ = write(server, TREE, "abort")
        assert output == "aborted\n"
        assert server.http.buckets["b"] == {} and composes(server) == []


def test_abandoned_uploads():
    """Those of one upload are one entry, also over several pages; what is no temporary object is none."""
    with temporaries() as server:
        objects = server.http.buckets["b"]
        first, second, other = plant(server, "a/b", 1, 2500), plant(server, "a/b", 2), plant(server, "a/c", 3, 1500)
        plant(server, "ab", 4)
        kept = [".cove/uploads/a~1b.part-00001", ".cove/uploads/a~1b.cove-1.part-00001", f".cove/uploads/a/{first}/part-00001", "a/b"]
        objects.update({key: Object(b"", []) for key in kept})
        assert remove_uploads(server, "a") == [("b/a/b", first), ("b/a/b", second), ("b/a/c", other)]
        assert set(kept) < set(objects) and remove_uploads(server) == [("b/ab", f"cove-{4:032x}")]
        assert sorted(objects) == sorted(kept)


def test_a_long_key():
    """The names of temporary objects are longer than the object's: of a key that leaves no room its first bytes are used."""
    key = "é" * 510 + "k"
    with temporaries() as server:
        output, _ = write(server, TREE, "new", key=key)
        made(server, output, key)
        assert sorted(server.http.buckets["b"]) == [key]
        assert max(len(unquote(request.split()[1]).encode()) for request in server.requests) <= len("/b/?compose") + 1024
