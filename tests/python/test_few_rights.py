"""Accounts that may use one prefix of a bucket only, or may not list: what can be done with these rights is done."""

import subprocess
import sys

import pytest

import env as environment
from cove import GCSFileSystem, S3FileSystem

sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))
import gcs
import store as s3
from server import MockServer


class S3WithoutLists(s3.Store):
    """No one may list."""

    def _refusal(self, r):
        return self.error(r, 403, "AccessDenied") if r.operation.startswith("List") else super()._refusal(r)


@pytest.fixture(params=["gs", "s3"])
def served(request):
    """served(objects, only_below=..., lists=...): a filesystem on a mock of the store."""
    servers = []

    def start(objects, only_below="", lists=True):
        ways = {"only_below": only_below}
        if request.param == "gs":
            ways["lacks_permissions"] = [] if lists else ["storage.objects.list", "storage.buckets.get"]
            kind, filesystem, given = gcs.Store, GCSFileSystem, {"token": "the-token", "project": "p"}
        else:
            kind, filesystem, given = s3.Store if lists else S3WithoutLists, S3FileSystem, {"anon": True}
        servers.append(MockServer(objects, kind=kind, ways=ways).__enter__())
        return filesystem(endpoint_url=servers[-1].endpoint, skip_instance_cache=True, **given)

    yield start
    for server in servers:
        server.__exit__(None, None, None)
        assert server.troubles == []


def test_the_directory_of_the_only_prefix(served, tmp_path):
    """The object of its name may not be asked for; what is below it may, and shows the directory."""
    fs = served({"b/run/a": b"1", "b/run/s/b": b"22"}, only_below="run/")
    assert fs.exists("b/run") and fs.isdir("b/run") and fs.info("b/run")["type"] == "directory"
    assert fs.find("b/run") == ["b/run/a", "b/run/s/b"] and fs.du("b/run") == 3
    fs.get("b/run", str(tmp_path / "got"), recursive=True)
    assert (tmp_path / "got" / "s" / "b").read_bytes() == b"22"
    with pytest.raises(PermissionError):
        fs.exists("b/ru")


def test_one_file_without_the_right_to_list(served, tmp_path):
    fs = served({"b/d/x": b"one", "b/log": b"1"}, lists=False)
    fs.get("b/d/x", str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == b"one"
    fs.put(str(tmp_path / "x"), "b/d/put")
    fs.copy("b/d/x", "b/d/copy")
    fs.mv("b/d/copy", "b/d/moved")
    assert fs.cat(["b/d/put", "b/d/moved"]) == {"b/d/put": b"one", "b/d/moved": b"one"}
    assert not fs.isdir("b/d/x") and fs.isfile("b/d/x")
    assert fs.ls("b/d/x") == fs.find("b/d/x") == ["b/d/x"] and fs.du("b/d/x") == 3
    fs.get("b/d/x", str(tmp_path / "deep"), recursive=True)
    assert (tmp_path / "deep").read_bytes() == b"one"
    with fs.open("b/new", "xb") as f:
        f.write(b"new")
    assert fs.cat_file("b/new") == b"new"
    for missing in (fs.isdir, fs.ls, fs.find, fs.exists):  # that cannot be told
        with pytest.raises(PermissionError):
            missing("b/none")


@pytest.mark.parametrize("name", ["_ls", "_find"])
def test_coroutines_without_the_right_to_list(served, name):
    import asyncio

    fs = served({"b/d/x": b"one"}, lists=False)
    assert asyncio.run(getattr(fs, name)("b/d/x")) == ["b/d/x"]
    with pytest.raises(PermissionError):
        asyncio.run(getattr(fs, name)("b/d/none"))


def test_append_without_the_right_to_list(served):
    fs = served({"b/log": b"1"}, lists=False)
    with fs.open("b/log", "ab") as f:
        f.write(b"2")
    assert fs.cat_file("b/log") == b"12"


def test_append_to_a_new_file_without_the_right_to_list():
    """There is no such object; whether a directory has the name cannot be told."""
    with MockServer({}, kind=S3WithoutLists) as server:
        fs = S3FileSystem(endpoint_url=server.endpoint, skip_instance_cache=True, anon=True)
        with fs.open("b/log", "ab") as f:
            f.write(b"2")
        assert fs.cat_file("b/log") == b"2"


def test_temporary_objects_where_one_prefix_may_be_used():
    """An append to a large object, and an upload that the store composes: their temporary objects lie beside the object, and go."""
    objects = {"b/run/log": b"1" * 300_000, "b/run/small": b"1"}
    with MockServer(objects, kind=gcs.Store, ways={"only_below": "run/"}) as server:
        given = {"endpoint_url": server.endpoint, "token": "the-token", "conditions": "true", "skip_instance_cache": True}
        fs, other = GCSFileSystem(uploads="compose", **given), GCSFileSystem(**given)  # each is refused once
        data = bytes(range(256)) * (70 << 10)  # several parts
        fs.pipe_file("b/run/new", data, mode="create")
        with other.open("b/run/log", "ab") as f:
            f.write(b"2")
        assert fs.cat_file("b/run/new") == data and other.cat_file("b/run/log")[299_999:] == b"12"
        assert server.count("objects.compose") == 2
        assert fs.find("b/run") == ["b/run/log", "b/run/new", "b/run/small"]
        assert not [r for r in server.requests if r.operation == "objects.delete" and not r.key.startswith("run/")]


def test_temporary_objects_that_stayed_beside_theirs(build):
    ended = "cove-0123456789abcdef0123456789abcdef"
    left = [f"b/run/.cove-6c6f67.{ended}.part-00001", f"b/run/.cove-6c6f67.{ended}.part-00002"]  # by a process that was killed
    with MockServer(dict.fromkeys(["b/run/log", *left], b"1"), kind=gcs.Store, ways={"only_below": "run/"}) as server:
        run = [build / "cli" / "cove", "uploads", "--older-than", "0", "-oendpoint_url=" + server.endpoint, "-otoken=t", "gs://b/run"]
        listed = subprocess.run(run, capture_output=True, text=True).stdout
        assert "b/run/log" in listed and ended in listed, listed
        subprocess.run([*run, "--remove"], check=True)
        assert list(server.store.objects) == ["b/run/log"]
