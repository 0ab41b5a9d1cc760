"""Accounts with a hierarchical namespace: what each request's failure leaves."""

import pytest

from dfs_account import CLOSED, MIB, Account
from store import pattern

CHANGED = {"status": 412, "error": ["ConditionNotMet", "mocked"]}
# ---- writes


@pytest.mark.parametrize("size", [0, 5, 20 * MIB])
def test_a_write_gets_its_name_in_the_end(size):
    with Account() as account:
        assert account.call("write", "az://b/new/f", size).ok
        assert len(account.files["b/new/f"]) == size and list(account.files) == ["b/new/f"]
        assert account.count("PathRename") == 1 and account.folders == ["b/new"]


@pytest.mark.parametrize("operation", ["PathCreate", "PathAppend", "PathRename"])
def test_a_put_whose_response_is_lost_is_done_once(operation):
    with Account(faults=[{"on": operation, **CLOSED}]) as account:
        outcome = account.call("put", "az://b/f", 5)
        assert outcome.ok, outcome
        assert list(account.files) == ["b/f"] and len(account.files["b/f"]) == 5


@pytest.mark.parametrize("operation", ["PathCreate", "PathAppend", "PathFlush", "PathRename"])
def test_an_upload_whose_response_is_lost_is_done_once(operation):
    with Account(faults=[{"on": operation, **CLOSED}]) as account:
        outcome = account.call("write", "az://b/f", 20 * MIB)
        assert outcome.ok, outcome
        assert {path: len(data) for path, data in account.files.items()} == {"b/f": 20 * MIB}


def test_names_of_metadata_keep_their_case():
    with Account() as account:
        assert account.call("new", "az://b/f", 5, "text/plain", "runName=x", "Epoch=1").ok
        assert account.call("set_metadata", "az://b/f", "epoch=7").ok
        metadata = account.server.store.container("b").live["f"].metadata
        assert {name: value for name, value in metadata.items() if name != "cove_write"} == {"runName": "x", "epoch": "7"}
        assert "runName=x" in account.call("describe", "az://b/f").names


def test_a_rename_without_an_etag_is_looked_after():
    with Account(rename_has_no_etag=True) as account:
        assert account.call("append", "az://b/f", 3, "abc").ok
        assert list(account.files) == ["b/f"] and account.files["b/f"]


@pytest.mark.parametrize("size", [0, 5, 20 * MIB])
def test_another_writers_file_is_not_taken_for_the_one_whose_rename_was_lost(size):
    with Account(faults=[{"on": "PathRename", **CLOSED}, {"on": "PathRename", "meanwhile": {"b/f": "theirs"}}]) as account:
        outcome = account.call("write", "az://b/f", size)
        assert outcome.code == "COVE_ESERVER" and account.count("PathRename") == 2, outcome
        assert account.files == {"b/f": b"theirs"}


@pytest.mark.parametrize("size", [0, 5, 20 * MIB])
def test_a_write_is_marked(size):
    with Account() as account:
        assert account.call("write", "az://b/f", size).ok
        assert len(account.server.store.container("b").live["f"].metadata["cove_write"]) == 32


@pytest.mark.parametrize("operation", ["PathAppend", "PathRename"])
def test_a_put_that_is_refused_leaves_nothing(operation):
    fault = {"on": operation, "status": 403, "error": ["AuthorizationPermissionMismatch", "mocked"]}
    with Account({"b/f": b"old"}, [fault]) as account:
        outcome = account.call("put", "az://b/f", 3)
        assert outcome.code == "COVE_EACCESS" and outcome.store_code == "AuthorizationPermissionMismatch", outcome
        assert account.files == {"b/f": b"old"}


def test_an_upload_that_is_refused_leaves_nothing():
    fault = {"on": "PathRename", "status": 403, "error": ["AuthorizationPermissionMismatch", "mocked"]}
    with Account({"b/f": b"old"}, [fault]) as account:
        assert account.call("write", "az://b/f", 20 * MIB).code == "COVE_EACCESS"
        assert account.files == {"b/f": b"old"}


def test_another_writer_comes_before_the_rename():
    with Account(faults=[{"on": "PathRename", "meanwhile": {"b/f": "theirs"}}]) as account:
        outcome = account.call("append", "az://b/f", 3, "abc")
        assert outcome.code == "COVE_EPRECONDITION", outcome
        assert account.files == {"b/f": b"theirs"}


@pytest.mark.parametrize("target_first", [False, True])
@pytest.mark.parametrize("verb", [("write", 0, "new"), ("write", 5, "new"), ("write", 20 * MIB, "new"), ("begin", "hello")])
def test_a_new_file_whose_rename_is_lost_is_there(verb, target_first):
    """Repeated, its rename finds the file of the first one in its way, or misses its source."""
    with Account(faults=[{"on": "PathRename", **CLOSED}], checks_target_first=target_first) as account:
        outcome = account.call(verb[0], "az://b/f", *verb[1:])
        assert outcome.ok and account.count("PathRename") == 2, outcome
        size = verb[1] if verb[0] == "write" else 5
        assert {path: len(data) for path, data in account.files.items()} == {"b/f": size}


def test_a_file_that_is_not_what_was_flushed_gets_no_name():
    """As where an earlier attempt to create the temporary file comes late, and empties it."""
    with Account({"b/f": b"old"}, [{"on": "PathRename", "spoils": "cut"}]) as account:
        outcome = account.call("put", "az://b/f", 5)
        assert not outcome.ok and account.files == {"b/f": b"old"}, outcome


# ---- appends


def test_an_append_sends_only_new_bytes():
    old = pattern(3 * MIB)
    with Account({"b/f": old}) as account:
        assert account.call("append", "az://b/f", 3, "abc").ok
        assert account.files["b/f"].startswith(old) and len(account.files["b/f"]) > len(old)
        assert account.count("PathRead") == 0
        assert sum(len(r.body) for r in account.server.requests) < 1000


@pytest.mark.parametrize("operation", ["PathAppend", "PathFlush"])
def test_an_append_whose_response_is_lost_is_done_once(operation):
    with Account({"b/f": b"old;"}) as account:
        assert account.call("append", "az://b/f", 3, "abc").ok
        want = account.files["b/f"]
    with Account({"b/f": b"old;"}, [{"on": operation, **CLOSED}]) as account:
        outcome = account.call("append", "az://b/f", 3, "abc")
        assert outcome.ok, outcome
        assert account.files["b/f"] == want


@pytest.mark.parametrize("operation, call", [("PathFlush", ("append", "az://b/f", 3, "abc")), ("PathRename", ("move", "az://b/f", "az://b/g"))])
def test_what_a_load_balancer_gives_up_is_done_once(operation, call):
    """Its 503 has no code: unlike the service's own, it does not mean that nothing was done."""
    with Account({"b/f": b"old;"}) as account:
        assert account.call(*call).ok
        want = account.files
    with Account({"b/f": b"old;"}, [{"on": operation, "status": 503, "do_it": True}]) as account:
        outcome = account.call(*call)
        assert outcome.ok, outcome
        assert account.files == want


def test_an_append_to_what_another_has_changed_is_refused():
    with Account({"b/f": b"old;"}, [{"on": "PathFlush", "meanwhile": {"b/f": "theirs"}}]) as account:
        assert account.call("append", "az://b/f", 3, "abc").code == "COVE_EPRECONDITION"
        assert account.files["b/f"] == b"theirs"


def test_an_append_beside_one_of_the_same_size_is_refused():
    """The flush names a size that the file already has: only its condition shows that the bytes are the other's."""
    with Account({"b/f": b"old;"}, [{"on": "PathFlush", "meanwhile": {"b/f": "old;xyz"}}]) as account:
        assert account.call("flush", "az://b/f", "abc").value == 1
        assert account.files["b/f"] == b"old;xyz"


# ---- renames and removals


def test_a_directory_is_renamed_in_steps():
    with Account({"b/d/1": b"x", "b/d/s/2": b"y", "b/dd/3": b"z"}, rename_steps=3) as account:
        outcome = account.call("move", "az://b/d", "az://b/new/place")
        assert outcome.ok, outcome
        assert account.files == {"b/new/place/1": b"x", "b/new/place/s/2": b"y", "b/dd/3": b"z"}


def test_a_file_is_renamed_into_a_new_directory():
    with Account({"b/f": b"x"}, [{"on": "PathRename", "skip": 1, **CLOSED}]) as account:
        outcome = account.call("move", "az://b/f", "az://b/new/g")
        assert outcome.ok, outcome
        assert account.files == {"b/new/g": b"x"} and account.folders == ["b/new"]


def test_a_tree_is_removed_in_pages():
    with Account({f"b/d/{i}": b"x" for i in range(7)} | {"b/dd": b"z"}, delete_page=2) as account:
        outcome = account.call("rmtree", "az://b/d")
        assert outcome.ok, outcome
        assert account.files == {"b/dd": b"z"} and account.folders == []


def test_a_directory_among_files_is_not_removed():
    with Account({"b/d/f": b"x", "b/g": b"y"}) as account:
        assert account.call("rm", "az://b/d/f").ok
        assert account.call("rmfiles", "az://b/g", "b/d").code == "COVE_EISDIR"
        assert account.files == {} and account.folders == ["b/d"]


def test_a_removal_is_of_what_was_looked_at():
    with Account({"b/d/f": b"x"}) as account:
        assert account.call("rm", "az://b/d/f").ok and account.call("rm", "az://b/d").ok
        removals = [r for r in account.server.requests if r.operation == "PathDelete"]
        assert len(removals) == 2 and all("if-match" in r.headers for r in removals)


def test_a_container_is_emptied_with_its_directories():
    with Account({"b/d/s/f": b"x", "b/g": b"y"}) as account:
        outcome = account.call("rmtree", "az://b")
        assert outcome.ok, outcome
        assert account.files == {} and account.folders == []


@pytest.mark.parametrize("verb, path", [("rm", "b/g"), ("rm", "b/e"), ("rmtree", "b/d"), ("rm", "new")])
def test_a_removal_whose_response_is_lost_is_done(verb, path):
    with Account({"b/d/s/f": b"x", "b/g": b"y", "b/e/f": b"z", "new/f": b"z"}) as account:
        assert account.call("rmfiles", "az://b/e/f", "new/f").ok
        account.server.begin_faults([{"on": "PathDelete|FilesystemDelete", **CLOSED}])
        outcome = account.call(verb, f"az://{path}")
        assert outcome.ok, outcome
        assert account.server.requests[-1].operation in ("PathDelete", "FilesystemDelete")
        left = {*account.files, *account.folders, *account.server.store.containers}
        assert not [name for name in left if f"{name}/".startswith(f"{path}/")]


def test_a_removal_in_pages_whose_response_is_lost_is_done():
    with Account({f"b/d/{i}": b"x" for i in range(7)}, [{"on": "PathDelete", "skip": 1, **CLOSED}], delete_page=2) as account:
        assert account.call("rmtree", "az://b/d").ok
        assert account.files == {} and account.folders == []


@pytest.mark.parametrize("verb", ["rm", "rmtree"])
def test_what_changes_while_it_is_removed_is_looked_at_again(verb):
    """Another program writes between the two requests: the caller has set no condition, so this is no error."""
    path = "b/d/f" if verb == "rm" else "b/d"
    with Account({"b/d/f": b"x"}, [{"on": "PathDelete", **CHANGED}]) as account:
        outcome = account.call(verb, f"az://{path}")
        assert outcome.ok, outcome
        assert account.files == {} and account.count("PathDelete") == 2


def test_what_changes_for_ever_is_an_error():
    with Account({"b/f": b"x"}, [{"on": "PathDelete", **CHANGED, "times": -1}]) as account:
        assert account.call("rm", "az://b/f").code == "COVE_EPRECONDITION"
        assert 2 < account.count("PathDelete") < 20 and account.files == {"b/f": b"x"}


@pytest.mark.parametrize("target_first", [False, True])
def test_a_directory_whose_rename_is_lost_has_moved(target_first):
    with Account({"b/d/1": b"x", "b/d/s/2": b"y"}, [{"on": "PathRename", **CLOSED}], checks_target_first=target_first) as account:
        outcome = account.call("move", "az://b/d", "az://b/e")
        assert outcome.ok, outcome
        assert account.files == {"b/e/1": b"x", "b/e/s/2": b"y"}


# ---- nothing by the blob service


def test_the_blob_service_alone_is_not_written_to():
    with Account({"b/f": b"old"}) as account:
        outcome = account.call("put", "az://b/f", 3, dfs=False)
        assert not outcome.ok and account.files == {"b/f": b"old"}
