"""Fixtures of all Python tests. The environment is cleaned here too, so that pytest alone is as safe as `make test`."""

import os
import signal
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import env as environment  # noqa: E402
from servers.azure import Azurite  # noqa: E402
from servers.certificates import Authority  # noqa: E402
from servers.gcs import FakeGCS  # noqa: E402
from servers.hdfs import HDFS  # noqa: E402
from servers.minio import MinIO  # noqa: E402


def pytest_configure(config):
    cleaned = environment.clean(os.environ)
    cleaned.update(environment.sanitizer_options())
    for name in list(os.environ):
        if name not in cleaned:
            del os.environ[name]
    os.environ.update(cleaned)
    # A shell has what it starts in the background ignore Ctrl-C, and all that this starts in turn; nohup, a hangup.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def build():
    """The build folder under test."""
    folder = environment.build_dir()
    if not (folder / "build.ninja").exists():
        pytest.fail(f"{folder} is not built: run tools/build.sh")
    return folder


@pytest.fixture(scope="session")
def minio():
    """One MinIO for the whole session, with the buckets `cove` and `lightning`."""
    with MinIO(buckets=("cove", "lightning")) as server:
        yield server


@pytest.fixture(scope="session")
def fake_gcs():
    """One fake-gcs-server for the whole session, with the buckets `cove` and `lightning`."""
    with FakeGCS(buckets=("cove", "lightning")) as server:
        yield server


@pytest.fixture(scope="session")
def azurite():
    """One Azurite for the whole session, with the containers `cove` and `lightning`."""
    with Azurite(containers=("cove", "lightning")) as server:
        yield server


@pytest.fixture(scope="session")
def hdfs_server():
    """One HDFS for the whole session."""
    with HDFS() as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def secure(authority):
    """The same over TLS, by a certificate of our own authority."""
    with MinIO(buckets=("contract", "cove"), tls=authority) as server:
        yield server
