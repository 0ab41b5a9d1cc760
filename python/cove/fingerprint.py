"""Compares the bytes that torch.save writes with those of an earlier save, without keeping these.

Nothing that tells of a change in another way is complete: torch's version counter misses writes through `.data`, numpy arrays, storages and kernels.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import torch

from ._cove import block_sums

_KEY = os.urandom(1024)  # fingerprints are compared within one process
_SMALL = 4096  # bytes that are hashed as they are
_STEP = 1 << 20  # bytes, at least, from one digest to the next: a difference ends a comparison early


class Fingerprint:
    """The digests of a file's beginnings, and of all of it. Different contents have equal digests with a probability of 2^-64, as if at random.

    SHA-256 of everything would take longer than the upload: large writes are summed up first, a 64th of their size.
    """

    def __init__(self) -> None:
        self._digests: list[bytes] = []
        self._hash = hashlib.sha256()
        self._left = _STEP

    def update(self, data: Any) -> bytes | None:
        """The digest, if another one is due."""
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
        except Exception:  # at the first difference; or by a checkpoint that cannot be saved, which its save will report
            return False
        return file.is_equal()


class Recorded:
    """A file for torch.save, of which it takes the fingerprint."""

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
    """A file for torch.save that keeps nothing and raises at the first difference."""

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
