"""What rm and mv remove and what they keep: names, patterns, buckets, links; on local files, on MinIO and on the mock."""

import sys
from contextlib import contextmanager

import pytest
from test_cli import cove, get, is_s3, put, root  # noqa: F401

import env as environment


@contextmanager
def mock(objects, faults=()):
    """A mock store, and the options to use it."""
    sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))
    from server import MockServer

    with MockServer(objects, faults) as server:
        options = (("endpoint_url", server.endpoint), ("key", "k"), ("secret", "s"), ("store", "aws"))
        yield server, [o for pair in options for o in ("-o", "=".join(pair))]


def test_removal_by_name_removes_nothing_else(cove, root):
    """The second time the name is gone, and as a pattern it would match the other."""
    for path in ("run[1]/x", "run1/x", "a[1].txt", "a1.txt"):
        put(cove, f"{root}/{path}", path)
    for args in (["rm", "-r", f"{root}/run[1]"], ["rm", f"{root}/a[1].txt"]):
        cove(*args)
        assert "nothing has this name" in cove.error(*args, rc=3)
        assert "nothing has this name" in cove.error(args[0], "-n", *args[1:], rc=3)
    for target in ("moved", "moved/", f"{root}/moved"):
        assert "nothing has this name" in cove.error("mv", f"{root}/run[1]", target, rc=3)
    assert cove.lines("find", root) == [f"{root}/a1.txt", f"{root}/run1/x"]
    assert cove.lines("ls", f"{root}/a[1].txt") == [f"{root}/a1.txt"] and get(cove, f"{root}/run[1]/x") == b"run1/x"
    cove("rm", f"{root}/a[1].t*")
    assert cove.lines("find", root) == [f"{root}/run1/x"]


@pytest.mark.parametrize("here, other", [("run[1]", "run1"), ("r{a,b}", "ra"), ("r*", "run"), ("r?", "ra"), ("r[", "r"), ("[!a]]}", "b]}")])
def test_the_working_directory_is_no_pattern(cove, here, other):
    for name in (here, other):
        (cove.cwd / name).mkdir()
    (cove.cwd / here / "mine").touch()
    (cove.cwd / other / "x").touch()
    above, cove.cwd = cove.cwd, cove.cwd / here
    for args in (["rm", "x"], ["cat", "x"], ["ls", "x"], ["mv", "x", "y"], ["cat", "./x*"]):
        cove.error(*args, rc=3)
    assert cove.lines("ls", "*") == ["mine"] and cove.lines("find", "m*") == ["mine"]
    cove("cp", "*", "copy/")
    assert [p.name for p in (above / here / "copy").iterdir()] == ["mine"]
    cove("rm", "-r", "*")
    assert list((above / here).iterdir()) == [] and [p.name for p in (above / other).iterdir()] == ["x"]
    assert cove.lines("ls", "../[r-sb]*/x") == [f"../{other}/x"]


def test_rm(cove, root):
    for name in ("a1", "a2", "b", "d/1", "d/e/2"):
        put(cove, f"{root}/{name}", name)
    assert cove.lines("rm", "-n", f"{root}/a*") == [f"{root}/a1", f"{root}/a2"]
    cove("rm", f"{root}/a*")
    assert cove.lines("ls", root) == ["b", "d/"]
    assert "needs -r" in cove.error("rm", f"{root}/d", rc=1)
    assert cove.json("rm", "-r", f"{root}/d") == [{"removed": f"{root}/d"}]
    assert cove.lines("ls", root) == ["b"]


def test_rm_refuses_dangerous_arguments(cove, root):
    put(cove, f"{root}/a", "kept")
    if is_s3(root):
        bucket = "/".join(root.split("/")[:3])
        assert "--force" in cove.error("mv", bucket, "x", rc=2)
        for url in (bucket, bucket + "/", bucket + "//"):
            assert "--force" in cove.error("rm", "-r", url, rc=2)
    for path in ("/", "//", "file:///", ".", "..", cove.cwd, f"{cove.cwd}/..", "../" + cove.cwd.name):
        assert "--force" in cove.error("rm", "-r", path, rc=2)
    assert get(cove, f"{root}/a") == b"kept"


def test_rm_of_empty_directories(cove, root):
    put(cove, f"{root}/d/x", "1")
    assert "needs -r, or -d" in cove.error("rm", f"{root}/d", rc=1)
    cove.error("rm", "-d", f"{root}/d", rc=1)
    assert get(cove, f"{root}/d/x") == b"1"
    (cove.cwd / "empty").mkdir()
    cove("rm", "-d", "empty")
    assert not (cove.cwd / "empty").exists()
    assert "cannot be combined" in cove.error("rm", "-d", "-r", f"{root}/d", rc=2)


def test_rm_d_of_a_full_directory_names_the_option(cove, root):
    put(cove, f"{root}/d/x", "1")
    for dry in ([], ["-n"]):
        assert cove.error("rm", "-d", *dry, f"{root}/d", rc=1) == f"cove: {root}/d is not empty: rm -r removes it with what is in it\n"
    assert get(cove, f"{root}/d/x") == b"1"
    with mock({"b/k": b"1", "c/d/": b""}) as (server, options):
        for dry in ([], ["-n"]):
            assert cove.error("rm", *options, "-d", *dry, "s3://b", rc=1) == "cove: s3://b is not empty: rm -r --force removes what is in it\n"
        assert cove.lines("rm", *options, "-d", "-n", "s3://c/d") == ["s3://c/d"]  # its mark is all that there is
        assert server.count("DeleteBucket") == 1 and sorted(server.store.objects) == ["b/k", "c/d/"]
    fault = {"on": "DeleteBucket", "times": -1, "status": 409, "body": "<Error><Code>BucketNotEmpty</Code></Error>"}
    with mock({"b/k": b"1"}, [fault]) as (_, options):
        cove("rm", *options, "s3://b/k")
        assert "older versions or unfinished uploads" in cove.error("rm", *options, "-d", "s3://b", rc=1)


def test_mv_keeps_a_source_that_was_replaced_meanwhile(cove):
    """From a store and within it, for a file and a folder."""
    for source, target, read in (
        ("s3://b/d/k", "here", "GetObject"),
        ("s3://b/d", "there", "GetObject"),
        ("s3://b/d/k", "s3://b/e", "CopyObject"),
        ("s3://b/d", "s3://b/f", "CopyObject"),
    ):
        with mock({"b/d/k": b"old"}, [{"on": "DeleteObjects?", "meanwhile": {"b/d/k": "new"}}]) as (server, options):
            assert "changed meanwhile" in cove.error("mv", *options, source, target, rc=1)
        assert server.count(read) == 1 and server.store.objects["b/d/k"][0] == b"new"


def test_a_bucket_stays(cove):
    with mock({"b/d/k": b"1", "b/d/empty/": b"", "b/x": b"2"}) as (server, options):
        cove("mv", *options, "--force", "s3://b", "local")
        assert sorted(server.store.objects) == [] and server.count("DeleteBucket") == 0
        cove("rm", *options, "-r", "--force", "s3://b")
        assert "b" in server.store.buckets
        cove("rm", *options, "-d", "s3://b")
        assert server.store.buckets == set()


STAYS = "cove: note: the bucket s3://b stays, empty: rm -d removes it\n"


def test_the_note_on_a_bucket_that_stays(cove):
    with mock({"b/k": b"1"}) as (server, options):
        for args in (["rm", "-r"], ["rm", "--force"], ["rm"]):
            assert cove.error(*args, *options, "s3://b", rc=2) == (
                "cove: s3://b is a whole bucket: emptying it needs -r --force (rm -d removes an empty bucket)\n"
            )
        assert "moving what is in it needs --force (the bucket itself stays)" in cove.error("mv", *options, "s3://b", "x", rc=2)
        assert cove.lines("rm", *options, "-n", "-r", "--force", "s3://b") == ["s3://b/*"]
        assert cove.json("rm", *options, "-n", "-r", "--force", "s3://b") == [{"would_empty": "s3://b"}]
        assert cove.error("mv", *options, "--force", "s3://b", "moved", rc=0) == STAYS and server.store.objects == {}
        assert cove.error("mv", *options, "-q", "--force", "s3://b", "moved", rc=0) == ""
        assert cove.error("rm", *options, "-r", "--force", "s3://b", rc=0) == STAYS
        assert cove.json("rm", *options, "-r", "--force", "s3://b") == [{"emptied": "s3://b"}]
        assert cove.lines("rm", *options, "-n", "-d", "s3://b") == ["s3://b"]
        assert cove.json("rm", *options, "-d", "s3://b") == [{"removed": "s3://b"}]
    assert cove.json("rm", "-r", "--force", "memory://") == [{"emptied": "memory://"}]


def test_mv_within_a_store_carries_markers(cove):
    with mock({"b/d/": b"", "b/d/sub/": b"", "b/d/sub/x": b"1", "b/d/empty/": b""}) as (server, options):
        cove("mv", *options, "s3://b/d", "s3://b/e")
        assert sorted(server.store.objects) == ["b/e/", "b/e/empty/", "b/e/sub/", "b/e/sub/x"]


def test_rm_of_a_link_keeps_its_target(cove):
    (cove.cwd / "d").mkdir()
    (cove.cwd / "d" / "x").write_text("kept")
    (cove.cwd / "l").symlink_to("d")
    (cove.cwd / "dangling").symlink_to("nowhere")
    cove("rm", "l", "dangling")
    assert [p.name for p in cove.cwd.iterdir()] == ["d"] and (cove.cwd / "d" / "x").exists()


def test_uploads_reports_what_it_skipped(cove):
    with mock({"b/k": b"1"}) as (_, options):
        assert cove.error("uploads", *options, "s3://b", rc=0) == "cove: 0 unfinished uploads older than 1d (--older-than 0: of any age)\n"
        assert cove.error("uploads", *options, "--older-than", "0", "s3://b", rc=0) == "cove: 0 unfinished uploads\n"
        assert "name a bucket" in cove.error("uploads", *options, "s3://", rc=2)


def test_uploads_removes_the_others_after_a_failure(cove):
    """The store refuses to remove the first; the next run would come to it first again."""
    with mock({}) as (server, options):
        from store import error_response

        abort = server.store.do_AbortMultipartUpload
        server.store.do_AbortMultipartUpload = lambda r: error_response(403, "AccessDenied") if r.key == "k0" else abort(r)
        server.store.uploads.update({f"u{i}": (f"b/k{i}", {}, {}) for i in range(3)})
        message = cove.error("uploads", *options, "--remove", "--older-than", "0", "s3://b", rc=4)
        assert "abort s3://b/k0" in message and "2 unfinished uploads removed" in message
        assert list(server.store.uploads) == ["u0"]


@pytest.mark.parametrize("args", [["ls", "s3://lightn*"], ["cp", "s3://lightn*", "x"], ["mv", "s3://lightn*", "x"], ["rm", "s3://lightn*"]])
def test_a_filesystem_that_cannot_be_opened_is_reported_once(cove, args):
    assert cove.error(*args, rc=2).count("cove: ") == 1
