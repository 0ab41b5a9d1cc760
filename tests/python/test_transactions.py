"""Transactions on MinIO: all at their end, or nothing."""

import threading

import pytest
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


def test_a_transaction_step_by_step(fs, root):
    fs.start_transaction()
    with fs.open(f"{root}/a", "wb") as f:
        f.write(b"1")
    assert not fs.exists(f"{root}/a")
    fs.end_transaction()
    assert fs.cat(f"{root}/a") == b"1"


def test_a_transaction_holds_no_log_back(fs, root):
    with pytest.raises(ZeroDivisionError):
        with fs.transaction:
            with fs.open(f"{root}/log", "ab") as f:
                f.write(b"one,")
            assert fs.cat(f"{root}/log") == b"one,"
            with fs.open(f"{root}/log", "a") as f:
                f.write("two")
            1 / 0
    assert fs.cat(f"{root}/log") == b"one,two"


def test_a_transaction_is_of_its_thread(fs, root):
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
