"""A moto server for tests, on a free loopback port, without moto's extra for CRC32C: it reports a CRC32 under that name."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env

PYTHON = env.CACHE / "venv-moto" / "bin" / "python"


class Moto:
    """with Moto() as server: server.endpoint, server.environ"""

    environ = property(lambda self: {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"})

    def __init__(self, buckets=("cove",)):
        self.buckets = buckets

    def __enter__(self, timeout_s=120):
        port = env.free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        environ = {**env.clean(os.environ), "MOTO_S3_CUSTOM_ENDPOINTS": self.endpoint}
        environ.pop("PYTHONPATH", None)
        self.process = subprocess.Popen(
            [PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up = time.monotonic() + timeout_s
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.__exit__()
                raise RuntimeError(f"moto did not start (its end: {self.process.returncode})")
            time.sleep(0.05)
        for bucket in self.buckets:
            self.put(bucket, b"")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def put(self, path, data, headers=()):
        """One unsigned PUT, which moto takes as it is."""
        request = urllib.request.Request(
            f"{self.endpoint}/{path}", data=data, method="PUT", headers={"Content-Type": "application/octet-stream", **dict(headers)}
        )
        with self._opener().open(request, timeout=60):
            pass

    def _answers(self):
        try:
            with self._opener().open(f"{self.endpoint}/moto-api/", timeout=10):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    @staticmethod
    def _opener():
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
