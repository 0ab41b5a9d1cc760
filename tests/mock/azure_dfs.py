"""An account with a hierarchical namespace: the mock of Azure, with the DFS endpoint beside the blob service.

Written from the documentation of Data Lake Storage Gen2's REST API. Files are the blobs of azure_store.py; directories, and bytes that no flush has made part of
a file, are kept here. The DFS endpoint is the server's address with /dfs/ACCOUNT as path. The blob service reads; a write by it is refused, as no file may be
written by both.
"""

import base64
import json
from urllib.parse import unquote

import azure
import azure_blobs
from azure_auth import ACCOUNT, let_in, let_rename
from azure_messages import VERSIONS, Response, bytes_of
from azure_messages import Request as BlobRequest
from azure_store import Blob, Conditions, Container, Refused

APPEND_MAX = 100 << 20
PROPERTIES = ("content-type", "cache-control", "content-encoding", "content-language", "content-disposition")
BLOB_TAKES = ("GetBlob", "GetBlobProperties", "ListBlobs", "ListContainers", "GetContainerProperties", "GetAccountInformation", "CreateContainer")


class Request(BlobRequest):
    """`dfs`: it came to the DFS endpoint; `operation` is then the service's name for it, as PathCreate."""

    def __init__(self, method, target, headers, body):
        super().__init__(method, target, headers, body)
        self.dfs = self.account == "dfs"
        if not self.dfs:
            return
        self.account, _, rest = (self.bucket + "/" + self.key).partition("/")
        self.bucket, _, self.key = rest.partition("/")
        self.operation = self._dfs_operation()

    def _dfs_operation(self):
        q, m = self.query, self.method
        if not self.bucket:
            return "FilesystemList" if q.get("resource") == "account" else m
        if q.get("resource") == "filesystem":
            names = {"PUT": "FilesystemCreate", "DELETE": "FilesystemDelete", "HEAD": "FilesystemGetProperties", "GET": "PathList"}
            return names.get(m, m)
        if m == "PUT":
            return "PathRename" if "x-ms-rename-source" in self.headers else "PathCreate"
        if m == "PATCH":
            return {"append": "PathAppend", "flush": "PathFlush", "setProperties": "PathSetProperties"}.get(q.get("action"), m)
        if m == "HEAD":
            return "PathGetAccessControl" if q.get("action") == "getAccessControl" else "PathGetProperties"
        return {"GET": "PathRead", "DELETE": "PathDelete"}.get(m, m)

    def metadata(self):
        if not self.dfs:
            return super().metadata()
        pairs = (pair.partition("=") for pair in self.headers.get("x-ms-properties", "").split(",") if pair)
        return {name: base64.b64decode(value, validate=True).decode() for name, _, value in pairs}

    def described(self):
        return {name: self.headers[f"x-ms-{name}"] for name in PROPERTIES if f"x-ms-{name}" in self.headers}


def error_response(r, status, code, message="mocked", headers=None):
    body = json.dumps({"error": {"code": code, "message": f"{message}\nRequestId:MOCK\nTime:2026-11-30T00:00:00.0000000Z"}})
    h = {"Content-Type": "application/json;charset=utf-8", "x-ms-error-code": code, **{n: v for n, v in (headers or {}).items() if n != "detail"}}
    return Response(status, h, body.encode(), r.method == "HEAD")


def no_path():
    return Refused(404, "PathNotFound", "The specified path does not exist.")


def conflict():
    return Refused(409, "PathConflict", "The specified path, or an element of the path, exists and its resource type is invalid for this operation.")


def parent(name):
    return name.rpartition("/")[0]


class Store(azure.Store):
    Request = Request
    WAYS = azure.Store.WAYS | {
        "delete_page",  # paths that one request of a recursive removal deletes
        "hides_account",  # true: the caller may not read the account's information
        "refuses_access_control",  # true: nor access control lists
        "rename_steps",  # requests that a rename takes
        "checks_target_first",  # true: of a rename whose source is missing, too
        "rename_has_no_etag",  # true: its response
    }

    def __init__(self, objects, buckets, ways):
        self.folders = {}  # (container, path) -> Blob
        self.steps = {}  # token -> what is left of a rename
        super().__init__(objects, buckets, ways)

    # ---- what is there

    def put(self, path, data, blocks=None, **more):
        container, _, name = path.partition("/")
        self.containers.setdefault(container, Container(container))
        self.make_parents(container, name)
        return super().put(path, data, blocks, **more)

    def make_parents(self, container, name):
        while name := parent(name):
            if name in self.containers[container].live:
                raise conflict()
            if (container, name) not in self.folders:
                self.folders[container, name] = self.changed(Blob(name))

    def filesystem(self, name):
        if name not in self.containers:
            raise Refused(404, "FilesystemNotFound", "The specified filesystem does not exist.")
        return self.containers[name]

    def find(self, container, name):
        """The file or directory, or None."""
        at = self.filesystem(container)
        name = name.rstrip("/")
        return at.live.get(name) or self.folders.get((container, name))

    def is_folder(self, container, name):
        return (container, name.rstrip("/")) in self.folders

    def below(self, container, name):
        """(name, Blob, is a directory) of all that is below it, depth first."""
        prefix = f"{name}/" if name else ""
        found = [(n, blob, False) for n, blob in self.containers[container].live.items() if n.startswith(prefix)]
        found += [(n, blob, True) for (c, n), blob in self.folders.items() if c == container and n.startswith(prefix)]
        return sorted(found, key=lambda row: row[0].split("/"))

    # ---- requests

    def error(self, r, status, code, message="mocked"):
        return error_response(r, status, code, message) if r.dfs else super().error(r, status, code, message)

    def answer(self, r):
        if not r.dfs:
            if r.operation not in BLOB_TAKES:
                return super().error(r, 409, "FeatureNotYetSupportedForHierarchicalNamespaceAccounts", "The blob service writes nothing here.")
            if r.operation == "GetAccountInformation" and self.ways.get("hides_account"):
                return super().error(r, 403, "AuthorizationPermissionMismatch", "Not authorized to perform this operation using this permission.")
            if r.operation == "GetAccountInformation":
                return Response(200, {"x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2", "x-ms-is-hns-enabled": "true"})
            return super().answer(r)
        try:
            self._check_dfs(r)
            response = HANDLERS[r.operation](self, r)
        except Refused as refused:
            response = error_response(r, refused.status, refused.code, refused.message, refused.headers)
        response.headers.update(self.ways.get("headers", {}))
        return response

    def _check_dfs(self, r):
        version = r.headers.get("x-ms-version", "")
        if not VERSIONS[0] <= version <= VERSIONS[1]:
            raise Refused(400, "InvalidHeaderValue", f"The value for one of the HTTP headers is not in the correct format: {version}")
        if r.account != ACCOUNT:
            raise Refused(404, "ResourceNotFound", "The specified resource does not exist.")
        let_in(self, r)
        if r.operation in self.ways.get("lacks", []) or r.operation not in HANDLERS:
            raise Refused(501, "NotImplemented", f"{r.operation} is not implemented")


def check(blob, r, prefix="", exists="PathAlreadyExists"):
    try:
        Conditions(r.headers, prefix).check(blob)
    except Refused as refused:
        if refused.code == "BlobAlreadyExists":
            raise Refused(409, exists, "The specified path already exists.") from None
        raise


def headers_of(blob, folder):
    h = azure_blobs.headers_of(blob)
    h = {name: value for name, value in h.items() if not name.startswith(("x-ms-meta-", "x-ms-blob-", "x-ms-copy-"))}
    h["x-ms-resource-type"] = "directory" if folder else "file"
    metadata = {**blob.metadata, **({"hdi_isfolder": "true"} if folder else {})}
    if metadata:
        h["x-ms-properties"] = ",".join(f"{name}={base64.b64encode(value.encode()).decode()}" for name, value in metadata.items())
    return h


def made(blob, status=201):
    return Response(status, {"ETag": blob.etag, "Last-Modified": blob.last_modified, "x-ms-request-server-encrypted": "true"})


# ---- file systems


def list_filesystems(store, r):
    names = sorted(store.containers)
    return Response(200, {"Content-Type": "application/json"}, json.dumps({"filesystems": [{"name": name} for name in names]}).encode())


def create_filesystem(store, r):
    if r.bucket in store.containers:
        raise Refused(409, "FilesystemAlreadyExists", "The specified filesystem already exists.")
    store.containers[r.bucket] = Container(r.bucket)
    return Response(201, {"ETag": '"0x1"'})


def delete_filesystem(store, r):
    store.filesystem(r.bucket)
    del store.containers[r.bucket]
    store.folders = {at: blob for at, blob in store.folders.items() if at[0] != r.bucket}
    return Response(202)


def head_filesystem(store, r):
    store.filesystem(r.bucket)
    return Response(200, {"ETag": '"0x1"', "x-ms-namespace-enabled": "true"}, head_only=True)


# ---- paths


def create(store, r):
    store.filesystem(r.bucket)
    folder, there = r.query.get("resource") == "directory", store.find(r.bucket, r.key)
    if r.body or r.query.get("resource") not in ("file", "directory"):
        raise Refused(400, "InvalidQueryParameterValue", "Value for one of the query parameters specified in the request URI is invalid.")
    if any(step in ("", ".", "..") for step in r.key.split("/")):
        raise Refused(400, "InvalidUri", "The request URI is invalid.")
    check(there, r)
    if there and store.is_folder(r.bucket, r.key) != folder:
        raise conflict()
    store.make_parents(r.bucket, r.key)
    if folder and there:
        return made(there)
    blob = Blob(r.key, b"", properties=r.described(), metadata=r.metadata())
    if folder:
        store.folders[r.bucket, r.key] = store.changed(blob)
        return made(blob)
    return made(store.place(r.bucket, blob))


def file_of(store, r):
    blob = store.find(r.bucket, r.key)
    if blob is None:
        raise no_path()
    if store.is_folder(r.bucket, r.key):
        raise Refused(409, "ResourceTypeMismatch", "The specified resource type is invalid for this operation.")
    return blob


def append(store, r):
    blob = file_of(store, r)
    if "if-match" in r.headers or "if-none-match" in r.headers:
        raise Refused(400, "UnsupportedHeader", "One of the HTTP headers specified in the request is not supported.")
    store.check_write(r.bucket, blob, r.headers.get("x-ms-lease-id"))
    position, data = int(r.query["position"]), bytes_of(r)
    if position < len(blob.data):
        raise Refused(400, "InvalidFlushPosition", "The uploaded data is not contiguous or the position query parameter value is not equal to the length.")
    if not data or len(data) > APPEND_MAX:
        raise Refused(400 if not data else 413, "RequestBodyTooLarge" if data else "InvalidHeaderValue", "The request body is not of a valid size.")
    blob.__dict__.setdefault("pending", {})[position] = data
    response = Response(202, {"x-ms-request-server-encrypted": "true"})
    if r.query.get("flush") == "true":
        flush_to(store, blob, position + len(data))
        response.headers.update(made(blob).headers)
    return response


def flush_to(store, blob, position):
    pending, data = blob.__dict__.get("pending", {}), [blob.data]
    size = len(blob.data)
    while size < position and size in pending:
        data.append(pending[size])
        size += len(data[-1])
    if size != position:
        raise Refused(400, "InvalidFlushPosition", "The uploaded data is not contiguous or the position query parameter value is not equal to the length.")
    blob.data, blob.pending = b"".join(data), {}
    store.changed(blob)


def flush(store, r):
    blob = file_of(store, r)
    check(blob, r)
    store.check_write(r.bucket, blob, r.headers.get("x-ms-lease-id"))
    if r.body:
        raise Refused(400, "InvalidHeaderValue", "A flush has no body.")
    flush_to(store, blob, int(r.query["position"]))
    if r.fault.get("spoils") == "cut":
        blob.data = blob.data[:1000]
    return made(blob, 200)


def set_properties(store, r):
    blob = store.find(r.bucket, r.key)
    if blob is None:
        raise no_path()
    check(blob, r)
    blob.metadata = r.metadata()
    blob.properties = {**blob.properties, **r.described()}
    return made(store.changed(blob), 200)


def source_of(r):
    """(container, name) of a rename's source."""
    container, _, name = unquote(r.headers["x-ms-rename-source"].partition("?")[0])[1:].partition("/")
    return container, name.rstrip("/")


def rename(store, r):
    container, name = source_of(r)
    let_rename(r, container, name)
    target, there = r.key.rstrip("/"), store.find(r.bucket, r.key)
    blob = store.find(container, name) if container in store.containers else None
    if blob and r.fault.get("spoils") == "cut":  # the source, just before
        blob.data = b""
        store.changed(blob)
    if token := r.query.get("continuation"):
        left = store.steps.pop(token, None)
        if left is None:
            raise Refused(400, "InvalidQueryParameterValue", "Value for one of the query parameters specified in the request URI is invalid.")
    else:
        left = store.ways.get("rename_steps", 1)
        if store.ways.get("checks_target_first"):
            check(there, r)
        if blob is None:
            raise Refused(404, "SourcePathNotFound", "The source path for a rename operation does not exist.")
        if parent(target) and not store.is_folder(r.bucket, parent(target)):
            raise Refused(404, "RenameDestinationParentPathNotFound", "The parent directory of the destination path does not exist.")
        check(there, r)
        check(blob, r, "x-ms-source-")
    if left > 1:
        token = f"rename-{store.next_serial()}"
        store.steps[token] = left - 1
        return Response(201, {"x-ms-continuation": token})
    folder = store.is_folder(container, name)
    if folder and f"{target}/".startswith(f"{name}/") and container == r.bucket:
        raise Refused(409, "InvalidRenameSourcePath", "The source path for a rename operation is invalid.")
    if there and store.is_folder(r.bucket, target):
        if not folder or store.below(r.bucket, target):
            raise Refused(409, "PathAlreadyExists", "The specified path already exists.")
        del store.folders[r.bucket, target]
    elif there and folder:
        raise conflict()
    moved = [(name, blob, folder), *(store.below(container, name) if folder else [])]
    for old, one, is_folder in moved:
        new = target + old[len(name) :]
        one.name = new
        if is_folder:
            store.folders[r.bucket, new] = store.folders.pop((container, old))
        else:
            store.containers[r.bucket].live[new] = store.containers[container].live.pop(old)
    return Response(201) if store.ways.get("rename_has_no_etag") or folder else made(blob)


def delete(store, r):
    name, recursive = r.key.rstrip("/"), r.query.get("recursive") == "true"
    blob = store.find(r.bucket, name)
    if blob is None:
        raise no_path()
    if "continuation" not in r.query:
        check(blob, r)
    if not store.is_folder(r.bucket, name):
        store.check_write(r.bucket, blob, r.headers.get("x-ms-lease-id"))
        del store.containers[r.bucket].live[name]
        return Response(200)
    below = store.below(r.bucket, name)
    if below and not recursive:
        raise Refused(409, "DirectoryNotEmpty", "The recursive query parameter value must be true to delete a non-empty directory.")
    page = store.ways.get("delete_page", len(below) + 1)
    for old, _, is_folder in reversed([*below[-page:]]):
        if is_folder:
            del store.folders[r.bucket, old]
        else:
            del store.containers[r.bucket].live[old]
    if len(below) >= page:
        return Response(200, {"x-ms-continuation": f"delete-{store.next_serial()}"})
    del store.folders[r.bucket, name]
    return Response(200)


def list_paths(store, r):
    store.filesystem(r.bucket)
    directory = r.query.get("directory", "").strip("/")
    if directory and store.find(r.bucket, directory) is None:
        raise no_path()
    found = store.below(r.bucket, directory) if not directory or store.is_folder(r.bucket, directory) else [(directory, store.find(r.bucket, directory), False)]
    if r.query.get("recursive") != "true":
        depth = directory.count("/") + 1 if directory else 0
        found = [row for row in found if row[0].count("/") == depth or row[0] == directory]
    begin, most = base64.b64decode(r.query.get("continuation", "")).decode(), min(int(r.query.get("maxResults", 5000)), store.ways.get("page", 5000))
    found = [row for row in found if row[0].split("/") > begin.split("/")] if begin else found
    h = {"Content-Type": "application/json;charset=utf-8"}
    if len(found) > most:
        h["x-ms-continuation"] = base64.b64encode(found[most - 1][0].encode()).decode()
    paths = []
    for name, blob, folder in found[:most]:
        row = {"name": name, "contentLength": str(len(blob.data)), "etag": blob.etag.strip('"'), "lastModified": blob.last_modified}
        paths.append({**row, "isDirectory": "true"} if folder else row)
    return Response(200, h, json.dumps({"paths": paths}, ensure_ascii=False).encode())


def head(store, r):
    blob = store.find(r.bucket, r.key)
    if blob is None:
        raise no_path()
    Conditions(r.headers).check(blob, reads=True)
    return Response(200, {**headers_of(blob, store.is_folder(r.bucket, r.key)), "Content-Length": str(len(blob.data))}, head_only=True)


def read(store, r):
    file_of(store, r)
    response = azure_blobs.get(store, r)
    h = headers_of(store.find(r.bucket, r.key), False)
    response.headers = {**{n: v for n, v in response.headers.items() if not n.startswith(("x-ms-meta-", "x-ms-blob-"))}, **h}
    return response


def access_control(store, r):
    if store.ways.get("refuses_access_control"):
        raise Refused(403, "AuthorizationPermissionMismatch", "Not authorized to perform this operation using this permission.")
    store.filesystem(r.bucket)
    return Response(200, {"ETag": '"0x1"', "x-ms-acl": "user::rwx,group::r-x,other::---"}, head_only=True)


HANDLERS = {
    "FilesystemList": list_filesystems,
    "FilesystemCreate": create_filesystem,
    "FilesystemDelete": delete_filesystem,
    "FilesystemGetProperties": head_filesystem,
    "PathCreate": create,
    "PathRename": rename,
    "PathAppend": append,
    "PathFlush": flush,
    "PathSetProperties": set_properties,
    "PathDelete": delete,
    "PathList": list_paths,
    "PathGetProperties": head,
    "PathRead": read,
    "PathGetAccessControl": access_control,
}
