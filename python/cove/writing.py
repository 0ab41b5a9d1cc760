"""The methods that write files or upload them: `pipe`, `touch`, `put`."""

from __future__ import annotations

import mimetypes
import os
from typing import Any

from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.utils import stringify_path

from cove import transfers
from cove.arguments import HINTS, without
from cove.errors import failure
from cove.opening import Opening


class Writing(Opening):
    """The methods of a filesystem that write files or upload them."""

    def pipe_file(self, path: str, value: Any = None, mode: str = "overwrite", *, data: Any = None, **kwargs: Any) -> Any:
        """Creates or replaces a file in one step. mode="create": FileExistsError if it exists. `content_type` and `metadata` are stored with it.

        `data` is s3fs's name for `value`. S3FileSystem returns the new object's `ETag` and, in a versioned bucket, its `VersionId`.
        """
        value = data if value is None else value
        if self._intrans:
            with self.open(path, "xb" if mode == "create" else "wb", **kwargs) as file:
                file.write(value)
            return None
        condition = "new" if mode == "create" else None
        return self._written(self._fs.write_file(self._take(path), value, condition=condition, **self._properties(path, kwargs)))

    def pipe(self, path: Any, value: Any = None, **kwargs: Any) -> None:
        """`pipe_file`; for a dict from path to bytes, writes all files in parallel."""
        kwargs = without(kwargs, *HINTS)
        if not isinstance(path, dict):
            self.pipe_file(path, value, **kwargs)
        elif self._intrans:  # the transaction belongs to this thread
            for name, data in path.items():
                self.pipe_file(name, data, **kwargs)
        elif kwargs:
            transfers.each(lambda name, data: self.pipe_file(name, data, **kwargs), path.items(), self.batch_size, DEFAULT_CALLBACK)
        else:
            self._results(self._fs.write_many([(self._take(name), data) for name, data in path.items()]))

    def touch(self, path: str, truncate: bool = True, data: bytes | None = None, **kwargs: Any) -> Any:
        """Creates or replaces a file, empty or with `data`. truncate=False: ValueError if it exists, because a store cannot set a file's time."""
        if truncate:
            return self.pipe_file(path, data or b"", **kwargs)
        made = self._create_missing(path, data or b"", **self._properties(path, kwargs))
        if made is None:
            raise ValueError(f"touch {self.unstrip_protocol(path)}: the file exists, and a store cannot set its time; truncate=True replaces it")
        return self._written(made)

    # ---- uploads ----

    def put_file(self, lpath: Any, rpath: str, callback: Callback = DEFAULT_CALLBACK, mode: str = "overwrite", **kwargs: Any) -> None:
        """Uploads a local file, in bounded memory and parallel parts, with the content type of its file name. For a local directory, makes a directory.

        Raises PreconditionFailed and publishes nothing if the file became shorter during the upload.
        """
        lpath = stringify_path(lpath)
        if os.path.isdir(lpath):
            self.makedirs(rpath, exist_ok=True)
            return
        kwargs.setdefault("content_type", kwargs.pop("ContentType", None) or mimetypes.guess_type(lpath)[0])
        with transfers.local_source(lpath, self._timeout_s) as source:
            size = os.fstat(source.fileno()).st_size
            callback.set_size(size)
            with self.open(rpath, "xb" if mode == "create" else "wb", expected_size=size or None, **kwargs) as target:
                transfers.send(source, target, callback, min(size, transfers.BLOCK) or transfers.BLOCK)  # a pipe has size 0
                if target.tell() < size:
                    why = f"read {target.tell()} of {size} bytes: the file became shorter during the upload; nothing was published"
                    raise failure("COVE_EPRECONDITION", f"put {lpath}: {why}")

    def put(
        self, lpath: Any, rpath: Any, recursive: bool = False, callback: Callback = DEFAULT_CALLBACK, maxdepth: int | None = None,
        batch_size: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Uploads local files and directories, by fsspec's rules for the targets. `batch_size`: files transferred at once.

        Raises InvalidArgument before anything is done if two sources have the same target.
        """
        files, directories = transfers.uploads(self, lpath, rpath, recursive, maxdepth)
        for path in directories:
            self.makedirs(path, exist_ok=True)
        callback.set_size(len(files))

        def put_one(local: str, path: str) -> None:
            with callback.branched(local, path) as child:
                self.put_file(local, path, callback=child, **kwargs)

        if self._intrans:  # the transaction belongs to this thread
            for local, path in callback.wrap(files):
                put_one(local, path)
        else:
            transfers.each(put_one, files, batch_size or self.batch_size, callback)
