"""Versions and snapshots of blobs, in an account that keeps them: lists, reads, copies and removals of one, in C and in Python."""

import sys

import pytest

import azure
import env as environment
from server import MockServer
from test_azure_mock import call

AWARE = {"version_aware": "true"}


@pytest.fixture
def server():
    with MockServer(kind=azure.Store, ways={"versions": True, "page": 2}) as server:
        for data in (b"1", b"22", b"333"):
            server.store.put("b/d/k", data)
        server.store.put("b/d/k.more", b"x")
        server.store.put("b/d/gone", b"gone")
        server.store.drop("b/d/gone")
        yield server
        assert server.troubles == []


def ids(server, path="d/k"):
    """From the oldest on."""
    at = server.store.containers["b"]
    return [blob.version_id for blob in [*at.versions.get(path, []), *([at.live[path]] if path in at.live else [])]]


def test_the_list(server):
    first, second, last = ids(server)
    assert call(server, "versions", "az://b/d/k").names == [f"{last} 3 latest", f"{second} 2", f"{first} 1"]
    assert call(server, "versions", "az://b/d/gone").names == [f"{ids(server, 'd/gone')[0]} 4"]
    assert call(server, "versions", "az://b/d/none").code == "COVE_ENOTFOUND"
    found = call(server, "findversions", "az://b/d").names
    assert found == [
        f"b/d/gone {ids(server, 'd/gone')[0]} 4", f"b/d/k {first} 1", f"b/d/k {second} 2", f"b/d/k {last} 3 latest",
        f"b/d/k.more {ids(server, 'd/k.more')[0]} 1 latest",
    ]  # fmt: skip


def test_one_version(server):
    first, second, last = ids(server)
    at = f"az://b/d/k?versionid={first}"
    assert call(server, "get", at, **AWARE).data == b"1" and call(server, "range", at, 0, 1, **AWARE).data == b"1"
    assert call(server, "look", at, **AWARE).value == 1
    assert call(server, "copy", at, "b/back", **AWARE).ok and server.store.objects["b/back"][0] == b"1"
    assert call(server, "append", at, "x", **AWARE).code == "COVE_EINVAL"
    assert call(server, "rm", at, **AWARE).ok and ids(server) == [second, last] and server.store.objects["b/d/k"][0] == b"333"
    assert call(server, "get", at, **AWARE).code == "COVE_ENOTFOUND"
    assert call(server, "rmfiles", f"az://b/d/k?versionid={second}", "b/d/k.more", **AWARE).ok
    assert ids(server) == [last] and "b/d/k.more" not in server.store.objects
    assert call(server, "get", f"az://b/d/k?versionid={last}").code == "COVE_ENOTFOUND"  # a name, without the option


def test_a_snapshot(server):
    taken = server.store.snap("b", "d/k").snapshot
    server.store.put("b/d/k", b"4444")
    at = f"az://b/d/k?snapshot={taken}"
    assert call(server, "get", at, **AWARE).data == b"333" and call(server, "look", at, **AWARE).value == 3
    assert call(server, "copy", at, "b/back", **AWARE).ok and server.store.objects["b/back"][0] == b"333"
    url = call(server, "sign", at, "GET", "60", **AWARE).names[0]
    assert "sr=bs" in url and "&snapshot=" in url.replace("?", "&")
    assert call(server, "rmfiles", at, "b/d/k.more", **AWARE).ok
    assert not server.store.containers["b"].snapshots["d/k"] and server.store.objects["b/d/k"][0] == b"4444"
    again = server.store.snap("b", "d/k").snapshot
    assert call(server, "rm", f"az://b/d/k?snapshot={again}", **AWARE).ok and server.store.objects["b/d/k"][0] == b"4444"


@pytest.fixture
def fs(server):
    if not (environment.build_dir() / "python" / "cove").exists():
        pytest.skip("this build has no Python package")
    sys.path.insert(0, str(environment.build_dir() / "python"))
    from cove.azure import AzureBlobFileSystem

    return AzureBlobFileSystem(**azure.OPTIONS, endpoint_url=server.endpoint, version_aware=True, skip_instance_cache=True)


def test_python(server, fs):
    """adlfs's fields and names."""
    first, second, last = ids(server)
    names = [f"b/d/k?versionid={one}" for one in (first, second, last)]
    assert fs.ls("b/d/k", versions=True) == names
    listed = fs.ls("b/d/k", versions=True, detail=True)
    assert [(e["version_id"], e["is_current_version"], e["size"]) for e in listed] == [(first, False, 1), (second, False, 2), (last, True, 3)]
    assert set(names) < set(fs.find("b", versions=True))
    assert fs.cat_file("b/d/k", version_id=first) == b"1" == fs.cat_file(names[0])
    assert (fs.info("b/d/k")["version_id"], fs.info("b/d/k")["is_current_version"]) == (last, True)
    assert (fs.info(names[1])["version_id"], fs.info(names[1])["is_current_version"], fs.info(names[1])["name"]) == (second, False, "b/d/k")
    assert fs.exists(names[1]) and not fs.exists("b/d/k?versionid=2020-01-01T00:00:00.0000000Z")
    fs.rm_file(names[1])
    assert ids(server) == [first, last]
    taken = server.store.snap("b", "d/k").snapshot
    assert fs.cat_file(f"b/d/k?snapshot={taken}") == b"333" and fs.info(f"b/d/k?snapshot={taken}")["name"] == "b/d/k"
    assert fs._get_kwargs_from_urls(f"az://b/d/k?snapshot={taken}") == {"version_aware": True}
