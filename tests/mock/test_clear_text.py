"""Plain http:// is for servers of this machine: what counts as one, and that no proxy stands in between."""

import pytest

import azure
import gcs
from probe_run import probe
from server import MockServer
from store import Store

TOKEN = "eyJ-a-token-in-clear-text"
CLOSED_PORT = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}


@pytest.mark.parametrize(
    "url, kind, options",
    [
        ("s3://b/k", Store, {"region": "eu-west-1", "anon": "true"}),
        ("gs://b/k", gcs.Store, {}),
        ("az://b/k", azure.Store, azure.OPTIONS),
    ],
)
def test_no_proxy_of_the_environment_for_this_machine(url, kind, options):
    with MockServer({"b/k": b"data"}, kind=kind) as server:
        outcome = probe("get", url, options={"endpoint_url": server.endpoint, "retries": 0, **options}, environ=CLOSED_PORT)
        assert outcome.ok and outcome.data == b"data", outcome


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint_url": "http://127.0.0.1.example.com/acct"},
        {"endpoint_url": "http://localhost.example.com/acct"},
        {"endpoint_url": "http://127.0.0.1:1/acct", "dfs_endpoint": "http://10.1.2.3/acct"},
        {"account_name": "acct", "dfs_endpoint": "http://10.1.2.3/acct"},
    ],
)
def test_no_token_in_clear_text_to_another_machine(options):
    with MockServer({"b/k": b"data"}, kind=azure.Store) as proxy:
        outcome = probe("get", "az://b/k", options={"retries": 0, "credential": TOKEN, **options}, environ={"http_proxy": proxy.endpoint}, timeout_ms=5000)
        assert outcome.code == "COVE_EINVAL" and "would show access tokens" in outcome.message, outcome
        assert proxy.requests == [] and TOKEN not in outcome.text


@pytest.mark.parametrize("tenant, named", [("72f988bf-86f1-41af", True), ("acme.example", True), ("$(touch${IFS}x);y", False), ("-x", False)])
def test_the_tenant_of_a_challenge_is_shown_only_if_it_can_be_one(tenant, named):
    """It stands in a command to paste, and any server may have written it."""
    challenge = f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}/oauth2/authorize resource_id=x"
    fault = {"on": "GetBlob", "status": 401, "error": ["NoAuthenticationInformation", "mocked"], "headers": {"WWW-Authenticate": challenge}, "times": -1}
    with MockServer({"b/k": b"data"}, [fault], kind=azure.Store) as server:
        outcome = probe("get", "az://b/k", options={"endpoint_url": server.endpoint, "retries": 0, **azure.OPTIONS})
        assert outcome.code == "COVE_EAUTH" and (f"az login --tenant {tenant}" in outcome.message) == named, outcome
        assert named or tenant not in outcome.message
