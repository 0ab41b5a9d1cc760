"""What Google Cloud Storage keeps, in memory: buckets, objects with their generations, deleted ones, and the rules of each change.

No requests here: gcs.py has them. A change that the store refuses raises Refused.
"""

import base64
import datetime
import email.utils
import functools
import hashlib
import time

import crc

BEGIN = datetime.datetime(2026, 11, 23, 21, 13, tzinfo=datetime.timezone.utc)
FIRST_GENERATION = 1763932380000000

PROPERTIES = ("contentType", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl", "storageClass", "customTime")


class Refused(Exception):
    """`code` is a reason of the JSON API; the XML API calls some of them otherwise (gcs_messages.py)."""

    def __init__(self, status, code, message, **headers):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


def not_met():
    return Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")


class Conditions:
    """The conditions of a request on one object, each a number or None."""

    NAMES = ("GenerationMatch", "GenerationNotMatch", "MetagenerationMatch", "MetagenerationNotMatch")

    def __init__(self, values, prefix="if"):
        """`values`: of parameters, as {"ifGenerationMatch": "0"}."""
        try:
            self.values = {name: int(values[prefix + name]) for name in self.NAMES if prefix + name in values}
        except ValueError:
            raise Refused(400, "invalid", "Invalid value of a condition") from None

    def __bool__(self):
        return bool(self.values)

    def check(self, there, reads=False):
        """`there`: the object or None. A read is answered 304 where a NotMatch fails."""
        generation, metageneration = (there.generation, there.metageneration) if there else (0, 0)
        for name, value in self.values.items():
            same = value == (generation if name.startswith("Generation") else metageneration)
            if name.endswith("NotMatch") and same:
                raise Refused(304, "notModified", "") if reads else not_met()
            if not name.endswith("NotMatch") and not same:
                raise not_met()


class Object:
    """One generation. Its bytes and its generation stay as they are; its metadata may change."""

    def __init__(self, bucket, name, data, properties=None, metadata=None):
        self.bucket, self.name, self.data = bucket, name, bytes(data)
        self.properties = {"storageClass": "STANDARD", **{k: v for k, v in (properties or {}).items() if k in PROPERTIES and v is not None}}
        self.metadata = dict(metadata or {})
        self.generation, self.metageneration = 0, 1
        self.created = self.updated = self.deleted = self.soft_deleted = None  # times
        self.components = None  # of a composed one, how many
        self.has_md5 = True  # not of composed objects, nor of multipart uploads
        self.key_sha256 = self.kms_key = None
        self.holds = {"temporaryHold": False, "eventBasedHold": False}
        self.checksum = None

    @property
    def path(self):
        return f"{self.bucket}/{self.name}"

    @property
    def crc32c(self):
        """In base64. Computed once, and only where someone asks."""
        if self.checksum is None:
            self.checksum = crc.b64(crc.crc32c(self.data))
        return self.checksum

    @functools.cached_property
    def md5(self):
        return base64.b64encode(hashlib.md5(self.data).digest()).decode()

    @property
    def etag(self):
        return base64.b64encode(f"{self.generation}/{self.metageneration}".encode()).decode()

    def hashes(self):
        return {"crc32c": self.crc32c, **({"md5Hash": self.md5} if self.has_md5 else {})}

    def resource(self, tells_hashes=True):
        r = {
            "kind": "storage#object",
            "id": f"{self.path}/{self.generation}",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            **self.properties,
            "size": str(len(self.data)),
            "etag": self.etag,
            "timeCreated": shown(self.created),
            "updated": shown(self.updated),
            **{name: True for name, held in self.holds.items() if held},
        }
        if tells_hashes or not self.key_sha256:  # else the key is needed
            r.update(self.hashes())
        if self.components is not None:
            r["componentCount"] = self.components
        if self.metadata:
            r["metadata"] = self.metadata
        if self.key_sha256:
            r["customerEncryption"] = {"encryptionAlgorithm": "AES256", "keySha256": self.key_sha256}
        if self.kms_key:
            r["kmsKeyName"] = self.kms_key
        if self.deleted is not None:
            r["timeDeleted"] = shown(self.deleted)
        if self.soft_deleted is not None:
            r["softDeleteTime"], r["hardDeleteTime"] = shown(self.soft_deleted), shown(self.soft_deleted + self.kept_s)
        return r


def shown(seconds):
    return (BEGIN + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def last_modified(seconds):
    return email.utils.format_datetime(BEGIN + datetime.timedelta(seconds=seconds), usegmt=True)


class Bucket:
    """`resource`: as the JSON API has it; its settings of versions, soft deletion, retention, payment and folders are applied."""

    def __init__(self, name, resource=None):
        self.name, self.resource = name, dict(resource or {})
        self.live, self.noncurrent, self.soft = {}, {}, {}  # name -> Object; name -> [Object], the oldest first; the same
        self.folders = {}  # name with its slash -> metageneration
        self.moving = {}  # those that are being renamed -> the operation
        self.written = {}  # name -> when, for the one write a second

    def _setting(self, member, field):
        return self.resource.get(member, {}).get(field)

    @property
    def versions(self):
        return bool(self._setting("versioning", "enabled"))

    @property
    def soft_delete_s(self):
        return int(self._setting("softDeletePolicy", "retentionDurationSeconds") or 0)

    @property
    def retention_s(self):
        return int(self._setting("retentionPolicy", "retentionPeriod") or 0)

    @property
    def requester_pays(self):
        return bool(self._setting("billing", "requesterPays"))

    @property
    def hierarchical(self):
        return bool(self._setting("hierarchicalNamespace", "enabled"))

    @property
    def rapid(self):
        return self.resource.get("locationType") == "zone"

    def empty(self):
        return not self.live and not any(self.noncurrent.values())

    def add_parents(self, name):
        for i, c in enumerate(name[:-1]):
            if c == "/":
                self.folders.setdefault(name[: i + 1], 1)


class Model:
    """The buckets, and every change of an object. Calls come one at a time: the server holds its lock."""

    def __init__(self, buckets=(), one_write_a_second=False):
        self.buckets = {name: Bucket(name, buckets[name] if isinstance(buckets, dict) else None) for name in buckets}
        self.serial, self.ahead_s, self.lacks_permissions = 0, 0.0, []
        self.one_write_a_second, self.started = one_write_a_second, time.monotonic()

    def now(self):
        """Seconds since BEGIN. The clock stands unless the store counts writes; a test sets it ahead."""
        return self.ahead_s + (time.monotonic() - self.started if self.one_write_a_second else 0)

    def next_generation(self):
        self.serial += 1
        return FIRST_GENERATION + self.serial

    # ---- objects

    def bucket(self, name):
        if name not in self.buckets:
            raise Refused(404, "notFound", "The specified bucket does not exist.")
        return self.buckets[name]

    def live(self, path):
        """The object of "bucket/name", or None."""
        bucket, _, name = path.partition("/")
        return self.buckets[bucket].live.get(name) if bucket in self.buckets else None

    def find(self, bucket, name, generation=None):
        """The live one, or one of its other generations; Refused where there is none."""
        all_of_it = [bucket.live.get(name), *bucket.noncurrent.get(name, [])]
        found = all_of_it[0] if generation is None else next((o for o in all_of_it if o and str(o.generation) == str(generation)), None)
        if found is None:
            raise Refused(404, "notFound", f"No such object: {bucket.name}/{name}")
        return found

    # ---- the rules of a change

    def permit(self, permission):
        if permission in self.lacks_permissions:
            what = "project" if permission.startswith("storage.buckets.") else "Storage object"
            text = f"run@p.iam.gserviceaccount.com does not have {permission} access to the Google Cloud {what}."
            raise Refused(403, "forbidden", f"{text} Permission '{permission}' denied on resource (or it may not exist).")

    def may_go(self, bucket, there):
        """Whether an object may be replaced or deleted."""
        if there is None:
            return
        self.permit("storage.objects.delete")
        for hold, called in (("temporaryHold", "Temporary"), ("eventBasedHold", "Event-Based")):
            if there.holds[hold]:
                text = f"Object '{there.path}' is under active {called} hold and cannot be deleted, overwritten or archived until hold is removed."
                raise Refused(403, "objectUnderActiveHold", text)
        until = there.created + bucket.retention_s
        if bucket.retention_s and until > self.now():
            text = (
                f"Object '{there.path}' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until {shown(until)}"
            )
            raise Refused(403, "retentionPolicyNotMet", text)

    def _count_write(self, bucket, name):
        if not self.one_write_a_second:
            return
        if self.now() - bucket.written.get(name, -1e9) < 1:
            text = f"The object {bucket.name}/{name} exceeded the rate limit for object mutation operations (create, update, and delete)."
            raise Refused(429, "rateLimitExceeded", text + " Please reduce your request rate.")
        bucket.written[name] = self.now()

    def _retire(self, bucket, there):
        """The live object leaves its place: into the versions, into the soft-deleted ones, or for good."""
        del bucket.live[there.name]
        there.deleted = self.now()
        if bucket.versions:
            bucket.noncurrent.setdefault(there.name, []).append(there)
        else:
            self._soften(bucket, there)

    def _soften(self, bucket, there):
        if bucket.soft_delete_s:
            there.soft_deleted, there.kept_s = self.now(), bucket.soft_delete_s
            bucket.soft.setdefault(there.name, []).append(there)

    # ---- changes

    def place(self, made, conditions=None):
        """Makes or replaces the object of that name."""
        bucket = self.bucket(made.bucket)
        there = bucket.live.get(made.name)
        if conditions:
            conditions.check(there)
        self._count_write(bucket, made.name)
        self.may_go(bucket, there)
        if there is not None:
            self._retire(bucket, there)
        made.generation = self.next_generation()
        made.created = made.updated = self.now()
        bucket.live[made.name] = made
        if bucket.hierarchical:
            bucket.add_parents(made.name)
        return made

    def remove(self, bucket, name, generation=None, conditions=None):
        there = self.find(bucket, name, generation)
        if conditions:
            conditions.check(there)
        self.may_go(bucket, there)
        if there is bucket.live.get(name):
            if generation is None:
                self._retire(bucket, there)
            else:  # that generation itself, not only its place
                del bucket.live[name]
                there.deleted = self.now()
                self._soften(bucket, there)
        else:
            bucket.noncurrent[name].remove(there)
            self._soften(bucket, there)

    def remove_for_good(self, bucket, there):
        """As deleteSourceObjects does."""
        if bucket.live.get(there.name) is there:
            del bucket.live[there.name]

    def rename(self, bucket, there, name, conditions):
        """moveTo: one step, in which the object gets a new generation."""
        conditions.check(bucket.live.get(name))
        self.may_go(bucket, there)
        made = Object(bucket.name, name, there.data, there.properties, there.metadata)
        made.has_md5, made.checksum, made.components = there.has_md5, there.checksum, there.components
        made.key_sha256, made.kms_key = there.key_sha256, there.kms_key
        self.place(made)
        if bucket.live.get(there.name) is there:
            self._retire(bucket, there)
        return made

    def patch(self, there, changes):
        """`changes`: as PATCH has them; null removes."""
        bucket = self.bucket(there.bucket)
        self._count_write(bucket, there.name)
        for member, value in changes.items():
            if member == "metadata":
                if value is None:
                    there.metadata = {}
                for name, text in (value or {}).items():
                    if text is None:
                        there.metadata.pop(name, None)
                    else:
                        there.metadata[name] = text
            elif member in there.holds:
                there.holds[member] = bool(value)
            elif member in PROPERTIES:
                if value is None:
                    there.properties.pop(member, None)
                else:
                    there.properties[member] = value
        there.metageneration += 1
        there.updated = self.now()

    def forget(self):
        """Soft-deleted objects whose time has come."""
        for bucket in self.buckets.values():
            for name, all_of_it in list(bucket.soft.items()):
                bucket.soft[name] = [o for o in all_of_it if o.soft_deleted + o.kept_s > self.now()]

    def restore(self, bucket, name, generation):
        self.forget()
        found = next((o for o in bucket.soft.get(name, []) if str(o.generation) == str(generation)), None)
        if found is None:
            raise Refused(404, "notFound", f"No such object: {bucket.name}/{name}")
        made = Object(bucket.name, name, found.data, found.properties, found.metadata)
        made.has_md5, made.checksum, made.components = found.has_md5, found.checksum, found.components
        return made
