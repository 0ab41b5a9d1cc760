"""Hosts and paths of requests. The mock is configured as an HTTP proxy, so it sees each request's whole URL, its Host header and its signature."""

import hashlib
import hmac
import re

import pytest

from probe_run import probe
from server import MockServer
from store import Response, error_response

ACCESS, SECRET = "MOCKACCESSKEY", "mock-secret-9d1c7e"
ACCOUNT = "123456789012"
AP = f"arn:aws:s3:us-west-2:{ACCOUNT}:accesspoint/ap"
OL = f"arn:aws:s3-object-lambda:us-west-2:{ACCOUNT}:accesspoint/ol"
OUTPOST = f"arn:aws:s3-outposts:us-west-2:{ACCOUNT}:outpost/op-01234567890123456/accesspoint/ap"
BODY = b"hello"


class Proxy(MockServer):
    """Answers every GET with the same bytes, unless `refuse` has a response for the host."""

    def __init__(self, refuse=lambda host, r: None):
        super().__init__()
        self.refuse = refuse
        self.store.answer = self.answer

    def answer(self, r):
        host = re.match("http://([^/]*)", r.target)[1]
        return self.refuse(host, r) or Response(
            206, {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}", "ETag": '"e"'}, BODY, head_only=r.method == "HEAD"
        )


def hosts(proxy):
    return [re.match("http://([^/]*)", r.target)[1] for r in proxy.requests]


def ask(proxy, verb, url, region="us-west-2", environ=None, **options):
    given = {"key": ACCESS, "secret": SECRET, "region": region, "use_ssl": "false", "proxy": proxy.endpoint, **options}
    return probe(verb, url, options={k: v for k, v in given.items() if v is not None}, environ=environ)


def check_signature(r):
    """Signed for the host that the request names; returns the scope's region and service."""
    host, path = re.match("http://([^/]*)(/[^?]*)", r.target).groups()
    assert r.headers["host"] == host
    words = r.headers["authorization"].replace(",", "").split()
    fields = dict(w.split("=", 1) for w in words[1:])
    names = fields["SignedHeaders"].split(";")
    assert "host" in names
    key_id, day, region, service, _ = fields["Credential"].split("/")
    assert key_id == ACCESS
    query = "&".join(sorted(p if "=" in p else p + "=" for p in r.target.partition("?")[2].split("&") if p))
    canonical = "\n".join([r.method, path, query, *(f"{n}:{r.headers[n]}" for n in names), "", fields["SignedHeaders"], r.headers["x-amz-content-sha256"]])
    text = "\n".join(["AWS4-HMAC-SHA256", r.headers["x-amz-date"], f"{day}/{region}/{service}/aws4_request", hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert fields["Signature"] == hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return region, service


DUAL, FIPS, FAST = {"use_dualstack_endpoint": "true"}, {"use_fips_endpoint": "true"}, {"use_accelerate_endpoint": "true"}
PATH = {"addressing_style": "path"}
FORMS = [
    # bucket, region, options, host, path of the key "k/1", region and service that are signed for
    ("bucket", "us-west-2", {}, "bucket.s3.us-west-2.amazonaws.com", "/k/1", "us-west-2", "s3"),
    ("bucket", "us-west-2", PATH, "s3.us-west-2.amazonaws.com", "/bucket/k/1", "us-west-2", "s3"),
    ("b_t", "us-west-2", {}, "s3.us-west-2.amazonaws.com", "/b_t/k/1", "us-west-2", "s3"),
    ("bucket", "us-west-2", DUAL, "bucket.s3.dualstack.us-west-2.amazonaws.com", "/k/1", "us-west-2", "s3"),
    ("bucket", "us-west-2", FIPS, "bucket.s3-fips.us-west-2.amazonaws.com", "/k/1", "us-west-2", "s3"),
    ("bucket", "us-gov-west-1", {**FIPS, **DUAL}, "bucket.s3-fips.dualstack.us-gov-west-1.amazonaws.com", "/k/1", "us-gov-west-1", "s3"),
    ("bucket", "us-west-2", FAST, "bucket.s3-accelerate.amazonaws.com", "/k/1", "us-west-2", "s3"),
    ("bucket", "us-west-2", {**FAST, **DUAL}, "bucket.s3-accelerate.dualstack.amazonaws.com", "/k/1", "us-west-2", "s3"),
    ("bucket", "cn-north-1", {}, "bucket.s3.cn-north-1.amazonaws.com.cn", "/k/1", "cn-north-1", "s3"),
    ("bucket", "us-iso-east-1", {}, "bucket.s3.us-iso-east-1.c2s.ic.gov", "/k/1", "us-iso-east-1", "s3"),
    ("bucket", "us-isob-east-1", {}, "bucket.s3.us-isob-east-1.sc2s.sgov.gov", "/k/1", "us-isob-east-1", "s3"),
    (AP, "eu-west-1", {}, f"ap-{ACCOUNT}.s3-accesspoint.us-west-2.amazonaws.com", "/k/1", "us-west-2", "s3"),
    (AP, "us-west-2", {**FIPS, **DUAL}, f"ap-{ACCOUNT}.s3-accesspoint-fips.dualstack.us-west-2.amazonaws.com", "/k/1", "us-west-2", "s3"),
    ("ap-abcdef-s3alias", "us-west-2", {}, "ap-abcdef-s3alias.s3.us-west-2.amazonaws.com", "/k/1", "us-west-2", "s3"),
    (OL, "us-west-2", {}, f"ol-{ACCOUNT}.s3-object-lambda.us-west-2.amazonaws.com", "/k/1", "us-west-2", "s3-object-lambda"),
    (OUTPOST, "us-west-2", {}, f"ap-{ACCOUNT}.op-01234567890123456.s3-outposts.us-west-2.amazonaws.com", "/k/1", "us-west-2", "s3-outposts"),
    (
        "bucket",
        "us-west-2",
        {"endpoint_url": "http://store.example:81/base", "addressing_style": "virtual"},
        "bucket.store.example:81",
        "/base/k/1",
        "us-west-2",
        "s3",
    ),
    (AP, "us-west-2", {"endpoint_url": "http://store.example"}, f"ap-{ACCOUNT}.store.example", "/k/1", "us-west-2", "s3"),
]


@pytest.mark.parametrize("bucket, region, options, host, path, signed_region, service", FORMS)
def test_form(bucket, region, options, host, path, signed_region, service):
    with Proxy() as proxy:
        outcome = ask(proxy, "get", f"s3://{bucket}/k/1", region, **options)
    assert outcome.ok and outcome.data == BODY, outcome
    assert proxy.requests[0].target.partition("?")[0] == f"http://{host}{path}"
    for r in proxy.requests:
        assert check_signature(r) == (signed_region, service)


MOVES = [
    ({}, "bucket.s3.us-west-2.amazonaws.com", "bucket.s3.eu-west-3.amazonaws.com"),
    (PATH, "s3.us-west-2.amazonaws.com", "s3.eu-west-3.amazonaws.com"),
    (DUAL, "bucket.s3.dualstack.us-west-2.amazonaws.com", "bucket.s3.dualstack.eu-west-3.amazonaws.com"),
    (FIPS, "bucket.s3-fips.us-west-2.amazonaws.com", "bucket.s3-fips.eu-west-3.amazonaws.com"),
    (FAST, "bucket.s3-accelerate.amazonaws.com", "bucket.s3-accelerate.amazonaws.com"),
    ({"endpoint_url": "http://store.example"}, "store.example", "store.example"),
]


@pytest.mark.parametrize("options, first, then", MOVES)
@pytest.mark.parametrize("status", [301, 400])
def test_redirect_keeps_the_form(options, first, then, status):
    def elsewhere(host, r):
        if "/us-west-2/" not in r.headers["authorization"]:
            return None
        response = error_response(status, "PermanentRedirect" if status == 301 else "AuthorizationHeaderMalformed")
        response.headers["x-amz-bucket-region"] = "eu-west-3"
        return response

    with Proxy(elsewhere) as proxy:
        outcome = ask(proxy, "get", "s3://bucket/k", **options)
    assert outcome.ok and outcome.data == BODY, outcome
    assert hosts(proxy)[0] == first and set(hosts(proxy)[1:]) == {then}
    assert [check_signature(r)[0] for r in proxy.requests[:2]] == ["us-west-2", "eu-west-3"]


def test_an_arn_is_not_redirected():
    def elsewhere(host, r):
        response = error_response(400, "AuthorizationHeaderMalformed")
        response.headers["x-amz-bucket-region"] = "eu-west-3"
        return response

    with Proxy(elsewhere) as proxy:
        outcome = ask(proxy, "get", f"s3://{AP}/k")
    assert outcome.code != "COVE_OK" and len(proxy.requests) == 1


def test_a_copy_names_the_access_point():
    def copied(host, r):
        if r.method == "PUT":
            return Response(200, {"Content-Type": "application/xml"}, b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>")
        return None

    arn = AP.replace("/", ":")
    with Proxy(copied) as proxy:
        outcome = probe(
            "copy",
            f"s3://{AP}/a b",
            f"s3://{AP}/c",
            options={"key": ACCESS, "secret": SECRET, "region": "us-west-2", "use_ssl": "false", "proxy": proxy.endpoint},
        )
    assert outcome.ok, outcome
    put = [r for r in proxy.requests if r.method == "PUT"][0]
    assert put.headers["x-amz-copy-source"] == arn.replace(":", "%3A") + "/object/a%20b"
    check_signature(put)


REFUSALS = [
    (f"s3://arn:aws:s3::{ACCOUNT}:accesspoint/mfzwi23gnjvgw.mrap/k", {}, "COVE_ENOTSUP", "SigV4a"),
    (f"s3://{AP}/k", FAST, "COVE_EINVAL", "use_accelerate_endpoint"),
    (f"s3://{AP}/k", PATH, "COVE_EINVAL", "addressing_style=path"),
    (f"s3://{AP}/k", {"region": "eu-west-1", "use_arn_region": "false"}, "COVE_EINVAL", "use_arn_region"),
    (f"s3://{OUTPOST}/k", FIPS, "COVE_EINVAL", "use_fips_endpoint"),
    ("s3://bu.cket/k", FAST, "COVE_EINVAL", "dots"),
    ("s3://bucket/k", {"region": "cn-north-1", **FIPS}, "COVE_EINVAL", "aws-cn"),
]


@pytest.mark.parametrize("url, options, code, reason", REFUSALS)
def test_refusal(url, options, code, reason):
    """By the first request, naming operation and URL; nothing is sent."""
    with Proxy() as proxy:
        outcome = ask(proxy, "get", url, **options)
        assert proxy.requests == []
    shown = url if "arn:" not in url else url.replace("accesspoint/", "accesspoint:").replace("outpost/", "outpost:").replace("6/acc", "6:acc")
    assert outcome.code == code and reason in outcome.message and shown in outcome.message, outcome


def test_environment():
    with Proxy() as proxy:
        outcome = ask(
            proxy,
            "get",
            "s3://bucket/k",
            environ={
                "AWS_USE_DUALSTACK_ENDPOINT": "true",
                "AWS_USE_FIPS_ENDPOINT": "TRUE",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
                "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
            },
        )
    assert outcome.ok, outcome
    assert set(hosts(proxy)) == {"bucket.s3-fips.dualstack.us-west-2.amazonaws.com"}
