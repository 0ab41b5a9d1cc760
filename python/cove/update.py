"""Files opened with "r+b": downloaded into a temporary file, changed there, and written back by `close`."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from cove.files import PublishedFile
from cove.transfers import send

if TYPE_CHECKING:
    from cove.opening import Opening


class UpdateFile(PublishedFile):
    """A file to read and write at any position. If it was changed, `close` replaces the whole file, on the condition that the store still has the version that
    was read: otherwise PreconditionFailed is raised and the other writer's file stays. A copy is on the local disk meanwhile, so it is meant for small files.
    """

    def __init__(self, fs: Opening, path: str, autocommit: bool, properties: dict[str, Any]) -> None:
        super().__init__(fs, path, "r+b", autocommit)
        self._properties = properties
        self._etag = fs._etag(fs._see(path))  # `_see` first sends bytes appended here, which make a new version
        self._changed = False
        self._local = tempfile.TemporaryFile()
        try:
            fs.get_file(path, self._local)
            self._local.seek(0)
        except BaseException:
            self._local.close()
            raise
        self._closed = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    # Methods of this object, not those of the local file: they hold it, as in `fs.open(path, "r+b").read()`.

    def read(self, size: int | None = -1) -> bytes:
        """Reads up to `size` bytes from the position on; -1 or None: all."""
        return self._local.read(size)

    def read1(self, size: int = -1) -> bytes:
        """As `read`."""
        return self._local.read1(size)

    def readinto(self, buffer: Any) -> int:
        """Reads into a buffer; returns the number of bytes."""
        return self._local.readinto(buffer)

    def readline(self, size: int | None = -1) -> bytes:
        """Reads up to the end of a line, or `size` bytes."""
        return self._local.readline(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Sets the position, and returns it."""
        return self._local.seek(offset, whence)

    def tell(self) -> int:
        """The position in bytes."""
        return self._local.tell()

    @property
    def size(self) -> int:
        """The size in bytes, including changes."""
        position = self._local.tell()
        size = self._local.seek(0, 2)
        self._local.seek(position)
        return size

    def _take(self, data: Any) -> int:
        self._check_open()
        self._changed = True
        return self._local.write(data)

    def truncate(self, size: int | None = None) -> int:
        """Shortens or extends the file to `size` bytes, by default to the position; returns the size."""
        self._check_open()
        self._changed = True
        return self._local.truncate(size)

    def _publish(self) -> None:
        """Uploads the file, if it was changed."""
        try:
            if self._changed:
                self._local.seek(0)
                with self.fs._writing(self.path, condition="match", etag=self._etag, **self._properties) as target:
                    send(self._local, target)
                self.etag, self.version_id = target.etag, target.version_id
        finally:
            self.discard()

    def discard(self) -> None:
        """Discards the changes; the file in the store does not change."""
        with self._ending:
            self._closed, self._changed, self._opening = True, False, None
            self._local.close()
