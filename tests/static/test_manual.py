"""The manual: mandoc reports nothing, and every call has a page."""

import re
import subprocess

import pytest

import env

MAN = env.ROOT / "docs" / "man"

# What stands around the example of a page.
AROUND = {
    "cove_fs": "",
    "cove_error": "enum { TRY_LATER, GIVE_UP };",
    "cove_options": "struct cove_error err = COVE_ERROR_INIT;",
    "cove_stream": "cove_fs *fs = 0; struct cove_error err = COVE_ERROR_INIT; char block[10]; size_t n;",
    "cove_queue": "cove_fs *fs = 0; struct cove_error err = COVE_ERROR_INIT; size_t n = 1; const char *paths[1]; int samples[1];",
    "cove_checkpoint": "cove_fs *fs = 0; struct cove_error err = COVE_ERROR_INIT;",
    "cove_events": "cove_fs *fs = 0; struct cove_error err = COVE_ERROR_INIT; int64_t steps = 1;",
}
BEFORE = """#include <stdio.h>
#include <cove/cove.h>
size_t next_block(char *block);
void use(void *user, void *data, int64_t count);
double train(int64_t step);
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every page by its file's name, as they are installed."""
    folder = tmp_path_factory.mktemp("man")
    subprocess.run([env.ROOT / "tools" / "man_pages.py", folder], check=True)
    made = {p.name: p.read_text() for p in (folder / "man3").iterdir()}
    return {**made, **{p.name: p.read_text() for section in "17" for p in MAN.glob(f"*.{section}")}}


def whole(pages):
    return {name: text for name, text in pages.items() if not text.startswith(".so ")}


def calls():
    """{name: (header, result, arguments)} of all that the public headers declare."""
    found = {}
    for header in (env.ROOT / "include" / "cove").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        for result, name, arguments in re.findall(r"COVE_API\s+([^;]*?)\b(cove_\w+)\s*\(([^;]*)\);", text):
            assert name not in found, name
            found[name] = (header.name, *(re.sub(r"\s+", " ", part).strip() for part in (result, arguments)))
    return found


def test_mandoc_finds_nothing(pages, tmp_path):
    for name, text in sorted(whole(pages).items()):
        (tmp_path / name).write_text(text)
        result = subprocess.run(["mandoc", "-Tlint", tmp_path / name], capture_output=True, text=True)
        # Our own pages are not where it looks for those that are referred to: the next test does.
        messages = [line for line in (result.stdout + result.stderr).splitlines() if "referenced manual not found" not in line and "mandoc.db" not in line]
        assert messages == []


def test_references_lead_somewhere(pages):
    for name, text in whole(pages).items():
        for page, section in re.findall(r"^\.(?:It )?Xr (\S+) (\d)", text, flags=re.M):
            assert f"{page}.{section}" in pages or page in ("fork", "nohup"), f"{name} refers to {page}({section})"
    for name, text in pages.items():
        if text.startswith(".so "):
            assert text.split("/")[1].strip() in whole(pages), f"{name} is no other name of a page"


def test_every_call_is_in_one_synopsis(pages):
    declared = calls()
    seen = {}
    for page, text in whole(pages).items():
        for result, name, body in re.findall(r"^\.Ft (.*)\n\.Fo (\w+)\n((?:\.Fa .*\n)*)\.Fc$", text, flags=re.M):
            assert name not in seen, f"{name} is in {seen[name]} and in {page}"
            seen[name] = page
            header, wanted, arguments = declared[name]
            assert f".In cove/{header}\n" in text, name
            given = ", ".join(re.findall(r'^\.Fa "(.*)"$', body, flags=re.M))
            assert (result.replace(" ", ""), given) == (wanted.replace(" ", ""), arguments), name
    assert set(declared) == set(seen)


def test_every_call_and_type_has_a_description(pages):
    text = "".join(whole(pages).values())
    for name in calls():
        assert f"\n.It Fn {name}" in text, name
        assert f"{name}.3" in pages, f"man {name} finds nothing"


def test_examples_compile(pages, tmp_path):
    text = BEFORE
    for name, around in AROUND.items():
        code = re.search(r"\.Sh EXAMPLES.*?\n\.Bd[^\n]*\n(.*?)\.Ed", pages[f"{name}.3"], flags=re.S)[1].replace("\\e", "\\")
        text += f"int show_{name}(void);\nint show_{name}(void)\n{{\n{around}\n{code}\nreturn 0;\n}}\n"
    (tmp_path / "examples.c").write_text(text)
    result = subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", f"-I{env.ROOT / 'include'}", "-fsyntax-only", tmp_path / "examples.c"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


# ---- the command's page and docs/cli.md, against the tables of options that --help prints


COMMON = "-o, --option NAME=VALUE"  # the first option of every verb, behind its own


def command(build, *args):
    return subprocess.run([build / "cli" / "cove", *args], capture_output=True, text=True, check=True).stdout


def options(text):
    """Each option's names, as --help lists them: ["-r", "--recursive"], ["--json"]."""
    return [re.findall(r"--?[\w-]+", line[:8] + line[8:].split(" ")[0]) for line in text.splitlines() if re.match(r"  [ -]", line)]


def tables(build):
    """{verb: (usage, its options)}, and the options of all verbs."""
    verbs = re.findall(r"^  (\w+)  ", command(build, "--help"), flags=re.M)
    found, common = {}, None
    for verb in verbs:
        text = command(build, verb, "--help")
        own, shared = text.split("\nOptions:\n")[1].split("\nExamples:\n")[0].split(f"  {COMMON}", 1)
        common = options(f"  {COMMON}{shared}")
        found[verb] = (text.splitlines()[0], options(own))
    assert sum(len(own) for _, own in found.values()) > 20 and len(common) == 6
    return found, common


def manual_flags(text):
    """What .Fl and Fl name in a part of a manual page."""
    return {f"-{name}" for name in re.findall(r"\bFl ((?:-?[\w-]+)(?: , -[\w-]+)?)", text) for name in name.split(" , ")}


def test_the_page_of_the_command_has_every_verb_and_option(build):
    page, found = (MAN / "cove.1").read_text().split(".Ss Verbs\n"), tables(build)
    assert {name for names in found[1] for name in names} == manual_flags(page[0].split(".Ss Options of all verbs")[1])
    items = {part.split()[0]: part for part in page[1].split(".Sh ")[0].split("\n.It Cm ")[1:]}
    assert set(items) == set(found[0])
    for verb, (_, own) in found[0].items():
        head = manual_flags(items[verb].splitlines()[0])
        assert all(head & set(names) for names in own), (verb, own, head)
        assert not head - {name for names in own for name in names}, (verb, head)
        assert not {name for names in own for name in names} - manual_flags(items[verb]), verb


def test_the_page_of_documents_has_every_verb_and_option(build):
    page, (found, common) = (env.ROOT / "docs" / "cli.md").read_text(), tables(build)
    assert not {name for names in common for name in names} - set(re.findall(r"--?[\w-]+", page.split("## Verbs")[0]))
    for verb, (_, own) in found.items():
        text = page.split(f"\n### {verb}\n")[1].split("\n### ")[0]
        assert not {name for names in own for name in names} - set(re.findall(r"--?[\w-]+", text)), verb


def test_the_usage_has_every_option(build):
    for usage, own in tables(build)[0].values():
        assert all(set(names) & set(re.findall(r"(?<=[\[|])--?[\w-]+", usage)) for names in own), usage
        page = (env.ROOT / "docs" / "cli.md").read_text()
        assert f"`{usage.removeprefix('Usage: ')}`" in page, usage
