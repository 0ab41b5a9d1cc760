"""Copies of the mock's blobs: at once, or pending until the blob has been asked for `copy_polls` times."""

import uuid

import azure_auth
import azure_blobs
from azure_messages import Response
from azure_store import Conditions, Refused

SYNC_MAX = 256 << 20


def _source(store, r):
    container, name, version, snapshot = azure_auth.source_of(store, r)
    try:
        source = store.blob(container, name, version, snapshot)
    except Refused as refused:
        raise Refused(404, "CannotVerifyCopySource" if refused.code == "ContainerNotFound" else refused.code, refused.message) from None
    Conditions(r.headers, "x-ms-source-").check(source)
    if source.tier == "Archive" and "x-ms-access-tier" not in r.headers:
        raise Refused(409, "BlobArchived", "This operation is not permitted on an archived blob.")
    return source


def _place(store, r, source):
    blob = source.twin()
    blob.name = r.key
    if given := r.metadata():
        blob.metadata = given
    blob.tier = r.headers.get("x-ms-access-tier", store.tier)
    return azure_blobs.give(store, r, blob)


def copy(store, r):
    """The properties are the source's; metadata, too, if the request has none. Tags are the request's alone."""
    source = _source(store, r)
    azure_blobs.check_write(store, r)
    if r.headers.get("x-ms-requires-sync") == "true" and len(source.data) > SYNC_MAX:
        raise Refused(409, "CopySourceTooLarge", "The source is larger than 256 MiB.")
    blob = _place(store, r, source)
    number = str(uuid.UUID(int=store.next_serial()))
    size = len(source.data)
    blob.copy = {"id": number, "status": "success", "source": r.headers["x-ms-copy-source"].partition("?")[0], "progress": f"{size}/{size}"}
    blob.polls = store.ways.get("copy_polls", 0)
    if blob.polls and r.headers.get("x-ms-requires-sync") != "true":
        blob.copy.update(status="pending", progress=f"0/{size}")
        blob.pending = blob.data
        blob.blocks, blob.data = None, bytes(size)
    store.place(r.bucket, blob)
    response = azure_blobs.made(blob, 202)
    response.headers.update({"x-ms-copy-id": number, "x-ms-copy-status": blob.copy["status"]})
    return response


def look(store, blob):
    """A request for the blob has come: a copy to it is further then."""
    if blob.copy.get("status") != "pending" or blob.polls < 0:
        return
    blob.polls -= 1
    if blob.polls > 0:
        return
    if store.ways.get("copy_fails"):
        blob.copy.update(status="failed")
        blob.copy["status-description"] = store.ways["copy_fails"]
        blob.data = b""
    else:
        blob.data = blob.pending
        blob.copy.update(status="success", progress=f"{len(blob.data)}/{len(blob.data)}")
    store.changed(blob)


def abort(store, r):
    blob = azure_blobs.of(store, r)
    if r.headers.get("x-ms-copy-action") != "abort":
        raise Refused(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
    if blob.copy.get("status") != "pending" or blob.copy["id"] != r.query.get("copyid"):
        raise Refused(409, "NoPendingCopyOperation", "There is currently no pending copy operation.")
    blob.copy.update(status="aborted")
    blob.data = b""
    store.changed(blob)
    return Response(204)


def put_from_url(store, r):
    """Put Blob From URL: the source's bytes, and its properties unless the request has its own."""
    source = _source(store, r)
    azure_blobs.check_write(store, r)
    blob = _place(store, r, source)
    blob.blocks, blob.data = None, source.data
    blob.properties.update({name: value for name, value in r.properties().items() if value})
    return azure_blobs.made(store.place(r.bucket, blob))


HANDLERS = {
    "CopyBlob": copy,
    "AbortCopyBlob": abort,
    "PutBlobFromURL": put_from_url,
}
