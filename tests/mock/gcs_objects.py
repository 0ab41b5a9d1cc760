"""Objects by the JSON API: each function answers one of its methods. Of (store, request); gcs.py calls them."""

import base64
import hashlib
import re

import crc
from gcs_messages import Response, be32, json_response
from gcs_store import PROPERTIES, Object, Refused, last_modified, not_met

COMPOSE_MAX = 32
COMPONENTS_MAX = (1 << 31) - 1
KEY = "x-goog-encryption-"
CRC_SIZE = 1 << 18  # bytes that are held against their CRC32C
SOURCE_KEY = "x-goog-copy-source-encryption-"


# ---- customers' keys


def key_of(r, prefix=KEY):
    """The SHA-256 of the key that came with the request, in base64, or None."""
    key = r.headers.get(prefix + "key")
    if key is None:
        return None
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(key)).digest()).decode()
    if r.headers.get(prefix + "key-sha256") != digest or r.headers.get(prefix + "algorithm") != "AES256":
        raise Refused(
            400,
            "customerEncryptionKeySha256IsInvalid",
            "Missing a SHA256 hash of the encryption key, or it is not base64 encoded, or it does not match the encryption key.",
        )
    return digest


def check_key(there, given):
    if there.key_sha256 and given is None:
        raise Refused(400, "resourceIsEncryptedWithCustomerEncryptionKey", "The target object is encrypted by a customer-supplied encryption key.")
    if there.key_sha256 and given != there.key_sha256:
        raise Refused(400, "customerEncryptionKeyIsIncorrect", "The provided encryption key is incorrect.")
    if given and not there.key_sha256:
        raise Refused(400, "resourceNotEncryptedWithCustomerEncryptionKey", "The target object is not encrypted by a customer-supplied encryption key.")


# ---- what objects are made of


def new_object(r, data, resource):
    """What describes the object in a request: the resource, and the parameters and headers beside it."""
    made = Object(r.bucket, r.key or resource.get("name", ""), data, resource, resource.get("metadata"))
    if not made.name:
        raise Refused(400, "required", "Required parameter: name")
    made.holds.update({hold: bool(resource.get(hold)) for hold in made.holds})
    made.key_sha256, made.kms_key = key_of(r), r.query.get("kmsKeyName")
    return made


def check_hashes(data, hashes, made=None):
    """The checksums that the client declares; the CRC32C of very many is believed, as it takes the mock long."""
    crc32c, md5 = hashes.get("crc32c"), hashes.get("md5Hash")
    if crc32c:
        if len(data) <= CRC_SIZE and crc.b64(crc.crc32c(data)) != crc32c:
            raise Refused(400, "invalid", f'Provided CRC32C "{crc32c}" doesn\'t match calculated CRC32C.')
        if made is not None:
            made.checksum = crc32c
    if md5 and base64.b64encode(hashlib.md5(data).digest()).decode() != md5:
        raise Refused(400, "invalid", f'Provided MD5 hash "{md5}" doesn\'t match calculated MD5 hash.')


def spoil(made, fault):
    """What a store that loses bytes makes of them; the sum is no real one, as the mock's takes long."""
    spoils = fault.get("spoils")
    if spoils == "cut":
        made.data, made.checksum = made.data[:1000], None
    elif spoils:
        made.data, made.checksum = bytes([made.data[0] ^ 1]) + made.data[1:], "AAAAAA=="


def resource_of(made, r):
    return made.resource(tells_hashes=not made.key_sha256 or key_of(r) == made.key_sha256)


def answer(made, r):
    return json_response(resource_of(made, r))


# ---- reading


def range_of(r, size):
    """(first, end), or None: all of it. Refused where it has no byte."""
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", r.headers.get("range", ""))
    if not asked or asked[0] == "bytes=-":
        return None
    first, last = asked.groups()
    begin, end = (max(0, size - int(last)), size) if first == "" else (int(first), min(size, int(last) + 1 if last else size))
    if begin >= end:
        raise Refused(416, "requestedRangeNotSatisfiable", "The requested range cannot be satisfied.", **{"Content-Range": f"bytes */{size}"})
    return begin, end


def media_headers(there):
    """The headers that describe the object in a response with its bytes."""
    headers = {
        "Content-Type": there.properties.get("contentType", "application/octet-stream"),
        "X-Goog-Generation": str(there.generation),
        "X-Goog-Metageneration": str(there.metageneration),
        "X-Goog-Stored-Content-Length": str(len(there.data)),
        "X-Goog-Stored-Content-Encoding": there.properties.get("contentEncoding", "identity"),
        "X-Goog-Storage-Class": there.properties["storageClass"],
        "X-Goog-Hash": ",".join(f"{'md5' if name == 'md5Hash' else name}={value}" for name, value in there.hashes().items()),
        "Last-Modified": last_modified(there.updated),
        "ETag": f'"{there.etag}"',
        "Accept-Ranges": "bytes",
    }
    if there.components is not None:
        headers["X-Goog-Component-Count"] = str(there.components)
    for member, header in (("contentEncoding", "Content-Encoding"), ("contentDisposition", "Content-Disposition"), ("contentLanguage", "Content-Language")):
        if member in there.properties:
            headers[header] = there.properties[member]
    headers["Cache-Control"] = there.properties.get("cacheControl", "private, max-age=0")
    headers.update({f"X-Goog-Meta-{name}": value for name, value in there.metadata.items()})
    return headers


def media(store, r):
    bucket = store.bucket(r.bucket)
    conditions = r.conditions()
    there = store.find(bucket, r.key, r.query.get("generation"))
    conditions.check(there, reads=True)
    check_key(there, key_of(r))
    headers = media_headers(there)
    asked = range_of(r, len(there.data))
    if asked is None:
        return Response(200, headers, there.data, r.method == "HEAD")
    headers["Content-Range"] = f"bytes {asked[0]}-{asked[1] - 1}/{len(there.data)}"
    return Response(206, headers, there.data[asked[0] : asked[1]], r.method == "HEAD")


def get(store, r):
    bucket = store.bucket(r.bucket)
    if r.query.get("softDeleted") == "true":
        found = [o for o in bucket.soft.get(r.key, []) if str(o.generation) == r.query.get("generation")]
        if not found:
            raise Refused(404, "notFound", f"No such object: {r.bucket}/{r.key}")
        return answer(found[0], r)
    there = store.find(bucket, r.key, r.query.get("generation"))
    r.conditions().check(there, reads=True)
    return answer(there, r)


# ---- changes of one object


def delete(store, r):
    store.remove(store.bucket(r.bucket), r.key, r.query.get("generation"), r.conditions())
    return Response(204)


def patch(store, r):
    there = store.find(store.bucket(r.bucket), r.key, r.query.get("generation"))
    r.conditions().check(there)
    store.patch(there, r.json())
    return answer(there, r)


def restore(store, r):
    bucket = store.bucket(r.bucket)
    made = store.restore(bucket, r.key, r.query.get("generation"))
    store.place(made, r.conditions())
    return answer(made, r)


# ---- made of others


def destination(r, source):
    """The new object's properties and metadata: the request's where it names any, else the source's."""
    resource = r.json()
    if not resource:
        return source.properties, source.metadata
    named = {name: value for name, value in resource.items() if name in PROPERTIES}
    return {"storageClass": source.properties["storageClass"], **named}, resource.get("metadata") or {}


def find_source(store, r):
    bucket, name = r.source
    source = store.find(store.bucket(bucket), name, r.query.get("sourceGeneration"))
    r.conditions("ifSource").check(source)
    return source


def duplicate(store, r, source):
    made = Object(r.bucket, r.key, source.data, *destination(r, source))
    made.has_md5, made.checksum = source.has_md5, source.checksum
    made.key_sha256, made.kms_key = key_of(r), r.query.get("destinationKmsKeyName")
    spoil(made, r.fault)
    return store.place(made, r.conditions())


def rewrite(store, r):
    """In as many calls as `ways` has them; each but the last gives the token: of this rewrite, or by `ways` of the next call."""
    source = find_source(store, r)
    check_key(source, key_of(r, SOURCE_KEY))
    r.conditions().check(store.bucket(r.bucket).live.get(r.key))
    task, token = (source.path, source.generation, f"{r.bucket}/{r.key}"), r.query.get("rewriteToken")
    if token is not None and store.rewrites.get(token, (None,))[0] != task:
        raise Refused(400, "invalid", "Invalid rewrite token.")
    done = store.rewrites[token][1] + 1 if token is not None else 1
    steps, size = store.ways.get("rewrite_steps", 1), len(source.data)
    progress = {"kind": "storage#rewriteResponse", "objectSize": str(size), "totalBytesRewritten": str(size * done // steps)}
    if done < steps:
        if token is None or store.ways.get("rewrite_tokens") == "new":
            token = f"rewrite-{store.next_serial()}"
        store.rewrites[token] = (task, done)
        return json_response({**progress, "done": False, "rewriteToken": token})
    made = duplicate(store, r, source)
    return json_response({**progress, "done": True, "resource": resource_of(made, r)})


def copy(store, r):
    source = find_source(store, r)
    check_key(source, key_of(r, SOURCE_KEY))
    return answer(duplicate(store, r, source), r)


def move(store, r):
    source = find_source(store, r)
    made = store.rename(store.bucket(r.bucket), source, r.key, r.conditions())
    spoil(made, r.fault)
    return answer(made, r)


def compose(store, r):
    bucket, body = store.bucket(r.bucket), r.json()
    wanted = body.get("sourceObjects") or []
    if not 1 <= len(wanted) <= COMPOSE_MAX:
        raise Refused(400, "invalid", f"The number of source components provided ({len(wanted)}) exceeds the maximum (32)" if wanted else "Required")
    sources = []
    for one in wanted:
        source = store.find(bucket, one["name"], one.get("generation"))
        expected = one.get("objectPreconditions", {}).get("ifGenerationMatch")
        if expected is not None and str(source.generation) != str(expected):
            raise not_met()
        check_key(source, key_of(r))
        sources.append(source)
    classes = {source.properties["storageClass"] for source in sources}
    if len(classes) > 1:
        raise Refused(400, "invalid", "All source objects must have the same storage class.")
    resource = {"storageClass": classes.pop(), **body.get("destination", {})}
    made = new_object(r, b"".join(source.data for source in sources), resource)
    made.has_md5 = False
    made.components = min(sum(source.components or 1 for source in sources), COMPONENTS_MAX)
    total = be32(sources[0].crc32c)
    for source in sources[1:]:
        total = crc.crc_join(total, be32(source.crc32c), len(source.data))
    made.checksum = crc.b64(total)
    spoil(made, r.fault)
    gone = [source for source in sources if source.name != made.name] if body.get("deleteSourceObjects") else []
    for source in gone:
        store.may_go(bucket, source)
    store.place(made, r.conditions())
    for source in gone:
        store.remove_for_good(bucket, source)
    return answer(made, r)


# ---- lists


def _candidates(bucket, q):
    """(name, generation, object) of all that the list may show, in its order."""
    if q.get("softDeleted") == "true":
        found = [o for all_of_it in bucket.soft.values() for o in all_of_it]
    elif q.get("versions") == "true":
        found = [*bucket.live.values(), *(o for all_of_it in bucket.noncurrent.values() for o in all_of_it)]
    else:
        found = list(bucket.live.values())
    return sorted(((o.name.encode(), o.generation, o) for o in found), key=lambda e: e[:2])


def _token(name, generation, serial=0):
    """A place in a list; no two tokens of one list are the same."""
    return base64.urlsafe_b64encode(b"%s\0%d\0%d" % (name, generation, serial)).decode()


def _after(token):
    try:
        name, generation, _ = base64.urlsafe_b64decode(token).rsplit(b"\0", 2)
        return name, int(generation)
    except ValueError:
        raise Refused(400, "invalid", "Invalid value for: pageToken") from None


def _in_range(name, q):
    return name >= q.get("startOffset", "").encode() and ("endOffset" not in q or not q["endOffset"] or name < q["endOffset"].encode())


def entries(bucket, q):
    """{(name, generation): object, or None of a prefix}, in the list's order."""
    prefix, delimiter = q.get("prefix", "").encode(), q.get("delimiter", "").encode()
    found = {}
    for name, generation, there in _candidates(bucket, q):
        if not name.startswith(prefix) or not _in_range(name, q):
            continue
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            found[name, generation] = there
            continue
        head = name[: cut + len(delimiter)]
        found[head, 0] = None
        if q.get("includeTrailingDelimiter") == "true" and name == head:
            found[name, generation] = there
    if q.get("includeFoldersAsPrefixes") == "true" and delimiter == b"/":
        for folder in bucket.folders:
            name = folder.encode()
            if name.startswith(prefix) and name != prefix and name.find(b"/", len(prefix)) == len(name) - 1:
                found[name, 0] = None
    return dict(sorted(found.items(), key=lambda e: e[0]))


def list_objects(store, r):
    store.forget()
    bucket, q = store.bucket(r.bucket), r.query
    if r.fault.get("empty_page"):
        place = _after(q["pageToken"]) if "pageToken" in q else (b"", -1)
        return json_response({"kind": "storage#objects", "nextPageToken": _token(*place, store.next_serial())})
    found = entries(bucket, q)
    if "pageToken" in q:
        after = _after(q["pageToken"])
        found = {at: there for at, there in found.items() if at > after}
    most = min(int(q.get("maxResults") or 1000), store.ways.get("page", 5000))
    page = list(found.items())[:most]
    response = {"kind": "storage#objects"}
    if len(found) > len(page):
        response["nextPageToken"] = _token(*page[-1][0])
    prefixes = [name.decode() for (name, _), there in page if there is None]
    items = [there.resource(tells_hashes=False) for _, there in page if there is not None]
    response.update({name: value for name, value in (("prefixes", prefixes), ("items", items)) if value})
    return json_response(response)


HANDLERS = {
    "objects.get": get,
    "objects.media": media,
    "objects.list": list_objects,
    "objects.delete": delete,
    "objects.patch": patch,
    "objects.restore": restore,
    "objects.rewrite": rewrite,
    "objects.copy": copy,
    "objects.move": move,
    "objects.compose": compose,
}
