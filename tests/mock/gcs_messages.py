"""Requests of Google Cloud Storage's JSON and XML APIs, told apart, and responses and errors in their shapes."""

import base64
import email.utils
import json
import re
import struct
import urllib.parse
from xml.sax.saxutils import escape

import store as s3
from gcs_store import Conditions, Refused

XML_CODES = {  # codes of the XML API where they differ from the reasons of the JSON API
    "notFound": "NoSuchKey",
    "conditionNotMet": "PreconditionFailed",
    "authError": "AuthenticationRequired",
    "required": "UserProjectMissing",
    "rateLimitExceeded": "SlowDown",
    "objectUnderActiveHold": "ObjectUnderActiveHold",
    "retentionPolicyNotMet": "RetentionPolicyNotMet",
    "resourceIsEncryptedWithCustomerEncryptionKey": "ResourceIsEncryptedWithCustomerEncryptionKey",
    "requestedRangeNotSatisfiable": "InvalidRange",
    "backendError": "InternalError",
    "forbidden": "AccessDenied",
    "invalid": "InvalidArgument",
}
USAGE = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
XML_CONDITIONS = {
    "x-goog-if-generation-match": "ifGenerationMatch",
    "x-goog-if-metageneration-match": "ifMetagenerationMatch",
    "x-goog-if-generation-not-match": "ifGenerationNotMatch",
}


def json_of(body):
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise Refused(400, "parseError", "Parse Error") from None


class Request:
    """`operation` is the JSON API's method, as objects.get; downloads are objects.media, uploads in pieces uploads.start, .chunk, .status and .delete.

    Of the XML API it is S3's name for the request. `bucket` and `key` are the target's; `source` is the (bucket, key) of a copy or move.
    """

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        raw, _, query = re.sub("^http://[^/]*", "", target).partition("?")  # a proxy gets whole URLs
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.path = urllib.parse.unquote(raw)
        self.bucket, self.key, self.source, self.folder, self.xml = "", "", None, None, False
        self.fault, self.key_errors = {}, {}
        steps = [urllib.parse.unquote(step) for step in raw.split("/")[1:]]  # a slash of a name is %2F
        if steps[:2] == ["batch", "storage"]:
            self.operation = "batch"
        elif steps[0] in ("upload", "download", "resumable") and steps[1:3] == ["storage", "v1"]:
            self.operation = self._json(steps[3:], steps[0])
        elif steps[:2] == ["storage", "v1"]:
            self.operation = self._json(steps[2:], "")
        else:
            self.xml = True
            self.bucket, _, self.key = self.path[1:].partition("/")
            self.operation = self._xml_operation()

    def _xml_operation(self):
        q, m = self.query, self.method
        if not self.bucket:
            return "ListBuckets"
        if not self.key:
            return "ListMultipartUploads" if "uploads" in q else "ListObjectsV2" if m == "GET" else m
        if "uploadId" in q:
            return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload", "GET": "ListParts"}.get(m, m)
        if m == "POST" and "uploads" in q:
            return "CreateMultipartUpload"
        return {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}.get(m, m)

    def _json(self, steps, where):
        """`steps`: b, BUCKET, o, OBJECT, …"""
        m = self.method
        if len(steps) < 2:
            return {"GET": "buckets.list", "POST": "buckets.insert"}.get(m, m)
        self.bucket, rest = steps[1], steps[2:]
        if not rest:
            return {"GET": "buckets.get", "DELETE": "buckets.delete", "PATCH": "buckets.patch"}.get(m, m)
        if rest[0] == "storageLayout":
            return "buckets.getStorageLayout"
        if rest[0] == "operations":
            self.key = rest[1]
            return "operations.get"
        if rest[0] == "folders":
            return self._folders(rest[1:])
        if rest[0] != "o":
            return m
        return self._objects(rest[1:], where)

    def _folders(self, rest):
        m = self.method
        if not rest:
            return {"GET": "folders.list", "POST": "folders.insert"}.get(m, m)
        self.key = rest[0]
        if rest[1:2] == ["renameTo"]:
            self.folder = rest[3]
            return "folders.rename"
        if rest[1:2] == ["deleteRecursive"]:
            return "folders.deleteRecursive"
        return {"GET": "folders.get", "DELETE": "folders.delete"}.get(m, m)

    def _objects(self, rest, where):
        m = self.method
        if where in ("upload", "resumable") and not rest:
            return self._upload()
        if not rest:
            return "objects.list" if m == "GET" else m
        self.key, verb = rest[0], rest[1] if len(rest) > 1 else ""
        if verb in ("rewriteTo", "copyTo") and len(rest) == 6:
            self.source, self.bucket, self.key = (self.bucket, self.key), rest[3], rest[5]
            return "objects.rewrite" if verb == "rewriteTo" else "objects.copy"
        if verb == "moveTo" and len(rest) == 4:
            self.source, self.key = (self.bucket, self.key), rest[3]
            return "objects.move"
        if verb:
            return {"compose": "objects.compose", "restore": "objects.restore"}.get(verb, m)
        if m == "GET":
            return "objects.media" if self.query.get("alt") == "media" or where == "download" else "objects.get"
        return {"DELETE": "objects.delete", "PATCH": "objects.patch"}.get(m, m)

    def _upload(self):
        self.key = self.query.get("name", "")
        if "upload_id" in self.query:
            if self.method == "DELETE":
                return "uploads.delete"
            return "uploads.status" if self.headers.get("content-range", "").startswith("bytes */") and not self.body else "uploads.chunk"
        return "uploads.start" if self.query.get("uploadType") == "resumable" else "objects.insert"

    def json(self):
        return json_of(self.body)

    def conditions(self, prefix="if"):
        if self.xml:
            return Conditions({XML_CONDITIONS[name]: value for name, value in self.headers.items() if name in XML_CONDITIONS})
        return Conditions(self.query, prefix)

    def hashes(self):
        """Of "crc32c=…,md5=…" in x-goog-hash: {"crc32c": …, "md5Hash": …}."""
        pairs = dict(p.strip().split("=", 1) for p in self.headers.get("x-goog-hash", "").split(",") if "=" in p)
        return {{"md5": "md5Hash"}.get(name, name): value for name, value in pairs.items()}


class Response(s3.Response):
    """With the time that it is: a client that is refused compares it with its clock."""

    @property
    def ALWAYS(self):
        return {"Date": email.utils.formatdate(usegmt=True), "X-GUploader-UploadID": "MOCK"}


def json_response(value, status=200, headers=None):
    return Response(status, {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}, json.dumps(value).encode())


def error_response(r, status, code, message="mocked", headers=None):
    """JSON for the JSON API, XML for the XML API, plain text where bytes were asked for."""
    head_only = r.method == "HEAD"
    if status == 304:
        return Response(304, headers, head_only=head_only)
    if r.xml:
        code = "NoSuchBucket" if "bucket does not exist" in message else XML_CODES.get(code, code)
        body = f"{s3.XML}<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return Response(status, {"Content-Type": "application/xml; charset=UTF-8", **(headers or {})}, body.encode(), head_only)
    if r.operation == "objects.media":
        return Response(status, {"Content-Type": "text/html; charset=UTF-8", **(headers or {})}, message.encode())
    one = {"message": message, "domain": "usageLimits" if code in USAGE else "global", "reason": code}
    if code in ("authError", "required") and status == 401:
        one.update(locationType="header", location="Authorization")
    return json_response({"error": {"code": status, "message": message, "errors": [one]}}, status, headers)


# ---- fields=items(name,size),nextPageToken


def _parse_fields(text, place=0):
    """{"items": {"name": {}, …}, …}, and where it ended."""
    chosen, name = {}, ""
    while place <= len(text):
        c = text[place] if place < len(text) else ")"
        if c in ",)":
            if name:
                _add_path(chosen, name, {})
            name = ""
            if c == ")":
                return chosen, place
        elif c == "(":
            inner, place = _parse_fields(text, place + 1)
            _add_path(chosen, name, inner)
            name = ""
        else:
            name += c
        place += 1
    return chosen, place


def _add_path(chosen, path, inner):
    first, _, rest = path.partition("/")
    if rest:
        _add_path(chosen.setdefault(first, {}), rest, inner)
    else:
        chosen.setdefault(first, {}).update(inner)


def _choose(value, chosen):
    if isinstance(value, list):
        return [_choose(one, chosen) for one in value]
    if not chosen or "*" in chosen or not isinstance(value, dict):
        return value
    return {name: _choose(value[name], inner) for name, inner in chosen.items() if name in value}


def selected(value, fields):
    """What `fields` leaves of a response."""
    return _choose(value, _parse_fields(fields)[0]) if fields else value


# ---- bodies in parts


def parts_of(r):
    """Of a multipart body, each part's (headers, body)."""
    boundary = re.search(r'boundary="?([^";]+)"?', r.headers.get("content-type", ""))
    if not boundary:
        raise Refused(400, "badRequest", "Missing multipart boundary")
    pieces = (b"\r\n" + r.body).split(b"\r\n--" + boundary[1].encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Refused(400, "badRequest", "Malformed multipart body.")
    result = []
    for piece in pieces[1:-1]:
        head, _, body = piece.partition(b"\r\n\r\n")
        lines = [line.partition(":") for line in head.decode("latin-1").split("\r\n") if ":" in line]
        result.append(({name.strip().lower(): value.strip() for name, _, value in lines}, body))
    return result


def be32(text):
    """The number of a checksum in base64."""
    return struct.unpack(">I", base64.b64decode(text))[0]
