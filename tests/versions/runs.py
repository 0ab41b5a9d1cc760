"""The tests that run on other versions of Python and packages than those of the tests' environment.

A version is a list of packages, NAME.txt, here or in soak/. tools/setup.sh puts it into the user's cache as versions/NAME: an overlay on the
tests' environment (`pip install --no-deps --target`), or, where NAME is python-X.Y, an environment of that Python. `make test` runs those
here, `make soak` (tests/run.py --versions) also those in soak/.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import env

HERE = Path(__file__).resolve().parent
PLACE = env.CACHE / "versions"


@dataclass(frozen=True)
class Run:
    name: str  # of the list
    tests: tuple[str, ...]  # pytest's arguments

    @property
    def soak(self):
        return (HERE / "soak" / f"{self.name}.txt").exists()

    @property
    def folder(self):
        return PLACE / self.name

    @property
    def missing(self):
        """Why it cannot run here; "" where it can."""
        if (self.folder / "requirements.txt").exists():
            return ""
        if self.name.startswith("python-"):
            return f"no {self.name.replace('-', '')} on this machine when tools/setup.sh ran"
        return f"{self.folder} is not there: tools/setup.sh {'soak' if self.soak else 'test'} makes it, where this Python has its packages"

    @property
    def python(self):
        return str(self.folder / "bin" / "python") if self.name.startswith("python-") else sys.executable

    @property
    def environ(self):
        return {} if self.name.startswith("python-") else {"COVE_TEST_OVERLAY": str(self.folder), "PYTHONPATH": str(self.folder)}


def python(*names):
    return tuple(f"tests/python/test_{name}.py" for name in names)


# What depends on fsspec.
FSSPEC = python("abstract", "async", "fsspec", "loading", "names", "patterns", "transactions", "transfers")
# What depends on Python's byte code, threads and event loop, and a little of the rest.
PYTHON = python("async", "closing", "loading", "patterns", "unwinding")
LIGHTNING = python("lightning_versions")

RUNS = (
    Run("fsspec-2024.2", FSSPEC),
    Run("fsspec-2025.3", python("abstract", "fsspec", "transactions")),
    Run("python-3.10", PYTHON),
    Run("python-3.13", PYTHON),
    Run("lightning-2.0", LIGHTNING),
    Run("lightning-2.4", LIGHTNING),
    # make soak
    Run("fsspec-2024.10", FSSPEC),
    Run("fsspec-2025.9", FSSPEC),
    Run("fsspec-2026.2", FSSPEC),
    Run("python-3.12", PYTHON),
    Run("lightning-1.9", LIGHTNING),
    Run("lightning-2.1", LIGHTNING),
    Run("lightning-2.2", LIGHTNING),
    Run("lightning-2.3", LIGHTNING),
    Run("lightning-2.5", LIGHTNING),
    Run("tensorboard-2.10", python("tensorboard")),
    Run("torch-2.1", python("checkpoint_files", "closing", "lightning_versions")),
)
