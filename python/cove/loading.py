"""Messages where the package cannot be loaded, and the log line where s3fs is installed beside it."""

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

from cove import FILESYSTEMS

OLDEST_FSSPEC = (2024, 2, 0)  # pyproject.toml has the same
S3FS_BACK = 'fsspec.register_implementation("s3", s3fs.S3FileSystem, clobber=True)'
_HERE = Path(__file__).parent
_logged = False


class LoadError(ImportError):
    """An error that `explained` has raised."""


@contextmanager
def explained() -> Iterator[None]:
    """For imports: where one fails, or fsspec is too old, the ImportError names the cause and what to do, also when fsspec's registry makes the import."""
    try:
        version = tuple(map(int, re.findall(r"\d+", fsspec.__version__)[:3]))
        if version and version < OLDEST_FSSPEC:
            needed = ".".join(map(str, OLDEST_FSSPEC))
            raise ImportError(f"it needs fsspec {needed} or newer, and this is {fsspec.__version__}: pip install 'fsspec>={needed}'")
        yield
    except LoadError:
        raise
    except ImportError as error:
        why = f"cove cannot be loaded: {_cause(error)}. To have s3:// by s3fs instead: pip uninstall cove, or, in a program, {S3FS_BACK}"
        for scheme in FILESYSTEMS:
            if _is_ours(scheme):
                known_implementations[scheme]["err"] = why  # fsspec raises this in place of any ImportError
        raise LoadError(why) from error


def _cause(error: ImportError) -> str:
    said = str(error)
    if "cannot open shared object file" in said:
        return f"{said}. Install the package of that library, or a wheel of cove, which carries its own"
    if error.name not in ("cove", "_cove", "cove._cove"):
        return said
    python = f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor} on {platform.machine()}"
    there = sorted(path.name for path in _HERE.glob("_cove*.so"))
    if not there:
        return f"its extension _cove is not in {_HERE}. Install cove again with the pip of this Python ({python})"
    return f"{', '.join(there)} in {_HERE} is not for this Python ({python}): {said}. Install cove again with the pip of this Python"


def log_beside_s3fs() -> None:
    """Logs once in a process that cove serves s3:// though s3fs is installed, too."""
    global _logged
    if not _logged and is_installed("s3fs") and _is_ours("s3"):
        _logged = True
        logging.getLogger("cove").info("s3:// is served by cove; s3fs is installed, too. To have s3:// by s3fs: %s", S3FS_BACK)


@cache
def is_installed(package: str) -> bool:
    """Whether it can be imported. Tests of other programs put a stub without a spec in the place of a module."""
    try:
        return find_spec(package) is not None
    except ValueError:
        return True


def _is_ours(scheme: str) -> bool:
    """Whether fsspec uses cove for this scheme."""
    if scheme in registry:
        return registry[scheme].__module__.partition(".")[0] == "cove"
    return known_implementations.get(scheme, {}).get("class", "").startswith("cove.")
