"""What Azure Blob Storage keeps, in memory: containers, blobs with their blocks, versions and snapshots, and the rules of each change.

No requests here: azure.py has them. A change that the store refuses raises Refused.
"""

import datetime
import email.utils

BEGIN = datetime.datetime(2026, 11, 23, 21, 13, tzinfo=datetime.timezone.utc)
FIRST_ETAG = 0x8DE2AD3C5B00000
BLOCKS_MAX = 50_000
UNCOMMITTED_MAX = 100_000
PROPERTIES = ("content-type", "cache-control", "content-encoding", "content-language", "content-disposition", "content-md5")


class Refused(Exception):
    """`code` is what x-ms-error-code has; `headers` are further ones of the response."""

    def __init__(self, status, code, message="mocked", headers=None):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def not_found():
    return Refused(404, "BlobNotFound", "The specified blob does not exist.")


def not_met():
    return Refused(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")


class Conditions:
    """The conditions of a request on one blob, from its headers; `prefix` is x-ms-source- for those on a copy's source."""

    def __init__(self, headers, prefix=""):
        self.match, self.none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
        self.code = "SourceConditionNotMet" if prefix else "ConditionNotMet"

    def check(self, blob, reads=False):
        etag = blob.etag if blob else None
        if self.none_match == "*" and blob and not reads:
            raise Refused(409, "BlobAlreadyExists", "The specified blob already exists.")
        if self.none_match not in (None, "*") and self.none_match == etag:
            raise Refused(304, "ConditionNotMet", "") if reads else not_met()
        if self.match is not None and (blob is None or self.match not in ("*", etag)):
            raise Refused(412, self.code, "The condition specified using HTTP conditional header(s) is not met.")


class Blob:
    """One version of a blob, or a snapshot of it. `blocks` are its committed ones, [(ID, bytes)]; None where one request put it whole."""

    def __init__(self, name, data=b"", kind="BlockBlob", blocks=None, properties=None, metadata=None, tier="Hot"):
        self.name, self.kind, self.blocks, self.tier = name, kind, blocks, tier
        self.properties = {n: v for n, v in (properties or {}).items() if n in PROPERTIES and v}
        self.metadata = dict(metadata or {})
        self.etag = self.version_id = self.snapshot = self.modified = self.created = None
        self.lease = None  # the ID of the one that holds
        self.copy = {}  # id, status, description, progress, source
        self.polls = 0  # of a copy that is pending: times that one looks until it has ended
        self.immutable = False  # by a policy or a legal hold
        self.rehydrating = False
        self.appends = 0  # of an append blob: its blocks
        self.tier_given = tier != "Hot"  # else it is the account's
        self.tags = {}
        self._data = bytes(data)

    @property
    def data(self):
        if self._data is None:
            self._data = b"".join(data for _, data in self.blocks)
        return self._data

    @data.setter
    def data(self, data):
        self._data = data

    def take_blocks(self, blocks):
        self.blocks, self._data = blocks, None

    def twin(self):
        """The same content under the same name, with nothing that belongs to one version."""
        made = Blob(self.name, b"", self.kind, None if self.blocks is None else list(self.blocks), self.properties, self.metadata, self.tier)
        made._data, made.appends = self._data, self.appends
        return made

    @property
    def last_modified(self):
        return email.utils.format_datetime(self.modified, usegmt=True)


class Container:
    def __init__(self, name):
        self.name = name
        self.live = {}  # name -> Blob
        self.versions = {}  # name -> [Blob] that are not current, the oldest first
        self.snapshots = {}  # name -> [Blob]
        self.staged = {}  # name -> {block ID: bytes} that no commit has named
        self.begun = {}  # name -> when the first of them came
        self.lease = None

    def unstage(self, name):
        self.staged.pop(name, None)
        self.begun.pop(name, None)


class Model:
    def __init__(self, containers, keeps_versions):
        self.keeps_versions, self.serial = keeps_versions, 0
        self.containers = {name: Container(name) for name in containers}

    def next_serial(self):
        self.serial += 1
        return self.serial

    def time_of(self, serial):
        """A separate time for each change, as versions and snapshots have it."""
        return f"{BEGIN + datetime.timedelta(seconds=serial):%Y-%m-%dT%H:%M:%S}.{serial:07d}Z"

    def container(self, name):
        if name not in self.containers:
            raise Refused(404, "ContainerNotFound", "The specified container does not exist.")
        return self.containers[name]

    def live(self, path):
        """Of "container/name" the blob, or None."""
        container, _, name = path.partition("/")
        return self.containers[container].live.get(name)

    def blob(self, container, name, version=None, snapshot=None):
        """The one that is asked for, or Refused."""
        at = self.container(container)
        found = at.live.get(name)
        if version:
            every = [*at.versions.get(name, []), *([found] if found else [])]
            found = next((b for b in every if b.version_id == version), None)
        elif snapshot:
            found = next((b for b in at.snapshots.get(name, []) if b.snapshot == snapshot), None)
        if found is None:
            raise not_found()
        return found

    def changed(self, blob):
        """A new ETag and time."""
        serial = self.next_serial()
        blob.etag = f'"0x{FIRST_ETAG + serial:X}"'
        blob.modified = BEGIN + datetime.timedelta(seconds=serial)
        blob.created = blob.created or blob.modified
        return blob

    def check_write(self, container, blob, lease=None, deletes=False):
        """Whether what is there may be replaced, changed or removed."""
        if blob is None:
            return
        if blob.immutable:
            raise Refused(409, "BlobImmutableDueToPolicy", "This operation is not permitted as the blob is immutable due to a policy.")
        if blob.lease and lease is None:
            raise Refused(412, "LeaseIdMissing", "There is currently a lease on the blob and no lease ID was specified in the request.")
        if blob.lease and lease != blob.lease:
            raise Refused(412, "LeaseIdMismatchWithBlobOperation", "The lease ID specified did not match the lease ID for the blob.")
        if blob.copy.get("status") == "pending":
            raise Refused(409, "PendingCopyOperation", "There is currently a pending copy operation.")

    def place(self, container, blob):
        """The blob becomes what its name has. Uncommitted blocks of the name go."""
        at = self.container(container)
        before = at.live.get(blob.name)
        if before is not None:
            blob.created, blob.lease = before.created, before.lease
        self.changed(blob)
        if self.keeps_versions:
            blob.version_id = self.time_of(self.serial)
            self._keep(at, before)
        at.live[blob.name] = blob
        at.unstage(blob.name)
        return blob

    def _keep(self, at, before):
        if before is not None:
            at.versions.setdefault(before.name, []).append(before)

    def remove(self, container, name, snapshots=None):
        at = self.container(container)
        blob = at.live.get(name)
        if blob is None:
            raise not_found()
        if at.snapshots.get(name) and snapshots is None:
            raise Refused(409, "SnapshotsPresent", "This operation is not permitted because the blob has snapshots.")
        if snapshots:
            at.snapshots.pop(name, None)
        if snapshots == "only":
            return
        del at.live[name]
        at.unstage(name)
        if self.keeps_versions:
            self._keep(at, blob)

    def remove_version(self, container, name, version):
        at = self.container(container)
        blob = self.blob(container, name, version)
        if at.live.get(name) is blob:
            del at.live[name]
        else:
            at.versions[name].remove(blob)

    def snap(self, container, name):
        blob = self.blob(container, name)
        made = blob.twin()
        made.etag, made.modified, made.created = blob.etag, blob.modified, blob.created
        made.snapshot = self.time_of(self.next_serial())
        self.container(container).snapshots.setdefault(name, []).append(made)
        return made
