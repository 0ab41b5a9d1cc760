"""URLs signed by IAM's service: who signs, and the token that asks it, are found once for many. A server here is the token endpoint and IAM."""

import base64
import http.server
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cove import GCSFileSystem

ACCOUNT = "/v1/projects/-/serviceAccounts/a@p.iam"


class Iam(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        if self.path == "/token":
            with server.lock:
                server.tokens += 1
                answer = 200, {"access_token": f"token-{server.tokens}", "expires_in": 3599, "token_type": "Bearer"}
        elif self.path != f"{ACCOUNT}:signBlob":
            answer = 500, {"error": {"status": "INTERNAL", "message": self.path}}
        elif self.headers["Authorization"] in server.refused:
            answer = 401, {"error": {"status": "UNAUTHENTICATED", "message": "the token has ended"}}
        else:
            with server.lock:
                server.signed.append(base64.b64decode(json.loads(body)["payload"]))
            answer = 200, {"signedBlob": base64.b64encode(b"signature").decode()}
        text = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def iam():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Iam)
    server.lock, server.tokens, server.signed, server.refused = threading.Lock(), 0, [], set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fs(iam):
    endpoint = f"http://127.0.0.1:{iam.server_address[1]}"
    login = {"type": "authorized_user", "client_id": "i", "client_secret": "client-secret", "refresh_token": "refresh-secret", "token_uri": f"{endpoint}/token"}
    token = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"{endpoint}{ACCOUNT}:generateAccessToken",
        "source_credentials": login,
    }
    return GCSFileSystem(token=token, session_kwargs={"trust_env": False}, skip_instance_cache=True)


def test_one_token_for_many(iam, fs):
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(lambda i: fs.sign(f"bucket/{i}"), range(40)))
    assert all("X-Goog-Credential=a%40p.iam%2F" in url and url.endswith("X-Goog-Signature=" + b"signature".hex()) for url in urls)
    assert len(iam.signed) == 40 and all(text.startswith(b"GOOG4-RSA-SHA256\n") for text in iam.signed)
    assert iam.tokens == 1


def test_a_token_that_is_refused(iam, fs):
    iam.refused.add("Bearer token-1")
    assert "X-Goog-Signature" in fs.sign("bucket/a") and iam.tokens == 2
    iam.refused |= {f"Bearer token-{n}" for n in range(2, 100)}
    with pytest.raises(PermissionError, match="sign gs://bucket/a: credentials of IAM's signBlob: UNAUTHENTICATED: the token has ended"):
        fs.sign("bucket/a")
    assert len(iam.signed) == 1


def test_no_token(iam, fs):
    """The error names the operation once."""
    iam.shutdown()
    iam.server_close()
    with pytest.raises(OSError) as failed:
        fs.sign("bucket/a")
    assert str(failed.value).count("gs://bucket/a") == 1 and ": a login of gcloud" in str(failed.value), failed.value
