"""Directories that other programs mark on az:// by an empty blob with metadata, as Hadoop, Spark, AzCopy and adlfs do."""

import asyncio

import pytest

MARKS = [{"hdi_isfolder": "true"}, {"Hdi_isfolder": "true"}, {"is_directory": "true"}]


@pytest.fixture(params=MARKS, ids=lambda mark: next(iter(mark)))
def marked(az, root, request):
    """`root` with a directory `full`, an empty one, and itself: all of them marked."""
    for name in (root, f"{root}/full", f"{root}/empty"):
        az.pipe_file(name, b"", metadata=request.param)
    az.pipe_file(f"{root}/full/x", b"x")
    return root


def test_they_are_directories(az, marked):
    empty, full = f"{marked}/empty", f"{marked}/full"
    assert az.ls(marked) == [empty, full] and [entry["type"] for entry in az.ls(marked, detail=True)] == ["directory"] * 2
    for path in (empty, f"{empty}/", full, marked):
        assert az.info(path)["type"] == "directory" and az.isdir(path) and az.exists(path) and not az.isfile(path)
        assert asyncio.run(az._isdir(path))
    assert az.ls(empty) == [] == az.ls(f"{empty}/")
    assert az.find(marked) == [f"{full}/x"] and az.find(marked, withdirs=True) == [marked, empty, full, f"{full}/x"]
    assert [(top, sorted(dirs), files) for top, dirs, files in az.walk(marked)] == [
        (marked, ["empty", "full"], []), (empty, [], []), (full, [], ["x"]),
    ]  # fmt: skip
    assert az.glob(f"{marked}/*") == [empty, full] and az.du(marked) == 1


def test_copies_have_no_files_for_them(az, marked, tmp_path):
    az.get(marked, str(tmp_path / "got"), recursive=True)
    assert (tmp_path / "got" / "full" / "x").read_bytes() == b"x" and (tmp_path / "got" / "empty").is_dir()
    az.cp(marked, f"{marked}-2", recursive=True)
    assert az.find(f"{marked}-2") == [f"{marked}-2/full/x"]
    az.makedirs(f"{marked}/empty", exist_ok=True)


def test_removals_take_them_along(az, marked):
    with pytest.raises(OSError, match="not empty"):
        az.rmdir(f"{marked}/full")
    az.rmdir(f"{marked}/empty")
    assert az.ls(marked) == [f"{marked}/full"]
    az.rm(marked, recursive=True)
    assert not az.exists(marked) and not az.isdir(f"{marked}/full") and az.find(marked) == []


def test_moves_take_them_along(az, marked):
    az.mv(marked, f"{marked}-2", recursive=True)
    assert not az.exists(marked) and az.find(f"{marked}-2") == [f"{marked}-2/full/x"]


def test_a_blob_with_bytes_is_a_file(az, root):
    az.pipe_file(f"{root}/x", b"1", metadata={"hdi_isfolder": "true"})
    assert az.isfile(f"{root}/x") and az.find(root) == [f"{root}/x"] and az.cat(f"{root}/x") == b"1"
