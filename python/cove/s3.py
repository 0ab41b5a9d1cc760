"""s3:// and s3a:// under fsspec: s3fs's names for options, methods and details, on cove's library."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fsspec.utils import tokenize

from cove.loading import explained, log_beside_s3fs

with explained():
    from cove import _cove
    from cove.coroutines import in_thread
    from cove.errors import failure
    from cove.filesystem import CoveFileSystem, time_of
    from cove.listings import GONE
    from cove.options import to_library

MIN_PART = 5 << 20  # the smallest part of an upload that S3 takes
PART = 8 << 20  # the library's default
CONCURRENCY = 16  # the library's default
MAX_CONCURRENCY = 64  # the largest that the library takes

# The ARN of an access point, or of a bucket on Outposts, takes the place of a bucket's name, and may have slashes in it.
_BUCKET_ARN = re.compile(
    r"arn(?:[:/][\w-]+){2}[:/][\w-]*[:/][\w-]+[:/](?:(?:outpost[:/][\w-]+[:/])?accesspoint|outpost[:/][\w-]+[:/]bucket)[:/][\w.-]+(?=/|\Z)", re.ASCII
)

_METHODS = {"get_object": "GET", "head_object": "HEAD", "put_object": "PUT", "delete_object": "DELETE"}


def _not_offered(name: str, instead: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"S3FileSystem.{name} is not offered by cove: {instead}")

    method.__name__, method.__doc__ = name, f"Not offered: {instead}."
    return method


class S3FileSystem(CoveFileSystem):
    """Amazon S3 and compatible stores.

    Parameters
    ----------
    anon, endpoint_url, key, secret, token, use_ssl, username, password, profile, client_kwargs, config_kwargs, s3_additional_kwargs, requester_pays,
    default_block_size, max_concurrency, fixed_upload_size, version_aware:
        As in s3fs. `default_block_size` is the size of the first parts of an upload and of ranges, 5 MiB at least; `max_concurrency` is 64 at most.
    session:
        An aiobotocore or botocore session, of which the profile is taken. Its keys are not: give `key`, `secret` and `token`.
    cache_regions, default_cache_type, default_fill_cache, local_expiry_check:
        Accepted; the library does what they ask for, or decides by itself.
    options:
        Others of the library's, as `addressing_style`, `read_timeout`, `retries`, `verify` (docs/s3-options.md), and those of CoveFileSystem.

    Examples
    --------
    >>> fs = S3FileSystem(endpoint_url="http://127.0.0.1:9000")  # doctest: +SKIP
    >>> fs.ls("bucket/run")  # doctest: +SKIP
    ['bucket/run/checkpoints', 'bucket/run/metrics.csv']
    """

    protocol = ("s3", "s3a")
    family = "s3"
    _options_of_others = ("cache_regions", "default_cache_type", "default_fill_cache", "local_expiry_check")

    def __init__(
        self, anon: bool | None = None, endpoint_url: str | None = None, key: str | None = None, secret: str | None = None, token: str | None = None,
        session: Any = None, default_block_size: Any = None, max_concurrency: Any = None, **options: Any,
    ) -> None:  # fmt: skip
        """Checks the options; sends no request. The parameters are documented at the class."""
        if isinstance(default_block_size, int):
            default_block_size = max(default_block_size, MIN_PART)
        if isinstance(max_concurrency, int):
            max_concurrency = min(max_concurrency, MAX_CONCURRENCY)
        if session is not None:
            options.setdefault("profile", _profile(session))
        super().__init__(
            anon=anon, endpoint_url=endpoint_url, key=key, secret=secret, token=token, default_block_size=default_block_size,
            max_concurrency=max_concurrency, **options,
        )  # fmt: skip
        self.version_aware = _is_true(options.get("version_aware"))
        self._create_buckets = _is_true(options.get("create_buckets"))
        log_beside_s3fs()
        # As they were given, for code that reads s3fs's attributes.
        self.anon, self.endpoint_url, self.key, self.secret, self.token = _is_true(anon), endpoint_url, key, secret, token
        self.requester_pays, self.fixed_upload_size = (_is_true(options.get(n)) for n in ("requester_pays", "fixed_upload_size"))
        self.use_ssl, self.cache_regions = options.get("use_ssl", True), bool(options.get("cache_regions"))
        self.client_kwargs, self.config_kwargs = options.get("client_kwargs") or {}, options.get("config_kwargs") or {}
        self.s3_additional_kwargs = options.get("s3_additional_kwargs") or {}
        self.default_block_size = default_block_size or PART
        self.max_concurrency = max_concurrency or CONCURRENCY
        self.default_cache_type = options.get("default_cache_type") or "readahead"
        self.default_fill_cache = options.get("default_fill_cache", True)

    # ---- paths ----

    def split_path(self, path: str) -> tuple[str, str, str | None]:
        """The bucket, the key, and the version where the filesystem is aware of versions and the path names one."""
        path = self._strip_protocol(path)
        if arn := _BUCKET_ARN.match(path):
            bucket, key = arn[0], path[arn.end() + 1 :]
        else:
            bucket, _, key = path.partition("/")
        version = None
        if self.version_aware:
            key, _, version = key.partition("?versionId=")
        return bucket, key, version or None

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        """A URL that names a version asks for a filesystem that is aware of them."""
        return {"version_aware": True} if "?versionId=" in path else {}

    def _may_be_pattern(self, path: str) -> bool:
        """The mark before a version is no wildcard."""
        return super()._may_be_pattern(path.partition("?versionId=")[0] if self.version_aware else path)

    def _version(self, path: str, kwargs: dict[str, Any]) -> str:
        if kwargs.get("versions"):
            raise NotImplementedError("listings are of the latest versions; object_version_info lists all those of a file")
        self._check_arguments(path, kwargs, ("version_id",))
        version = kwargs.get("version_id")
        if version is None:
            return path
        if not self.version_aware:
            raise ValueError(f"{self.unstrip_protocol(path)}: version_id needs a filesystem with version_aware=True")
        return f"{path}?versionId={version}"

    def _agreed(self) -> Mapping[str, Any]:
        properties = self.s3_additional_kwargs if isinstance(self.s3_additional_kwargs, Mapping) else {}
        return {**properties, "acl": properties.get("ACL"), "requester_pays": self.requester_pays}

    def _is_bucket(self, path: str) -> bool:
        return "/" not in path or path.startswith("arn:") and _BUCKET_ARN.fullmatch(path) is not None

    # ---- what is there ----

    def _details(self, info: _cove.Info) -> dict[str, Any]:
        path, size, is_directory, mtime_ns, etag, version_id, storage_class, content_type = info
        if self.version_aware:
            path = path.partition("?versionId=")[0]
        if is_directory:
            kind: dict[str, Any] = {"StorageClass": "BUCKET", "VersionId": None} if self._is_bucket(path) else {"StorageClass": "DIRECTORY"}
            details = {"name": path, "type": "directory", "size": 0, "Key": path, "Size": 0, **kind}
            return details if etag is None else {**details, "ETag": etag}  # it has a marker
        details = {
            "name": path, "type": "file", "size": size, "Key": path, "Size": size, "ETag": etag, "StorageClass": storage_class or "STANDARD",
            "VersionId": version_id,
        }  # fmt: skip
        if mtime_ns is not None:
            details["LastModified"] = time_of(mtime_ns)
        if content_type is not None:  # no listing has it
            details["ContentType"] = content_type
        return details

    def _written(self, made: tuple[str | None, str | None]) -> dict[str, str]:
        """Of botocore's response to a PutObject what is of use; `VersionId` only where the store keeps versions, as there."""
        return {name: value for name, value in zip(("ETag", "VersionId"), made) if value is not None}

    def checksum(self, path: str, refresh: bool = False) -> int:
        """A number that changes with the file: of its ETag, as s3fs has it."""
        info = self.info(path)
        try:
            return int(info["ETag"].strip('"').split("-")[0], 16)
        except (KeyError, ValueError):  # a directory; a store whose ETags are no digests
            return int(tokenize(info), 16)

    def created(self, path: str) -> datetime:
        """When the object was written: each write makes a new one."""
        return self.modified(path)

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Makes a bucket, or a directory in one: `isdir` is true then for this process, and nothing is sent to the store.

        FileNotFoundError: a directory in a bucket that does not exist. Only `mkdir(bucket)` makes one, or with the option `create_buckets` this call, too,
        unless `create_parents` is False. FileExistsError: a bucket that exists, unless `exist_ok` is given. It is made in `region_name`, by default the
        filesystem's region; `acl` is not supported.
        """
        if kwargs.pop("acl", None):
            raise NotImplementedError("a bucket is made without an ACL: use boto3 for one")
        self._check_arguments(path, kwargs, ("region_name", "mode", "exist_ok"))
        there = self._in_region(kwargs.get("region_name"))
        bucket, key, _ = self.split_path(path)
        if not key and self._is_seen(bucket):
            if kwargs.get("exist_ok"):
                return
            raise failure("COVE_EEXIST", f"mkdir {self.unstrip_protocol(bucket)}: the bucket exists")
        if key and not create_parents and not self._bucket_may_be_there(bucket):
            raise failure("COVE_ENOTFOUND", f"mkdir {self.unstrip_protocol(path)}: there is no such bucket")
        there.mkdir(f"{bucket}/{key}" if key else bucket)

    def _in_region(self, region: str | None) -> _cove.Filesystem:
        """The same store, with another region for new buckets and signatures."""
        if region is None:
            return self._fs
        client_kwargs = {name: value for name, value in self.client_kwargs.items() if name != "region_name"}
        options = {**self._given, "region": region, **to_library({"client_kwargs": client_kwargs or None})}
        if not client_kwargs:
            options.pop("client_kwargs", None)
        return _cove.Filesystem("s3://", options)

    def _remove_tree(self, path: str) -> list[str]:
        """Removes the files by name, to return them, then the markers and made directories by the library; no more requests than the library alone."""
        if not path:
            return super()._remove_tree(path)
        try:
            names = [entry[0] for entry in self._fs.find(path)]
        except GONE:
            names = []
        self._fs.remove_files(names)
        try:
            self._fs.remove_tree(path)
        except GONE:
            if not names:
                raise
            return names
        return names if path in names or self._is_bucket(path) else [*names, path]

    def isdir(self, path: str) -> bool:
        """Whether there is a directory. A bucket that this user may not look at counts as one: nothing else has its name."""
        try:
            return super().isdir(path)
        except PermissionError as error:
            if not self._is_bucket(self._strip_protocol(path)) or not _is_forbidden(error):
                raise
            return True

    def _check_bucket(self, path: str) -> None:
        bucket = self.split_path(path)[0]
        if bucket and not self._bucket_may_be_there(bucket):
            why = f"no such bucket: {bucket}; check its name (cove ls s3:// lists the buckets), and the endpoint {self._fs.endpoint}"
            raise failure("COVE_ENOTFOUND", f"list {self.unstrip_protocol(path)}: {why}")

    def _bucket_may_be_there(self, bucket: str) -> bool:
        """Whether it is there; True where this user may not find out."""
        return self._is_seen(bucket) is not False

    def _is_seen(self, bucket: str) -> bool | None:
        """Whether it is there; None where this user may not find out."""
        try:
            return self._fs.exists(bucket)
        except PermissionError as error:
            if not _is_forbidden(error):
                raise
            return None

    def _need_buckets(self, paths: list[str]) -> None:
        for bucket in {self.split_path(path)[0] for path in paths}:
            self._need_bucket(bucket)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """A directory, as `mkdir` makes it; one that exists is no error. A bucket alone is made by `mkdir`, but not with `exist_ok`, as programs call it before
        they write a file: then the bucket must exist, unless the filesystem has the option `create_buckets`, so that a mistyped name makes none.
        """
        bucket, key, _ = self.split_path(path)
        if exist_ok and bucket and not key:
            self._need_bucket(bucket)
        else:
            self.mkdir(path)

    def _need_bucket(self, bucket: str) -> None:
        """Raises FileNotFoundError where it does not exist and `create_buckets` is not set. A bucket that this user may not look at counts as there."""
        try:
            self._fs.stat(bucket)
        except PermissionError as error:
            if not _is_forbidden(error):
                raise
        except FileNotFoundError:
            if not self._create_buckets:
                url = self.unstrip_protocol(bucket)
                raise failure("COVE_ENOTFOUND", f"makedirs {url}: no such bucket: {bucket}; to make it: cove mkdir {url}") from None
            self._fs.mkdir(bucket)

    # ---- what a store keeps beside the bytes ----

    def url(self, path: str, expires: int = 3600, client_method: str = "get_object", **kwargs: Any) -> str:
        """A URL by which anybody may do that one thing with the file, for `expires` seconds."""
        self._check_arguments(path, kwargs)
        if client_method not in _METHODS:
            raise NotImplementedError(f"cove signs {', '.join(_METHODS)}")
        return self._fs.sign(self._see_file(path), _METHODS[client_method], expires)

    def sign(self, path: str, expiration: int = 100, **kwargs: Any) -> str:
        """`url` by fsspec's name: a URL that reads the file without any key, for `expiration` seconds. It is not checked that the file exists."""
        return self.url(path, expires=expiration, **kwargs)

    def metadata(self, path: str, refresh: bool = False, **kwargs: Any) -> dict[str, str]:
        """The user's metadata of a file, names with "-" for "_" as S3 has them."""
        return {name.replace("_", "-"): value for name, value in self._fs.metadata(self._see_file(path, kwargs)).items()}

    def getxattr(self, path: str, attr_name: str, **kwargs: Any) -> str | None:
        """One entry of the metadata; None where there is none of that name."""
        return self.metadata(path, **kwargs).get(attr_name.replace("_", "-"))

    def setxattr(self, path: str, copy_kwargs: dict[str, Any] | None = None, **attributes: str | None) -> None:
        """Sets entries of the metadata, removes those that are None, and keeps the others."""
        if copy_kwargs:
            raise NotImplementedError("setxattr changes metadata only: copy_kwargs are not taken")
        path = self._see_file(path)
        changes = {name.replace("_", "-"): value for name, value in attributes.items()}
        same = {name: None for name in self._fs.metadata(path) if name not in changes and name.replace("_", "-") in changes}
        self._fs.set_metadata(path, {**same, **changes})

    def get_tags(self, path: str) -> dict[str, str]:
        """The tags of a file."""
        return self._fs.tags(self._see_file(path))

    def put_tags(self, path: str, tags: dict[str, str], mode: str = "o") -> None:
        """Sets the tags of a file. mode: "o" puts these in the place of all others, "m" keeps the others."""
        if mode not in ("o", "m"):
            raise ValueError(f"mode must be 'o' or 'm', not {mode!r}")
        path = self._see_file(path)
        self._fs.set_tags(path, {**self._fs.tags(path), **tags} if mode == "m" else dict(tags))

    def object_version_info(self, path: str, **kwargs: Any) -> list[dict[str, Any]]:
        """Every version of a file that the store keeps, newest first."""
        self._check_arguments(path, kwargs)
        return [
            {"Key": self.split_path(info[0])[1], "VersionId": info[5], "Size": info[1], "ETag": info[4], "StorageClass": info[6] or "STANDARD",
             "LastModified": info[3] and time_of(info[3]), "IsLatest": latest, "IsDeleteMarker": deleted}
            for info, latest, deleted in self._fs.versions(self._see_file(path))
        ]  # fmt: skip

    def list_multipart_uploads(self, bucket: str) -> list[dict[str, Any]]:
        """Uploads that were begun and not finished: by killed processes, or by some that are at work."""
        return [
            {"Key": self.split_path(path)[1], "UploadId": upload, "Initiated": time_of(started)}
            for path, upload, started in self._fs.abandoned_uploads(self._strip_protocol(bucket), 0)
        ]

    def clear_multipart_uploads(self, bucket: str) -> None:
        """Removes the parts of all unfinished uploads in a bucket, also of those that are at work now. After an error the others are still removed."""
        self._fs.abandoned_uploads(self._strip_protocol(bucket), 0, True)

    _url = in_thread("url")
    _checksum = in_thread("checksum")
    _metadata = in_thread("metadata")
    _getxattr = in_thread("getxattr")
    _setxattr = in_thread("setxattr")
    _object_version_info = in_thread("object_version_info")
    _bulk_delete = in_thread("bulk_delete")
    _list_multipart_uploads = in_thread("list_multipart_uploads")
    _clear_multipart_uploads = in_thread("clear_multipart_uploads")

    def get_delegated_s3pars(self, exp: int = 3600) -> dict[str, Any]:
        """Options for a filesystem in another process: no keys where it finds its own, else the temporary key that was given."""
        if self.anon or (self.key is None and self.secret is None):
            return {"anon": self.anon}
        if self.token is None:
            raise NotImplementedError("cove makes no temporary keys: take them from boto3's sts.get_session_token, or let each process find its keys")
        return {"key": self.key, "secret": self.secret, "token": self.token, "anon": False}

    # ---- of s3fs, and not here ----

    async def set_session(self, refresh: bool = False, kwargs: dict[str, Any] | None = None) -> _Session:
        """What s3fs wants to be awaited before its coroutines are used. There is nothing to be set up here."""
        return _Session()

    call_s3 = _not_offered("call_s3", "use boto3 for what has no method here")
    chmod = _not_offered("chmod", "ACLs are set when a file is written, by s3_additional_kwargs={'ACL': ...} of the filesystem")
    is_bucket_versioned = _not_offered("is_bucket_versioned", "use boto3's get_bucket_versioning")
    make_bucket_versioned = _not_offered("make_bucket_versioned", "use boto3's put_bucket_versioning")
    merge = _not_offered("merge", "read the files and write one")


def _is_true(value: Any) -> bool:
    """Of an option, as the library reads it."""
    return str(value).lower() in ("true", "1", "yes", "on")


class _Session:
    async def close(self) -> None:
        pass


def _is_forbidden(error: PermissionError) -> bool:
    """Whether the user is known to the store, and may not do this. Else the keys are wrong."""
    return getattr(error, "code", "") == "COVE_EACCESS"


def _profile(session: Any) -> str | None:
    if getattr(session, "_credentials", None) is not None:
        raise ValueError("the keys of a session are not taken over: give key, secret and token")
    profile = getattr(session, "profile", None) or getattr(session, "profile_name", None)
    return profile if isinstance(profile, str) else None
