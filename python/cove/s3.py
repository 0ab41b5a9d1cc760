"""The fsspec filesystem for s3:// and s3a://. Its options, methods and details have s3fs's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fsspec.utils import tokenize

from cove.loading import explained, log_beside

with explained():
    from cove import _cove
    from cove.arguments import S3_INSTEAD
    from cove.buckets import BucketFileSystem, is_true, not_offered
    from cove.coroutines import in_thread
    from cove.options import to_library
    from cove.store import time_of

MIN_PART = 5 << 20  # bytes; S3's minimum for a part of an upload
PART = 8 << 20  # the library's default
CONCURRENCY = 16  # the library's default
MAX_CONCURRENCY = 64  # the library's maximum

# The ARN of an access point, or of a bucket on Outposts, takes the place of a bucket's name, and may have slashes in it.
_BUCKET_ARN = re.compile(
    r"arn(?:[:/][\w-]+){2}[:/][\w-]*[:/][\w-]+[:/](?:(?:outpost[:/][\w-]+[:/])?accesspoint|outpost[:/][\w-]+[:/]bucket)[:/][\w.-]+(?=/|\Z)", re.ASCII
)

_METHODS = {"get_object": "GET", "head_object": "HEAD", "put_object": "PUT", "delete_object": "DELETE"}


class S3FileSystem(BucketFileSystem):
    """Amazon S3 and compatible stores.

    Parameters
    ----------
    anon, endpoint_url, key, secret, token, use_ssl, username, password, profile, client_kwargs, config_kwargs, s3_additional_kwargs, requester_pays,
    default_block_size, max_concurrency, fixed_upload_size, version_aware:
        As in s3fs. `default_block_size` is the size of the first parts of an upload and of range requests, at least 5 MiB. `max_concurrency` is at most 64.
    session:
        An aiobotocore or botocore session. Only its profile is used. Pass keys as `key`, `secret` and `token`.
    cache_regions, default_cache_type, default_fill_cache, local_expiry_check:
        Accepted without effect.
    options:
        Other options of the library, such as `addressing_style`, `read_timeout`, `retries`, `verify` (docs/s3-options.md), and those of CoveFileSystem.

    Examples
    --------
    >>> fs = S3FileSystem(endpoint_url="http://127.0.0.1:9000")  # doctest: +SKIP
    >>> fs.ls("bucket/run")  # doctest: +SKIP
    ['bucket/run/checkpoints', 'bucket/run/metrics.csv']
    """

    protocol = ("s3", "s3a")
    family = "s3"
    _version_mark = "?versionId="
    _version_arguments = ("version_id",)
    _instead = S3_INSTEAD
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
        self.version_aware = is_true(options.get("version_aware"))
        self._create_buckets = is_true(options.get("create_buckets"))
        log_beside("s3")
        # The options as they were given, for code that reads s3fs's attributes.
        self.anon, self.endpoint_url, self.key, self.secret, self.token = is_true(anon), endpoint_url, key, secret, token
        self.requester_pays, self.fixed_upload_size = (is_true(options.get(n)) for n in ("requester_pays", "fixed_upload_size"))
        self.use_ssl, self.cache_regions = options.get("use_ssl", True), bool(options.get("cache_regions"))
        self.client_kwargs, self.config_kwargs = options.get("client_kwargs") or {}, options.get("config_kwargs") or {}
        self.s3_additional_kwargs = options.get("s3_additional_kwargs") or {}
        self.default_block_size = default_block_size or PART
        self.max_concurrency = max_concurrency or CONCURRENCY
        self.default_cache_type = options.get("default_cache_type") or "readahead"
        self.default_fill_cache = options.get("default_fill_cache", True)

    # ---- paths ----

    def split_path(self, path: str) -> tuple[str, str, str | None]:
        """The bucket, the key and the version. The version is None unless the path names one and the filesystem has version_aware=True."""
        path = self._strip_protocol(path)
        if arn := _BUCKET_ARN.match(path):
            bucket, key = arn[0], path[arn.end() + 1 :]
        else:
            bucket, _, key = path.partition("/")
        return bucket, *self._split_version(key)

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        """A URL that names a version is opened with version_aware=True."""
        return {"version_aware": True} if "?versionId=" in path else {}

    def _agreed(self) -> Mapping[str, Any]:
        properties = self.s3_additional_kwargs if isinstance(self.s3_additional_kwargs, Mapping) else {}
        return {**properties, "acl": properties.get("ACL"), "requester_pays": self.requester_pays}

    def _is_bucket(self, path: str) -> bool:
        return "/" not in path or path.startswith("arn:") and _BUCKET_ARN.fullmatch(path) is not None

    # ---- files and directories ----

    def _details(self, info: _cove.Info) -> dict[str, Any]:
        path, size, is_directory, mtime_ns, etag, version_id, storage_class, content_type = info[:8]
        path = self._split_version(path)[0]
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

    def _version_details(self, info: _cove.Info, latest: bool) -> dict[str, Any]:
        return {**super()._version_details(info, latest), "IsLatest": latest}

    def _written(self, made: tuple[str | None, str | None]) -> dict[str, str]:
        """The ETag and version of a new object, under the names of botocore's PutObject response. `VersionId` only in a versioned bucket."""
        return {name: value for name, value in zip(("ETag", "VersionId"), made) if value is not None}

    def checksum(self, path: str, refresh: bool = False) -> int:
        """A number that changes with the file. Like s3fs's, it is made from the ETag."""
        info = self.info(path)
        try:
            return int(info["ETag"].strip('"').split("-")[0], 16)
        except (KeyError, ValueError):  # a directory, or a store with ETags that are not hexadecimal
            return int(tokenize(info), 16)

    def created(self, path: str) -> datetime:
        """When the object was last written. Each write makes a new object."""
        return self.modified(path)

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Makes a bucket or a directory. For a directory nothing is sent to the store: this process remembers it, so `isdir` returns True here.

        FileNotFoundError: the bucket of a directory does not exist. With the option `create_buckets` it is made, unless `create_parents` is False.
        FileExistsError: the bucket exists, and `exist_ok` is not set. A bucket is made in `region_name`, by default the filesystem's region. `acl` is not
        supported.
        """
        if kwargs.pop("acl", None):
            raise NotImplementedError(f"mkdir {self.unstrip_protocol(path)}: acl is not supported; use boto3 to make a bucket with an ACL")
        self._check_arguments(path, kwargs, ("region_name", "mode", "exist_ok"))
        self._make(self._in_region(kwargs.get("region_name")), path, create_parents, bool(kwargs.get("exist_ok")))

    def _in_region(self, region: str | None) -> _cove.Filesystem:
        """The same store, with another region for a new bucket and for signatures."""
        if region is None:
            return self._fs
        client_kwargs = {name: value for name, value in self.client_kwargs.items() if name != "region_name"}
        options = {**self._given, "region": region, **to_library({"client_kwargs": client_kwargs or None})}
        if not client_kwargs:
            options.pop("client_kwargs", None)
        return _cove.Filesystem("s3://", options)

    # ---- URLs, metadata, tags, versions, uploads ----

    def url(self, path: str, expires: int = 3600, client_method: str = "get_object", **kwargs: Any) -> str:
        """A presigned URL: for `expires` seconds, anyone who has it may make that request without credentials."""
        self._check_arguments(path, kwargs)
        if client_method not in _METHODS:
            raise NotImplementedError(f"url {self.unstrip_protocol(path)}: client_method {client_method!r} is not supported; use one of {', '.join(_METHODS)}")
        return self._fs.sign(self._see_file(path), _METHODS[client_method], expires)

    def sign(self, path: str, expiration: int = 100, **kwargs: Any) -> str:
        """`url` under fsspec's name: a presigned URL to read the file, valid for `expiration` seconds. It is not checked that the file exists."""
        return self.url(path, expires=expiration, **kwargs)

    def metadata(self, path: str, refresh: bool = False, **kwargs: Any) -> dict[str, str]:
        """The user's metadata of a file. Names have "-" for "_", as in S3."""
        return {name.replace("_", "-"): value for name, value in self._fs.metadata(self._see_file(path, kwargs)).items()}

    def getxattr(self, path: str, attr_name: str, **kwargs: Any) -> str | None:
        """One entry of the metadata; None if there is none of that name."""
        return self.metadata(path, **kwargs).get(attr_name.replace("_", "-"))

    def setxattr(self, path: str, copy_kwargs: dict[str, Any] | None = None, **attributes: str | None) -> None:
        """Sets entries of the metadata, removes those that are None, and keeps the others."""
        if copy_kwargs:
            raise NotImplementedError(f"setxattr {self.unstrip_protocol(path)}: copy_kwargs is not supported; only metadata can be changed")
        path = self._see_file(path)
        changes = {name.replace("_", "-"): value for name, value in attributes.items()}
        same = {name: None for name in self._fs.metadata(path) if name not in changes and name.replace("_", "-") in changes}
        self._fs.set_metadata(path, {**same, **changes})

    def get_tags(self, path: str) -> dict[str, str]:
        """The tags of a file."""
        return self._fs.tags(self._see_file(path))

    def put_tags(self, path: str, tags: dict[str, str], mode: str = "o") -> None:
        """Sets the tags of a file. mode: "o" replaces all tags, "m" keeps the other ones."""
        if mode not in ("o", "m"):
            raise ValueError(f"mode must be 'o' or 'm', not {mode!r}")
        path = self._see_file(path)
        self._fs.set_tags(path, {**self._fs.tags(path), **tags} if mode == "m" else dict(tags))

    def object_version_info(self, path: str, **kwargs: Any) -> list[dict[str, Any]]:
        """All versions of a file in the store, newest first."""
        self._check_arguments(path, kwargs)
        return [
            {"Key": self.split_path(info[0])[1], "VersionId": info[5], "Size": info[1], "ETag": info[4], "StorageClass": info[6] or "STANDARD",
             "LastModified": info[3] and time_of(info[3]), "IsLatest": latest, "IsDeleteMarker": deleted}
            for info, latest, deleted in self._fs.versions(self._see_file(path))
        ]  # fmt: skip

    def list_multipart_uploads(self, bucket: str) -> list[dict[str, Any]]:
        """Unfinished uploads: abandoned by killed processes, or still under way."""
        return [
            {"Key": self.split_path(path)[1], "UploadId": upload, "Initiated": time_of(started)}
            for path, upload, started in self._fs.abandoned_uploads(self._strip_protocol(bucket), 0)
        ]

    def clear_multipart_uploads(self, bucket: str) -> None:
        """Aborts all unfinished uploads in a bucket, also those still under way. After an error it continues with the others."""
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
        """Options for a filesystem in another process: the temporary key that was given; no keys if none was given, because the process finds its own."""
        if self.anon or (self.key is None and self.secret is None):
            return {"anon": self.anon}
        if self.token is None:
            raise NotImplementedError("get_delegated_s3pars: no temporary keys are made; use boto3's sts.get_session_token, or let each process find its keys")
        return {"key": self.key, "secret": self.secret, "token": self.token, "anon": False}

    # ---- methods of s3fs without an effect here ----

    async def set_session(self, refresh: bool = False, kwargs: dict[str, Any] | None = None) -> _Session:
        """Does nothing. s3fs's coroutines need this call first; cove's do not."""
        return _Session()

    call_s3 = not_offered("call_s3", "use boto3 for what has no method here")
    chmod = not_offered("chmod", "ACLs are set when a file is written, by s3_additional_kwargs={'ACL': ...} of the filesystem")
    is_bucket_versioned = not_offered("is_bucket_versioned", "use boto3's get_bucket_versioning")
    make_bucket_versioned = not_offered("make_bucket_versioned", "use boto3's put_bucket_versioning")
    merge = not_offered("merge", "read the files and write one")


class _Session:
    async def close(self) -> None:
        pass


def _profile(session: Any) -> str | None:
    if getattr(session, "_credentials", None) is not None:
        raise ValueError("the keys of a session are not used; pass key, secret and token")
    profile = getattr(session, "profile", None) or getattr(session, "profile_name", None)
    return profile if isinstance(profile, str) else None
