"""What the tests of the package share: the package of the build under test, and a place on MinIO behind a proxy that counts."""

import gc
import re
import sys

import pytest

import env as environment
from servers.counting import Counting

sys.path.insert(0, str(environment.build_dir() / "python"))


def forget_filesystems():
    """Instances keep the environment that they were made in."""
    from cove.filesystem import CoveFileSystem

    kinds = [CoveFileSystem]
    while kinds:
        kind = kinds.pop()
        kind.clear_instance_cache()
        kinds += kind.__subclasses__()
    gc.collect()


@pytest.fixture
def proxy(minio, monkeypatch):
    """Every request to the session's MinIO goes by here, for the time of one test."""
    pytest.importorskip("cove", reason="the package is not built: -Dpython=enabled")
    with Counting(minio.port) as proxy:
        for name, value in proxy.environ(minio).items():
            monkeypatch.setenv(name, value)
        forget_filesystems()
        yield proxy
        forget_filesystems()


@pytest.fixture
def root(proxy, request):
    """A URL of the test's own."""
    return "s3://cove/" + re.sub(r"[^\w.-]+", "-", request.node.name)
