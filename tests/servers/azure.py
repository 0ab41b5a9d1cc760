#!/usr/bin/env python3
"""An Azurite of our own (https://github.com/Azure/Azurite): on a free loopback port, with its blobs in a folder, stopped by its pid.

As a program it runs a command beside one, with the options of the environment that lead there:

    tests/servers/azure.py [--container NAME] -- COMMAND ...
"""

import argparse
import base64
import hashlib
import hmac
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from email.utils import formatdate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env


class Azurite:
    """with Azurite() as server: server.endpoint, server.environ"""

    ACCOUNT = "devstoreaccount1"  # of every Azurite, as is its key
    KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    def __init__(self, containers=("cove",), tls=None):
        """`tls`: the Authority whose certificate it has. By https it takes access tokens too, whose signatures it does not check."""
        self.containers, self.tls = containers, tls
        self.process, self.port = None, None
        self.folder = env.scratch("azure")

    @property
    def environ(self):
        return {**self.leads_to(self.endpoint), "COVE_CONTRACT_SERVER": "azurite"}

    @classmethod
    def leads_to(cls, endpoint):
        """The account follows the host of an endpoint where that lacks it, as a proxy's does."""
        blobs = endpoint if endpoint.endswith(cls.ACCOUNT) else f"{endpoint}/{cls.ACCOUNT}"
        text = f"DefaultEndpointsProtocol={blobs.partition(':')[0]};AccountName={cls.ACCOUNT};AccountKey={cls.KEY};BlobEndpoint={blobs};"
        return {"AZURE_STORAGE_CONNECTION_STRING": text}

    def _secure(self):
        """What makes it speak https."""
        if not self.tls:
            return []
        made = self.folder / "tls"
        made = made if made.exists() else self.tls.certificate(f"azurite-{self.port}").rename(made)
        return ["--oauth", "basic", "--cert", str(made / "public.crt"), "--key", str(made / "private.key")]

    def start(self, timeout_s=120):
        self.port = self.port or env.free_port()
        self.endpoint = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/{self.ACCOUNT}"
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [
                *env.azurite(),
                *("--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--location", str(self.folder / "data")),
                *("--silent", "--disableTelemetry", "--skipApiVersionCheck"),
                *self._secure(),
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
                raise RuntimeError("Azurite did not start:\n" + Path(self.log.name).read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        for container in self.containers:
            self.ask("PUT", f"/{container}", {"restype": "container"})
        return self

    def ask(self, method, path, query, headers=None, body=b""):
        """One signed request, for what cove has no call for; gives the response's headers and body."""
        lines = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2023-11-03", **(headers or {})}
        canonical = "".join(f"{name}:{lines[name]}\n" for name in sorted(lines) if name.startswith("x-ms-"))
        resource = f"/{self.ACCOUNT}/{self.ACCOUNT}{path}" + "".join(f"\n{name}:{query[name]}" for name in sorted(query))
        text = f"{method}\n\n\n{len(body) or ''}\n\n{'application/octet-stream' if body else ''}\n\n\n\n\n\n\n{canonical}{resource}"
        signature = base64.b64encode(hmac.new(base64.b64decode(self.KEY), text.encode(), hashlib.sha256).digest()).decode()
        lines["Authorization"] = f"SharedKey {self.ACCOUNT}:{signature}"
        if body:
            lines["Content-Type"] = "application/octet-stream"
        url = self.endpoint + path + "?" + "&".join(f"{name}={value}" for name, value in query.items())
        request = urllib.request.Request(url, data=body or None, headers=lines, method=method)
        handlers = [urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.tls.ca)))] if self.tls else []
        with urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers).open(request, timeout=30) as response:
            return response.headers, response.read()

    def _ready(self):
        try:
            self.ask("GET", "/", {"comp": "list"})
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

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--container", action="append", help="a container to make (several times for several)")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with Azurite(args.container or ["cove"]) as server:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_STORAGE_")}
        return subprocess.call(args.command, env={**environ, **server.environ})


if __name__ == "__main__":
    sys.exit(main())
