"""The methods that change a tree: `mkdir`, `cp`, `mv`, `rm`."""

from __future__ import annotations

import errno
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cove import targets, transfers
from cove.errors import failure
from cove.listings import GONE, Listings
from cove.paths import is_list
from cove.patterns import check_depth


class Changes(Listings):
    """The methods of a filesystem that make directories, and copy, move or remove files and directories."""

    # ---- directories ----

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Makes a directory and its parents, or a bucket. An object store has no empty directories: this process remembers them."""
        self._check_arguments(path, kwargs, ("mode", "exist_ok"))
        self._fs.mkdir(self._strip_protocol(path))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """As `mkdir`."""
        self._fs.mkdir(self._strip_protocol(path))

    _why_kept = "is a bucket: rm with recursive=True empties it, rmdir removes an empty one"  # what rm only empties

    def rmdir(self, path: str) -> None:
        """Removes an empty directory or an empty bucket. No other call removes a bucket."""
        path = self._take(path)
        if not self._fs.stat(path)[2]:
            raise failure("COVE_ENOTDIR", f"rmdir {self.unstrip_protocol(path)}: a file, not a directory")
        advice = "rm with recursive=True removes its content"
        with _advice_if_not_empty(f"{advice}; older versions and unfinished uploads count, too" if self._is_bucket(path) else advice):
            self._fs.remove(path)

    def _is_bucket(self, path: str) -> bool:
        """Whether `path` is a bucket or a whole store, which rm empties but does not remove."""
        return not path

    def _need_buckets(self, paths: list[str]) -> None:
        """Raises FileNotFoundError where the bucket of a path does not exist."""

    # ---- copies and moves ----

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copies a file within the store, on the server's side."""
        self._fs.copy(self._see_file(path1, kwargs), self._take(path2))

    def copy(
        self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, on_error: str | None = None, batch_size: int | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        """Copies files and directories within the store, by fsspec's rules for the targets. Raises InvalidArgument before anything is done if two sources have
        the same target, or a target is another copy's source.

        on_error: "raise", or "ignore" to skip files that were removed meanwhile, which is the default of a recursive copy.
        """
        self._check_arguments(path1, kwargs, ("version_id", "versions"))
        on_error = on_error or ("ignore" if recursive else "raise")
        files, markers, directories, _ = transfers.copies(self, path1, path2, self._patterns(path1), recursive, maxdepth)
        pairs = [(self._version(self._settle(source), kwargs), self._end(target)) for source, target in files]
        results = self._fs.copy_many(pairs)
        gone = [target for (_, target), r in zip(pairs, results) if isinstance(r, FileNotFoundError)] if on_error == "ignore" else []
        self._need_buckets(gone)
        self._results([r for r in results if not (on_error == "ignore" and isinstance(r, FileNotFoundError))])
        self._make_directories(directories, pairs + self._copy_markers(markers))

    def mv(self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> None:
        """Moves files, and with `recursive` directories. Copies everything first; if a copy fails, nothing is removed. Where the store has real directories,
        one that is not merged with another is renamed by one operation.

        Raises OSError if another writer replaced a file during the move; the new file and the copy of the old one both stay. A bucket whose content was
        moved stays, empty.

        As for `rm`, "[ ]" alone does not make a pattern. A file or directory that would be moved onto itself is unchanged. Raises InvalidArgument before
        anything is done if two sources have the same target, a target is a source, or a directory would be moved into itself.
        """
        self._check_arguments(path1, kwargs)
        if transfers.same_path(self, path1, path2):
            return
        patterns = self._patterns(path1, removing=True)
        if recursive and maxdepth is None and not patterns and not is_list(path1) and self._rename_directory(path1, path2):
            return
        files, markers, directories, etags = transfers.copies(self, path1, path2, patterns, recursive, maxdepth, moving=True)
        pairs = [(self._end(source), self._end(target)) for source, target in files if source != target]
        if files and not pairs:
            return
        if len(pairs) == 1 and not recursive:
            self._fs.move(*pairs[0])
            return
        if not files and not recursive and self.isdir(path1):
            raise failure("COVE_EISDIR", f"move {self.unstrip_protocol(path1)}: a directory is moved with recursive=True")
        unknown = [source for source, _ in pairs if source not in etags]
        etags.update((path, info[4]) for path, info in zip(unknown, self._results(self._fs.stat_many(unknown))))
        self._results(self._fs.copy_many(pairs))
        pairs += self._copy_markers(pair for pair in markers if pair[0] != pair[1])
        self._make_directories(directories, pairs)
        self._fs.remove_files([source for source, _ in pairs], [etags.get(source) for source, _ in pairs])
        if not patterns and not is_list(path1) and maxdepth is None:
            self._remove_empty(self._directory(path1))

    def _rename_directory(self, path1: Any, path2: Any) -> bool:
        """Moves a directory by one operation of the store, where it has real ones. False: nothing was done, as there is none, or it would be merged with
        what is at the target."""
        source, target = self._directory(path1), transfers.plain(path2)
        if not isinstance(target, str) or self._is_bucket(source) or not self._fs.has_directories(source):
            return False
        into = target.endswith("/") or self._may_be_directory(target)
        (place,) = transfers.destinations([source], transfers.plain(path1), False, self._strip_protocol(target), into)
        targets.check_not_inside([(source, place)])
        if place == source or self._is_bucket(place) or place.partition("/")[0] != source.partition("/")[0] or not self._fs.is_directory(source):
            return False
        try:
            self._fs.move(targets.marker(source), place)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
                return False
            raise
        return True

    def _copy_markers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Copies those directory markers that exist."""
        pairs = list(pairs)
        results = self._fs.copy_many(pairs)
        self._results([r for r in results if not isinstance(r, (*GONE, IsADirectoryError))])  # directories without a marker
        return [pair for pair, result in zip(pairs, results) if not isinstance(result, Exception)]

    def _make_directories(self, directories: list[str], copied: list[tuple[str, str]]) -> None:
        """Makes directories, also empty ones. A directory may have the name of a file only if a file was copied into it."""
        names = sorted(target for _, target in copied)
        for path in directories:
            try:
                self.makedirs(path, exist_ok=True)
            except FileExistsError:
                below = targets.marker(path)
                at = bisect_left(names, below)
                if at == len(names) or not names[at].startswith(below):
                    raise

    def _remove_empty(self, path: str) -> None:
        """Removes the directories left after a directory's files were moved, unless new files have been put there meanwhile."""
        directory = targets.marker(path) if path else path  # without the slash it may name a file
        try:
            for name, _, is_directory, *_ in self._fs.list(directory):
                if is_directory:
                    self._remove_empty(name)
            if not self._is_bucket(path):
                self._fs.remove(directory)
        except GONE:
            pass
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise

    # ---- removals ----

    def rm_file(self, path: str, **kwargs: Any) -> None:
        """Removes one file. FileNotFoundError: there is none. IsADirectoryError: a bucket."""
        self._check_arguments(path, kwargs)
        self._remove_file(path)

    def _remove_file(self, path: str) -> str:
        """Removes one file and returns its name."""
        path = self._end(self._file(path))
        if self._is_bucket(path):
            self._fs.stat(path)  # FileNotFoundError: there is none
            raise failure("COVE_EISDIR", f"remove {self.unstrip_protocol(path)}: {self._why_kept}")
        self._fs.remove(path)
        return path

    def bulk_delete(self, pathlist: list[str], **kwargs: Any) -> list[str]:
        """Removes files by name, up to 1000 in one request, and returns the names. It does not report which of them existed."""
        if isinstance(pathlist, (str, bytes)):
            raise TypeError("bulk_delete takes a list of paths")
        self._check_arguments(pathlist, kwargs)
        names = [self._exact(path) for path in pathlist]
        self._remove_files(names)
        return names

    def _remove_files(self, names: list[str]) -> None:
        self._fs.remove_files([self._end(name) for name in names])

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> list[str]:
        """Removes files, and with `recursive` directories and everything below them. Takes paths, patterns or lists of them. A bucket is only emptied.
        Returns the paths that it removed, and every file that was named in a list, even if it did not exist.

        A path that exists is not a pattern. Otherwise a pattern removes the paths that `glob` returns. "[ ]" alone does not make a pattern, so the name of
        a missing file or directory never removes another one.

        A single path that does not exist raises FileNotFoundError. The files of a list are not checked first: one request removes up to 1000 files of a
        bucket. If it fails, some may have been removed.
        """
        check_depth(maxdepth)
        self._check_arguments(path, kwargs)
        patterns = self._patterns(path, removing=True)
        if not patterns and not is_list(path) and not (recursive and maxdepth is not None):
            if recursive:
                return self._remove_tree(self._end(self._directory(path)))
            with _advice_if_not_empty("recursive=True removes it with its content"):
                return [self._remove_file(path)]
        removed: list[str] = []
        if recursive and maxdepth is None:
            for name in self._expand(path, patterns):
                self._remove_if_there(lambda place: removed.extend(self._remove_tree(place)), name)
            if not removed:
                raise failure("COVE_ENOTFOUND", f"remove {path}: no file or directory has this name, and no path matches it")
        else:
            found = self._expand(path, patterns, recursive, maxdepth)
            directories = {name: None for name, known in found.items() if known and known["type"] == "directory"}
            removed = [name for name in found if name not in directories]
            self._remove_files(removed)
            for name in reversed(directories):
                if self._is_bucket(name):
                    continue
                try:
                    if self._remove_if_there(self._fs.remove, name):
                        removed.append(name)
                except OSError as error:
                    if not (recursive and error.errno == errno.ENOTEMPTY):  # what is deeper than maxdepth stays
                        raise
        return removed

    def _remove_tree(self, path: str) -> list[str]:
        """Removes a path and everything below it. Returns the removed paths that are known without another request."""
        self._fs.remove_tree(path)
        return [path]

    def _remove_if_there(self, remove: Callable[[str], None], path: str) -> bool:
        """False: the directory was already removed, with its last file or with its parent."""
        try:
            remove(self._end(path))
        except GONE:
            return False
        return True


@contextmanager
def _advice_if_not_empty(advice: str) -> Iterator[None]:
    """Adds advice to the message of ENOTEMPTY."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            error.strerror = f"{error.strerror}: {advice}"
        raise
