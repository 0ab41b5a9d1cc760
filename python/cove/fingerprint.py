"""Compares the bytes that torch.save writes with those of an earlier save, which are not kept.

torch's version counter does not suffice to detect changes: it misses writes through `.data`, numpy arrays, storages and kernels.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import torch

from ._cove import block_sums

_KEY = os.urandom(1024)  # random, because fingerprints are compared within one process only
_SMALL = 4096  # bytes; a write of up to this size is hashed directly
_STEP = 1 << 20  # minimum bytes between two digests. A comparison ends at the first digest that differs.


class Fingerprint:
    """Digests of growing prefixes of a file, and of the whole file. Two different files have equal digests with a probability of 2^-64.

    SHA-256 of all bytes would take longer than the upload. So a large write is first reduced to a 64th of its size by `block_sums`.
    """

    def __init__(self) -> None:
        self._digests: list[bytes] = []
        self._hash = hashlib.sha256()
        self._left = _STEP

    def update(self, data: Any) -> bytes | None:
        """Adds data. Returns a digest if at least _STEP bytes have come since the last one."""
        size = len(data)
        self._hash.update(size.to_bytes(8, "little"))
        self._hash.update(data if size <= _SMALL else block_sums(_KEY, data))
        self._left -= size
        if self._left > 0:
            return None
        self._left = _STEP
        self._digests.append(self._hash.digest())
        return self._digests[-1]

    def is_of(self, checkpoint: Any) -> bool:
        """Whether torch.save would write these bytes for it."""
        file = _Comparison(self)
        try:
            torch.save(checkpoint, file)
        except Exception:  # at the first difference, or because the checkpoint cannot be saved: then its save reports that
            return False
        return file.is_equal()


class Recorded:
    """A file for torch.save that also updates a fingerprint of the bytes written."""

    def __init__(self, file: Any, fingerprint: Fingerprint) -> None:
        self._file, self._fingerprint = file, fingerprint

    def flush(self) -> None:
        self._file.flush()

    def write(self, data: Any) -> int:
        self._fingerprint.update(data)
        return self._file.write(data)


class _Different(Exception):
    pass


class _Comparison:
    """A file for torch.save that stores nothing and raises at the first difference."""

    def __init__(self, expected: Fingerprint) -> None:
        self._expected, self._found = expected, Fingerprint()

    def write(self, data: Any) -> int:
        digest, n = self._found.update(data), len(self._found._digests)
        if digest is not None and self._expected._digests[n - 1 : n] != [digest]:
            raise _Different
        return len(data)

    def flush(self) -> None:
        pass

    def is_equal(self) -> bool:
        return self._found._digests == self._expected._digests and self._found._hash.digest() == self._expected._hash.digest()
