"""The stores that the contract suite is run on, each on a server that is started for it.

Each function is a context manager: it takes the name of the build, starts a server, and gives the environment for the suite. Afterwards it
raises a Trouble where a server of the project's own has met what it must not. The toy's program is another one than the others'.
"""

import contextlib
import shutil
import sys

import env
from servers.azure import Azurite
from servers.azure_mock import AzureMock
from servers.express import DirectoryBucket
from servers.gcs import FakeGCS
from servers.google_key import key_file
from servers.hdfs import HDFS
from servers.minio import MinIO
from toy.server import Toy

sys.path.insert(0, str(env.ROOT / "tests" / "mock"))

import gcs
from server import MockServer


class Trouble(Exception):
    """What a server of the project's own has met."""


def check(troubles):
    if troubles:
        raise Trouble("\n".join(troubles))


@contextlib.contextmanager
def scratch():
    folder = env.scratch("contract")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def file(variant):
    with scratch() as folder:
        yield {"COVE_CONTRACT_ROOT": folder.as_uri()}


@contextlib.contextmanager
def memory(variant):
    yield {"COVE_CONTRACT_ROOT": "memory://contract"}


@contextlib.contextmanager
def s3(variant):
    with MinIO(buckets=("contract",)) as server:
        yield {**server.environ, "COVE_CONTRACT_ROOT": f"s3://contract/{variant}"}


@contextlib.contextmanager
def s3_virtual(variant):
    """Buckets in the host name: BUCKET.localhost is this machine, to libcurl."""
    with MinIO(buckets=("contract",), domain="localhost") as server, scratch() as folder:
        config = folder / "config"
        config.write_text("[default]\ns3 =\n  addressing_style = virtual\n")
        yield {
            **server.environ,
            "AWS_ENDPOINT_URL": f"http://localhost:{server.port}",
            "AWS_CONFIG_FILE": str(config),
            "COVE_CONTRACT_ROOT": f"s3://contract/{variant}",
        }


def s3_express(page):
    """The mock's directory bucket, whose listings come in no order, so many entries a page."""

    @contextlib.contextmanager
    def store(variant):
        with DirectoryBucket(page) as bucket:
            yield {**bucket.environ, "COVE_CONTRACT_ROOT": f"s3://{bucket.name}/{variant}"}
            check(bucket.troubles)

    return store


def toy(uploads):
    """The engine of object stores on a backend that has five requests, or uploads in a mode, too."""

    @contextlib.contextmanager
    def store(variant):
        with Toy(buckets=("contract",), uploads=uploads) as server:
            yield {**server.environ, "COVE_CONTRACT_ROOT": f"{'toy' if uploads == 'none' else 'toya'}://contract/{variant}"}

    return store


def fake_gcs(uploads):
    """fake-gcs-server, with that value of the option `uploads`."""

    @contextlib.contextmanager
    def store(variant):
        with FakeGCS(buckets=("contract",)) as server:
            yield {
                **server.environ,
                "COVE_CONTRACT_ROOT": f"gs://contract/{variant}",
                "COVE_GCS_UPLOADS": uploads,
                "FSSPEC_GCS_TOKEN": str(key_file(server.folder)),
            }

    return store


def gcs_mock(hierarchical):
    """The mock, by resumable uploads, in a bucket of that namespace."""

    @contextlib.contextmanager
    def store(variant):
        resource = {"hierarchicalNamespace": {"enabled": True}} if hierarchical else {}
        with MockServer(kind=gcs.Store, buckets={"contract": resource}) as server, scratch() as folder:
            yield {
                "STORAGE_EMULATOR_HOST": server.endpoint,
                "GOOGLE_CLOUD_PROJECT": "project-1",
                "FSSPEC_GCS_TOKEN": str(key_file(folder)),
                "COVE_CONTRACT_SERVER": "mock-hns" if hierarchical else "mock",
                "COVE_CONTRACT_ROOT": f"gs://contract/{variant}",
            }
            check([*server.troubles, *(f"an upload that was not ended: {upload}" for upload in server.store.uploads)])

    return store


@contextlib.contextmanager
def azurite(variant):
    with Azurite(containers=("contract",)) as server:
        yield {**server.environ, "COVE_CONTRACT_ROOT": f"az://contract/{variant}"}


def azure_mock(hierarchical, page):
    """The mock's account of that namespace, whose listings have so many entries a page."""

    @contextlib.contextmanager
    def store(variant):
        with AzureMock(ways={"page": page}, hierarchical=hierarchical) as server:
            yield {**server.environ, "COVE_CONTRACT_ROOT": f"az://contract/{variant}"}
            check(server.troubles)

    return store


@contextlib.contextmanager
def webhdfs(variant):
    with HDFS() as server:
        yield {**server.environ, "COVE_CONTRACT_ROOT": f"{server.url}/{variant}"}


@contextlib.contextmanager
def hdfs(variant):
    with HDFS(datanodes=2) as server:
        yield {**server.environ, "COVE_CONTRACT_ROOT": f"{server.rpc_url}/{variant}"}


# Each build's, those that take longest first. Those on Hadoop take minutes: they run under the sanitizers only.
LOCAL = {"file": file, "memory": memory}
EVERY = {"s3": s3, **LOCAL}
STORES = {
    "build": {
        "az": azurite,
        "az, the mock by pages of 3": azure_mock(False, 3),
        "az, the mock's hierarchical namespace by pages of 3": azure_mock(True, 3),
        "gs, the mock": gcs_mock(False),
        "gs, the mock's hierarchical namespace": gcs_mock(True),
        "gs, uploads: compose": fake_gcs("compose"),
        "s3, bucket in the host name": s3_virtual,
        "s3, a directory bucket by pages of 3": s3_express(3),
        "the toy store, uploads: session": toy("session"),
        "the toy store, uploads: temporaries": toy("temporaries"),
        **EVERY,
    },
    "build-asan": {
        "hdfs": hdfs,
        "webhdfs": webhdfs,
        "az": azurite,
        "az, the mock's hierarchical namespace by pages of 5000": azure_mock(True, 5000),
        "gs, the mock's hierarchical namespace": gcs_mock(True),
        "gs, uploads: auto": fake_gcs("auto"),
        "s3, a directory bucket by pages of 1000": s3_express(1000),
        "the toy store, uploads: none": toy("none"),
        **EVERY,
    },
    "build-tsan": {"hdfs": hdfs, **EVERY},
}
