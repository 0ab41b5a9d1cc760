"""Files opened with "r+b": read whole into a temporary file, changed there, and written back at the end."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from cove.files import PublishedFile
from cove.transfers import send

if TYPE_CHECKING:
    from cove.filesystem import CoveFileSystem


class UpdateFile(PublishedFile):
    """A file to read and write at any place. `close` replaces the whole file, if it was changed here and is still the version that was read; another
    writer's stays, and PreconditionFailed says so. It takes as much room on the local disk as the file has bytes, so it is for small files.
    """

    def __init__(self, fs: CoveFileSystem, path: str, autocommit: bool, properties: dict[str, Any]) -> None:
        super().__init__(fs, path, "r+b", autocommit)
        self._properties = properties
        self._etag = fs._etag(fs._see(path))  # what was appended here arrives first, and makes its own version
        self._changed = False
        self._local = tempfile.TemporaryFile()
        try:
            fs.get_file(path, self._local)
            self._local.seek(0)
        except BaseException:
            self._local.close()
            raise
        # What is called often is the local file's own.
        for name in ("read", "read1", "readinto", "readline", "seek", "tell"):
            setattr(self, name, getattr(self._local, name))
        self._closed = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    @property
    def size(self) -> int:
        """Its bytes, with the changes."""
        position = self._local.tell()
        size = self._local.seek(0, 2)
        self._local.seek(position)
        return size

    def _take(self, data: Any) -> int:
        self._check_open()
        self._changed = True
        return self._local.write(data)

    def truncate(self, size: int | None = None) -> int:
        """Cuts or extends it to `size` bytes, by default to the position; returns the size."""
        self._check_open()
        self._changed = True
        return self._local.truncate(size)

    def _publish(self) -> None:
        """Writes the file back, if it was changed."""
        try:
            if self._changed:
                self._local.seek(0)
                with self.fs._writing(self.path, condition="match", etag=self._etag, **self._properties) as target:
                    send(self._local, target)
                self.etag, self.version_id = target.etag, target.version_id
        finally:
            self.discard()

    def discard(self) -> None:
        """Forgets the changes; what is in the store stays as it is."""
        with self._ending:
            self._closed, self._changed, self._opening = True, False, None
            self._local.close()
