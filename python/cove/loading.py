"""The error message if the package cannot be loaded, and the log line if another package for a scheme is installed as well."""

from __future__ import annotations

import logging
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import fsspec
from fsspec.registry import known_implementations, registry

from cove.schemes import FILESYSTEMS

OLDEST_FSSPEC = (2024, 2, 0)  # pyproject.toml has the same
_ARROW, _REST = ('fsspec.get_filesystem_class("arrow_hdfs")', "fsspec.implementations.webhdfs.WebHDFS")
# For the schemes of each store: the first of them, fsspec's usual package for it, and its class there.
_OTHERS = {
    "s3": ("s3", "s3fs", "s3fs.S3FileSystem"),
    "s3a": ("s3", "s3fs", "s3fs.S3FileSystem"),
    "gs": ("gs", "gcsfs", "gcsfs.GCSFileSystem"),
    "gcs": ("gs", "gcsfs", "gcsfs.GCSFileSystem"),
    "az": ("az", "adlfs", "adlfs.AzureBlobFileSystem"),
    "abfs": ("az", "adlfs", "adlfs.AzureBlobFileSystem"),
    "abfss": ("az", "adlfs", "adlfs.AzureBlobFileSystem"),
    "adl": ("az", "adlfs", "adlfs.AzureBlobFileSystem"),
    "hdfs": ("hdfs", "pyarrow", _ARROW),
    "viewfs": ("hdfs", "pyarrow", _ARROW),
    "webhdfs": ("webhdfs", "requests", _REST),
    "swebhdfs": ("webhdfs", "requests", _REST),
}
_HERE = Path(__file__).parent
_logged: set[str] = set()


class LoadError(ImportError):
    """The ImportError that `explained` raises."""


@contextmanager
def explained(scheme: str = "s3") -> Iterator[None]:
    """For imports: if one fails, or fsspec is too old, raises an ImportError that names the cause and what to do. fsspec's registry then raises it as well."""
    try:
        version = tuple(map(int, re.findall(r"\d+", fsspec.__version__)[:3]))
        if version and version < OLDEST_FSSPEC:
            needed = ".".join(map(str, OLDEST_FSSPEC))
            raise ImportError(f"it needs fsspec {needed} or newer, and this is {fsspec.__version__}: pip install 'fsspec>={needed}'")
        yield
    except LoadError:
        raise
    except ImportError as error:
        why = f"cove cannot be loaded: {_cause(error)}."
        for each in FILESYSTEMS:
            if _is_ours(each):
                known_implementations[each]["err"] = f"{why} {_way_back(each)}"  # fsspec raises this in place of any ImportError
        raise LoadError(f"{why} {_way_back(scheme)}") from error


def _cause(error: ImportError) -> str:
    message = str(error)
    if "cannot open shared object file" in message:
        return f"{message}. Install the package of that library, or a wheel of cove, which contains it"
    if error.name not in ("cove", "_cove", "cove._cove"):
        return message
    python = f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor} on {platform.machine()}"
    there = sorted(path.name for path in _HERE.glob("_cove*.so"))
    if not there:
        return f"its extension _cove is not in {_HERE}. Install cove again with the pip of this Python ({python})"
    return f"{', '.join(there)} in {_HERE} is not for this Python ({python}): {message}. Install cove again with the pip of this Python"


def _way_back(scheme: str) -> str:
    """How to have a scheme served by fsspec's usual package."""
    first, package, _ = _OTHERS[scheme.lower()]
    return f"To have {first}:// by {package} instead: pip uninstall cove, or, in a program, {_registration(first)}"


def _registration(scheme: str) -> str:
    return f'fsspec.register_implementation("{scheme}", {_OTHERS[scheme][2]}, clobber=True)'


def log_beside(scheme: str) -> None:
    """Logs once in a process that a scheme is served by cove, if fsspec's usual package for it is installed as well."""
    package = _OTHERS[scheme][1]
    if scheme not in _logged and is_installed(package) and _is_ours(scheme):
        _logged.add(scheme)
        logging.getLogger("cove").info(
            "%s:// is served by cove; %s is installed, too. To have %s:// by %s: %s", scheme, package, scheme, package, _registration(scheme)
        )


@cache
def is_installed(package: str) -> bool:
    """Whether a package can be imported. ValueError: tests of other programs replace modules by stubs without a spec."""
    try:
        return find_spec(package) is not None
    except ValueError:
        return True


def _is_ours(scheme: str) -> bool:
    """Whether fsspec uses cove for this scheme."""
    if scheme in registry:
        return registry[scheme].__module__.partition(".")[0] == "cove"
    return known_implementations.get(scheme, {}).get("class", "").startswith("cove.")
