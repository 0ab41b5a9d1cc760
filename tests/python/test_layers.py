"""fsspec's own layers over the filesystem: directories, caches, archives, references, copies between stores."""

import io
import zipfile

import fsspec
import pytest
from fsspec.generic import GenericFileSystem, rsync
from trees import TREE


def test_a_directory_as_a_filesystem(fs, tree):
    inside = fsspec.filesystem("dir", path=tree, fs=fs)
    assert inside.find("") == sorted(TREE) and inside.cat("b/c.txt") == b"bc" and inside.isdir("b")
    with inside.open("new", "wb") as f:
        f.write(b"1")
    with inside.open("new", "ab") as f:
        f.write(b"2")
    assert inside.cat("new") == fs.cat(f"{tree}/new") == b"12"


@pytest.mark.parametrize("cache", ["simplecache", "filecache", "blockcache"])
def test_caches_on_the_local_disk(fs, root, tmp_path, cache):
    data = bytes(range(256)) * 50_000
    fs.pipe(f"{root}/x", data)
    options = {cache: {"cache_storage": str(tmp_path)}}
    for _ in range(2):
        with fsspec.open(f"{cache}::s3://{root}/x", **options) as f:
            assert f.read(10) == data[:10]
            f.seek(9_000_000)
            assert f.read() == data[9_000_000:]
            f.seek(0)
            assert f.read() == data
    assert list(tmp_path.iterdir()) != []


def test_a_write_through_a_cache(fs, root, tmp_path):
    with fsspec.open(f"simplecache::s3://{root}/x", "wb", simplecache={"cache_storage": str(tmp_path)}) as f:
        f.write(b"abc")
    assert fs.cat(f"{root}/x") == b"abc"


def test_archives(fs, root):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("a/x.txt", "zipped")
    fs.pipe(f"{root}/a.zip", memory.getvalue())
    with fsspec.open(f"zip://a/x.txt::s3://{root}/a.zip") as f:
        assert f.read() == b"zipped"
    with fs.open(f"{root}/b.zip", "wb") as f, zipfile.ZipFile(f, "w") as archive:
        archive.writestr("y", "written as a stream")
    with fs.open(f"{root}/b.zip") as f, zipfile.ZipFile(f) as archive:
        assert archive.read("y") == b"written as a stream"


def test_references(fs, tree):
    references = {"part": [f"s3://{tree}/b/d/f.txt", 1, 2], "whole": [f"s3://{tree}/a.txt"]}
    refs = fsspec.filesystem("reference", fo=references, remote_protocol="s3", skip_instance_cache=True)
    assert refs.cat(["part", "whole"]) == {"part": b"df", "whole": b"a"}


def test_copies_between_stores(fs, tree, tmp_path):
    generic = GenericFileSystem(default_method="current")
    rsync(f"s3://{tree}/b", f"file://{tmp_path}/b", fs=generic)
    assert {p.name: p.read_bytes() for p in (tmp_path / "b").rglob("*") if p.is_file()} == {"c.txt": b"bc", "e.bin": b"bde", "f.txt": b"bdfx"}
    rsync(f"file://{tmp_path}/b", f"s3://{tree}-copy", fs=generic)
    assert sorted(fs.cat(f"{tree}-copy", recursive=True).values()) == [b"bc", b"bde", b"bdfx"]


def test_files_by_number(fs, root):
    with fsspec.open_files(f"s3://{root}/part-*.txt", "w", num=3) as files:
        for n, f in enumerate(files):
            f.write(str(n))
    assert list(fs.cat(f"{root}/part-*").values()) == [b"0", b"1", b"2"]
