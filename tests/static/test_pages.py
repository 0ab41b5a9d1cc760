"""Compares pages with their sources: figures with the results, variables with the code that reads them, links with their targets. Commands can be
pasted."""

import json
import re
import subprocess
import sys

import pytest

import env
from test_tree import tracked

REPORTS = ("bench/report", "bench/python/report", "bench/python/logs")


def report(name, *args):
    return subprocess.run([sys.executable, env.ROOT / name, *map(str, args)], capture_output=True, text=True)


@pytest.mark.parametrize("name", REPORTS)
def test_figures_are_those_of_the_results(name):
    result = report(name, "--check")
    assert result.returncode == 0, result.stderr


def test_the_check_of_figures_finds_a_difference(tmp_path):
    results = json.loads((env.ROOT / "bench/python/results.json").read_text())
    results["rows"]["scalars"]["counts"]["cove"]["requests"] += 1
    (tmp_path / "results.json").write_text(json.dumps(results))
    result = report("bench/python/report", "--check", "--results", tmp_path / "results.json")
    assert result.returncode == 1
    assert {str(env.ROOT / "README.md"), str(env.ROOT / "bench/python/README.md")} <= set(re.findall(r"/[^\s,]+", result.stderr))


# ---- variables

# What tests set for the programs they start, and what all programs read.
NOT_OURS = re.compile(
    r"(AWS|SOCKFAIL|FILEFAIL|MESON|ASAN|MINIO|PYENV)(_\w+)?|MEANWHILE|DESTDIR|LD_PRELOAD|SSL_CERT_FILE|STORAGE_EMULATOR_HOST|AZURE_STORAGE_CONNECTION_STRING|PYTHONPATH|GOTOOLCHAIN|HOME|PATH"
)
# What the library reads, and the tests' set-up for the demo.
ELSEWHERE = {"COVE_IO_THREADS", "COVE_TIMEOUT", "ROOT", "CKPT", "COVE_SERVER_COMMAND"}


def variables_read():
    """Variables of the environment that tests, benchmarks and tools read."""
    names = set()
    for path in tracked("tests/**", "tests/*", "bench/**", "tools/*"):
        if path.suffix in (".py", ".c", ".sh") or (not path.suffix and path.parent.name in ("bench", "python")):
            text = path.read_text(encoding="utf-8", errors="replace")
            names |= set(re.findall(r"(?:os\.environ(?:\.get\(|\[)|getenv\()[\"'](\w+)[\"']", text))
            names |= set(re.findall(r"\$\{([A-Z][A-Z_]+):?[-+]", text))
    return {name for name in names if not NOT_OURS.fullmatch(name)} - ELSEWHERE


def variables_described():
    part = (env.ROOT / "docs" / "testing.md").read_text().split("\n## Variables\n")[1].split("\n## ")[0]
    return {name for line in part.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_the_page_of_tests_names_every_variable():
    assert variables_described() == variables_read()


def test_the_cleaned_environment_keeps_the_variables_of_the_page():
    """The environment is cleaned before a test file is read."""
    names = variables_described() - {"COVE_CONTRACT_ROOT", "COVE_CONTRACT_SERVER"}  # of a program that is started as it is
    assert names - set(env.clean(dict.fromkeys(names, "1"))) == set()


# ---- what a reader follows: links, and commands to paste

PAGES = [path for path in tracked("*.md") if path.suffix == ".md"]


def anchors(text):
    """The names that GitHub gives to a page's headings."""
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in re.findall(r"^#+ (.*)$", text, flags=re.M)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(env.ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target.read_text()))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(env.ROOT)))
def test_text_behind_a_command_is_a_comment(page):
    """A line of a block without a language can be pasted into a shell."""
    blocks = re.findall(r"^```\n(.*?)^```$|^```.*?^```$", page.read_text(), flags=re.M | re.S)
    assert [line for block in blocks for line in block.splitlines() if re.search(r"\S {2,}[^#\s]", line)] == []
