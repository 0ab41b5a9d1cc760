"""The package's type hints, checked by mypy and by Pyright (basedpyright, which brings its own node)."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import env

PROGRAMS = [Path(__file__).with_name(name) for name in ("typed_program.py", "mistyped_program.py")]


def mypy(folder, *args):
    if find_spec("mypy") is None:
        pytest.skip("no mypy: tools/setup.sh test installs it")
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", folder / "cache", "--no-error-summary", *args],
        env={**os.environ, "MYPYPATH": str(env.build_dir() / "python")},
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert result.stderr == ""
    return result.stdout


def mypy_finds(folder):
    """{program: {line: message}} of the errors that the checkers find in programs that use the package."""
    (folder / "mypy.ini").write_text("[mypy]\nstrict = True\n")
    output = mypy(folder, *PROGRAMS)
    return {p.name: {int(m[1]): m[2] for m in re.finditer(rf"^{re.escape(str(p))}:(\d+): error: (.*)$", output, re.M)} for p in PROGRAMS}


def pyright_finds(folder):
    if find_spec("basedpyright") is None:
        pytest.skip("no basedpyright: tools/setup.sh test installs it")
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(env.build_dir() / "python")], "include": [str(p) for p in PROGRAMS]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    result = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--outputjson", "-p", "."], capture_output=True, text=True, cwd=folder
    )
    report = json.loads(result.stdout)
    assert report["summary"]["filesAnalyzed"] == len(PROGRAMS), report
    found = {p.name: {} for p in PROGRAMS}
    for d in report["generalDiagnostics"]:
        if d["severity"] == "error":
            found[Path(d["file"]).name][d["range"]["start"]["line"] + 1] = d["message"]
    return found


@pytest.mark.parametrize("finds", [mypy_finds, pyright_finds], ids=["mypy", "pyright"])
def test_a_program_that_is_right_passes_and_mistakes_are_found(finds, tmp_path):
    found = finds(tmp_path)
    assert found["typed_program.py"] == {}
    lines = PROGRAMS[1].read_text().splitlines()
    assert set(found["mistyped_program.py"]) == {i for i, text in enumerate(lines, 1) if text.endswith("# mistake")}, found


def test_the_package_itself(tmp_path):
    assert mypy(tmp_path, "--config-file", env.ROOT / "pyproject.toml", "-p", "cove") == ""
