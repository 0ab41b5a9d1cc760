"""Each fault by itself, in the middle of a transfer of many parts: it ends with every byte right, or, where the fault stays, with an
error that says what was being done to which URL, by its deadline.

COVE_TEST_MIB (64) is how much is transferred each time. The bytes follow from a seed; the probe compares each one that comes back.
"""

import contextlib
import os
import re
import sys
from pathlib import Path

import pytest

from probe_run import probe, start
from servers.minio import MinIO
from servers.toxiproxy import Toxiproxy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mock"))
from server import MockServer

MIB = int(os.environ.get("COVE_TEST_MIB") or 64)
SIZE, SEED = (MIB << 20) + 12345, 20261125
# Small transfers in small parts and few at once, so that they too have a middle. Large ones as a user has them.
PARTS = {"default_block_size": "5MiB", "max_concurrency": "4"} if MIB < 512 else {}
ROUNDS = 2 if MIB < 512 else 5
SLOW_KB = 4000  # a second, of each connection, while a fault is to meet a transfer in its middle
LIMIT_S = 240 + MIB  # a hang
DEADLINE_MS, GRACE_MS = 3000 if MIB < 512 else 10000, 8000  # the grace is for machines that are busy with other things; a hang is longer
DONE = r"http: .* -> 20[06],"
FAILED = r"http: .*; attempt \d+ in \d+ ms"
VERBS = ["up", "down", "fetch"]
ONLY_UP = ("cut-request", "bandwidth-up")  # a request to read is short
ONLY_DOWN = ("cut-response", "bandwidth-down")  # and so is a response to a write


@pytest.fixture(scope="module")
def server():
    """A MinIO of its own: some faults kill it."""
    with MinIO(buckets=("cove",)) as own:
        yield own


@pytest.fixture(scope="module")
def stored(server):
    """An object to read."""
    url = "s3://cove/stored"
    assert probe("up", url, SIZE, SEED, environ=server.environ, options=PARTS, limit_s=LIMIT_S).ok
    return url


@pytest.fixture
def proxy(server):
    with Toxiproxy(server.endpoint.removeprefix("http://")) as p:
        yield p


def nothing_leaks(outcome, at_once=int(PARTS.get("max_concurrency", 16))):
    """What I/O threads are made of may stay, and idle connections, no more than were in use at once."""
    assert outcome.threads[1] <= outcome.threads[0] + 4 + 1, outcome.threads
    assert outcome.fds[1] <= outcome.fds[0] + 4 * (3 + at_once), outcome.fds


def ended_right(verb, outcome, url, server, **at_once):
    assert outcome.ok and outcome.value == SIZE, outcome
    nothing_leaks(outcome, **at_once)
    if verb == "up":  # as another reader finds it, and nothing beside it
        assert probe("down", url, SIZE, SEED, environ=server.environ, options=PARTS, limit_s=LIMIT_S).ok
        assert probe("uploads", url, environ=server.environ).value == 0


def ended_in_words(outcome, url, codes):
    assert outcome.code in codes, outcome
    assert re.match(rf"[a-z_ ]+ {re.escape(url)}: .", outcome.message), outcome
    assert outcome.worst_ms <= DEADLINE_MS + GRACE_MS, outcome
    nothing_leaks(outcome)


@contextlib.contextmanager
def beside_each_other(verbs, stored, build, name, **how):
    """The verbs at work, each in its own process: (verb, url, Running) of each."""
    places = [(verb, stored if verb != "up" else f"{stored}-{build.name}-{name}") for verb in verbs]
    running = [(verb, url, start(verb, url, SIZE, SEED, **how)) for verb, url in places]
    try:
        yield running
    finally:
        for _, _, one in running:
            one.kill()


def verbs_of(name):
    return [verb for verb in VERBS if name not in (ONLY_DOWN if verb == "up" else ONLY_UP)]


# ---- a network that is slow all the time ----

SLOW = {
    "latency": [("latency", "downstream", {"latency": 100}), ("latency", "upstream", {"latency": 100})],
    "jitter": [("latency", "downstream", {"latency": 60, "jitter": 60}), ("latency", "upstream", {"latency": 30, "jitter": 30})],
    "bandwidth": [("bandwidth", "downstream", {"rate": 1000}), ("bandwidth", "upstream", {"rate": 1000})],  # 1 MB/s a connection
    "slow-close": [("slow_close", "downstream", {"delay": 1000}), ("slow_close", "upstream", {"delay": 1000})],
}


@pytest.mark.parametrize("name", SLOW)
def test_slow(proxy, server, stored, build, name):
    at_once = 16 if name == "bandwidth" else int(PARTS.get("max_concurrency", 16))
    for kind, stream, attributes in SLOW[name]:
        proxy.toxic(kind, stream=stream, **attributes)
    options = {**PARTS, "max_concurrency": at_once}
    with beside_each_other(VERBS, stored, build, name, environ=proxy.environ(server), options=options) as running:
        for verb, url, one in running:
            ended_right(verb, one.end(LIMIT_S), url, server, at_once=at_once)


# ---- a network that breaks and comes back, again and again ----


@contextlib.contextmanager
def toxic(proxy, kind, **attributes):
    name = proxy.toxic(kind, **attributes)
    yield
    proxy.remove(name)


@contextlib.contextmanager
def away(proxy):
    proxy.enable(False)
    yield
    proxy.enable(True)


@contextlib.contextmanager
def crashed(server):
    server.kill()
    yield
    server.start()


BREAKS = {
    "reset": lambda p, s: toxic(p, "reset_peer", timeout=0),
    "half-open": lambda p, s: toxic(p, "timeout", timeout=0),
    "cut-response": lambda p, s: toxic(p, "limit_data", bytes=500_000),
    "cut-request": lambda p, s: toxic(p, "limit_data", stream="upstream", bytes=500_000),
    "away": lambda p, s: away(p),
    "crash": lambda p, s: crashed(s),
}


def slowly(proxy):
    proxy.toxic("bandwidth", stream="upstream", rate=SLOW_KB)
    proxy.toxic("bandwidth", stream="downstream", rate=SLOW_KB)


@pytest.mark.parametrize("name", BREAKS)
def test_breaks(proxy, server, stored, build, name):
    # As a request may meet each of the faults several times, one that is always unlucky needs more retries than ten.
    options = {**PARTS, "read_timeout": 2, "retries": 30}
    met = dict.fromkeys(verbs_of(name), 0)
    slowly(proxy)
    with beside_each_other(met, stored, build, name, environ=proxy.environ(server), options=options) as running:
        for _ in range(ROUNDS):
            marks = {one: one.count(DONE) for _, _, one in running}
            under_way = [(verb, one) for verb, _, one in running if one.wait(DONE, marks[one] + 1, LIMIT_S)]
            marks = {one: one.count(FAILED) for _, one in under_way}
            with BREAKS[name](proxy, server):
                for verb, one in under_way:
                    met[verb] += one.wait(FAILED, marks[one] + 1, LIMIT_S)
        for verb, url, one in running:
            outcome = one.end(LIMIT_S)
            assert met[verb] > 0, f"it ended before the first fault\n{outcome}"
            ended_right(verb, outcome, url, server)


# ---- a network that stays broken ----

STAYS = {
    "latency": lambda p, s: p.toxic("latency", latency=3_600_000),
    "bandwidth-down": lambda p, s: p.toxic("bandwidth", rate=1),
    "bandwidth-up": lambda p, s: p.toxic("bandwidth", stream="upstream", rate=1),
    "reset": lambda p, s: p.toxic("reset_peer", timeout=0),
    "half-open": lambda p, s: p.toxic("timeout", timeout=0),
    "half-open-up": lambda p, s: p.toxic("timeout", stream="upstream", timeout=0),
    "cut-response": lambda p, s: p.toxic("limit_data", bytes=20_000),  # too little of a range for it to go on
    "cut-request": lambda p, s: p.toxic("limit_data", stream="upstream", bytes=500_000),
    "away": lambda p, s: p.enable(False),
    "crash": lambda p, s: s.kill(),
}


@pytest.mark.parametrize("name", STAYS)
def test_stays_broken(proxy, server, stored, build, name):
    slowly(proxy)
    with beside_each_other(verbs_of(name), stored, build, f"{name}-stays", environ=proxy.environ(server), options=PARTS,
                           timeout_ms=DEADLINE_MS) as running:
        for _, _, one in running:
            one.wait(DONE, 1, LIMIT_S)  # on a very slow machine its deadline may come first: all else is to hold then, too
        STAYS[name](proxy, server)
        for _, _, one in running:
            assert one.wait("^ended ", 1, LIMIT_S)
        if server.process is None:
            server.start()
        proxy.restart()
        for verb, url, one in running:
            ended_in_words(one.end(LIMIT_S), url, {"COVE_ETIMEDOUT", "COVE_ENETWORK"})
            if verb == "up":  # it has been removed, over the network that is whole again
                assert probe("exists", url, environ=server.environ).value == 0
                assert probe("uploads", url, environ=server.environ).value == 0


# ---- names that are not resolved ----


def resolver(build, fails):
    """The probe behind a shim that lets the first lookups fail (-1: that never answers), and knows where store.test is."""
    from test_sockets import preload

    return ["env", f"LD_PRELOAD={preload(build)}", f"SOCKFAIL_RESOLVE={fails}"]


def by_name(server):
    return {**server.environ, "AWS_ENDPOINT_URL": server.endpoint.replace("127.0.0.1", "store.test")}


def test_name_is_found_late(server, stored, build):
    with beside_each_other(VERBS, stored, build, "name", environ=by_name(server), options=PARTS, program=resolver(build, 2)) as running:
        for verb, url, one in running:
            outcome = one.end(LIMIT_S)
            assert len(re.findall(FAILED, outcome.log)) >= 1, outcome
            ended_right(verb, outcome, url, server)


@pytest.mark.parametrize("fails", [1_000_000, -1], ids=["fails", "hangs"])
def test_name_is_never_found(server, stored, build, fails):
    with beside_each_other(VERBS, stored, build, "no-name", environ=by_name(server), options=PARTS, program=resolver(build, fails),
                           timeout_ms=DEADLINE_MS) as running:
        for _, url, one in running:
            outcome = one.end(LIMIT_S)
            if fails < 0:  # a lookup that is under way has a thread of libcurl's to itself
                outcome.threads[1] -= int(PARTS.get("max_concurrency", 16))
            ended_in_words(outcome, url, {"COVE_ETIMEDOUT", "COVE_ENETWORK"})
            assert fails < 0 or "store.test" in outcome.message, outcome


# ---- a store that fails, exactly ----

# 5 % of all requests, in the ways in which requests fail.
SOME_FAIL = [
    {"share": 0.01, "seed": 1, "times": -1, "status": 500, "error": ["InternalError", "We encountered an internal error."]},
    {"share": 0.01, "seed": 2, "times": -1, "status": 503, "error": ["SlowDown", "Please reduce your request rate."]},
    {"share": 0.01, "seed": 3, "times": -1, "close": True},
    {"share": 0.01, "seed": 4, "times": -1, "reset_after": 0},
    {"share": 0.01, "seed": 5, "times": -1, "on": "GetObject|UploadPart|HeadObject", "cut_after": -20},
]


def mock_options(server):
    return {**PARTS, "endpoint_url": server.endpoint, "key": "k", "secret": "s", "region": "us-east-1"}


def no_parts_are_left(server):
    """An upload may be begun twice where the first answer was lost; then nobody knows its name. It has no parts."""
    assert [parts for _, parts, _ in server.store.uploads.values() if parts] == []
    assert server.troubles == []


@pytest.fixture(scope="module")
def content():
    """What an upload of all of it makes, for mock servers to hold."""
    with MockServer() as server:
        assert probe("up", "s3://b/k", SIZE, SEED, options=mock_options(server), limit_s=LIMIT_S).ok
        return {"b/k": server.store.objects["b/k"][0]}


def test_five_percent_fail():
    with MockServer(faults=SOME_FAIL) as server:
        failed = 0
        for i in range(1 if MIB >= 512 else 3):
            for verb in VERBS:
                outcome = probe(verb, "s3://b/k", SIZE, SEED + i, options=mock_options(server), limit_s=LIMIT_S)
                assert outcome.ok and outcome.value == SIZE, outcome
                nothing_leaks(outcome)
                failed += len(re.findall(FAILED, outcome.log))
        no_parts_are_left(server)
        assert failed > 0.01 * len(server.requests), "hardly anything failed"


REFUSAL = {"on": ".*", "status": 503, "error": ["SlowDown", "Please reduce your request rate."]}


@pytest.mark.parametrize("verb, skip", [("up", 4), ("down", 4), ("fetch", 1)])
def test_all_are_throttled_for_a_while(content, verb, skip):
    with MockServer(content if verb != "up" else {}, [{**REFUSAL, "skip": skip, "times": 20}]) as server:
        outcome = probe(verb, "s3://b/k", SIZE, SEED, options=mock_options(server), limit_s=LIMIT_S)
        assert outcome.ok and outcome.value == SIZE, outcome
        assert sum(r.status == 503 for r in server.requests) == 20
        nothing_leaks(outcome)
        no_parts_are_left(server)
        if verb == "up":
            assert server.store.objects["b/k"][0] == content["b/k"]


@pytest.mark.parametrize("status, error, code", [(503, "SlowDown", "COVE_ETHROTTLED"), (500, "InternalError", "COVE_ESERVER")])
@pytest.mark.parametrize("verb, skip", [("up", 4), ("down", 1), ("fetch", 1)])
def test_all_fail_from_then_on(content, build, verb, skip, status, error, code):
    fault = {"on": ".*", "skip": skip, "times": -1, "status": status, "error": [error, "No."]}
    with MockServer(content if verb != "up" else {}, [fault]) as server, \
            beside_each_other([verb], "s3://b/k", build, "k", options=mock_options(server), timeout_ms=DEADLINE_MS) as running:
        _, url, one = running[0]
        assert one.wait("^ended ", 1, LIMIT_S)
        server.faults = []
        outcome = one.end(LIMIT_S)
        ended_in_words(outcome, url, {code, "COVE_ETIMEDOUT"})
        assert error in outcome.message, outcome
        no_parts_are_left(server)


def test_fewer_at_once_while_throttled():
    """How many requests come beside each other, as the store counts them: many; few while it refuses them all; many again."""
    late = {"times": -1, "delay_ms": 20}
    with MockServer({"b/k": b"x"}, [{**REFUSAL, "skip": 300, "times": 300, "delay_ms": 20}, late]) as server:
        outcome = probe("many", "s3://b/k", 3000, options=mock_options(server) | {"max_concurrency": "64"}, limit_s=LIMIT_S)
        assert outcome.ok and outcome.value == 3000, outcome
        beside = [r.beside for r in server.requests]
        refused = [i for i, r in enumerate(server.requests) if r.status == 503]
        before, during, after = beside[:refused[0]], beside[refused[200]:refused[-1]], beside[-1000:]
        assert max(before) > 32, "not much is under way at first"
        assert max(during) <= max(before) / 4, (max(before), max(during))
        assert max(after) >= max(before) / 2, (max(before), max(during), max(after))
