"""Which calls make and remove buckets, and which do not."""

import contextlib
import errno
import io

import fsspec
import pytest


def test_buckets(fs, root):
    name = root.rpartition("/")[2]
    fs.mkdir(name)
    assert fs.isdir(name) and name in fs.ls("") and fs.ls(name) == [] and fs.find(name) == []
    with pytest.raises(FileExistsError):
        fs.mkdir(name)
    with pytest.raises(FileExistsError):
        fs.makedirs(name)
    fs.makedirs(name, exist_ok=True)
    fs.pipe(f"{name}/x", b"1")
    with pytest.raises(OSError) as full:
        fs.rmdir(name)
    assert full.value.errno == errno.ENOTEMPTY
    fs.rm(f"{name}/x")
    fs.rmdir(name)
    assert not fs.exists(name)
    fs.mkdir(name)
    with fsspec.open(f"s3://{name}/a/x", "wb") as f:  # whose parents fsspec makes
        f.write(b"1")
    assert fs.cat(f"{name}/a/x") == b"1"
    for emptied in ({}, {"maxdepth": 3}):  # the bucket is emptied; only rmdir removes it
        fs.pipe(f"{name}/a/x", b"1")
        fs.rm(name, recursive=True, **emptied)
        assert fs.isdir(name) and fs.find(name) == []
    fs.pipe(f"{name}/a/x", b"1")
    fs.mv(name, f"{root}/moved", recursive=True)
    assert fs.isdir(name) and fs.find(name) == [] and fs.find(f"{root}/moved") == [f"{root}/moved/a/x"]
    for remove in (fs.rm, fs.rm_file):
        with pytest.raises(IsADirectoryError):
            remove(name)
    fs.rmdir(name)
    assert not fs.exists(name)


def test_only_mkdir_of_a_bucket_makes_it(fs, root, tmp_path):
    from cove.s3 import S3FileSystem

    name = root.rpartition("/")[2]
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "x").write_bytes(b"1")
    for make in (
        lambda: fs.makedirs(name, exist_ok=True), lambda: fsspec.open(f"s3://{name}/x", "wb").open(),
        lambda: fs.put(f"{tmp_path}/d", name, recursive=True), lambda: fs.put(f"{tmp_path}/d/", f"{name}/", recursive=True),
        lambda: fs.put(f"{tmp_path}/d/e", name, recursive=True), lambda: fs.copy(root, name, recursive=True), lambda: fs.mv(root, name, recursive=True),
        lambda: fs.mkdir(f"{name}/a"), lambda: fs.mkdir(f"{name}/a", create_parents=False), lambda: fs.makedirs(f"{name}/a/b", exist_ok=True),
        lambda: fs.pipe(f"{name}/a", b"1"), lambda: fsspec.open(f"s3://{name}/a/x", "wb").open(), lambda: fs.cp_file(f"{root}/x", f"{name}/x"),
    ):  # fmt: skip
        fs.pipe(f"{root}/x", b"1")
        with pytest.raises(FileNotFoundError) as error:
            with contextlib.closing(make() or io.BytesIO()) as opened:
                opened.write(b"1")
        assert name in str(error.value)
        assert not fs.exists(name)
    with pytest.raises(FileNotFoundError, match=f"no such bucket: {name}.*; to make it: cove mkdir s3://{name}"):
        fs.makedirs(f"{name}/a")
    fs.makedirs(name)
    fs.makedirs(f"{name}/a")
    assert fs.ls(name) == [f"{name}/a"]
    fs.rmdir(name)
    with pytest.raises(FileNotFoundError):  # a bucket that was there earlier may be gone
        fs.makedirs(f"{name}/a")
    willing = S3FileSystem(create_buckets=True)
    with pytest.raises(FileNotFoundError):
        willing.mkdir(f"{name}/a", create_parents=False)
    willing.makedirs(f"{name}/again")
    assert willing.isdir(name)
    willing.rmdir(f"{name}/again")
    willing.rmdir(name)
    willing.makedirs(name, exist_ok=True)
    willing.makedirs(name, exist_ok=True)
    with pytest.raises(FileExistsError):
        willing.makedirs(name)
    willing.rmdir(name)


def test_makedirs_of_a_files_parent_makes_no_bucket(fs, root, tmp_path):
    """A file right below a bucket: its folder is the bucket."""
    from fsspec.generic import rsync

    name = root.rpartition("/")[2]
    fs.pipe({f"{root}/d/x": b"1", f"{root}/d/e/y": b"2"})
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "x").write_bytes(b"1")

    def open_files():
        with fsspec.open_files(f"s3://{name}/*.txt", "wb", num=2)[0] as file:
            file.write(b"1")

    for write in (
        open_files, lambda: fs.copy(f"{root}/d/", f"s3://{name}/e/", recursive=True), lambda: fs.copy(f"{root}/d/x*", f"s3://{name}/", recursive=True),
        lambda: rsync(f"file://{tmp_path}/d", f"s3://{name}"),
    ):  # fmt: skip
        with pytest.raises(FileNotFoundError, match=name):
            write()
        assert not fs.exists(name)
    assert fs.find(root) == [f"{root}/d/e/y", f"{root}/d/x"]
