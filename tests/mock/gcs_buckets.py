"""Buckets, the folders of those with a hierarchical namespace, and operations that end later, by the JSON API."""

import re

from gcs_messages import Response, json_response
from gcs_store import Bucket, Refused, shown


def bucket_resource(bucket):
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "location": "US",
        "storageClass": "STANDARD",
        "timeCreated": shown(0),
        **bucket.resource,
    }


def insert(store, r):
    resource = r.json()
    name = resource.get("name")
    if not name or not r.query.get("project"):
        raise Refused(400, "required", "Required parameter: " + ("project" if name else "name"))
    if not re.fullmatch(r"(?!goog)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", name):
        raise Refused(400, "invalid", f"Invalid bucket name: '{name}'")
    if r.query["project"] == "no-such-project":
        raise Refused(400, "invalid", "Unknown project id: no-such-project")
    if name in store.buckets:
        raise Refused(409, "conflict", "Your previous request to create the named bucket succeeded and you already own it.")
    store.buckets[name] = Bucket(name, resource)
    return json_response(bucket_resource(store.buckets[name]))


def get(store, r):
    return json_response(bucket_resource(store.bucket(r.bucket)))


def patch(store, r):
    bucket = store.bucket(r.bucket)
    for member, value in r.json().items():
        if value is None:
            bucket.resource.pop(member, None)
        else:
            bucket.resource[member] = value
    return get(store, r)


def delete(store, r):
    bucket = store.bucket(r.bucket)
    if not bucket.empty() or bucket.folders:
        raise Refused(409, "conflict", "The bucket you tried to delete is not empty.")
    del store.buckets[r.bucket]
    return Response(204)


def list_buckets(store, r):
    if not r.query.get("project"):
        raise Refused(400, "required", "Required parameter: project")
    names = [name for name in sorted(store.buckets) if name > r.query.get("pageToken", "")]
    page = names[: min(int(r.query.get("maxResults") or 1000), store.ways.get("page", 1000))]
    response = {"kind": "storage#buckets", "items": [bucket_resource(store.buckets[name]) for name in page]}
    if len(names) > len(page):
        response["nextPageToken"] = page[-1]
    return json_response(response)


def layout(store, r):
    bucket = store.bucket(r.bucket)
    response = {"kind": "storage#storageLayout", "bucket": r.bucket, "location": "US", "locationType": bucket.resource.get("locationType", "multi-region")}
    if bucket.hierarchical:
        response["hierarchicalNamespace"] = {"enabled": True}
    return json_response(response)


# ---- folders


def folder_resource(bucket, name):
    resource = {"kind": "storage#folder", "id": f"{bucket.name}/{name}", "bucket": bucket.name, "name": name, "metageneration": str(bucket.folders[name])}
    return {**resource, **({"pendingRenameInfo": {"operationId": bucket.moving[name]}} if name in bucket.moving else {})}


def _hierarchical(store, r):
    bucket = store.bucket(r.bucket)
    if not bucket.hierarchical:
        raise Refused(409, "conflict", "The bucket does not support hierarchical namespace.")
    return bucket


def _folder(bucket, name):
    name = name if name.endswith("/") else name + "/"
    if name not in bucket.folders:
        raise Refused(404, "notFound", "The folder does not exist.")
    return name


def _parent(name):
    return name[: name[:-1].rfind("/") + 1]


def insert_folder(store, r):
    bucket, name = _hierarchical(store, r), r.json()["name"]
    name = name if name.endswith("/") else name + "/"
    if name in bucket.folders:
        raise Refused(409, "conflict", "The folder you tried to create already exists.")
    parent = _parent(name)
    if parent and parent not in bucket.folders:
        if r.query.get("recursive") != "true":
            raise Refused(409, "conflict", "The parent folder does not exist.")
        bucket.add_parents(name)
    bucket.folders[name] = 1
    return json_response(folder_resource(bucket, name))


def get_folder(store, r):
    """Who asks after a folder that is being renamed sees it go, as time passes."""
    bucket = _hierarchical(store, r)
    response = json_response(folder_resource(bucket, _folder(bucket, r.key)))
    if r.key in bucket.moving:
        store.operations[bucket.moving[r.key]].advance()
    return response


def list_folders(store, r):
    bucket, prefix = _hierarchical(store, r), r.query.get("prefix", "")
    names = sorted(name for name in bucket.folders if name.startswith(prefix))
    if r.query.get("delimiter") == "/":
        names = [name for name in names if "/" not in name[len(prefix) : -1]]
    return json_response({"kind": "storage#folders", "items": [folder_resource(bucket, name) for name in names]})


def _within(bucket, name):
    """The objects and the folders below a folder."""
    return [o for o in bucket.live.values() if o.name.startswith(name)], [f for f in bucket.folders if f.startswith(name) and f != name]


def delete_folder(store, r):
    bucket = _hierarchical(store, r)
    name = _folder(bucket, r.key)
    if any(_within(bucket, name)):
        raise Refused(409, "conflict", "The folder you tried to delete is not empty.")
    del bucket.folders[name]
    return Response(204)


# ---- operations


RPC_CODES = {404: 5, 409: 6, 403: 7}  # of google.rpc.Code; else FAILED_PRECONDITION


class Operation:
    """Its work is done at once, in one step, when it has been asked after so many times (`ways`)."""

    def __init__(self, name, polls, work):
        self.name, self.polls, self.work, self.error = name, polls, work, None
        self.advance()

    def advance(self):
        if self.polls == 0:
            try:
                self.work()
            except Refused as refused:
                self.error = {"code": RPC_CODES.get(refused.status, 9), "message": refused.message}
        self.polls -= 1

    def resource(self):
        done = self.polls < 0
        return {"kind": "storage#operation", "name": self.name, "done": done, **({"error": self.error} if self.error else {"response": {}} if done else {})}


def _operation(store, r, work):
    name = f"operation-{store.next_serial()}"
    operation = Operation(f"projects/_/buckets/{r.bucket}/operations/{name}", store.ways.get("operation_polls", 1), work)
    store.operations[name] = operation
    return json_response(operation.resource())


def get_operation(store, r):
    if r.key not in store.operations:
        raise Refused(404, "notFound", "No such operation.")
    operation = store.operations[r.key]
    if operation.polls >= 0:
        operation.advance()
    return json_response(operation.resource())


def rename_folder(store, r):
    bucket = _hierarchical(store, r)
    name, to = _folder(bucket, r.key), r.folder if r.folder.endswith("/") else r.folder + "/"
    if to in bucket.folders or name in bucket.moving:
        raise Refused(409, "conflict", "The destination folder already exists." if to in bucket.folders else "The folder is being renamed.")
    if _parent(to) and _parent(to) not in bucket.folders:
        raise Refused(404, "notFound", "The parent folder does not exist.")
    if to.startswith(name):
        raise Refused(400, "invalid", "A folder cannot be moved into itself.")

    def work():
        bucket.moving.pop(name, None)
        if to in bucket.folders:
            raise Refused(409, "conflict", "The destination folder already exists.")
        objects, folders = _within(bucket, name)
        for o in objects:
            del bucket.live[o.name]
            o.name = to + o.name[len(name) :]
            bucket.live[o.name] = o
        for folder in [name, *folders]:
            bucket.folders[to + folder[len(name) :]] = bucket.folders.pop(folder) + 1

    bucket.moving[name] = f"operation-{store.serial + 1}"
    return _operation(store, r, work)


def delete_recursive(store, r):
    bucket = _hierarchical(store, r)
    name = _folder(bucket, r.key)

    def work():
        objects, folders = _within(bucket, name)
        for o in objects:
            store.remove(bucket, o.name)
        for folder in [name, *folders]:
            del bucket.folders[folder]

    return _operation(store, r, work)


HANDLERS = {
    "buckets.insert": insert,
    "buckets.get": get,
    "buckets.patch": patch,
    "buckets.delete": delete,
    "buckets.list": list_buckets,
    "buckets.getStorageLayout": layout,
    "folders.insert": insert_folder,
    "folders.get": get_folder,
    "folders.list": list_folders,
    "folders.delete": delete_folder,
    "folders.rename": rename_folder,
    "folders.deleteRecursive": delete_recursive,
    "operations.get": get_operation,
}
