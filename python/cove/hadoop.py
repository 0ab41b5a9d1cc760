"""The fsspec filesystems for hdfs://, viewfs://, webhdfs:// and swebhdfs://. Options have the names of fsspec's own HadoopFileSystem (by pyarrow) and WebHDFS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from fsspec.utils import tokenize

from cove.loading import explained, log_beside

with explained("hdfs"):
    from cove.buckets import not_offered
    from cove.errors import failure
    from cove.filesystem import CoveFileSystem
    from cove.paths import StripProtocol, as_text, check_url, is_list

_URL = re.compile(r"([a-z]+)://(?:([^/@]*)@)?([^/]*)(.*)", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(\[[^]]*\]|[^:]*)(?::([0-9]+))?")
_REPLICATION = re.compile(r"\?replication=([0-9]+)\Z", re.ASCII)  # pyarrow's, at the end of a URL
# WebHDFS's names of what `info` takes from headers, and the type of each.
_HEADER_NAMES = {
    "owner": ("owner", str), "group": ("group", str), "permission": ("permission", str), "replication": ("replication", int),
    "block-size": ("blockSize", int), "access-time": ("accessTime", int),
}  # fmt: skip


class HadoopTree(CoveFileSystem):
    """What the filesystems of a Hadoop cluster share: directories that exist by themselves, and paths that begin with a slash."""

    root_marker = "/"
    _keeps_directories = True
    _why_kept = "is the whole filesystem: rm with recursive=True empties it"

    def __init__(self, host: str | None, port: int | None, user: str | None, **options: Any) -> None:
        self._user = user
        super().__init__(host=host or None, port=port or None, user=user or None, **options)
        self._top_url = self._fs.url("/").rstrip("/")
        self._own_stores = {""}  # what may stand in a URL for this cluster
        # The options as they were given, for code that reads the attributes of fsspec's classes.
        self.host, self.port, self.user = host, port, user

    @property
    def fsid(self) -> str:
        """A name of the cluster."""
        return f"{self.family}_{tokenize(self._fs.endpoint)}"

    # ---- paths ----

    _strip_protocol = StripProtocol()  # type: ignore[assignment]

    @classmethod
    def _path_of(cls, path: Any) -> Any:
        """The path without its scheme, its cluster, and slashes at its end; it begins with one."""
        if type(path) is not str:
            if is_list(path):
                return [cls._path_of(p) for p in path]
            path = as_text(path)
        if (url := _URL.fullmatch(path)) and url[1].lower() in cls._schemes():
            path = _REPLICATION.sub("", url[4])
        elif ":/" in path:
            check_url(path)
        return "/" + path.strip("/")

    def _own_path(self, path: Any) -> Any:
        """`_path_of`. InvalidArgument: the URL is of another cluster or another user."""
        if type(path) is not str:
            if is_list(path):
                return [self._own_path(p) for p in path]
            path = as_text(path)
        if "://" in path and (url := _URL.fullmatch(path)) and url[1].lower() in self._schemes():
            self._check_user(url[3], url[2])
            if url[3] not in self._own_stores:
                self._fs.path(f"{url[1]}://{url[3]}/")
                self._own_stores.add(url[3])
        return self._path_of(path)

    def _check_user(self, store: str, login: str | None) -> None:
        user = unquote((login or "").partition(":")[0])
        if user and user != self._user:
            mine = f"is of the user {self._user}" if self._user else "has no user among its options"
            raise failure("COVE_EINVAL", f"{self._schemes()[0]}://{user}@{store}: this filesystem {mine}; make another one with user={user!r}")

    def unstrip_protocol(self, name: str) -> str:
        """The URL of a path, with the cluster."""
        url = _URL.fullmatch(name)
        if url and url[1].lower() in self._schemes():
            return f"{url[1].lower()}{name[len(url[1]) :]}"
        return self._top_url + self._path_of(name)

    def _exact(self, path: Any) -> str:
        """No name ends in a slash."""
        return self._strip_protocol(path)

    _directory = _file = _exact

    def _is_bucket(self, path: str) -> bool:
        return path == "/"

    def _is_ambiguous(self, path: str) -> bool:
        return False

    def _copy_markers(self, pairs: Any) -> list[tuple[str, str]]:
        """Directories need no markers."""
        return []

    # ---- files and directories ----

    def _details(self, info: Any) -> dict[str, Any]:
        details = super()._details(info)
        for header, value in (info[10] or {}).items():  # no listing has them
            name, kind = _HEADER_NAMES[header]
            details[name] = kind(value)
        return details

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Makes a directory, and its parents if `create_parents` is set: FileNotFoundError else, if they are missing. An existing directory is no error.

        FileExistsError: a file has this name.
        """
        if not create_parents and not self.isdir(self._parent(path)):
            raise failure("COVE_ENOTFOUND", f"mkdir {self.unstrip_protocol(path)}: the directory above it does not exist; create_parents=True makes it")
        super().mkdir(path, **kwargs)

    chmod = not_offered("chmod", "use hdfs dfs -chmod")
    chown = not_offered("chown", "use hdfs dfs -chown")
    set_replication = not_offered("set_replication", "use hdfs dfs -setrep, or the option replication for new files")
    content_summary = not_offered("content_summary", "du returns the size of a tree")


class HadoopFileSystem(HadoopTree):
    """HDFS by its own protocol. It needs no Java.

    Parameters
    ----------
    host:
        The NameNode, or the nameservice. "default" or None: `fs.defaultFS` of the site files (`HADOOP_CONF_DIR`, or the option `hadoop_conf_dir`).
    port:
        The port of the NameNode's RPC. 0: 8020, or as the site files have it.
    user:
        The user, on clusters without Kerberos; by default `HADOOP_USER_NAME`, else the user of the process.
    kerb_ticket:
        The cache of Kerberos tickets, as `KRB5CCNAME` names it.
    replication:
        Copies of each block of a new file; by default as the site files or the cluster prescribe. pyarrow's default is 3.
    extra_conf:
        A dict of settings that replace those of the site files.
    options:
        Other options of the library, such as `block_size`, `proxy_user`, `datanode_timeout` (docs/hdfs-options.md), and those of CoveFileSystem.

    Examples
    --------
    >>> fs = HadoopFileSystem("namenode", user="me")  # doctest: +SKIP
    >>> fs.ls("/user/me/run")  # doctest: +SKIP
    ['/user/me/run/checkpoints', '/user/me/run/metrics.csv']
    """

    protocol: tuple[str, ...] = ("hdfs",)
    family = "hdfs"

    def __init__(
        self, host: str | None = "default", port: int = 0, user: str | None = None, kerb_ticket: Any = None, replication: int | None = None,
        extra_conf: Mapping[str, Any] | None = None, **options: Any,
    ) -> None:  # fmt: skip
        """Checks the options; sends no request. The parameters are documented at the class."""
        extra_conf = None if not extra_conf else {name: str(value) for name, value in extra_conf.items()}
        super().__init__(host, port, user, kerb_ticket=kerb_ticket or None, replication=replication, extra_conf=extra_conf, **options)
        log_beside("hdfs")
        self.kerb_ticket, self.replication, self.extra_conf = kerb_ticket, replication, extra_conf

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        """The cluster and the user that a URL names, and the copies of each block: hdfs://user@host:port/path?replication=2."""
        found = _of_url(path)
        found.pop("password", None)
        if isinstance(path, str) and "://" in path and (replication := _REPLICATION.search(path)):
            found["replication"] = int(replication[1])
        return found


class ViewFileSystem(HadoopFileSystem):
    """HadoopFileSystem for viewfs://: the tree that the mount table of a cluster makes of several filesystems. `host` is the table's name."""

    protocol = ("viewfs",)
    family = "viewfs"


class WebHDFSFileSystem(HadoopTree):
    """HDFS by WebHDFS, its REST interface, at a NameNode, an HttpFS or a gateway.

    Parameters
    ----------
    host, port:
        The server; the port is 9870 by default, 9871 on swebhdfs:// (fsspec's class has the 50070 of Hadoop 2).
    token:
        A delegation token. It contains the user, so `user` and `proxy_to` cannot be set.
    user, password:
        The user; with a password, of a gateway such as Knox (HTTP Basic).
    proxy_to:
        The user in whose name `user` acts.
    use_https:
        True: https also on webhdfs://.
    session_verify:
        The option `verify`: False, or a file of trusted certificates.
    kerberos, kerb_kwargs, data_proxy, session_cert:
        Not supported: with Kerberos, pass a delegation token, or use hdfs://.
    options:
        Other options of the library, such as `base_path`, `replication`, `retries` (docs/webhdfs-options.md), and those of CoveFileSystem.

    Examples
    --------
    >>> fs = WebHDFSFileSystem("namenode", user="me")  # doctest: +SKIP
    >>> fs.ls("/user/me/run")  # doctest: +SKIP
    ['/user/me/run/checkpoints', '/user/me/run/metrics.csv']
    """

    protocol: tuple[str, ...] = ("webhdfs",)
    family = "webhdfs"

    def __init__(
        self, host: str | None = None, port: int | None = None, kerberos: bool = False, token: str | None = None, user: str | None = None,
        password: str | None = None, proxy_to: str | None = None, kerb_kwargs: Mapping[str, Any] | None = None, data_proxy: Any = None,
        use_https: bool = False, session_cert: Any = None, session_verify: Any = True, **options: Any,
    ) -> None:  # fmt: skip
        """Checks the options; sends no request. The parameters are documented at the class."""
        _refuse(kerberos, "kerberos", "pass a delegation token (hdfs fetchdt --print) as token, or use hdfs://")
        _refuse(kerb_kwargs, "kerb_kwargs", "pass a delegation token (hdfs fetchdt --print) as token, or use hdfs://")
        _refuse(data_proxy, "data_proxy", "DataNodes must be reachable under the names that the NameNode uses; or use an HttpFS or a gateway, with base_path")
        _refuse(session_cert, "session_cert", "a gateway takes user and password, a NameNode takes token")
        if token is not None and (user is not None or proxy_to is not None):
            raise ValueError("token contains the user: user and proxy_to cannot be set with it")
        if session_verify is not None and session_verify is not True:
            options.setdefault("verify", session_verify)
        super().__init__(host, port, user, token=token, password=password, proxy_to=proxy_to, use_https=use_https or None, **options)
        log_beside("webhdfs")
        self.token, self.password, self.proxy_to = token, password, proxy_to
        self.use_https, self.session_verify = use_https, session_verify

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        """The server and the login that a URL names."""
        return _of_url(path)

    get_delegation_token = not_offered("get_delegation_token", "use hdfs fetchdt --print")
    renew_delegation_token = not_offered("renew_delegation_token", "use hdfs fetchdt --renew")
    cancel_delegation_token = not_offered("cancel_delegation_token", "use hdfs fetchdt --cancel")
    get_file_checksum = not_offered("get_file_checksum", "info returns an ETag, which changes with the file")


class SecureWebHDFSFileSystem(WebHDFSFileSystem):
    """WebHDFSFileSystem for swebhdfs://: by https, with port 9871 by default."""

    protocol = ("swebhdfs",)


def _of_url(path: Any) -> dict[str, Any]:
    """The options that stand in a URL before its path."""
    url = _URL.fullmatch(path) if isinstance(path, str) else None
    host = url and _HOST.fullmatch(url[3])
    if not url or not host:
        return {}
    user, _, password = (url[2] or "").partition(":")
    found = {"host": host[1], "port": host[2] and int(host[2]), "user": unquote(user), "password": unquote(password)}
    return {name: value for name, value in found.items() if value}


def _refuse(value: Any, name: str, instead: str) -> None:
    if value:
        raise TypeError(f"{name} is not supported: {instead}")
