"""Google Cloud Storage refuses: the exceptions and their messages. All messages are in tests/mock/test_refusals.py."""

import re
import sys

import pytest

import env as environment
from cove import GCSFileSystem

sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))
import gcs
from server import MockServer


@pytest.fixture
def store():
    """store(ways, the bucket's resource, options): a filesystem on a mock that has the object b/k."""
    servers = []

    def start(ways=None, resource=None, **options):
        servers.append(MockServer({"b/k": b"old"}, kind=gcs.Store, buckets={"b": resource or {}}, ways=ways).__enter__())
        given = {"token": "the-token", "project": "project-1", **options}
        return GCSFileSystem(endpoint_url=servers[-1].endpoint, skip_instance_cache=True, **given)

    yield start
    for server in servers:
        server.__exit__(None, None, None)
        assert server.troubles == []


def refuses(error, words, call, *args, **kwargs):
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    assert re.search(words, str(raised.value)) and "the-token" not in str(raised.value), raised.value


def test_permissions(store):
    fs = store({"lacks_permissions": ["storage.objects.list", "storage.objects.delete"]})
    both = "gs://b/none: access denied, or there is no such object"
    for call in (fs.cat_file, fs.info, fs.exists, fs.isfile):
        refuses(PermissionError, both, call, "b/none")
    refuses(PermissionError, "the permission to delete it", fs.pipe_file, "b/k", b"new")
    refuses(PermissionError, "list gs://b: access denied", fs.ls, "b", refresh=True)
    fs.pipe_file("b/new", b"new")
    assert fs.cat_file("b/new") == b"new"


def test_what_keeps_an_object(store):
    fs = store(resource={"retentionPolicy": {"retentionPeriod": "3600"}})
    for call, *args in ((fs.pipe_file, "b/k", b"new"), (fs.rm_file, "b/k"), (fs.mv, "b/k", "b/x"), (fs.rm, "b/k")):
        refuses(PermissionError, "b/k.*retention policy.* until 2026-11-23T22:1[23]", call, *args)
    with fs.open("b/k", "ab") as f:
        f.write(b" and more")
        refuses(PermissionError, "append gs://b/k: .*retention policy.* until 2026-11-23T22:1[23]", f.flush)
    assert fs.cat_file("b/k") == b"old"


def test_requester_pays(store):
    fs = store(resource={"billing": {"requesterPays": True}})
    refuses(ValueError, "set the option requester_pays", fs.cat_file, "b/k")


def test_credentials(store):
    fs = store({"tokens": ["another"]})
    refuses(PermissionError, "which was taken for an access token", fs.cat_file, "b/k")
    refuses(PermissionError, "leave out token=anon", store({"tokens": ["another"]}, token="anon").cat_file, "b/k")


def test_buckets(store):
    fs = store()
    refuses(FileNotFoundError, "no such bucket: none; to make it: cove mkdir gs://none", fs.pipe_file, "none/k", b"")
    refuses(ValueError, "no capital letters", fs.mkdir, "New-Bucket", create_parents=True)
    refuses(ValueError, "the project is no-such-project", store(project="no-such-project").mkdir, "new-bucket")
    refuses(ValueError, "line break", fs.pipe_file, "b/a\r\nb", b"")
    refuses(ValueError, "longer than 1024 bytes", fs.cat_file, "b/" + "x" * 1025)


def test_acls_are_the_buckets(store):
    """Uniform access has none of single objects."""
    fs = store()
    for call, *args in ((fs.pipe_file, "b/k", b"new"), (fs.mkdir, "new-bucket")):
        with pytest.raises((NotImplementedError, TypeError), match="acl"):
            call(*args, acl="publicRead")
    assert fs.cat_file("b/k") == b"old" and not fs.exists("new-bucket")
