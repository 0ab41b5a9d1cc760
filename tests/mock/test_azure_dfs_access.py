"""Shared access signatures and tokens at the DFS endpoint, which the mock checks; and what is refused there."""

import pytest

import azure_auth
from dfs_account import MIB, Account

WHOLE = "racwdlme"  # the permissions of docs/azure.md
TOKEN = "eyJhbGciOiJub25lIn0.e30."


def of_container(permissions):
    at = {"sp": permissions, "se": "2100-01-01T00:00:00Z", "sv": "2023-11-03", "sr": "c"}
    lines = [at["sp"], "", at["se"], f"/blob/{azure_auth.ACCOUNT}/b", *(at.get(name, "") for name in azure_auth.BLOB_FIELDS)]
    return at, lines


def of_account(permissions, services="b"):
    at = {"sp": permissions, "se": "2100-01-01T00:00:00Z", "sv": "2023-11-03", "ss": services, "srt": "sco"}
    return at, [azure_auth.ACCOUNT, *(at.get(name, "") for name in azure_auth.ACCOUNT_FIELDS), ""]


def signed(at, lines):
    sig = azure_auth.sign("\n".join(lines)).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return "&".join([*(f"{name}={value.replace(':', '%3A')}" for name, value in at.items()), f"sig={sig}"])


def work(account, **access):
    """Each kind of request; none of the messages and logs has a secret."""
    calls = (
        ("put", "az://b/new/f", 5),
        ("write", "az://b/big", 20 * MIB),
        ("append", "az://b/new/f", 3, "abc"),
        ("get", "az://b/new/f"),
        ("copy", "az://b/new/f", "b/new/g"),
        ("move", "az://b/new", "az://b/else"),
        ("rm", "az://b/else/g"),
        ("rmtree", "az://b/else"),
        ("uploads", "az://b"),
    )
    for verb in calls:
        outcome = account.call(*verb, account_key="", **access)
        assert outcome.ok, (verb, outcome)
        assert "sig=" not in outcome.text.replace("sig=***", "") and TOKEN not in outcome.text
    assert [*account.files] == ["b/big"] and account.count("PathRename") > 2


@pytest.mark.parametrize("sas", [of_container(WHOLE), of_account(WHOLE)], ids=["container", "account"])
def test_everything_by_a_signature(sas):
    with Account() as account:
        work(account, sas_token="?" + signed(*sas))
        assert all("authorization" not in r.headers for r in account.server.requests)


def test_everything_by_a_token():
    with Account(tokens=[TOKEN]) as account:
        work(account, credential=TOKEN)
        assert all(r.headers["authorization"] == f"Bearer {TOKEN}" for r in account.server.requests)


def test_a_signature_that_may_not_ask_what_the_account_is():
    """Without e it may not read access control lists; the option replaces them."""
    with Account({"b/f": b"data"}) as account:
        sas = signed(*of_container("racwdlm"))
        outcome = account.call("put", "az://b/f", 5, account_key="", sas_token=sas)
        assert not outcome.ok and "hierarchical_namespace=true" in outcome.log and account.files == {"b/f": b"data"}
        assert account.call("put", "az://b/f", 5, account_key="", sas_token=sas, hierarchical_namespace="true").ok
        assert len(account.files["b/f"]) == 5


@pytest.mark.parametrize("sas, code", [(of_container("re"), "AuthorizationPermissionMismatch"), (of_account(WHOLE, "q"), "AuthorizationServiceMismatch")])
def test_a_signature_of_something_else(sas, code):
    with Account({"b/f": b"data"}) as account:
        outcome = account.call("put", "az://b/f", 5, account_key="", sas_token=signed(*sas), hierarchical_namespace="true")
        assert outcome.code == "COVE_EACCESS" and outcome.store_code == code, outcome
        assert account.files == {"b/f": b"data"}


def test_access_tier_is_refused():
    with Account() as account:
        outcome = account.call("put", "az://b/f", 5, access_tier="Cool")
        assert outcome.code == "COVE_ENOTSUP" and "option access_tier" in outcome.message and "leave it out" in outcome.message, outcome
        assert account.files == {}
