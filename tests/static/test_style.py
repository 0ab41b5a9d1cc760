"""The form of the sources: clang-format's for C, ruff's checks for Python."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import env
from test_tree import tracked

CLANG_FORMAT = 14  # its versions differ in what they print; this is the one whose word counts


def test_c_sources_are_formatted():
    if not os.environ.get("CI"):
        pytest.skip("checked in continuous integration only (CI=1)")
    program = shutil.which(f"clang-format-{CLANG_FORMAT}") or shutil.which("clang-format")
    if program is None:
        pytest.skip("no clang-format")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if not re.search(rf"version {CLANG_FORMAT}\.", version):
        pytest.skip(f"the format is that of clang-format {CLANG_FORMAT}, here is: {version.strip()}")
    files = [str(p) for p in tracked("*.c", "*.h")]
    result = subprocess.run([program, "--dry-run", "-Werror", *files], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def ruff():
    """Its path: that of the tests' environment, or another one of the PATH."""
    beside = Path(sys.executable).parent / "ruff"
    return str(beside) if beside.exists() else shutil.which("ruff")


def test_python_sources_pass_the_checks():
    if ruff() is None:
        pytest.skip("no ruff: tools/setup.sh test installs it")
    files = [str(p) for p in tracked("*.py")]
    result = subprocess.run([ruff(), "check", "--no-cache", "--output-format=concise", *files], cwd=env.ROOT, capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stdout + result.stderr
