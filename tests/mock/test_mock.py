"""Every file in cases/ is a case: objects that the mock store has, faults that it makes, one call, and what must come of it."""

import json
import re
from pathlib import Path

import pytest

from probe_run import probe
from server import MockServer
from store import content

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
ACCESS, SECRET, TOKEN = "MOCKACCESSKEY", "mock-secret-9d1c7e", "mock-token-5b2a0f"
FIELDS = {"about", "objects", "buckets", "options", "faults", "do", "timeout_ms", "cancel_after_ms", "then", "ways"}
THEN = {"code", "says", "status", "retryable", "value", "names", "data", "requests", "at_most", "stored", "absent", "uploads", "sent", "sizes",
        "ends_in", "store_code"}


def run_case(case):
    objects = {path: content(spec) for path, spec in case.get("objects", {}).items()}
    with MockServer(objects, case.get("faults", []), case.get("buckets", ["b"]), case.get("ways")) as server:
        options = {"endpoint_url": server.endpoint, "key": ACCESS, "secret": SECRET, "token": TOKEN, "region": "us-east-1",
                   **case.get("options", {})}
        options = {name: value.replace("{endpoint}", server.endpoint) for name, value in options.items() if value is not None}
        verb, url, *arguments = case["do"]
        outcome = probe(verb, url, *arguments, options=options, timeout_ms=case.get("timeout_ms"),
                        cancel_after_ms=case.get("cancel_after_ms"))
        return outcome, server


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
    if "uploads" in then:
        assert len(server.store.uploads) == then["uploads"]
    for operation, headers in then.get("sent", {}).items():
        request = [r for r in server.requests if r.operation == operation][-1]
        for name, want in headers.items():
            assert re.search(want, request.headers.get(name.lower(), "")), (name, request.headers)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_case(path):
    case = json.loads(path.read_text())
    assert set(case) <= FIELDS and set(case["then"]) <= THEN, "an unknown field"
    outcome, server = run_case(case)
    check(case, outcome, server)
    # No error and no line of the log holds a secret, whatever the server sent back.
    for secret in (SECRET, TOKEN):
        assert secret not in outcome.text
    assert not re.search(r"(?i)signature=[0-9a-f]{64}", outcome.text)


def test_there_are_cases():
    assert len(CASES) > 30
