"""Versions, signed URLs and buckets on a real store (MinIO). The contract suite tests metadata and tags."""

import hashlib
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mock"))

from probe_run import probe
from store import pattern


@pytest.fixture
def ask(minio):
    """ask(verb, path…): one call of the library against MinIO."""
    return lambda *call, **options: probe(*call, environ=minio.environ, options=options)


@pytest.fixture(scope="module")
def versioned(minio):
    """A bucket that keeps versions, empty."""
    assert probe("mkdir", "s3://versioned", environ=minio.environ).ok
    minio.keep_versions("versioned")
    return "s3://versioned"


def fetch(url, method="GET", body=None, headers=()):
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers))
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
        return response.read()


# ---- versions


def test_versions(ask, versioned):
    path = f"{versioned}/run/a b.ckpt"
    for size in (3, 5000, 70000):
        assert ask("put", path, size).ok
    assert ask("put", path + ".more", 1).ok
    assert ask("rm", path).ok
    assert ask("stat", path).code == "COVE_ENOTFOUND"
    listed = [line.split() for line in ask("versions", path).names]
    assert [(int(size), flags) for _, size, *flags in listed] == [(0, ["latest", "deleted"]), (70000, []), (5000, []), (3, [])]
    gone, newest, middle, oldest = (f"{path}?versionId={id}" for id, *_ in listed)

    # Each can be asked for, read as a whole, by ranges and as a stream; the response names this version.
    aware = {"version_aware": "true"}
    assert [ask("stat", v, **aware).value for v in (newest, middle, oldest)] == [70000, 5000, 3]
    assert ask("describe", middle, **aware).names[0] == f"version: {listed[2][0]}"
    assert ask("get", newest, **aware).data == pattern(70000) and ask("read", middle, **aware).data == pattern(5000)
    assert ask("range", newest, -10, 10, **aware).data == pattern(70000)[-10:]
    # Without the option it is a name like any other.
    assert ask("stat", newest).code == "COVE_ENOTFOUND"
    # The mark of the deletion is there, but there is nothing to read.
    assert ask("stat", gone, **aware).value == 0 and ask("get", gone, **aware).code == "COVE_ENOTFOUND"

    # Two ways back: a copy of an older version, and the mark's removal.
    assert ask("copy", oldest, path, **aware).ok and ask("get", path).data == pattern(3)
    assert ask("rm", f"{path}?versionId={ask('versions', path).names[0].split()[0]}", **aware).ok
    assert ask("stat", path).code == "COVE_ENOTFOUND"
    assert ask("rm", gone, **aware).ok and ask("stat", path).value == 70000
    assert ask("rm", newest, **aware).ok and ask("stat", path).value == 5000
    assert [line.split()[1:] for line in ask("versions", path).names] == [["5000", "latest"], ["3"]]
    assert ask("stat", newest, **aware).code == "COVE_ENOTFOUND"


def test_a_writer_tells_which_version_it_made(ask, versioned):
    path = f"{versioned}/told"
    made = [ask("write", path, size) for size in (3, 30_000_000)]  # one request; parts
    assert all(m.ok and len(m.names) == 1 for m in made)
    assert [line.split()[:2] for line in ask("versions", path).names] == [[m.names[0], str(size)] for m, size in zip(made[::-1], (30_000_000, 3))]


def test_a_version_cannot_be_changed(ask, versioned):
    path = f"{versioned}/fixed"
    assert ask("put", path, 3).ok
    version = f"{path}?versionId={ask('versions', path).names[0].split()[0]}"
    for call in (
        ["put", version, 1],
        ["write", version, 9000000],
        ["append", version, "x"],
        ["set_metadata", version, "a=1"],
        ["move", version, path + "2"],
        ["copy", path, version],
        ["sign", version, "PUT", 60],
    ):
        assert ask(*call, version_aware="true").code == "COVE_EINVAL", call
    assert len(ask("versions", path).names) == 1


def test_many_versions(ask, versioned, minio):
    """More than one page of them."""
    for i in range(1003):
        minio.ask("PUT", "/versioned/many", b"%d" % i)
    listed = [line.split()[1:] for line in ask("versions", f"{versioned}/many").names]
    assert len(listed) == 1003 and listed[0] == ["4", "latest"] and listed[-1] == ["1"]


def test_tags_of_a_version(ask, versioned):
    path = f"{versioned}/tagged"
    assert ask("put", path, 1).ok and ask("put", path, 2).ok
    older = f"{path}?versionId={ask('versions', path).names[1].split()[0]}"
    assert ask("set_tags", older, "stage=old", version_aware="true").ok
    assert ask("tags", older, version_aware="true").names == ["stage=old"] and ask("tags", path).names == []


# ---- signed URLs


def test_signed_urls(ask, minio):
    path = "s3://cove/signed/a b+c.bin"
    (url,) = ask("sign", path, "PUT", 60).names
    fetch(url, "PUT", b"hello")
    assert ask("get", path).data == b"hello"
    (url,) = ask("sign", path, "GET", 60).names
    assert fetch(url) == b"hello"
    assert fetch(url, headers=[("Range", "bytes=1-2")]) == b"el"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(url, "PUT", b"not what it is for")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
    assert minio.SECRET_KEY not in url
    (url,) = ask("sign", path, "HEAD", 60).names
    assert fetch(url, "HEAD") == b""
    (url,) = ask("sign", path, "DELETE", 60).names
    fetch(url, "DELETE")
    assert ask("stat", path).code == "COVE_ENOTFOUND"


def test_a_signed_version(ask, versioned):
    path = f"{versioned}/signed"
    assert ask("put", path, 1).ok and ask("put", path, 2).ok
    older = f"{path}?versionId={ask('versions', path).names[1].split()[0]}"
    (url,) = ask("sign", older, "GET", 60, version_aware="true").names
    assert fetch(url) == pattern(1)


# ---- metadata of what is large


def test_metadata_of_a_large_object(ask, minio):
    """Copied onto itself in parts: the bytes are the same."""
    path, size = "s3://cove/large", 12_000_000
    assert ask("new", path, size, "text/x", "kept=1", "old=2").ok
    assert ask("set_metadata", path, "old", "new=3", copy_part_threshold="5MiB").ok
    assert ask("describe", path).names[-3:] == ["type: text/x", "kept=1", "new=3"]
    assert hashlib.sha256(ask("get", path).data).digest() == hashlib.sha256(pattern(size)).digest()


# ---- buckets


def test_buckets(ask):
    assert ask("mkdir", "s3://fresh-bucket").ok
    assert "fresh-bucket" in ask("list", "s3://").names
    assert ask("put", "s3://fresh-bucket/f", 1).ok
    assert ask("rm", "s3://fresh-bucket").code == "COVE_ENOTEMPTY"
    assert ask("rm", "s3://fresh-bucket/f").ok and ask("rm", "s3://fresh-bucket").ok
    assert "fresh-bucket" not in ask("list", "s3://").names
    assert ask("rm", "s3://fresh-bucket").code == "COVE_ENOTFOUND"
