"""What requests of the Blob service do with whole blobs: put, get, delete, properties, tiers, leases, snapshots, append blobs."""

import email.utils
import re
import urllib.parse
import uuid
from xml.sax.saxutils import escape

import crc
from azure_messages import Response, bytes_of, to_structured, xml_response
from azure_store import Blob, Conditions, Refused

APPEND_MAX = 100 << 20
RANGE_CHECK_MAX = 4 << 20


def headers_of(blob):
    """What each response to a request for a blob has of it."""
    h = {
        "ETag": blob.etag,
        "Last-Modified": blob.last_modified,
        "x-ms-blob-type": blob.kind,
        "x-ms-creation-time": email.utils.format_datetime(blob.created, usegmt=True),
    }
    h.update({f"x-ms-meta-{name}": value for name, value in blob.metadata.items()})
    h.update({name.title(): value for name, value in blob.properties.items()})
    h.setdefault("Content-Type", "application/octet-stream")
    if blob.kind == "BlockBlob":
        h["x-ms-access-tier"] = blob.tier
        if not blob.tier_given:
            h["x-ms-access-tier-inferred"] = "true"
    if blob.tags:
        h["x-ms-tag-count"] = str(len(blob.tags))
    if blob.kind == "AppendBlob":
        h["x-ms-blob-committed-block-count"] = str(blob.appends)
    if blob.rehydrating:
        h["x-ms-archive-status"] = "rehydrate-pending-to-hot"
    if blob.version_id:
        h["x-ms-version-id"] = blob.version_id
    h["x-ms-lease-state"] = "leased" if blob.lease else "available"
    h.update({f"x-ms-copy-{name}": value for name, value in blob.copy.items()})
    return h


def shown_of(store, blob):
    """With what only the response to a read of one blob has."""
    current = {"x-ms-is-current-version": "true"} if blob.version_id and store.is_current(blob) else {}
    return {**headers_of(blob), **current}


def of(store, r):
    return store.blob(r.bucket, r.key, r.query.get("versionid"), r.query.get("snapshot"))


def made(blob, status=201):
    h = {"ETag": blob.etag, "Last-Modified": blob.last_modified, "x-ms-request-server-encrypted": "true"}
    if blob.version_id:
        h["x-ms-version-id"] = blob.version_id
    return Response(status, h)


def give(store, r, blob):
    """What a new blob has only if its request gives it."""
    blob.tier_given = "x-ms-access-tier" in r.headers
    if "x-ms-tags" in r.headers:
        if store.ways.get("no_tags") == "write":
            raise no_permission()
        blob.tags = dict(urllib.parse.parse_qsl(r.headers["x-ms-tags"], keep_blank_values=True, strict_parsing=True))
    return blob


def no_permission():
    return Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")


def get_tags(store, r):
    if store.ways.get("no_tags") == "read":
        raise no_permission()
    tags = "".join(f"<Tag><Key>{escape(k)}</Key><Value>{escape(v)}</Value></Tag>" for k, v in of(store, r).tags.items())
    return xml_response(f"<Tags><TagSet>{tags}</TagSet></Tags>")


def check_write(store, r, deletes=False):
    """Conditions and rules of what is there; gives it, or None."""
    there = store.container(r.bucket).live.get(r.key)
    Conditions(r.headers).check(there)
    store.check_write(r.bucket, there, r.headers.get("x-ms-lease-id"), deletes)
    return there


def put(store, r):
    kind = r.headers.get("x-ms-blob-type")
    if kind not in ("BlockBlob", "AppendBlob", "PageBlob"):
        raise Refused(400, "MissingRequiredHeader", "An HTTP header that's mandatory for this request is not specified.")
    there = check_write(store, r)
    if there and there.kind != kind:
        raise Refused(409, "InvalidBlobType", "The blob type is invalid for this operation.")
    data = bytes_of(r)
    if kind == "PageBlob":
        data = bytes(int(r.headers.get("x-ms-blob-content-length", 0)))
    elif kind == "AppendBlob" and data:
        raise Refused(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
    if r.fault.get("spoils"):
        data = data[:1000] if r.fault["spoils"] == "cut" else bytes([data[0] ^ 1]) + data[1:]
    properties = {"content-type": r.headers.get("content-type"), **r.properties()}
    blob = give(store, r, Blob(r.key, data, kind, None, properties, r.metadata(), r.headers.get("x-ms-access-tier", store.tier)))
    response = made(store.place(r.bucket, blob))
    if "x-ms-content-crc64" in r.headers:
        response.headers["x-ms-content-crc64"] = r.headers["x-ms-content-crc64"]
    if "x-ms-structured-body" in r.headers:
        response.headers["x-ms-structured-body"] = r.headers["x-ms-structured-body"]
    return response


def _check_read(blob):
    if blob.tier == "Archive":
        code = "BlobBeingRehydrated" if blob.rehydrating else "BlobArchived"
        raise Refused(409, code, "This operation is not permitted on an archived blob.")


def _range(r, size):
    """(first, past the last) of a request's range, or None. The service ignores what has no beginning."""
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", r.headers.get("x-ms-range") or r.headers.get("range", ""))
    if not asked:
        return None
    first, last = int(asked[1]), int(asked[2]) if asked[2] else size - 1
    if first >= size:
        raise Refused(416, "InvalidRange", "The range specified is invalid for the current size of the resource.", {"Content-Range": f"bytes */{size}"})
    return first, min(last, size - 1) + 1


def get(store, r):
    blob = of(store, r)
    Conditions(r.headers).check(blob, reads=True)
    store.look(blob)
    _check_read(blob)
    data, h = blob.data, shown_of(store, blob)
    h["Accept-Ranges"] = "bytes"
    between = _range(r, len(data))
    status = 200
    if between:
        h["Content-Range"] = f"bytes {between[0]}-{between[1] - 1}/{len(data)}"
        if "Content-Md5" in h:
            h["x-ms-blob-content-md5"] = h.pop("Content-Md5")
        data, status = data[slice(*between)], 206
    if r.headers.get("x-ms-range-get-content-crc64") == "true":
        if not between or len(data) > RANGE_CHECK_MAX:
            raise Refused(400, "OutOfRangeInput", "One of the request inputs is out of range.")
        h["x-ms-content-crc64"] = crc.b64_of_64(crc.crc64(data))
    if "x-ms-structured-body" in r.headers and not store.ways.get("no_structured_bodies"):
        h["x-ms-structured-body"], h["x-ms-structured-content-length"] = r.headers["x-ms-structured-body"], str(len(data))
        data = to_structured(data)
    return Response(status, h, data)


def head(store, r):
    blob = of(store, r)
    Conditions(r.headers).check(blob, reads=True)
    store.look(blob)
    return Response(200, {**shown_of(store, blob), "Content-Length": str(len(blob.data))}, head_only=True)


def delete(store, r):
    if "versionid" in r.query:
        store.remove_version(r.bucket, r.key, r.query["versionid"])
    elif "snapshot" in r.query:
        store.container(r.bucket).snapshots[r.key].remove(of(store, r))
    else:
        if check_write(store, r, deletes=True) is None and not store.container(r.bucket).staged.get(r.key):
            raise Refused(404, "BlobNotFound", "The specified blob does not exist.")
        store.remove(r.bucket, r.key, r.headers.get("x-ms-delete-snapshots"))
    return Response(202, {"x-ms-delete-type-permanent": "true"})


def set_metadata(store, r):
    blob = of(store, r)
    check_write(store, r)
    if store.keeps_versions:
        blob = store.place(r.bucket, blob.twin())
    blob.metadata = r.metadata()
    return made(store.changed(blob), 200)


def set_properties(store, r):
    blob = of(store, r)
    check_write(store, r)
    blob.properties = {name: value for name, value in r.properties().items() if value}
    return made(store.changed(blob), 200)


def set_tier(store, r):
    blob, tier = of(store, r), r.headers.get("x-ms-access-tier")
    if tier not in ("Hot", "Cool", "Cold", "Archive"):
        raise Refused(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
    if blob.tier == "Archive" and tier != "Archive":
        blob.rehydrating = True
        return Response(202)
    blob.tier, blob.tier_given = tier, True
    return Response(200)


def lease(store, r):
    blob, action = of(store, r), r.headers.get("x-ms-lease-action")
    if action == "acquire":
        if blob.lease:
            raise Refused(409, "LeaseAlreadyPresent", "There is already a lease present.")
        blob.lease = r.headers.get("x-ms-proposed-lease-id") or str(uuid.UUID(int=store.next_serial()))
        return Response(201, {"x-ms-lease-id": blob.lease, "ETag": blob.etag})
    if action in ("release", "break"):
        blob.lease = None
        return Response(202 if action == "break" else 200, {"ETag": blob.etag})
    raise Refused(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")


def snapshot(store, r):
    taken = store.snap(r.bucket, r.key)
    return Response(201, {"x-ms-snapshot": taken.snapshot, "ETag": taken.etag})


def append_block(store, r):
    there = check_write(store, r)
    if there is None:
        raise Refused(404, "BlobNotFound", "The specified blob does not exist.")
    if there.kind != "AppendBlob":
        raise Refused(409, "InvalidBlobType", "The blob type is invalid for this operation.")
    data = bytes_of(r)
    wanted = r.headers.get("x-ms-blob-condition-appendpos")
    if wanted is not None and int(wanted) != len(there.data):
        raise Refused(412, "AppendPositionConditionNotMet", "The append position condition specified was not met.")
    if "x-ms-blob-condition-maxsize" in r.headers and len(there.data) + len(data) > int(r.headers["x-ms-blob-condition-maxsize"]):
        raise Refused(412, "MaxBlobSizeConditionNotMet", "The max blob size condition specified was not met.")
    if len(data) > APPEND_MAX:
        raise Refused(413, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum permissible limit.")
    if there.appends >= store.blocks_max:
        raise Refused(409, "BlockCountExceedsLimit", "The committed block count cannot exceed the maximum limit of 50,000 blocks.")
    offset, there.data, there.appends = len(there.data), there.data + data, there.appends + 1
    response = made(store.changed(there))
    response.headers.update({"x-ms-blob-append-offset": str(offset), "x-ms-blob-committed-block-count": str(there.appends)})
    return response


def put_page(store, r):
    blob = of(store, r)
    check_write(store, r)
    between = _range(r, len(blob.data))
    if blob.kind != "PageBlob" or not between or between[0] % 512 or between[1] % 512:
        raise Refused(416, "InvalidPageRange", "The page range specified is invalid.")
    data = bytes_of(r) if r.headers.get("x-ms-page-write") == "update" else bytes(between[1] - between[0])
    blob.data = blob.data[: between[0]] + data + blob.data[between[1] :]
    return made(store.changed(blob))


HANDLERS = {
    "PutBlob": put,
    "GetBlob": get,
    "GetBlobProperties": head,
    "DeleteBlob": delete,
    "SetBlobMetadata": set_metadata,
    "SetBlobProperties": set_properties,
    "SetBlobTier": set_tier,
    "GetBlobTags": get_tags,
    "LeaseBlob": lease,
    "SnapshotBlob": snapshot,
    "AppendBlock": append_block,
    "PutPage": put_page,
}
