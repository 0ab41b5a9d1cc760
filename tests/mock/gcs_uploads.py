"""Objects that come by the JSON API: whole, with their resource in front, and in pieces by a session (resumable uploads).

A session's conditions are checked when it completes, and a status query returns how much it has.
"""

import re

from gcs_messages import Response, json_of, json_response, parts_of, selected
from gcs_objects import answer, check_hashes, new_object, resource_of, spoil
from gcs_store import Refused

MULTIPLE = 256 * 1024  # of each piece but the last


def insert(store, r):
    store.bucket(r.bucket)
    resource, data, headers = {}, r.body, r.headers
    if r.query.get("uploadType") == "multipart":
        parts = parts_of(r)
        if len(parts) != 2 or not r.headers["content-type"].startswith("multipart/related"):
            raise Refused(400, "badRequest", "Malformed multipart body.")
        (_, first), (headers, data) = parts
        resource = json_of(first)
    elif r.query.get("uploadType") != "media":
        raise Refused(400, "invalid", "Invalid value for: uploadType")
    resource.setdefault("contentType", headers.get("content-type"))
    made = new_object(r, data, resource)
    check_hashes(data, {**r.hashes(), **resource}, made)
    spoil(made, r.fault)
    store.place(made, r.conditions())
    return answer(made, r)


class Session:
    def __init__(self, r):
        self.begun = r  # its parameters and its key hold for the whole of it
        self.resource = r.json()
        self.resource.setdefault("contentType", r.headers.get("x-upload-content-type"))
        self.data = bytearray()
        self.made = None  # once it is complete
        self.refused = None  # once its completion was


def start(store, r):
    store.bucket(r.bucket)
    session = Session(r)
    name = f"session-{store.next_serial()}-of-the-upload"
    store.sessions[name] = session
    target = f"{r.target}&upload_id={name}"
    return Response(200, {"Location": f"http://{r.headers.get('host', '')}{target}", "X-GUploader-UploadID": name})


def _find(store, r):
    """The session; one that is cancelled or lost is gone."""
    name = r.query["upload_id"]
    if "loses" in r.fault:
        store.lost[name] = r.fault["loses"]
        store.sessions.pop(name, None)
    if name in store.lost:
        status = store.lost[name]
        raise Refused(status, "notFound" if status == 404 else "gone", "The upload session is not there any more.")
    if name not in store.sessions:
        raise Refused(404, "notFound", "No such upload session.")
    return store.sessions[name]


def _persisted(session):
    """308: not complete. Without Range there is no byte yet."""
    return Response(308, {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {})


def _complete(store, r, session):
    """The final piece is there: whatever is wrong now ends the session."""
    begun = session.begun
    try:
        made = new_object(begun, session.data, session.resource)
        check_hashes(session.data, {**session.resource, **begun.hashes(), **r.hashes()}, made)
        spoil(made, r.fault)
        store.place(made, begun.conditions())
    except Refused as refused:
        session.refused = refused
        raise
    session.made = made
    return _done(session)


def _done(session):
    return json_response(selected(resource_of(session.made, session.begun), session.begun.query.get("fields")))


def status(store, r):
    """A query, "bytes */N" or "bytes */*"; the first completes an upload that has N bytes."""
    session = _find(store, r)
    if session.refused:
        raise session.refused
    if session.made:
        return _done(session)
    total = r.headers["content-range"].rpartition("/")[2]
    if total != "*" and int(total) == len(session.data):
        return _complete(store, r, session)
    return _persisted(session)


def chunk(store, r):
    session = _find(store, r)
    if session.refused:
        raise session.refused
    if session.made:
        return _done(session)
    asked = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", r.headers.get("content-range", f"bytes 0-{len(r.body) - 1}/{len(r.body)}"))
    if r.body and (not asked or int(asked[2]) - int(asked[1]) + 1 != len(r.body)):
        raise Refused(400, "invalid", "Content-Range does not fit the bytes.")
    first, total = (int(asked[1]), asked[3]) if r.body else (0, "0")
    last = total != "*" and first + len(r.body) == int(total)
    if not last and len(r.body) % MULTIPLE:
        raise Refused(400, "invalid", "A piece other than the last is no multiple of 256 KiB.")
    if first > len(session.data):
        raise Refused(400, "invalid", f"The upload has {len(session.data)} bytes, so none can come at {first}.")
    kept = r.body[: r.fault.get("keeps", len(r.body))]
    session.data += kept[len(session.data) - first :]
    return _complete(store, r, session) if last and len(kept) == len(r.body) else _persisted(session)


def delete(store, r):
    """Success is answered with 499. Of an upload that is complete the object stays."""
    session = _find(store, r)
    if not session.made:
        store.lost[r.query["upload_id"]] = 410
        del store.sessions[r.query["upload_id"]]
    return Response(499)


HANDLERS = {"objects.insert": insert, "uploads.start": start, "uploads.chunk": chunk, "uploads.status": status, "uploads.delete": delete}
