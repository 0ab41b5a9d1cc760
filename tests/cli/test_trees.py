"""Trees with unusual keys, copied, moved and counted by the command: on the mock, which takes every key that Amazon takes."""

import signal
import sys
import time

import pytest
from test_cli import cove  # noqa: F401

import env as environment

sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))
from server import Fault, MockServer


@pytest.fixture
def bucket(cove):
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
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*") if p.is_file() or not any(p.iterdir())}


ODD = {"d/": b"", "d/a": b"1", "d/a/b": b"22", "d/e/": b"", "d/e/f/": b"", "d//x": b"333", "d/x": b"4444", "d/./x": b"5", "d/s/": b"66666", "d/s/t": b"7"}


def below(name, objects=ODD):
    """The objects below d, renamed to be below another name."""
    return {name + key[1:]: data for key, data in objects.items()}


# ---- listing and counting


def test_a_name_that_is_file_and_directory_is_counted_and_found(cove, bucket):
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


def test_a_slash_that_is_part_of_a_name_is_shown(cove, bucket):
    """What is printed names the same object again."""
    bucket(ODD)
    for verb in ("find", "rm -n", "ls -d", "stat"):
        assert "s3://b/d/s/" in cove.lines(*verb.split(), "s3://b/d/s/")[0].split(), verb
    assert cove.lines("du", "s3://b/d/s/") == ["6\t2\ts3://b/d/s/"]
    assert cove.lines("find", "s3://b/d/s/") == ["s3://b/d/s/", "s3://b/d/s/t"]
    assert [entry["path"] for entry in cove.json("find", "s3://b/d/s/")] == ["s3://b/d/s/", "s3://b/d/s/t"]
    for verb in ("stat", "du", "sign"):
        assert cove.json(verb, "s3://b/d/s/")[0]["path"] == "s3://b/d/s/", verb
    assert cove.lines("find", "s3://b/d//") == ["s3://b/d//x"] and cove.lines("find", "s3://b/d/") == cove.lines("find", "s3://b/d")
    assert cove.lines("ls", "s3://b/d//", "s3://b/d/e") == ["s3://b/d//x", "s3://b/d/e/f/"]
    assert cove.lines("du", "s3://b/d//", "s3://b/d") == ["3\t1\ts3://b/d//", f"{sum(map(len, ODD.values()))}\t7\ts3://b/d"]
    assert cove.lines("ls", "-d", "s3://b/d/s*") == ["s3://b/d/s/"]


def test_one_file_is_counted_by_two_requests(cove, bucket):
    server = bucket({"f": b"12"})
    assert cove.lines("du", "s3://b/f") == ["2\t1\ts3://b/f"]
    assert [r.operation for r in server.requests] == ["HeadObject", "ListObjectsV2"]


def test_rm(cove, bucket):
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
def test_a_tree_between_stores_keeps_each_name(cove, bucket, other, slash):
    server = bucket(ODD)
    target = f"{'s3a' if other else 's3'}://b/to"
    cove("cp", "-r", f"s3://b/d{slash}", target)
    assert keys(server) == {**ODD, **below("to")}
    cove("mv", f"s3://b/d{slash}", f"{'s3a' if other else 's3'}://b/moved")
    assert keys(server) == {**below("to"), **below("moved")}


@pytest.mark.parametrize("verb", [["cp", "-r"], ["mv"]], ids=["cp", "mv"])
def test_a_name_that_is_file_and_directory_is_copied_as_both(cove, bucket, verb):
    server = bucket({"d/a": b"1", "d/a/b": b"2"})
    cove(*verb, "s3://b/d/a", "s3://b/x")
    there = keys(server)
    assert there.pop("x") == b"1" and there.pop("x/b") == b"2"
    assert there == ({} if verb == ["mv"] else {"d/a": b"1", "d/a/b": b"2"})


def test_without_r_a_file_is_a_file(cove, bucket):
    server = bucket({"d/a": b"1", "d/a/b": b"2"})
    cove("cp", "s3://b/d/a", "s3://b/x")
    cove("cp", "s3://b/d/a", "x")
    assert "x/b" not in keys(server) and keys(server)["x"] == b"1" and (cove.cwd / "x").read_bytes() == b"1"


# ---- to a disk


@pytest.mark.parametrize("verb", [["cp"], ["cp", "-r"], ["mv"], ["rm"]], ids=" ".join)
def test_an_object_is_read_without_permission_to_list(cove, bucket, tmp_path, verb):
    server = bucket({"k": b"1"})
    server.faults.append(Fault({"on": "ListObjectsV2", "status": 403, "error": ["AccessDenied", "no"], "times": -1}))
    target = [] if verb[0] == "rm" else [str(tmp_path / "k")]
    cove(*verb, "s3://b/k", *target)
    assert set(keys(server)) == ({"k"} if verb[0] == "cp" else set())
    assert verb[0] == "rm" or (tmp_path / "k").read_bytes() == b"1"


def test_markers_become_empty_directories(cove, bucket):
    objects = {"d/": b"", "d/a": b"1", "d/e/": b"", "d/e/f/": b""}
    server = bucket(objects)
    cove("cp", "-r", "s3://b/d", "copy")
    assert local(cove.cwd / "copy") == {"a": b"1", "e/f": None}
    cove("mv", "s3://b/d", "moved")
    assert local(cove.cwd / "moved") == {"a": b"1", "e/f": None} and keys(server) == {}


def test_a_lone_marker_is_moved(cove, bucket):
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
def test_names_that_collide_on_a_disk_are_refused_first(cove, bucket, verb, what):
    objects, first, second = MEETING[what]
    server = bucket({**objects, "d/0": b"other"})
    text = cove.error(*verb, "s3://b/d", "to", rc=2)
    assert f"s3://b/{first}" in text and f"s3://b/{second}" in text and "nothing was done" in text and text.count("\n") == 1
    assert keys(server) == {**objects, "d/0": b"other"} and not (cove.cwd / "to").exists()


@pytest.mark.parametrize("objects", [{"d/z/": b"1"}, {"d/z/": b"1", "d/z/q": b"2"}, {"d//": b"1"}], ids=["alone", "with some below", "no name"])
@pytest.mark.parametrize("verb", [["cp", "-r"], ["mv"]], ids=["cp", "mv"])
def test_a_file_whose_name_ends_in_a_slash_is_refused_on_a_disk(cove, bucket, verb, objects):
    server = bucket({**objects, "d/y": b"other"})
    text = cove.error(*verb, "s3://b/d", "to", rc=1)
    marker = next(iter(objects))
    assert text == f"cove: b/{marker} is not copied: it has bytes, and on a disk a name that ends in a slash has none\n"
    copied = {key[2:]: data for key, data in objects.items() if key != marker} | {"y": b"other"}
    assert {name: data for name, data in local(cove.cwd / "to").items() if data} == copied
    assert keys(server).keys() >= {marker} and (verb != ["mv"] or set(keys(server)) == {marker})


def test_an_object_whose_name_ends_in_a_slash_is_copied_by_name(cove, bucket):
    server = bucket({"d/s/": b"1", "d/s/t": b"2"})
    cove("cp", "-r", "s3://b/d/s/", "s3://b/x")
    assert {key: data for key, data in keys(server).items() if key[0] == "x"} == {"x/": b"1", "x/t": b"2"}
    cove("mv", "s3://b/d/s/", "s3://b/y")
    assert {key: data for key, data in keys(server).items() if key[0] != "x"} == {"y/": b"1", "y/t": b"2"}
    assert "not copied" in cove.error("cp", "-r", "s3://b/y/", "to", rc=1) and local(cove.cwd / "to") == {"t": b"2"}


def test_links_are_moved_before_the_files_that_they_lead_to(cove, bucket):
    server = bucket({})
    (cove.cwd / "d" / "e").mkdir(parents=True)
    (cove.cwd / "d" / "a.ckpt").write_text("1")
    for link, target in (("d/last.ckpt", "a.ckpt"), ("d/e/last.ckpt", "../a.ckpt"), ("other", "d/a.ckpt")):
        (cove.cwd / link).symlink_to(target)
    cove("mv", "-j", "1", "d", "other", "s3://b/to/")
    assert keys(server) == {f"to/{name}": b"1" for name in ("d/a.ckpt", "d/last.ckpt", "d/e/last.ckpt", "other")}
    assert list(cove.cwd.iterdir()) == []


def test_a_repeated_source_is_copied_once(cove):
    for name in ("a1", "a2"):
        (cove.cwd / name).write_text(name)
    cove("cp", "a1", "./a1", "a*", "*1", "t/")
    cove("mv", "t/a1", "t/*", "u/")
    assert local(cove.cwd / "u") == {"a1": b"a1", "a2": b"a2"} and local(cove.cwd / "t") == {}


def test_a_name_that_is_file_and_directory_is_refused_on_a_disk(cove, bucket):
    objects = {"d/a": b"1", "d/a/b": b"2"}
    server = bucket(objects)
    for verb in (["cp", "-r"], ["mv"]):
        text = cove.error(*verb, "s3://b/d/a", "to", rc=2)
        assert "s3://b/d/a and s3://b/d/a/b conflict at" in text
    assert keys(server) == objects and not (cove.cwd / "to").exists()


def test_many_names(cove, bucket):
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
def test_arguments_with_colliding_targets_are_refused_first(cove, verb):
    for name in ("0", "p/x", "q/x", "z/p/x", "r/in/x", "s/in/x", "s/in/y"):
        (cove.cwd / name).parent.mkdir(parents=True, exist_ok=True)
        (cove.cwd / name).write_text(name)
    before = local(cove.cwd)
    for sources in (["0", "p/x", "q/x"], ["0", "p", "z/p"], ["0", "r/.", "s/."], ["0", "r/in", "s/in"]):
        text = cove.error(*verb, *sources, "to/", rc=2)
        assert "conflict at" in text and text.count("\n") == 1
        assert local(cove.cwd) == before
    text = cove.error(*verb, "p/x", "q/x", "to/", rc=2)
    assert "/p/x" in text and "/q/x" in text


def test_contents_without_collisions_are_merged(cove):
    for name in ("r/in/x", "s/in/y"):
        (cove.cwd / name).parent.mkdir(parents=True, exist_ok=True)
        (cove.cwd / name).write_text(name)
    cove("cp", "-r", "r/.", "s/.", "to/")
    assert local(cove.cwd / "to") == {"in/x": b"r/in/x", "in/y": b"s/in/y"}


# ---- two names of one file on a disk: here through a linked directory, elsewhere "A" and "a"


@pytest.mark.parametrize("jobs", [1, 8])
@pytest.mark.parametrize("verb", [["cp", "-r"], ["mv"]], ids=["cp", "mv"])
def test_a_file_that_was_made_is_not_replaced(cove, bucket, verb, jobs):
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


SIMILAR = [("\u4e00", "\u4e8c"), ("A", "a"), ("d\u00e9/x", "d\u00e8/x")]


@pytest.mark.parametrize("first, second", SIMILAR)
def test_names_that_differ_on_a_disk_are_copied_in_parallel(cove, bucket, first, second):
    server = bucket({f"d/{first}": b"1", f"d/{second}": b"2"})
    server.faults.append(Fault({"on": "GetObject", "times": 1, "stall_after": 0}))  # the one that comes first
    process = cove.start("cp", "-o", "read_timeout=1h", "-r", "-j", "2", "s3://b/d", "to")
    until = time.monotonic() + 60
    try:
        while not any((cove.cwd / "to" / name).exists() for name in (first, second)):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 130
    finally:
        process.kill()
        process.communicate()
    assert list((cove.cwd / "to").rglob(".*")) == []


@pytest.mark.parametrize("first, second", SIMILAR)
def test_names_that_are_equal_on_a_disk_are_copied_in_order(cove, bucket, build, first, second):
    server = bucket({f"d/{first}": b"1", f"d/{second}": b"2"})
    cove.environ.update(LD_PRELOAD=str(build / "tests" / "fault" / "filefail.so"), FILEFAIL="case")
    server.faults.append(Fault({"on": "GetObject", "times": -1, "delay_ms": 50}))
    cove("cp", "-r", "-j", "2", "s3://b/d", "to")
    assert local(cove.cwd / "to") == {first: b"1", second: b"2"}  # so that both are seen; the disk is none of these
    assert [r.beside for r in server.requests if r.operation == "GetObject"] == [1, 1]


def test_existing_files_are_replaced(cove, bucket):
    """Also two hard links to one file: each name gets a new file."""
    bucket({"d/A": b"first", "d/b": b"second"})
    folder = cove.cwd / "to" / "d"
    folder.mkdir(parents=True)
    (folder / "A").write_bytes(b"old")
    (folder / "b").hardlink_to(folder / "A")
    cove("cp", "-r", "-j", "2", "s3://b/d", "to")
    assert local(folder) == {"A": b"first", "b": b"second"}


def test_empty_directories_of_a_disk(cove, bucket):
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


def test_schemes_in_capitals(cove, bucket, tmp_path):
    """RFC 3986, 3.1: they are case-insensitive. So a tree is not copied into itself, and options are found."""
    server = bucket({"x": b"1"})
    assert cove("cat", "S3://b/x") == "1"
    cove("mv", "S3://b/x", "s3a://b/y")
    assert keys(server) == {"y": b"1"}
    cove("cp", "S3A://b/y", f"File://{tmp_path}/z")
    assert (tmp_path / "z").read_text() == "1"
    assert "itself" in cove.error("cp", "-r", "s3://b", "S3://b/copy", rc=2)
    cove("ls", "-o", "region=eu-west-1", "S3://b/")
    assert "two slashes" in cove.error("ls", "S3:/b", rc=2)
    assert cove("fs", "S3") == cove("fs", "s3")
