"""The Nth call on a socket fails, for every N of a save and a load: an error or success, and the object is whole or absent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from probe_run import probe

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mock"))
from server import MockServer

URL = "s3://b/ckpts/x.ckpt"
SMALL, LARGE = 64 << 10, 12 << 20


def preload(build, name="sockfail.so"):
    """The shim, behind the sanitizer's library where the build has one: that one wants to be first."""
    shim = str(build / "tests" / "fault" / name)
    needed = subprocess.run(["ldd", str(build / "tests" / "probe" / "probe")], capture_output=True, text=True).stdout
    sanitizers = [line.split("=>")[1].split()[0] for line in needed.splitlines() if "libasan" in line or "libtsan" in line]
    return ":".join([*sanitizers, shim])


class Faulty:
    """Calls of the probe against one mock server, with the shim in front."""

    def __init__(self, build, server, tmp_path):
        self.server, self.preload, self.count_file = server, preload(build), tmp_path / "count"
        self.options = {"endpoint_url": server.endpoint, "key": "k", "secret": "s", "region": "us-east-1", "retries": "2"}

    def __call__(self, *arguments, at=0, sticky=0):
        environ = {"LD_PRELOAD": self.preload, "SOCKFAIL_AT": str(at), "SOCKFAIL_STICKY": str(sticky), "SOCKFAIL_COUNT": str(self.count_file)}
        # Python's own subprocess must not load the shim: only env's child does.
        program = ["env", *[f"{name}={value}" for name, value in environ.items()]]
        return probe(*arguments, options=self.options, program=program)

    def calls(self, *arguments):
        """How many calls on sockets a call without faults makes."""
        outcome = self(*arguments)
        assert outcome.ok, outcome
        return int(self.count_file.read_text())

    def clean(self, *arguments):
        return probe(*arguments, options=self.options)


@pytest.fixture
def faulty(build, tmp_path):
    with MockServer() as server:
        yield Faulty(build, server, tmp_path)


def whole(faulty, allowed):
    """Fails unless the checkpoint there is one of `allowed`, or absent where that holds None."""
    outcome = faulty.clean("load", URL)
    if outcome.code == "COVE_ENOTFOUND":
        assert None in allowed
    else:
        assert outcome.ok and outcome.value in allowed, outcome


def points(count, most):
    """Every number up to `count`, or `most` of them, all of the first ones."""
    if count <= most:
        return range(1, count + 1)
    head = list(range(1, most // 2))
    step = (count - len(head)) / (most - len(head))
    return head + sorted({len(head) + 1 + int(i * step) for i in range(most - len(head))})


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "from-then-on"])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["one-put", "parts"])
def test_save(faulty, size, sticky):
    count = faulty.calls("save", URL, size, 1)
    assert count > 5, "the shim does not see the calls"
    succeeded = 0
    for n in points(count, 90 if size == SMALL else 30):
        faulty.server.store.objects.clear()
        outcome = faulty("save", URL, size, 2, at=n, sticky=sticky)
        assert outcome.ok or URL in outcome.message, outcome
        assert outcome.ok or outcome.code in ("COVE_ENETWORK", "COVE_EIO", "COVE_ENOMEM", "COVE_ESERVER"), outcome
        whole(faulty, {2} if outcome.ok else {2, None})
        succeeded += outcome.ok
        if not sticky:
            # An upload may be begun twice if the first response was lost; then its id is unknown. It has no parts.
            left = [parts for _, parts, _ in faulty.server.store.uploads.values() if parts]
            assert left == [], f"call {n}: parts are left"
        faulty.server.store.uploads.clear()
    if not sticky:
        assert succeeded > 0.9 * len(points(count, 90 if size == SMALL else 30)), "one fault should be retried"


def test_save_over_an_older_one(faulty):
    count = faulty.calls("save", URL, SMALL, 1)
    for n in points(count, 40):
        assert faulty.clean("save", URL, SMALL, 1).ok
        outcome = faulty("save", URL, SMALL, 2, at=n, sticky=1)
        whole(faulty, {2} if outcome.ok else {1, 2})


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "from-then-on"])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_load(faulty, size, sticky):
    assert faulty.clean("save", URL, size, 3).ok
    count = faulty.calls("load", URL)
    succeeded = 0
    tried = points(count, 90 if size == SMALL else 40)
    for n in tried:
        outcome = faulty("load", URL, at=n, sticky=sticky)
        if outcome.ok:
            assert outcome.value == 3
            succeeded += 1
        else:
            assert URL in outcome.message, outcome
            assert outcome.code in ("COVE_ENETWORK", "COVE_EIO", "COVE_ENOMEM"), outcome
    if not sticky:
        assert succeeded > 0.9 * len(tried), "one fault should be retried"


def test_the_shim_fails_what_it_should(faulty):
    assert faulty("stat", "s3://b/none").code == "COVE_ENOTFOUND"
    assert faulty("stat", "s3://b/none", at=1, sticky=1).code in ("COVE_ENETWORK", "COVE_EIO", "COVE_ENOMEM")
    assert os.environ.get("LD_PRELOAD") is None
