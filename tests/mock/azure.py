"""Azure Blob Storage as it should be, in memory, as far as a client's tests need it: MockServer(kind=azure.Store) is one.

Written from the service's REST documentation. azure_store.py has the containers and blobs, azure_messages.py requests, responses and errors, azure_auth.py
credentials, the others what each request does. `ways` makes it differ (docs/testing.md has the fields). Its endpoint is that of an emulator, with the account
in the path.
"""

import azure_batch
import azure_blobs
import azure_blocks
import azure_containers
import azure_copies
import azure_delegation
from azure_auth import ACCOUNT, KEY, let_in
from azure_messages import VERSIONS, Request, Response, error_response
from azure_store import BLOCKS_MAX, Blob, Container, Model, Refused

HANDLERS = {
    **azure_blobs.HANDLERS,
    **azure_blocks.HANDLERS,
    **azure_copies.HANDLERS,
    **azure_containers.HANDLERS,
    **azure_batch.HANDLERS,
    **azure_delegation.HANDLERS,
}
TENANT = "11111111-2222-3333-4444-555555555555"
OPTIONS = {"account_name": ACCOUNT, "account_key": KEY}  # that lead to it, beside endpoint_url


class Store(Model):
    """`objects` is what a case calls so: {"container/name": (bytes, ETag, Blob)} of the current ones."""

    Request, Response = Request, Response
    challenge = f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id=https://storage.azure.com"
    tier = "Hot"
    WAYS = {
        "batch_without_last_line",  # true: the response to a batch does not end its last line
        "blocks_max",  # of a blob, in place of 50,000
        "copy_fails",  # why a pending copy fails in the end
        "copy_polls",  # requests for a blob until the copy to it has ended; -1: it never ends
        "delegates",  # of user delegation keys: false, or for how many seconds they are valid at most
        "headers",  # of every response
        "lacks",  # operations that are not there: 501
        "no_keys",  # true: the account does not accept its keys
        "no_tags",  # "read" or "write": the caller may not read tags, or set them
        "no_structured_bodies",  # true: they are not known, and the header is ignored
        "page",  # entries of a listing's page at most
        "public",  # true: everybody may read
        "tokens",  # bearer tokens that are let in
        "versions",  # true: what is replaced or removed stays as a version
    }

    def __init__(self, objects, buckets, ways):
        if set(ways) - self.WAYS:
            raise ValueError(f"a store has no way {', '.join(sorted(set(ways) - self.WAYS))}")
        super().__init__(buckets, ways.get("versions", False))
        self.ways, self.blocks_max = ways, ways.get("blocks_max", BLOCKS_MAX)
        for path, data in objects.items():
            self.put(path, data)

    @property
    def objects(self):
        return {f"{at.name}/{name}": (blob.data, blob.etag, blob) for at in self.containers.values() for name, blob in at.live.items()}

    @property
    def uploads(self):
        """Blobs with blocks that no commit has named."""
        return {f"{at.name}/{name}": blocks for at in self.containers.values() for name, blocks in at.staged.items() if blocks}

    def put(self, path, data, blocks=None, **more):
        """What another writer puts there: in one request, or by `blocks`, [(ID, bytes)]."""
        container, _, name = path.partition("/")
        self.containers.setdefault(container, Container(container))
        blob = Blob(name, data, **more)
        if blocks is not None:
            blob.take_blocks(blocks)
        return self.place(container, blob)

    def drop(self, path):
        container, _, name = path.partition("/")
        self.remove(container, name, "include")

    def add(self, path, data):
        """What another writer adds to the blob, by putting it again."""
        self.put(path, self.objects[path][0] + data)

    def stage(self, path, blocks):
        """What another writer has begun to upload: {ID: bytes}."""
        container, _, name = path.partition("/")
        self.container(container).staged.setdefault(name, {}).update(blocks)

    def look(self, blob):
        azure_copies.look(self, blob)

    def is_current(self, blob):
        return any(at.live.get(blob.name) is blob for at in self.containers.values())

    # ---- requests

    def error(self, r, status, code, message="mocked"):
        return error_response(r, status, code, message)

    def answer(self, r):
        try:
            self._check(r)
            if r.fault.get("loses_blocks"):
                self.container(r.bucket).unstage(r.key)
            response = HANDLERS[r.operation](self, r)
        except Refused as refused:
            response = error_response(r, refused.status, refused.code, refused.message, refused.headers)
        if "x-ms-client-request-id" in r.headers:
            response.headers["x-ms-client-request-id"] = r.headers["x-ms-client-request-id"]
        response.headers.update(self.ways.get("headers", {}))
        return response

    def _check(self, r):
        """What holds for each request: its version, its account and its credentials."""
        version = r.headers.get("x-ms-version")
        if version is not None and not VERSIONS[0] <= version <= VERSIONS[1]:
            raise Refused(400, "InvalidHeaderValue", f"The value for one of the HTTP headers is not in the correct format: {version}")
        if r.account != ACCOUNT:
            raise Refused(404, "ResourceNotFound", "The specified resource does not exist.")
        let_in(self, r)
        if r.operation in self.ways.get("lacks", []) or r.operation not in HANDLERS:
            raise Refused(501, "NotImplemented", f"{r.operation} is not implemented")
