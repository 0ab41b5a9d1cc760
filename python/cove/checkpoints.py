"""Writes and reads checkpoints at cove URLs. Which checkpoints are kept is decided in model_checkpoint.py.

Lightning exists as two packages, `lightning` and `pytorch_lightning`, with separate classes. This file imports neither: `cove.lightning` and
`cove.pytorch_lightning` combine its classes with those of one package.
"""

from __future__ import annotations

import io
import logging
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import torch
from fsspec.core import url_to_fs

from .errors import failure
from .file_kind import file_kind, other_object
from .filesystem import CoveFileSystem
from .fingerprint import Fingerprint, Recorded
from .paths import check_target, check_url, url_of
from .s3 import S3FileSystem

log = logging.getLogger("cove.checkpoints")

ONE_REQUEST = 100 << 20  # Amazon recommends multipart uploads above 100 MB
SLOW_REQUEST_S = 1.0  # after a save in one request that took longer, later saves are sent in parts: one connection is too slow


@dataclass
class _Stored:
    """A file that this plugin has saved or is saving."""

    fs: CoveFileSystem
    path: str
    etag: str | None = None  # None: not known (yet)


@dataclass
class _CopySource:
    """The checkpoint that the next save may copy."""

    stored: _Stored
    fingerprint: Fingerprint | None  # None: the next save is not compared with it
    content: io.BytesIO | None  # the file; None: not kept in memory


class _TorchFile:
    """A file for torch that records the error of a failed read or write, because torch raises another error in its place."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _call(self, name: str, *args: Any) -> Any:
        try:
            return getattr(self._file, name)(*args)
        except OSError as error:
            self.error = error
            raise

    def read(self, *args: Any) -> bytes:
        return self._call("read", *args)

    def readinto(self, buffer: Any) -> int:
        return self._call("readinto", buffer)

    def readline(self, *args: Any) -> bytes:
        return self._call("readline", *args)

    def write(self, data: Any) -> int:
        return self._call("write", data)


def _is_hpc(path: str | Path) -> bool:
    """Whether Lightning's signal handler for SLURM saves this checkpoint. It requeues the job as soon as the save returns."""
    return PurePath(str(path)).name.startswith("hpc_ckpt_")


def _is_emergency(path: str | Path) -> bool:
    """Whether this may be the last save: an exception or a signal ends the training."""
    return sys.exc_info()[1] is not None or _is_hpc(path)


def _target(path: str | Path) -> str | Path:
    """The path to save to. A URL that pathlib has changed is refused, except in an emergency. Then there is no later save, and the exception that ends
    training must not be replaced by this one."""
    url = url_of(str(path))
    if url is None:
        return path
    if not _is_emergency(path):
        check_target(str(path))
    log.warning("save %s: one slash after the scheme; saved to %s", path, url)
    return url


def _called_by_trainer() -> bool:
    """Whether this call comes from Lightning's Trainer. Fabric uses the same plugins, but may load any object."""
    package = __name__.rpartition(".")[0]
    frame = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(package + "."):
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")).startswith(("lightning.pytorch.", "pytorch_lightning."))


_SHOWN = {"anon", "default_block_size", "endpoint_url", "max_concurrency", "profile", "region_name", "timeout"}  # options that repr shows


class StreamingIO:
    """A mixin for Lightning's TorchCheckpointIO, which still handles paths that are not cove URLs."""

    _lightnings_load: Callable[..., Any]  # torch.load with the defaults of the installed Lightning

    def __init__(self, **storage_options: Any) -> None:
        super().__init__()
        if storage_options:
            S3FileSystem(**{**storage_options, "skip_instance_cache": True})  # raises for a wrong option: the first save may come hours later
        self.storage_options = storage_options
        self._stored: _Stored | None = None  # the last save
        self._copy_source: _CopySource | None = None  # the last save of this one_call()
        self._in_one_call = False
        self._compares = False
        self._in_parts = False  # send small checkpoints in parts too

    def __repr__(self) -> str:
        """The constructor call. Values of options that may be secret are left out, because this text gets into logs."""
        options = getattr(self, "storage_options", {})
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' if name in _SHOWN else f'{name}=...' for name, value in options.items())})"

    @contextmanager
    def one_call(self, compares: bool = True) -> Iterator[None]:
        """For ModelCheckpoint: remembers the first checkpoint saved inside as a source for copy_checkpoint. `compares`: the next one saved inside becomes a
        copy of it if torch.save would write the same bytes."""
        self._in_one_call, self._compares, self._copy_source = True, compares, None
        try:
            yield
        finally:
            self._in_one_call, self._compares, self._copy_source = False, False, None

    def _locate(self, path: str | Path, storage_options: dict[str, Any] | None = None) -> tuple[Any, str | None]:
        """The filesystem, and the path in it; the path is None if the filesystem is not cove's."""
        url = str(path)
        check_url(url)
        fs, path = url_to_fs(url, **{**self.storage_options, **(storage_options or {})})
        return fs, path if isinstance(fs, CoveFileSystem) else None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None = None) -> None:
        """Writes the checkpoint by torch.save into an upload. The file is replaced in one step at the end; if the save fails, the older file stays."""
        path = _target(path)
        fs, place = self._locate(path, storage_options)
        source, self._copy_source = self._copy_source, None
        if place is None:
            self._save_elsewhere(checkpoint, path, storage_options)
            return
        if source is not None and self._is_copy(source, fs, place, checkpoint) and self._copy_from(source, place):
            self._copy_source = source
            return
        fingerprint = Fingerprint() if self._compares and source is None else None
        del source  # frees its content: only one is in memory at a time
        self._stored, content = self._write(fs, place, checkpoint, fingerprint)
        if self._in_one_call:
            self._copy_source = _CopySource(self._stored, fingerprint, content)

    @staticmethod
    def _is_copy(source: _CopySource, fs: CoveFileSystem, path: str, checkpoint: dict[str, Any]) -> bool:
        stored, fingerprint = source.stored, source.fingerprint
        return fingerprint is not None and stored.fs is fs and stored.path != path and fingerprint.is_of(checkpoint)

    def load_checkpoint(self, path: str | Path, map_location: Any = lambda storage, location: storage, weights_only: bool | None = None) -> dict[str, Any]:
        """Reads a checkpoint by torch.load. If the file is not a checkpoint, CorruptData names its kind."""
        fs, place = self._locate(path)
        given = {} if weights_only is None else {"weights_only": weights_only}
        if place is None:  # Lightning's plugin has weights_only from 2.6 on; before, it raises TypeError if it is given
            return super().load_checkpoint(path, map_location=map_location, **given)
        with fs.open(place, "rb") as file:
            watched = _TorchFile(file)
            try:
                # Without weights_only the version of Lightning decides: 2.4 and 2.5 load any object, others use torch's default.
                load = torch.load if given else self._lightnings_load
                loaded = load(watched, map_location=map_location, **given)
            except Exception as error:
                if watched.error is not None and watched.error is not error:
                    raise watched.error  # noqa: B904 - it came first: torch's error is its consequence
                kind = None if isinstance(error, OSError) else file_kind(file)
                if kind is None:
                    raise
                raise failure("COVE_ECORRUPT", f"load {fs.unstrip_protocol(place)}: not a checkpoint of torch.save but {kind}") from error
        kind = other_object(loaded) if _called_by_trainer() else None
        if kind is not None:
            raise failure("COVE_ECORRUPT", f"load {fs.unstrip_protocol(place)}: not a checkpoint of Lightning but {kind}")
        return loaded

    def is_saving(self, path: str | Path) -> bool:
        """Whether a save to this path is in progress: its name is in use, even if the store does not have the file yet."""
        return False

    def remove_checkpoint(self, path: str | Path) -> None:
        """Removes the file. A missing file is no error."""
        fs, place = self._locate(path)
        if place is None:
            super().remove_checkpoint(path)
        else:
            self._remove(fs, place)

    def copy_checkpoint(self, source: str | Path, path: str | Path) -> bool:
        """Copies the checkpoint `source` to `path` within the store. Returns False if `source` is not this plugin's last save, or if another writer has
        replaced or removed it: then `path` must be saved."""
        fs, place = self._locate(path)
        stored = self._stored
        if stored is None or stored.fs is not fs or stored.path == place or stored.path != fs._strip_protocol(str(source)):
            return False
        if self._copy_source is not None and self._copy_source.stored is stored:
            return self._copy_from(self._copy_source, place)
        return self._copy(stored, place)

    def teardown(self) -> None:
        self._stored = self._copy_source = None
        super().teardown()

    # The slow operations, one method each. BackgroundIO overrides them to run on a thread.

    def _save_elsewhere(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None) -> None:
        super().save_checkpoint(checkpoint, path, storage_options)

    def _write(self, fs: CoveFileSystem, path: str, checkpoint: dict[str, Any], fingerprint: Fingerprint | None) -> tuple[_Stored, io.BytesIO | None]:
        stored = _Stored(fs, path)
        self._send(stored, estimate_size(checkpoint), lambda file: save(checkpoint, file, fingerprint))
        return stored, None

    def _send(self, stored: _Stored, size: int, write: Callable[[Any], Any]) -> None:
        """Writes a new file of about `size` bytes."""
        fs = stored.fs
        whole = not self._in_parts and "default_block_size" not in fs.storage_options and size < ONE_REQUEST
        with fs.open(stored.path, "wb", block_size=ONE_REQUEST if whole else None) as file:  # an exception publishes nothing
            watched = _TorchFile(file)
            try:
                write(watched)
            except Exception as error:
                if watched.error is not None and watched.error is not error:
                    raise watched.error  # noqa: B904 - it came first: torch's error is its consequence
                raise
            begun = time.monotonic()
        stored.etag = file.etag
        self._in_parts |= whole and time.monotonic() - begun > SLOW_REQUEST_S

    def _copy_from(self, source: _CopySource, path: str) -> bool:
        """Whether `path` has been copied, or the copy is queued."""
        return self._copy(source.stored, path)

    def _copy(self, stored: _Stored, path: str) -> bool:
        """Whether `path` has been copied. False: the source was replaced or removed, or the store refused the copy."""
        if stored.etag is None:
            return False
        try:
            stored.fs._fs.copy(stored.path, stored.fs._take(path), stored.etag)
        except OSError as error:
            log.info("copy %s: failed, so the checkpoint is saved instead: %s", path, error)
            return False
        return True

    def _remove(self, fs: CoveFileSystem, path: str) -> None:
        fs.bulk_delete([path])  # one request, for which a missing file is no error


def save(checkpoint: Any, file: Any, fingerprint: Fingerprint | None = None) -> None:
    """torch.save, which also fills in `fingerprint`."""
    torch.save(checkpoint, file if fingerprint is None else Recorded(file, fingerprint))


# ---- sizes ----


def estimate_size(checkpoint: Any) -> int:
    """The size in bytes of all tensors, arrays and bytes in the checkpoint's dicts, lists and tuples. Other objects are not counted."""
    numpy = sys.modules.get("numpy")
    sizes: dict[int, int] = {}  # each storage is written once
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


# ---- in the background ----


def _write_elsewhere(path: str, file: io.BytesIO) -> None:
    """Writes a file to a filesystem that is not cove's."""
    fs, place = url_to_fs(path)
    fs.makedirs(fs._parent(place), exist_ok=True)
    try:
        with fs.transaction, fs.open(place, "wb") as target:
            target.write(file.getbuffer())
    except BaseException:
        fs._intrans, fs._transaction = False, None  # fsspec before 2026 stays in the failed transaction, and would publish no later file
        raise


class _Chain:
    """A sequence of jobs that depend on each other: after an error the rest are skipped. The error is raised once; later jobs belong to a new chain."""

    error: BaseException | None = None


class BackgroundIO(StreamingIO):
    """Saves, copies and removals run on one thread, in order."""

    def __init__(self, **storage_options: Any) -> None:
        super().__init__(**storage_options)
        self._executor: ThreadPoolExecutor | None = None
        self._jobs: list[Future] = []
        self._newest: Future | None = None  # the last job
        self._saves: dict[str, Future] = {}  # the last one of each path, while it may be in progress
        self._chain = _Chain()
        self._submitting = False

    def check(self) -> None:
        """Raises the error of a failed background save."""
        while any(job.done() for job in self._jobs[:1]):
            self._take()
        self._raise()

    def wait(self) -> None:
        """Returns when everything is in the store, or raises the first error."""
        while self._jobs:
            self._take()
        self._raise()

    def _take(self) -> None:
        """Waits for the first job. Meanwhile a signal handler may save and wait as well, as Lightning's handler for SLURM does."""
        for job in self._jobs[:1]:
            job.exception()
            with suppress(ValueError):  # the signal handler has waited for it
                self._jobs.remove(job)
            self._raise()

    def _raise(self) -> None:
        error = self._chain.error
        if error is not None:
            self._chain, self._stored, self._copy_source = _Chain(), None, None
            raise error

    def _submit(self, what: Callable, *args: Any) -> None:
        if self._submitting:  # called by a signal handler that interrupted the lines below: the executor's locks are not reentrant
            self._run(self._chain, what, *args)
            return
        self._submitting = True
        try:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, "cove-checkpoints")
            job = self._newest = self._executor.submit(self._run, self._chain, what, *args)
            self._jobs.append(job)
        finally:
            self._submitting = False

    @staticmethod
    def _run(chain: _Chain, what: Callable, *args: Any) -> None:
        if chain.error is not None:
            return
        try:
            what(*args)
        except BaseException as error:
            log.error("background save failed: %s", error)
            del what, args  # the error must not keep them alive
            chain.error = error.with_traceback(None)

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None = None) -> None:
        """Serializes the checkpoint in memory and returns; the background thread uploads it. First raises the error of an earlier save."""
        failed = self._error_before(path)
        super().save_checkpoint(checkpoint, path, storage_options)
        self._saves = {name: job for name, job in self._saves.items() if not job.done()}
        if self._newest is not None:  # this save, or a later one of a signal handler
            self._saves[self._name(path)] = self._newest
        if _is_hpc(path):
            self.wait()
        if failed is not None:
            raise failed

    def _error_before(self, path: str | Path) -> Exception | None:
        """Raises the error of an earlier save. In an emergency returns it instead, so that this checkpoint is saved first."""
        emergency = _is_emergency(path)
        try:
            if emergency:
                self.wait()
            else:
                self.check()
        except Exception as error:
            if not emergency:
                raise
            return error
        return None

    def _name(self, path: str | Path) -> str:
        """The same text for all spellings of a URL."""
        _, place = self._locate(url_of(str(path)) or path)
        return str(path) if place is None else place

    def is_saving(self, path: str | Path) -> bool:
        job = self._saves.get(self._name(path))
        return job is not None and not job.done()

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Waits for the jobs under way, then reads like CoveCheckpointIO."""
        self.wait()
        return super().load_checkpoint(*args, **kwargs)

    def remove_checkpoint(self, path: str | Path) -> None:
        """Removes the file after the earlier saves. If one of them fails, the file is not removed."""
        check_url(str(path))
        self.check()
        self._submit(super().remove_checkpoint, path)

    def teardown(self) -> None:
        try:
            self.wait()
        finally:
            if self._executor is not None:
                self._executor.shutdown()
                self._executor = None
            self._jobs, self._newest, self._saves = [], None, {}
            super().teardown()

    def _save_elsewhere(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None) -> None:
        self.wait()
        if storage_options is None:
            self._submit(_write_elsewhere, str(path), self._made(checkpoint))
        else:  # Lightning refuses it
            super()._save_elsewhere(checkpoint, path, storage_options)

    def _write(self, fs: CoveFileSystem, path: str, checkpoint: dict[str, Any], fingerprint: Fingerprint | None) -> tuple[_Stored, io.BytesIO | None]:
        self.wait()
        stored, content = _Stored(fs, path), self._made(checkpoint, fingerprint)
        self._submit(self._send_content, stored, content)
        return stored, content

    def _send_content(self, stored: _Stored, content: io.BytesIO) -> None:
        self._send(stored, content.tell(), lambda target: target.write(content.getbuffer()))

    @staticmethod
    def _made(checkpoint: dict[str, Any], fingerprint: Fingerprint | None = None) -> io.BytesIO:
        """The serialized checkpoint in memory. Callers wait for earlier jobs first, so that only one is in memory."""
        file = io.BytesIO()
        save(checkpoint, file, fingerprint)
        return file

    def _copy_from(self, source: _CopySource, path: str) -> bool:
        assert source.content is not None
        self._submit(self._copy_or_send, source.stored, source.content, path)
        return True

    def _copy_or_send(self, stored: _Stored, content: io.BytesIO, path: str) -> None:
        if not self._copy(stored, path):
            self._send_content(_Stored(stored.fs, path), content)

    def copy_checkpoint(self, source: str | Path, path: str | Path) -> bool:
        self.check()
        if self._copy_source is None:
            self.wait()  # the content is no longer in memory, so the copy must have succeeded before this returns
        return super().copy_checkpoint(source, path)
