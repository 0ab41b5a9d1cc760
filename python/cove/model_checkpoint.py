"""Corrects Lightning's ModelCheckpoint, which chooses, names and removes checkpoints, for cove URLs. checkpoints.py writes and reads them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from fsspec.core import split_protocol, url_to_fs
from fsspec.utils import get_protocol

from .checkpoints import StreamingIO
from .paths import check_target
from .schemes import FILESYSTEMS


def _is_remote(path: str | Path | None) -> bool:
    return get_protocol(str(path or "")).lower() != "file"


def _place(url: str | Path | None) -> tuple[str | None, str]:
    """A value that is equal for all spellings of a URL. Opens no filesystem: a checkpoint may name a filesystem that is not installed here."""
    scheme, path = split_protocol(str(url or ""))
    scheme = scheme and scheme.lower()
    return FILESYSTEMS.get(scheme, scheme), path.strip("/")


class RemoteModelCheckpoint:
    """A mixin for Lightning's ModelCheckpoint. With a local folder it changes nothing."""

    _name_of_last = ""  # the path of the last checkpoint, set while a checkpoint is saved that will also be saved as the last one
    _link: tuple | None = None  # save_last="link": the source, the copy and the step of the source's save

    def __repr__(self) -> str:
        shown = ("dirpath", "filename", "monitor", "mode", "save_top_k", "save_last")
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name, None)!r}' for name in shown)})"

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        check_target(self._ModelCheckpoint__resolve_ckpt_dir(trainer))  # Lightning turns a Path of a URL into a local folder
        scheme, path = split_protocol(str(self.dirpath or ""))
        if scheme and path.endswith("//"):
            self.dirpath = f"{scheme}://{path.rstrip('/')}/"  # on a disk "a//" and "a/" are one folder; in a store they are two prefixes
        self._link = None
        wanted, self.save_last = self.save_last, bool(self.save_last)  # Lightning refuses "link" here, and only here
        try:
            super().setup(trainer, pl_module, stage)
        finally:
            self.save_last = wanted

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any, **kwargs: Any) -> None:
        self._check(trainer)
        with self._one_call(trainer):
            super().on_train_batch_end(trainer, pl_module, *args, **kwargs)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        with self._one_call(trainer):
            super().on_train_epoch_end(trainer, pl_module)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        with self._one_call(trainer):
            super().on_validation_end(trainer, pl_module)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        with self._one_call(trainer):
            super().on_exception(trainer, pl_module, exception)

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, *args: Any, **kwargs: Any) -> None:
        self._check(trainer)
        super().on_validation_batch_end(trainer, pl_module, *args, **kwargs)

    @contextmanager
    def _one_call(self, trainer: Any) -> Iterator[None]:
        """One hook call may save a checkpoint under two names, as the best and as the last one."""
        saves = trainer.strategy.checkpoint_io
        if not self.save_last or not isinstance(saves, StreamingIO):
            yield
            return
        with saves.one_call(compares=self.save_last != "link" or not self._has_links()):
            yield

    def _has_links(self) -> bool:
        """Whether Lightning makes a link for save_last="link". It does from 2.2 on; before, "link" means True."""
        return "link" in str(inspect.signature(super().__init__).parameters["save_last"].annotation)

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

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        folder = state_dict.get("dirpath")
        if _is_remote(folder) and _place(folder) == _place(self.dirpath):
            state_dict = self._respelled(state_dict)
        super().load_state_dict(state_dict)

    def _respelled(self, state: dict[str, Any]) -> dict[str, Any]:
        """The state with paths in this run's spelling of the folder, because Lightning compares paths as text."""
        scheme, folder = _place(self.dirpath)

        def path(old: str) -> str:
            found = _place(old)
            inside = found[0] == scheme and found[1].startswith(f"{folder}/")
            return os.path.join(self.dirpath, found[1][len(folder) + 1 :]) if inside else old

        new = {**state, "dirpath": self.dirpath}
        for name in "best_model_path", "kth_best_model_path", "last_model_path":
            if isinstance(state.get(name), str):
                new[name] = path(state[name])
        if isinstance(state.get("best_k_models"), dict):
            new["best_k_models"] = {path(old): score for old, score in state["best_k_models"].items()}
        return new

    def file_exists(self, filepath: str, trainer: Any) -> bool:
        # Lightning sends a request even for the file that it wrote last, and another to check for a directory, which our plugins never write.
        if _is_remote(filepath) and filepath == self.last_model_path:
            return True
        saves = trainer.strategy.checkpoint_io
        if not _is_remote(filepath) or not isinstance(saves, StreamingIO):
            return super().file_exists(filepath, trainer)
        there = trainer.is_global_zero and (saves.is_saving(filepath) or self._fs.isfile(filepath))
        return trainer.strategy.reduce_boolean_decision(there, all=False)

    def _save_topk_checkpoint(self, trainer: Any, monitor_candidates: dict[str, torch.Tensor]) -> None:
        # The first checkpoint must contain the path of the last one, which is saved after it. Then the last one can be a copy of it.
        if self.save_last and _is_remote(self.dirpath):
            self._name_of_last = self._next_last(trainer, monitor_candidates)
        try:
            super()._save_topk_checkpoint(trainer, monitor_candidates)
        finally:
            self._name_of_last = ""

    def _next_last(self, trainer: Any, monitor_candidates: dict[str, torch.Tensor]) -> str:
        """The name that Lightning's _save_last_checkpoint will choose."""
        path = self.format_checkpoint_name(monitor_candidates, self.CHECKPOINT_NAME_LAST)
        version = self.STARTING_VERSION
        counts = getattr(self, "_enable_version_counter", True)  # Lightning has that option from 2.1 on
        while counts and path != self.last_model_path and self.file_exists(path, trainer):
            path = self.format_checkpoint_name(monitor_candidates, self.CHECKPOINT_NAME_LAST, ver=version)
            version += 1
        return path

    def _link_checkpoint(self, trainer: Any, filepath: str, linkpath: str) -> None:
        if not _is_remote(linkpath):
            super()._link_checkpoint(trainer, filepath, linkpath)
            return
        if self._link == (filepath, linkpath, self._last_global_step_saved):
            return  # nothing has been saved since
        saves = trainer.strategy.checkpoint_io
        copied = trainer.is_global_zero and isinstance(saves, StreamingIO) and saves.copy_checkpoint(filepath, linkpath)
        if not trainer.strategy.broadcast(copied):  # all ranks take part in a save
            self._save_checkpoint(trainer, linkpath)
            self._last_checkpoint_saved = filepath
        trainer.strategy.barrier()
        self._link = filepath, linkpath, self._last_global_step_saved

    def _find_last_checkpoints(self, trainer: Any) -> set[str]:
        folder = self._ModelCheckpoint__resolve_ckpt_dir(trainer)
        if not _is_remote(folder):
            return super()._find_last_checkpoints(trainer)
        self._fs, _ = url_to_fs(folder)
        return {self._fs.unstrip_protocol(path) for path in super()._find_last_checkpoints(trainer)}

    def _should_remove_checkpoint(self, trainer: Any, previous: str, current: str) -> bool:
        if not _is_remote(previous):
            return super()._should_remove_checkpoint(trainer, previous, current)
        return _place(previous) != _place(current)  # _remove_checkpoint checks the rest, on every version

    def _remove_checkpoint(self, trainer: Any, filepath: str) -> None:
        if not _is_remote(filepath) or self._may_be_removed(trainer, filepath):
            super()._remove_checkpoint(trainer, filepath)

    def _may_be_removed(self, trainer: Any, path: str) -> bool:
        place, (scheme, folder) = _place(path), _place(self.dirpath)
        return place != _place(trainer.ckpt_path) and place[0] == scheme and place[1].startswith(f"{folder}/")
