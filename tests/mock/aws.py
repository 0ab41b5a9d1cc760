"""Mocks of the AWS services that give credentials: STS, SSO's portal, the metadata services of instances and containers; and an S3 that checks signatures.

`World(server)` replaces the store of a MockServer. It computes signatures itself, independently of cove's code.
"""

import datetime
import email.utils
import hashlib
import hmac
import json
import time
import urllib.parse

from store import DATE, Response, error_response

ROLE_PATH = "/imds/latest/meta-data/iam/security-credentials/"


def when(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Keys:
    def __init__(self, name, lasts=3600):
        self.id, self.secret, self.token = f"ID{name}", f"secret-{name}-9d1c7e", f"token-{name}-5b2a0f"
        self.until, self.revoked = when(lasts), False

    def json(self, token="Token", **more):
        return json.dumps({"AccessKeyId": self.id, "SecretAccessKey": self.secret, token: self.token, "Expiration": self.until, **more})


class World:
    def __init__(self, server):
        self.server, self.s3 = server, server.store
        server.store = self
        self.keys = {}  # all that exist, by id
        self.next = []  # what a source gives next; the last one again and again
        self.given = []  # (source, keys)
        self.signed = []  # (id, operation) of every request to S3 that was let in
        self.refusals = 0
        self.sts_clock = False  # STS checks signatures by its own clock, which is stopped at DATE
        self.garbage = None  # (status, body) in place of each response of a source
        self.web_token, self.sso_token, self.container_token = "web-identity-token", "sso-token", "container-token"
        self.imds_token = "imds-token"
        self.refresh_token = "refresh-token-1"  # that SSO's OIDC service takes
        self.renewals = 0
        self.on_renewal = None  # called before each
        self.revoke_after = None  # (requests of S3, keys)
        self.forbidden = set()  # paths of S3 that are forbidden to all
        self.rotate_after = None  # (requests of S3, what is called then)

    def __getattr__(self, name):
        return getattr(self.s3, name)

    def add(self, name, lasts=3600):
        keys = Keys(name, lasts)
        self.keys[keys.id] = keys
        return keys

    def give(self, source):
        keys = self.next.pop(0) if len(self.next) > 1 else self.next[0]
        self.given.append((source, keys.id))
        return keys

    def sources(self):
        return [source for source, _ in self.given]

    def answer(self, r):
        path = r.target.partition("?")[0]
        sources = {"sts": self.sts, "imds": self.imds, "sso": self.sso, "oidc": self.oidc, "container": self.container}
        source = sources.get(path.split("/")[1])
        if source is None:
            return self.answer_s3(r)
        return Response(self.garbage[0], body=self.garbage[1].encode()) if self.garbage else source(r)

    # ---- signatures

    def signer(self, r, service):
        """The keys that signed, or a response that refuses."""
        words = r.headers.get("authorization", "").replace(",", "").split()
        if len(words) != 4 or words[0] != "AWS4-HMAC-SHA256":
            return error_response(403, "AccessDenied", head_only=r.method == "HEAD")
        fields = dict(w.split("=", 1) for w in words[1:])
        key_id, day, region, signed_service, _ = fields["Credential"].split("/")
        keys = self.keys.get(key_id)
        if keys is None or signed_service != service:
            return error_response(403, "InvalidAccessKeyId", head_only=r.method == "HEAD")
        path, _, query = r.target.partition("?")
        pairs = sorted(tuple((p + "=" if "=" not in p else p).split("=", 1)) for p in query.split("&") if p)
        names = fields["SignedHeaders"].split(";")
        payload = r.headers.get("x-amz-content-sha256") or hashlib.sha256(r.body).hexdigest()
        canonical = "\n".join(
            [r.method, path, "&".join("=".join(p) for p in pairs), *(f"{n}:{r.headers[n]}" for n in names), "", fields["SignedHeaders"], payload]
        )
        scope = f"{day}/{region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", r.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + keys.secret).encode()
        for part in (day, region, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        right = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        if fields["Signature"] != right or "host" not in names:
            return error_response(403, "SignatureDoesNotMatch", head_only=r.method == "HEAD")
        if r.headers.get("x-amz-security-token") != keys.token:
            return error_response(400, "InvalidToken", head_only=r.method == "HEAD")
        if keys.revoked:
            return error_response(400, "ExpiredToken", head_only=r.method == "HEAD")
        return keys

    def answer_s3(self, r):
        if self.revoke_after and len(self.signed) == self.revoke_after[0]:
            self.revoke_after[1].revoked = True
        if self.rotate_after and len(self.signed) >= self.rotate_after[0]:
            rotate, self.rotate_after = self.rotate_after[1], None
            rotate()
        keys = self.signer(r, "s3")
        if isinstance(keys, Response):
            self.refusals += 1
            keys.headers["Date"] = email.utils.formatdate(usegmt=True)  # the clock is not what is wrong
            return keys
        if r.target.partition("?")[0] in self.forbidden:
            return error_response(403, "AccessDenied", head_only=r.method == "HEAD")
        self.signed.append((keys.id, r.operation))
        return self.s3.answer(r)

    # ---- sources

    def sts(self, r):
        form = dict(urllib.parse.parse_qsl(r.body.decode(), strict_parsing=True))
        by = "nobody"
        assert form["Version"] == "2011-06-15" and form["RoleArn"].startswith("arn:") and form["RoleSessionName"]
        assert r.headers["content-type"] == "application/x-www-form-urlencoded"
        if form["Action"] == "AssumeRoleWithWebIdentity":
            assert "authorization" not in r.headers
            if form["WebIdentityToken"] != self.web_token:
                return self.sts_error("InvalidIdentityToken", "no such token")
        else:
            signed = datetime.datetime.strptime(r.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
            if self.sts_clock and abs(signed - datetime.datetime.strptime(DATE, "%a, %d %b %Y %H:%M:%S GMT")) > datetime.timedelta(minutes=5):
                return self.sts_error("SignatureDoesNotMatch", "Signature expired")
            by = self.signer(r, "sts")
            if isinstance(by, Response):
                return self.sts_error("SignatureDoesNotMatch", "who are you")
            by = by.id
        if form["RoleArn"].endswith("/closed"):
            return self.sts_error("AccessDenied", f"{by} may not assume it")
        role = form["RoleArn"].rpartition("/")[2]
        keys = self.give(f"sts:{role}:{by}:{form.get('ExternalId', '')}")
        action = form["Action"]
        body = (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
            f"<AccessKeyId>{keys.id}</AccessKeyId><SecretAccessKey>{keys.secret}</SecretAccessKey>"
            f"<SessionToken>{keys.token}</SessionToken><Expiration>{keys.until}</Expiration>"
            f"</Credentials></{action}Result></{action}Response>"
        )
        return Response(200, body=body.encode())

    def sts_error(self, code, message):
        return Response(403, body=f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>".encode())

    def imds(self, r):
        path = r.target
        if path == "/imds/latest/api/token" and r.method == "PUT":
            assert r.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"
            return Response(200, body=self.imds_token.encode())
        if r.headers.get("x-aws-ec2-metadata-token") != self.imds_token:
            return Response(401)
        if path == ROLE_PATH:
            return Response(200, body=b"the-role\n")
        if path == ROLE_PATH + "the-role":
            return Response(200, body=self.give("imds").json(Code="Success", Type="AWS-HMAC").encode())
        return Response(404)

    def container(self, r):
        if r.headers.get("authorization") != self.container_token:
            return Response(401)
        return Response(200, body=self.give("container").json(RoleArn="arn:x").encode())

    def oidc(self, r):
        assert (r.method, r.target) == ("POST", "/oidc/token") and r.headers["content-type"] == "application/json"
        assert "authorization" not in r.headers
        asked = json.loads(r.body)
        assert set(asked) == {"grantType", "clientId", "clientSecret", "refreshToken"} and asked["grantType"] == "refresh_token"
        self.renewals += 1
        if self.on_renewal:
            self.on_renewal()
        if asked["refreshToken"] != self.refresh_token or (asked["clientId"], asked["clientSecret"]) != ("client", 'client-"secret"\\'):
            return Response(400, body=b'{"error":"invalid_grant","error_description":"Invalid refresh token provided"}')
        self.sso_token, self.refresh_token = f"sso-token-{self.renewals + 1}", f"refresh-token-{self.renewals + 1}"
        return Response(
            200, body=json.dumps({"accessToken": self.sso_token, "expiresIn": 3600, "tokenType": "Bearer", "refreshToken": self.refresh_token}).encode()
        )

    def sso(self, r):
        assert r.target == "/sso/federation/credentials?role_name=Reader&account_id=123456789012"
        if r.headers.get("x-amz-sso_bearer_token") != self.sso_token:
            return Response(401, body=b'{"message":"Session token not found or invalid"}')
        keys = self.give("sso")
        return Response(
            200,
            body=json.dumps(
                {
                    "roleCredentials": {
                        "accessKeyId": keys.id,
                        "secretAccessKey": keys.secret,
                        "sessionToken": keys.token,
                        "expiration": int((time.time() + 3600) * 1000),
                    }
                }
            ).encode(),
        )
