"""Good responses that are not Azure's: of a proxy, a gateway or a login page. Nothing has been done, and no call may take them for success."""

import pytest

import azure
from dfs_account import Account
from probe_run import probe
from server import MockServer

MORE = "ZC8x" + "." * 9000  # a continuation behind d/1: a long name's is as long


def page(operation, status=200, body="<html>login</html>", **headers):
    """From here on, for each request of the operation."""
    lines = {"Content-Type": "text/html", "ETag": '"0x1"', "Connection": "close", "Content-Length": len(body), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return {"on": operation, "raw": f"HTTP/1.1 {status} OK\r\n{head}\r\n{body}", "times": -1}


FAULTS = [("page", lambda on: page(on)), ("empty", lambda on: page(on, body="")), ("created", lambda on: page(on, 201, ""))]
CALLS = [
    ("PathCreate", ("put", "az://b/f", 3)),
    ("PathAppend", ("put", "az://b/f", 3)),
    ("PathRename", ("put", "az://b/f", 3)),
    ("PathRename", ("move", "az://b/f", "az://b/g")),
    ("PathRename", ("move", "az://b/d", "az://b/e")),
    ("PathDelete", ("rmtree", "az://b/d")),
    ("PathCreate", ("mkdir", "az://b/new")),
    ("FilesystemCreate", ("mkdir", "az://new")),
]


@pytest.mark.parametrize("fault", [make for _, make in FAULTS], ids=[name for name, _ in FAULTS])
@pytest.mark.parametrize("operation, call", CALLS)
def test_a_page_is_no_success_where_directories_are_real(operation, call, fault):
    with Account({"b/f": b"old", "b/d/1": b"x"}, [fault(operation)]) as account:
        outcome = account.call(*call, retries=1)
        assert outcome.code == "COVE_EPROTOCOL", outcome
        assert "not from the store" in outcome.message
        visible = {path: data for path, data in account.files.items() if ".cove-upload-" not in path}
        assert visible == {"b/f": b"old", "b/d/1": b"x"} and account.folders == ["b/d"]


def test_a_page_to_a_flush_is_no_other_writer():
    with Account({"b/f": b"old"}, [page("PathFlush")]) as account:
        outcome = account.call("append", "az://b/f", 3, "abc", retries=1)
        assert outcome.code == "COVE_EPROTOCOL", outcome
        assert account.files == {"b/f": b"old"}


@pytest.mark.parametrize("fault", [make for _, make in FAULTS], ids=[name for name, _ in FAULTS])
@pytest.mark.parametrize("operation, call", [("PutBlob", ("put", "az://b/f", 3)), ("CreateContainer", ("mkdir", "az://new"))])
def test_a_page_is_no_success_of_the_blob_service(operation, call, fault):
    with MockServer({"b/f": b"old"}, [fault(operation)], kind=azure.Store) as server:
        outcome = probe(*call, options={"endpoint_url": server.endpoint, "retries": 1, **azure.OPTIONS})
        assert outcome.code == "COVE_EPROTOCOL", outcome
        assert "not from the store" in outcome.message
        assert server.store.objects["b/f"][0] == b"old" and list(server.store.containers) == ["b"]


# ---- what an account is


@pytest.mark.parametrize("fault", [page("PathGetAccessControl", body=""), page("PathGetAccessControl", body="", **{"x-ms-request-id": "1"})])
def test_a_page_makes_no_account_a_hierarchical_one(fault):
    with Account({"b/f": b"data"}, [fault], hides_account=True) as account:
        outcome = account.call("get", "az://b/f", retries=1)
        assert outcome.code == "COVE_EPROTOCOL", outcome
        assert account.count("PathRead") == account.count("GetBlob") == 0


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_the_refusal_of_another_server_makes_none_a_flat_one(status):
    with Account({"b/f": b"data"}, [page("PathGetAccessControl", status, "")], hides_account=True) as account:
        assert not account.call("get", "az://b/f", retries=1).ok
        assert account.count("GetBlob") == 0


def test_a_container_that_is_being_removed_decides_nothing():
    fault = {"on": "PathGetAccessControl", "status": 409, "error": ["FilesystemBeingDeleted", "mocked"]}
    with Account({"b/f": b"data", "c/f": b"data"}, [fault], hides_account=True) as account:
        calls = account.call("begin", "az://b/g", "hello")
        assert not calls.ok or account.count("PathGetAccessControl") > 1
        assert "could not be found out" not in calls.log


# ---- pages


def test_a_listing_has_all_pages_however_long_the_token():
    """As a real one does; taken for the end, it would be half a listing, or half a removal."""
    files = {f"b/d/{i}": b"x" for i in range(6)}
    with Account(files, [{"on": "PathList", "headers": {"x-ms-continuation": MORE}, "times": 1}], page=2) as account:
        outcome = account.call("list", "az://b/d", retries=0)
        assert outcome.ok and outcome.value == 6, outcome


def test_a_removal_takes_all_pages_however_long_the_token():
    files = {f"b/d/{i}": b"x" for i in range(7)}
    with Account(files, [{"on": "PathDelete", "headers": {"x-ms-continuation": MORE}, "times": 1}], delete_page=2) as account:
        assert account.call("rmtree", "az://b/d").ok
        assert account.files == {} and account.folders == []


def test_a_directory_that_lists_itself_is_entered_once():
    listing = '{"paths":[{"name":"d","isDirectory":"true"},{"name":"d/f","contentLength":"1","etag":"0x1"}]}'
    with Account({"b/d/f": b"x"}, [{"on": "PathList", "status": 200, "body": listing, "times": -1}]) as account:
        outcome = account.call("list", "az://b/d")
        assert outcome.ok and outcome.value == 1 and account.count("PathList") == 1, outcome
