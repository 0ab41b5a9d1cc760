"""URLs of az:// that a login signs, by a user delegation key: the mock gives keys to tokens, and checks what they sign."""

import concurrent.futures
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

import azure
import env as environment
from probe_run import probe
from server import MockServer

TOKEN = "eyJ0.a-token.of-a-login"


def served(**ways):
    return MockServer({"b/d/a b+ü": b"signed"}, kind=azure.Store, ways={"tokens": [TOKEN], **ways})


def options(server):
    return {"account_name": azure.ACCOUNT, "credential": TOKEN, "endpoint_url": server.endpoint}


def sign(server, method="GET", expires="60", path="az://b/d/a b+ü"):
    return probe("sign", path, method, expires, options=options(server))


def send(url, method="GET", data=None, headers=None):
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
        return response.read()


def keys(server):
    return sum(r.operation == "GetUserDelegationKey" for r in server.requests)


def query_of(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def test_a_login_signs():
    with served() as server:
        url = sign(server).names[0]
        assert send(url) == b"signed" and keys(server) == 1 and TOKEN not in url
        with pytest.raises(urllib.error.HTTPError, match="403"):
            send(url.replace("&skv=2023-11-03", "&skv=2023-11-04"))
        with pytest.raises(urllib.error.HTTPError, match="403"):
            send(url, "DELETE")
        put = sign(server, "PUT", path="az://b/new").names[0]
        send(put, "PUT", b"by anybody", {"x-ms-blob-type": "BlockBlob"})
        assert server.store.objects["b/new"][0] == b"by anybody"
        send(sign(server, "DELETE", path="az://b/new").names[0], "DELETE")
        assert "b/new" not in server.store.objects and server.troubles == []


def test_a_version():
    with served(versions=True) as server:
        server.store.put("b/d/a b+ü", b"newer")
        first = server.store.containers["b"].versions["d/a b+ü"][0].version_id
        url = probe("sign", f"az://b/d/a b+ü?versionid={first}", "GET", "60", options={**options(server), "version_aware": "true"}).names[0]
        assert send(url) == b"signed" and query_of(url)["sr"] == "bv"


def test_who_may_not_delegate_gets_the_role_named():
    with served(delegates=False) as server:
        outcome = sign(server)
        assert outcome.code == "COVE_EACCESS" and outcome.store_code == "AuthorizationPermissionMismatch", outcome
        assert "generateUserDelegationKey" in outcome.message and "Storage Blob Delegator" in outcome.message
        assert "az://b/d/a b+ü" in outcome.message and TOKEN not in outcome.message


def test_a_url_ends_with_its_key():
    with served(delegates=3600) as server:
        query = query_of(sign(server, expires="7200").names[0])
        assert query["se"] == query["ske"]
        query = query_of(sign(server, expires="60").names[0])
        assert query["se"] < query["ske"]


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<UserDelegationKey><Value>a2V5</Value></UserDelegationKey>"])
def test_a_response_without_a_key(body):
    fault = {"on": "GetUserDelegationKey", "status": 200, "body": body.decode(), "headers": {"x-ms-request-id": "MOCK"}}
    with MockServer({"b/k": b""}, [fault], kind=azure.Store, ways={"tokens": [TOKEN]}) as server:
        outcome = sign(server, path="az://b/k")
        assert outcome.code == "COVE_EPROTOCOL" and "user delegation key" in outcome.message, outcome


@pytest.fixture
def filesystem():
    if not (environment.build_dir() / "python" / "cove").exists():
        pytest.skip("this build has no Python package")
    sys.path.insert(0, str(environment.build_dir() / "python"))
    from cove.azure import AzureBlobFileSystem

    return lambda server: AzureBlobFileSystem(**options(server), skip_instance_cache=True)


def test_one_request_for_many_urls(filesystem):
    with served() as server:
        fs = filesystem(server)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            urls = list(pool.map(lambda i: fs.sign(f"b/{i}"), range(40)))
        assert keys(server) == 1 and send(fs.url("b/d/a b+ü", expires=7 * 24 * 3600)) == b"signed"
        assert keys(server) == 1 and len({url.partition("?")[0] for url in urls}) == 40


def test_a_key_that_ends_too_early_is_replaced(filesystem):
    with served(delegates=3600) as server:
        fs = filesystem(server)
        short = query_of(fs.url("b/k", expires=60))
        server.store.ways["delegates"] = 7200
        long = query_of(fs.url("b/k", expires=7000))
        assert keys(server) == 2 and long["ske"] > short["ske"] and long["se"] < long["ske"]
