"""docs/c-quick-start.md: its program builds without a warning, and prints what is on the page."""

import re
import subprocess

import pytest

import env

PAGE = (env.ROOT / "docs" / "c-quick-start.md").read_text()


@pytest.fixture(scope="module")
def quick(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick")
    (folder / "quick.c").write_text(re.search(r"```c\n(.*?)```", PAGE, re.S)[1])
    subprocess.run(
        [
            "cc",
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-pedantic",
            "-Werror",
            f"-I{env.ROOT / 'include'}",
            "quick.c",
            "-o",
            "quick",
            f"-L{build / 'src'}",
            "-lcove",
            f"-Wl,-rpath,{build / 'src'}",
        ],
        cwd=folder,
        check=True,
    )
    return folder / "quick"


def test_it_prints_what_the_page_says(quick):
    result = subprocess.run([quick, "memory://quick"], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == re.search(r"```text\n(.*?)```", PAGE, re.S)[1]


def test_it_leaves_no_file(quick, tmp_path):
    assert subprocess.run([quick, (tmp_path / "data").as_uri()], stdout=subprocess.DEVNULL).returncode == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_it_reports_a_failure(quick, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    result = subprocess.run([quick, (tmp_path / "file").as_uri()], capture_output=True, text=True)
    assert result.returncode == 1 and "COVE_ENOTDIR" in result.stderr
