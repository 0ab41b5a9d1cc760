"""TLS: the whole contract on a MinIO with a certificate of a test authority; certificates that must be refused; broken connections."""

import contextlib
import os
import socket
import ssl
import subprocess
import threading

import pytest

from probe_run import probe
from servers.certificates import Authority
from servers.toxiproxy import Toxiproxy

SIZE = 12 << 20


@contextlib.contextmanager
def handshakes(folder):
    """Something that speaks TLS with the certificate in `folder` and no more; its endpoint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "public.crt", folder / "private.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(20)


def test_contract(build, secure):
    if build.name == "build-tsan":
        pytest.skip("the suite runs on S3 without TLS under ThreadSanitizer")
    environ = {**os.environ, **secure.environ, "COVE_CONTRACT_ROOT": f"s3://contract/tls-{build.name}"}
    result = subprocess.run([str(build / "tests" / "contract" / "contract")], env=environ, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, (result.stdout + result.stderr)[-8000:]


def refused(outcome, *words):
    """It fails without a retry, and the message has the reason."""
    assert outcome.code == "COVE_ENETWORK" and outcome.retryable == 0, outcome
    for word in ("s3://cove/x", "certificate", *words):
        assert word in outcome.message, outcome
    assert "attempts" not in outcome.message, outcome


def test_unknown_authority(secure, tmp_path):
    other = Authority(tmp_path)
    refused(probe("get", "s3://cove/x", environ={**secure.environ, "AWS_CA_BUNDLE": str(other.ca)}))


def test_verification_can_be_turned_off(secure):
    environ = {name: value for name, value in secure.environ.items() if name != "AWS_CA_BUNDLE"}
    assert probe("put", "s3://cove/unverified", 1000, options={"verify": "false"}, environ=environ).ok


@pytest.mark.parametrize("name, subject, days, word", [("expired", "IP:127.0.0.1", -1, "expired"), ("elsewhere", "DNS:elsewhere.invalid", 1, "127.0.0.1")])
def test_certificate_is_refused(authority, secure, name, subject, days, word):
    with handshakes(authority.certificate(f"{name}-{os.getpid()}", subject, days)) as endpoint:
        refused(probe("get", "s3://cove/x", environ={**secure.environ, "AWS_ENDPOINT_URL": endpoint}), word)


def test_cut_in_the_body(secure, build):
    """Connections end after 3 MB, in the middle of a record: repeated, and in the end every byte is right."""
    url = f"s3://cove/cut-{build.name}"
    assert probe("save", url, SIZE, 4, environ=secure.environ).ok
    with Toxiproxy(secure.endpoint.removeprefix("https://")) as proxy:
        environ = {**secure.environ, "AWS_ENDPOINT_URL": proxy.endpoint.replace("http:", "https:")}
        proxy.toxic("limit_data", bytes=3_000_000, toxicity=0.5)
        assert probe("load", url, environ=environ).value == 4
        proxy.calm()
        proxy.toxic("limit_data", stream="upstream", bytes=3_000_000, toxicity=0.5)
        assert probe("save", url, SIZE, 5, environ=environ).ok
    assert probe("load", url, environ=secure.environ).value == 5
    assert probe("uploads", url, environ=secure.environ).value == 0
