"""Access tokens on a real server: an Azurite over TLS takes those that a login endpoint of our own gives to an application."""

import os

import pytest

import cove
from cove import AzureBlobFileSystem
from servers.azure import Azurite
from servers.azure_login import Login, token
from servers.certificates import Authority

SIZE = (9 << 20) + 5  # two blocks


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Azurite(tls=Authority(tmp_path_factory.mktemp("authority"))) as server:
        yield server


@pytest.fixture
def filesystem(server, monkeypatch):
    """Makes a filesystem of these options, which finds no other credentials."""
    for name in list(os.environ):
        if name.startswith("AZURE_STORAGE_"):
            monkeypatch.delenv(name)
    cove.register()

    def make(**options):
        return AzureBlobFileSystem(
            account_name=server.ACCOUNT, endpoint_url=server.endpoint, verify=str(server.tls.ca), retries=0, skip_instance_cache=True, **options
        )

    return make


def test_all_requests_have_the_token(filesystem):
    with Login() as login:
        fs = filesystem(**login.options)
        data = os.urandom(SIZE)
        fs.pipe("cove/t/large", data)
        fs.pipe({"cove/t/a": b"abc", "cove/t/b": b"de"})
        with fs.open("cove/t/a", "ab") as f:
            f.write(b"def")
        assert fs.cat("cove/t/a") == b"abcdef" and fs.cat_file("cove/t/large", start=-9) == data[-9:]
        fs.cp("cove/t/large", "cove/t/copy")
        assert fs.cat("cove/t/copy") == data
        fs.setxattr("cove/t/copy", kind="copy")
        assert fs.getxattr("cove/t/copy", "kind") == "copy"
        assert fs.find("cove/t") == ["cove/t/a", "cove/t/b", "cove/t/copy", "cove/t/large"]
        fs.rm("cove/t", recursive=True)
        assert not fs.exists("cove/t")
        assert len(login.asked) == 1, "one token serves all"


@pytest.mark.parametrize("claims, why", [({"lasts_s": -60}, "expired"), ({"audience": "https://vault.azure.net"}, "audience")], ids=["expired", "audience"])
def test_a_token_that_the_store_refuses(filesystem, claims, why):
    with Login(**claims) as login:
        with pytest.raises(PermissionError) as raised:
            filesystem(**login.options).cat("cove/x")
    assert raised.value.http_status == 403 and raised.value.store_code == "AuthenticationFailed"
    assert why in str(raised.value) and token(**claims)[:20] not in str(raised.value)


def test_a_given_token(filesystem):
    fs = filesystem(credential=token())
    fs.pipe("cove/given", b"x")
    assert fs.cat("cove/given") == b"x"


def test_a_wrong_secret(filesystem):
    with Login() as login:
        with pytest.raises(PermissionError, match="AADSTS7000215"):
            filesystem(**{**login.options, "client_secret": "wrong"}).cat("cove/x")
