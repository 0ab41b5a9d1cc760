"""How it is found out whether an account has a hierarchical namespace, and who may ask."""

import pytest

import azure
from dfs_account import Account
from probe_run import probe
from server import MockServer


def test_the_account_is_asked_once():
    with Account({"b/d/f": b"old"}) as account:
        assert account.call("append", "az://b/d/f", 3, "abc").ok
        assert account.count("GetAccountInformation") == 1 and account.count("PathGetAccessControl") == 0


def test_who_may_not_ask_about_the_account_asks_the_container():
    with Account({"b/f": b"data"}, hides_account=True) as account:
        assert account.call("put", "az://b/d/g", 3).ok
        assert account.count("PathGetAccessControl") == 1
        assert len(account.files["b/d/g"]) == 3


def test_where_nothing_answers_the_account_counts_as_flat():
    with Account({"b/f": b"data"}, hides_account=True, refuses_access_control=True) as account:
        outcome = account.call("get", "az://b/f")
        assert outcome.ok and outcome.data == b"data"
        assert "could not be found out" in outcome.log and account.count("GetBlob") == 1


def test_a_flat_account_is_used_by_its_blob_service():
    with MockServer({"b/f": b"data"}, kind=azure.Store) as server:
        options = {"endpoint_url": server.endpoint, "dfs_endpoint": f"{server.endpoint}/dfs/{azure.ACCOUNT}", **azure.OPTIONS}
        assert probe("put", "az://b/g", 3, options=options).ok
        assert len(server.store.objects["b/g"][0]) == 3


def test_a_store_that_fails_is_asked_again():
    """One bad response must not make an account a flat one."""
    fault = {"on": "PathGetAccessControl", "status": 503, "error": ["ServerBusy", "mocked"], "times": 2}
    with Account({"b/f": b"data"}, [fault], hides_account=True) as account:
        assert account.call("put", "az://b/g", 3).ok
        assert account.count("PathGetAccessControl") == 3 and account.count("PathRename") == 1


def test_a_store_that_goes_on_failing_is_an_error():
    fault = {"on": "PathGetAccessControl", "status": 503, "error": ["ServerBusy", "mocked"], "times": -1}
    with Account({"b/f": b"data"}, [fault], hides_account=True) as account:
        outcome = account.call("get", "az://b/f", retries=1)
        assert outcome.code == "COVE_ETHROTTLED", outcome
        assert account.count("GetBlob") == 0


def test_a_refused_login_decides_nothing_about_the_account():
    with Account({"b/f": b"data"}, tokens=["good"]) as account:
        outcome = account.call("get", "az://b/f", account_key="", credential="eyJ-bad")
        assert outcome.code == "COVE_EAUTH", outcome
        assert "could not be found out" not in outcome.log and account.count("GetBlob") == 0


MISSING = {"on": "PathGetAccessControl", "status": 404, "error": ["FilesystemNotFound", "mocked"], "times": -1}


@pytest.mark.parametrize(
    "verb",
    [("put", 3), ("write", 20 << 20), ("flush", "one", "two"), ("copy", "b/g"), ("move", "b/g"), ("set_metadata", "a=b"), ("rm",), ("rmtree",), ("mkdir",)],
    ids=lambda verb: verb[0],
)
def test_nothing_is_written_before_it_is_known_which_store_the_account_is(verb):
    """Another server's 404, or a container that is only just made: a write by the blob service would not be the DFS endpoint's."""
    with Account({"b/f": b"data"}, [MISSING], hides_account=True) as account:
        outcome = account.call(verb[0], "az://b/f", *verb[1:])
        assert outcome.code == "COVE_ENOTFOUND" and "no such container" in outcome.message, outcome
        assert {r.operation for r in account.server.requests} <= {"GetAccountInformation", "PathGetAccessControl", "GetBlobProperties", "ListBlobs"}
        assert account.files == {"b/f": b"data"}


def test_a_question_that_goes_on_failing_names_the_option():
    fault = {"on": "PathGetAccessControl", "status": 503, "error": ["ServerBusy", "mocked"], "times": -1}
    for verb in (["get"], ["put", 3], ["write", 3], ["flush", "one"]):
        with Account({"b/f": b"data"}, [fault], hides_account=True) as account:
            outcome = account.call(verb[0], "az://b/f", *verb[1:], retries=1)
            assert outcome.code == "COVE_ETHROTTLED" and "option hierarchical_namespace" in outcome.message, outcome
            assert account.files == {"b/f": b"data"}


def test_a_directory_in_a_new_container_is_a_real_one():
    """Who may not ask about the account has nothing to ask before the container is there."""
    with Account(hides_account=True) as account:
        assert account.call("mkdir", "az://new/d").code == "COVE_ENOTFOUND"
        outcome = account.call("mkdir", "az://new/d", create_buckets="true")
        assert outcome.ok, outcome
        assert account.folders == ["new/d"] and account.count("PathGetAccessControl") == 3


def test_a_new_container_is_made_before_it_is_known_what_the_account_is():
    with Account(hides_account=True) as account:
        assert account.call("mkdir", "az://new").ok and "new" in account.server.store.containers
        assert account.call("put", "az://new/f", 3).ok and list(account.files) == ["new/f"]


def test_where_nothing_answers_the_account_counts_as_flat_for_good():
    """A file that is under way does not change its store."""
    with Account(hides_account=True, refuses_access_control=True) as account:
        outcome = account.call("flush", "az://b/f", "one", "two")
        assert outcome.log.count("could not be found out") == 1 and account.count("PathGetAccessControl") == 1, outcome


def test_the_option_decides_that_it_has_one():
    with Account({"b/f": b"data"}, hides_account=True, refuses_access_control=True) as account:
        assert account.call("append", "az://b/f", 3, "abc", hierarchical_namespace="true").ok
        assert account.count("GetAccountInformation") == account.count("PathGetAccessControl") == 0
        assert account.files["b/f"].startswith(b"data") and len(account.files["b/f"]) > 4
        outcome = account.call("get", "az://b/f", dfs=False, hierarchical_namespace="true")
        assert outcome.code == "COVE_EINVAL" and "set the option dfs_endpoint" in outcome.message, outcome


def test_an_account_with_one_keeps_no_versions():
    """Without an error the version would be a part of the file's name."""
    with Account({"b/f": b"data"}) as account:
        for path in ("b/f", "b/f?versionid=2026-01-01T00:00:00.0000000Z"):
            for verb in (["get"], ["put", 3], ["flush", "one"], ["write", 3]):
                outcome = account.call(verb[0], f"az://{path}", *verb[1:], version_aware="true")
                assert outcome.code == "COVE_ENOTSUP" and "leave the option version_aware out" in outcome.message, outcome
        assert account.files == {"b/f": b"data"}


def test_the_option_decides_that_it_has_none():
    with MockServer({"b/f": b"data"}, kind=azure.Store) as server:
        options = {"endpoint_url": server.endpoint, "dfs_endpoint": f"{server.endpoint}/dfs/{azure.ACCOUNT}", **azure.OPTIONS}
        assert probe("put", "az://b/g", 3, options={**options, "hierarchical_namespace": "false"}).ok
        assert [r.operation for r in server.requests] == ["PutBlob"]
