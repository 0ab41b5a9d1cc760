"""Blob Batch of the mock: up to 256 deletions in one request, each with separate credentials."""

import re

import azure_auth
import azure_blobs
from azure_messages import Request, Response, error_response
from azure_store import Refused

BATCH_MAX = 256


def _parts(r):
    """Of the multipart body, each part's (headers with the case that they came in, body)."""
    boundary = re.search(r'boundary="?([^";]+)"?', r.headers.get("content-type", ""))
    if not boundary:
        raise Refused(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
    pieces = (b"\r\n" + r.body).split(b"\r\n--" + boundary[1].encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Refused(400, "InvalidInput", "One of the request inputs is not valid.")
    for piece in pieces[1:-1]:
        head, _, body = piece.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n") if ":" in line]
        yield {name: value.strip() for name, _, value in lines}, body


def _answer(store, r, body):
    head, _, _ = body.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    asked = re.fullmatch(r"DELETE (\S+) HTTP/1\.1", line)
    if not asked:
        raise Refused(400, "InvalidInput", "One of the request inputs is not valid.")
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    if "x-ms-version" in headers:
        raise Refused(400, "InvalidInput", "A part may not have a version.")
    inner = Request("DELETE", asked[1], headers, b"")
    try:
        if inner.bucket != r.bucket and r.bucket:
            raise Refused(400, "InvalidInput", "A part is for another container.")
        azure_auth.let_in(store, inner)
        if inner.key in r.key_errors:
            raise Refused(*r.key_errors[inner.key])
        return azure_blobs.delete(store, inner)
    except Refused as refused:
        return error_response(inner, refused.status, refused.code, refused.message, refused.headers)


def batch(store, r):
    """`key_errors` are [status, code] by the names of blobs; a name with null is left out of the response. The last line may have no end."""
    parts = list(_parts(r))
    if len(parts) > BATCH_MAX:
        raise Refused(400, "ExceedsMaxBatchRequestCount", "The batch has too many requests.")
    body = b""
    for headers, content in parts:
        if headers.get("Content-Type") != "application/http" or "Content-ID" not in headers:
            raise Refused(400, "InvalidInput", "One of the request inputs is not valid.")
        named = re.search(rb"DELETE /[^/]+/[^/]+/([^ ?]+)", content)
        if named and r.key_errors.get(named[1].decode(), ()) is None:
            continue
        inner = _answer(store, r, content)
        lines = "".join(f"{name}: {value}\r\n" for name, value in inner.headers.items())
        part_head = (
            f"Content-Type: application/http\r\nContent-ID: {headers['Content-ID']}\r\n\r\nHTTP/1.1 {inner.status} Mock\r\n{lines}x-ms-request-id: MOCK\r\n"
        )
        body += f"--batchresponse_MOCK\r\n{part_head}Content-Length: {len(inner.body)}\r\n\r\n".encode() + inner.body + b"\r\n"
    end = b"--batchresponse_MOCK--" + (b"" if store.ways.get("batch_without_last_line") else b"\r\n")
    return Response(202, {"Content-Type": "multipart/mixed; boundary=batchresponse_MOCK"}, body + end)


HANDLERS = {"BlobBatch": batch}
