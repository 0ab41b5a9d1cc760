"""Checkpoints of a training run at a URL of cove's: how they are written and read. Which there are is in model_checkpoint.py.

Lightning exists under two names, `lightning` and `pytorch_lightning`, whose classes are strangers to each other. What is written here
knows neither: `cove.lightning` and `cove.pytorch_lightning` put it over the classes of theirs.
"""

from __future__ import annotations

import errno
import io
import logging
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fsspec.core import url_to_fs

from .filesystem import CoveFileSystem
from .misfits import what_it_is
from .paths import check_target, check_url
from .twins import Fingerprint
from ._cove import CorruptData

log = logging.getLogger("cove.checkpoints")

ONE_REQUEST = 100 << 20  # Amazon advises uploads in parts from 100 MB on
PATIENCE_S = 1.0  # a save by one request that takes longer is the last of them: a store gives one connection only so much


@dataclass
class _Stored:
    """A file that was saved here, or is about to be."""

    fs: CoveFileSystem
    path: str
    etag: str | None = None  # None: not known, or not yet


@dataclass
class _Twin:
    """What the next save may be a copy of."""

    stored: _Stored
    fingerprint: Fingerprint
    content: io.BytesIO | None  # where it is at hand


def _refused_by_store(error: BaseException, before: BaseException | None) -> OSError | None:
    """Of torch's own error, by which it ends a file that could not be written or read: why that was. `before`: what was being handled already."""
    cause = error.__context__
    while cause is not None and cause is not before:
        if isinstance(cause, OSError):
            return cause
        cause = cause.__context__
    return None


class StreamingIO:
    """Over Lightning's TorchCheckpointIO, which keeps whatever is not at a URL of cove's."""

    def __init__(self, **storage_options: Any) -> None:
        super().__init__()
        self.storage_options = storage_options
        self._stored: _Stored | None = None  # the last one
        self._twin: _Twin | None = None  # the last one, in one call
        self._in_one_call = False
        self._in_parts = False  # small checkpoints, too

    @contextmanager
    def one_call(self) -> Iterator[None]:
        """For a ModelCheckpoint: what is saved within may be a copy of what was saved within before it, if nothing in it differs."""
        self._in_one_call, self._twin = True, None
        try:
            yield
        finally:
            self._in_one_call, self._twin = False, None

    def _locate(self, path: str | Path, storage_options: dict[str, Any] | None = None) -> tuple[Any, str | None]:
        """The filesystem, and the path as it is known there; no path where the filesystem is not cove's."""
        check_url(path)
        fs, path = url_to_fs(str(path), **{**self.storage_options, **(storage_options or {})})
        return fs, path if isinstance(fs, CoveFileSystem) else None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None = None) -> None:
        check_target(path)
        fs, place = self._locate(path, storage_options)
        twin, self._twin = self._twin, None
        if place is None:
            self._save_elsewhere(checkpoint, path, storage_options)
            return
        fingerprint = Fingerprint(checkpoint) if self._in_one_call else None
        if twin is not None and fingerprint is not None and twin.stored.fs is fs and twin.stored.path != place and fingerprint.same(twin.fingerprint):
            if self._copy_twin(twin, place):
                self._twin = twin
                return
        del twin  # with its content, of which there is one in memory at a time
        self._stored, content = self._write(fs, place, checkpoint)
        if fingerprint is not None:
            self._twin = _Twin(self._stored, fingerprint, content)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = lambda storage, location: storage, weights_only: bool | None = None
    ) -> dict[str, Any]:
        fs, place = self._locate(path)
        if place is None:
            return super().load_checkpoint(path, map_location=map_location, weights_only=weights_only)
        before = sys.exc_info()[1]
        with fs.open(place, "rb") as file:
            try:
                return torch.load(file, map_location=map_location, weights_only=weights_only)
            except OSError:
                raise
            except Exception as error:
                refused = _refused_by_store(error, before)
                if refused is not None:
                    raise refused
                what = what_it_is(file)
                if what is None:
                    raise
                raise CorruptData(errno.EILSEQ, f"load {fs.unstrip_protocol(place)}: no checkpoint of torch.save, but {what}") from error

    def is_saving(self, path: str | Path) -> bool:
        """Whether a checkpoint of this name is under way, so that the name is taken though the store may not know yet."""
        return False

    def remove_checkpoint(self, path: str | Path) -> None:
        fs, place = self._locate(path)
        if place is None:
            super().remove_checkpoint(path)
        else:
            self._remove(fs, place)

    def copy_checkpoint(self, source: str | Path, path: str | Path) -> bool:
        """Makes `path` equal to the checkpoint `source`, within the store. False: `source` is not the last one that was saved here, or another writer has
        replaced or removed it, so that `path` is to be saved."""
        fs, place = self._locate(path)
        stored = self._stored
        if stored is None or stored.fs is not fs or stored.path == place or stored.path != fs._strip_protocol(str(source)):
            return False
        if self._twin is not None and self._twin.stored is stored:
            return self._copy_twin(self._twin, place)
        return self._copy(stored, place)

    def teardown(self) -> None:
        self._stored = None
        super().teardown()

    # What takes time, each in one place, so that the variant below can do it beside the training.

    def _save_elsewhere(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None) -> None:
        super().save_checkpoint(checkpoint, path, storage_options)

    def _write(self, fs: CoveFileSystem, path: str, checkpoint: dict[str, Any]) -> tuple[_Stored, io.BytesIO | None]:
        stored = _Stored(fs, path)
        self._send(stored, bytes_at_sight(checkpoint), lambda file: torch.save(checkpoint, file))
        return stored, None

    def _send(self, stored: _Stored, size: int, write: Callable[[Any], Any]) -> None:
        """A new file of about so many bytes."""
        fs = stored.fs
        whole = not self._in_parts and "default_block_size" not in fs.storage_options and size < ONE_REQUEST
        before = sys.exc_info()[1]
        with fs.open(stored.path, "wb", block_size=ONE_REQUEST if whole else None) as file:  # left by an exception, it publishes nothing
            try:
                write(file)
            except RuntimeError as error:
                raise _refused_by_store(error, before) or error
            begun = time.monotonic()
        stored.etag = file.etag
        self._in_parts |= whole and time.monotonic() - begun > PATIENCE_S

    def _copy_twin(self, twin: _Twin, path: str) -> bool:
        """Whether `path` is a copy now, or is going to be the same."""
        return self._copy(twin.stored, path)

    def _copy(self, stored: _Stored, path: str) -> bool:
        """Whether `path` is a copy now. It isn't where the file is another one by now, is gone, or the store does not copy it."""
        if stored.etag is None:
            return False
        try:
            stored.fs._fs.copy(stored.path, stored.fs._take(path), stored.etag)
        except OSError as error:
            log.info("saved anew, for it cannot be copied: %s", error)
            return False
        return True

    def _remove(self, fs: CoveFileSystem, path: str) -> None:
        fs.bulk_delete([path])  # which looks for nothing, so that one that isn't there is fine


# ---- sizes ----


def bytes_at_sight(checkpoint: Any) -> int:
    """Bytes of the tensors, arrays and bytes in its dicts, lists and tuples. More may be in other objects."""
    numpy = sys.modules.get("numpy")
    sizes: dict[int, int] = {}  # each storage stands in a file once
    seen: set[int] = set()
    left = [checkpoint]
    while left:
        value = left.pop()
        if type(value) in (torch.Tensor, torch.nn.Parameter) and value.layout == torch.strided and not (value.is_quantized or value.is_meta or value.is_nested):
            storage = value.untyped_storage()
            sizes[storage._cdata] = storage.nbytes()
        elif isinstance(value, (dict, list, tuple)):
            if id(value) not in seen:
                seen.add(id(value))
                left.extend(value.values() if isinstance(value, dict) else value)
        elif type(value) in (bytes, bytearray):
            sizes[id(value)] = len(value)
        elif numpy is not None and type(value) is numpy.ndarray:
            sizes[id(value)] = value.nbytes
    return sum(sizes.values())


# ---- beside the training ----


def _write_elsewhere(path: str, file: io.BytesIO) -> None:
    """Where the filesystem is not cove's."""
    fs, place = url_to_fs(path)
    fs.makedirs(fs._parent(place), exist_ok=True)
    with fs.transaction, fs.open(place, "wb") as target:
        target.write(file.getbuffer())


class BackgroundIO(StreamingIO):
    """Saves, copies and removals go one after another on one thread."""

    def __init__(self, **storage_options: Any) -> None:
        super().__init__(**storage_options)
        self._executor: ThreadPoolExecutor | None = None
        self._jobs: list[Future] = []
        self._saves: dict[str, Future] = {}  # the last one of each name, as long as it may be under way
        self._failed = False  # then what is queued behind is left undone: it was to follow a checkpoint that there isn't

    def check(self) -> None:
        """Raises what a save in the background has failed with."""
        while self._jobs and self._jobs[0].done():
            self._take()

    def wait(self) -> None:
        """Returns when all is in the store, or raises why not."""
        while self._jobs:
            self._take()

    def _take(self) -> None:
        error = self._jobs[0].exception()
        del self._jobs[0]
        if error is not None:
            for job in self._jobs:
                job.exception()
            self._jobs, self._failed, self._stored, self._twin = [], False, None, None
            raise error

    def _submit(self, what: Callable, *args: Any) -> None:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "cove-checkpoints")
        self._jobs.append(self._executor.submit(self._run, what, *args))

    def _run(self, what: Callable, *args: Any) -> None:
        if self._failed:
            return
        try:
            what(*args)
        except BaseException as error:
            self._failed = True
            log.error("in the background: %s", error)
            del what, args  # what it was about need not live as long as the error
            raise error.with_traceback(None)

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None = None) -> None:
        self.check()
        super().save_checkpoint(checkpoint, path, storage_options)
        self._saves = {name: job for name, job in self._saves.items() if not job.done()}
        self._saves[str(path)] = self._jobs[-1]

    def is_saving(self, path: str | Path) -> bool:
        job = self._saves.get(str(path))
        return job is not None and not job.done()

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.wait()
        return super().load_checkpoint(*args, **kwargs)

    def remove_checkpoint(self, path: str | Path) -> None:
        check_url(path)
        self.check()
        self._submit(super().remove_checkpoint, path)

    def teardown(self) -> None:
        try:
            self.wait()
        finally:
            if self._executor is not None:
                self._executor.shutdown()
                self._executor = None
            super().teardown()

    def _save_elsewhere(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None) -> None:
        self.wait()
        if storage_options is None:
            self._submit(_write_elsewhere, str(path), self._made(checkpoint))
        else:  # which Lightning refuses
            super()._save_elsewhere(checkpoint, path, storage_options)

    def _write(self, fs: CoveFileSystem, path: str, checkpoint: dict[str, Any]) -> tuple[_Stored, io.BytesIO | None]:
        self.wait()
        stored, content = _Stored(fs, path), self._made(checkpoint)
        self._submit(self._send_content, stored, content)
        return stored, content

    def _send_content(self, stored: _Stored, content: io.BytesIO) -> None:
        self._send(stored, content.tell(), lambda target: target.write(content.getbuffer()))

    @staticmethod
    def _made(checkpoint: dict[str, Any]) -> io.BytesIO:
        """The file, in memory: whatever is in a checkpoint is there as it is now. Callers wait before, so that there is one and no more."""
        file = io.BytesIO()
        torch.save(checkpoint, file)
        return file

    def _copy_twin(self, twin: _Twin, path: str) -> bool:
        assert twin.content is not None
        self._submit(self._copy_or_send, twin.stored, twin.content, path)
        return True

    def _copy_or_send(self, stored: _Stored, content: io.BytesIO, path: str) -> None:
        if not self._copy(stored, path):
            self._send_content(_Stored(stored.fs, path), content)

    def copy_checkpoint(self, source: str | Path, path: str | Path) -> bool:
        self.check()
        if self._twin is None:
            self.wait()  # the file is no longer at hand, so whether it was copied must be known before this returns
        return super().copy_checkpoint(source, path)
