"""The methods of the filesystem, on MinIO: those of fsspec, and those that users of s3fs call."""

import errno
import hashlib
import json
import os
import pickle
from datetime import datetime, timedelta, timezone

import fsspec
import pytest
from trees import TREE, below

# ---- registration and instances ----


def test_register(aws):
    import cove
    from cove.s3 import S3FileSystem

    cove.register()
    for scheme in ("s3", "s3a"):
        assert fsspec.get_filesystem_class(scheme) is S3FileSystem
        assert isinstance(fsspec.core.url_to_fs(f"{scheme}://cove/x")[0], S3FileSystem)
    assert fsspec.filesystem("s3").protocol == ("s3", "s3a")
    assert {"s3", "s3a"} <= {row[0] for row in cove.known_implementations()}
    assert "S3FileSystem" in dir(cove) and cove.__version__
    with pytest.raises(AttributeError):
        cove.no_such_name


def test_import_loads_nothing_else(python):
    loaded = python("import sys, cove; print([m for m in ('fsspec', 'asyncio', 'torch', 'cove._cove') if m in sys.modules])")
    assert loaded.strip() == "[]"


def test_a_synchronous_instance_starts_no_thread_and_no_loop(aws, python, root):
    out = python("""
        import sys, threading, cove.s3, fsspec.asyn
        fs = cove.s3.S3FileSystem()
        fs.pipe(sys.argv[1], b"abc")
        fs.cat([sys.argv[1]]), fs.find("cove"), fs.info(sys.argv[1]), fs.open(sys.argv[1]).read()
        print(threading.active_count(), fsspec.asyn.loop[0])
    """, f"{root}/x", environ=aws.environ)  # fmt: skip
    assert out.split() == ["1", "None"]


def test_instances_are_cached(fs, aws):
    from cove.s3 import S3FileSystem

    assert S3FileSystem() is fs
    assert S3FileSystem(retries=3) is not fs
    assert S3FileSystem(skip_instance_cache=True) is not fs
    assert S3FileSystem.current() in (fs, S3FileSystem(retries=3))
    assert fs == S3FileSystem() and hash(fs) == hash(S3FileSystem())
    assert fs != S3FileSystem(retries=3)


def test_pickle_json_and_tokens(fs, tree, aws):
    from cove.s3 import S3FileSystem

    given = S3FileSystem(client_kwargs={"region_name": "us-east-1"}, max_concurrency=4)
    assert pickle.loads(pickle.dumps(given)) is type(given).from_json(given.to_json()) is given
    if hasattr(fsspec.AbstractFileSystem, "to_dict"):  # not before fsspec 2024.5
        assert type(given).from_dict(given.to_dict()) is given
    S3FileSystem.clear_instance_cache()
    again = pickle.loads(pickle.dumps(given))
    assert again is not given and again == given and again.cat(f"{tree}/a.txt") == b"a"
    assert given.__dask_tokenize__() == again.__dask_tokenize__() != fs.__dask_tokenize__()
    assert json.loads(given.to_json())["max_concurrency"] == 4
    assert pickle.loads(pickle.dumps(fsspec.open(f"s3://{tree}/a.txt"))).open().read() == b"a"


# ---- paths ----


def test_forms_of_a_path(fs, tree):
    name = f"{tree}/b/c.txt"
    for form in (name, f"s3://{name}", f"s3a://{name}", f"/{name}", f"{name}/"):
        assert fs._strip_protocol(form) == name
        assert fs.cat(form) == b"bc"
        assert fs.info(form)["name"] == name
    assert fs._strip_protocol([f"s3://{name}", name]) == [name, name]
    assert fs._strip_protocol("s3://") == fs._strip_protocol("") == ""
    assert fs.unstrip_protocol(name) == fs.unstrip_protocol(f"s3://{name}") == f"s3://{name}"
    assert fs._parent(f"s3://{name}") == f"{tree}/b"
    assert fs._parent("cove") == ""
    assert fs.split_path(f"s3://{name}") == ("cove", name.partition("/")[2], None)
    assert fs.split_path("cove") == ("cove", "", None)


def test_a_path_object(fs, tree, tmp_path):
    class Path(os.PathLike):
        def __fspath__(self):
            return f"s3://{tree}/a.txt"

    assert fs.cat(Path()) == b"a"
    assert fs.exists(Path()) and fs.expand_path(Path()) == [f"{tree}/a.txt"]
    fs.get(Path(), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"a"


# ---- what is there ----


def test_info_as_s3fs_has_it(fs, tree):
    info = fs.info(f"{tree}/a.txt")
    assert info == fs.stat(f"{tree}/a.txt") == fs.ls(f"{tree}/a.txt", detail=True)[0] | {"VersionId": info["VersionId"]}
    assert (info["name"], info["Key"], info["size"], info["Size"], info["type"]) == (f"{tree}/a.txt", f"{tree}/a.txt", 1, 1, "file")
    assert info["ETag"].strip('"') == hashlib.md5(b"a").hexdigest()
    assert info["StorageClass"] == "STANDARD"
    assert abs(datetime.now(timezone.utc) - info["LastModified"]) < timedelta(days=1)
    directory = {"name": f"{tree}/b", "Key": f"{tree}/b", "size": 0, "Size": 0, "type": "directory", "StorageClass": "DIRECTORY"}
    assert fs.info(f"{tree}/b") == fs.info(f"{tree}/b/") == directory
    assert fs.info("cove")["type"] == fs.info("")["type"] == "directory"
    with pytest.raises(FileNotFoundError) as caught:
        fs.info(f"{tree}/none")
    assert caught.value.errno == errno.ENOENT and f"s3://{tree}/none" in str(caught.value)


def test_exists_isdir_isfile(fs, tree):
    for path, exists, isdir in ((f"{tree}/a.txt", True, False), (f"{tree}/b", True, True), (f"{tree}/no", False, False), ("cove", True, True),
                                ("", True, True), ("s3://", True, True), ("cove-has-no-such", False, False)):  # fmt: skip
        assert (fs.exists(path), fs.isdir(path), fs.isfile(path)) == (exists, isdir, exists and not isdir), path
    assert fs.lexists(f"{tree}/a.txt")
    assert not fs.isfile(f"{tree}/a.txt/b") and not fs.exists(f"{tree}/a.txt/b")


def test_exists_raises_without_a_response(aws, tree):
    from cove.s3 import S3FileSystem

    denied = S3FileSystem(key=aws.ACCESS_KEY, secret="wrong")
    for look in (denied.exists, denied.isdir, denied.isfile, denied.info, denied.ls, denied.find, denied.cat):
        with pytest.raises(PermissionError):
            look(f"{tree}/a.txt")


def test_files_of_other_writers_are_seen(fs, other, root):
    assert not fs.exists(f"{root}/x") and fs.find(root) == []
    other.pipe(f"{root}/x", b"1")
    assert fs.exists(f"{root}/x") and fs.ls(root) == [f"{root}/x"] and fs.isdir(root)
    other.rm(f"{root}/x")
    assert not fs.exists(f"{root}/x") and not fs.isdir(root)
    fs.invalidate_cache()
    fs.invalidate_cache(root)


def test_sizes_and_times(fs, tree):
    assert fs.size(f"{tree}/b/d/f.txt") == 4
    assert fs.sizes(below(tree, ["a.txt", "b/c.txt"])) == [1, 2]
    assert fs.modified(f"{tree}/a.txt") == fs.created(f"{tree}/a.txt") == fs.info(f"{tree}/a.txt")["LastModified"]
    with pytest.raises(IsADirectoryError):
        fs.modified(f"{tree}/b")


def test_checksum_and_ukey_change_with_the_file(fs, tree):
    name = f"{tree}/a.txt"
    checksum, ukey = fs.checksum(name), fs.ukey(name)
    assert checksum == int(hashlib.md5(b"a").hexdigest(), 16) == fs.checksum(name, refresh=True)
    assert ukey == fs.ukey(name)
    fs.pipe(name, b"other")
    assert fs.checksum(name) != checksum and fs.ukey(name) != ukey
    assert isinstance(fs.checksum(f"{tree}/b"), int)


def test_ls(fs, tree):
    names = below(tree, ["a.txt", "b", "b0.txt", "g h"])
    assert fs.ls(tree) == fs.ls(f"s3://{tree}/") == fs.ls(tree, detail=False) == fs.listdir(tree, detail=False) == names
    entries = fs.ls(tree, detail=True)
    assert entries == fs.listdir(tree)
    assert [(e["name"], e["type"], e["size"]) for e in entries] == list(zip(names, ["file", "directory", "file", "directory"], [1, 0, 1, 0]))
    assert fs.ls(f"{tree}/a.txt") == [f"{tree}/a.txt"]
    assert "cove" in fs.ls("") and "cove" in fs.ls("s3://")
    assert {"name": "cove", "type": "directory"}.items() <= next(e for e in fs.ls("", detail=True) if e["name"] == "cove").items()
    with pytest.raises(FileNotFoundError):
        fs.ls(f"{tree}/none")
    assert fs.ls(tree, refresh=True) == names


def test_find(fs, tree):
    assert fs.find(tree) == sorted(below(tree, TREE))
    assert fs.find(f"s3://{tree}/b/") == below(tree, ["b/c.txt", "b/d/e.bin", "b/d/f.txt"])
    assert fs.find(f"{tree}/a.txt") == [f"{tree}/a.txt"]
    assert fs.find(f"{tree}/none") == []
    with pytest.raises(ValueError):
        fs.find("")  # all buckets at once
    assert fs.find(f"{tree}/b", withdirs=True) == below(tree, ["b", "b/c.txt", "b/d", "b/d/e.bin", "b/d/f.txt"])
    assert fs.find(f"{tree}/b", maxdepth=1) == below(tree, ["b/c.txt"])
    assert fs.find(f"{tree}/b", maxdepth=1, withdirs=True) == below(tree, ["b", "b/c.txt", "b/d"])
    assert fs.find(f"{tree}/a.txt", maxdepth=1, detail=True)[f"{tree}/a.txt"]["size"] == 1
    found = fs.find(f"{tree}/b", detail=True, withdirs=True)
    assert found[f"{tree}/b/d"]["type"] == "directory" and found[f"{tree}/b/d/f.txt"]["size"] == 4
    with pytest.raises(ValueError):
        fs.find(tree, maxdepth=0)


def test_find_with_a_prefix(fs, tree):
    assert fs.find(tree, prefix="b") == below(tree, ["b/c.txt", "b/d/e.bin", "b/d/f.txt", "b0.txt"])
    assert fs.find(tree, prefix="b0") == below(tree, ["b0.txt"])
    assert fs.find(tree, prefix="b/d/") == below(tree, ["b/d/e.bin", "b/d/f.txt"])
    assert fs.find(tree, prefix="b", withdirs=True) == below(tree, ["b", "b/c.txt", "b/d", "b/d/e.bin", "b/d/f.txt", "b0.txt"])
    assert fs.find(tree, prefix="b", maxdepth=1) == below(tree, ["b0.txt"])
    assert fs.find(f"{tree}/g h", prefix="ü[") == below(tree, ["g h/ü[1].txt"])
    assert fs.find(tree, prefix="z") == []


def test_walk(fs, tree):
    assert list(fs.walk(f"{tree}/b")) == [(f"{tree}/b", ["d"], ["c.txt"]), (f"{tree}/b/d", [], ["e.bin", "f.txt"])]
    assert [r for r, _, _ in fs.walk(f"{tree}/b", topdown=False)] == below(tree, ["b/d", "b"])
    assert [r for r, _, _ in fs.walk(tree, maxdepth=1)] == [tree]
    for _, dirs, _ in (pruned := fs.walk(tree)):
        dirs[:] = [d for d in dirs if d != "b"]
    assert list(pruned) == []
    root, dirs, files = next(fs.walk(f"{tree}/b", detail=True))
    assert dirs["d"]["type"] == "directory" and files["c.txt"]["size"] == 2
    assert list(fs.walk(f"{tree}/none")) == []
    with pytest.raises(FileNotFoundError):
        list(fs.walk(f"{tree}/none", on_error="raise"))


def test_du(fs, tree):
    assert fs.du(tree) == fs.disk_usage(tree) == sum(map(len, TREE.values()))
    assert fs.du(f"{tree}/b", total=False) == {f"{tree}/b/c.txt": 2, f"{tree}/b/d/e.bin": 3, f"{tree}/b/d/f.txt": 4}
    assert fs.du(f"{tree}/b", maxdepth=1) == 2
    assert fs.du(f"{tree}/b", total=False, withdirs=True)[f"{tree}/b/d"] == 0
    assert fs.du(f"{tree}/a.txt") == 1


PATTERNS = ["*", "*/", "**", "b*", "b/*", "b/**", "b*/**", "**/", "**/d", "**/d/", "**/*.txt", "b/**/*.txt", "**/d/*", "*/*", "*/*/*", "?.txt", "[ab]*",
            "[!a]*", "b/[a-c].txt", "a.txt", "b", "b/", "none*", "none", "b/d/**", "b/d/*.b[!x]n", "g h/*", "g h/ü[[]1].txt", "**/*1*"]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("maxdepth", [None, 1, 2])
def test_glob_matches_fsspecs(fs, tree, pattern, maxdepth):
    """The same patterns over the same names in fsspec's own filesystem give the same."""
    memory = fsspec.filesystem("memory", skip_instance_cache=True)
    memory.store, memory.pseudo_dirs = {}, [""]
    memory.pipe({f"/{tree}/{name}": data for name, data in TREE.items()})
    expected = [name.lstrip("/") for name in memory.glob(f"/{tree}/{pattern}", maxdepth=maxdepth)]
    assert fs.glob(f"{tree}/{pattern}", maxdepth=maxdepth) == expected
    assert fs.glob(f"s3://{tree}/{pattern}", maxdepth=maxdepth) == expected
    detailed = fs.glob(f"{tree}/{pattern}", maxdepth=maxdepth, detail=True)
    assert list(detailed) == expected
    assert {n: (d["type"], d["size"]) for n, d in detailed.items()} == {n: (fs.info(n)["type"], fs.info(n)["size"]) for n in expected}


def test_glob_with_braces(fs, root):
    fs.pipe({f"{root}/{{a,b}}.txt": b"1", f"{root}/a.txt": b"2"})
    assert fs.glob(f"{root}/{{a,b}}*") == [f"{root}/{{a,b}}.txt"]
    assert fs.glob(f"{root}/{{a,b}}.txt") == [f"{root}/{{a,b}}.txt"]
    with pytest.raises(ValueError):
        fs.glob(f"{root}/a**b")
    with pytest.raises(ValueError):
        fs.glob(f"{root}/*", maxdepth=0)


def test_expand_path(fs, tree):
    assert fs.expand_path(f"s3://{tree}/a.txt") == [f"{tree}/a.txt"]
    assert fs.expand_path([f"{tree}/b0.txt", f"{tree}/a.txt"]) == below(tree, ["a.txt", "b0.txt"])
    assert fs.expand_path(f"{tree}/b", recursive=True) == below(tree, ["b", "b/c.txt", "b/d", "b/d/e.bin", "b/d/f.txt"])
    assert fs.expand_path(f"{tree}/b", recursive=True, maxdepth=1) == below(tree, ["b", "b/c.txt", "b/d"])
    assert fs.expand_path(f"{tree}/b*") == below(tree, ["b", "b0.txt"])
    assert fs.expand_path(f"{tree}/b*", recursive=True, maxdepth=2) == below(tree, ["b", "b/c.txt", "b/d", "b0.txt"])
    assert fs.expand_path(f"{tree}/g h/ü[1].txt", assume_literal=True) == below(tree, ["g h/ü[1].txt"])
    for nothing in (f"{tree}/none*", [f"{tree}/none*"]):
        with pytest.raises(FileNotFoundError):
            fs.expand_path(nothing)
    with pytest.raises(FileNotFoundError):
        fs.expand_path(f"{tree}/none", recursive=True)
    with pytest.raises(ValueError):
        fs.expand_path(tree, recursive=True, maxdepth=0)


# ---- reading ----


@pytest.mark.parametrize("start", [None, 0, 3, 9, 20, -3, -20, -(1 << 50)])
@pytest.mark.parametrize("end", [None, 0, 5, 10, 30, 1 << 50, -2, -12])
def test_cat_file_follows_python_slices(fs, root, start, end):
    fs.pipe(f"{root}/x", b"0123456789")
    assert fs.cat_file(f"{root}/x", start=start, end=end) == b"0123456789"[start:end]
    assert fs.read_bytes(f"{root}/x", start, end) == b"0123456789"[start:end]
    assert fs.cat_ranges([f"{root}/x"] * 2, [start, 1], [end, 2]) == [b"0123456789"[start:end], b"1"]
    assert fs.cat_ranges([f"{root}/x"], start, end) == [b"0123456789"[start:end]]


def test_empty_files(fs, root):
    fs.pipe(f"{root}/x", b"")
    assert fs.cat(f"{root}/x") == fs.head(f"{root}/x") == fs.tail(f"{root}/x") == b""
    assert fs.cat_file(f"{root}/x", 0, 5) == fs.cat_file(f"{root}/x", -5) == b""
    with fs.open(f"{root}/x") as f:
        assert f.read() == b"" and f.size == 0


def test_cat(fs, tree):
    assert fs.cat(f"{tree}/a.txt") == b"a"
    assert fs.cat([f"s3://{tree}/a.txt", f"{tree}/b0.txt"]) == {f"{tree}/a.txt": b"a", f"{tree}/b0.txt": b"0"}
    assert fs.cat([f"{tree}/a.txt"]) == fs.cat(f"{tree}/a*") == {f"{tree}/a.txt": b"a"}
    assert fs.cat(tree, recursive=True) == {f"{tree}/{name}": data for name, data in TREE.items()}
    assert fs.cat(f"{tree}/**/*.txt") == {f"{tree}/{n}": d for n, d in TREE.items() if n.endswith(".txt")}
    assert fs.cat(f"{tree}/a.txt", recursive=True) == b"a"
    assert fs.cat(below(tree, ["b/c.txt", "b/d/e.bin"]), start=1) == {f"{tree}/b/c.txt": b"c", f"{tree}/b/d/e.bin": b"de"}


def test_cat_with_errors(fs, tree):
    paths = below(tree, ["a.txt", "none"])
    with pytest.raises(FileNotFoundError):
        fs.cat(paths)
    assert fs.cat(paths, on_error="omit") == {f"{tree}/a.txt": b"a"}
    returned = fs.cat(paths, on_error="return")
    assert returned[f"{tree}/a.txt"] == b"a" and isinstance(returned[f"{tree}/none"], FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        fs.cat(f"{tree}/none")
    with pytest.raises(IsADirectoryError):
        fs.cat(f"{tree}/b")


def test_cat_of_many(fs, root):
    files = {f"{root}/{n:04}": b"%d" % n for n in range(700)}
    fs.pipe(files)
    assert fs.cat(list(files)) == fs.cat(root, recursive=True) == files


def test_cat_ranges(fs, tree):
    a, f, none = below(tree, ["a.txt", "b/d/f.txt", "none"])
    assert fs.cat_ranges([a, f, f, a, f], [0, 0, 2, 0, -1], [1, 2, None, 1, None]) == [b"a", b"bd", b"fx", b"a", b"x"]
    mixed = fs.cat_ranges([a, none, f], 0, 1)
    assert mixed[0] == b"a" and isinstance(mixed[1], FileNotFoundError) and mixed[2] == b"b"
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges([a, none, none], 0, 1, on_error="raise")
    with pytest.raises(ValueError):
        fs.cat_ranges([a, f], [0], [1, 2])
    with pytest.raises(TypeError):
        fs.cat_ranges(a, 0, 1)
    assert fs.cat_ranges([], 0, 1) == []


def test_several_ranges_of_each_of_many_files(fs, root):
    files = {f"{root}/{n:02}": bytes(range(n, n + 100)) for n in range(40)}
    fs.pipe(files)
    wanted = [(name, start, end) for start, end in ((0, 10), (90, None), (-5, -2), (40, 60)) for name in [*files, f"{root}/none"]]
    got = fs.cat_ranges(*(list(column) for column in zip(*wanted)))
    for (name, start, end), data in zip(wanted, got):
        assert isinstance(data, FileNotFoundError) if name.endswith("none") else data == files[name][start:end]


@pytest.mark.parametrize(
    "start, end",
    [
        (None, None),
        (5, None),
        (-5, None),
        (5, -5),
        (-1 << 40, None),
        (0, 1 << 40),
        (1 << 64, None),
        (1 << 64, 1 << 65),
        (1 << 64, 2),
        (3, 1 << 70),
        (-1 << 70, None),
        (None, 1 << 63),
    ],
)
def test_one_range_of_each_of_many_files(fs, root, start, end):
    files = {f"{root}/{n:02}": bytes(range(n, n + 100)) for n in range(10)}
    fs.pipe(files)
    assert fs.cat_ranges(list(files), start, end) == [data[start:end] for data in files.values()]
    assert fs.cat_file(f"{root}/03", start, end) == files[f"{root}/03"][start:end]


def test_cat_ranges_of_more_files_than_a_queue_takes(fs, root, monkeypatch):
    from cove import _cove, ranges

    monkeypatch.setattr(ranges, "MAX_JOBS", 3)
    queues = []

    class Queue:
        """As the library's, but it ends sooner."""

        def __new__(cls):
            queues.append(_Queue(max_jobs=3))
            return queues[-1]

    _Queue = _cove.Queue
    monkeypatch.setattr(_cove, "Queue", Queue)
    files = {f"{root}/{n}": b"%02d" % n for n in range(20)}
    fs.pipe(files)
    assert fs.cat_ranges(list(files), 0, 2) == list(files.values())
    assert len(queues) == 1


def test_head_tail_and_blocks(fs, root):
    fs.pipe(f"{root}/x", b"one\ntwo\nthree\n")
    assert fs.head(f"{root}/x", 3) == b"one" and fs.head(f"{root}/x") == b"one\ntwo\nthree\n"
    assert fs.tail(f"{root}/x", 6) == b"three\n" and fs.tail(f"{root}/x", 100) == b"one\ntwo\nthree\n" and fs.tail(f"{root}/x", 0) == b""
    assert fs.read_block(f"{root}/x", 2, 3, b"\n") == b"two\n"
    assert fs.read_block(f"{root}/x", 0, None) == b"one\ntwo\nthree\n"


def test_a_mapping(fs, root):
    mapping = fs.get_mapper(root, create=True, check=True)
    mapping["a/b"] = b"1"
    mapping.setitems({"c": b"2", "d": b"3"})
    assert mapping["a/b"] == b"1" and mapping.getitems(["c", "d"]) == {"c": b"2", "d": b"3"}
    assert sorted(mapping) == ["a/b", "c", "d"] and "c" in mapping and len(mapping) == 3
    del mapping["c"]
    with pytest.raises(KeyError):
        mapping["c"]
    mapping.clear()
    assert list(mapping) == []


# ---- writing ----


def test_pipe(fs, root):
    fs.pipe(f"s3://{root}/a", b"1")
    fs.pipe({f"{root}/b": b"2", f"s3://{root}/c": memoryview(b"3")})
    fs.pipe_file(f"{root}/d", bytearray(b"4"))
    fs.write_bytes(f"{root}/e", b"5")
    assert [fs.cat(f"{root}/{name}") for name in "abcde"] == [b"1", b"2", b"3", b"4", b"5"]
    with pytest.raises(FileExistsError):
        fs.pipe_file(f"{root}/a", b"new", mode="create")
    fs.pipe_file(f"{root}/f", b"6", mode="create")
    assert fs.cat(f"{root}/a") == b"1" and fs.cat(f"{root}/f") == b"6"
    fs.pipe({f"{root}/h": b"8", f"{root}/i": b"9"}, ContentType="text/plain")
    assert fs.cat(below(root, "hi")) == {f"{root}/h": b"8", f"{root}/i": b"9"}
    with pytest.raises(TypeError, match="ServerSideEncryption"):
        fs.pipe_file(f"{root}/a", b"1", ServerSideEncryption="AES256")
    with pytest.raises(FileNotFoundError):
        fs.pipe({"no-bucket-of-ours/x": b"1", f"{root}/g": b"7"})


def test_large_files_round_trip(fs, root, tmp_path):
    data = os.urandom(1 << 20) * 40
    fs.pipe(f"{root}/x", data)
    assert fs.cat(f"{root}/x") == data
    fs.get_file(f"{root}/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == data
    fs.put_file(tmp_path / "x", f"{root}/y")
    assert fs.cat_file(f"{root}/y") == data


def test_touch(fs, root):
    fs.touch(f"{root}/x")
    assert fs.cat(f"{root}/x") == b""
    fs.pipe(f"{root}/x", b"abc")
    with pytest.raises(ValueError, match="exists"):
        fs.touch(f"{root}/x", truncate=False)
    assert fs.cat(f"{root}/x") == b"abc"
    fs.touch(f"{root}/x", truncate=True)
    assert fs.size(f"{root}/x") == 0
    fs.touch(f"{root}/y", truncate=False)
    assert fs.isfile(f"{root}/y")


# ---- changes ----


def test_made_directories_exist(fs, root):
    fs.makedirs(f"{root}/a/b", exist_ok=True)
    assert fs.isdir(f"{root}/a/b") and fs.isdir(f"{root}/a") and fs.exists(f"{root}/a/b") and fs.ls(f"{root}/a") == [f"{root}/a/b"]
    assert fs.ls(f"{root}/a/b") == []
    fs.makedirs(f"{root}/a/b", exist_ok=True)
    fs.mkdirs(f"s3://{root}/a/b")
    fs.mkdir(f"{root}/c", create_parents=True)
    fs.makedir(f"{root}/d")
    assert fs.ls(root) == below(root, ["a", "c", "d"])
    fs.rmdir(f"{root}/c")
    assert not fs.exists(f"{root}/c")
    fs.rm(root, recursive=True)
    assert not fs.exists(f"{root}/a/b") and not fs.exists(root)
    fs.pipe(f"{root}/x", b"1")
    with pytest.raises(FileExistsError):
        fs.makedirs(f"{root}/x", exist_ok=True)


def test_rmdir(fs, tree):
    with pytest.raises(OSError) as full:
        fs.rmdir(f"{tree}/b")
    assert full.value.errno == errno.ENOTEMPTY
    with pytest.raises(NotADirectoryError):
        fs.rmdir(f"{tree}/a.txt")
    with pytest.raises(FileNotFoundError):
        fs.rmdir(f"{tree}/none")
    assert fs.find(tree) == sorted(below(tree, TREE))


@pytest.mark.parametrize("depth", [None, 1, 9])
def test_a_file_is_no_directory_to_a_pattern(fs, root, tmp_path, depth):
    """What ** stands for is below a directory."""
    pattern = f"{root}/f/**"
    fs.pipe({f"{root}/f": b"precious", f"{root}/a/x": b""})
    assert fs.glob(pattern, maxdepth=depth, detail=True) == {}
    for call in (
        lambda: fs.rm(pattern, recursive=True, maxdepth=depth), lambda: fs.mv(pattern, f"{root}/g", recursive=True, maxdepth=depth),
        lambda: fs.copy(pattern, f"{root}/g", recursive=True, maxdepth=depth), lambda: fs.get(pattern, str(tmp_path / "g"), recursive=True, maxdepth=depth),
        lambda: fs.expand_path(pattern, maxdepth=depth),
    ):  # fmt: skip
        with pytest.raises(FileNotFoundError):
            call()
    assert fs.find(root) == [f"{root}/a/x", f"{root}/f"]


def test_made_directories_of_a_store(fs, root, aws, python):
    """Another filesystem of the same store shows them; they go with their files, whichever client removes those."""
    from cove.s3 import S3FileSystem

    other = S3FileSystem(default_block_size="6MiB", skip_instance_cache=True)
    fs.makedirs(f"{root}/a/b")
    fs.pipe(f"{root}/z", b"1")
    assert other._fs is not fs._fs
    for each in (fs, other):
        names = below(root, ["a", "a/b", "z"])
        assert each.ls(root) == [names[0], names[2]] and each.ls(f"{root}/a") == [names[1]]
        assert each.glob(f"{root}/*") == [names[0], names[2]] and each.glob(f"{root}/**") == [root, *names]
        assert each.find(root, withdirs=True) == [root, *names] and each.find(root) == [names[2]]
        assert list(each.walk(root)) == [(root, ["a"], ["z"]), (f"{root}/a", ["b"], []), (f"{root}/a/b", [], [])]
        assert each.isdir(f"{root}/a/b") and each.exists(f"{root}/a") and each.info(f"{root}/a/b")["type"] == "directory"
    fs.pipe(f"{root}/a/b/x", b"1")
    assert other.ls(f"{root}/a/b") == [f"{root}/a/b/x"]
    python("import sys, cove.s3; cove.s3.S3FileSystem().rm(sys.argv[1])", f"{root}/a/b/x", environ=aws.environ)
    for each in (fs, other):
        assert each.ls(root) == [f"{root}/z"] and not each.exists(f"{root}/a/b") and each.find(root, withdirs=True) == [root, f"{root}/z"]
        with pytest.raises(FileNotFoundError):
            each.ls(f"{root}/a")


def test_a_file_in_the_place_of_a_made_directory(fs, root):
    for name, size in (("filled", 1), ("empty", 0), ("large", 9 << 20)):
        path = f"{root}/{name}"
        fs.mkdir(path)
        if name == "filled":
            fs.pipe_file(f"{path}/x", b"1")
            fs.rm_file(f"{path}/x")
        fs.pipe_file(path, bytes(size))
        assert [e["type"] for e in fs.ls(root, detail=True) if e["name"] == path] == ["file"]
        assert fs.isfile(path) and not fs.isdir(path)
        with pytest.raises(FileExistsError):
            fs.mkdir(path)
        fs.rm_file(path)
        assert not fs.exists(path)


def test_rm(fs, tree):
    fs.rm(f"{tree}/a.txt")
    assert not fs.exists(f"{tree}/a.txt")
    for gone in (fs.rm, fs.rm_file):
        with pytest.raises(FileNotFoundError):
            gone(f"{tree}/a.txt")
    missing = below(tree, ["a.txt", "none"])
    assert sorted(fs.rm(missing)) == missing
    with pytest.raises(OSError) as full:
        fs.rm(f"{tree}/b")
    assert full.value.errno == errno.ENOTEMPTY
    fs.rm(below(tree, ["b/c.txt", "b0.txt"]))
    assert fs.find(tree) == below(tree, ["b/d/e.bin", "b/d/f.txt", "g h/ü[1].txt"])
    fs.rm(f"{tree}/b/d/*.txt")
    assert fs.find(f"{tree}/b") == below(tree, ["b/d/e.bin"])
    fs.delete(f"{tree}/g h", recursive=True)
    assert fs.find(tree) == below(tree, ["b/d/e.bin"])
    fs.rm(f"s3://{tree}", recursive=True)
    assert not fs.exists(tree)
    for missing in (tree, [tree], f"{tree}/*"):
        with pytest.raises(FileNotFoundError):
            fs.rm(missing, recursive=True)


def test_rm_of_patterns_and_depths(fs, tree):
    fs.rm(f"{tree}/b", recursive=True, maxdepth=1)
    assert fs.find(f"{tree}/b") == below(tree, ["b/d/e.bin", "b/d/f.txt"])
    with pytest.raises(OSError):
        fs.rm(f"{tree}/b*")
    assert fs.find(f"{tree}/b") == below(tree, ["b/d/e.bin", "b/d/f.txt"])
    fs.rm([f"{tree}/b*", f"{tree}/a.txt"], recursive=True)
    assert fs.find(tree) == below(tree, ["g h/ü[1].txt"])


def test_rm_of_many(fs, root):
    names = [f"{root}/{n:04}" for n in range(1200)]
    fs.pipe(dict.fromkeys(names, b""))
    assert fs.bulk_delete(names[:3] + [f"{root}/none"])[:3] == names[:3]
    fs.rm(names[3:600])
    assert fs.find(root) == names[600:]
    fs.rm(root, recursive=True)
    assert fs.find(root) == []


def test_copy_and_move(fs, tree):
    fs.cp_file(f"{tree}/a.txt", f"s3://{tree}/a2.txt")
    fs.copy(f"{tree}/a.txt", f"{tree}/b/")
    fs.cp(f"{tree}/b", f"{tree}/copy", recursive=True)
    assert fs.find(f"{tree}/copy") == below(tree, ["copy/a.txt", "copy/c.txt", "copy/d/e.bin", "copy/d/f.txt"])
    fs.copy(below(tree, ["a.txt", "b0.txt"]), below(tree, ["p", "q"]))
    assert fs.cat(f"{tree}/p") + fs.cat(f"{tree}/q") == b"a0"
    fs.mv(f"{tree}/a2.txt", f"{tree}/a3.txt")
    assert fs.cat(f"{tree}/a3.txt") == b"a" and not fs.exists(f"{tree}/a2.txt")
    fs.rename(f"{tree}/a3.txt", f"{tree}/b/")
    assert fs.cat(f"{tree}/b/a3.txt") == b"a"
    fs.mv(f"{tree}/copy", f"{tree}/moved", recursive=True)
    assert not fs.exists(f"{tree}/copy")
    assert fs.find(f"{tree}/moved") == below(tree, ["moved/a.txt", "moved/c.txt", "moved/d/e.bin", "moved/d/f.txt"])
    fs.move(f"{tree}/moved/*.txt", f"{tree}/texts/")
    assert fs.find(f"{tree}/texts") == below(tree, ["texts/a.txt", "texts/c.txt"])
    assert fs.find(f"{tree}/moved") == below(tree, ["moved/d/e.bin", "moved/d/f.txt"])
    fs.mv(f"{tree}/a.txt", f"{tree}/a.txt")
    assert fs.cat(f"{tree}/a.txt") == b"a"


def test_copy_and_move_of_missing_files(fs, tree):
    for change in (fs.copy, fs.mv, fs.cp_file):
        with pytest.raises(FileNotFoundError):
            change(f"{tree}/none", f"{tree}/x")
    with pytest.raises(FileNotFoundError):
        fs.copy(below(tree, ["a.txt", "none"]), f"{tree}/x/")
    assert fs.copy(below(tree, ["a.txt", "none"]), f"{tree}/y/", on_error="ignore") is None
    assert fs.find(f"{tree}/y") == [f"{tree}/y/a.txt"]
    with pytest.raises(IsADirectoryError):
        fs.mv(f"{tree}/b", f"{tree}/x")
    with pytest.raises(FileNotFoundError):
        fs.mv(below(tree, ["a.txt", "none"]), f"{tree}/z/")
    assert fs.exists(f"{tree}/a.txt")


def test_a_virtual_directory_is_moved_away(fs, root):
    fs.makedirs(f"{root}/a/b")
    fs.pipe(f"{root}/a/b/x", b"1")
    fs.mv(f"{root}/a", f"{root}/c", recursive=True)
    assert not fs.exists(f"{root}/a") and not fs.exists(f"{root}/a/b") and fs.find(root) == [f"{root}/c/b/x"]


# ---- what a store keeps beside the bytes ----


def test_unfinished_uploads(fs, root):
    f = fs.open(f"{root}/x", "wb")
    f.write(bytes(40_000_000))
    name = f"{root}/x".partition("/")[2]
    while not (found := [u for u in fs.list_multipart_uploads(root) if u["Key"] == name]):
        pass
    assert found[0]["UploadId"] and found[0]["Initiated"].tzinfo is timezone.utc
    fs.clear_multipart_uploads(root)
    assert fs.list_multipart_uploads(root) == []
    f.discard()


@pytest.mark.parametrize("name", ["chmod", "merge", "is_bucket_versioned", "make_bucket_versioned", "call_s3"])
def test_methods_that_are_not_offered_raise(fs, root, name):
    with pytest.raises(NotImplementedError, match=f"{name} is not offered by cove: "):
        getattr(fs, name)(root)


def test_a_bucket_with_an_acl_is_not_offered(fs, root):
    with pytest.raises(NotImplementedError):
        fs.mkdir(root.rpartition("/")[2], acl="public-read")


def test_entry_points_are_those_of_register():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has none")
    import cove
    import env

    points = tomllib.loads((env.ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["fsspec.specs"]
    assert points == cove.FILESYSTEMS


def test_a_block_beyond_the_end_is_empty(fs, root):
    """As fsspec's own filesystems have it."""
    fs.pipe(f"{root}/x", b"one\ntwo\nthree\n")
    assert fs.read_block(f"{root}/x", 5000, 10) == fs.read_block(f"{root}/x", 5000, 10, b"\n") == b""
    assert fs.read_block(f"{root}/x", 5000, None) == b""
    assert fs.read_block(f"{root}/x", 5, 5000) == b"wo\nthree\n" and fs.read_block(f"{root}/x", 5, None) == b"wo\nthree\n"
    assert fs.read_block(f"{root}/x", 1, 2) == b"ne" and fs.read_block(f"{root}/x", 1, 5, b"\n") == b"two\n"


def test_schemes_in_capitals_are_the_same(fs, root):
    """RFC 3986, 3.1: they are case-insensitive. fsspec's table is not."""
    with fsspec.open(f"S3://{root}/x", "wb") as f:
        f.write(b"1")
    assert fs.cat_file(f"s3://{root}/x") == b"1"
    assert fs._strip_protocol("S3://b/x") == fs._strip_protocol("S3A://b/x") == fs._strip_protocol("s3A::b/x") == "b/x"
    assert fs.unstrip_protocol("S3://b/x/") == "s3://b/x/" and fs.unstrip_protocol("S3A://b") == "s3a://b"
    assert fsspec.core.url_to_fs(f"S3://{root}/x") == (fs, f"{root}/x")


def test_errors_made_in_python_are_like_the_librarys(fs, root):
    """`code`, `http_status` and `retryable`; the message names the operation and the URL."""
    fs.pipe_file(f"{root}/d/x", b"1")
    url = f"s3://{root}"
    for kind, code, operation, call in [
        (IsADirectoryError, "COVE_EISDIR", f"modified {url}/d", lambda: fs.modified(f"{root}/d")),
        (IsADirectoryError, "COVE_EISDIR", f"move {url}/d", lambda: fs.mv(f"{root}/d", f"{root}/e")),
        (NotADirectoryError, "COVE_ENOTDIR", f"rmdir {url}/d/x", lambda: fs.rmdir(f"{root}/d/x")),
        (FileExistsError, "COVE_EEXIST", f"open {url}/d/x", lambda: fs.open(f"{root}/d/x", "xb").close()),
        (FileNotFoundError, "COVE_ENOTFOUND", f"expand {url}/none*", lambda: fs.rm(f"{url}/none*", recursive=True)),
        (FileNotFoundError, "COVE_ENOTFOUND", "put /nowhere/x*", lambda: fs.put("/nowhere/x*", root)),
        (ValueError, "COVE_EINVAL", "open s3:/b/x", lambda: fs.cat("s3:/b/x")),
    ]:
        with pytest.raises(kind) as raised:
            call()
        e = raised.value
        assert (e.code, e.http_status, e.retryable) == (code, 0, False) and e.errno, e
        assert f"{operation}: " in str(e)


def test_no_exception_of_the_package_lacks_a_code():
    """Every OSError is made by cove.errors.failure, which sets it."""
    import ast
    import builtins
    from pathlib import Path

    import cove

    for file in Path(cove.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            name = getattr(getattr(node, "func", None), "id", getattr(getattr(node, "func", None), "attr", ""))
            kind = getattr(cove, name, None) if name in ("CorruptData", "InvalidArgument", "PreconditionFailed") else getattr(builtins, name, None)
            assert not (isinstance(node, ast.Call) and isinstance(kind, type) and issubclass(kind, OSError)), f"{file.name}:{node.lineno}"
