"""One network fault at a time, during a transfer of many parts. The transfer succeeds with every byte correct. If the fault persists, it
fails by its deadline, with an error that names the operation and the URL.

COVE_TEST_MIB (64) is the size of each transfer. The bytes follow from a seed; the probe compares every byte that it reads.
"""

import contextlib
import os
import re
import subprocess
from urllib.parse import urlsplit

import pytest

from places import MIB, PARTS, VERBS, mocked, place
from probe_run import probe, start
from servers.toxiproxy import Toxiproxy

SEED = 20261125
ROUNDS = 2 if MIB < 512 else 5
SLOW_KB = 4000  # a second, of each connection, while a fault is to meet a transfer in its middle
LIMIT_S = 240 + MIB  # a hang
DEADLINE_MS, GRACE_MS = 3000 if MIB < 512 else 10000, 8000  # the grace is for machines that are busy with other things; a hang is longer
DONE = r"http: .* -> (20[016]|308),"
FAILED = r"http: .*; attempt \d+ in \d+ ms"
ONLY_UP = ("cut-request", "bandwidth-up")  # a request to read is short
ONLY_DOWN = ("cut-response", "bandwidth-down")  # and so is a response to a write


def stored(there):
    """Puts there what `down` and `fetch` expect."""
    assert probe("up", f"{there.url}/stored", there.size, SEED, environ=there.server.environ, options=there.options, limit_s=LIMIT_S).ok


@pytest.fixture(scope="module")
def places():
    """The place of a name, which stays until all tests are done."""
    known = {}
    with contextlib.ExitStack() as stack:

        def place_of(name):
            if name not in known:
                known[name] = stack.enter_context(place(name))
                if "down" in known[name].verbs:
                    stored(known[name])
            return known[name]

        yield place_of


@pytest.fixture
def at(places):
    return places("s3")


def nothing_leaks(outcome, at_once=int(PARTS.get("max_concurrency", 16))):
    """What I/O threads are made of may stay, and idle connections, no more than were in use at once."""
    assert outcome.threads[1] <= outcome.threads[0] + 4 + 1, outcome.threads
    assert outcome.fds[1] <= outcome.fds[0] + 4 * (3 + at_once), outcome.fds


def no_uploads(call):
    if not call.at.shows:
        return True
    outcome = probe("uploads", call.url, environ=call.at.server.environ)
    return outcome.ok and outcome.value == 0


KEPT = "the store keeps the upload"  # what the command reports of one that MinIO lists after each removal (docs/testing.md)


def none_stays(call, build):
    """Whether no upload is left, or the command removes it: what a failed call leaves is removed in the background, as long as its process lives."""
    if no_uploads(call):
        return True
    environ = {**os.environ, **call.at.server.environ}
    command = [build / "cli" / "cove", "uploads", "--remove", "--older-than", "0s", call.url]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=LIMIT_S)
    return ended.returncode == 0 or KEPT in ended.stderr


def ended_right(call, **at_once):
    at, outcome = call.at, call.running.end(LIMIT_S)
    assert outcome.ok and outcome.value == at.size, outcome
    nothing_leaks(outcome, **at_once)
    if call.verb == "up":  # as another reader finds it, and nothing beside it
        assert probe("down", call.url, at.size, SEED, environ=at.server.environ, options=at.options, limit_s=LIMIT_S).ok
        assert no_uploads(call)
    return outcome


def ended_in_words(outcome, url, codes):
    assert outcome.code in codes, outcome
    assert re.match(rf"[a-z_ ]+ {re.escape(url)}: .", outcome.message), outcome
    assert outcome.worst_ms <= DEADLINE_MS + GRACE_MS, outcome
    nothing_leaks(outcome)


class Call:
    """A verb at work in its own process, at a place."""

    def __init__(self, at, verb, name, **how):
        self.at, self.verb = at, verb
        self.url = f"{at.url}/stored" + (f"-{name}" if verb == "up" else "")
        self.running = start(verb, self.url, at.size, SEED, **{"environ": at.server.environ, "options": at.options, **how})


@contextlib.contextmanager
def beside_each_other(calls):
    """The calls, which are killed at the end where something went wrong."""
    try:
        yield calls
    finally:
        for call in calls:
            call.running.kill()


def authority(server):
    return urlsplit(server.endpoint).netloc


@contextlib.contextmanager
def behind_proxies(places, names):
    """These places, each with its own proxy: [(place, proxy)]."""
    with contextlib.ExitStack() as stack:
        yield [(at, stack.enter_context(Toxiproxy(authority(at.server)))) for at in map(places, names)]


def verbs_of(at, name):
    return [verb for verb in at.verbs if name not in (ONLY_DOWN if verb == "up" else ONLY_UP)]


# ---- a network that is slow all the time ----

SLOW = {
    "latency": [("latency", "downstream", {"latency": 100}), ("latency", "upstream", {"latency": 100})],
    "jitter": [("latency", "downstream", {"latency": 60, "jitter": 60}), ("latency", "upstream", {"latency": 30, "jitter": 30})],
    "bandwidth": [("bandwidth", "downstream", {"rate": 1000}), ("bandwidth", "upstream", {"rate": 1000})],  # 1 MB/s a connection
    "slow-close": [("slow_close", "downstream", {"delay": 1000}), ("slow_close", "upstream", {"delay": 1000})],
}


@pytest.mark.parametrize("name", SLOW)
def test_slow(at, build, name):
    at_once = 16 if name == "bandwidth" else int(PARTS.get("max_concurrency", 16))
    how = {"options": {**at.options, "max_concurrency": at_once}}
    with Toxiproxy(authority(at.server)) as proxy:
        for kind, stream, attributes in SLOW[name]:
            proxy.toxic(kind, stream=stream, **attributes)
        with beside_each_other([Call(at, verb, f"{build.name}-{name}", environ=proxy.environ(at.server), **how) for verb in at.verbs]) as calls:
            for call in calls:
                ended_right(call, at_once=at_once)


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


# Where Google's protocol makes something else of a fault. A crash loses resumable uploads, whose bytes are not all at hand any more: cases of the mock
# say what comes of that.
BREAKS_ON_GOOGLE = {
    "reset": ["gs-compose"],
    "half-open": ["gs-session"],
    "cut-response": ["gs-compose"],
    "cut-request": ["gs-session", "gs-parts"],
    "away": ["gs-compose"],
    "crash": ["gs-compose"],
}
# Alone, as Azurite is slow beside the others: what is beside it would be at its end before a fault. A crash of it loses what it has acknowledged.
BREAKS_ON_AZURE = ["cut-response", "cut-request"]


def where(faults, on_google, on_azure):
    """The parameters of a test: a fault, and the places that meet it beside each other."""
    beside = [pytest.param(name, ["s3", *on_google.get(name, [])], id=name) for name in faults]
    return beside + [pytest.param(name, ["az"], id=f"{name}-az") for name in on_azure]


def not_twice(build, names):
    if names == ["az"] and build.name == "build-tsan":
        pytest.skip("Azurite is slow, and the threads are those of S3's transfers")


@pytest.mark.parametrize("name, names", where(BREAKS, BREAKS_ON_GOOGLE, BREAKS_ON_AZURE))
def test_breaks(places, build, name, names):
    not_twice(build, names)
    # As a request may meet each of the faults several times, one that is always unlucky needs more retries than ten.
    more = {"read_timeout": 2, "retries": 30}
    with behind_proxies(places, names) as proxied:
        for _, proxy in proxied:
            slowly(proxy)
        calls = [
            Call(at, verb, f"{build.name}-{name}", environ=proxy.environ(at.server), options={**at.options, **more})
            for at, proxy in proxied
            for verb in verbs_of(at, name)
        ]
        met = dict.fromkeys(calls, 0)
        with beside_each_other(calls):
            for _ in range(ROUNDS):
                marks = {call: call.running.count(DONE) for call in calls}
                under_way = [call for call in calls if call.running.wait(DONE, marks[call] + 1, LIMIT_S)]
                marks = {call: call.running.count(FAILED) for call in under_way}
                with contextlib.ExitStack() as faults:
                    for at, proxy in proxied:
                        faults.enter_context(BREAKS[name](proxy, at.server))
                    for call in under_way:
                        met[call] += call.running.wait(FAILED, marks[call] + 1, LIMIT_S)
            for call in calls:
                ended_right(call)
                assert met[call] > 0, f"{call.verb} {call.url} ended before the first fault"


# ---- a network that stays broken ----

STAYS = {
    "latency": lambda p, s: p.toxic("latency", latency=3_600_000),
    "bandwidth-down": lambda p, s: p.toxic("bandwidth", rate=1),
    "bandwidth-up": lambda p, s: p.toxic("bandwidth", stream="upstream", rate=1),
    "reset": lambda p, s: p.toxic("reset_peer", timeout=0),
    "half-open": lambda p, s: p.toxic("timeout", timeout=0),
    "half-open-up": lambda p, s: p.toxic("timeout", stream="upstream", timeout=0),
    "cut-response": lambda p, s: p.toxic("limit_data", bytes=20_000),  # too little of a range for it to continue
    "cut-request": lambda p, s: p.toxic("limit_data", stream="upstream", bytes=500_000),
    "away": lambda p, s: p.enable(False),
    "crash": lambda p, s: s.kill(),
}


STAYS_ON_GOOGLE = {"half-open": ["gs-session"], "cut-request": ["gs-compose"], "away": ["gs-session"], "crash": ["gs-compose"]}
STAYS_ON_AZURE = ["bandwidth-up", "cut-request"]


@pytest.mark.parametrize("name, names", where(STAYS, STAYS_ON_GOOGLE, STAYS_ON_AZURE))
def test_stays_broken(places, build, name, names):
    not_twice(build, names)
    with behind_proxies(places, names) as proxied:
        for _, proxy in proxied:
            slowly(proxy)
        with beside_each_other(
            [
                Call(at, verb, f"{build.name}-{name}-stays", environ=proxy.environ(at.server), timeout_ms=DEADLINE_MS)
                for at, proxy in proxied
                for verb in verbs_of(at, name)
            ]
        ) as calls:
            for call in calls:
                call.running.wait(DONE, 1, LIMIT_S)  # on a very slow machine its deadline may come first: all else is to hold then, too
            for at, proxy in proxied:
                STAYS[name](proxy, at.server)
            for call in calls:
                assert call.running.wait("^ended ", 1, LIMIT_S)
            for at, proxy in proxied:
                if name == "crash":
                    at.server.start()
                proxy.restart()
            for call in calls:
                ended_in_words(call.running.end(LIMIT_S), call.url, {"COVE_ETIMEDOUT", "COVE_ENETWORK"})
                if call.verb == "up":
                    assert probe("exists", call.url, environ=call.at.server.environ).value == 0
                    assert none_stays(call, build)


# ---- names that are not resolved ----


def resolver(build, fails):
    """The probe behind a shim that lets the first lookups fail (-1: that never answers), and knows where store.test is."""
    from test_sockets import preload

    return ["env", f"LD_PRELOAD={preload(build)}", f"SOCKFAIL_RESOLVE={fails}"]


def by_name(server):
    return {**server.environ, **server.leads_to(server.endpoint.replace("127.0.0.1", "store.test"))}


def test_name_is_found_late(at, build):
    how = {"environ": by_name(at.server), "program": resolver(build, 2)}
    with beside_each_other([Call(at, verb, f"{build.name}-name", **how) for verb in at.verbs]) as calls:
        for call in calls:
            outcome = ended_right(call)
            assert len(re.findall(FAILED, outcome.log)) >= 1, outcome


@pytest.mark.parametrize("fails", [1_000_000, -1], ids=["fails", "hangs"])
def test_name_is_never_found(at, build, fails):
    how = {"environ": by_name(at.server), "program": resolver(build, fails), "timeout_ms": DEADLINE_MS}
    with beside_each_other([Call(at, verb, f"{build.name}-no-name", **how) for verb in at.verbs]) as calls:
        for call in calls:
            outcome = call.running.end(LIMIT_S)
            if fails < 0:  # a lookup that is under way has a thread of libcurl's to itself
                outcome.threads[1] -= int(PARTS.get("max_concurrency", 16))
            ended_in_words(outcome, call.url, {"COVE_ETIMEDOUT", "COVE_ENETWORK"})
            assert fails < 0 or "store.test" in outcome.message, outcome


# ---- a store that fails, exactly ----

# 5 % of all requests, in the ways in which requests fail.
SOME_FAIL = [
    {"share": 0.01, "seed": 1, "times": -1, "status": 500, "error": ["InternalError", "We encountered an internal error."]},
    {"share": 0.01, "seed": 2, "times": -1, "status": 503, "error": ["SlowDown", "Please reduce your request rate."]},
    {"share": 0.01, "seed": 3, "times": -1, "close": True},
    {"share": 0.01, "seed": 4, "times": -1, "reset_after": 0},
    {"share": 0.01, "seed": 5, "times": -1, "on": "GetObject|UploadPart|HeadObject|objects.*|uploads.chunk", "cut_after": -20},
]


MOCKS = ["s3", "gs-session", "gs-parts", "gs-compose"]


@pytest.mark.parametrize("name", MOCKS)
def test_five_percent_fail(name):
    # Of Google's less is sent, so a larger share of it fails.
    faults, verbs = (SOME_FAIL, VERBS) if name == "s3" else ([{**fault, "share": 0.03} for fault in SOME_FAIL], ["up", "down"])
    with mocked(name, faults) as there:
        failed = 0
        for i in range(1 if MIB >= 512 else 3):
            for verb in verbs:
                outcome = probe(verb, f"{there.url}/k", there.size, SEED + i, environ=there.server.environ, options=there.options, limit_s=LIMIT_S)
                assert outcome.ok and outcome.value == there.size, outcome
                nothing_leaks(outcome)
                failed += len(re.findall(FAILED, outcome.log))
        assert there.server.left() == []
        assert failed > 0.01 * len(there.server.mock.requests), "hardly anything failed"


REFUSAL = {"on": ".*", "status": 503, "error": ["SlowDown", "Please reduce your request rate."]}


# An upload by a session, and the end of each other one, is one request at a time, and a request has ten retries.
@pytest.mark.parametrize(
    "name, verb, skip, times",
    [("s3", "up", 4, 20), ("s3", "down", 4, 20), ("s3", "fetch", 1, 20), ("gs-session", "up", 4, 5), ("gs-parts", "up", 4, 5), ("gs-compose", "up", 4, 5)],
)
def test_all_are_throttled_for_a_while(name, verb, skip, times):
    with mocked(name) as there:
        stored(there)
        there.server.mock.begin_faults([{**REFUSAL, "skip": skip, "times": times}])
        with beside_each_other([Call(there, verb, "k")]) as calls:
            ended_right(calls[0])
        assert sum(r.status == 503 for r in there.server.mock.requests) == times
        assert there.server.left() == []


# Each with calls that the faults meet in a write, or in a read.
@pytest.mark.parametrize("status, error, code", [(503, "SlowDown", "COVE_ETHROTTLED"), (500, "InternalError", "COVE_ESERVER")])
@pytest.mark.parametrize(
    "tried",
    [[("s3", "up", 4)], [("s3", "down", 1)], [("s3", "fetch", 1)], [("gs-session", "up", 1), ("gs-compose", "up", 1), ("gs-compose", "down", 1)]],
    ids=["up", "down", "fetch", "gs"],
)
def test_every_later_request_fails(tried, status, error, code):
    with contextlib.ExitStack() as stack:
        calls = []
        for name, verb, skip in tried:
            there = stack.enter_context(mocked(name))
            if verb != "up":
                stored(there)
            there.server.mock.begin_faults([{"on": ".*", "skip": skip, "times": -1, "status": status, "error": [error, "Refused by a test."]}])
            calls.append(Call(there, verb, "k", timeout_ms=DEADLINE_MS))
        with beside_each_other(calls):
            for call in calls:
                assert call.running.wait("^ended ", 1, LIMIT_S)
                call.at.server.mock.begin_faults([])
                outcome = call.running.end(LIMIT_S)
                ended_in_words(outcome, call.url, {code, "COVE_ETIMEDOUT"})
                assert "Refused by a test." in outcome.message, outcome
                assert call.at.server.left() == []


def test_fewer_at_once_while_throttled():
    """How many requests come beside each other, as the store counts them: many; few while it refuses them all; many again."""
    late = {"times": -1, "delay_ms": 100}  # long beside what the mock needs for a request, also on a busy machine
    with mocked("s3", [{**REFUSAL, "skip": 300, "times": 300, "delay_ms": 20}, late]) as there:
        there.server.mock.store.put("cove/k", b"x")
        outcome = probe("many", "s3://cove/k", 3000, environ=there.server.environ, options={**there.options, "max_concurrency": "64"}, limit_s=LIMIT_S)
        assert outcome.ok and outcome.value == 3000, outcome
        beside = [r.beside for r in there.server.mock.requests]
        refused = [i for i, r in enumerate(there.server.mock.requests) if r.status == 503]
        before, during, after = beside[: refused[0]], beside[refused[200] : refused[-1]], beside[-1000:]
        assert max(before) > 16, "not much is under way at first"
        assert max(during) <= max(before) / 4, (max(before), max(during))
        assert max(after) >= max(before) / 2, (max(before), max(during), max(after))
