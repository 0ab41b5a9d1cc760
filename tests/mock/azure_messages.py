"""Requests of the Blob service told apart, and responses and errors in their shapes."""

import base64
import binascii
import email.utils
import hashlib
import re
import struct
import urllib.parse
from xml.sax.saxutils import escape

import crc
import store as s3
from azure_store import Refused

VERSION = "2023-11-03"
VERSIONS = ("2009-09-19", "2026-06-06")  # the oldest and the newest that are known
CHECK_MAX = 256 * 1024  # of larger bodies the checksum is not computed: Python takes too long
SEGMENT = 4 << 20  # of a structured body


class Request:
    """`operation` is the service's name for the request. `bucket` and `key` are container and blob."""

    spelled = {}  # names of headers as they were sent, by their lower case

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.raw_path, _, query = re.sub("^http://[^/]*", "", target).partition("?")  # a proxy gets whole URLs
        self.pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
        self.query = dict(self.pairs)
        self.account, _, rest = urllib.parse.unquote(self.raw_path)[1:].partition("/")
        self.bucket, _, self.key = rest.partition("/")
        self.fault, self.key_errors = {}, {}
        self.operation = self._operation()

    def _operation(self):
        m, comp = self.method, self.query.get("comp")
        if not self.bucket:
            named = {("GET", "list"): "ListContainers", ("GET", "properties"): "GetAccountInformation", ("POST", "batch"): "BlobBatch"}
            return {**named, ("POST", "userdelegationkey"): "GetUserDelegationKey"}.get((m, comp), m)
        if not self.key:
            return self._of_container(m, comp)
        if m == "PUT":
            return self._put(comp)
        if m == "GET":
            return {"blocklist": "GetBlockList", "tags": "GetBlobTags", None: "GetBlob"}.get(comp, m)
        return {"HEAD": "GetBlobProperties", "DELETE": "DeleteBlob"}.get(m, m)

    def _of_container(self, m, comp):
        named = {("GET", "list"): "ListBlobs", ("POST", "batch"): "BlobBatch", ("PUT", "lease"): "LeaseContainer"}
        plain = {"GET": "GetContainerProperties", "HEAD": "GetContainerProperties", "PUT": "CreateContainer", "DELETE": "DeleteContainer"}
        return named.get((m, comp), m) if comp else plain.get(m, m)

    def _put(self, comp):
        copies = "x-ms-copy-source" in self.headers
        if comp is None:
            return "PutBlobFromURL" if copies and "x-ms-blob-type" in self.headers else "CopyBlob" if copies else "PutBlob"
        if comp == "block":
            return "PutBlockFromURL" if copies else "PutBlock"
        rows = {"blocklist": "PutBlockList", "metadata": "SetBlobMetadata", "properties": "SetBlobProperties", "tier": "SetBlobTier"}
        more = {
            "lease": "LeaseBlob",
            "snapshot": "SnapshotBlob",
            "copy": "AbortCopyBlob",
            "appendblock": "AppendBlock",
            "page": "PutPage",
            "undelete": "UndeleteBlob",
        }
        return {**rows, **more}.get(comp, "PUT")

    def metadata(self):
        found = {self.spelled.get(name, name)[len("x-ms-meta-") :]: value for name, value in self.headers.items() if name.startswith("x-ms-meta-")}
        for name in found:
            if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
                raise Refused(400, "InvalidMetadata", "The specified metadata is invalid. It has characters that are not permitted.")
        return found

    def properties(self):
        return {name[len("x-ms-blob-") :]: value for name, value in self.headers.items() if name.startswith("x-ms-blob-")}


class Response(s3.Response):
    """With the time that it is: a client that is refused compares it with its clock."""

    @property
    def ALWAYS(self):
        return {
            "Date": email.utils.formatdate(usegmt=True),
            "Server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
            "x-ms-request-id": "MOCK",
            "x-ms-version": VERSION,
        }


def xml_response(inner, status=200, headers=None):
    """With the mark of byte order in front, as the service sends it."""
    body = f'\ufeff<?xml version="1.0" encoding="utf-8"?>{inner}'
    return Response(status, {"Content-Type": "application/xml", **(headers or {})}, body.encode())


def error_response(r, status, code, message="mocked", headers=None):
    head_only = r.method == "HEAD"
    headers = dict(headers or {})
    detail = headers.pop("detail", None)
    if status == 304:
        return Response(304, headers, head_only=head_only)
    more = f"<AuthenticationErrorDetail>{escape(detail)}</AuthenticationErrorDetail>" if detail else ""
    inner = f"<Error><Code>{code}</Code><Message>{escape(message)}\nRequestId:MOCK\nTime:2026-11-30T00:00:00.0000000Z</Message>{more}</Error>"
    response = xml_response(inner, status, {"x-ms-error-code": code, **headers})
    response.head_only = head_only
    return response


# ---- checksums


def bytes_of(r):
    """The request's bytes, out of their structured body if they have one, held against the checksums that came with them."""
    data = structured(r.body) if "x-ms-structured-body" in r.headers else r.body
    check(r.headers.get("x-ms-content-crc64"), r.headers.get("content-md5") or r.headers.get("x-ms-blob-content-md5"), data)
    return data


def check(crc64, md5, data):
    if crc64 and len(data) <= CHECK_MAX and crc.b64_of_64(crc.crc64(data)) != crc64:
        raise Refused(400, "Crc64Mismatch", "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.")
    if md5 and base64.b64encode(hashlib.md5(data).digest()).decode() != md5:
        raise Refused(400, "Md5Mismatch", "The MD5 value specified in the request did not match with the MD5 value calculated by the server.")


def to_structured(data):
    """XSM/1.0; properties=crc64"""
    segments = [data[i : i + SEGMENT] for i in range(0, len(data), SEGMENT)] or [b""]
    body = b"".join(struct.pack("<HQ", n, len(s)) + s + struct.pack("<Q", crc.crc64(s)) for n, s in enumerate(segments, 1))
    total = 13 + len(body) + 8
    return struct.pack("<BQHH", 1, total, 1, len(segments)) + body + struct.pack("<Q", crc.crc64(data))


def structured(body):
    bad = Refused(400, "InvalidStructuredMessage", "The structured message is not valid.")
    try:
        version, total, flags, count = struct.unpack_from("<BQHH", body)
        data, at = b"", 13
        for n in range(1, count + 1):
            number, size = struct.unpack_from("<HQ", body, at)
            segment = body[at + 10 : at + 10 + size]
            (crc64,) = struct.unpack_from("<Q", body, at + 10 + size)
            if number != n or (size <= CHECK_MAX and crc64 != crc.crc64(segment)):
                raise Refused(400, "Crc64Mismatch", "A segment does not match its CRC64.")
            data, at = data + segment, at + 10 + size + 8
        (crc64,) = struct.unpack_from("<Q", body, at)
    except struct.error:
        raise bad from None
    if version != 1 or flags != 1 or total != len(body) or at + 8 != total or (len(data) <= CHECK_MAX and crc64 != crc.crc64(data)):
        raise bad
    return data


def block_id(text):
    """Checked; it stays in base64."""
    try:
        size = len(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise Refused(400, "InvalidQueryParameterValue", "Value for one of the query parameters is invalid.") from None
    if not 0 < size <= 64:
        raise Refused(400, "OutOfRangeInput", "One of the request inputs is out of range.")
    return text
