"""What the filesystems of object stores share: buckets, and versions in paths."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from cove import _cove
from cove.arguments import without
from cove.errors import failure
from cove.filesystem import CoveFileSystem
from cove.listings import GONE
from cove.patterns import check_depth


class BucketFileSystem(CoveFileSystem):
    """A store whose paths begin with the name of a bucket."""

    _create_buckets = False  # the option create_buckets
    _bucket_name = "bucket"  # the store's word
    _version_mark = ""  # between a key and its version, in the paths of a filesystem with version_aware=True
    _version_arguments: tuple[str, ...] = ()  # of calls that read: the names of an argument that is a version

    # ---- paths ----

    def split_path(self, path: str) -> tuple[str, str, str | None]:
        """The bucket, the key and the version. The version is None unless the path names one and the filesystem has version_aware=True."""
        bucket, _, key = self._strip_protocol(path).partition("/")
        return bucket, *self._split_version(key)

    def _split_version(self, path: str) -> tuple[str, str | None]:
        """A path without its version, and the version."""
        if not self.version_aware:
            return path, None
        path, _, version = path.partition(self._version_mark)
        return path, version or None

    def _may_be_pattern(self, path: str) -> bool:
        """A version has no wildcards."""
        return super()._may_be_pattern(self._split_version(path)[0])

    def _version(self, path: str, kwargs: dict[str, Any]) -> str:
        if kwargs.get("versions"):
            raise NotImplementedError(f"{self.unstrip_protocol(path)}: this call sees latest versions only; ls and find take versions=True")
        self._check_arguments(path, kwargs, self._version_arguments)
        for name in self._version_arguments:
            if kwargs.get(name) is not None:
                if not self.version_aware:
                    raise ValueError(f"{self.unstrip_protocol(path)}: {name} needs a filesystem with version_aware=True")
                return f"{path}{self._version_mark}{kwargs[name]}"
        return path

    def _is_bucket(self, path: str) -> bool:
        return "/" not in path

    # ---- versions ----

    def ls(self, path: str, detail: bool = False, **kwargs: Any) -> list[Any]:
        """The entries directly below a path, sorted: names, or dicts with `detail`. A file lists itself.

        `versions`: all versions of each file, with their ids in the names; of a file, its own. It reads the list of everything below the path.
        """
        if not kwargs.pop("versions", False):
            return super().ls(path, detail, **kwargs)
        found = self._entries_with_versions(path, kwargs)
        return found if detail else [e["name"] for e in found]

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, prefix: str = "", versions: bool = False, **kwargs: Any
    ) -> Any:
        """All files below a path, and the file of that name: see `CoveFileSystem.find`. `versions`: all versions of each, with their ids in the names."""
        if not versions:
            return super().find(path, maxdepth, withdirs, detail, prefix, **kwargs)
        check_depth(maxdepth)
        if withdirs:
            raise NotImplementedError(f"find {self.unstrip_protocol(path)}: withdirs with versions is not supported: directories have no versions")
        root, start, found = self._all_versions(path, kwargs)
        kept = [e for plain, e in found if plain == root or maxdepth is None or plain[len(start) :].count("/") < maxdepth]
        kept = [e for e in kept if e["name"].startswith(start + prefix)] if prefix else kept
        return {e["name"]: e for e in kept} if detail else [e["name"] for e in kept]

    async def _ls(self, path: str, detail: bool = False, **kwargs: Any) -> list[Any]:
        if kwargs.get("versions"):
            return await asyncio.to_thread(self.ls, path, detail, **kwargs)
        return await super()._ls(path, detail, **without(kwargs, "versions"))

    async def _find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, prefix: str = "", **kwargs: Any) -> Any:
        if kwargs.get("versions"):
            return await asyncio.to_thread(self.find, path, maxdepth, withdirs, detail, prefix, **kwargs)
        return await super()._find(path, maxdepth, withdirs, detail, prefix, **without(kwargs, "versions"))

    def _entries_with_versions(self, path: str, kwargs: dict[str, Any]) -> list[dict[str, Any]]:
        """The versions of the files directly below a path and the directories there; of a file, its own versions."""
        root, start, found = self._all_versions(path, kwargs)
        entries: list[tuple[str, dict[str, Any]]] = []
        directories: set[str] = set()
        below = [(plain, e) for plain, e in found if plain != root]
        for plain, entry in below or found:
            name, slash, _ = plain[len(start) :].partition("/")
            if plain == root or not slash:
                entries.append((plain, entry))
            elif start + name not in directories:
                directories.add(start + name)
                entries.append((start + name, self._details((start + name, 0, True, *(None,) * 8))))
        return [entry for _, entry in sorted(entries, key=itemgetter(0))]

    def _all_versions(self, path: str, kwargs: dict[str, Any]) -> tuple[str, str, list[tuple[str, dict[str, Any]]]]:
        """The path, what the paths below it begin with, and (path, entry) of each version at and below it. FileNotFoundError: there is none."""
        if not self.version_aware:
            raise ValueError(f"{self.unstrip_protocol(self._strip_protocol(path))}: versions needs a filesystem with version_aware=True")
        root = self._see(path, kwargs)
        start = root if root.endswith("/") else f"{root}/"
        infos = self._fs.find_versions(root)
        if not self._is_bucket(root) and not root.endswith("/"):
            try:
                infos = self._fs.versions(root) + infos
            except FileNotFoundError:
                if not infos:
                    raise
        infos = sorted((i for i in infos if not i[2]), key=lambda i: (i[0][0], self._version_order(i[0])))
        return root, start, [(info[0], self._version_details(info, latest)) for info, latest, _ in infos]

    def _version_order(self, info: _cove.Info) -> int:
        """The order of versions of one file in listings; 0: the store's."""
        return 0

    def _version_details(self, info: _cove.Info, latest: bool) -> dict[str, Any]:
        details = self._details(info)
        return {**details, "name": f"{details['name']}{self._version_mark}{info[5]}"} if info[5] not in (None, "null") else details

    # ---- buckets ----

    def _make(self, there: _cove.Filesystem, path: str, create_parents: bool, exist_ok: bool) -> None:
        """Makes a bucket or a directory. `there`: this store, with the place of a new bucket among its options."""
        bucket, key, _ = self.split_path(path)
        if not bucket:
            raise ValueError(f"mkdir {self.unstrip_protocol(path)}: the name of a {self._bucket_name} is missing")
        if not key and self._is_seen(bucket):
            if exist_ok:
                return
            raise failure("COVE_EEXIST", f"mkdir {self.unstrip_protocol(bucket)}: the {self._bucket_name} exists")
        if key and not create_parents and not self._bucket_may_be_there(bucket):
            raise failure("COVE_ENOTFOUND", f"mkdir {self.unstrip_protocol(path)}: there is no such {self._bucket_name}")
        there.mkdir(f"{bucket}/{key}" if key else bucket)

    def _remove_tree(self, path: str) -> list[str]:
        """Removes the files by name, to return their names. Then the library removes directory markers and virtual directories. The number of requests
        is the same as for the library alone. Where the store has real directories, it removes the tree by one operation."""
        if not path:
            return super()._remove_tree(path)
        try:
            names = [entry[0] for entry in self._fs.find(path)]
        except GONE:
            names = []
        if not self._fs.has_directories(path):
            self._fs.remove_files(names)
        try:
            self._fs.remove_tree(path)
        except GONE:
            if not names:
                raise
            return names
        return names if path in names or self._is_bucket(path) else [*names, path]

    def isdir(self, path: str) -> bool:
        """Whether there is a directory. A bucket that this user has no permission to list counts as one."""
        try:
            return super().isdir(path)
        except PermissionError as error:
            if not self._is_bucket(self._strip_protocol(path)) or not is_forbidden(error):
                raise
            return True

    def _check_bucket(self, path: str) -> None:
        bucket = self.split_path(path)[0]
        if bucket and not self._bucket_may_be_there(bucket):
            word, all_of_them = self._bucket_name, self.unstrip_protocol("")
            why = f"no such {word}: {bucket}; check its name (cove ls {all_of_them} lists the {word}s), and the endpoint {self._fs.endpoint}"
            raise failure("COVE_ENOTFOUND", f"list {self.unstrip_protocol(path)}: {why}")

    def _bucket_may_be_there(self, bucket: str) -> bool:
        """Whether the bucket exists; True if this user has no permission to find out."""
        return self._is_seen(bucket) is not False

    def _is_seen(self, bucket: str) -> bool | None:
        """Whether the bucket exists; None if this user has no permission to find out."""
        try:
            return self._fs.exists(bucket)
        except PermissionError as error:
            if not is_forbidden(error):
                raise
            return None

    def _need_buckets(self, paths: list[str]) -> None:
        for bucket in {self.split_path(path)[0] for path in paths}:
            self._need_bucket(bucket)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Makes a directory like `mkdir`; an existing one is no error. For a bucket alone, exist_ok=False makes it. exist_ok=True, which programs use before
        they write a file, requires that it exists, so that a mistyped name does not make a bucket; with the option `create_buckets` it is made.
        """
        bucket, key, _ = self.split_path(path)
        if exist_ok and bucket and not key:
            self._need_bucket(bucket)
        else:
            self.mkdir(path)

    def _need_bucket(self, bucket: str) -> None:
        """Makes the bucket if it does not exist and `create_buckets` is set, else raises FileNotFoundError. A bucket that this user has no permission to list
        counts as existing."""
        try:
            self._fs.stat(bucket)
        except PermissionError as error:
            if not is_forbidden(error):
                raise
        except FileNotFoundError:
            if not self._create_buckets:
                url = self.unstrip_protocol(bucket)
                raise failure("COVE_ENOTFOUND", f"makedirs {url}: no such {self._bucket_name}: {bucket}; to make it: cove mkdir {url}") from None
            self._fs.mkdir(bucket)


def not_offered(name: str, instead: str) -> Callable[..., Any]:
    """A method of another client that raises NotImplementedError, with what to use instead."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.{name} is not offered by cove: {instead}")

    method.__name__, method.__doc__ = name, f"Not offered: {instead}."
    return method


def is_true(value: Any) -> bool:
    """Whether an option is true, by the library's rules."""
    return str(value).lower() in ("true", "1", "yes", "on")


def is_forbidden(error: PermissionError) -> bool:
    """Whether the store refused the request for lack of permission, and not because the keys are wrong."""
    return getattr(error, "code", "") == "COVE_EACCESS"
