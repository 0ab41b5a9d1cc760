"""Google Cloud Storage as it should be, in memory, as far as a client's tests need it: MockServer(kind=gcs.Store) is one.

Written from the JSON and the XML API's documentation. gcs_store.py has the buckets and objects, gcs_messages.py requests, responses and errors, the others what
each request does. `ways` makes it differ (docs/testing.md has the fields).
"""

import re

import gcs_buckets
import gcs_messages
import gcs_objects
import gcs_uploads
import gcs_xml
from gcs_messages import Request, Response, error_response, json_of, selected
from gcs_store import Model, Object, Refused

HANDLERS = {**gcs_objects.HANDLERS, **gcs_uploads.HANDLERS, **gcs_buckets.HANDLERS, **gcs_xml.HANDLERS}
BATCH_MAX = 100
SESSION = ("uploads.chunk", "uploads.status", "uploads.delete")  # the session is authority enough
READ_OF_RAPID = ("objects.get", "objects.list")  # all else is gRPC's
PERMISSIONS = {  # that a request takes before its work begins
    "CreateMultipartUpload": "storage.multipartUploads.create",
    "buckets.insert": "storage.buckets.create",
    "buckets.list": "storage.buckets.list",
    "objects.delete": "storage.objects.delete",
    "objects.get": "storage.objects.get",
    "objects.list": "storage.objects.list",
    "objects.media": "storage.objects.get",
}
WITHOUT_FIELDS = ("objects.media", *SESSION)


class Store(Model):
    """`objects` is what a case calls so: {"bucket/name": (bytes, generation, resource)} of the live ones."""

    Request, Response = Request, Response
    WAYS = {
        "headers",  # of every response
        "lacks",  # operations that are not there: 501
        "page",  # entries of a listing's page at most
        "lacks_permissions",  # those of the caller, as storage.objects.list
        "only_below",  # the caller may use, and list, no more than the names that begin so
        "tokens",  # bearer tokens that are let in; without it, everybody is
        "rewrite_steps",  # calls that a rewrite takes
        "rewrite_tokens",  # "new": one for each call
        "operation_polls",  # times that an operation has to be asked after before it is done
        "one_write_a_second",  # true: for each name
    }

    def __init__(self, objects, buckets, ways):
        if set(ways) - self.WAYS:
            raise ValueError(f"a store has no way {', '.join(sorted(set(ways) - self.WAYS))}")
        super().__init__(buckets, ways.get("one_write_a_second", False))
        self.ways, self.lacks_permissions = ways, ways.get("lacks_permissions", [])
        self.sessions, self.lost = {}, {}  # of resumable uploads: name -> Session; name -> the status it is answered
        self.multipart, self.rewrites, self.operations = {}, {}, {}
        for path, data in objects.items():  # which are older than anything that a client sends
            there = self.put(path, data)
            there.created = there.updated = -60

    def next_serial(self):
        self.serial += 1
        return self.serial

    @property
    def objects(self):
        return {o.path: (o.data, str(o.generation), o) for bucket in self.buckets.values() for o in bucket.live.values()}

    @property
    def uploads(self):
        return {**{name: s for name, s in self.sessions.items() if not s.made and not s.refused}, **self.multipart}

    def put(self, path, data, **properties):
        """What another writer puts there."""
        bucket, _, name = path.partition("/")
        self.written_by_others(bucket, name)
        lacked, self.lacks_permissions = self.lacks_permissions, []
        made = self.place(Object(bucket, name, data, properties))
        self.lacks_permissions = lacked
        return made

    def drop(self, path):
        bucket, _, name = path.partition("/")
        self.remove(self.bucket(bucket), name)

    def add(self, path, data):
        """What another writer adds to the object, as by a compose without a mark."""
        self.put(path, self.objects[path][0] + data)

    def written_by_others(self, bucket, name):
        """A test's own object counts as no write of the client's."""
        if bucket not in self.buckets:
            self.buckets[bucket] = gcs_buckets.Bucket(bucket)
        self.buckets[bucket].written.pop(name, None)

    # ---- requests

    def error(self, r, status, code, message="mocked"):
        return error_response(r, status, code, message)

    def answer(self, r):
        try:
            self._let_in(r)
            response = self._batch(r) if r.operation == "batch" else self._answer(r)
        except Refused as refused:
            response = error_response(r, refused.status, refused.code, refused.message, refused.headers)
        response.headers.update(self.ways.get("headers", {}))
        return response

    def _let_in(self, r):
        """Whether the request has a token that is let in."""
        if "tokens" not in self.ways or r.operation in SESSION:
            return
        given = r.headers.get("authorization")
        if given is None:
            raise Refused(401, "required", "Anonymous caller does not have storage access to the Google Cloud Storage object.")
        if given not in (f"Bearer {token}" for token in self.ways["tokens"]):
            raise Refused(401, "authError", "Invalid Credentials")

    def _answer(self, r):
        if r.operation in self.ways.get("lacks", []) or r.operation not in HANDLERS:
            raise Refused(501, "notImplemented", f"{r.operation} is not implemented")
        for name in {r.bucket, r.source[0]} if r.source else {r.bucket}:
            payer = r.query.get("userProject") or r.headers.get("x-goog-user-project")
            if name in self.buckets and self.buckets[name].requester_pays and not payer and r.operation not in SESSION:
                raise Refused(400, "required", "Bucket is a requester pays bucket but no user project provided.")
        if r.operation.startswith(("objects.", "uploads.")) and r.operation not in READ_OF_RAPID and r.bucket in self.buckets and self.buckets[r.bucket].rapid:
            raise Refused(400, "invalid", "This request is not supported in the bucket.")
        response = self._permitted(r)
        fields = r.query.get("fields")
        if fields and not r.xml and r.operation not in WITHOUT_FIELDS and response.body:
            return gcs_messages.json_response(selected(json_of(response.body), fields), response.status)
        return response

    def _permitted(self, r):
        """Who may not list is not told that an object is missing."""
        asked = r.query.get("prefix", "") if r.operation in ("objects.list", "ListObjectsV2") else r.key
        if r.operation not in SESSION and not asked.startswith(self.ways.get("only_below", "")):
            what = f"storage.objects access to the Google Cloud Storage object {asked!r}."
            raise Refused(403, "forbidden", f"run@p.iam.gserviceaccount.com does not have {what}")
        if r.operation in PERMISSIONS:
            self.permit(PERMISSIONS[r.operation])
        try:
            return HANDLERS[r.operation](self, r)
        except Refused as refused:
            if refused.status == 404 and refused.message.startswith("No such object"):
                self.permit("storage.objects.list")
            raise

    # ---- batches

    def _batch(self, r):
        """Each part is a request with a response; `key_errors` are [status, reason, message] by the names of objects."""
        parts = gcs_messages.parts_of(r)
        if len(parts) > BATCH_MAX:
            raise Refused(400, "badRequest", "The batch has too many requests.")
        body = b""
        for headers, content in parts:
            inner = self._batch_part(r, headers, content)
            head = f"--batch_MOCK\r\nContent-Type: application/http\r\nContent-ID: <response-{headers.get('content-id', '').strip('<>')}>\r\n\r\n"
            lines = "".join(f"{name}: {value}\r\n" for name, value in inner.headers.items())
            body += f"{head}HTTP/1.1 {inner.status} Mock\r\n{lines}Content-Length: {len(inner.body)}\r\n\r\n".encode() + inner.body + b"\r\n"
        return Response(200, {"Content-Type": "multipart/mixed; boundary=batch_MOCK"}, body + b"--batch_MOCK--\r\n")

    def _batch_part(self, r, headers, content):
        if headers.get("content-type") != "application/http":
            raise Refused(400, "badRequest", "A part of a batch is not application/http.")
        head, _, body = content.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        asked = re.fullmatch(r"([A-Z]+) (\S+)(?: HTTP/1\.1)?", line)
        if not asked:
            raise Refused(400, "badRequest", "A part of a batch is no request.")
        named = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        inner = Request(asked[1], asked[2], {**named, "host": r.headers.get("host", "")}, body.rstrip(b"\r\n"))
        try:
            if inner.operation in ("objects.media", "objects.insert", "batch", *SESSION) or inner.xml:
                raise Refused(400, "badRequest", "A batch has no uploads and no downloads.")
            if inner.key in r.key_errors:
                raise Refused(*r.key_errors[inner.key])
            return self._answer(inner)
        except Refused as refused:
            return error_response(inner, refused.status, refused.code, refused.message)
