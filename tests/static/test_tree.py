"""Checks of the tree itself: headers, includes, symbols, formatting, scripts."""

import os
import re
import subprocess
import sys

import pytest

import check_includes
import env

HEADERS = sorted((env.ROOT / "include" / "cove").glob("*.h"))


def tracked(*patterns):
    """Files of the tree by pattern; what git does not know yet counts, what it ignores doesn't."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns], cwd=env.ROOT, capture_output=True, check=True
    )
    names = [os.fsdecode(n) for n in listing.stdout.split(b"\0") if n]
    return [env.ROOT / n for n in names if (env.ROOT / n).exists()]


@pytest.mark.parametrize("compiler", [["cc", "-x", "c", "-std=c11"], ["c++", "-x", "c++", "-std=c++11"]], ids=["C", "C++"])
@pytest.mark.parametrize("header", HEADERS, ids=lambda p: p.name)
def test_public_header_compiles_alone(header, compiler, tmp_path):
    source = tmp_path / "alone"
    # Twice: it must guard itself.
    source.write_text(f"#include <cove/{header.name}>\n#include <cove/{header.name}>\nint main(void);\n")
    result = subprocess.run(
        [*compiler, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", f"-I{env.ROOT / 'include'}", str(source)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


ARGUMENTS = {"COVE_LR_SCHEDULER_OPTIONS_INIT": "(COVE_LR_SCHEDULER_STEP)"}  # of a macro that takes something else than a number


def initialisers():
    """(macro with its arguments, struct) of each _INIT macro of the public headers."""
    found = []
    for header in HEADERS:
        for name, takes, struct in re.findall(r"#define (COVE_\w+_INIT)\b(\(\w+\))?[\s\\]*\{[\s\\]*(?:sizeof\((struct \w+)\))?", header.read_text()):
            found.append((name + (ARGUMENTS.get(name, "(0.1)") if takes else ""), struct or f"struct {name[:-5].lower()}"))
    return found


@pytest.mark.parametrize(
    "compiler",
    [
        ["cc", "-x", "c", "-std=c11"],
        ["cc", "-x", "c", "-std=c17"],
        ["c++", "-x", "c++", "-std=c++11"],
        ["c++", "-x", "c++", "-std=c++17"],
        ["c++", "-x", "c++", "-std=c++20"],
    ],
    ids=lambda c: c[-1][5:],
)
def test_initialisers_compile(compiler, tmp_path):
    # -Wextra has -Wmissing-field-initializers: a macro names every field of its struct.
    source = tmp_path / "initialisers"
    source.write_text(
        "#include <cove/cove.h>\n#include <cove/trainer.h>\n"
        + "".join(f"extern {struct} v{i};\n{struct} v{i} = {macro};\n" for i, (macro, struct) in enumerate(initialisers()))
    )
    result = subprocess.run(
        [*compiler, "-Wall", "-Wextra", "-pedantic-errors", "-Werror", "-fsyntax-only", f"-I{env.ROOT / 'include'}", str(source)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_structs_that_begin_with_their_size_have_an_initialiser():
    sized = {f"struct {name}" for header in HEADERS for name in re.findall(r"struct (\w+) \{\s*size_t size;", header.read_text())}
    assert len(sized) > 10 and sized - {struct for _, struct in initialisers()} == set()


def test_calls_that_take_a_struct_with_a_size_are_in_its_test():
    tested = (env.ROOT / "src" / "trainer" / "struct_sizes_test.c").read_text()
    structs = {struct for _, struct in initialisers()} - {"struct cove_error", "struct cove_result"}  # which calls fill in
    calls = set()
    for header in HEADERS:
        for name, arguments in re.findall(r"COVE_API [\w ]+?\**(cove_\w+)\(([^;]*)\)", header.read_text()):
            if any(re.search(rf"const {struct} \*", arguments) for struct in structs):
                calls.add(name)
    assert len(calls) > 50
    assert sorted(name for name in calls if not re.search(rf"\b{name}\(", tested)) == []


def test_public_headers_declare_everything_for_cxx():
    for header in HEADERS:
        text = header.read_text()
        if "COVE_API" in text and header.name != "export.h":
            assert text.count('extern "C" {') == 1, header


def test_includes_point_down():
    assert check_includes.problems(env.ROOT) == []


def test_the_check_of_includes_finds_violations(tmp_path):
    for name, text in {
        "src/base/x.c": '#include "net/http.h"\n',
        "src/fs/s3/x.c": '#include "fs/file/file.h"\n#include <curl/curl.h>\n',
        "cli/x.c": '#include "base/mem.h"\n',
        "include/cove/x.h": "#include <stdio.h>\n",
        "src/fs/object/a.c": "int cove__a(void)\n{\n    return cove__b();\n}\n",
        "src/fs/object/b.c": "int cove__b(void)\n{\n    return cove__a();\n}\n",
        "src/queue/a.c": "int *cove_queue_a(void)\n{\n    return cove__queue_b();\n}\n",
        "src/queue/b.c": "int *cove__queue_b(void)\n{\n    return cove__queue_c();\n}\n",
        "src/queue/c.c": "int *cove__queue_c(void)\n{\n    return cove_queue_a();\n}\n",
        # A table names a function and does not call it.
        "src/stream/a.c": "int cove__stream_a(void)\n{\n    return cove__stream_b();\n}\n",
        "src/stream/b.c": "struct slots slots = { cove__stream_a };\nint cove__stream_b(void)\n{\n    return 0;\n}\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = check_includes.problems(tmp_path)
    assert len(found) == 7 and "src/queue/a.c:1: calls in a circle: a.c, b.c, c.c" in found


def test_only_the_public_names_are_exported(build):
    library = build / "src" / "libcove.so"
    listing = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True)
    names = {line.split()[-1].split("@")[0] for line in listing.stdout.splitlines()}
    names -= {"COVE_0"}
    assert {n for n in names if not re.fullmatch(r"cove_[a-z][a-z0-9_]*", n)} == set()
    assert names, "nothing is exported"


def declared():
    text = "".join(h.read_text() for h in HEADERS)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"COVE_API[^;]*?\b(cove_[a-z0-9_]+)\s*\(", text))


def test_declared_and_exported_are_the_same(build):
    library = build / "src" / "libcove.so"
    listing = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True)
    exported = {line.split()[-1].split("@")[0] for line in listing.stdout.splitlines()} - {"COVE_0"}
    assert declared() - exported == set(), "declared in a public header, but not in the library"
    assert exported - declared() == set(), "in the library, but in no public header"


def test_the_static_library_defines_only_our_names(build):
    """A program that links libcove.a shares one name space with it."""
    listing = subprocess.run(["nm", "-g", "--defined-only", str(build / "src" / "libcove.a")], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in listing.stdout.splitlines() if len(line.split()) == 3}
    assert {n for n in names if not re.match(r"cove_", n)} == set()


def test_files_are_short():
    long = {str(p.relative_to(env.ROOT)): n for p in tracked("*.c", "*.h", "*.py", "*.sh") if (n := len(p.read_text(encoding="utf-8").splitlines())) >= 800}
    assert long == {}


SCRIPTS = [p for p in tracked("*.sh", ".ci/run", "tools/pre-commit", "tools/commit-msg") if p.read_text().startswith("#!")]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_shell_script_parses(script):
    assert os.access(script, os.X_OK), "a script with #! is executable"
    result = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_python_files_compile():
    for path in tracked("*.py"):
        compile(path.read_text(encoding="utf-8"), str(path), "exec")


def test_option_pages_match_the_option_tables(build):
    result = subprocess.run([str(env.ROOT / "tools" / "option_pages.py"), "--check", str(build / "cli" / "cove")], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_python_reference_matches_the_docstrings():
    result = subprocess.run([sys.executable, str(env.ROOT / "tools" / "api_page.py"), "--check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_make_help_names_every_command():
    text = subprocess.run(["make", "-s", "-C", str(env.ROOT)], capture_output=True, text=True, check=True).stdout
    for command in ("build", "wheel", "demo", "demo-s3", "check", "test", "fuzz", "bench", "clean"):
        assert f"make {command}" in text


def test_setup_finds_nothing_to_do():
    """The set-up that these tests ran under is complete: a second one changes nothing and prints nothing."""
    if "XDG_CACHE_HOME" not in os.environ and not (env.CACHE / "venv").exists():
        pytest.skip("not set up by tools/setup.sh")
    result = subprocess.run([str(env.ROOT / "tools" / "setup.sh"), "build"], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert sys.version_info >= (3, 9)


def test_the_table_of_error_codes_is_complete():
    declared = set(re.findall(r"^\s+(COVE_E[A-Z]+) = -", (env.ROOT / "include" / "cove" / "error.h").read_text(), re.M))
    page = (env.ROOT / "docs" / "filesystems.md").read_text()
    table = page[page.index("| code | meaning |") :].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert sorted(re.findall(r"COVE_E[A-Z]+", " ".join(rows))) == sorted(declared)
