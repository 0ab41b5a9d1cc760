"""Trees with unusual keys, copied, moved and counted by the command: on the mock, which takes every key that Amazon takes."""

import sys

import pytest
from test_cli import cove  # noqa: F401

import env as environment

sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))
from server import MockServer  # noqa: E402


@pytest.fixture
def bucket(cove):  # noqa: F811
    """bucket({"key": bytes}): a store with just these in bucket b; its objects by key are what it gives."""
    servers = []

    def start(objects):
        server = MockServer({f"b/{key}": data for key, data in objects.items()})
        servers.append(server.__enter__())
        cove.environ.update(AWS_ENDPOINT_URL=server.endpoint, AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s", AWS_REGION="us-east-1")
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def keys(server):
    return {path[2:]: data for path, (data, _, _) in server.store.objects.items()}


def local(folder):
    """Files by their relative paths, and empty directories as None."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None
            for p in folder.rglob("*") if p.is_file() or not any(p.iterdir())}


ODD = {"d/": b"", "d/a": b"1", "d/a/b": b"22", "d/e/": b"", "d/e/f/": b"", "d//x": b"333", "d/x": b"4444", "d/./x": b"5", "d/s/": b"66666", "d/s/t": b"7"}


def below(name, objects=ODD):
    """The objects below d, renamed to be below another name."""
    return {name + key[1:]: data for key, data in objects.items()}


# ---- listing and counting


def test_what_is_both_is_counted_and_found(cove, bucket):  # noqa: F811
    bucket(ODD)
    assert cove.lines("du", "s3://b/d/a") == ["3\t2\ts3://b/d/a"]
    assert cove.lines("du", "s3://b/d") == [f"{sum(map(len, ODD.values()))}\t7\ts3://b/d"]
    assert cove.lines("find", "s3://b/d/a") == ["s3://b/d/a", "s3://b/d/a/b"]
    assert cove.lines("ls", "-R", "s3://b/d/a") == ["s3://b/d/a", "b"]
    assert cove.lines("find", "s3://b/d") == sorted(f"s3://b/{key}" for key, data in ODD.items() if data)
    assert cove.lines("ls", "s3://b/d") == ["./", "/", "a", "a/", "e/", "s/", "x"]
    assert cove.lines("ls", "s3://b/d//") == ["x"]
    assert cove.lines("ls", "s3://b/d/s/") == ["s/", "t"]
    assert cove("cat", "s3://b/d/s/", "s3://b/d//x") == "66666333"


def test_one_file_is_counted_by_two_requests(cove, bucket):  # noqa: F811
    server = bucket({"f": b"12"})
    assert cove.lines("du", "s3://b/f") == ["2\t1\ts3://b/f"]
    assert [r.operation for r in server.requests] == ["HeadObject", "ListObjectsV2"]


def test_rm(cove, bucket):  # noqa: F811
    server = bucket(ODD)
    cove("rm", "s3://b/d/a")
    assert "d/a" not in keys(server) and "d/a/b" in keys(server)
    server = bucket(ODD)
    cove("rm", "s3://b/d/s/")
    assert "d/s/" not in keys(server) and "d/s/t" in keys(server)
    cove("rm", "-r", "s3://b/d/a")
    assert not any(key.startswith("d/a") for key in keys(server))
    cove("rm", "-r", "s3://b/d")
    assert keys(server) == {}


# ---- between stores


@pytest.mark.parametrize("other", [False, True], ids=["one store", "two stores"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_tree_between_stores_keeps_each_name(cove, bucket, other, slash):  # noqa: F811
    server = bucket(ODD)
    target = f"{'s3a' if other else 's3'}://b/to"
    cove("cp", "-r", f"s3://b/d{slash}", target)
    assert keys(server) == {**ODD, **below("to")}
    cove("mv", f"s3://b/d{slash}", f"{'s3a' if other else 's3'}://b/moved")
    assert keys(server) == {**below("to"), **below("moved")}


@pytest.mark.parametrize("verb", [["cp", "-r"], ["mv"]], ids=["cp", "mv"])
def test_a_name_that_is_both_is_carried_as_both(cove, bucket, verb):  # noqa: F811
    server = bucket({"d/a": b"1", "d/a/b": b"2"})
    cove(*verb, "s3://b/d/a", "s3://b/x")
    there = keys(server)
    assert there.pop("x") == b"1" and there.pop("x/b") == b"2"
    assert there == ({} if verb == ["mv"] else {"d/a": b"1", "d/a/b": b"2"})


def test_without_r_a_file_is_a_file(cove, bucket):  # noqa: F811
    server = bucket({"d/a": b"1", "d/a/b": b"2"})
    cove("cp", "s3://b/d/a", "s3://b/x")
    cove("cp", "s3://b/d/a", "x")
    assert "x/b" not in keys(server) and keys(server)["x"] == b"1" and (cove.cwd / "x").read_bytes() == b"1"


# ---- to a disk


def test_markers_become_empty_directories(cove, bucket):  # noqa: F811
    objects = {"d/": b"", "d/a": b"1", "d/e/": b"", "d/e/f/": b""}
    server = bucket(objects)
    cove("cp", "-r", "s3://b/d", "copy")
    assert local(cove.cwd / "copy") == {"a": b"1", "e/f": None}
    cove("mv", "s3://b/d", "moved")
    assert local(cove.cwd / "moved") == {"a": b"1", "e/f": None} and keys(server) == {}


def test_a_lone_marker_is_moved(cove, bucket):  # noqa: F811
    server = bucket({"d/": b""})
    cove("mv", "s3://b/d", "s3://b/e")
    assert keys(server) == {"e/": b""}
    cove("mv", "s3://b/e", "e")
    assert keys(server) == {} and (cove.cwd / "e").is_dir()


MEETING = {
    "a name with an empty part": ({"d//x": b"1", "d/x": b"2"}, "d//x", "d/x"),
    "a dot as a part": ({"d/./x": b"1", "d/x": b"2"}, "d/./x", "d/x"),
    "a file and a directory": ({"d/a": b"1", "d/a/b": b"2"}, "d/a", "d/a/"),
    "a file and an empty directory": ({"d/a": b"1", "d/a/": b""}, "d/a", "d/a/"),
    "a slash at the end": ({"d/s": b"1", "d/s/": b"2"}, "d/s", "d/s/"),
    "deep": ({"d/p/q": b"1", "d/p//q/r": b"2", "d/z": b"3"}, "d/p//q/", "d/p/q"),
}


@pytest.mark.parametrize("verb", [["cp", "-r"], ["mv"]], ids=["cp", "mv"])
@pytest.mark.parametrize("what", MEETING)
def test_names_that_meet_on_a_disk_are_refused_before_anything_is_done(cove, bucket, verb, what):  # noqa: F811
    objects, first, second = MEETING[what]
    server = bucket({**objects, "d/0": b"other"})
    text = cove.error(*verb, "s3://b/d", "to", rc=2)
    assert f"s3://b/{first}" in text and f"s3://b/{second}" in text and "nothing was done" in text and text.count("\n") == 1
    assert keys(server) == {**objects, "d/0": b"other"} and not (cove.cwd / "to").exists()


def test_a_name_that_is_both_does_not_fit_a_disk(cove, bucket):  # noqa: F811
    objects = {"d/a": b"1", "d/a/b": b"2"}
    server = bucket(objects)
    for verb in (["cp", "-r"], ["mv"]):
        text = cove.error(*verb, "s3://b/d/a", "to", rc=2)
        assert "s3://b/d/a and s3://b/d/a/b conflict at" in text
    assert keys(server) == objects and not (cove.cwd / "to").exists()


def test_many_names(cove, bucket):  # noqa: F811
    """More names than the set's first size, with a conflict between the first and the last."""
    objects = {f"d/{i:04}/{i}": b"x" for i in range(700)}
    server = bucket({**objects, "d//0000/0": b"y"})
    assert "s3://b/d//0000/0 and s3://b/d/0000/0 conflict at" in cove.error("mv", "s3://b/d", "to", rc=2)
    assert len(keys(server)) == 701
    server = bucket(objects)
    cove("mv", "-j", "16", "s3://b/d", "to")
    assert keys(server) == {} and len(local(cove.cwd / "to")) == 700


# ---- several sources


@pytest.mark.parametrize("verb", [["cp", "-r"], ["mv"]], ids=["cp", "mv"])
def test_arguments_that_meet_are_refused_before_anything_is_done(cove, verb):  # noqa: F811
    for name in ("0", "p/x", "q/x", "r/in/x", "s/in/x", "s/in/y"):
        (cove.cwd / name).parent.mkdir(parents=True, exist_ok=True)
        (cove.cwd / name).write_text(name)
    before = local(cove.cwd)
    for sources in (["0", "p/x", "q/x"], ["0", "p", "./p"], ["0", "r/.", "s/."], ["0", "r/in", "s/in"]):
        text = cove.error(*verb, *sources, "to/", rc=2)
        assert "conflict at" in text and text.count("\n") == 1
        assert local(cove.cwd) == before
    text = cove.error(*verb, "p/x", "q/x", "to/", rc=2)
    assert "/p/x" in text and "/q/x" in text


def test_contents_that_do_not_meet_are_put_together(cove):  # noqa: F811
    for name in ("r/in/x", "s/in/y"):
        (cove.cwd / name).parent.mkdir(parents=True, exist_ok=True)
        (cove.cwd / name).write_text(name)
    cove("cp", "-r", "r/.", "s/.", "to/")
    assert local(cove.cwd / "to") == {"in/x": b"r/in/x", "in/y": b"s/in/y"}


# ---- two names of one file on a disk: here through a linked directory, elsewhere "A" and "a"


@pytest.mark.parametrize("jobs", [1, 8])
@pytest.mark.parametrize("verb", [["cp", "-r"], ["mv"]], ids=["cp", "mv"])
def test_a_file_that_was_made_is_not_replaced(cove, bucket, verb, jobs):  # noqa: F811
    objects = {"d/A/f": b"first", "d/B/f": b"second", "d/B/g": b"else"}
    server = bucket(objects)
    (cove.cwd / "to" / "d" / "A").mkdir(parents=True)
    (cove.cwd / "to" / "d" / "B").symlink_to("A")
    text = cove.error(*verb, "-j", jobs, "s3://b/d", "to", rc=1)
    assert "another source" in text and text.count("\n") == 1
    made = (cove.cwd / "to" / "d" / "A" / "f").read_bytes()
    left = {key: data for key, data in keys(server).items() if data != made} if verb == ["mv"] else {}
    assert (cove.cwd / "to" / "d" / "A" / "g").read_bytes() == b"else"
    if verb == ["mv"]:
        assert left == {key: data for key, data in objects.items() if data not in (made, b"else")} and len(left) == 1


def test_files_that_were_there_are_replaced(cove, bucket):  # noqa: F811
    """Also two hard links to one file: each name gets a new file."""
    bucket({"d/A": b"first", "d/b": b"second"})
    folder = cove.cwd / "to" / "d"
    folder.mkdir(parents=True)
    (folder / "A").write_bytes(b"old")
    (folder / "b").hardlink_to(folder / "A")
    cove("cp", "-r", "-j", "2", "s3://b/d", "to")
    assert local(folder) == {"A": b"first", "b": b"second"}


def test_empty_directories_of_a_disk(cove, bucket):  # noqa: F811
    server = bucket({})
    (cove.cwd / "d" / "void").mkdir(parents=True)
    (cove.cwd / "d" / "a").write_text("1")
    (cove.cwd / "d" / "link").symlink_to("void")
    cove("cp", "-r", "d", "copy")
    assert local(cove.cwd / "copy") == {"a": b"1", "void": None}
    cove("cp", "-r", "d/void", "empty")
    assert (cove.cwd / "empty").is_dir()
    cove("cp", "-r", "d", "s3://b/d")
    assert keys(server) == {"d/a": b"1"}
