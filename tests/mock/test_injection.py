"""A line break in a value that becomes a header is refused at the open; the message names its source but never shows the value."""

import json

import pytest

from probe_run import probe
from server import MockServer

EVIL = "\nx-amz-acl: public-read"
KEYS = {"key": "KEY", "secret": "mock-secret-9d1c7e", "token": "mock-token-5b2a0f"}
CLIENT = {"key": "aws_access_key_id", "secret": "aws_secret_access_key", "token": "aws_session_token"}
VARIABLES = {"key": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}


def refused(server, outcome, *names):
    assert outcome.code == "COVE_EINVAL" and server.requests == [], outcome
    assert all(name in outcome.message for name in names) and "control character" in outcome.message, outcome
    assert "public-read" not in outcome.text and not any(value in outcome.text for value in list(KEYS.values())[1:])


@pytest.mark.parametrize("evil", [EVIL, "\r", "\x01", "\x7f"], ids=["lf", "cr", "control", "del"])
@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("way", ["option", "environment", "client_kwargs"])
def test_keys(way, name, evil):
    keys = {**KEYS, name: KEYS[name] + evil}
    environ, options = {}, {}
    if way == "option":
        options, source = keys, f"option {name}"
    elif way == "environment":
        environ, source = {VARIABLES[k]: v for k, v in keys.items()}, VARIABLES[name]
    else:
        options, source = {"client_kwargs": json.dumps({CLIENT[k]: v for k, v in keys.items()})}, CLIENT[name]
    with MockServer({"b/k": b"x"}) as server:
        outcome = probe("get", "s3://b/k", options={"endpoint_url": server.endpoint, **options}, environ=environ)
        refused(server, outcome, source)


def test_properties_of_objects():
    with MockServer() as server:
        outcome = probe(
            "put", "s3://b/k", "1", options={"endpoint_url": server.endpoint, **KEYS, "s3_additional_kwargs": json.dumps({"ContentType": "a" + EVIL})}
        )
        refused(server, outcome, "s3_additional_kwargs", "ContentType")


@pytest.mark.parametrize("key", ["a\nb", "a\rb", "a\x01b", "a\r\nx-amz-acl: public-read"])
def test_keys_of_objects_work(key):
    """Object keys may have line breaks: they are encoded in URLs, in the source of a copy and in XML, or sent by themselves."""
    with MockServer({f"b/{key}": b"x", "b/z": b"z"}) as server:
        options = {"endpoint_url": server.endpoint, **KEYS}
        assert probe("get", f"s3://b/{key}", options=options).ok
        assert probe("copy", f"s3://b/{key}", "s3://b/copy", options=options).ok
        assert probe("put", f"s3://b/{key}2", "1", options=options).ok
        assert {"b/copy", f"b/{key}2"} <= server.store.objects.keys()
        assert not any("x-amz-acl" in r.headers for r in server.requests)
