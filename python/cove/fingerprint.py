"""Compares two checkpoints, saved one directly after the other, without reading the memory of large tensors.

Everything except tensors is pickled and compared by its digest. A large tensor is equal if it has the same memory and torch's version counter has not changed. A
small one is compared by value. What cannot be compared counts as different.
"""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

_BY_VALUE = 1024  # bytes; callbacks make new tensors for their scores at each checkpoint


class Fingerprint:
    """The content of a checkpoint at this moment. It does not keep tensors alive."""

    def __init__(self, checkpoint: Any) -> None:
        self._digest: bytes | None = None
        self._tensors: list[tuple] = []
        digest = hashlib.sha256()
        try:
            _Pickler(digest, self._tensors).dump(checkpoint)
        except Exception:  # an object that cannot be pickled, which torch.save will report; or a tensor that cannot be compared
            return
        self._digest = digest.digest()

    def matches(self, other: Fingerprint) -> bool:
        return self._digest is not None and self._digest == other._digest and self._tensors == other._tensors


class _Pickler(pickle.Pickler):
    def __init__(self, digest: Any, tensors: list[tuple]) -> None:
        super().__init__(_Sink(digest), pickle.HIGHEST_PROTOCOL)
        self._tensors = tensors

    def persistent_id(self, value: Any) -> Any:
        if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.layout != torch.strided or value.is_quantized or value.is_nested:
            return None
        if value.__dict__:
            raise pickle.PicklingError("a tensor with attributes")
        self._tensors.append((
            type(value), value.dtype, value.device, value.shape, value.stride(), value.storage_offset(), value.requires_grad, value.is_conj(),
            value.is_neg(), *_content(value),
        ))  # fmt: skip
        return len(self._tensors)


class _Sink:
    def __init__(self, digest: Any) -> None:
        self.write = digest.update


def _content(value: torch.Tensor) -> tuple:
    storage = value.untyped_storage()
    if not value.is_meta and storage.nbytes() <= _BY_VALUE:
        flat = torch.empty(0, dtype=torch.uint8, device=value.device).set_(storage)
        return (bytes(flat.tolist()),)
    # A weak reference keeps another storage from getting this address. _version raises for an inference-mode tensor, which has no version counter.
    return StorageWeakRef(storage), storage.nbytes(), storage.data_ptr(), value._version
