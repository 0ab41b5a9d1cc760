"""`open`, and what the files that it returns need of their filesystem."""

from __future__ import annotations

from typing import Any

from cove import _cove, appenders
from cove.errors import failure
from cove.files import AppendFile, ReadFile, TextFile, WriteFile
from cove.listings import Listings

_MOST = 1 << 40  # bytes; limits `block_size` before it becomes an int. The library has a lower limit.


class Opening(Listings):
    """The methods of a filesystem that open files."""

    def open(
        self, path: str, mode: str = "rb", block_size: int | None = None, cache_options: dict[str, Any] | None = None, compression: str | None = None,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Opens a file: "rb", "wb", "xb", "ab", "r+b", or text without the "b". See ReadFile, WriteFile, AppendFile, UpdateFile and TextFile.

        `block_size` (5 to 256 MiB): a new file up to this size is written by one request, a larger one in parts. Reads ignore it.
        """
        path = self._file(path) if mode.startswith("r") else self._strip_protocol(path)
        text = {name: kwargs.pop(name) for name in ("encoding", "errors", "newline") if name in kwargs}
        if "b" not in mode:
            below = self.open(path, mode.replace("t", "") + "b", block_size, cache_options, compression, **kwargs)
            try:
                return TextFile(below, **text)
            except BaseException:
                getattr(below, "discard", below.close)()
                raise
        autocommit = kwargs.pop("autocommit", not self._intrans)
        file = self._open(path, mode, block_size=block_size, autocommit=autocommit, cache_options=cache_options, **kwargs)
        if not getattr(file, "autocommit", True):
            self.transaction.files.append(file)
        if compression is not None:
            from cove.compressed import open_compressed  # here, so that a program that reads no such file does not load it

            return open_compressed(file, path, compression, mode)
        return file

    def _open(
        self, path: str, mode: str = "rb", block_size: int | None = None, autocommit: bool = True, cache_options: dict[str, Any] | None = None,
        expected_size: int | None = None, size: int | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        letters = "".join(sorted(mode))
        if letters == "br":
            return self._reading(self._version(self._settle(path), kwargs), path, size)
        properties = self._properties(path, kwargs)
        if letters == "bw":
            return self._writing(path, autocommit, block_size=block_size, expected_size=expected_size, **properties)
        if letters == "bx":
            if self._seems_there(path):
                raise failure("COVE_EEXIST", f"open {self.unstrip_protocol(path)}: the file exists, and mode 'xb' creates a new one")
            return self._writing(path, autocommit, "xb", condition="new", block_size=block_size, expected_size=expected_size, **properties)
        if letters == "ab":
            if properties:
                raise ValueError(f'open {self.unstrip_protocol(path)}: {", ".join(properties)} cannot be set by an append; write the file with mode "wb"')
            return AppendFile(self, path)
        if letters == "+br":
            from cove.update import UpdateFile  # likewise

            return UpdateFile(self, path, autocommit, properties)
        raise ValueError(f"open {self.unstrip_protocol(path)}: unknown mode {mode!r}; use rb, wb, xb, ab or r+b, or r, w, x, a or r+ for text")

    def _seems_there(self, path: str) -> bool:
        """For an early error: the store checks the condition at the end, also for those who may create files and not look for them."""
        try:
            return self.exists(path)
        except PermissionError:
            return False

    def _reading(self, place: str, path: str, size: int | None) -> ReadFile:
        """`size`: the size that the caller expects. ValueError: the file has another one."""
        reader = _cove.Reader(self._fs, place)
        if size is not None and size != reader.size:
            known = reader.size
            reader.close()
            raise ValueError(f"open {self.unstrip_protocol(path)}: size={size}, but the file has {known} bytes; read(n) reads the first n")
        return ReadFile(self, path, reader, place)

    def _writing(
        self, path: str, autocommit: bool = True, mode: str = "wb", block_size: float | None = None, expected_size: int | None = None, **options: Any
    ) -> WriteFile:
        size = -1 if expected_size is None else expected_size
        first = int(min(block_size or 0, _MOST))
        return WriteFile(self, path, mode, autocommit, _cove.Writer(self._fs, path, expected_size=size, first_part=first, **options))

    def _acquire_appender(self, path: str) -> appenders.SharedAppender:
        return appenders.acquire(self._store, self._fs, path, self._append_options)

    def _create_missing(self, path: str, data: bytes = b"", **properties: Any) -> tuple[str | None, str | None] | None:
        """Creates a file and returns its ETag and version. None: the file exists."""
        path = self._see(path)
        try:
            return self._fs.write_file(path, data, condition="new", **properties)
        except FileExistsError:
            return None
