"""Files under temporary names on an account with a hierarchical namespace: what killed processes leave."""

from dfs_account import MIB, Account

LEFT = ".cove-upload-" + "0123456789abcdef" * 2
OTHERS = {"b/.cove-upload-mine": b"x", f"b/{LEFT}.txt": b"x", f"b/x{LEFT}": b"x", "b/.cove-upload-" + "G" * 32: b"x"}


def test_they_are_listed_and_removed():
    """Below the path that is asked for, by pages; nothing else has such a name."""
    with Account({f"b/d/{LEFT}": b"x", f"b/d/s/{LEFT}": b"", "b/d/f": b"data", f"b/dd/{LEFT}": b"x", **OTHERS}, page=1) as account:
        assert account.call("uploads", "az://b").value == 3
        assert account.call("uploads", "az://b/d").value == 2
        assert account.call("uploads", "az://b/d/f").value == account.call("uploads", "az://b/none").value == 0
        assert account.call("uploads", "az://b", "keep", 10**9).value == 0  # none is so old
        assert account.call("uploads", "az://b/d", "remove").value == 2
        assert account.files == {"b/d/f": b"data", f"b/dd/{LEFT}": b"x", **OTHERS}


def test_an_upload_that_was_killed_is_among_them():
    """Its process ends between the last part and the rename, which the mock never answers."""
    with Account(faults=[{"on": "PathRename", "status": 403, "error": ["AuthorizationPermissionMismatch", "mocked"]},
                         {"on": "PathDelete", "status": 403, "error": ["AuthorizationPermissionMismatch", "mocked"]}]) as account:  # fmt: skip
        assert not account.call("write", "az://b/d/f", 20 * MIB).ok
        assert [len(data) for data in account.files.values()] == [20 * MIB]
        assert account.call("look", "az://b/d/f").value == 0
        assert account.call("uploads", "az://b/d", "remove").value == 1
        assert account.files == {} and account.folders == ["b/d"]


def test_a_directory_that_holds_nothing_else_is_not_empty():
    with Account({f"b/d/{LEFT}": b"x", f"b/e/{LEFT}": b"x", "b/e/f": b"x"}) as account:
        outcome = account.call("rm", "az://b/d")
        assert outcome.code == "COVE_ENOTEMPTY" and "cove uploads --remove" in outcome.message, outcome
        assert "unfinished uploads" not in account.call("rm", "az://b/e").message
        assert account.call("uploads", "az://b/d", "remove").value == 1
        assert account.call("rm", "az://b/d").ok
        assert account.call("rmtree", "az://b/e").ok and account.files == {} and account.folders == []


def test_a_container_that_holds_nothing_else_is_not_empty():
    with Account({f"b/{LEFT}": b"x", "b/d/f": b"x"}) as account:
        assert account.call("rmtree", "az://b/d").ok
        outcome = account.call("rm", "az://b")
        assert outcome.code == "COVE_ENOTEMPTY" and "cove uploads --remove" in outcome.message, outcome
        assert account.files == {f"b/{LEFT}": b"x"}
        assert account.call("rmtree", "az://b").ok and account.files == {}
        assert account.call("rm", "az://b").ok and "b" not in account.server.store.containers
