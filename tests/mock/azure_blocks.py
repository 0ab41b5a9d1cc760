"""Blocks of the mock's blobs: staged, copied from a source, committed by a list, listed."""

import email.utils
import re
from xml.sax.saxutils import unescape

import azure_auth
import azure_blobs
from azure_messages import Response, block_id, bytes_of, check, xml_response
from azure_store import UNCOMMITTED_MAX, Blob, Conditions, Refused

BLOCK_MAX = 4000 << 20


def _stage(store, r, data):
    at = store.container(r.bucket)
    there = at.live.get(r.key)
    store.check_write(r.bucket, there, r.headers.get("x-ms-lease-id"))
    if there and there.kind != "BlockBlob":
        raise Refused(409, "InvalidBlobType", "The blob type is invalid for this operation.")
    name = block_id(r.query["blockid"])
    staged = at.staged.setdefault(r.key, {})
    others = [*staged, *(known for known, _ in (there.blocks if there and there.blocks else []))]
    if others and len(others[0]) != len(name):
        raise Refused(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")
    if len(staged) >= UNCOMMITTED_MAX:
        raise Refused(409, "BlockCountExceedsLimit", "The uncommitted block count cannot exceed the maximum limit of 100,000 blocks.")
    if len(data) > BLOCK_MAX:
        raise Refused(413, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum permissible limit.")
    staged[name] = data
    at.begun.setdefault(r.key, email.utils.formatdate(usegmt=True))
    return Response(201, {"x-ms-request-server-encrypted": "true"})


def put_block(store, r):
    if "content-length" not in r.headers:
        raise Refused(411, "MissingContentLengthHeader", "The length is missing.")
    if not r.body:
        raise Refused(400, "InvalidHeaderValue", "A block has at least one byte.")
    data = bytes_of(r)
    if r.fault.get("spoils"):
        data = data[:1000] if r.fault["spoils"] == "cut" else bytes([data[0] ^ 1]) + data[1:]
    return _stage(store, r, data)


def put_block_from_url(store, r):
    container, name, version, snapshot = azure_auth.source_of(store, r)
    try:
        source = store.blob(container, name, version, snapshot)
    except Refused as refused:
        raise Refused(404, "CannotVerifyCopySource", refused.message, {"x-ms-copy-source-error-code": refused.code}) from None
    Conditions(r.headers, "x-ms-source-").check(source)
    data = source.data
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", r.headers.get("x-ms-source-range", ""))
    if asked:
        if int(asked[2]) >= len(data):
            raise Refused(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
        data = data[int(asked[1]) : int(asked[2]) + 1]
    check(r.headers.get("x-ms-source-content-crc64"), r.headers.get("x-ms-source-content-md5"), data)
    return _stage(store, r, data)


def _named_blocks(store, r, there):
    """The blocks of a list, in its order. One that is not there refuses all."""
    committed = dict(there.blocks) if there and there.blocks else {}
    staged = store.container(r.bucket).staged.get(r.key, {})
    if not re.search(rb"<BlockList\s*/?>", r.body):
        raise Refused(400, "InvalidXmlDocument", "The specified XML is not syntactically valid.")
    sources = {"Committed": [committed], "Uncommitted": [staged], "Latest": [staged, committed]}
    blocks = []
    for where, name in re.findall(r"<(Committed|Uncommitted|Latest)>([^<]*)</", r.body.decode()):
        name = unescape(name)
        found = next((source[name] for source in sources[where] if name in source), None)
        if found is None:
            raise Refused(400, "InvalidBlockList", "The specified block list is invalid.")
        blocks.append((name, found))
    if len(blocks) > store.blocks_max:
        raise Refused(400, "BlockListTooLong", "The block list may not contain more than 50,000 blocks.")
    return blocks


def put_block_list(store, r):
    there = azure_blobs.check_write(store, r)
    if there and there.kind != "BlockBlob":
        raise Refused(409, "InvalidBlobType", "The blob type is invalid for this operation.")
    check(r.headers.get("x-ms-content-crc64"), r.headers.get("content-md5"), r.body)
    blob = azure_blobs.give(store, r, Blob(r.key, b"", "BlockBlob", None, r.properties(), r.metadata(), r.headers.get("x-ms-access-tier", store.tier)))
    blob.take_blocks(_named_blocks(store, r, there))
    return azure_blobs.made(store.place(r.bucket, blob))


def get_block_list(store, r):
    at, which = store.container(r.bucket), r.query.get("blocklisttype", "committed")
    there, staged = at.live.get(r.key), at.staged.get(r.key, {})
    if "versionid" in r.query or "snapshot" in r.query:
        there = azure_blobs.of(store, r)
    if there is None and not staged:
        raise Refused(404, "BlobNotFound", "The specified blob does not exist.")
    if there and there.kind != "BlockBlob":
        raise Refused(409, "InvalidBlobType", "The blob type is invalid for this operation.")

    def xml(blocks):
        return "".join(f"<Block><Name>{name}</Name><Size>{len(data)}</Size></Block>" for name, data in blocks)

    inner = ""
    if which in ("committed", "all"):
        inner += f"<CommittedBlocks>{xml(there.blocks or [] if there else [])}</CommittedBlocks>"
    if which in ("uncommitted", "all"):
        inner += f"<UncommittedBlocks>{xml(sorted(staged.items()))}</UncommittedBlocks>"
    headers = {"ETag": there.etag, "Last-Modified": there.last_modified, "x-ms-blob-content-length": str(len(there.data))} if there else {}
    return xml_response(f"<BlockList>{inner}</BlockList>", 200, headers)


HANDLERS = {
    "PutBlock": put_block,
    "PutBlockFromURL": put_block_from_url,
    "PutBlockList": put_block_list,
    "GetBlockList": get_block_list,
}
