"""The fsspec filesystem for gs:// and gcs://. Its options, methods and details have gcsfs's names."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from datetime import datetime
from mimetypes import guess_type
from typing import Any
from urllib.parse import quote

from fsspec.utils import tokenize

from cove.loading import explained, log_beside

with explained("gs"):
    from cove import _cove
    from cove.buckets import BucketFileSystem, is_true, not_offered
    from cove.coroutines import in_thread
    from cove.files import WriteFile
    from cove.options import to_library
    from cove.store import time_of

MIN_PART = 5 << 20  # bytes; the library's minimum
PART = 8 << 20  # the library's default
APPEND_S = 2.0  # Google takes one write a second of each object

_GENERATION = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_IN_URL = re.compile(r"(#[1-9][0-9]{15,18}|\?generation=[1-9][0-9]{0,18})\Z", re.ASCII)  # a shorter number after "#" is more likely the end of a name

# Google's names of what `info` takes from headers.
_HEADER_NAMES = {
    "x-goog-metageneration": "metageneration", "etag": "etag", "cache-control": "cacheControl", "content-encoding": "contentEncoding",
    "content-disposition": "contentDisposition", "content-language": "contentLanguage", "x-goog-custom-time": "customTime",
}  # fmt: skip
_HASHES = {"crc32c": "crc32c", "md5": "md5Hash"}

_CONSISTENCY = ("none", "size", "md5", "crc32c")
_FIXED_KEYS = ("cache_control", "content_disposition", "content_encoding", "content_language", "custom_time")

_INSTEAD = {
    "acl": "ACLs of single objects are not supported; use gcloud storage objects update",
    "kms_key_name": "give it to the filesystem, as kms_key_name=...",
    "requester_pays": "give it to the filesystem, as requester_pays=...",
    **{f"fixed_key_metadata[{name!r}]": "only cache_control can be set, by the filesystem's option of that name" for name in _FIXED_KEYS},
}


class GCSFileSystem(BucketFileSystem):
    """Google Cloud Storage.

    Parameters
    ----------
    project, access, token, requester_pays, endpoint_url, default_location, version_aware:
        As in gcsfs. `token` is "anon", "cloud", "google_default", the path of a key file, its content as a dict, or an access token. "cache", "browser" and
        objects of google-auth are not supported.
    block_size:
        The size of the first parts of an upload and of range requests, at least 5 MiB.
    consistency:
        "none", "size", "md5" or "crc32c", without effect: CRC32C is always checked.
    timeout:
        Seconds for one call, all attempts included.
    requests_timeout:
        The option `read_timeout`: seconds without any byte until an attempt is given up.
    session_kwargs:
        `proxy`, and `trust_env`, which is always so. Other arguments of aiohttp's session are not supported.
    cache_timeout, check_connection, secure_serialize:
        Accepted without effect.
    append_interval:
        As of CoveFileSystem, but 2 seconds by default.
    options:
        Other options of the library, such as `cache_control`, `storage_class`, `kms_key_name`, `retries` (docs/gcs-options.md), and those of CoveFileSystem.

    Examples
    --------
    >>> fs = GCSFileSystem(token="anon", endpoint_url="http://127.0.0.1:4443")  # doctest: +SKIP
    >>> fs.ls("bucket/run")  # doctest: +SKIP
    ['bucket/run/checkpoints', 'bucket/run/metrics.csv']
    """

    protocol = ("gs", "gcs")
    family = "gs"
    scopes = frozenset({"read_only", "read_write", "full_control"})
    _version_mark = "#"
    _version_arguments = ("generation", "version_id")
    _instead = _INSTEAD

    def __init__(
        self, project: str | None = None, access: str = "full_control", token: Any = None, block_size: Any = None, consistency: str = "none",
        cache_timeout: float | None = None, secure_serialize: bool = True, check_connection: bool | None = None, requests_timeout: float | None = None,
        requester_pays: bool | str = False, session_kwargs: Mapping[str, Any] | None = None, timeout: float | None = None,
        endpoint_url: str | None = None, default_location: str | None = None, version_aware: bool = False, *, append_interval: float = APPEND_S,
        **options: Any,
    ) -> None:  # fmt: skip
        """Checks the options; sends no request. The parameters are documented at the class."""
        self.consistency = _consistency(consistency)
        if isinstance(block_size, int):
            block_size = max(block_size, MIN_PART)
        if block_size is not None:
            options.setdefault("default_block_size", block_size)
        if requests_timeout is not None:
            options.setdefault("read_timeout", requests_timeout)
        options.update(_session(session_kwargs or {}))
        super().__init__(
            project=project or None, access=access, token=_token(token), requester_pays=requester_pays or None, timeout=timeout,
            endpoint_url=endpoint_url or None, default_location=default_location, version_aware=version_aware, append_interval=append_interval, **options,
        )  # fmt: skip
        self.version_aware, self._create_buckets = is_true(version_aware), is_true(options.get("create_buckets"))
        log_beside("gs")
        # The options as they were given, for code that reads gcsfs's attributes.
        self.access, self.token, self.requester_pays, self.default_location = access, token, requester_pays, default_location
        self.cache_timeout, self.requests_timeout, self.timeout = cache_timeout, requests_timeout, timeout
        self.session_kwargs, self._project = session_kwargs or {}, project or None
        self.default_block_size = block_size or PART

    @property
    def project(self) -> str | None:
        """The project whose buckets are listed, by the option or the environment; None if it is not set."""
        if self._project:
            return self._project
        (row,) = (row for row in _cove.option_help("gs") if row["name"] == "project")
        return next((os.environ[name] for name in (row["environment"] or "").split() if os.environ.get(name)), None)

    @property
    def base(self) -> str:
        """The address of the JSON API."""
        return f"{self._fs.endpoint}/storage/v1/"

    @property
    def buckets(self) -> list[str]:
        """The names of the project's buckets."""
        return self.ls("", detail=False)

    @property
    def on_google(self) -> bool:
        """Whether the endpoint is Google's, and not an emulator's or a proxy's."""
        return (
            self._fs.endpoint == f"https://storage.{self._given.get('universe_domain') or os.environ.get('GOOGLE_CLOUD_UNIVERSE_DOMAIN') or 'googleapis.com'}"
        )

    # ---- paths ----

    def _split_version(self, path: str) -> tuple[str, str | None]:
        """A path without its generation, and the generation: what follows "#" or "?generation=", if it is a number."""
        for mark in ("#", "?generation=") if self.version_aware else ():
            name, found, generation = path.rpartition(mark)
            if found and name and _GENERATION.fullmatch(generation):
                return name, generation
        return path, None

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        """A URL that ends in "?generation=" and a number, or in "#" and a generation of 16 digits or more, is opened with version_aware=True."""
        return {"version_aware": True} if isinstance(path, str) and _IN_URL.search(path) else {}

    def _agreed(self) -> Mapping[str, Any]:
        return {"requester_pays": self.requester_pays, "kms_key_name": self._given.get("kms_key_name")}

    def _properties(self, path: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The properties of an object to be written. `consistency` is checked; `fixed_key_metadata` may repeat what the filesystem's options say."""
        kwargs = dict(kwargs)
        _consistency(kwargs.pop("consistency", None) or "none")
        fixed = kwargs.pop("fixed_key_metadata", None) or {}
        others = {f"fixed_key_metadata[{name!r}]": value for name, value in fixed.items() if name != "cache_control" or value != self._given.get(name)}
        return super()._properties(path, {**kwargs, **others})

    def _writing(
        self, path: str, autocommit: bool = True, mode: str = "wb", block_size: float | None = None, expected_size: int | None = None, **options: Any
    ) -> WriteFile:
        """As gcsfs does, a file that `open` makes gets the content type of its name."""
        options.setdefault("content_type", guess_type(path)[0])
        return super()._writing(path, autocommit, mode, block_size, expected_size, **options)

    def _version_order(self, info: _cove.Info) -> int:
        return int(info[5] or 0)

    @staticmethod
    def _version_of_file(etag: str | None, version_id: str | None) -> str | None:
        return etag

    # ---- files and directories ----

    def _details(self, info: _cove.Info) -> dict[str, Any]:
        path, size, is_directory, mtime_ns, generation, _, storage_class, content_type, created_ns, metadata, headers = info
        path = self._split_version(path)[0]
        bucket = path.partition("/")[0]
        if is_directory:
            kind = {"kind": "storage#bucket"} if path == bucket else {"kind": "storage#object", "storageClass": "DIRECTORY"}
            details: dict[str, Any] = {"bucket": bucket, "name": path, "size": 0, "type": "directory", **kind}
            return details if generation is None else {**details, "ETag": generation}  # it has a marker
        details = {
            "kind": "storage#object", "bucket": bucket, "name": path, "size": size, "type": "file", "generation": generation, "ETag": generation,
            "storageClass": storage_class or "STANDARD",
        }  # fmt: skip
        for ns, name, text_name in ((mtime_ns, "mtime", "updated"), (created_ns, "ctime", "timeCreated")):
            if ns is not None:
                details[name] = time_of(ns)
                details[text_name] = details[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if content_type is not None:  # no listing has the content type or the metadata
            details["contentType"] = content_type
        if metadata is not None:
            details["metadata"] = metadata
        if headers is not None:
            details.update(self._described(details, headers))
        return details

    def _described(self, details: dict[str, Any], headers: Mapping[str, str]) -> dict[str, str]:
        """What `info` alone has, under Google's names."""
        found = {name: headers[header] for header, name in _HEADER_NAMES.items() if header in headers}
        for hash in headers.get("x-goog-hash", "").split(","):
            name, _, value = hash.strip().partition("=")
            if name in _HASHES:
                found[_HASHES[name]] = value
        bucket, name, generation = details["bucket"], self.split_path(details["name"])[1], details["generation"]
        link = f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"
        found["id"] = f"{bucket}/{name}/{generation}"
        found["selfLink"] = self._fs.endpoint + link
        found["mediaLink"] = f"{self._fs.endpoint}/download{link}?generation={generation}&alt=media"
        return found

    def ls(self, path: str, detail: bool = False, prefix: str = "", versions: bool = False, **kwargs: Any) -> list[Any]:
        """The entries directly below a path, sorted: names, or dicts with `detail`. `prefix`: only names that begin with it below `path`.

        `versions`: all versions of each file, oldest first, with their generations in the names. It reads the list of everything below the path.
        """
        found = super().ls(path, detail=True, versions=versions, **kwargs)
        start = f"{self._strip_protocol(path)}/" if self._strip_protocol(path) else ""
        found = [e for e in found if e["name"].startswith(start + prefix)] if prefix else found
        return found if detail else [e["name"] for e in found]

    async def _ls(self, path: str, detail: bool = False, prefix: str = "", versions: bool = False, **kwargs: Any) -> list[Any]:
        if prefix or versions:
            return await asyncio.to_thread(self.ls, path, detail, prefix, versions, **kwargs)
        return await super()._ls(path, detail, **kwargs)

    def checksum(self, path: str, refresh: bool = False) -> int:
        """A number that changes with the file: its generation."""
        info = self.info(path)
        return int(info["generation"]) if info["type"] == "file" else int(tokenize(info), 16)

    def created(self, path: str) -> datetime:
        """When the object was written. `modified` changes with its metadata, too."""
        info = self.info(path)
        return info["ctime"] if "ctime" in info else self.modified(path)

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Makes a bucket or a directory. For a directory nothing is sent to the store: this process remembers it, so `isdir` returns True here.

        FileNotFoundError: the bucket of a directory does not exist. With the option `create_buckets` it is made, unless `create_parents` is False.
        FileExistsError: the bucket exists, and `exist_ok` is not set. A bucket is made in `location`, by default the filesystem's `default_location`, and
        keeps versions with `enable_versioning`. Other properties of a bucket, such as its ACL, are not supported.
        """
        if kwargs.get("acl") == "projectPrivate":  # Google's default, and gcsfs's
            del kwargs["acl"]
        if kwargs.get("default_acl") == "bucketOwnerFullControl":
            del kwargs["default_acl"]
        self._check_arguments(path, kwargs, ("location", "enable_versioning", "mode", "exist_ok"))
        there = self._fs
        wanted = {"default_location": kwargs.get("location"), "enable_versioning": kwargs.get("enable_versioning")}
        if any(wanted.values()):
            there = _cove.Filesystem("gs://", {**self._given, **to_library({name: value or None for name, value in wanted.items()})})
        self._make(there, path, create_parents, bool(kwargs.get("exist_ok")))

    # ---- URLs and metadata ----

    def url(self, path: str, generation: str | None = None) -> str:
        """The address of a file's bytes, for a reader with permission. Sends no request. `sign` makes one that needs no credentials."""
        bucket, key, named = self.split_path(path)
        if generation and named and generation != named:
            raise ValueError(f"{self.unstrip_protocol(path)}: generation={generation} is another one than the path's")
        version = generation or named
        return f"{self._fs.endpoint}/download/storage/v1/b/{bucket}/o/{quote(key, safe='')}?alt=media" + (f"&generation={version}" if version else "")

    def sign(self, path: str, expiration: int = 100, **kwargs: Any) -> str:
        """A URL by which anyone may read the file for `expiration` seconds, or use `method`. It is not checked that the file exists.

        OSError: the credentials are of no service account, which alone signs.
        """
        self._check_arguments(path, kwargs, ("method",))
        return self._fs.sign(self._see_file(path), kwargs.get("method") or "GET", expiration)

    def metadata(self, path: str, **kwargs: Any) -> dict[str, str]:
        """The user's metadata of a file."""
        return self._fs.metadata(self._see_file(path, kwargs))

    def getxattr(self, path: str, attr: str, **kwargs: Any) -> str:
        """One entry of the metadata. KeyError if there is none of that name."""
        return self.metadata(path, **kwargs)[attr]

    def setxattrs(
        self, path: str, content_type: str | None = None, content_encoding: str | None = None, fixed_key_metadata: Mapping[str, Any] | None = None,
        **kwargs: str | None,
    ) -> dict[str, str]:  # fmt: skip
        """Sets entries of the metadata, removes those that are None, keeps the others, and returns them all. NotImplementedError for anything else than
        metadata."""
        for name, value in (("content_type", content_type), ("content_encoding", content_encoding), ("fixed_key_metadata", fixed_key_metadata)):
            if value:
                raise NotImplementedError(f"setxattrs {self.unstrip_protocol(path)}: {name} is not supported; only metadata can be changed")
        place = self._see_file(path)
        if kwargs:
            self._fs.set_metadata(place, kwargs)
        return self._fs.metadata(place)

    def setxattr(self, path: str, copy_kwargs: dict[str, Any] | None = None, **attributes: str | None) -> None:
        """`setxattrs` under the name that files have."""
        if copy_kwargs:
            raise NotImplementedError(f"setxattr {self.unstrip_protocol(path)}: copy_kwargs is not supported; only metadata can be changed")
        self.setxattrs(path, None, None, None, **attributes)

    _checksum = in_thread("checksum")
    _created = in_thread("created")
    _metadata = in_thread("metadata")
    _getxattr = in_thread("getxattr")
    _setxattrs = in_thread("setxattrs")

    # ---- methods of gcsfs that have no effect here, or are not there ----

    merge = not_offered("merge", "read the files and write one")
    call = not_offered("call", "use google-cloud-storage for what has no method here")
    make_bucket_requester_pays = not_offered("make_bucket_requester_pays", "use gcloud storage buckets update --requester-pays")


def _consistency(value: Any) -> str:
    if value not in _CONSISTENCY:
        raise ValueError(f"consistency must be one of {', '.join(_CONSISTENCY)}, not {value!r}")
    return value


def _token(token: Any) -> Any:
    if token is None or isinstance(token, (str, os.PathLike, Mapping)):
        return token
    raise TypeError(
        f"token is a name, a path, a dict or an access token, not {type(token).__name__}; of google-auth's credentials, give the file they are from"
    )


def _session(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The library's options for those of aiohttp's session."""
    for name, value in kwargs.items():
        if name not in ("proxy", "trust_env") and value is not None:
            raise TypeError(f"session_kwargs: {name!r} is not supported; the options proxy, verify, connect_timeout and read_timeout are")
    return {"proxy": kwargs["proxy"]} if kwargs.get("proxy") else {}
