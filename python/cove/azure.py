"""The fsspec filesystem for az://, abfs://, abfss:// and adl://. Its options, methods and details have adlfs's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fsspec.registry import known_implementations, registry

from cove.loading import explained, log_beside

with explained("az"):
    from cove.arguments import without
    from cove.azure_credentials import of_credential, of_default_credential
    from cove.buckets import BucketFileSystem, is_true
    from cove.coroutines import in_thread
    from cove.errors import failure
    from cove.paths import StripProtocol, as_text, is_list
    from cove.store import time_of

MIB = 1 << 20
BLOCK = 8 * MIB  # the library's default; adlfs's is 50 MiB
MAX_BLOCK = 4000 * MIB
MAX_CONCURRENCY = 64
CONCURRENCY = 16  # the library's default

_AUTHORITY = re.compile(r"([a-z]+)://([^/]*)/?(.*)", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"([a-z0-9]+)\.(?:dfs|blob)\.([^:]+)(?::[0-9]+)?", re.IGNORECASE | re.ASCII)
_GEN1 = re.compile(r"([^.]+)\.azuredatalakestore\.net", re.IGNORECASE)
_PUBLIC = "core.windows.net"
_CLOUDS = ("core.chinacloudapi.cn", "core.usgovcloudapi.net", "core.cloudapi.de")  # in which a URL may name an account, beside the public one
_NAMED = re.compile(r"(?:^|;)\s*AccountName=([^;]+)", re.IGNORECASE)
_MARK = "?versionid="
_SNAPSHOT = "?snapshot="

# adlfs's names of what `info` takes from headers, and the type of each.
_HEADER_NAMES = {"x-ms-tag-count": ("tag_count", int), "x-ms-archive-status": ("archive_status", str), "x-ms-blob-type": ("blob_type", str)}
_CONTENT = ("content_encoding", "content_language", "content_md5", "content_disposition", "cache_control")
_CREDENTIALS = ("account_key", "sas_token", "credential", "client_secret")  # each comes before the connection string of the environment

_INSTEAD = {
    "invalidate_cache": "no listing is kept",
    "version_id": "make the filesystem with version_aware=True",
    **{name: "the URL gives the blob as it is stored" for name in ("content_disposition", "content_encoding", "content_language")},
    **{f"content_settings[{name!r}]": "only cache_control can be set, by the filesystem's option of that name" for name in _CONTENT},
}


class ContentSettings(dict[str, Any]):
    """How a blob is described to those who download it. Its entries are attributes, too, as of azure-storage-blob's class."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class AzureBlobFileSystem(BucketFileSystem):
    """Azure Blob Storage.

    Parameters
    ----------
    account_name, account_key, connection_string, sas_token, client_id, client_secret, tenant_id, account_host, location_mode, version_aware:
        As in adlfs.
    anon:
        Sends no credentials, for containers with public access.
    credential:
        An account's key or a SAS as text, a dict with account_name and account_key, or AzureNamedKeyCredential or AzureSasCredential of azure-core. Objects of
        azure-identity are not supported: the library finds the same credentials itself.
    blocksize:
        The size of the first blocks of an upload and of range requests, 8 MiB by default; from 1 MiB to 4,000 MiB.
    max_concurrency:
        Blocks or ranges of one file under way at once, 16 by default, at most 64.
    timeout:
        Seconds for one call, all attempts included.
    connection_timeout, read_timeout:
        Seconds until a connection must stand, and without any byte until an attempt is given up.
    assume_container_exists:
        True: no request asks whether a container exists. False: a container that this user has no permission to ask for is an error. None: it counts as existing.
    managed_identity_client_id, workload_identity_client_id, authority:
        As of azure-identity's DefaultAzureCredential, to which adlfs passes them: `client_id`, and the option `authority_host`.
    default_fill_cache, default_cache_type, socket_timeout:
        Accepted without effect.
    url_host:
        The host of the URL that the filesystem is made for, where it is not in a cloud of Azure. It is used only if `account_host` or `endpoint_url` names it, too.
    request_session:
        Not supported.
    options:
        Other options of the library, such as `cache_control`, `access_tier`, `endpoint_url`, `retries` (docs/azure-options.md), and those of CoveFileSystem.

    Examples
    --------
    >>> fs = AzureBlobFileSystem(connection_string="UseDevelopmentStorage=true")  # doctest: +SKIP
    >>> fs.ls("container/run")  # doctest: +SKIP
    ['container/run/checkpoints', 'container/run/metrics.csv']
    """

    protocol = ("abfs", "az", "abfss", "adl")
    family = "az"
    _bucket_name = "container"
    _version_mark = _MARK
    _version_arguments = ("version_id",)
    _instead = _INSTEAD
    _options_of_others = ("socket_timeout", "default_fill_cache", "default_cache_type")

    def __init__(
        self, account_name: str | None = None, account_key: str | None = None, connection_string: str | None = None, credential: Any = None,
        sas_token: str | None = None, request_session: Any = None, socket_timeout: Any = None, blocksize: Any = None, client_id: str | None = None,
        client_secret: str | None = None, tenant_id: str | None = None, anon: bool | None = None, location_mode: str = "primary",
        default_fill_cache: bool = True, default_cache_type: str = "bytes", version_aware: bool = False, assume_container_exists: bool | None = None,
        max_concurrency: Any = None, timeout: float | None = None, connection_timeout: float | None = None, read_timeout: float | None = None,
        account_host: str | None = None, url_host: str | None = None, **options: Any,
    ) -> None:  # fmt: skip
        """Checks the options; sends no request. The parameters are documented at the class."""
        if request_session is not None:
            raise TypeError("request_session is not supported; the options proxy, verify, connect_timeout and read_timeout are")
        found = of_credential(credential)
        client_id = of_default_credential(options, client_id)
        asked = {
            "account_name": account_name or found.get("account_name"), "account_key": account_key or found.get("account_key"),
            "sas_token": sas_token or found.get("sas_token"), "credential": found.get("credential"), "client_id": client_id, "client_secret": client_secret,
            "tenant_id": tenant_id,
        }  # fmt: skip
        given: dict[str, Any] = {name: value or None for name, value in asked.items()}
        if not connection_string and (is_true(anon) or any(given[name] for name in _CREDENTIALS)):
            connection_string = ""  # and not that of the environment
        if connection_timeout is not None:
            options.setdefault("connect_timeout", connection_timeout)
        if isinstance(blocksize, int):
            options.setdefault("default_block_size", min(max(blocksize, MIB), MAX_BLOCK))
        elif blocksize is not None:
            options.setdefault("default_block_size", blocksize)
        if isinstance(max_concurrency, int):
            max_concurrency = min(max(max_concurrency, 1), MAX_CONCURRENCY)
        self._account, self._url_host = (given["account_name"] or "").lower(), url_host
        self._connected = bool(connection_string)  # which names an account; account_name may repeat it
        if self._account and (named := _NAMED.search(connection_string or "")) and named[1].lower() != self._account:
            raise failure(
                "COVE_EINVAL", f"account_name={self._account}, or the URL, is of another storage account than connection_string, which is of {named[1]}"
            )
        host = _HOST.fullmatch(account_host or "")
        self._suffix = host[2].lower() if host and host[1].lower() == self._account else _PUBLIC
        self._elsewhere = bool(connection_string or options.get("endpoint_url") or (account_host and not host))
        super().__init__(
            **given, connection_string=connection_string, anon=anon, location_mode=location_mode, version_aware=version_aware,
            max_concurrency=max_concurrency, timeout=timeout, read_timeout=read_timeout, account_host=account_host, **options,
        )  # fmt: skip
        self.version_aware, self._create_buckets = is_true(version_aware), is_true(options.get("create_buckets"))
        log_beside("az")
        # The options as they were given, for code that reads adlfs's attributes.
        self.account_key, self.connection_string, self.sas_token, self.credential = account_key, connection_string or None, sas_token, credential
        self.client_id, self.client_secret, self.tenant_id = client_id, client_secret, tenant_id
        self.anon, self.location_mode, self.request_session = is_true(anon), location_mode, None
        self.assume_container_exists, self.max_concurrency = assume_container_exists, max_concurrency or CONCURRENCY
        self.blocksize = blocksize or BLOCK
        self.default_fill_cache, self.default_cache_type = default_fill_cache, default_cache_type
        if account_host:
            self.account_host = account_host

    @property
    def account_name(self) -> str:
        """The storage account."""
        return self._account or (self._fs.endpoint.partition("://")[2].partition("/")[2] or self._fs.endpoint.partition("://")[2].partition(".")[0])

    @property
    def account_url(self) -> str:
        """The address of the account's blob service."""
        return self._fs.endpoint

    def _own_url(self) -> str:
        """With the account, so that credentials of another one, such as the environment's, are refused."""
        if self._url_host:
            return f"abfs://@{self._url_host}"
        return f"abfs://@{self._account}.dfs.{self._suffix}" if self._account and not self._connected else super()._own_url()

    # ---- paths ----

    _strip_protocol = StripProtocol()  # type: ignore[assignment]

    @classmethod
    def _path_of(cls, path: Any) -> Any:
        """The path without its scheme, its account, and slashes at both ends."""
        return BucketFileSystem._strip_protocol.__func__(cls, _without_account(path))  # type: ignore[attr-defined]

    def _own_path(self, path: Any) -> Any:
        """`_path_of`. InvalidArgument: the URL is of another account."""
        if type(path) is not str:
            if is_list(path):
                return [self._own_path(p) for p in path]
            path = as_text(path)
        if "://" in path and (url := _with_container(path)):
            self._fs.path(url)
        return self._path_of(path)

    def unstrip_protocol(self, name: str) -> str:
        """The URL of a path, with the account if the filesystem was made with its name: without it, another process may use another account."""
        if not self._account or self._elsewhere or name.partition("://")[0].lower() in self._schemes():
            return super().unstrip_protocol(name)
        container, slash, key = name.lstrip("/").partition("/")
        return f"{self._schemes()[0]}://{container}@{self._account}.dfs.{self._suffix}{slash}{key}"

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        """The account that a URL names. A URL that ends in "?versionid=" or "?snapshot=", and an ID or a time, is opened with version_aware=True."""
        found = _AUTHORITY.fullmatch(path) if isinstance(path, str) else None
        if not found:
            return {}
        options: dict[str, Any] = {}
        host = found[2].rpartition("@")[2]
        if gen1 := _GEN1.fullmatch(host):
            successor = f"abfs://CONTAINER@{gen1[1].lower()}.dfs.{_PUBLIC}/..."
            raise failure(
                "COVE_EINVAL",
                f"{path}: Azure Data Lake Storage Gen1 is retired; the URL of its successor, Gen2, is {successor}, if the account has kept its name",
            )
        if account := _HOST.fullmatch(host):
            options["account_name"] = account[1].lower()
            if account[2].lower() in _CLOUDS:
                options["account_host"] = f"{account[1]}.blob.{account[2]}".lower()
            elif account[2].lower() != _PUBLIC:
                options["url_host"] = host.lower()
        elif "@" in found[2]:  # of no form that is known: refused where it is opened, and never taken for the environment's account
            options["url_host"] = host.lower()
        if _MARK in found[3] or _SNAPSHOT in found[3]:
            options["version_aware"] = True
        return options

    # ---- arguments ----

    def _agreed(self) -> Mapping[str, Any]:
        return {"delimiter": "/", "create_parents": True, "expand_path": True}

    def _properties(self, path: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The properties of an object to be written. Of `content_settings` the content type is; the others may repeat what the filesystem's options say."""
        if kwargs.get("content_settings") is None:
            return super()._properties(path, kwargs)
        kwargs = dict(kwargs)
        settings = kwargs.pop("content_settings")
        settings = dict(settings) if isinstance(settings, Mapping) else dict(vars(settings))
        content_type = settings.pop("content_type", None)
        others = {f"content_settings[{name!r}]": value for name, value in settings.items() if name != "cache_control" or value != self._given.get(name)}
        return super()._properties(path, {**({"content_type": content_type} if content_type else {}), **kwargs, **others})

    def pipe_file(self, path: str, value: Any = None, mode: str = "overwrite", *, overwrite: bool = True, **kwargs: Any) -> Any:
        """Creates or replaces a file in one step. mode="create", or overwrite=False: FileExistsError if it exists. `content_type`, or `content_settings` with
        it, and `metadata` are stored with it. The new blob's `etag` and, where the account keeps versions, its `version_id`."""
        return super().pipe_file(path, value, mode if overwrite else "create", **kwargs)

    async def _pipe_file(self, path: str, value: Any = None, mode: str = "overwrite", *, overwrite: bool = True, **kwargs: Any) -> Any:
        return await super()._pipe_file(path, value, mode if overwrite else "create", **kwargs)

    def put_file(self, lpath: Any, rpath: str, *args: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """`Writing.put_file`; overwrite=False is mode="create"."""
        super().put_file(lpath, rpath, *args, **kwargs if overwrite else {**kwargs, "mode": "create"})

    # ---- files and directories ----

    def _details(self, info: Any) -> dict[str, Any]:
        path, size, is_directory, mtime_ns, etag, version_id, tier, content_type, created_ns, metadata, headers = info
        path = self._split_version(path)[0]
        if is_directory:
            details: dict[str, Any] = {"name": path, "size": 0, "type": "directory"}
            return details if etag is None else {**details, "etag": etag}  # it has a marker
        details = {"name": path, "size": size, "type": "file", "etag": etag}
        for ns, name in ((mtime_ns, "last_modified"), (created_ns, "creation_time")):
            if ns is not None:
                details[name] = time_of(ns)
        if self.version_aware:
            details["version_id"] = version_id
            details["is_current_version"] = None if version_id is None else "x-ms-is-current-version" in (headers or {})
        if tier is not None:
            details["blob_tier"] = tier
        if content_type is not None:  # no listing has what follows
            headers = headers or {}
            details["metadata"] = metadata or {}
            details["content_settings"] = ContentSettings(content_type=content_type, **{n: headers.get(n.replace("_", "-")) for n in _CONTENT})
            details.update({name: kind(headers[header]) for header, (name, kind) in _HEADER_NAMES.items() if header in headers})
        return details

    def _version_order(self, info: Any) -> int:
        """Oldest first, as adlfs: an ID is the time of its version."""
        return int("".join(filter(str.isdecimal, info[5] or "")) or 0)

    def _version_details(self, info: Any, latest: bool) -> dict[str, Any]:
        details = super()._version_details(info, latest)
        return {**details, "is_current_version": latest} if details["version_id"] is not None else details

    def _split_version(self, path: str) -> tuple[str, str | None]:
        """A snapshot is a version, too: it is named by its time."""
        plain, version = super()._split_version(path)
        if version is None and self.version_aware and _SNAPSHOT in path:
            plain, _, version = path.partition(_SNAPSHOT)
        return plain, version or None

    def _written(self, made: tuple[str | None, str | None]) -> dict[str, str]:
        return {name: value for name, value in zip(("etag", "version_id"), made) if value is not None}

    def ls(self, path: str, detail: bool = False, invalidate_cache: bool = False, **kwargs: Any) -> list[Any]:
        """The entries directly below a path, sorted: names, or dicts with `detail`. A file lists itself. No listing is kept."""
        return super().ls(path, detail, **kwargs)

    async def _ls(self, path: str, detail: bool = False, invalidate_cache: bool = False, **kwargs: Any) -> list[Any]:
        return await super()._ls(path, detail, **kwargs)

    def created(self, path: str) -> datetime:
        """When the blob was made. A write that replaces a blob's content keeps this time."""
        info = self.info(path)
        return info["creation_time"] if "creation_time" in info else self.modified(path)

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Makes a container or a directory. For a directory nothing is sent to the store: this process remembers it, so `isdir` returns True here.

        FileNotFoundError: the container of a directory does not exist. With the option `create_buckets` it is made, unless `create_parents` is False. As in
        adlfs, a container that exists is no error; with exist_ok=False it is FileExistsError.
        """
        self._check_arguments(path, without(kwargs, "exist_ok"), ("mode",))
        exist_ok = kwargs.get("exist_ok")
        self._make(self._fs, path, create_parents, True if exist_ok is None else bool(exist_ok))

    def makedir(self, path: str, exist_ok: bool = False) -> None:
        """`mkdir`, under adlfs's name. FileExistsError: the container exists, and `exist_ok` is not set."""
        self.mkdir(path, exist_ok=exist_ok)

    def _is_seen(self, bucket: str) -> bool | None:
        if self.assume_container_exists:
            return True
        seen = super()._is_seen(bucket)
        if seen is None and self.assume_container_exists is False:
            return self._fs.exists(bucket)  # for its error
        return seen

    def _need_bucket(self, bucket: str) -> None:
        if not self.assume_container_exists:
            super()._need_bucket(bucket)

    # ---- URLs and metadata ----

    def url(self, path: str, expires: int = 3600, **kwargs: Any) -> str:
        """A URL by which anyone may read the file for `expires` seconds, or use `method`. It is not checked that the file exists.

        OSError: neither the account's key nor a login is there, or the login may not have such URLs signed.
        """
        self._check_arguments(path, kwargs, ("method",))
        return self._fs.sign(self._see_file(path), kwargs.get("method") or "GET", expires)

    def sign(self, path: str, expiration: int = 100, **kwargs: Any) -> str:
        """`url` under fsspec's name."""
        return self.url(path, expires=expiration, **kwargs)

    def metadata(self, path: str, **kwargs: Any) -> dict[str, str]:
        """The user's metadata of a file."""
        return self._fs.metadata(self._see_file(path, kwargs))

    def getxattr(self, path: str, attr: str, **kwargs: Any) -> str:
        """One entry of the metadata. KeyError if there is none of that name."""
        return self.metadata(path, **kwargs)[attr]

    def setxattrs(self, rpath: str, **kwargs: str | None) -> None:
        """Replaces the metadata of a file: entries that are not named, or are None, are removed. The file's bytes are not sent."""
        place = self._see_file(rpath)
        self._fs.set_metadata(place, {**dict.fromkeys(self._fs.metadata(place)), **kwargs})

    def setxattr(self, path: str, copy_kwargs: dict[str, Any] | None = None, **attributes: str | None) -> None:
        """Sets entries of the metadata, removes those that are None, and keeps the others."""
        if copy_kwargs:
            raise NotImplementedError(f"setxattr {self.unstrip_protocol(path)}: copy_kwargs is not supported; only metadata can be changed")
        self._fs.set_metadata(self._see_file(path), attributes)

    _url = in_thread("url")
    _created = in_thread("created")
    _metadata = in_thread("metadata")
    _getxattr = in_thread("getxattr")
    _setxattrs = in_thread("setxattrs")


def _claim_abfss() -> None:
    """adlfs has an entry point for abfss alone, and fsspec takes the one that it finds first. One process has one client for all schemes of a store."""
    known = known_implementations.get("abfss", {})
    if "abfss" not in registry and known.get("class", "").startswith("adlfs."):
        known["class"] = f"{__name__}.AzureBlobFileSystem"


_claim_abfss()


def _with_container(path: str) -> str | None:
    """A URL that names its account, in the form container@account; None if it names none."""
    found = _AUTHORITY.fullmatch(path)
    if not found or found[1].lower() not in AzureBlobFileSystem.protocol:
        return None
    scheme, authority, rest = found.groups()
    if "@" in authority:
        return path
    return f"{scheme}://{rest.partition('/')[0]}@{authority}" if _HOST.fullmatch(authority) else None


def _without_account(path: Any) -> Any:
    """A URL, or a list of them, without the account's name; anything else as it is."""
    if type(path) is not str:
        return [_without_account(p) for p in path] if is_list(path) else _without_account(as_text(path))
    if "://" not in path:
        return path
    found = _AUTHORITY.fullmatch(path)
    if not found or found[1].lower() not in AzureBlobFileSystem.protocol:
        return path
    scheme, authority, rest = found.groups()
    if "@" in authority:
        return f"{scheme}://{authority.partition('@')[0]}/{rest}"
    return f"{scheme}://{rest}" if _HOST.fullmatch(authority) else path
