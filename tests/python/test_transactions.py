"""Transactions on MinIO: they publish their files at the end, or nothing."""

import threading

import pytest
from cove.files import WriteFile
from trees import below


def test_a_transaction_publishes_at_its_end(fs, root):
    with fs.transaction:
        with fs.open(f"{root}/a", "wb") as f:
            f.write(b"1")
        with fs.open(f"{root}/b", "w") as f:
            f.write("2")
        fs.pipe(f"{root}/c", b"3")
        fs.pipe({f"{root}/d": b"4"})
        with fs.open(f"{root}/f.gz", "wb", compression="gzip") as f:
            f.write(b"6")
        assert fs.find(root) == []
    assert fs.cat(below(root, "abcd")) == {f"{root}/{name}": data for name, data in zip("abcd", (b"1", b"2", b"3", b"4"))}
    with fs.open(f"{root}/f.gz", compression="infer") as f:
        assert f.read() == b"6"
    fs.pipe(f"{root}/g", b"7")
    assert fs.cat(f"{root}/g") == b"7"


def test_a_transaction_that_fails_publishes_nothing(fs, root, tmp_path):
    (tmp_path / "x").write_bytes(b"1" * 20_000_000)
    fs.pipe(f"{root}/b", b"old")
    with pytest.raises(ZeroDivisionError):
        with fs.transaction:
            with fs.open(f"{root}/a", "wb") as f:
                f.write(b"1" * 20_000_000)
            with fs.open(f"{root}/b", "r+b") as f:
                f.write(b"new")
            fs.pipe(f"{root}/c", b"3")
            fs.put(str(tmp_path / "x"), f"{root}/d")
            with fs.open(f"{root}/e", "xb") as f:
                f.write(b"1")
            fs.touch(f"{root}/f")
            1 / 0
    assert fs.cat(root, recursive=True) == {f"{root}/b": b"old"} and fs.list_multipart_uploads(root) == []
    fs.pipe(f"{root}/x", b"1")
    assert fs.cat(f"{root}/x") == b"1"


def test_a_file_that_failed_in_a_transaction_is_left_out(fs, root):
    with fs.transaction:
        with pytest.raises(ZeroDivisionError):
            with fs.open(f"{root}/a", "wb") as f:
                f.write(b"half")
                1 / 0
        with fs.open(f"{root}/b", "wb") as f:
            f.write(b"whole")
    assert fs.find(root) == [f"{root}/b"]


@pytest.mark.parametrize("mode", ["wb", "w", "r+b", "wb gzip"])
def test_a_file_that_is_still_open_at_the_end_is_left_out(fs, root, mode):
    mode, _, compression = mode.partition(" ")
    fs.pipe(f"{root}/a", b"old")
    with pytest.warns(RuntimeWarning, match="was never closed, so nothing is published"):
        with fs.transaction:
            f = fs.open(f"{root}/a", mode, compression=compression or None)
            f.write(b"half" if "b" in mode else "half")
            fs.pipe(f"{root}/b", b"whole")
    assert fs.cat(root, recursive=True) == {f"{root}/a": b"old", f"{root}/b": b"whole"}


def test_a_transaction_step_by_step(fs, root):
    fs.start_transaction()
    with fs.open(f"{root}/a", "wb") as f:
        f.write(b"1")
    assert not fs.exists(f"{root}/a")
    fs.end_transaction()
    assert fs.cat(f"{root}/a") == b"1"


def test_a_transaction_does_not_delay_appends(fs, root):
    with pytest.raises(ZeroDivisionError):
        with fs.transaction:
            with fs.open(f"{root}/log", "ab") as f:
                f.write(b"one,")
            assert fs.cat(f"{root}/log") == b"one,"
            with fs.open(f"{root}/log", "a") as f:
                f.write("two")
            1 / 0
    assert fs.cat(f"{root}/log") == b"one,two"


def test_a_transaction_belongs_to_its_thread(fs, root):
    def log():
        with fs.open(f"{root}/log", "ab") as f:
            f.write(b"line")
        with fs.open(f"{root}/other", "wb") as f:
            f.write(b"1")
        seen.append(fs.cat(f"{root}/log") + fs.cat(f"{root}/other"))

    seen = []
    with pytest.raises(ZeroDivisionError):
        with fs.transaction:
            with fs.open(f"{root}/a", "wb") as f:
                f.write(b"1")
            thread = threading.Thread(target=log)
            thread.start()
            thread.join()
            1 / 0
    assert seen == [b"line1"]
    assert fs.find(root) == below(root, ["log", "other"])


# ---- a transaction ends, whatever happens: else all that the thread writes later is held back, and lost ----


def write(fs, path):
    with fs.open(path, "wb") as f:
        f.write(b"1")


def refuse(monkeypatch, name, error, times=1):
    """The first calls of this method of a file raise `error`; the later ones do what they should."""
    method, left = getattr(WriteFile, name), [error] * times

    def called(file):
        if left:
            raise left.pop()
        method(file)

    monkeypatch.setattr(WriteFile, name, called)


def ended(fs, root):
    """Whether a file is in the store as soon as it is closed."""
    write(fs, f"{root}/later")
    return fs.exists(f"{root}/later") and not fs._intrans and fs._transaction is None


@pytest.mark.parametrize("error", [PermissionError("no"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_commit_that_fails_ends_the_transaction(fs, root, monkeypatch, error):
    refuse(monkeypatch, "commit", error)
    with pytest.raises(type(error)):
        with fs.transaction:
            write(fs, f"{root}/a")
            write(fs, f"{root}/b")
    assert ended(fs, root) and fs.find(root) == [f"{root}/later"]


def test_a_commit_that_fails_ends_a_transaction_step_by_step(fs, root, monkeypatch):
    refuse(monkeypatch, "commit", PermissionError("no"))
    fs.start_transaction()
    write(fs, f"{root}/a")
    with pytest.raises(PermissionError):
        fs.end_transaction()
    assert ended(fs, root) and fs.find(root) == [f"{root}/later"]


def test_files_that_cannot_be_discarded_do_not_hide_the_error(fs, root, monkeypatch):
    with pytest.raises(ZeroDivisionError):
        with fs.transaction:
            for name in "ab":
                write(fs, f"{root}/{name}")
            refuse(monkeypatch, "discard", PermissionError("no"), times=2)
            1 / 0
    assert ended(fs, root) and fs.find(root) == [f"{root}/later"]


def test_a_discard_that_is_interrupted_ends_the_transaction(fs, root, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        with fs.transaction:
            write(fs, f"{root}/a")
            refuse(monkeypatch, "discard", KeyboardInterrupt())
            1 / 0
    assert ended(fs, root) and fs.find(root) == [f"{root}/later"]


def test_a_nested_transaction_publishes_its_files(fs, root):
    with fs.transaction:
        write(fs, f"{root}/a")
        with fs.transaction:
            write(fs, f"{root}/b")
        assert fs.find(root) == [f"{root}/b"]
        with pytest.raises(ZeroDivisionError):
            with fs.transaction:
                write(fs, f"{root}/c")
                1 / 0
        write(fs, f"{root}/d")
        assert fs.find(root) == [f"{root}/b"]
    assert fs.find(root) == below(root, "abd") and ended(fs, root)


def test_a_transaction_that_was_not_ended_is_discarded_by_the_next(fs, root):
    fs.start_transaction()
    write(fs, f"{root}/a")
    with pytest.warns(RuntimeWarning, match="was not ended"):
        fs.start_transaction()
    write(fs, f"{root}/b")
    fs.end_transaction()
    assert fs.find(root) == [f"{root}/b"] and ended(fs, root)


def test_a_kept_transaction_can_be_used_again(fs, root):
    transaction = fs.transaction
    for name in "ab":
        with transaction:
            write(fs, f"{root}/{name}")
    assert fs.find(root) == below(root, "ab") and ended(fs, root)
