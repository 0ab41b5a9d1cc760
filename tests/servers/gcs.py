#!/usr/bin/env python3
"""A fake-gcs-server of our own: on a free loopback port, stopped by its pid. Its objects are in memory, unless they are to outlive it.

As a program it runs a command beside one, with the STORAGE_EMULATOR_HOST that leads there:

    tests/servers/gcs.py [--bucket NAME] -- COMMAND ...
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env

from servers.google_key import key_file


class FakeGCS:
    """with FakeGCS() as server: server.endpoint, server.environ"""

    PROJECT = "cove-test"

    def __init__(self, buckets=("cove",), outlived=False, port=None, public=None):
        """`outlived`: start() after kill() finds the objects again, which are files then. Resumable uploads are lost all the same.

        `public`: the URL of a proxy before `port`. Requests of the XML API, and the sessions that are given out, go by the host that they name.
        """
        self.buckets, self.outlived, self.public = buckets, outlived, public
        self.process, self.port = None, port
        self.folder = env.scratch("gcs")

    @property
    def environ(self):
        return {**self.leads_to(self.endpoint), "GOOGLE_CLOUD_PROJECT": self.PROJECT, "COVE_CONTRACT_SERVER": "fake-gcs-server"}

    @staticmethod
    def leads_to(endpoint):
        return {"STORAGE_EMULATOR_HOST": endpoint}

    def start(self, timeout_s=60):
        self.port = self.port or env.free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._drop_unfinished()
        self.log = open(self.folder / "server.log", "ab")
        objects = ("filesystem", "-filesystem-root", str(self.folder / "objects")) if self.outlived else ("memory",)
        public = self.public or self.endpoint
        self.process = subprocess.Popen(
            [
                env.server_binary("fake-gcs-server"),
                *("-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port), "-backend", *objects),
                *("-external-url", public, "-public-host", public.removeprefix("http://"), "-data", str(self.folder / "none"), "-log-level", "error"),
            ],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=env.clean(os.environ, home=self.folder),
        )
        give_up = time.monotonic() + timeout_s
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise RuntimeError("fake-gcs-server did not start:\n" + Path(self.log.name).read_text(errors="replace")[-2000:])
            time.sleep(0.05)
        for bucket in self.buckets:
            if not (self.folder / "objects" / bucket).exists():
                self.ask("POST", f"/storage/v1/b?project={self.PROJECT}", {"name": bucket})
        return self

    def ask(self, method, target, body=None):
        """One request, for what cove has no call for; gives the response's JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoint + target, data=data, headers={"Content-Type": "application/json"}, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def _ready(self):
        try:
            self.ask("GET", "/_internal/healthcheck")
            return True
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process is not None:
            self.log.close()
        self.process = None

    def _drop_unfinished(self):
        """What a write that a kill() cut has left: a file without metadata, for which the server would refuse to list."""
        for path in (self.folder / "objects").rglob("*"):
            whole = path.is_dir() or path.name.endswith((".metadata", ".bucketMetadata")) or os.listxattr(path) or Path(f"{path}.metadata").exists()
            if not whole:
                path.unlink()

    def kill(self):
        """Ends it at once, as a crash does; start() brings it back."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.log.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bucket", action="append", help="a bucket to make (several times for several)")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with FakeGCS(args.bucket or ["cove"]) as server:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GOOGLE_")}
        environ["FSSPEC_GCS_TOKEN"] = str(key_file(server.folder))  # with which URLs are signed
        return subprocess.call(args.command, env={**environ, **server.environ})


if __name__ == "__main__":
    sys.exit(main())
