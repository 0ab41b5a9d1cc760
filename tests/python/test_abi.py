"""One extension file works with every Python from 3.10 on. It exports one symbol, and contains the library."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from cove import _cove

# Of Python's, what is used and has not been in the stable ABI of 3.10 by name: python/src/buffer.h has the reason.
DECLARED_BY_US = {"PyBuffer_Release"}


def symbols(*options):
    listing = subprocess.run(["nm", "-D", *options, _cove.__file__], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in listing.splitlines()}


def test_the_file_name_contains_abi3():
    assert Path(_cove.__file__).name == "_cove.abi3.so"


def test_only_the_init_function_is_exported():
    assert symbols("--defined-only") == {"PyInit__cove"}


def test_the_library_is_inside():
    needed = subprocess.run(["readelf", "-d", _cove.__file__], capture_output=True, text=True, check=True).stdout
    assert "libcove" not in needed and "libpython" not in needed


def test_only_the_stable_abi_is_used():
    """Held against Python's own list, of the standard library's headers: what is declared with Py_LIMITED_API of 3.10."""
    import sysconfig

    include = Path(sysconfig.get_path("include"))
    if not (include / "Python.h").exists():
        pytest.skip("this Python has no headers")
    used = {name for name in symbols("--undefined-only") if re.match(r"_?Py", name)}
    assert used, "nm saw nothing"
    source = "#define PY_SSIZE_T_CLEAN\n#define Py_LIMITED_API 0x030A0000\n#include <Python.h>\n"
    declared = subprocess.run(["cc", "-E", f"-I{include}", "-x", "c", "-"], input=source, capture_output=True, text=True, check=True).stdout
    there = set(re.findall(r"\b_?Py\w+\b", declared))
    # Up to 3.12 PY_SSIZE_T_CLEAN gives some of them another name, which later ones keep too.
    plain = [{re.sub(r"^_(\w+)_SizeT$", r"\1", name) for name in names} for names in (used, there)]
    assert plain[0] - plain[1] == DECLARED_BY_US


def test_the_hints_parse():
    ast.parse(Path(_cove.__file__).with_name("_cove.pyi").read_text())
    assert Path(_cove.__file__).with_name("py.typed").exists()
