"""Containers of the mock's account, and their listings."""

import re
import urllib.parse
from xml.sax.saxutils import escape

from azure_messages import Response, xml_response
from azure_store import Container, Refused

PAGE = 5000
NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]|\$root|\$web|\$logs")
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def create(store, r):
    if not NAME.fullmatch(r.bucket):
        code = "OutOfRangeInput" if not 3 <= len(r.bucket) <= 63 else "InvalidResourceName"
        raise Refused(400, code, "The specified resource name contains invalid characters.")
    if r.bucket in store.containers:
        raise Refused(409, "ContainerAlreadyExists", "The specified container already exists.")
    store.containers[r.bucket] = Container(r.bucket)
    return Response(201, {"ETag": '"0x8DE"'})


def properties(store, r):
    store.container(r.bucket)
    return Response(200, {"ETag": '"0x8DE"', "x-ms-lease-state": "available"}, head_only=r.method == "HEAD")


def delete(store, r):
    if store.container(r.bucket).lease:
        raise Refused(412, "LeaseIdMissing", "There is currently a lease on the container and no lease ID was specified in the request.")
    del store.containers[r.bucket]
    return Response(202)


def _name(name):
    if NOT_IN_XML.search(name):
        return f'<Name Encoded="true">{escape(urllib.parse.quote(name, safe=""))}</Name>'
    return f"<Name>{escape(name)}</Name>"


def _marker(store, name, tie):
    """A place in a list; no two markers of one list are the same."""
    return f"{urllib.parse.quote(name)}!{tie}!{store.next_serial()}"


def _page(store, r, found):
    """The entries of a page, from the one that the marker names, and the next page's marker. An entry begins with its name and a tie."""
    place = ("", "")
    if r.query.get("marker"):
        name, tie, *_ = *r.query["marker"].split("!"), "", ""
        place = (urllib.parse.unquote(name), tie)
    if r.fault.get("empty_page"):
        return [], _marker(store, *place)
    found = [e for e in found if e[:2] >= place]
    most = min(int(r.query.get("maxresults") or PAGE), store.ways.get("page", PAGE))
    return found[:most], _marker(store, *found[most][:2]) if len(found) > most else ""


def list_containers(store, r):
    found = sorted((name, "") for name in store.containers if name.startswith(r.query.get("prefix", "")))
    page, marker = _page(store, r, found)
    inner = "".join(f"<Container>{_name(name)}<Properties></Properties></Container>" for name, _ in page)
    return xml_response(f'<EnumerationResults ServiceEndpoint="MOCK"><Containers>{inner}</Containers><NextMarker>{marker}</NextMarker></EnumerationResults>')


def _candidates(at, include):
    """(name, tie, blob) of all that the list may show. Of names with uncommitted blocks alone the blob is None."""
    found = [(name, "~", blob) for name, blob in at.live.items()]
    if "versions" in include:
        found += [(name, blob.version_id, blob) for name, kept in at.versions.items() for blob in kept]
    if "snapshots" in include:
        found += [(name, blob.snapshot, blob) for name, taken in at.snapshots.items() for blob in taken]
    if "uncommittedblobs" in include:
        found += [(name, at.begun.get(name, ""), None) for name, blocks in at.staged.items() if blocks and name not in at.live]
    return sorted(found, key=lambda e: e[:2])


def entries(store, r):
    """[(name, tie, blob, is a prefix)], in the list's order."""
    at, q = store.container(r.bucket), r.query
    include = [one for one in q.get("include", "").split(",") if one]
    prefix, delimiter = q.get("prefix", ""), q.get("delimiter", "")
    found = {}
    for name, tie, blob in _candidates(at, include):
        if not name.startswith(prefix) or name < q.get("startFrom", ""):
            continue
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        if cut >= 0:
            found[name[: cut + len(delimiter)], ""] = (name[: cut + len(delimiter)], "", None, True)
        else:
            found[name, tie] = (name, tie, blob, False)
    return [found[at] for at in sorted(found)]


def _properties(blob, tie):
    """Of a name that has uncommitted blocks alone `tie` is when the first came."""
    if blob is None:
        return f"<Properties><Last-Modified>{tie}</Last-Modified><Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType></Properties>"
    rows = {
        "Creation-Time": blob.last_modified,
        "Last-Modified": blob.last_modified,
        "Etag": blob.etag.strip('"'),
        "Content-Length": str(len(blob.data)),
        "Content-Type": blob.properties.get("content-type", "application/octet-stream"),
        "BlobType": blob.kind,
        "AccessTier": blob.tier if blob.kind == "BlockBlob" else None,
        "LeaseState": "leased" if blob.lease else "available",
    }
    return "<Properties>" + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in rows.items() if value) + "</Properties>"


def _entry(store, entry, include):
    name, tie, blob, is_prefix = entry
    if is_prefix:
        return f"<BlobPrefix>{_name(name)}</BlobPrefix>"
    inner = _name(name)
    if blob is not None and blob.snapshot:
        inner += f"<Snapshot>{blob.snapshot}</Snapshot>"
    if blob is not None and blob.version_id and "versions" in include:
        inner += f"<VersionId>{blob.version_id}</VersionId>"
        inner += "<IsCurrentVersion>true</IsCurrentVersion>" if store.is_current(blob) else ""
    inner += _properties(blob, tie)
    if "metadata" in include and blob is not None:
        inner += "<Metadata>" + "".join(f"<{n}>{escape(v)}</{n}>" for n, v in blob.metadata.items()) + "</Metadata>"
    return f"<Blob>{inner}</Blob>"


def list_blobs(store, r):
    include = r.query.get("include", "").split(",")
    page, marker = _page(store, r, entries(store, r))
    inner = "".join(_entry(store, entry, include) for entry in page)
    head = f'<EnumerationResults ServiceEndpoint="MOCK" ContainerName="{r.bucket}">'
    return xml_response(f"{head}<Blobs>{inner}</Blobs><NextMarker>{escape(marker)}</NextMarker></EnumerationResults>")


HANDLERS = {
    "CreateContainer": create,
    "GetContainerProperties": properties,
    "DeleteContainer": delete,
    "ListContainers": list_containers,
    "ListBlobs": list_blobs,
}
