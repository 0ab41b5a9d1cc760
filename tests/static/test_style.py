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


def clang_format():
    """The path of the version whose word counts; None: it is not there."""
    for name in (f"clang-format-{CLANG_FORMAT}", "clang-format"):
        program = shutil.which(name)
        if program and f"version {CLANG_FORMAT}." in subprocess.run([program, "--version"], capture_output=True, text=True).stdout:
            return program
    return None


def test_c_sources_are_formatted():
    if not os.environ.get("CI"):
        pytest.skip("checked in continuous integration only (CI=1)")
    if clang_format() is None:
        pytest.skip(f"no clang-format {CLANG_FORMAT}")
    files = [str(p) for p in tracked("*.c", "*.h")]
    result = subprocess.run([clang_format(), "--dry-run", "-Werror", *files], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# A comment, a string or a character; what is left of a file is code.
NOT_CODE = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
COMPARISON = re.compile(r"[!=]=\s*NULL\b|\bNULL\s*[!=]=")


def null_comparisons(text):
    """The numbers of the lines that compare a pointer with NULL."""
    code = NOT_CODE.sub(lambda m: "\n" * m[0].count("\n") or " ", text)
    return [code.count("\n", 0, m.start()) + 1 for m in COMPARISON.finditer(code)]


@pytest.mark.parametrize(
    "text, lines",
    [
        ("if (!p || p->next)\n    p = NULL;\n", []),
        ("/* p == NULL\n */ // q != NULL\n", []),
        ('log("p == NULL \\" q", \'"\'); /* == NULL */\n', []),
        ("\nif (p == NULL)\n", [2]),
        ("/* a\n b */ c = '\"'; p!=NULL; // \"\nNULL == q;\n", [2, 3]),
        ("p ==\n    NULL;\n", [1]),
    ],
)
def test_comparisons_with_null_are_found(text, lines):
    assert null_comparisons(text) == lines


def test_c_sources_have_one_null_style():
    """A pointer is tested as `p` or `!p`."""
    found = [f"{p.relative_to(env.ROOT)}:{line}" for p in tracked("*.c", "*.h") for line in null_comparisons(p.read_text())]
    assert found == []


def ruff():
    """Its path: that of the tests' environment, or another one of the PATH."""
    beside = Path(sys.executable).parent / "ruff"
    return str(beside) if beside.exists() else shutil.which("ruff")


def test_python_sources_pass_the_checks():
    if ruff() is None:
        pytest.skip("no ruff: tools/setup.sh test installs it")
    files = [str(p) for p in tracked("*.py")]
    result = subprocess.run([ruff(), "check", "--no-cache", "--output-format=concise", *files], cwd=env.ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_python_sources_have_the_layout():
    if ruff() is None:
        pytest.skip("no ruff: tools/setup.sh test installs it")
    files = [str(p) for p in tracked("*.py")]
    result = subprocess.run([ruff(), "format", "--check", "--force-exclude", "--no-cache", *files], cwd=env.ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


# ---- the hooks of git (tools/pre-commit, tools/commit-msg)


@pytest.fixture
def repository(tmp_path):
    """A repository that has what the hooks use."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name in ("tools/pre-commit", "tools/commit-msg", "tools/lib.sh", "tests/check_prose.py", "pyproject.toml", ".clang-format"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(env.ROOT / name, tmp_path / name)
    return tmp_path


def hook(repository, name, *args):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run([f"tools/{name}", *args], cwd=repository, env={**os.environ, "PATH": path}, capture_output=True, text=True)


@pytest.mark.parametrize(
    "name, good, bad, needs",
    [
        ("a.c", "int a;\n", "int  a ;\n", "clang-format"),
        ("a.h", "int a;\n", "int  a ;\n", "clang-format"),
        ("a.py", "import os\n\nprint(os)\n", "import os\n", "ruff"),
        ("b.py", 'a = "b"\n', "a='b'\n", "ruff"),
        ("a.md", "Short.\n", f"{'word ' * 21}\n", "git"),
        ("ä.c", "int a;\n", "int  a ;\n", "clang-format"),
        ("-i.c", "int a;\n", "int  a ;\n", "clang-format"),
        ("a ä.md", "Short.\n", f"{'word ' * 21}\n", "git"),
    ],
)
def test_what_is_staged_is_checked(repository, name, good, bad, needs):
    if (needs == "ruff" and ruff() is None) or (needs == "clang-format" and clang_format() is None):
        pytest.skip(f"no {needs}")
    for text, passes in ((good, True), (bad, False)):
        (repository / name).write_text(text)
        subprocess.run(["git", "add", "--", name], cwd=repository, check=True)
        result = hook(repository, "pre-commit")
        assert (result.returncode == 0) == passes, result.stderr


def test_links_and_unusual_names_are_handled(repository):
    (repository / "link.md").symlink_to("/etc/hostname")
    Path(os.fsdecode(os.fsencode(repository) + b"/not\xff.md")).write_text("Short.\n")
    subprocess.run(["git", "add", "link.md"], cwd=repository, check=True)
    result = hook(repository, "pre-commit")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "message, passes",
    [
        ("Read the last page once\n\nIt was read twice.\n", True),
        ("Read the last page once\n", False),
        ("Read the last page once\n\n# ---------- >8 ----------\ndiff --git a/x b/x\n\n+x\n", False),
        ("Read the last page once\nIt was read twice.\n", False),
        ("Read the last page once.\n\nIt was read twice.\n", False),
        (f"{'Read ' * 15}\n\nIt was read twice.\n", False),
    ],
)
def test_a_message_is_checked(repository, message, passes):
    (repository / "message").write_text(message)
    assert (hook(repository, "commit-msg", "message").returncode == 0) == passes
