"""Every file in cases/ is a test case: objects of the mock store, its faults, one call, and the expected result."""

import json
import re
from pathlib import Path

import pytest

import azure
import gcs
from probe_run import probe, start
from server import MockServer
from store import Store, content

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
ACCESS, SECRET, TOKEN = "MOCKACCESSKEY", "mock-secret-9d1c7e", "mock-token-5b2a0f"
FIELDS = {"about", "objects", "buckets", "options", "faults", "do", "timeout_ms", "cancel_on", "times_out_after", "then", "ways", "store"}
THEN = {
    "code",
    "says",
    "status",
    "retryable",
    "value",
    "names",
    "data",
    "requests",
    "at_most",
    "stored",
    "absent",
    "folders",
    "soft_deleted",
    "uploads",
    "sent",
    "asked",
    "sizes",
    "ends_in",
    "store_code",
}


STORES = {  # a case's `store`: what is served, and the options that lead there
    "s3": (Store, {"key": ACCESS, "secret": SECRET, "token": TOKEN, "region": "us-east-1"}),
    "azure": (azure.Store, azure.OPTIONS),
    "gcs": (gcs.Store, {"token": TOKEN, "project": "project-1", "conditions": "true"}),
}


def call(case, server, options, timeout_ms):
    """`cancel_on`: the token is fired when this request has come. What the call leaves to be done in the background is waited for."""
    how = {"options": options, "timeout_ms": timeout_ms}
    if not {"cancel_on", "times_out_after"} & set(case):
        return probe(*case["do"], **how)
    running = start(*case["do"], guided=True, **how)
    try:
        if "cancel_on" in case and running.wait_for(lambda: server.count(case["cancel_on"]) > 0):
            running.cancel()
        if "times_out_after" not in case or running.wait_for(lambda: server.count(case["times_out_after"]) > 0, 2 * timeout_ms / 1000):
            running.wait_for(lambda: not set(case["then"].get("absent", [])) & set(server.store.objects))
        return running.end()
    finally:
        running.kill()


def run_case(case):
    """`times_out_after`: the deadline is as late as it takes for this request to come before."""
    objects = {path: content(spec) for path, spec in case.get("objects", {}).items()}
    kind, given = STORES[case.get("store", "s3")]
    timeout_ms = case.get("timeout_ms")
    while True:
        with MockServer(objects, case.get("faults", []), case.get("buckets", ["b"]), case.get("ways"), kind) as server:
            options = {"endpoint_url": server.endpoint, **given, **case.get("options", {})}
            options = {name: value.replace("{endpoint}", server.endpoint) for name, value in options.items() if value is not None}
            outcome = call(case, server, options, timeout_ms)
        if "times_out_after" not in case or server.count(case["times_out_after"]) > 0 or timeout_ms > 60_000:
            return outcome, server
        timeout_ms *= 4


def check(case, outcome, server):
    then = case["then"]
    assert server.troubles == []
    assert outcome.code == then["code"], outcome
    if then["code"] != "COVE_OK":
        # Every error names the URL.
        assert case["do"][1] in outcome.message, outcome
    for word in then.get("says", []):
        assert re.search(word, outcome.message), f"{word!r} is not in: {outcome.message}"
    if "status" in then:
        assert outcome.http_status == then["status"], outcome
    if "store_code" in then:
        assert outcome.store_code == then["store_code"], outcome
    if "retryable" in then:
        assert outcome.retryable == then["retryable"], outcome
    if "value" in then:
        assert outcome.value == then["value"], outcome
    if "names" in then:
        assert outcome.names == then["names"], outcome
    if "data" in then:
        assert outcome.data == content(then["data"]), "what was read is not what is stored"
    for operation, count in then.get("requests", {}).items():
        assert server.count(operation) == count, [f"{r.method} {r.target}" for r in server.requests]
    for operation, count in then.get("at_most", {}).items():
        assert server.count(operation) <= count, [f"{r.method} {r.target}" for r in server.requests]
    for path, spec in then.get("stored", {}).items():
        assert server.store.objects[path][0] == content(spec), f"{path} is not what was written"
    for path, size in then.get("sizes", {}).items():
        assert len(server.store.objects[path][0]) == size
    for path, text in then.get("ends_in", {}).items():
        assert server.store.objects[path][0].endswith(text.encode())
    for path in then.get("absent", []):
        assert path not in server.store.objects
    for bucket, folders in then.get("folders", {}).items():
        assert sorted(server.store.buckets[bucket].folders) == folders
    for bucket, names in then.get("soft_deleted", {}).items():
        assert sorted(server.store.buckets[bucket].soft) == names
    if "uploads" in then:
        assert len(server.store.uploads) == then["uploads"]
    for operation, headers in then.get("sent", {}).items():
        request = [r for r in server.requests if r.operation == operation][-1]
        for name, want in headers.items():
            assert re.search(want, request.headers.get(name.lower(), "")), (name, request.headers)
    for operation, parameters in then.get("asked", {}).items():
        request = [r for r in server.requests if r.operation == operation][-1]
        for name, want in parameters.items():
            assert re.search(want, request.query.get(name, "")), (name, request.target)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_case(path):
    case = json.loads(path.read_text())
    assert set(case) <= FIELDS and set(case["then"]) <= THEN, "an unknown field"
    outcome, server = run_case(case)
    check(case, outcome, server)
    # No error and no line of the log holds a secret, whatever the server sent back.
    for secret in (SECRET, TOKEN, azure.KEY):
        assert secret not in outcome.text
    assert not re.search(r"(?i)signature=[0-9a-f]{64}|session-\d+-of-the-upload", outcome.text)


def test_there_are_cases():
    assert len(CASES) > 30
