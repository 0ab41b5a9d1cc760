"""A response from a login page or another server is no successful write, no data, and no word on what the store has."""

import pytest

from probe_run import probe
from server import MockServer

HTML = "<html><body>Please log in<br></body></html>"
XHTML = "<html><body>Please log in</body></html>"  # well-formed XML with another root element
LARGE = "20000000"
OPTIONS = {"key": "MOCKACCESSKEY", "secret": "mock-secret-9d1c7e", "region": "us-east-1", "retries": "2", "default_block_size": "5MiB"}

# The request that gets such a response, and the call that makes it.
MUTATIONS = [
    ("PutObject", ["put", "s3://b/new", "100"]),
    ("PutObject", ["append", "s3://b/new", "text"]),
    ("CreateMultipartUpload", ["write", "s3://b/new", LARGE]),
    ("UploadPart", ["write", "s3://b/new", LARGE]),
    ("CompleteMultipartUpload", ["write", "s3://b/new", LARGE]),
    ("AbortMultipartUpload", ["uploads", "s3://b", "remove"]),
    ("CopyObject", ["copy", "s3://b/k", "s3://b/new"]),
    ("DeleteObject", ["rm", "s3://b/k"]),
    ("DeleteObjects", ["rmtree", "s3://b/d"]),
    ("PutObjectTagging", ["set_tags", "s3://b/k", "a=b"]),
    ("DeleteObjectTagging", ["set_tags", "s3://b/k"]),
]
READS = [
    ("HeadObject", ["stat", "s3://b/k"]),
    ("HeadObject", ["is", "s3://b/k", "file"]),
    ("GetObject", ["get", "s3://b/k"]),
    ("GetObject", ["range", "s3://b/k", "0", "100"]),
    ("ListObjectsV2", ["list", "s3://b/d"]),
    ("ListObjectsV2", ["stat", "s3://b/d"]),
    ("ListObjectsV2", ["is", "s3://b/d", "directory"]),
    ("ListObjectVersions", ["versions", "s3://b/k"]),
    ("ListMultipartUploads", ["uploads", "s3://b"]),
    ("GetObjectTagging", ["tags", "s3://b/k"]),
]
NAMES = {"ids": lambda value: value if isinstance(value, str) else value[0]}


def run(do, faults, **ways):
    with MockServer({"b/k": b"old", "b/d/1": b"1", "b/d/2": b"2"}, faults, ways=ways or None) as server:
        if do[0] == "uploads":
            server.store.uploads["upload"] = ("b/k", {}, {})
        outcome = probe(*do, options={**OPTIONS, "endpoint_url": server.endpoint})
        assert server.troubles == []
        return outcome, server


# Requests whose real responses have no body.
BARE = ["AbortMultipartUpload", "PutObjectTagging", "DeleteObjectTagging"]


@pytest.mark.parametrize("page, operation, do", [(page, *m) for page in (HTML, XHTML, "") for m in MUTATIONS if page or m[0] not in BARE])
def test_a_write(operation, do, page):
    outcome, server = run(do, [{"on": operation, "status": 200, "body": page, "times": -1}])
    assert outcome.code == "COVE_EPROTOCOL", outcome
    assert do[1] in outcome.message
    assert server.count(operation) > 0 and "b/new" not in server.store.objects and "b/k" in server.store.objects


@pytest.mark.parametrize("page", [HTML, XHTML, ""], ids=["html", "xhtml", "empty"])
@pytest.mark.parametrize("operation, do", READS, **NAMES)
def test_a_read(operation, do, page):
    outcome, server = run(do, [{"on": operation, "status": 200, "body": page, "times": -1}])
    assert outcome.code == "COVE_EPROTOCOL", outcome
    assert server.count(operation) > 0


@pytest.mark.parametrize("operation, do", [m for m in MUTATIONS if m[0] not in ("CreateMultipartUpload", "DeleteObjects")], **NAMES)
def test_a_write_once(operation, do):
    """After one such response the call succeeds by a retry."""
    outcome, server = run(do, [{"on": operation, "status": 200, "body": HTML}])
    assert outcome.code == "COVE_OK" and server.count(operation) > 1, outcome


@pytest.mark.parametrize("operation, do", [m for m in MUTATIONS if m[0] in ("PutObject", "CompleteMultipartUpload", "DeleteObject")], **NAMES)
def test_a_request_that_succeeded_despite_an_error(operation, do):
    """A proxy has replaced the response to a successful request: a HEAD finds out."""
    outcome, server = run(do, [{"on": operation, "status": 200, "body": HTML, "do_it": True, "times": -1}], tells_crc32c=True)
    assert outcome.code == "COVE_OK", outcome
    assert ("b/new" in server.store.objects) == (operation != "DeleteObject") and ("b/k" in server.store.objects) == (operation != "DeleteObject")
    assert server.count("HeadObject") >= 1


def test_a_store_that_gives_no_etag_with_a_put():
    """The MD5 that HEAD returns as ETag shows that the object was written."""
    outcome, server = run(["put", "s3://b/new", "100"], [{"on": "PutObject", "status": 200, "do_it": True, "times": -1}])
    assert outcome.code == "COVE_OK" and "b/new" in server.store.objects and server.count("HeadObject") == 1, outcome


def test_a_body_without_a_length():
    """Where only the end of the connection ends it, a body that was cut looks whole."""
    raw = 'HTTP/1.1 200 OK\r\nETag: "x"\r\n\r\nhello'
    outcome, _ = run(["get", "s3://b/k"], [{"on": "GetObject", "raw": raw, "times": -1}])
    assert outcome.code == "COVE_EPROTOCOL" and "no length of its body" in outcome.message, outcome


@pytest.mark.parametrize(
    "page, code", [(HTML, "COVE_EPROTOCOL"), ("", "COVE_OK"), ("<CreateBucketResponse><Bucket>b</Bucket></CreateBucketResponse>", "COVE_OK")]
)
def test_a_bucket(page, code):
    """Some stores response to CreateBucket with another body: a listing finds out whether the bucket was made."""
    faults = [{"on": "CreateBucket", "status": 200, "body": page, "do_it": True}]
    if page == HTML:  # of a server that responds so to every request
        faults.append({"on": "ListObjectsV2", "status": 200, "body": page, "times": -1})
    outcome, _ = run(["mkdir", "s3://new"], faults)
    assert outcome.code == code, outcome


# ---- refusals ----

OTHERS = ['{"detail":"Not Found"}', "404 page not found", HTML, "<Policy>blocked</Policy>"]
REFUSED = [
    ("GetObject", ["get", "s3://b/missing"]),
    ("ListObjectsV2", ["stat", "s3://b/missing"]),
    ("ListObjectsV2", ["stat", "s3://b"]),
    ("ListObjectsV2", ["list", "s3://b/d"]),
    ("ListBuckets", ["list", "s3://"]),
    ("PutObject", ["put", "s3://b/new", "100"]),
    ("CreateMultipartUpload", ["write", "s3://b/new", LARGE]),
    ("CopyObject", ["copy", "s3://b/k", "s3://b/new"]),
    ("DeleteObject", ["rm", "s3://b/k"]),
    ("DeleteObjects", ["rmtree", "s3://b/d"]),
    ("CreateBucket", ["mkdir", "s3://new"]),
    ("ListObjectVersions", ["versions", "s3://b/k"]),
]


@pytest.mark.parametrize("body", OTHERS, ids=["json", "text", "html", "xml"])
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_is_no_store(status, body):
    """Every request gets it, as at a mistyped endpoint: no operation may take it for a word on objects."""
    faults = [{"on": ".*", "status": status, "body": body, "times": -1}]
    shown = "a page of HTML" if body == HTML else body
    heads = [["stat", "s3://b/k"], ["rm", "s3://b/k"]] if status != 401 else []  # after which nothing is asked
    for do in (["get", "s3://b/k"], ["stat", "s3://b"], ["list", "s3://b/d"], *heads):
        outcome, server = run(do, faults)
        assert outcome.code == "COVE_EPROTOCOL" and outcome.http_status == status, outcome
        assert f"the response is not from the store: check the endpoint {server.endpoint} and any proxy" in outcome.message, outcome
        assert f"(HTTP {status}, {shown})" in outcome.message, outcome


@pytest.mark.parametrize("operation, do", REFUSED, **NAMES)
def test_a_refusal_by_another_server(operation, do):
    outcome, server = run(do, [{"on": operation, "status": 404, "body": OTHERS[0], "times": -1}])
    assert outcome.code == "COVE_EPROTOCOL" and "the response is not from the store" in outcome.message, outcome
    assert server.count(operation) == 1


@pytest.mark.parametrize("do", [["stat", "s3://b/missing"], ["list", "s3://b"], ["list", "s3://"]], ids=str)
def test_a_listing_that_is_refused_without_a_word(do):
    """A store names the bucket that is missing."""
    outcome, _ = run(do, [{"on": "List.*", "status": 404, "times": -1}])
    assert outcome.code == "COVE_EPROTOCOL" and "(HTTP 404, no body)" in outcome.message, outcome


def test_a_failure_of_a_gateway_is_retried():
    """It passes, from whatever server it comes."""
    outcome, server = run(["get", "s3://b/k"], [{"on": "GetObject", "status": status, "body": HTML} for status in (502, 429)])
    assert outcome.code == "COVE_OK" and server.count("GetObject") == 3, outcome


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("do", [["get", "s3://b/k"], ["stat", "s3://b/k"]], ids=str)
def test_a_redirect(do, status):
    fault = {"status": status, "headers": {"Location": "https://login.example/in?ticket=1"}, "times": -1}
    outcome, _ = run(do, [fault])
    assert outcome.code == "COVE_EPROTOCOL" and "redirected to https://login.example/in, which is not followed" in outcome.message, outcome


def test_a_proxy_that_wants_a_login():
    with MockServer({}, [{"status": 407, "body": HTML, "times": -1}]) as proxy:
        for endpoint in ("http://127.0.0.1:9", "https://127.0.0.1:9"):  # the second by CONNECT
            outcome = probe("get", "s3://b/k", options={**OPTIONS, "endpoint_url": endpoint, "proxy": proxy.endpoint})
            assert outcome.code == "COVE_ENETWORK" and not outcome.retryable, outcome
            assert f"the proxy {proxy.endpoint} requires a user and a password in its URL (HTTP 407)" in outcome.message, outcome
        assert len(proxy.requests) == 2


def test_a_proxy_that_does_not_connect():
    with MockServer({}, [{"status": 403, "body": HTML, "times": -1}]) as proxy:
        outcome = probe("get", "s3://b/k", options={**OPTIONS, "endpoint_url": "https://127.0.0.1:9", "proxy": proxy.endpoint})
        assert outcome.code == "COVE_ENETWORK" and not outcome.retryable, outcome
        assert f"the proxy {proxy.endpoint} does not connect to the server (HTTP 403)" in outcome.message, outcome


@pytest.mark.parametrize("body", [*OTHERS, '{"status":404,"error":"Not Found"}'], ids=["json", "text", "html", "xml", "framework"])
def test_a_server_that_is_no_google(body):
    with MockServer({}, [{"on": ".*", "status": 404, "body": body, "times": -1}]) as server:
        for do in (["stat", "gs://b/k"], ["get", "gs://b/k"], ["list", "gs://b/d"], ["list", "gs://"], ["set_metadata", "gs://b/k", "a=b"]):
            outcome = probe(*do, options={"endpoint_url": server.endpoint, "token": "anon", "retries": "2"})
            assert outcome.code == "COVE_EPROTOCOL" and "the response is not from the store" in outcome.message, outcome
