"""Tokens of the metadata server of a Google machine: the scope of `access`, and no proxy on the way. A server here is metadata server, proxy and store."""

import http.server
import json
import threading

import pytest

from cove import GCSFileSystem

SCOPE = "https%3A//www.googleapis.com/auth/devstorage."


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Authorization"], self.headers["Metadata-Flavor"]))
        metadata = self.path.startswith("/computeMetadata/")  # a proxy is sent a whole URL
        answer = {"access_token": "of-the-machine", "expires_in": 3599} if metadata else {"error": {"code": 404, "errors": [{"reason": "notFound"}]}}
        text = json.dumps(answer).encode()
        self.send_response(200 if metadata else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if metadata:
            self.send_header("Metadata-Flavor", "Google")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("access", ["read_only", "read_write", "full_control"])
def test_scope_and_proxy(monkeypatch, access):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("GCE_METADATA_HOST", address)
    monkeypatch.delenv("NO_GCE_CHECK", raising=False)
    fs = GCSFileSystem(
        token="cloud",
        access=access,
        project="p",
        endpoint_url="http://storage.example",
        session_kwargs={"proxy": f"http://{address}"},
        skip_instance_cache=True,
    )
    try:
        with pytest.raises(FileNotFoundError):
            fs.cat_file("bucket/key")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert server.asked[0] == (f"/computeMetadata/v1/instance/service-accounts/default/token?scopes={SCOPE}{access}", None, "Google")
    rest = server.asked[1:]
    assert rest and all(path.startswith("http://storage.example/") and token == "Bearer of-the-machine" for path, token, _ in rest), rest
