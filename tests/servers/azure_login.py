"""A login endpoint of Microsoft Entra ID for tests: it gives tokens to one application, of the form that Azurite reads."""

import base64
import http.server
import json
import threading
import time
import urllib.parse

AUDIENCE = "https://storage.azure.com"


def token(lasts_s=3600, audience=AUDIENCE, issuer="https://sts.windows.net/"):
    """A JSON Web Token. Azurite checks its times, issuer and audience, and not its signature."""
    now = int(time.time())
    claims = {"aud": audience, "iss": issuer + Login.TENANT, "nbf": now - 600, "iat": now, "exp": now + lasts_s, "oid": "object-1", "tid": Login.TENANT}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join([*parts, "c2lnbmF0dXJl"])


class Login:
    """with Login() as login: login.url, login.options; login.asked has the form of each request."""

    TENANT, CLIENT, SECRET = "tenant-1", "client-1", "client-secret-1"

    def __init__(self, **claims):
        self.claims, self.asked = claims, []

    @property
    def options(self):
        return {"authority_host": self.url, "tenant_id": self.TENANT, "client_id": self.CLIENT, "client_secret": self.SECRET}

    def answer(self, path, form):
        """Status and JSON."""
        self.asked.append(form)
        wanted = {"grant_type": "client_credentials", "client_id": self.CLIENT, "client_secret": self.SECRET, "scope": f"{AUDIENCE}/.default"}
        if path != f"/{self.TENANT}/oauth2/v2.0/token" or form != wanted:
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token(**self.claims)}

    def __enter__(self):
        login = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                status, answer = login.answer(self.path, form)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
