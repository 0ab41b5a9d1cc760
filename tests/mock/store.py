"""S3 as it should be, in memory, as far as a client's tests need it: requests in, replies out, no network. server.py puts faults on top.

Stores that speak the protocol differ: `ways` makes this one behave as such a store does (docs/testing.md has the fields).
"""

import base64
import copy
import hashlib
import re
import urllib.parse
from xml.sax.saxutils import escape, unescape

import express

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
DATE = "Mon, 23 Nov 2026 21:13:00 GMT"


def is_directory(bucket):
    return bucket.endswith("--x-s3")


def pattern(size, seed=0):
    """The bytes of a generated object: they depend on their place, so that a piece from elsewhere is seen. Seed 0 is probe.c's."""
    period = bytes(((i * 31 + (i >> 3) * 7 + seed) & 255) for i in range(4 * 251))
    return (period * (size // len(period) + 1))[:size]


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        path, _, query = re.sub("^http://[^/]*", "", target).partition("?")  # a proxy gets whole URLs
        self.path = urllib.parse.unquote(path)
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        label = headers.get("host", "").partition(".")[0]
        if is_directory(label):
            self.bucket, self.key = label, self.path[1:]
        else:
            self.bucket, _, self.key = self.path[1:].partition("/")
        self.operation = self._operation()

    def _operation(self):
        """S3's own name for the request."""
        q, m = self.query, self.method
        if not self.bucket:
            return "ListBuckets"
        if not self.key:
            if m == "GET" and "session" in q:
                return "CreateSession"
            if m == "GET":
                return "ListMultipartUploads" if "uploads" in q else "GetBucketLocation" if "location" in q else "ListObjectsV2"
            return {"HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket", "POST": "DeleteObjects"}.get(m, m)
        if "uploadId" in q:
            if m == "PUT":
                return "UploadPartCopy" if "x-amz-copy-source" in self.headers else "UploadPart"
            return {"POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload", "GET": "ListParts"}.get(m, m)
        if m == "POST":
            return "CreateMultipartUpload" if "uploads" in q else "PostObject"
        if m == "PUT":
            return "CopyObject" if "x-amz-copy-source" in self.headers else "PutObject"
        return {"GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(m, m)


class Reply:
    def __init__(self, status=200, headers=None, body=b"", head_only=False):
        self.status, self.headers, self.body, self.head_only = status, dict(headers or {}), body, head_only

    def bytes(self, length_off=0):
        """Head and body as they go over the wire; `length_off` makes Content-Length lie."""
        head = f"HTTP/1.1 {self.status} Mock\r\nDate: {DATE}\r\nx-amz-request-id: MOCK\r\n"
        for name, value in self.headers.items():
            head += f"{name}: {value}\r\n"
        # A HEAD says how long the body would be.
        if self.status not in (204, 304) and not any(n.lower() == "content-length" for n in self.headers):
            head += f"Content-Length: {len(self.body) + length_off}\r\n"
        return head.encode() + b"\r\n", b"" if self.head_only else self.body


def error_reply(status, code, message="mocked", head_only=False):
    body = f"{XML}<Error><Code>{code}</Code><Message>{escape(message)}</Message><RequestId>MOCK</RequestId></Error>"
    return Reply(status, {"Content-Type": "application/xml"}, body.encode(), head_only)


def xml_reply(root, inner):
    return Reply(200, {"Content-Type": "application/xml"}, f"{XML}<{root}>{inner}</{root}>".encode())


def entries_xml(store, r, page, token):
    """Of a page's names, each with its object's path or None, what a listing says."""
    url = r.query.get("encoding-type") == "url"
    inner = f"<Name>{r.bucket}</Name><KeyCount>{len(page)}</KeyCount>" + ("<EncodingType>url</EncodingType>" if url else "")
    if token is not None:
        inner += f"<IsTruncated>true</IsTruncated><NextContinuationToken>{escape(token)}</NextContinuationToken>"
    else:
        inner += "<IsTruncated>false</IsTruncated>"
    for name, path in page:
        shown = escape(urllib.parse.quote(name, safe="/") if url else name)
        if path is None:
            inner += f"<CommonPrefixes><Prefix>{shown}</Prefix></CommonPrefixes>"
        else:
            data, etag, _ = store.objects[path]
            inner += (f"<Contents><Key>{shown}</Key><Size>{len(data)}</Size><ETag>{escape(etag)}</ETag>"
                      "<LastModified>2026-11-23T21:13:00.000Z</LastModified></Contents>")
    return inner


def user_metadata(r):
    return {name: value for name, value in r.headers.items() if name == "content-type" or name.startswith("x-amz-meta-")}


class Store:
    """Calls come one at a time: the server holds its lock."""

    WAYS = {
        "headers",  # of every reply
        "refuses",  # {operation: {header: [status, code, message]}}: a request with such a header
        "lacks",  # operations that are not there: 501 NotImplemented
        "ignores",  # {operation: [header]}: as if the client had not sent it
        "max_parts",  # of an upload
        "page",  # entries of a listing's page at most
        "equal_parts",  # all parts but the last must have one size, and the last no more
        "object_parts",  # of an object in a directory bucket, to which each append adds one
        "sums",  # {path: "crc64nvme"}: objects in directory buckets that another client made with that checksum
        "sessions",  # of directory buckets: "ReadOnly": others are denied; "none": so are these
        "session_requests",  # that a session is good for
    }

    def __init__(self, objects, buckets, ways):
        if set(ways) - self.WAYS:
            raise ValueError(f"a store has no way {', '.join(sorted(set(ways) - self.WAYS))}")
        self.ways = ways
        self.buckets = set(buckets)
        self.objects, self.uploads = {}, {}
        self.checksums = {}  # of parts that came with one: ETag -> CRC32C
        self.serial = 0
        self.directories = express.DirectoryBuckets(self)
        for path, data in objects.items():
            self.put(path, data)
            self.buckets.add(path.partition("/")[0])

    def _next(self):
        self.serial += 1
        return self.serial

    def put(self, path, data, meta=None, etag=None):
        """Makes or replaces an object; its ETag is S3's: the MD5 of its bytes, or what an upload in parts gives."""
        if is_directory(path.partition("/")[0]):
            etag = self.directories.made(path, int(etag.strip('"').rpartition("-")[2]) if etag else 1)
        self.objects[path] = (data, etag or f'"{hashlib.md5(data).hexdigest()}"', meta or {})
        return self.objects[path][1]

    def answer(self, r):
        """As `ways` has it, of what a store should answer."""
        ignored = self.ways.get("ignores", {}).get(r.operation, [])
        r = copy.copy(r)  # a case looks at what came in
        r.headers = {name: value for name, value in r.headers.items() if name not in ignored}
        reply = self._refusal(r) or (self.directories.answer(r) if is_directory(r.bucket) else self._answer(r))
        reply.headers.update(self.ways.get("headers", {}))
        return reply

    def _refusal(self, r):
        if r.operation in self.ways.get("lacks", []):
            return error_reply(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
        for header, error in self.ways.get("refuses", {}).get(r.operation, {}).items():
            if header in r.headers:
                return error_reply(*error, head_only=r.method == "HEAD")
        digest = r.headers.get("content-md5")
        if digest and base64.b64decode(digest) != hashlib.md5(r.body).digest():
            return error_reply(400, "BadDigest")
        return None

    def do_CreateSession(self, r):
        return error_reply(405, "MethodNotAllowed", "not a directory bucket")

    def _answer(self, r):
        head = r.method == "HEAD"
        if r.bucket and r.bucket not in self.buckets and r.operation != "CreateBucket":
            return error_reply(404, "NoSuchBucket", head_only=head)
        handler = getattr(self, "do_" + r.operation, None)
        return handler(r) if handler else error_reply(501, "NotImplemented", r.operation)

    def _refused(self, r, path):
        """The reply to a condition that doesn't hold, or None."""
        there = self.objects.get(path)
        if r.headers.get("if-none-match") == "*" and there:
            return error_reply(412, "PreconditionFailed")
        match = r.headers.get("if-match")
        if match is not None and not there:
            return error_reply(404, "NoSuchKey")
        if match is not None and match.strip('"') != there[1].strip('"'):
            return error_reply(412, "PreconditionFailed")
        return None

    def _object(self, r):
        path, head = f"{r.bucket}/{r.key}", r.method == "HEAD"
        if path not in self.objects:
            return error_reply(404, "NoSuchKey", head_only=head)
        refused = self._refused(r, path)
        if refused:
            refused.head_only = head
            return refused
        data, etag, meta = self.objects[path]
        headers = {**meta, "ETag": etag, "Last-Modified": DATE, "Accept-Ranges": "bytes"}
        headers.setdefault("content-type", "binary/octet-stream")
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", r.headers.get("range", ""))
        if not asked:
            return Reply(200, headers, data, head)
        first, last = asked.groups()
        if first == "":
            begin, end = max(0, len(data) - int(last)), len(data)
        else:
            begin, end = int(first), min(len(data), int(last) + 1 if last else len(data))
        if begin >= end:
            reply = error_reply(416, "InvalidRange", head_only=head)
            reply.headers["Content-Range"] = f"bytes */{len(data)}"
            return reply
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
        return Reply(206, headers, data[begin:end], head)

    do_GetObject = do_HeadObject = _object

    def do_PutObject(self, r):
        path = f"{r.bucket}/{r.key}"
        return self._refused(r, path) or Reply(200, {"ETag": self.put(path, r.body, user_metadata(r))})

    def do_CopyObject(self, r):
        source = urllib.parse.unquote(r.headers["x-amz-copy-source"]).lstrip("/")
        if source not in self.objects:
            return error_reply(404, "NoSuchKey")
        match = r.headers.get("x-amz-copy-source-if-match")
        if match is not None and match.strip('"') != self.objects[source][1].strip('"'):
            return error_reply(412, "PreconditionFailed")
        etag = self.put(f"{r.bucket}/{r.key}", self.objects[source][0], self.objects[source][2])
        return xml_reply("CopyObjectResult", f"<ETag>{escape(etag)}</ETag>")

    def do_DeleteObject(self, r):
        refused = self._refused(r, f"{r.bucket}/{r.key}")
        if refused:
            return refused
        self.objects.pop(f"{r.bucket}/{r.key}", None)
        return Reply(204)

    def do_DeleteObjects(self, r):
        for key in re.findall(r"<Key>(.*?)</Key>", r.body.decode(), re.S):
            self.objects.pop(f"{r.bucket}/{unescape(key)}", None)
        return xml_reply("DeleteResult", "")

    def do_HeadBucket(self, r):
        return Reply(200, head_only=True)

    def do_CreateBucket(self, r):
        self.buckets.add(r.bucket)
        return Reply(200)

    def do_ListObjectsV2(self, r):
        prefix, delimiter = r.query.get("prefix", ""), r.query.get("delimiter", "")
        after = r.query.get("continuation-token", r.query.get("start-after", ""))
        most = min(int(r.query.get("max-keys", 1000)), self.ways.get("page", 1000))
        names = {}
        for path in sorted(p for p in self.objects if p.startswith(f"{r.bucket}/{prefix}")):
            key = path[len(r.bucket) + 1:]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            name = key[:cut + len(delimiter)] if cut >= 0 else key
            if name > after:
                names.setdefault(name, None if cut >= 0 else path)
        page = list(names.items())[:most]
        return xml_reply("ListBucketResult", entries_xml(self, r, page, page[-1][0] if len(names) > len(page) else None))

    def do_CreateMultipartUpload(self, r):
        upload = f"upload-{self._next()}"
        self.uploads[upload] = (f"{r.bucket}/{r.key}", {}, user_metadata(r))
        return xml_reply("InitiateMultipartUploadResult",
                         f"<Bucket>{r.bucket}</Bucket><Key>{escape(r.key)}</Key><UploadId>{upload}</UploadId>")

    def do_UploadPart(self, r):
        upload = self.uploads.get(r.query["uploadId"])
        if upload is None:
            return error_reply(404, "NoSuchUpload")
        etag = f'"{hashlib.md5(r.body).hexdigest()}"'
        self.checksums[etag] = r.headers.get("x-amz-checksum-crc32c")
        upload[1][int(r.query["partNumber"])] = (r.body, etag)
        return Reply(200, {"ETag": etag})

    def do_UploadPartCopy(self, r):
        upload = self.uploads.get(r.query["uploadId"])
        if upload is None:
            return error_reply(404, "NoSuchUpload")
        source = urllib.parse.unquote(r.headers["x-amz-copy-source"]).lstrip("/")
        if source not in self.objects:
            return error_reply(404, "NoSuchKey")
        data, etag, _ = self.objects[source]
        match = r.headers.get("x-amz-copy-source-if-match")
        if match is not None and match.strip('"') != etag.strip('"'):
            return error_reply(412, "PreconditionFailed")
        first, last = re.fullmatch(r"bytes=(\d+)-(\d+)", r.headers["x-amz-copy-source-range"]).groups()
        if int(last) >= len(data):
            return error_reply(400, "InvalidArgument")
        piece = data[int(first):int(last) + 1]
        etag = f'"{hashlib.md5(piece).hexdigest()}"'
        upload[1][int(r.query["partNumber"])] = (piece, etag)
        checksum = self.checksums.get(etag)
        told = f"<ChecksumCRC32C>{checksum}</ChecksumCRC32C>" if checksum else ""
        return xml_reply("CopyPartResult", f"<ETag>{escape(etag)}</ETag>{told}")

    def do_CompleteMultipartUpload(self, r):
        if r.query["uploadId"] not in self.uploads:
            return error_reply(404, "NoSuchUpload")
        path, parts, meta = self.uploads[r.query["uploadId"]]
        refused = self._refused(r, path)
        if refused:
            return refused
        if max(parts) > self.ways.get("max_parts", 10000):
            return error_reply(400, "InvalidArgument", "Part number must be an integer between 1 and the maximum")
        if self.ways.get("equal_parts"):
            sizes = [len(parts[n][0]) for n in sorted(parts)]
            if len(set(sizes[:-1])) > 1 or sizes[-1] > sizes[0]:
                return error_reply(400, "InvalidPart", "All non-trailing parts must have the same length.")
        pieces, sums = [], b""
        for part in re.findall(r"<Part>(.*?)</Part>", r.body.decode(), re.S):
            number = int(re.search(r"<PartNumber>(\d+)</PartNumber>", part).group(1))
            etag = unescape(re.search(r"<ETag>(.*?)</ETag>", part).group(1), {"&quot;": '"', "&#34;": '"'})
            if number not in parts or parts[number][1].strip('"') != etag.strip('"'):
                return error_reply(400, "InvalidPart")
            pieces.append(parts[number][0])
            sums += bytes.fromhex(parts[number][1].strip('"'))
        del self.uploads[r.query["uploadId"]]
        etag = self.put(path, b"".join(pieces), meta, f'"{hashlib.md5(sums).hexdigest()}-{len(pieces)}"')
        return xml_reply("CompleteMultipartUploadResult", f"<ETag>{escape(etag)}</ETag>")

    def do_AbortMultipartUpload(self, r):
        return Reply(204) if self.uploads.pop(r.query["uploadId"], None) else error_reply(404, "NoSuchUpload")

    def do_ListMultipartUploads(self, r):
        inner = "<IsTruncated>false</IsTruncated>"
        for upload, (path, _, _) in self.uploads.items():
            if path.startswith(f"{r.bucket}/{r.query.get('prefix', '')}"):
                inner += (f"<Upload><Key>{escape(path.partition('/')[2])}</Key><UploadId>{upload}</UploadId>"
                          "<Initiated>2026-11-23T21:13:00.000Z</Initiated></Upload>")
        return xml_reply("ListMultipartUploadsResult", inner)
