"""Directory buckets under Amazon's host names. The mock is configured as an HTTP proxy, so it sees the hosts, and it checks signatures."""

import re

import pytest

from probe_run import probe
from server import MockServer
from test_mock import ACCESS, SECRET, TOKEN

ZONE = "usw2-az1"
D, E = f"d--{ZONE}--x-s3", f"e--{ZONE}--x-s3"
HOME = f"{D}.s3express-{ZONE}.us-west-2.amazonaws.com"


@pytest.fixture
def proxy():
    with MockServer({f"{D}/k": b"hello", f"{E}/k": b"other"}) as server:
        yield server
        assert server.troubles == []


def ask(server, *call, environ=None, **options):
    given = {"key": ACCESS, "secret": SECRET, "token": TOKEN, "region": "us-west-2", "use_ssl": "false", "proxy": server.endpoint, **options}
    outcome = probe(*call, options={k: v for k, v in given.items() if v is not None}, environ=environ)
    assert not re.search(r"session-(secret|token)-\d|mock-(secret|token)|(?i:signature=[0-9a-f]{64})", outcome.text)
    return outcome


def seen(server):
    return [(re.match("http://([^/]*)", r.target)[1], r.operation) for r in server.requests]


def test_hosts(proxy):
    outcome = ask(proxy, "get", f"s3://{D}/k")
    assert outcome.ok and outcome.data == b"hello", outcome
    assert seen(proxy) == [(HOME, "CreateSession"), (HOME, "GetObject")]
    assert all(r.headers["host"] == HOME for r in proxy.requests)


def test_each_bucket_has_one_session(proxy):
    outcome = ask(proxy, "copy", f"s3://{D}/k", f"s3://{E}/copy")
    assert outcome.ok and [s.bucket for s in proxy.store.directories.sessions] == [], outcome
    outcome = ask(proxy, "move", f"s3://{D}/k", f"s3://{E}/moved")
    assert outcome.ok and proxy.store.objects[f"{E}/moved"][0] == b"hello" and f"{D}/k" not in proxy.store.objects, outcome
    assert [s.bucket for s in proxy.store.directories.sessions] == [D]


def test_many_parts_wait_for_one_session(proxy):
    outcome = ask(proxy, "write", f"s3://{D}/big", 40 << 20, default_block_size=str(5 << 20))
    assert outcome.ok and proxy.count("CreateSession") == 1 and proxy.count("UploadPart") == 8, outcome


def test_a_clock_that_is_wrong(proxy):
    """The session has long ended by this machine's clock. It was just given, so it serves."""
    proxy.store.directories.until = "2001-01-01T00:00:00Z"
    outcome = ask(proxy, "write", f"s3://{D}/big", 40 << 20, default_block_size=str(5 << 20))
    assert outcome.ok and proxy.count("CreateSession") == 1, outcome


@pytest.mark.parametrize("how", ["environment", "profile", "config_kwargs"])
def test_without_sessions(proxy, tmp_path, how):
    (tmp_path / "config").write_text("[default]\ns3_disable_express_session_auth = true\n" if how == "profile" else "")
    environ = {"AWS_CONFIG_FILE": str(tmp_path / "config")}
    options = {}
    if how == "environment":
        environ["AWS_S3_DISABLE_EXPRESS_SESSION_AUTH"] = "true"
    elif how == "config_kwargs":
        options["config_kwargs"] = '{"s3_disable_express_session_auth": true}'
    outcome = ask(proxy, "get", f"s3://{D}/k", environ=environ, **options)
    assert outcome.ok and seen(proxy) == [(HOME, "GetObject")], outcome
    assert proxy.requests[0].headers["x-amz-security-token"] == TOKEN


def test_an_option_overrides_the_environment(proxy):
    outcome = ask(proxy, "get", f"s3://{D}/k", environ={"AWS_S3_DISABLE_EXPRESS_SESSION_AUTH": "true"}, disable_s3express_session_auth="false")
    assert outcome.ok and proxy.count("CreateSession") == 1, outcome
