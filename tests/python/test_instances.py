"""fsspec's contract of instances: equal options give the same one; with skip_instance_cache=True it is new, as its credentials are."""

import pytest
from mocked import mock  # noqa: F401

from cove import _cove
from cove.s3 import S3FileSystem


@pytest.fixture
def signer(mock, monkeypatch):
    """signer(fs): the access key that signs the requests of a filesystem on the mock store."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", mock.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    S3FileSystem.clear_instance_cache()

    def signer(fs):
        fs.pipe_file("b/k", b"1")
        return mock.requests[-1].headers["authorization"].partition("Credential=")[2].partition("/")[0]

    yield signer
    S3FileSystem.clear_instance_cache()


def test_a_new_instance_takes_the_credentials_of_now(signer, monkeypatch):
    fs = S3FileSystem()
    assert S3FileSystem() is fs and signer(fs) == "first"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second")
    assert S3FileSystem() is fs and signer(fs) == "first"
    other = S3FileSystem(skip_instance_cache=True)
    assert other._fs is not fs._fs and signer(other) == "second" and signer(fs) == "first"
    assert other._fs.same_store(fs._fs)


def test_a_cleared_cache_gives_a_new_instance(signer, monkeypatch):
    """Also while the earlier one is in use."""
    fs = S3FileSystem()
    assert signer(fs) == "first"
    S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second")
    assert signer(S3FileSystem()) == "second" and signer(fs) == "first"


def test_memory_is_one_for_all_instances():
    first, second = (_cove.Filesystem("memory://") for _ in range(2))
    first.write_file("instances/k", b"1")
    assert second.read_file("instances/k") == b"1"
    second.remove_tree("instances")
