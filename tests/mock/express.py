"""Directory buckets (S3 Express One Zone) of the mock store, by AWS's API reference: they check sessions and append at offsets; listings have no order; ETags
are not MD5. Everything else is as in any bucket.
"""

import base64
import hashlib
import hmac
import re
import struct

import store as s3
from crc import b64, crc32c, crc_join

OWN_KEYS = {"CreateSession", "CopyObject", "UploadPartCopy", "CreateBucket", "DeleteBucket"}  # no session signs these
CRC_SIZE = 64 * 1024  # bodies up to it are held against their checksum


def signed_by(r):
    """Of the Authorization header: key id, day, region, service, the signed names, the signature."""
    words = r.headers["authorization"].replace(",", "").split()
    fields = dict(w.split("=", 1) for w in words[1:])
    key_id, day, region, service, _ = fields["Credential"].split("/")
    return key_id, day, region, service, fields["SignedHeaders"], fields["Signature"]


def signature(r, secret):
    """What it must be: computed again."""
    _, day, region, service, signed, _ = signed_by(r)
    path, _, query = re.sub("^http://[^/]*", "", r.target).partition("?")
    query = "&".join(sorted(p if "=" in p else p + "=" for p in query.split("&") if p))
    lines = [r.method, path, query, *(f"{n}:{r.headers[n]}" for n in signed.split(";")), "", signed, r.headers["x-amz-content-sha256"]]
    text = "\n".join(
        ["AWS4-HMAC-SHA256", r.headers["x-amz-date"], f"{day}/{region}/{service}/aws4_request", hashlib.sha256("\n".join(lines).encode()).hexdigest()]
    )
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Session:
    def __init__(self, number, bucket, mode):
        self.id, self.secret, self.token = f"SESSION{number}", f"session-secret-{number}-9d1c7e", f"session-token-{number}-5b2a0f"
        self.bucket, self.mode, self.requests, self.over = bucket, mode, 0, False


class DirectoryBuckets:
    """Calls come one at a time: the server holds its lock."""

    def __init__(self, store):
        self.store = store
        self.sessions = []
        self.until = "2099-01-01T00:00:00Z"  # of sessions to come
        self.parts, self.crcs = {}, {}  # of objects
        self.serial = 0

    def made(self, path, parts):
        """A new object is there; its ETag."""
        self.serial += 1
        self.parts[path], self.crcs[path] = parts, None
        return f'"{hashlib.sha256(str(self.serial).encode()).hexdigest()[:20]}"'

    def add(self, path, data):
        parts, (before, _, meta) = self.parts[path], self.store.objects[path]
        etag = self.store.put(path, before + data, meta)
        self.parts[path] = parts + 1
        return etag

    def answer(self, r):
        response = self._unsigned(r) or self._wrong(r) or (self._append(r) if "x-amz-write-offset-bytes" in r.headers else None)
        if response:
            response.head_only = r.method == "HEAD"
            return response
        response = getattr(self, "do_" + r.operation, self.store._answer)(r)
        path = f"{r.bucket}/{r.key}"
        if response.status == 200 and r.operation in ("PutObject", "CompleteMultipartUpload"):
            self.crcs[path] = r.headers.get("x-amz-checksum-crc32c")
        if response.status in (200, 206) and r.method in ("GET", "HEAD") and r.key and r.headers.get("x-amz-checksum-mode") and self.crcs[path]:
            response.headers |= {"x-amz-checksum-crc32c": self.crcs[path], "x-amz-checksum-type": "FULL_OBJECT"}
        return response

    # ---- who asks

    def error(self, status, code, message="mocked"):
        return s3.error_response(status, code, message)

    def _unsigned(self, r):
        if "authorization" not in r.headers:
            return self.error(403, "AccessDenied", "not signed")
        key_id, _, _, service, signed, given = signed_by(r)
        if service != "s3express":
            return self.error(403, "SignatureDoesNotMatch", f"signed for {service}")
        token = r.headers.get("x-amz-s3session-token")
        if r.operation in OWN_KEYS:
            return self.error(400, "InvalidRequest", "a session where none may be") if token or key_id.startswith("SESSION") else None
        if token is None and not key_id.startswith("SESSION"):
            return None  # as disable_s3express_session_auth has it
        session = next((s for s in self.sessions if s.id == key_id), None)
        if session is None or session.token != token or session.bucket != r.bucket or "x-amz-security-token" in r.headers:
            return self.error(403, "InvalidAccessKeyId", "no such session")
        if given != signature(r, session.secret) or "x-amz-s3session-token" not in signed.split(";"):
            return self.error(403, "SignatureDoesNotMatch")
        session.requests += 1
        session.over |= session.requests > self.store.ways.get("session_requests", 1 << 30)
        if session.over:
            return self.error(400, "ExpiredToken", "The provided token has expired.")
        if session.mode == "ReadOnly" and r.method not in ("GET", "HEAD"):
            return self.error(403, "AccessDenied", "the session is ReadOnly")
        return None

    def do_CreateSession(self, r):
        mode = r.headers["x-amz-create-session-mode"]
        assert mode in ("ReadWrite", "ReadOnly") and r.body == b"" and r.key == ""
        if r.bucket not in self.store.buckets:
            return self.error(404, "NoSuchBucket")
        if self.store.ways.get("sessions") == "none" or (self.store.ways.get("sessions") == "ReadOnly" and mode == "ReadWrite"):
            return self.error(403, "AccessDenied", f"no {mode}")
        s = Session(len(self.sessions) + 1, r.bucket, mode)
        self.sessions.append(s)
        return s3.xml_response(
            "CreateSessionResult",
            f"<Credentials><SessionToken>{s.token}</SessionToken><SecretAccessKey>{s.secret}</SecretAccessKey>"
            f"<AccessKeyId>{s.id}</AccessKeyId><Expiration>{self.until}</Expiration></Credentials>",
        )

    # ---- what is refused

    def _wrong(self, r):
        if r.operation == "CreateBucket":
            zone = r.bucket.split("--")[1]
            wanted = (
                f"<Location><Name>{zone}</Name><Type>AvailabilityZone</Type></Location>"
                "<Bucket><DataRedundancy>SingleAvailabilityZone</DataRedundancy><Type>Directory</Type></Bucket>"
            )
            return None if wanted in r.body.decode() else self.error(400, "InvalidRequest", "not a directory bucket's configuration")
        if "content-md5" in r.headers:
            return self.error(400, "InvalidRequest", "MD5 is not supported")
        if r.operation == "DeleteObjects" and "x-amz-checksum-crc32c" not in r.headers:
            return self.error(400, "InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
        if "x-amz-tagging" in r.headers or {"tagging", "versions", "versionId"} & set(r.query):
            return self.error(501, "NotImplemented")
        if r.operation in ("ListObjectsV2", "ListMultipartUploads"):
            prefix = r.query.get("prefix", "")
            if (prefix and not prefix.endswith("/")) or r.query.get("delimiter", "/") != "/":
                return self.error(400, "InvalidRequest", "prefix and delimiter must end in /")
            if {"start-after", "upload-id-marker", "marker"} & set(r.query):
                return self.error(400, "InvalidRequest", "not supported")
        crc = r.headers.get("x-amz-checksum-crc32c")
        if crc and r.operation != "CompleteMultipartUpload" and len(r.body) <= CRC_SIZE and b64(crc32c(r.body)) != crc:
            return self.error(400, "BadDigest")
        return None

    # ---- what is different

    def _append(self, r):
        path, offset = f"{r.bucket}/{r.key}", int(r.headers["x-amz-write-offset-bytes"])
        if r.operation != "PutObject":
            return self.error(501, "NotImplemented")
        if not r.body:
            return self.error(400, "InvalidRequest", "Request body cannot be empty when 'write offset' is specified.")
        refused = self.store._refused(r, path)
        if refused:
            return refused
        data = self.store.objects.get(path, (b"",))[0]
        if offset != len(data):
            return self.error(400, "InvalidWriteOffset", "The write offset value that you specified does not match the current object size.")
        if path not in self.store.objects:
            return None
        if any(name.startswith("x-amz-meta-") for name in r.headers):
            return self.error(400, "InvalidRequest", "Cannot specify both a write offset value and user-defined object metadata for existing objects.")
        crc = r.headers.get("x-amz-checksum-crc32c")
        kind = self.store.ways.get("sums", {}).get(path) or ("crc32c" if self.crcs[path] else "crc64nvme")
        if crc and kind != "crc32c":
            return self.error(400, "InvalidRequest", f"Checksum Type mismatch occurred, expected checksum Type: {kind}, actual checksum Type: crc32c")
        if not crc and r.headers["x-amz-content-sha256"] != hashlib.sha256(r.body).hexdigest():
            return self.error(400, "InvalidRequest", "nothing vouches for the bytes")
        known = self.crcs[path]
        if self.parts[path] >= self.store.ways.get("object_parts", 10000):
            return self.error(400, "TooManyParts", "You have attempted to add more parts than the maximum of 10000 that are allowed for this object.")
        etag = self.add(path, r.body)
        if crc and known:
            first, second = (struct.unpack(">I", base64.b64decode(c))[0] for c in (known, crc))
            self.crcs[path] = b64(crc_join(first, second, len(r.body)))
        return s3.Response(200, {"ETag": etag, "x-amz-object-size": str(len(data) + len(r.body))})

    def do_ListObjectsV2(self, r):
        """In the order of a hash. A token is a place, so that it is worth nothing once something before it is gone."""
        prefix, delimiter = r.query.get("prefix", ""), r.query.get("delimiter", "")
        if r.bucket not in self.store.buckets:
            return self.error(404, "NoSuchBucket")
        names = {}
        under_way = [path for path, _, _ in self.store.uploads.values()] if delimiter else []
        for path in [*self.store.objects, *under_way]:
            key = path[len(r.bucket) + 1 :]
            if not path.startswith(f"{r.bucket}/{prefix}"):
                continue
            cut = key.find("/", len(prefix)) if delimiter else -1
            if cut >= 0:
                names[key[: cut + 1]] = None
            elif path in self.store.objects:
                names[key] = path
        first = int(r.query.get("continuation-token", "place-0")[6:])
        most = min(int(r.query.get("max-keys", 1000)), self.store.ways.get("page", 1000))
        ordered = sorted(names.items(), key=lambda n: hashlib.md5(n[0].encode()).digest())
        page, more = ordered[first : first + most], first + most < len(ordered)
        return s3.xml_response("ListBucketResult", s3.entries_xml(self.store, r, page, f"place-{first + most}" if more else None))
