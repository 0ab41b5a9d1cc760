"""Checkpoints of a training run at a URL of cove's: how they are written and read, and what Lightning itself does wrong there.

Lightning exists under two names, `lightning` and `pytorch_lightning`, whose classes are strangers to each other. What is written here
knows neither: `cove.lightning` and `cove.pytorch_lightning` put it over the classes of theirs.
"""

from __future__ import annotations

import io
import logging
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from fsspec.core import url_to_fs
from fsspec.utils import get_protocol

from .filesystem import CoveFileSystem

log = logging.getLogger("cove.checkpoints")

ONE_REQUEST = 100 << 20  # Amazon advises uploads in parts from 100 MB on
PATIENCE_S = 1.0  # a save by one request that takes longer is the last of them: a store gives one connection only so much


def _moment(checkpoint: dict[str, Any]) -> tuple:
    """What two checkpoints of one moment of one run agree in, the names that their callbacks have for the last one among it."""
    callbacks = checkpoint.get("callbacks") or {}
    lasts = {state.get("last_model_path") for state in callbacks.values() if isinstance(state, dict)}
    return checkpoint.get("epoch"), checkpoint.get("global_step"), set(checkpoint), lasts


def _refused_by_store(error: BaseException, before: BaseException | None) -> OSError | None:
    """Of torch's own error, by which it ends a file that could not be written to: why that was. `before`: what was being handled already."""
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
        self._saved: tuple[CoveFileSystem, str, tuple] | None = None  # where, and the moment, of what the next save may be a copy of
        self._in_parts = False  # small checkpoints, too

    def _locate(self, path: str | Path, storage_options: dict[str, Any] | None = None) -> tuple[Any, str | None]:
        """The filesystem, and the path as it is known there; no path where the filesystem is not cove's."""
        fs, path = url_to_fs(str(path), **{**self.storage_options, **(storage_options or {})})
        return fs, path if isinstance(fs, CoveFileSystem) else None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None = None) -> None:
        fs, place = self._locate(path, storage_options)
        before, self._saved = self._saved, None
        if place is None:
            self._save_elsewhere(checkpoint, path, storage_options)
            return
        moment = _moment(checkpoint)
        if before is not None and before[0] is fs and before[1] != place and before[2] == moment and str(path) in moment[3]:
            self._copy(fs, before[1], place)
            return
        self._write(fs, place, checkpoint)
        self._saved = fs, place, moment

    def load_checkpoint(
        self, path: str | Path, map_location: Any = lambda storage, location: storage, weights_only: bool | None = None
    ) -> dict[str, Any]:
        fs, place = self._locate(path)
        if place is None:
            return super().load_checkpoint(path, map_location=map_location, weights_only=weights_only)
        with fs.open(place, "rb") as file:
            return torch.load(file, map_location=map_location, weights_only=weights_only)

    def is_saving(self, path: str | Path) -> bool:
        """Whether a checkpoint of this name is under way, so that the name is taken though the store may not know yet."""
        return False

    def remove_checkpoint(self, path: str | Path) -> None:
        fs, place = self._locate(path)
        if place is None:
            super().remove_checkpoint(path)
        else:
            self._remove(fs, place)

    def copy_checkpoint(self, source: str | Path, path: str | Path) -> None:
        """Makes `path` equal to the checkpoint `source`, within the store."""
        fs, place = url_to_fs(str(path), **self.storage_options)
        self._copy(fs, fs._strip_protocol(str(source)), place)

    def teardown(self) -> None:
        self._saved = None
        super().teardown()

    # What takes time, each in one place, so that the variant below can do it beside the training.

    def _save_elsewhere(self, checkpoint: dict[str, Any], path: str | Path, storage_options: dict[str, Any] | None) -> None:
        super().save_checkpoint(checkpoint, path, storage_options)

    def _write(self, fs: CoveFileSystem, path: str, checkpoint: dict[str, Any]) -> None:
        self._send(fs, path, bytes_at_sight(checkpoint), lambda file: torch.save(checkpoint, file))

    def _send(self, fs: CoveFileSystem, path: str, size: int, write: Callable[[Any], Any]) -> None:
        """A new file of about so many bytes."""
        whole = not self._in_parts and "default_block_size" not in fs.storage_options and size < ONE_REQUEST
        before = sys.exc_info()[1]
        with fs.open(path, "wb", block_size=ONE_REQUEST if whole else None) as file:  # left by an exception, it publishes nothing
            try:
                write(file)
            except RuntimeError as error:
                raise _refused_by_store(error, before) or error
            begun = time.monotonic()
        self._in_parts |= whole and time.monotonic() - begun > PATIENCE_S

    def _copy(self, fs: CoveFileSystem, twin: str, path: str) -> None:
        fs.cp_file(twin, path)

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
            self._jobs, self._failed, self._saved = [], False, None
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

    def _write(self, fs: CoveFileSystem, path: str, checkpoint: dict[str, Any]) -> None:
        self.wait()
        file = self._made(checkpoint)
        self._submit(self._send, fs, path, file.tell(), lambda target: target.write(file.getbuffer()))

    @staticmethod
    def _made(checkpoint: dict[str, Any]) -> io.BytesIO:
        """The file, in memory: whatever is in a checkpoint is there as it is now. Callers wait before, so that there is one and no more."""
        file = io.BytesIO()
        torch.save(checkpoint, file)
        return file

    def _copy(self, fs: CoveFileSystem, twin: str, path: str) -> None:
        self._submit(super()._copy, fs, twin, path)


# ---- which checkpoints there are ----


def _is_remote(path: str | Path | None) -> bool:
    return get_protocol(str(path or "")) != "file"


class RemoteModelCheckpoint:
    """Over Lightning's ModelCheckpoint, which is left as it is where the folder is a local one."""

    _name_of_last = ""  # while a checkpoint is saved that will be the last one too
    _link: tuple | None = None  # of save_last="link": what was made equal to what, and when that was saved

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        wanted, self.save_last = self.save_last, bool(self.save_last)  # Lightning refuses "link" here, and only here
        try:
            super().setup(trainer, pl_module, stage)
        finally:
            self.save_last = wanted

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any, **kwargs: Any) -> None:
        self._check(trainer)
        super().on_train_batch_end(trainer, pl_module, *args, **kwargs)

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, *args: Any, **kwargs: Any) -> None:
        self._check(trainer)
        super().on_validation_batch_end(trainer, pl_module, *args, **kwargs)

    @staticmethod
    def _check(trainer: Any) -> None:
        check = getattr(trainer.strategy.checkpoint_io, "check", None)
        if check is not None:
            check()

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        if self._name_of_last:
            state["last_model_path"] = self._name_of_last
        return state

    def file_exists(self, filepath: str, trainer: Any) -> bool:
        # Lightning asks the store even for the name that it gave last; and whether it is a directory's, which no plugin of ours makes.
        if _is_remote(filepath) and filepath == self.last_model_path:
            return True
        saves = trainer.strategy.checkpoint_io
        if not _is_remote(filepath) or not isinstance(saves, StreamingIO):
            return super().file_exists(filepath, trainer)
        there = trainer.is_global_zero and (saves.is_saving(filepath) or self._fs.isfile(filepath))
        return trainer.strategy.reduce_boolean_decision(there, all=False)

    def _save_topk_checkpoint(self, trainer: Any, monitor_candidates: dict[str, torch.Tensor]) -> None:
        # The checkpoint knows the last one's name before that is saved, so that the last one can be its copy.
        if self.save_last and _is_remote(self.dirpath):
            self._name_of_last = self._next_last(trainer, monitor_candidates)
        try:
            super()._save_topk_checkpoint(trainer, monitor_candidates)
        finally:
            self._name_of_last = ""

    def _next_last(self, trainer: Any, monitor_candidates: dict[str, torch.Tensor]) -> str:
        """The name that Lightning's _save_last_checkpoint is going to choose."""
        path = self.format_checkpoint_name(monitor_candidates, self.CHECKPOINT_NAME_LAST)
        version = self.STARTING_VERSION
        while self._enable_version_counter and path != self.last_model_path and self.file_exists(path, trainer):
            path = self.format_checkpoint_name(monitor_candidates, self.CHECKPOINT_NAME_LAST, ver=version)
            version += 1
        return path

    def _link_checkpoint(self, trainer: Any, filepath: str, linkpath: str) -> None:
        if not _is_remote(linkpath):
            super()._link_checkpoint(trainer, filepath, linkpath)
            return
        link = filepath, linkpath, self._last_global_step_saved
        if link == self._link:
            return  # nothing has been saved since
        copy = getattr(trainer.strategy.checkpoint_io, "copy_checkpoint", None)
        if copy is None:
            self._save_checkpoint(trainer, linkpath)
            self._last_checkpoint_saved = filepath
        elif trainer.is_global_zero:
            copy(filepath, linkpath)
        trainer.strategy.barrier()
        self._link = link

    def _find_last_checkpoints(self, trainer: Any) -> set[str]:
        folder = self._ModelCheckpoint__resolve_ckpt_dir(trainer)
        if not _is_remote(folder):
            return super()._find_last_checkpoints(trainer)
        self._fs, _ = url_to_fs(folder)
        return {self._fs.unstrip_protocol(path) for path in super()._find_last_checkpoints(trainer)}

    def _should_remove_checkpoint(self, trainer: Any, previous: str, current: str) -> bool:
        if not _is_remote(previous):
            return super()._should_remove_checkpoint(trainer, previous, current)
        kept = {self._fs._strip_protocol(str(path)) for path in (current, trainer.ckpt_path) if path}
        previous = self._fs._strip_protocol(previous)
        return previous not in kept and previous.startswith(self._fs._strip_protocol(str(self.dirpath)) + "/")
