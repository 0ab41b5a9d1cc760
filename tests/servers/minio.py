#!/usr/bin/env python3
"""A MinIO for tests: on a free loopback port, with a temporary folder, stopped by its pid.

As a program it starts one and runs a command, with the AWS_* variables for it:

    tests/servers/minio.py [--bucket NAME] [--keep FOLDER] [--region NAME] -- COMMAND ...
"""

import argparse
import hashlib
import hmac
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env


class MinIO:
    """with MinIO() as server: server.endpoint, server.environ"""

    ACCESS_KEY = "cove-test-access"
    SECRET_KEY = "cove-test-secret-1f8b2c"

    def __init__(self, buckets=("cove",), data=None, region="us-east-1", tls=None, domain=None):
        """`tls`: a servers.certificates.Authority, whose certificate the server then has. `domain`: buckets may stand before it in the
        host name; below localhost, names lead to this machine without a name server."""
        self.tls, self.domain = tls, domain
        self.own_data = data is None
        self.data = env.scratch("minio") if data is None else Path(data).resolve()
        self.region = region
        # On a server of one drive, a folder at its top is a bucket.
        for bucket in buckets:
            (self.data / bucket).mkdir(parents=True, exist_ok=True)
        self.process, self.port = None, None

    @property
    def environ(self):
        return {
            **self.leads_to(self.endpoint),
            "AWS_ACCESS_KEY_ID": self.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": self.SECRET_KEY,
            "AWS_REGION": self.region,
            **({"AWS_CA_BUNDLE": str(self.tls.ca)} if self.tls else {}),
        }

    @staticmethod
    def leads_to(endpoint):
        return {"AWS_ENDPOINT_URL": endpoint}

    def start(self, timeout_s=60):
        self.port = self.port or env.free_port()  # one that was stopped comes back where it was
        self.endpoint = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        environ = env.clean(os.environ, home=self.data)
        environ.update(
            MINIO_ROOT_USER=self.ACCESS_KEY, MINIO_ROOT_PASSWORD=self.SECRET_KEY, MINIO_BROWSER="off", MINIO_UPDATE="off", MINIO_SITE_REGION=self.region
        )
        if self.domain:
            environ["MINIO_DOMAIN"] = self.domain
        certificates = []
        if self.tls:
            if not (self.tls.folder / "minio").exists():
                self.tls.certificate("minio")
            certificates = ["--certs-dir", str(self.tls.folder / "minio")]
        self.log = open(self.data / ".server.log", "ab")
        self.process = subprocess.Popen(
            [env.server_binary("minio"), "server", "--quiet", "--address", f"127.0.0.1:{self.port}", *certificates, str(self.data)],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environ,
        )
        give_up = time.monotonic() + timeout_s
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise RuntimeError("MinIO did not start:\n" + Path(self.log.name).read_text(errors="replace")[-2000:])
            time.sleep(0.05)
        return self

    def _ready(self):
        # Straight to the port: a proxy of the environment has no business between a test and its server.
        handlers = [urllib.request.ProxyHandler({})]
        if self.tls:
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.tls.ca))))
        opener = urllib.request.build_opener(*handlers)
        try:
            with opener.open(self.endpoint + "/minio/health/cluster", timeout=2) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def ask(self, method, target, body=b""):
        """One signed request ("/bucket?versioning="), for what cove has no call for."""
        path, _, query = target.partition("?")
        when, payload = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), hashlib.sha256(body).hexdigest()
        host, scope = f"127.0.0.1:{self.port}", f"{when[:8]}/{self.region}/s3/aws4_request"
        signed = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": when}
        canonical = "\n".join([method, path, query, *(f"{n}:{v}" for n, v in signed.items()), "", ";".join(signed), payload])
        key = ("AWS4" + self.SECRET_KEY).encode()
        for part in (when[:8], self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        text = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        signed["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.ACCESS_KEY}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"
        )
        request = urllib.request.Request(self.endpoint + target, data=body or None, headers=signed, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
            return response.read()

    def keep_versions(self, bucket):
        """From now on the bucket keeps every version of its objects."""
        self.ask("PUT", f"/{bucket}?versioning=", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")

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

    def kill(self):
        """Ends it at once, as a crash does; start() brings it back with its data."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.log.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bucket", action="append", help="a bucket to make (several times for several)")
    parser.add_argument("--keep", metavar="FOLDER", help="where the data stays; without it, it goes with the server")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with MinIO(args.bucket or ["cove"], data=args.keep, region=args.region) as server:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return subprocess.call(args.command, env={**environ, **server.environ})


if __name__ == "__main__":
    sys.exit(main())
