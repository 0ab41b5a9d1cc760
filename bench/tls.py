"""A MinIO behind TLS, with a certificate authority of its own that is made anew each time. For bench/s3."""

import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "tests" / "servers")]
from minio import MinIO  # noqa: E402


def make_certificates(folder):
    """ca.crt, and what the CA signed for 127.0.0.1 under the names that MinIO looks for."""
    folder.mkdir(parents=True)

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=cove bench CA",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *key, "-keyout", "private.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extensions", "-out", "public.crt")


class TLSMinIO(MinIO):
    def start(self, timeout_s=60):
        folder = self.data / ".minio" / "certs"  # where MinIO looks, its home being its data's folder
        make_certificates(folder)
        self.ca = folder / "ca.crt"
        return super().start(timeout_s)

    def _ready(self):
        self.endpoint = self.endpoint.replace("http://", "https://")
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)
        try:
            with opener.open(self.endpoint + "/minio/health/cluster", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    @property
    def environ(self):
        # SSL_CERT_FILE is how s5cmd, a Go program, is told.
        return {**super().environ, "AWS_CA_BUNDLE": str(self.ca), "SSL_CERT_FILE": str(self.ca)}
