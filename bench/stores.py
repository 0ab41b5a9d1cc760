"""The servers that the benchmark runs against, all on loopback. For bench/run."""

import contextlib
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "tests")]
import env  # noqa: E402
from servers.certificates import Authority  # noqa: E402
from servers.minio import MinIO  # noqa: E402
from servers.toxiproxy import Toxiproxy  # noqa: E402

BUCKET = "bench"
DELAY_MS = 30
LISTED = 100_000

TITLES = {
    "sink": "A server that costs almost nothing",
    "delayed": f"The same, each answer {DELAY_MS} ms late",
    "minio": "MinIO",
    "tls": "MinIO over TLS",
    "far": f"MinIO behind a proxy that holds what it answers for {DELAY_MS} ms",
}


class Sink:
    """bench/sink.c, whose objects all have one size: with Sink(program, size, ...) as server: server.environ"""

    def __init__(self, program, *numbers):
        self.command = [program, *map(str, numbers)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.endpoint = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.environ = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "sink", "AWS_SECRET_ACCESS_KEY": "sink",
                        "AWS_REGION": "us-east-1"}
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def requests(self):
        """How many it has answered so far."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.endpoint + "/sink-requests", timeout=10) as response:
            return int(response.read())


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


def start(name, build, size):
    """A server by its name, whose objects have `size` bytes where it is the sink."""
    if name in ("sink", "delayed"):
        return Sink(build / "bench/sink", size, LISTED, DELAY_MS if name == "delayed" else 0)
    return Real(tls=name == "tls", far=name == "far")
