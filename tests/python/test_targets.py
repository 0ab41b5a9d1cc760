"""Target conflicts: if two files have the same target, nothing is done, and the error names both. On the mock and on local disks."""

import os

import pytest
from mocked import face, fill, fs, mock, stored  # noqa: F401

from cove import InvalidArgument, targets

OBJECTS = {"b/a/x": b"A", "b/c/x": b"C", "b/c/y": b"Y"}


@pytest.fixture(autouse=True)
def objects(mock):
    fill(mock, OBJECTS)


def local(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(mock, call, *args, names=("b/a/x", "b/c/x"), left=OBJECTS, **kwargs):
    del mock.requests[:]
    with pytest.raises(InvalidArgument, match="nothing was done") as caught:
        call(*args, **kwargs)
    assert all(name in str(caught.value) for name in names), caught.value
    assert stored(mock) == left and all(r.method in ("GET", "HEAD") for r in mock.requests)


@pytest.mark.parametrize("target", ["b/to/", ["b/to", "b/to"], ["b/to", "s3://b/to/"]])
def test_within_the_store(fs, face, mock, target):
    refused(mock, fs.mv, ["b/a/x", "b/c/x"], target, names=["b/a/x", "b/c/x", "b/to"])
    refused(mock, face.copy, ["b/a/x", "b/c/x"], target, names=["b/a/x", "b/c/x", "b/to"])
    refused(mock, face.copy, ["b/a/x", "b/a/x"], ["b/to", "b/to"], names=["b/a/x", "b/to"])


def test_a_target_that_is_a_source(fs, face, mock):
    refused(mock, fs.mv, ["b/a/x", "b/c/x"], ["b/c/x", "b/z"])
    refused(mock, fs.mv, ["b/a/x", "b/c/x"], ["b/c/x", "b/a/x"])
    refused(mock, face.copy, ["b/a/x", "b/c/x"], ["b/c/x", "b/z"])


def test_distinct_targets_are_accepted(fs, mock):
    fs.mv(["b/a/x", "b/c/y"], "b/to/")
    assert stored(mock) == {"b/c/x": b"C", "b/to/x": b"A", "b/to/y": b"Y"}
    fs.copy(["b/c/x", "b/c/x"], ["b/1", "b/2"])
    assert stored(mock)["b/1"] == stored(mock)["b/2"] == b"C"


@pytest.mark.parametrize("recursive", [False, True])
def test_a_move_onto_itself(fs, mock, recursive):
    fs.mv("b/a/x", "s3://b/a/x", recursive=recursive)
    fs.mv(["b/a/x", "b/c/x"], ["s3://b/a/x", "b/c/x"], recursive=recursive)
    fs.mv("b/a/x", "b/a/", recursive=recursive)
    assert stored(mock) == OBJECTS
    fs.mv(["b/a/x", "b/c/x"], ["b/a/x", "b/c/z"], recursive=recursive)
    assert stored(mock) == {"b/a/x": b"A", "b/c/z": b"C", "b/c/y": b"Y"}


def test_a_directory_onto_and_into_itself(fs, mock):
    for source, target in (("b/c", "b/c"), ("b/c", "s3://b/c"), ("b/c", "b/c/"), ("b/c/", "b/c"), ("b/c/", "s3://b/c/")):
        fs.mv(source, target, recursive=True)
    assert stored(mock) == OBJECTS
    for target in ("b/c/in", "b/c/in/", "s3://b/c/in/deeper"):
        refused(mock, fs.mv, "b/c", target, recursive=True, names=["b/c", "itself"])
    refused(mock, fs.mv, "b/*", "b/c/in", recursive=True, names=["b/c", "itself"])
    fs.mv("b/c", "b/cc", recursive=True)
    assert stored(mock) == {"b/a/x": b"A", "b/cc/x": b"C", "b/cc/y": b"Y"}


@pytest.mark.parametrize("place", ["{0}/", ["{0}/f", "{0}/f"], ["{0}/f", "{0}//f"], ["{0}/f", "{0}/./f"], ["{0}/f", "{0}/d/../f"], ["{0}/f", "{0}/link"]])
def test_to_the_local_disk(face, mock, tmp_path, place):
    (tmp_path / "f").write_bytes(b"old")
    (tmp_path / "d").mkdir()
    (tmp_path / "link").symlink_to("f")
    place = [p.format(tmp_path) for p in place] if isinstance(place, list) else place.format(tmp_path)
    refused(mock, face.get, ["b/a/x", "b/c/x"], place)
    assert local(tmp_path) == {"f": b"old", "link": b"old"}


def test_keys_with_two_slashes(face, mock, tmp_path):
    both = {"b/d//x": b"double", "b/d/x": b"single"}
    fill(mock, both)
    refused(mock, face.get, "b/d", str(tmp_path / "to"), recursive=True, names=both, left={**OBJECTS, **both})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keys", [["a", "a/b"], ["a", "a/b/c"]])
def test_a_file_and_a_directory_of_one_name(face, mock, tmp_path, keys):
    both = {f"b/d/{key}": key.encode() for key in keys}
    fill(mock, both)
    refused(mock, face.get, "b/d", str(tmp_path / "to"), recursive=True, names=both, left={**OBJECTS, **both})
    refused(mock, face.get, list(both), [f"{tmp_path}/{key}" for key in keys], names=both, left={**OBJECTS, **both})
    assert list(tmp_path.iterdir()) == []


def test_from_the_local_disk(face, mock, tmp_path):
    for name, data in (("1/x", b"1"), ("2/x", b"2")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(data)
    sources = [f"{tmp_path}/1/x", f"{tmp_path}/2/x"]
    refused(mock, face.put, sources, "b/to/", names=[*sources, "b/to/x"])
    refused(mock, face.put, sources, ["b/to", "s3://b/to"], names=[*sources, "b/to"])
    face.put(sources, ["b/1", "b/2"])
    assert stored(mock) == {**OBJECTS, "b/1": b"1", "b/2": b"2"}


@pytest.mark.parametrize("ignores_case", [False, True])
def test_upper_and_lower_case(fs, mock, tmp_path, monkeypatch, ignores_case):
    """On a file system that ignores case, here simulated."""
    asked = []
    monkeypatch.setattr(targets, "_ignores_case", lambda directory: asked.append(directory) or ignores_case)
    both = {"b/d/Name": b"1", "b/d/name": b"2"}
    fill(mock, {**both, "b/e/Dir/x": b"1", "b/e/dir/y": b"2", "b/f/\u00e9": b"1", "b/f/e\u0301/x": b"2"})
    fs.get("b/e", str(tmp_path / "e"), recursive=True)
    assert asked == []  # no conflict is possible
    pairs = [(list(both), [f"{tmp_path}/N", f"{tmp_path}/new/../n"]), ("b/d", f"{tmp_path}/new/d"), ("b/f", f"{tmp_path}/new/f")]
    for source, target in pairs:
        if ignores_case:
            refused(mock, fs.get, source, target, recursive=True, names=fs.find(source) if isinstance(source, str) else source, left=stored(mock))
        else:
            fs.get(source, target, recursive=True)
    assert set(asked) >= {str(tmp_path)}
    assert (tmp_path / "new").exists() is not ignores_case


def test_detection_of_case_insensitive_file_systems(tmp_path, monkeypatch):
    assert targets._ignores_case(str(tmp_path)) is (tmp_path.parent / tmp_path.name.swapcase()).exists()
    assert os.listdir(tmp_path) == []
    seen = []
    monkeypatch.setattr(os.path, "lexists", lambda path: seen.append(path) or True)
    assert targets._ignores_case(str(tmp_path)) is True and os.path.basename(seen[0]).startswith(".COVE-CASE-")
    assert targets._ignores_case(str(tmp_path / "missing")) is False
