"""Fixtures for a filesystem on the mock store, which takes any key and shows its objects:

from mocked import face, fs, mock, stored  # noqa: F401
"""

import asyncio
import sys

import pytest

import env as environment

sys.path.insert(0, str(environment.ROOT / "tests" / "mock"))
from server import MockServer


@pytest.fixture
def mock():
    """A store with the empty bucket `b`."""
    with MockServer() as server:
        yield server
        assert server.troubles == []


@pytest.fixture
def fs(mock):
    from cove.s3 import S3FileSystem

    return S3FileSystem(endpoint_url=mock.endpoint, key="k", secret="s", skip_instance_cache=True)


class Awaited:
    """Calls a filesystem's coroutines by the names of its ordinary methods."""

    def __init__(self, fs):
        self.fs = fs

    def __getattr__(self, name):
        return lambda *args, **kwargs: asyncio.run(getattr(self.fs, f"_{name}")(*args, **kwargs))


@pytest.fixture(params=["called", "awaited"])
def face(request, fs):
    return fs if request.param == "called" else Awaited(fs)


def fill(mock, objects):
    for path, data in objects.items():
        mock.store.put(path, data)


def stored(mock):
    """The store's objects, keyed by path."""
    return {path: data for path, (data, _, _) in mock.store.objects.items()}


def requests(mock, call, *args, **kwargs):
    """The operations that a call makes."""
    del mock.requests[:]
    call(*args, **kwargs)
    return [r.operation for r in mock.requests]
