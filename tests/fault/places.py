"""The stores that transfers go to under faults, each with the way of uploading that its server proves.

Azurite stands for Azure Blob Storage. fake-gcs-server takes a status query of a resumable upload for its end, and has no multipart uploads: sessions and parts go to the mock.
"""

import contextlib
import os
import sys
from pathlib import Path

from servers.azure import Azurite
from servers.gcs import FakeGCS
from servers.minio import MinIO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mock"))
import gcs
from server import MockServer
from store import Store

MIB = int(os.environ.get("COVE_TEST_MIB") or 64)
SIZE = (MIB << 20) + 12345
# Small transfers in small parts and few at once, so that they too have a middle. Large ones as a user has them.
PARTS = {"default_block_size": "5MiB", "max_concurrency": "4"} if MIB < 512 else {}
VERBS = ("up", "down", "fetch")


class Place:
    """A server, a bucket there, and how `verbs` go, each of so many bytes. `shows`: uploads that did not end can be listed."""

    def __init__(self, name, server, url, size=SIZE, verbs=VERBS, shows=True, **options):
        self.name, self.server, self.url, self.size, self.verbs, self.shows = name, server, url, size, verbs, shows
        self.options = {**PARTS, **options}


class Mock:
    """A mock store as a server of tests/servers: what leads there is in its environment."""

    def __init__(self, kind, faults=()):
        self.mock = MockServer(faults=faults, kind=kind, buckets=["cove"])
        self.leads_to = (MinIO if kind is Store else FakeGCS).leads_to

    @property
    def environ(self):
        return {**self.leads_to(self.mock.endpoint), "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}

    @property
    def endpoint(self):
        return self.mock.endpoint

    def left(self):
        """Uploads that did not end, those without parts left out: one may be begun twice if the first response was lost; then its id is unknown."""
        store = self.mock.store
        if isinstance(store, Store):
            return [parts for _, parts, _ in store.uploads.values() if parts]
        sessions = [s for s in store.sessions.values() if s.data and not s.made and not s.refused]
        return sessions + [u for u in store.multipart.values() if u.parts] + [path for path in store.objects if "/.cove/" in path]


@contextlib.contextmanager
def mocked(name, faults=(), size=SIZE // 2):
    """A mock store as a place: "s3", or "gs-" and the way of uploading. `size`: of a transfer to Google's."""
    server = Mock(Store if name == "s3" else gcs.Store, faults)
    with server.mock:
        if name == "s3":
            yield Place(name, server, "s3://cove")
        else:
            yield Place(name, server, "gs://cove", size, ("up",), uploads=name.removeprefix("gs-"))
        assert server.mock.troubles == []


@contextlib.contextmanager
def place(name):
    """A server for one module: some faults kill it."""
    if name == "s3":
        with MinIO(buckets=("cove",)) as server:
            yield Place(name, server, "s3://cove")
    elif name == "gs-compose":
        with FakeGCS(outlived=True) as server:
            yield Place(name, server, "gs://cove", uploads="compose")
    elif name == "az":
        with Azurite() as server:
            yield Place(name, server, "az://cove", SIZE // 2, ("up", "down"), shows=False)
    else:
        with mocked(name, size=SIZE // 4) as there:  # a session sends one part after the other
            yield there
