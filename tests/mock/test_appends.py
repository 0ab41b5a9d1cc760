"""Every byte written to an appender is in the file exactly once, whichever requests fail.

One process drives thousands of appenders on one mock store, one after the other, with three flushes each. A failed flush is repeated, with the same bytes or
with more bytes. The value of each byte follows from its position, so repeated and missing bytes are detected.
"""

import itertools
import os
import subprocess
import types

import pytest

import env as environment
import store as s3
from server import MockServer
from store import pattern
from test_mock import ACCESS, SECRET

SMALL = 5 << 20  # smaller objects are rewritten by each append
DIRECTORY = "d--usw2-az1--x-s3"
PIECES = (3, 5, 7)

CLOSED = {"close": True}
OUTCOMES = {
    "done": {},
    "lost": {"close": True, "do_it": True},  # done, but the response is lost, and no more requests of this flush arrive
    "failed": {"status": 500, "error": ["InternalError", "mocked"], "do_it": True},  # done, but the store reports a failure
    "refused": {"status": 400, "error": ["EntityTooLarge", "mocked"]},
    "412": {"status": 412, "error": ["PreconditionFailed", "mocked"]},
    "503": {"status": 503, "error": ["SlowDown", "mocked"]},
}
CUT = {"not sent": CLOSED, **OUTCOMES}  # for any request
DECIDE = ("PutObject", "CompleteMultipartUpload")  # these change the object


class Script:
    """The fault of one flush: applies to one of its requests. Replaces the server's list of faults."""

    def __init__(self, store):
        self.store = store
        self.arm("done")

    def arm(self, outcome, at=None):
        """`at`: the number of the request, from 0; None: the first one that would change the object."""
        self.outcome, self.at, self.seen, self.down = outcome, at, 0, False

    def takes(self, r):
        if self.down:
            self.row = CLOSED
            return True
        number, self.seen = self.seen, self.seen + 1
        if self.outcome == "done" or (number != self.at if self.at is not None else not self._changes(r)):
            return False
        self.row, self.down = CUT[self.outcome], "close" in CUT[self.outcome]
        self.outcome = "done"
        return True

    def _changes(self, r):
        path = f"{r.bucket}/{r.key}"
        if r.operation not in DECIDE or self.store._refused(r, path):
            return False
        offset = r.headers.get("x-amz-write-offset-bytes")
        return offset is None or int(offset) == len(self.store.objects[path][0])


class Driver:
    """Runs tests/probe/appends with its own store."""

    def __init__(self, bucket="b", options=(), **ways):
        self.bucket, self.ways = bucket, ways
        self.options = {"key": ACCESS, "secret": SECRET, "region": "us-west-2", "retries": "0", **dict(options)}
        self.numbers = itertools.count()

    def __enter__(self):
        self.server = MockServer({}, (), (self.bucket,), self.ways).__enter__()
        self.objects, self.script = self.server.store.objects, Script(self.server.store)
        command = [str(environment.build_dir() / "tests" / "probe" / "appends")]
        for name, value in {**self.options, "endpoint_url": self.server.endpoint}.items():
            command += ["-o", f"{name}={value}"]
        self.process = subprocess.Popen([*command, "s3://"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        self.server.faults = [self.script]
        return self

    def __exit__(self, *_):
        self.process.communicate()
        self.server.__exit__()
        assert self.process.returncode == 0 and self.server.troubles == []

    def say(self, line):
        """Sends a command. Returns the code and the message."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        code, _, message = self.process.stdout.readline().rstrip("\n").partition("\t")
        return code, message

    def begin(self, base):
        """Makes an object of `base` bytes (None: no object) and opens an appender on it. Returns its path."""
        self.script.arm("done")
        self.server.requests.clear()
        path = f"{self.bucket}/{next(self.numbers)}"
        self.base = BASE[: base or 0]
        if base is not None:
            self.server.store.put(path, self.base)
        assert self.say(f"open s3://{path}") == ("COVE_OK", "")
        return path

    def has(self, path, size):
        """Asserts that the object has its old content and exactly the first `size` bytes after it."""
        assert self.objects.get(path, (b"",))[0] == self.base + pattern(size), f"{len(self.objects[path][0]) - len(self.base)} bytes, not {size}"


BASE = pattern(SMALL + (1 << 20), 7)


def run(driver, base, faults, pieces=PIECES, more=True):
    """Runs one appender; `faults` has the outcome and the request of each flush's fault. A failed flush is repeated with the same or more bytes.

    Returns the number of requests of each flush.
    """
    path = driver.begin(base)
    given = confirmed = 0
    requests = []
    left = list(pieces)
    for outcome, at in faults:
        driver.script.arm(outcome, at)
        if left and (more or confirmed == given):
            given += left[0]
            code, _ = driver.say(f"add {left.pop(0)}")
        else:
            code, _ = driver.say("flush")
        requests.append(driver.script.seen)
        if code == "COVE_OK":
            confirmed = given
            driver.has(path, confirmed)
        else:
            there = len(driver.objects.get(path, (b"",))[0]) - len(driver.base)
            assert confirmed <= there <= given
            driver.has(path, there)
    driver.script.arm("done")
    for size in left:
        given += size
        assert driver.say(f"add {size}") == ("COVE_OK", "")
    assert driver.say("flush") == ("COVE_OK", "")
    assert driver.say("close") == ("COVE_OK", "")
    driver.has(path, given)
    driver.objects.pop(path)
    return requests


KINDS = {
    "any": {},
    "trusted": {"options": {"conditional_writes": "true"}},
    "looked-at": {"options": {"conditional_writes": "false"}, "ignores": {"PutObject": ["if-match", "if-none-match"]}},
    "no-part-copy": {"options": {"part_copy": "false"}, "lacks": ["UploadPartCopy"]},
    "equal-parts": {"options": {"fixed_upload_size": "true"}, "equal_parts": True},
    "directory": {"bucket": DIRECTORY, "options": {"store": "aws"}},
    "directory-full": {"bucket": DIRECTORY, "options": {"store": "aws"}, "object_parts": 2},
}
BASES = {"new": None, "small": 11, "border": SMALL - 4, "large": SMALL + 100}
PLACES = [(kind, base) for kind in KINDS for base in ("new", "small")]
LARGE = [("trusted", "border"), ("trusted", "large"), ("equal-parts", "border"), ("equal-parts", "large"), ("no-part-copy", "border")]


@pytest.fixture
def quick_sums(monkeypatch):
    """Faster ETags for large objects: they only need to differ."""
    md5 = s3.hashlib.md5
    quick = types.SimpleNamespace(md5=lambda data: md5(b"%d" % len(data) + data[-64:] if len(data) > 1 << 20 else data))
    monkeypatch.setattr(s3, "hashlib", quick)


@pytest.mark.parametrize("kind, base", PLACES + LARGE)
def test_sequences(kind, base, quick_sums):
    """Every outcome of the request that changes the object, in each of three flushes."""
    large = (kind, base) in LARGE  # sending 5 MiB takes time, most of all if the whole object is sent each time
    outcomes = list(OUTCOMES) if not large else ["done", "lost", "refused", "412", "503"] if base == "large" else ["done", "lost", "refused"]
    with Driver(**KINDS[kind]) as driver:
        for sequence in itertools.product(outcomes, repeat=3):
            for more in (True,) if large else (True, False):
                run(driver, BASES[base], [(outcome, None) for outcome in sequence], more=more)


def each_request(driver, base, firsts, outcomes, pieces=PIECES):
    """Applies each fault to each request of the second flush."""
    for first in firsts:
        requests = run(driver, base, [(first, None), ("done", None)], pieces)[1]
        for at, outcome in itertools.product(range(requests), outcomes):
            run(driver, base, [(first, None), (outcome, at)], pieces)


@pytest.mark.parametrize("kind, base", PLACES + [place for place in LARGE if place[1] == "large"])
def test_each_request(kind, base, quick_sums):
    """After a successful flush, and after one with unknown result."""
    with Driver(**KINDS[kind]) as driver:
        each_request(driver, BASES[base], ("done", "lost"), [outcome for outcome in CUT if outcome != "done"])


def test_each_request_of_steps(quick_sums):
    """If all parts must have one size, a flush larger than the object is appended in several steps, each of them complete."""
    with Driver(**KINDS["equal-parts"]) as driver:
        each_request(driver, SMALL + 100, ("done",), ("not sent", "lost", "refused"), (3, SMALL + 300, 7))


def test_giving_up(quick_sums):
    """A close after a failure reports how many bytes are missing, not counting those found in the file."""
    with Driver(**KINDS["trusted"]) as driver:
        path = driver.begin(11)
        driver.script.arm("lost")
        assert driver.say("add 3")[0] != "COVE_OK"
        driver.script.arm("refused")  # the PUT after the three bytes
        assert driver.say("add 5")[0] != "COVE_OK"
        driver.has(path, 3)
        driver.script.arm("refused")
        code, message = driver.say("close")
        assert code != "COVE_OK" and message.startswith("5 bytes could not be appended"), message
        driver.has(path, 3)
