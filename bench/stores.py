"""The servers that the benchmark runs against, all on loopback. For bench/run."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "tests")]
import env  # noqa: E402
from servers.azure import Azurite  # noqa: E402
from servers.certificates import Authority  # noqa: E402
from servers.gcs import FakeGCS  # noqa: E402
from servers.minio import MinIO  # noqa: E402
from servers.toxiproxy import Toxiproxy  # noqa: E402

BUCKET = "bench"
DELAY_MS = 30
LISTED = {"s3": 100_000, "gcs": 50_000, "azure": 50_000}

SINKS = {
    "sink": "A server that costs almost nothing",
    "delayed": f"The same, each answer {DELAY_MS} ms late",
}
TITLES = {
    "s3": {
        **SINKS,
        "minio": "MinIO",
        "tls": "MinIO over TLS",
        "far": f"MinIO behind a proxy that holds what it answers for {DELAY_MS} ms",
    },
    "gcs": {**SINKS, "fake": "fake-gcs-server"},
    "azure": {**SINKS, "azurite": "Azurite"},
}
SCHEME = {"s3": "s3", "gcs": "gs", "azure": "az"}


def direct(url):
    """What a server on loopback answers to a GET."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=60) as response:
        return response.read()


class Sink:
    """bench/sink.c, whose objects all have one size: with Sink(program, store, size, ...) as server: server.environ"""

    def __init__(self, program, store, *numbers):
        self.command, self.store = [program, store, *map(str, numbers)], store

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.endpoint = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        if self.store == "s3":
            self.environ = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "sink", "AWS_SECRET_ACCESS_KEY": "sink", "AWS_REGION": "us-east-1"}
        elif self.store == "azure":
            self.environ = Azurite.leads_to(self.endpoint)
        else:  # what cove does at Google's endpoint; an emulator would get sessions
            self.environ = {"STORAGE_EMULATOR_HOST": self.endpoint, "COVE_GCS_UPLOADS": "parts"}
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def requests(self):
        """How many it has answered so far."""
        return int(direct(self.endpoint + "/sink-requests"))


class Emulator:
    """A fake-gcs-server or an Azurite: Emulator(FakeGCS)."""

    def __init__(self, kind):
        self.kind = kind

    def __enter__(self):
        self.server = self.kind([BUCKET]).start()
        self.environ = self.server.environ
        return self

    def __exit__(self, *_):
        self.server.stop()

    def requests(self):
        return None  # as of MinIO


class Real:
    """A MinIO: over TLS by its own authority, or behind a proxy that delays."""

    def __init__(self, tls=False, far=False):
        self.tls, self.far = tls, far

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            authority = None
            if self.tls:
                folder = env.scratch("bench-tls")
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                authority = Authority(folder)
            server = stack.enter_context(MinIO([BUCKET], tls=authority))
            self.environ = dict(server.environ)
            if authority:
                self.environ["SSL_CERT_FILE"] = str(authority.ca)  # where s5cmd, a Go program, looks
            if self.far:
                proxy = stack.enter_context(Toxiproxy(f"127.0.0.1:{server.port}"))
                proxy.toxic("latency", latency=DELAY_MS)
                self.environ["AWS_ENDPOINT_URL"] = proxy.endpoint
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def requests(self):
        return None  # MinIO is not asked: the sink's rows say it


def start(store, name, build, size):
    """A server by its name, whose objects have `size` bytes where it is the sink."""
    if name in SINKS:
        return Sink(build / "bench/sink", store, size, LISTED[store], DELAY_MS if name == "delayed" else 0)
    emulators = {"fake": FakeGCS, "azurite": Azurite}
    return Emulator(emulators[name]) if name in emulators else Real(tls=name == "tls", far=name == "far")


# ---- beside the measured processes ----


class S3Admin:
    """Presigns and checks."""

    def __init__(self, environ):
        import boto3

        self.client = boto3.client(
            "s3",
            endpoint_url=environ["AWS_ENDPOINT_URL"],
            aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
            region_name=environ["AWS_REGION"],
            verify=environ.get("AWS_CA_BUNDLE"),
        )

    def url(self, call, key):
        return self.client.generate_presigned_url(call, Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=6 * 3600)

    def size_of(self, key):
        return self.client.head_object(Bucket=BUCKET, Key=key)["ContentLength"]


class GCSAdmin:
    """The same of an emulator, which takes URLs without a signature."""

    def __init__(self, environ):
        self.endpoint = environ["STORAGE_EMULATOR_HOST"]

    def url(self, call, key):
        return f"{self.endpoint}/{BUCKET}/{key}"

    def size_of(self, key):
        return int(json.loads(direct(f"{self.endpoint}/storage/v1/b/{BUCKET}/o/{key}"))["size"])


class AzureAdmin:
    """The same of the sink and of Azurite, which have one account. libcurl, which needs URLs, has no row."""

    def __init__(self, environ):
        self.server = Azurite()
        self.server.endpoint = environ["AZURE_STORAGE_CONNECTION_STRING"].partition("BlobEndpoint=")[2].rstrip(";")

    def url(self, call, key):
        return ""

    def size_of(self, key):
        headers, _ = self.server.ask("HEAD", f"/{BUCKET}/{key}", {})
        return int(headers["Content-Length"])


ADMIN = {"s3": S3Admin, "gcs": GCSAdmin, "azure": AzureAdmin}
