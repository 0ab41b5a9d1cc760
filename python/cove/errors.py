"""Exceptions raised by Python code. They have the classes and attributes of the library's: `code`, `http_status`, `store_code` and `retryable`."""

from __future__ import annotations

import errno

from cove._cove import CorruptData, InvalidArgument, PreconditionFailed

# For each code of the library: the errno, and the class (OSError: Python chooses a subclass by the errno).
_KINDS: dict[str, tuple[int, type[OSError]]] = {
    "COVE_EINVAL": (errno.EINVAL, InvalidArgument),
    "COVE_ENOTFOUND": (errno.ENOENT, OSError),
    "COVE_EEXIST": (errno.EEXIST, OSError),
    "COVE_EISDIR": (errno.EISDIR, OSError),
    "COVE_ENOTDIR": (errno.ENOTDIR, OSError),
    "COVE_ETIMEDOUT": (errno.ETIMEDOUT, OSError),
    "COVE_ECANCELED": (errno.EINTR, OSError),
    "COVE_EPRECONDITION": (errno.ESTALE, PreconditionFailed),
    "COVE_ECORRUPT": (errno.EILSEQ, CorruptData),
    "COVE_EIO": (errno.EIO, OSError),
}


def failure(code: str, message: str) -> OSError:
    """The exception to raise. `message` names the operation and the URL: "move s3://bucket/x: a directory is moved with recursive=True"."""
    number, kind = _KINDS[code]
    error = kind(number, message)
    error.code, error.http_status, error.store_code, error.retryable = code, 0, "", False  # type: ignore[attr-defined]
    return error
