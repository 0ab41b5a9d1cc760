"""The XML API: objects, and multipart uploads, which take no condition."""

import base64
import hashlib
import re
from xml.sax.saxutils import escape, unescape

import crc
from gcs_messages import XML_CONDITIONS, Response, be32
from gcs_objects import check_hashes, entries, media, media_headers, new_object, spoil
from gcs_store import Refused, shown
from store import XML

PART_MIN = 5 << 20  # of each part but the last
HEADERS = {
    "content-type": "contentType",
    "content-encoding": "contentEncoding",
    "content-disposition": "contentDisposition",
    "content-language": "contentLanguage",
    "cache-control": "cacheControl",
    "x-goog-storage-class": "storageClass",
    "x-goog-custom-time": "customTime",
}


def xml(root, inner, headers=None):
    return Response(200, {"Content-Type": "application/xml; charset=UTF-8", **(headers or {})}, f"{XML}<{root}>{inner}</{root}>".encode())


def resource(r):
    named = {HEADERS[name]: value for name, value in r.headers.items() if name in HEADERS}
    return {**named, "metadata": {name[len("x-goog-meta-") :]: value for name, value in r.headers.items() if name.startswith("x-goog-meta-")}}


def put(store, r):
    store.bucket(r.bucket)
    made = new_object(r, r.body, resource(r))
    check_hashes(r.body, {**r.hashes(), **({"md5Hash": r.headers["content-md5"]} if "content-md5" in r.headers else {})}, made)
    store.place(made, r.conditions())
    told = media_headers(made)
    return Response(200, {name: told[name] for name in ("X-Goog-Generation", "X-Goog-Metageneration", "X-Goog-Hash", "X-Goog-Stored-Content-Length", "ETag")})


def delete(store, r):
    store.remove(store.bucket(r.bucket), r.key, r.query.get("generation"), r.conditions())
    return Response(204)


def list_objects(store, r):
    bucket, q = store.bucket(r.bucket), r.query
    after = q.get("continuation-token", q.get("start-after", "")).encode()
    found = [(name.decode(), there) for (name, _), there in entries(bucket, {n: q[n] for n in ("prefix", "delimiter") if n in q}).items() if name > after]
    page = found[: min(int(q.get("max-keys", 1000)), store.ways.get("page", 1000))]
    more = len(found) > len(page)
    inner = f"<Name>{r.bucket}</Name><IsTruncated>{str(more).lower()}</IsTruncated>"
    if more:
        inner += f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>"
    for name, there in page:
        if there is None:
            inner += f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        else:
            inner += f"<Contents><Key>{escape(name)}</Key><Generation>{there.generation}</Generation><Size>{len(there.data)}</Size>"
            inner += f"<LastModified>{shown(there.updated)}</LastModified><ETag>&quot;{there.etag}&quot;</ETag></Contents>"
    return xml("ListBucketResult", inner)


# ---- multipart uploads


class Upload:
    def __init__(self, r):
        self.begun, self.resource, self.parts = r, resource(r), {}  # number -> (bytes, ETag)
        self.sums = {}  # ETag -> CRC32C, where it came with the part

    def checksum(self, wanted):
        """Of the whole object, from those of its parts; None where one came without."""
        total = 0
        for data, etag in wanted:
            if self.sums[etag] is None:
                return None
            total = crc.crc_join(total, be32(self.sums[etag]), len(data))
        return crc.b64(total)


def _without_conditions(r):
    if any(name in r.headers for name in XML_CONDITIONS):
        raise Refused(400, "NotImplemented", "A header you provided implies functionality that is not implemented.")


def _upload(store, r):
    found = store.multipart.get(r.query["uploadId"])
    if found is None or (found.begun.bucket, found.begun.key) != (r.bucket, r.key):
        raise Refused(404, "NoSuchUpload", "The requested upload was not found.")
    return found


def start(store, r):
    store.bucket(r.bucket)
    _without_conditions(r)
    name = f"multipart-{store.next_serial()}"
    store.multipart[name] = Upload(r)
    return xml("InitiateMultipartUploadResult", f"<Bucket>{r.bucket}</Bucket><Key>{escape(r.key)}</Key><UploadId>{name}</UploadId>")


def put_part(store, r):
    upload, number = _upload(store, r), int(r.query["partNumber"])
    if not 1 <= number <= 10000:
        raise Refused(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive.")
    check_hashes(r.body, {**r.hashes(), **({"md5Hash": r.headers["content-md5"]} if "content-md5" in r.headers else {})})
    etag = f'"{hashlib.md5(r.body).hexdigest()}"'
    upload.parts[number] = (r.body, etag)
    upload.sums[etag] = r.hashes().get("crc32c")
    return Response(200, {"ETag": etag, "X-Goog-Hash": "md5=" + base64.b64encode(hashlib.md5(r.body).digest()).decode()})


def complete(store, r):
    _without_conditions(r)
    upload = _upload(store, r)
    wanted = re.findall(r"<Part>(.*?)</Part>", r.body.decode(), re.S)
    if not wanted:
        raise Refused(400, "MalformedCompleteMultipartUploadRequest", "The list of parts is empty.")
    pieces, before = [], 0
    for part in wanted:
        number = int(re.search(r"<PartNumber>(\d+)</PartNumber>", part)[1])
        etag = unescape(re.search(r"<ETag>(.*?)</ETag>", part)[1], {"&quot;": '"', "&#34;": '"'})
        if number not in upload.parts or upload.parts[number][1].strip('"') != etag.strip('"'):
            raise Refused(400, "InvalidPart", "One or more of the specified parts could not be found.")
        if number <= before:
            raise Refused(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
        pieces.append(upload.parts[number])
        before = number
    if any(len(data) < PART_MIN for data, _ in pieces[:-1]):
        raise Refused(400, "EntityTooSmall", "A part other than the last is smaller than 5 MiB.")
    made = new_object(upload.begun, b"".join(data for data, _ in pieces), upload.resource)
    made.has_md5, made.checksum = False, upload.checksum(pieces)
    spoil(made, r.fault)
    store.place(made)
    del store.multipart[r.query["uploadId"]]
    told = media_headers(made)
    inner = f"<Bucket>{r.bucket}</Bucket><Key>{escape(r.key)}</Key><ETag>{escape(told['ETag'])}</ETag>"
    return xml("CompleteMultipartUploadResult", inner, {name: told[name] for name in ("X-Goog-Generation", "X-Goog-Hash")})


def abort(store, r):
    _upload(store, r)
    del store.multipart[r.query["uploadId"]]
    return Response(204)


def list_parts(store, r):
    upload = _upload(store, r)
    inner = "<IsTruncated>false</IsTruncated>"
    for number, (data, etag) in sorted(upload.parts.items()):
        inner += f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag><Size>{len(data)}</Size></Part>"
    return xml("ListPartsResult", inner)


def list_uploads(store, r):
    store.bucket(r.bucket)
    inner = f"<Bucket>{r.bucket}</Bucket><IsTruncated>false</IsTruncated>"
    for name, upload in store.multipart.items():
        if upload.begun.bucket == r.bucket and upload.begun.key.startswith(r.query.get("prefix", "")):
            inner += f"<Upload><Key>{escape(upload.begun.key)}</Key><UploadId>{name}</UploadId><Initiated>{shown(0)}</Initiated></Upload>"
    return xml("ListMultipartUploadsResult", inner)


HANDLERS = {
    "GetObject": media,
    "HeadObject": media,
    "PutObject": put,
    "DeleteObject": delete,
    "ListObjectsV2": list_objects,
    "CreateMultipartUpload": start,
    "UploadPart": put_part,
    "CompleteMultipartUpload": complete,
    "AbortMultipartUpload": abort,
    "ListParts": list_parts,
    "ListMultipartUploads": list_uploads,
}
