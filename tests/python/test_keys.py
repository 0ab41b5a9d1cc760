"""Trees that no local disk can hold: names that are both file and directory, directory markers, names with "//" or a trailing slash."""

import asyncio
import os

import pytest
from mocked import face, fill, fs, mock, requests, stored  # noqa: F401

TREE = {
    "b/d/": b"",  # a marker
    "b/d/a": b"1", "b/d/a/b": b"22", "b/d/a/c/x": b"333",  # a is both
    "b/d/e/": b"", "b/d/f/": b"", "b/d/f/g/": b"", "b/d/f/x": b"4444",  # markers, some of directories without files
    "b/d//u": b"55555", "b/d///v": b"666666",  # directories with empty names
    "b/d/z/": b"7777777",  # a file by its name with the slash
}  # fmt: skip
FILES = {path: data for path, data in TREE.items() if data}
DIRECTORIES = {"b/d", "b/d/a", "b/d/a/c", "b/d/e", "b/d/f", "b/d/f/g", "b/d//", "b/d///", "b/d/z"}
BYTES = sum(map(len, TREE.values()))


@pytest.fixture(autouse=True)
def objects(mock):
    fill(mock, TREE)


def moved(target):
    return {path.replace("b/d", target, 1): data for path, data in TREE.items()}


@pytest.mark.parametrize("depth", [None, 9])
def test_find_and_du(face, depth):
    assert face.find("b/d", maxdepth=depth) == sorted(FILES)
    assert set(face.find("b/d", maxdepth=depth, withdirs=True)) == {*FILES, *DIRECTORIES}
    details = face.find("b/d", maxdepth=depth, withdirs=True, detail=True)
    assert details["b/d/a"]["type"] == "file"  # which has bytes
    assert {name for name, d in details.items() if d["type"] == "directory"} == DIRECTORIES - {"b/d/a"}
    assert {name: d["size"] for name, d in details.items() if d["type"] != "directory"} == {name: len(data) for name, data in FILES.items()}
    for withdirs in (False, True):
        assert face.du("b/d", maxdepth=depth, withdirs=withdirs) == BYTES
    assert face.find("b/d", prefix="a", withdirs=True) == ["b/d/a", "b/d/a/b", "b/d/a/c", "b/d/a/c/x"]


@pytest.mark.parametrize("depth", [None, 9])
def test_a_directory_that_is_a_file_itself(face, fs, depth):
    """It is found and counted, unless the path ends in a slash."""
    assert face.find("b/d/a", maxdepth=depth) == ["b/d/a", "b/d/a/b", "b/d/a/c/x"] == fs.expand_path(fs.find("b/d/a"))
    assert face.find("b/d/a", maxdepth=depth, withdirs=True) == ["b/d/a", "b/d/a/b", "b/d/a/c", "b/d/a/c/x"]
    for withdirs in (False, True):
        assert face.find("b/d/a", maxdepth=depth, withdirs=withdirs, detail=True)["b/d/a"]["size"] == 1
        assert face.du("b/d/a", maxdepth=depth, withdirs=withdirs) == 6 and face.du("b/d/a/", maxdepth=depth, withdirs=withdirs) == 5
    assert face.du("b/d/a", maxdepth=depth, total=False) == {"b/d/a": 1, "b/d/a/b": 2, "b/d/a/c/x": 3}
    assert face.find("b/d/a/", maxdepth=depth) == ["b/d/a/b", "b/d/a/c/x"] and face.find("b/d/a", maxdepth=depth, prefix="b") == ["b/d/a/b"]
    assert fs.du("b/d/a", maxdepth=1) == 3


def test_depth(fs):
    assert fs.find("b/d", maxdepth=1) == ["b/d/a"]
    assert set(fs.find("b/d", maxdepth=1, withdirs=True)) == {"b/d", "b/d/a", "b/d/e", "b/d/f", "b/d//", "b/d/z"}
    assert fs.du("b/d", maxdepth=1) == 1


def test_ls(face, fs):
    assert face.ls("b/d") == ["b/d//", "b/d/a", "b/d/a", "b/d/e", "b/d/f", "b/d/z"]
    assert sorted(e["type"] for e in face.ls("b/d", detail=True) if e["name"] == "b/d/a") == ["directory", "file"]
    assert face.ls("b/d//") == ["b/d///", "b/d//u"] and face.ls("b/d///") == ["b/d///v"]
    assert face.ls("b/d/e") == [] and face.ls("b/d/f/") == face.ls("b/d/f//") == ["b/d/f/g", "b/d/f/x"]
    assert fs.isdir("b/d//") and not fs.isfile("b/d//") and face.info("b/d//")["name"] == "b/d//"


def test_walk(fs):
    found = {path: (sorted(directories), sorted(files)) for path, directories, files in fs.walk("b/d")}
    assert found == {
        "b/d": (["", "a", "e", "f", "z"], ["a"]), "b/d/a": (["c"], ["b"]), "b/d/a/c": ([], ["x"]), "b/d/e": ([], []), "b/d/f": (["g"], ["x"]),
        "b/d/f/g": ([], []), "b/d/": ([""], ["u"]), "b/d//": ([], ["v"]), "b/d/z": ([], [""]),
    }  # fmt: skip
    assert {f"{path}/{name}" for path, (_, files) in found.items() for name in files} == set(FILES)

    async def awaited():
        return [step async for step in fs._walk("b/d")]

    assert asyncio.run(awaited()) == list(fs.walk("b/d"))
    assert sorted(path for path, _, _ in fs.walk("b/d", topdown=False)) == sorted(found)
    assert [path for path, _, _ in fs.walk("b/d", topdown=False)][-1] == "b/d"
    assert [path for path, _, _ in fs.walk("b/d", maxdepth=1)] == ["b/d"]
    pruned = []
    for path, directories, _ in fs.walk("b/d", detail=True):
        pruned.append(path)
        for name in set(directories) - {"a", "c"}:
            del directories[name]
    assert pruned == ["b/d", "b/d/a", "b/d/a/c"]


def test_walk_skips_unlistable_directories(fs, mock):
    assert list(fs.walk("b/none")) == []
    with pytest.raises(FileNotFoundError):
        list(fs.walk("b/none", on_error="raise"))
    seen = []
    assert list(fs.walk("b/none", on_error=seen.append)) == [] and type(seen[0]) is FileNotFoundError
    with pytest.raises(ValueError):
        list(fs.walk("b/d", maxdepth=0))
    mock.store.ways["refuses"] = {"ListObjectsV2": {"host": [403, "AccessDenied", "no"]}}
    with pytest.raises(PermissionError):  # not a part of the tree instead of all
        fs.find("b/d", maxdepth=2)


@pytest.mark.parametrize(
    "pattern, names",
    [
        ("b/d/**", {*FILES, *DIRECTORIES}),
        ("b/d/*", {"b/d/a", "b/d/e", "b/d/f", "b/d/z"}),
        ("b/d/*/*", {"b/d/a/b", "b/d/a/c", "b/d/f/g", "b/d/f/x"}),
        ("b/d/*/", {"b/d/a", "b/d/e", "b/d/f", "b/d/z"}),
        ("b/d/**/x", {"b/d/a/c/x", "b/d/f/x"}),
        ("b/d//*", {"b/d//u"}),
        ("b/d//**", {"b/d//", "b/d//u", "b/d///", "b/d///v"}),
    ],
)
def test_glob(face, pattern, names):
    assert set(face.glob(pattern)) == names
    assert face.glob(pattern, detail=True).get("b/d/a", {"type": "file"})["type"] == ("directory" if pattern.endswith("/") else "file")


def test_cat(face):
    assert face.cat("b/d", recursive=True) == FILES
    assert face.cat("b/d/a", recursive=True) == {path: data for path, data in FILES.items() if path.startswith("b/d/a")}
    assert face.cat("b/d/*") == {"b/d/a": b"1"}


@pytest.mark.parametrize("source", ["b/d", "b/d/"])
def test_copies_of_the_whole_tree(face, mock, source):
    face.copy(source, "b/t", recursive=True)
    assert stored(mock) == {**TREE, **moved("b/t")}


@pytest.mark.parametrize("source", ["b/d", "b/d/"])
def test_moves_of_the_whole_tree(fs, mock, source):
    fs.mv(source, "b/t", recursive=True)
    assert stored(mock) == moved("b/t")
    assert not fs.exists("b/d")


def test_copies_of_a_name_that_is_both(fs, mock):
    both = {path: data for path, data in TREE.items() if path.startswith("b/d/a")}
    fs.copy("b/d/a", "b/t", recursive=True)
    assert stored(mock) == {**TREE, **{path.replace("b/d/a", "b/t", 1): data for path, data in both.items()}}
    fs.rm("b/t", recursive=True)
    assert stored(mock) == TREE
    fs.mv("b/d/[ae]*", "b/s/", recursive=True)
    both["b/d/e/"] = b""
    assert stored(mock) == {path.replace("b/d", "b/s", 1) if path in both else path: data for path, data in TREE.items()}


@pytest.mark.parametrize("more", [
    {"b/s/": b"bytes", "b/s/A": b"A"}, {"b/s/": b"bytes"}, {"b/s/": b"bytes", "b/s/A": b"A", "b/s": b"a file"},
    {"b/s/e/": b"bytes", "b/s/e": b"a file"}, {"b/s/e/": b"bytes", "b/s/e/A": b"A"}, {"b/s/e/": b"bytes", "b/s/e/A": b"A", "b/s/e": b"a file"},
])  # fmt: skip
def test_a_non_empty_marker_is_copied_once(face, fs, mock, more):
    fill(mock, more)
    there = {**TREE, **more}
    copies = {path.replace("b/s", "b/t", 1): data for path, data in more.items()}
    face.copy("b/s", "b/t", recursive=True)
    assert stored(mock) == {**there, **copies}
    fs.mv("b/t", "b/u", recursive=True)
    assert stored(mock) == {**there, **{path.replace("b/t", "b/u", 1): data for path, data in copies.items()}}
    assert sum(fs.du("b/u", total=False).values()) == sum(map(len, more.values()))


def test_a_directory_is_copied_to_the_name_of_a_file(face, fs, mock):
    """A bucket can hold both."""
    fill(mock, {"b/1": b"a file", "b/2": b"a file", "b/3": b"a file"})
    fs.mv("b/d/f", "b/1", recursive=True)
    face.copy("b/d/a/c", "b/2", recursive=True)
    fs.mv("b/d/e", "b/3", recursive=True)
    left = {path: data for path, data in TREE.items() if not path.startswith(("b/d/f/", "b/d/e/"))}
    assert stored(mock) == {
        **left, "b/1": b"a file", "b/1/": b"", "b/1/g/": b"", "b/1/x": b"4444", "b/2": b"a file", "b/2/x": b"333", "b/3": b"a file", "b/3/": b"",
    }  # fmt: skip


def test_a_marker_beside_an_object_of_its_name(fs, mock):
    fill(mock, {"b/m/a": b"1", "b/m/a/": b""})
    fs.copy("b/m", "b/n", recursive=True)
    assert {path: data for path, data in stored(mock).items() if path.startswith("b/n")} == {"b/n/a": b"1", "b/n/a/": b""}
    fs.mv("b/n", "b/o", recursive=True)
    assert {path: data for path, data in stored(mock).items() if path[:3] in ("b/n", "b/o")} == {"b/o/a": b"1", "b/o/a/": b""}
    assert fs.expand_path("b/o", recursive=True) == ["b/o", "b/o/a"]


def test_get(face, mock, tmp_path):
    with pytest.raises(ValueError, match="nothing was done"):
        face.get("b/d", str(tmp_path / "to"), recursive=True)
    assert os.listdir(tmp_path) == []
    for path in ("b/d/a", "b/d/z/"):
        del mock.store.objects[path]
    face.get("b/d", str(tmp_path / "to"), recursive=True)
    found = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {"to/a/b": b"22", "to/a/c/x": b"333", "to/f/x": b"4444", "to/u": b"55555", "to/v": b"666666"}
    assert (tmp_path / "to/e").is_dir() and (tmp_path / "to/f/g").is_dir()


@pytest.mark.parametrize("more, files", [
    ({"b/m/z/": b"1", "b/m/y": b"2"}, {"y": b"2"}), ({"b/m/z/": b"1", "b/m/z/q": b"2"}, {"q": b"2"}), ({"b/m/": b"1", "b/m/y": b"2"}, {"y": b"2"}),
    ({"b/m//": b"1", "b/m/y": b"2"}, {"y": b"2"}), ({"b/m/z/": b"1"}, {}),
    ({"b/m/z/": b"1", "b/m/w/": b"1", "b/m/y": bytes(2_000_000)}, {"y": bytes(2_000_000)}),
])  # fmt: skip
@pytest.mark.parametrize("given", ["b/m", "b/m/", ["b/m"], "b/m/**"])
def test_get_skips_names_that_a_disk_cannot_have(face, mock, tmp_path, more, files, given):
    fill(mock, more)
    with pytest.raises(IsADirectoryError, match="ends in a slash") as caught:
        face.get(given, str(tmp_path / "to" / ("m" if isinstance(given, list) else "")), recursive=given != "b/m/**")
    message = str(caught.value)
    assert any(f" s3://{path}: " in message for path in more if path.endswith("/")) and ("more like it" in message) is ("b/m/w/" in more)
    assert {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == files


def test_a_file_whose_name_ends_in_a_slash(face, fs, mock, tmp_path):
    data = TREE["b/d/z/"]
    assert face.cat("b/d/z/") == face.cat_file("b/d/z/") == data and face.cat_file("s3://b/d/z/", 1, 3) == data[1:3]
    assert face.cat_ranges(["b/d/z/"], [0], [2]) == [data[:2]] and face.info("b/d/z/")["size"] == 7
    assert fs.isfile("b/d/z/") and not fs.isfile("b/d/z") and fs.metadata("b/d/z/") == {} and fs.get_tags("b/d/z/") == {}
    assert fs.head("b/d/z/", 2) == fs.tail("b/d/z/", 2) == b"77" and fs.size("b/d/z/") == 7 and fs.sizes(["b/d/z/"]) == [7]
    with fs.open("b/d/z/") as file, fs.open("b/d/z/", "r") as text:
        assert file.read() == data and text.read() == data.decode()
    face.get_file("b/d/z/", str(tmp_path / "1"))
    face.get("b/d/z/", str(tmp_path / "2"))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == data
    face.copy("b/d/z/", "b/1")
    face.cp_file("b/d/z/", "b/2")
    face.copy(["b/d/z/"], "b/t/")
    face.copy(["b/d/z/"], ["b/3"])
    fs.mv("b/d/z/", "b/4")
    assert stored(mock) == {**{path: d for path, d in TREE.items() if path != "b/d/z/"}, **dict.fromkeys(["b/1", "b/2", "b/3", "b/4", "b/t/z/"], data)}
    face.rm("b/t/z/")
    assert not fs.exists("b/t")


@pytest.mark.parametrize("remove", ["rm", "rm_file", "listed", "bulk_delete"])
def test_only_the_named_file_is_removed(fs, mock, remove):
    fill(mock, {"b/d/z": b"another one", "b/d/z/x": b"and below"})
    {"rm": fs.rm, "rm_file": fs.rm_file, "listed": lambda path: fs.rm([path]), "bulk_delete": lambda path: fs.bulk_delete([path])}[remove]("b/d/z/")
    assert stored(mock) == {**{path: data for path, data in TREE.items() if path != "b/d/z/"}, "b/d/z": b"another one", "b/d/z/x": b"and below"}


def test_a_directory_without_a_name_is_removed_alone(face, fs, mock):
    face.rm("b/d//", recursive=True)
    assert stored(mock) == {path: data for path, data in TREE.items() if not path.startswith("b/d//")}
    fs.rm("b/d/f//", recursive=True)  # there is none: slashes too many
    assert not fs.exists("b/d/f")


def test_removal_to_a_depth(fs, mock):
    fs.rm("b/d", recursive=True, maxdepth=1)
    assert stored(mock) == {path: data for path, data in TREE.items() if path not in ("b/d/a", "b/d/e/")}


def test_numbers_of_requests(face, fs, mock):
    """Slashes at the end cost a look where a file may be meant; the others do not."""
    assert requests(mock, face.ls, "b/d/") == requests(mock, face.find, "b/d/") == ["ListObjectsV2"]
    assert requests(mock, face.pipe_file, "b/new/", b"1") == ["PutObject"] and stored(mock)["b/new"] == b"1"
    assert requests(mock, face.find, "b/d") == requests(mock, face.du, "b/d") == ["ListObjectsV2", "HeadObject"]  # it may be a file besides
    assert requests(mock, fs.find, "b/d", withdirs=True) == ["ListObjectsV2", "HeadObject"]
    assert requests(mock, fs.find, "b/d", prefix="f") == requests(mock, face.find, "b") == requests(mock, fs.glob, "b/d/**") == ["ListObjectsV2"]
    assert requests(mock, fs.cat_file, "b/d/a") == ["GetObject"]
    assert requests(mock, fs.cat_file, "b/d/z/") == ["ListObjectsV2", "HeadObject", "GetObject"]
    assert requests(mock, fs.expand_path, "b/d", recursive=True) == ["ListObjectsV2", "HeadObject"]  # it may be a file besides
