"""The command on the mock of Google Cloud Storage: folders of buckets with a hierarchical namespace, and warnings."""

import pytest
from test_endless import run

import env as environment
import gcs
from probe_run import probe
from server import MockServer
from servers.google_key import key_file

HIERARCHICAL = {"hierarchicalNamespace": {"enabled": True}}


@pytest.fixture
def server(request):
    """Two buckets with folders, or those that the test names."""
    buckets = getattr(request, "param", {"b": HIERARCHICAL, "other": HIERARCHICAL})
    with MockServer(kind=gcs.Store, buckets=buckets) as server:
        yield server
        assert server.troubles == []


def cove(server, *args, rc=0, token="anon"):
    program = environment.build_dir() / "cli" / "cove"
    done = run([program, *args], server, {"STORAGE_EMULATOR_HOST": server.endpoint, "FSSPEC_GCS_TOKEN": token, "COVE_GCS_CONDITIONS": "true"})
    assert done.returncode == rc, done
    return done


def folders(server, bucket="b"):
    return sorted(server.store.buckets[bucket].folders)


def names(server):
    return sorted(server.store.objects)


def make(server, *paths):
    """Objects, and folders where a path ends in a slash."""
    for path in paths:
        if path.endswith("/"):
            cove(server, "mkdir", "gs://" + path)
        else:
            server.store.put(path, path.encode())


FLAT = pytest.mark.parametrize("server", [{"b": {}, "other": {}}], indirect=True, ids=["flat"])


# ---- warnings


def test_a_warning_is_shown_once_and_not_with_quiet(server, tmp_path):
    """Two filesystems use the same file."""
    key = key_file(tmp_path, token_uri=server.endpoint + "/token")
    key.chmod(0o644)
    line = f"cove: warning: {key}: other users can read these credentials"
    args = "ls", "-o", f"token={key}", "gs://b", "gs://other"
    assert cove(server, *args).stderr.count(line) == 1
    assert cove(server, *args, "-q").stderr == ""
    assert f"cove: warning: credentials: {key}" in cove(server, *args, "-v").stderr


def test_missing_credentials_are_told_once(server):
    """By the error alone: no warning repeats it."""
    args = "ls", "-o", "token=/missing/key.json", "gs://b"
    error = "cove: list gs://b: credentials of /missing/key.json (the option token): there is no such file\n"
    assert cove(server, *args, rc=4).stderr == error
    assert "new credentials: credentials of /missing/key.json" in cove(server, *args, "-v", rc=4).stderr


# ---- mkdir


def test_mkdir_says_that_nothing_was_made_only_where_that_is_so(server):
    assert cove(server, "mkdir", "gs://b/d").stderr == "" and folders(server) == ["d/"]


@FLAT
def test_mkdir_says_that_nothing_was_made(server):
    assert "has no directories" in cove(server, "mkdir", "gs://b/d").stderr and folders(server) == []


# ---- moves


def test_a_folder_is_renamed_by_one_operation(server):
    make(server, "b/d/x", "b/d/empty/")
    cove(server, "mv", "gs://b/d", "gs://b/e")
    assert names(server) == ["b/e/x"] and folders(server) == ["e/", "e/empty/"]
    assert server.count("folders.rename") == 1 and server.count("objects.move") == server.count("objects.delete") == 0


def test_an_empty_folder_is_moved_into_another(server):
    make(server, "b/d/", "b/e/")
    assert '"to":"gs://b/e/d"' in cove(server, "mv", "--json", "gs://b/d", "gs://b/e").stdout
    assert folders(server) == ["e/", "e/d/"]


def test_a_folder_is_not_moved_onto_one_that_is_not_empty(server):
    """As on a disk."""
    make(server, "b/d/x", "b/e/d/y")
    assert "not empty" in cove(server, "mv", "gs://b/d", "gs://b/e", rc=1).stderr
    assert names(server) == ["b/d/x", "b/e/d/y"]


@pytest.mark.parametrize("verb", [["mv"], ["cp", "-r"]], ids=["mv", "cp"])
def test_empty_folders_are_made_in_another_bucket(server, verb):
    make(server, "b/d/x", "b/d/empty/", "b/d/full/y", "b/d/z/below/")
    cove(server, *verb, "gs://b/d", "gs://other/d")
    assert folders(server, "other") == ["d/", "d/empty/", "d/full/", "d/z/", "d/z/below/"]
    assert [name for name in names(server) if name.startswith("other/")] == ["other/d/full/y", "other/d/x"]
    assert folders(server) == ([] if verb == ["mv"] else ["d/", "d/empty/", "d/full/", "d/z/", "d/z/below/"])


def test_empty_directories_of_a_disk_are_made_as_folders(server, tmp_path):
    for path in ("d/empty", "d/full", "d/z/below"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "d" / "full" / "x").write_bytes(b"x")
    cove(server, "cp", "-r", tmp_path / "d", "gs://b/d")
    assert folders(server) == ["d/", "d/empty/", "d/full/", "d/z/", "d/z/below/"] and names(server) == ["b/d/full/x"]


@FLAT
def test_a_directory_of_names_is_moved_file_by_file(server):
    make(server, "b/d/x", "b/d/y/z")
    cove(server, "mv", "gs://b/d", "gs://b/e")
    assert names(server) == ["b/e/x", "b/e/y/z"] and server.count("folders.rename") == 0


@pytest.mark.parametrize("verb", [["mv"], ["cp", "-r"]], ids=["mv", "cp"])
@pytest.mark.parametrize("target", ["gs://b/file", "gs://b/e"], ids=["itself", "below"])
def test_a_directory_does_not_go_where_a_file_is(server, verb, target):
    make(server, "b/d/x", "b/file", "b/e/d")
    before = names(server), folders(server)
    file = target if target.endswith("file") else target + "/d"
    assert f"gs://b/d is a directory, and {file} is a file" in cove(server, *verb, "gs://b/d", target, rc=1).stderr
    assert (names(server), folders(server)) == before


def test_a_move_between_buckets_keeps_empty_folders(server):
    """By the library, whose move is one call."""
    make(server, "b/d/x", "b/d/empty/", "b/d/z/below/")
    options = {"endpoint_url": server.endpoint, "token": "anon", "conditions": "true"}
    assert probe("move", "gs://b/d", "gs://other/e", options=options).code == "COVE_OK"
    assert names(server) == ["other/e/x"] and folders(server) == []
    assert folders(server, "other") == ["e/", "e/empty/", "e/z/", "e/z/below/"]


# ---- removals


def test_an_emptied_bucket_has_no_folders(server):
    """With what is in no folder; a folder goes by one operation."""
    make(server, "b/d/x", "b/d/s/y", "b/empty/below/", "b/loose")
    cove(server, "rm", "-r", "--force", "gs://b")
    assert names(server) == folders(server) == []
    assert server.count("folders.deleteRecursive") == 2


def test_a_bucket_that_has_only_folders_is_not_empty(server):
    make(server, "b/empty/")
    assert "is not empty: rm -r --force removes" in cove(server, "rm", "-d", "gs://b", rc=1).stderr
    outcome = probe("rm", "gs://b", options={"endpoint_url": server.endpoint, "token": "anon"})
    assert outcome.code == "COVE_ENOTEMPTY" and "no objects, but folders" in outcome.text
    cove(server, "rm", "-r", "--force", "gs://b")
    cove(server, "rm", "-d", "gs://b")
    assert "b" not in server.store.buckets


@FLAT
def test_refused_names_keep_no_others_from_being_removed(server):
    """In batches of 100."""
    for n in range(250):
        server.store.put(f"b/m/{n:03}", b"x")
    held = [f"m/{n:03}" for n in range(250) if n % 10 == 7]
    server.begin_faults([{"on": "batch", "times": -1, "key_errors": {name: [403, "forbidden", "denied"] for name in held}}])
    done = cove(server, "rm", "-r", "gs://b/m", rc=4)
    assert "25 could not be deleted, the first: m/007 (forbidden: denied)" in done.stderr and "tried" not in done.stderr
    assert names(server) == ["b/" + name for name in held]


def test_control_characters_of_metadata_are_not_shown(server):
    """Others have written it."""
    server.store.put("b/k", b"x").metadata["a\x1b[31m"] = "b"
    assert "meta   a?[31m=b\n" in cove(server, "stat", "gs://b/k").stdout
