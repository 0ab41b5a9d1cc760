"""Names that look like patterns: an existing file or directory of exactly that name comes first. On the mock, whose objects can be inspected."""

import asyncio
import errno

import fsspec
import pytest
from mocked import face, fill, fs, mock, requests, stored  # noqa: F401

from cove.s3 import S3FileSystem

MINE = {"b/run[1]/x": b"mine", "b/run[1]/d/y": b"mine too", "b/q?/x": b"mine", "b/s*/x": b"mine"}
THEIRS = {"b/run1/x": b"another run's", "b/run1/d/y": b"theirs", "b/qq/x": b"another's", "b/st/x": b"another's"}
NAMES = ["run[1]", "q?", "s*"]
DIR_TAKES_DICTS = tuple(map(int, fsspec.__version__.split(".")[:2])) >= (2024, 10)


@pytest.fixture(autouse=True)
def objects(mock):
    fill(mock, {**MINE, **THEIRS})


def theirs(mock):
    return {path: data for path, data in stored(mock).items() if path in THEIRS}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("listed", [False, True])
def test_removals(face, mock, name, listed):
    def of(path):
        return [path] if listed else path

    face.rm(of(f"b/{name}/x"))
    assert f"b/{name}/x" not in stored(mock) and theirs(mock) == THEIRS
    mock.store.put(f"b/{name}/x", b"mine")
    face.rm(of(f"b/{name}"), recursive=True)
    assert not [path for path in stored(mock) if path.startswith(f"b/{name}/")] and theirs(mock) == THEIRS


@pytest.mark.parametrize("name", NAMES)
def test_moves_and_copies(face, fs, mock, name):
    face.copy(f"b/{name}", "b/copied", recursive=True)
    face.copy(f"b/{name}/x", "b/copy")
    assert stored(mock)["b/copied/x"] == stored(mock)["b/copy"] == b"mine"
    fs.mv(f"b/{name}/x", "b/moved")
    assert stored(mock)["b/moved"] == b"mine" and f"b/{name}/x" not in stored(mock)
    mock.store.put(f"b/{name}/x", b"mine")
    fs.mv([f"b/{name}/x"], ["b/moved again"])
    assert stored(mock)["b/moved again"] == b"mine" and f"b/{name}/x" not in stored(mock)
    mock.store.put(f"b/{name}/x", b"mine")
    fs.mv(f"b/{name}", "b/tree", recursive=True)
    assert stored(mock)["b/tree/x"] == b"mine" and not fs.exists(f"b/{name}") and theirs(mock) == THEIRS


@pytest.mark.parametrize("name", NAMES)
def test_reading(face, mock, tmp_path, name):
    assert face.cat(f"b/{name}/x") == b"mine"
    assert face.cat([f"b/{name}/x"]) == {f"b/{name}/x": b"mine"}
    assert face.cat(f"b/{name}", recursive=True) == {path: data for path, data in MINE.items() if path.startswith(f"b/{name}/")}
    assert face.expand_path(f"b/{name}") == [f"b/{name}"]
    face.get(f"b/{name}/x", str(tmp_path / "x"))
    face.get(f"b/{name}", str(tmp_path / "tree"), recursive=True)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "tree/x").read_bytes() == b"mine"


@pytest.mark.parametrize("name", NAMES)
def test_local_names(face, mock, tmp_path, name):
    here, there = tmp_path / name, tmp_path / name.replace("[1]", "1").replace("?", "q").replace("*", "t")
    for folder, data in ((here, b"mine"), (there, b"another's")):
        folder.mkdir()
        (folder / "x").write_bytes(data)
    face.put(str(here / "x"), "b/put")
    face.put(str(here), "b/tree", recursive=True)
    face.put([str(here / "x")], "b/listed")
    assert stored(mock)["b/put"] == stored(mock)["b/tree/x"] == stored(mock)["b/listed/x"] == b"mine"
    face.put(str(tmp_path / "*" / "x"), "b/patterns", recursive=False)
    assert sorted(data for path, data in stored(mock).items() if path.startswith("b/patterns/")) == [b"another's", b"mine"]


def test_a_mapping_is_cleared(fs, mock):
    fs.get_mapper("b/run[1]").clear()
    assert stored(mock) == {**THEIRS, "b/q?/x": b"mine", "b/s*/x": b"mine"}
    fs.get_mapper("b/run[1]").clear()  # the name does not exist any more
    assert theirs(mock) == THEIRS
    mapping = fs.get_mapper("b/q?")
    del mapping["x"]
    assert list(mapping) == [] and theirs(mock) == THEIRS


def test_brackets_do_not_make_a_pattern_for_removals(face, fs, mock):
    """The file or directory often does not exist any more: the second removal of a file, or a chunk that was never written."""
    before = stored(mock)
    move = {True: fs.mv, False: fs.move}
    for path in ("b/run[12]", "b/run[12]/d", "b/run[12]/x", "b/run[12]/d/[yz]"):
        for options in ({}, {"recursive": True}, {"recursive": True, "maxdepth": 1}):
            with pytest.raises(FileNotFoundError):
                face.rm(path, **options)
            with pytest.raises(FileNotFoundError):
                fs.delete(path, **options)
            with pytest.raises(FileNotFoundError):
                move["maxdepth" in options](path, "b/moved", **options)
            with pytest.raises(FileNotFoundError):
                fs.mv([path], "b/moved/", **options)
        with pytest.raises(FileNotFoundError):
            asyncio.run(fs._mv_file(path, "b/moved"))
        with pytest.raises(FileNotFoundError):
            face.rm([path], recursive=True)
        face.rm([path])  # in a list it is skipped
    assert stored(mock) == before
    assert fs.glob("b/run[12]/x") == ["b/run1/x"]


def test_a_file_is_removed_twice(face, mock):
    face.rm("b/run[1]/x")
    with pytest.raises(FileNotFoundError):
        face.rm("b/run[1]/x")
    assert theirs(mock) == THEIRS


@pytest.mark.parametrize("name", ["run[12]", "q?", "s*", "*"])
@pytest.mark.parametrize("layers", [0, 1])
def test_keys_of_a_mapping_are_names(fs, mock, name, layers):
    """Special characters in the root or in the key do not make a pattern."""
    for path in [path for path in MINE if path.startswith(("b/q?", "b/s*"))]:
        del mock.store.objects[path]
    before = stored(mock)
    mapping = fsspec.filesystem("dir", path="b", fs=fs).get_mapper(name) if layers else fsspec.FSMap(f"b/{name}", fs)
    for key in ("x", "[x]", "?", "*"):
        assert mapping.get(key) is None and mapping.pop(key, b"default") == b"default" and key not in mapping
        assert mapping.getitems([key], on_error="omit") == {}
        with pytest.raises(KeyError):
            mapping.getitems([key])
        with pytest.raises(KeyError):
            del mapping[key]
        mapping.delitems([key, "other"])
    mapping.clear()
    assert stored(mock) == before
    if layers and not DIR_TAKES_DICTS:
        pytest.skip("the DirFileSystem of this fsspec cannot pipe a dict")
    mapping.setitems({"x": b"1", "*": b"2"})
    mapping["?"] = b"3"
    assert mapping.getitems(["*", "?"]) == {"*": b"2", "?": b"3"} and sorted(mapping) == ["*", "?", "x"]
    assert mapping.pop("*") == b"2"
    mapping.delitems(["?", "none"])
    assert {path: data for path, data in stored(mock).items() if path not in before} == {f"b/{name}/x": b"1"}
    mapping.clear()
    assert stored(mock) == before


@pytest.mark.parametrize("pattern", ["b/run*", "b/run?/*", "b/*/x", "b/*/", "b/run*/*/", "b/**/y", "b/[q-r]*"])
def test_rm_of_a_pattern_removes_the_matches_of_glob(fs, mock, pattern):
    mock.store.put("b/run2", b"a file beside the directories")
    matches = fs.glob(pattern)
    assert matches
    gone = [path for path in stored(mock) if any(path == name or path.startswith(name + "/") for name in matches)]
    left = {path: data for path, data in stored(mock).items() if path not in gone}
    fs.rm(pattern, recursive=True)
    assert stored(mock) == left


def test_requests_of_a_check_for_patterns(fs, mock):
    assert requests(mock, fs.cat, "b/run1/x") == ["GetObject"]
    assert requests(mock, fs.cat, "b/run[1]/x") == ["HeadObject", "GetObject"]
    plain, brackets = requests(mock, fs.rm, "b/run1", recursive=True), requests(mock, fs.rm, "b/run[1]", recursive=True)
    assert plain == brackets
    assert requests(mock, fs.expand_path, "b/q*/x") == ["HeadObject", "ListObjectsV2", *requests(mock, fs.glob, "b/q*/x")]
    assert requests(mock, fs.expand_path, ["b/run1/x", "b/run1/d"]) == []


def test_a_version_is_no_pattern(mock):
    fs = S3FileSystem(endpoint_url=mock.endpoint, key="k", secret="s", version_aware=True, skip_instance_cache=True)
    del mock.requests[:]
    assert fs.cat("b/run1/x?versionId=1") == b"another run's"
    assert [r.operation for r in mock.requests] == ["GetObject"]


def test_a_failed_check_for_patterns_is_raised(mock, fs):
    """Else a pattern would remove what has other names."""
    mock.store.ways["refuses"] = {"HeadObject": {"host": [403, "AccessDenied", "no"]}, "ListObjectsV2": {"host": [403, "AccessDenied", "no"]}}
    for call in (fs.rm, fs.cat, fs.expand_path):
        with pytest.raises(PermissionError):
            call("b/run[1]/x")
    assert stored(mock) == {**MINE, **THEIRS}


def test_removal_of_missing_files(face, mock):
    for options in ({}, {"maxdepth": 1}, {"recursive": True}, {"recursive": True, "maxdepth": 1}):
        with pytest.raises(FileNotFoundError):
            face.rm("b/missing", **options)
    for recursive in (False, True):
        with pytest.raises(ValueError, match="maxdepth"):
            face.rm("b/run1/x", recursive=recursive, maxdepth=0)
    assert stored(mock) == {**MINE, **THEIRS}


def test_a_url_is_never_taken_for_another(fs, mock):
    fs.rm("s3://b/run[1]/x")
    fsspec.filesystem("dir", path="b/q?", fs=fs).rm("x")
    assert theirs(mock) == THEIRS and "b/run[1]/x" not in stored(mock) and "b/q?/x" not in stored(mock)


def test_messages_say_what_to_do(face, fs, tmp_path):
    for call, args, reason in (
        (face.rm, ["b/run1"], "recursive=True"), (fs.rmdir, ["b/run1"], "recursive=True"), (face.rmdir, ["b"], "older versions"),
        (face.put, [f"{tmp_path}/none*", "b/"], r"put .*/none\*: no local path matches"), (face.put, [f"{tmp_path}/[/x", "b/"], r"\[\[\]"),
        (lambda *names: face.put(*names, recursive=True), [f"{tmp_path}/none", "b/"], "put .*/none: no such local file or directory"),
    ):  # fmt: skip
        with pytest.raises(OSError, match=reason) as caught:
            call(*args)
        assert caught.value.errno in (errno.ENOTEMPTY, errno.ENOENT)
