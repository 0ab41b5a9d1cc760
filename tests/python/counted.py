"""Fixtures for tests of the package under other programs: the package as pip installs it, and a prefix on MinIO behind a proxy that counts requests.

from counted import proxy, root  # noqa: F401
"""

import atexit
import re
import shutil
import sys

import fsspec
import pytest

import env as environment
from servers.counting import Counting


def installed():
    """Puts the package on sys.path, whose folders subprocesses get, too, with the entry points that pip writes down; the two folders."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no TOML reader")
    with open(environment.ROOT / "pyproject.toml", "rb") as file:
        groups = tomllib.load(file)["project"]["entry-points"]
    site = environment.scratch("site")
    atexit.register(shutil.rmtree, site, ignore_errors=True)
    metadata = site / "cove-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cove\nVersion: 0\n")
    (metadata / "entry_points.txt").write_text(
        "".join(f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in names.items()) for group, names in groups.items())
    )
    places = [str(site), str(environment.build_dir() / "python")]
    sys.path[:0] = places
    return places


PLACES = installed()
import cove  # noqa: E402
from cove.s3 import S3FileSystem  # noqa: E402


@pytest.fixture
def proxy(minio, monkeypatch):
    """Every request to the session's MinIO goes by here, for the time of one test."""
    cove.register()  # fsspec may have been imported before the entry points were there
    with Counting(minio.port) as proxy:
        for name, value in proxy.environ(minio).items():
            monkeypatch.setenv(name, value)
        # With the environment alone, fsspec would return the cached instance of an earlier test.
        monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": proxy.endpoint})
        yield proxy
        proxy.refuse = lambda request: False
        S3FileSystem()._end("")  # what has gathered goes by here, too, or not at all


@pytest.fixture
def root(proxy, request):
    """A URL of the test's own."""
    return "s3://cove/" + re.sub(r"[^\w.-]+", "-", request.node.name)
