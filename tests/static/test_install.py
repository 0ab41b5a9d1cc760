"""A program outside of this tree finds the installed library by pkg-config, shared and static."""

import os
import subprocess

import pytest

import env

PROGRAM = r"""
#include <cove/cove.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct cove_error err = COVE_ERROR_INIT;
    void *data = NULL;
    size_t size = 0;
    if (cove_write_url("memory://installed/x", "hello", 5, &err) < 0 ||
        cove_read_url("memory://installed/x", &data, &size, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    int same = size == 5 && memcmp(data, "hello", 5) == 0;
    cove_free(data);
    printf("%s\n", cove_version());
    return same ? 0 : 2;
}
"""


def run(command, **more):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def installed(build, tmp_path_factory):
    """The folder that stands for / after `meson install`, and pkg-config's view of it."""
    root = tmp_path_factory.mktemp("root")
    own = env.CACHE / "venv-meson" / "bin" / "meson"
    run([own if own.exists() else "meson", "install", "-C", build, "--no-rebuild", "--quiet"], env={**os.environ, "DESTDIR": str(root)})
    pc = next(root.rglob("cove.pc"))
    return root, {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(root)}


@pytest.mark.parametrize("language", ["c", "c++"])
@pytest.mark.parametrize("kind", ["shared", "static"])
def test_a_program_builds_and_runs(installed, tmp_path, language, kind):
    root, environ = installed
    (tmp_path / "program").write_text(PROGRAM)
    flags = run(["pkg-config", "--cflags", "cove"], env=environ).split()
    libs = run(["pkg-config", "--libs", "cove"], env=environ).split()
    library = next(root.rglob("libcove.so"))
    if kind == "static":
        # Ours alone is linked statically: what it needs in turn are shared libraries of the system.
        below = run(["pkg-config", "--print-requires-private", "cove"], env=environ).split("\n")
        below = [line.split()[0] for line in below if line]
        libs = [library.with_name("libcove.a"), *run(["pkg-config", "--libs", *below]).split(), "-pthread", "-lm"]
    compiler = "cc" if language == "c" else "c++"
    run([compiler, "-x", language, "-Wall", "-Wextra", "-Werror", *flags, tmp_path / "program", "-o", tmp_path / "run", "-x", "none", *libs])
    out = run([tmp_path / "run"], env={**os.environ, "LD_LIBRARY_PATH": str(library.parent)})
    version = run(["pkg-config", "--modversion", "cove"], env=environ)
    assert out == version
    needed = run(["readelf", "-d", tmp_path / "run"])
    assert ("libcove.so" in needed) == (kind == "shared")


def test_the_installed_command_finds_its_library(installed):
    root, environ = installed
    alone = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    program = next(p for p in root.rglob("cove") if p.parent.name == "bin")
    assert run([program, "--version"], env=alone).split()[1] == run(["pkg-config", "--modversion", "cove"], env=environ).strip()


def test_what_is_installed(installed):
    root, _ = installed
    names = {p.name for p in root.rglob("*") if not p.is_dir()}
    assert {h.name for h in (env.ROOT / "include" / "cove").glob("*.h")} <= names
    assert {"cove.pc", "libcove.a", "libcove.so", "libcove.so.0", "cove"} <= names
    assert {"cove.1", "cove-s3.7", "cove-gs.7", "cove-az.7", "cove.3", "cove_fs.3", "cove_fs_read_range.3"} <= names
    assert {p.parent.name for p in root.rglob("*.3")} == {"man3"}
    assert not [n for n in names if n.startswith("test_") or n.endswith("_test")]
