"""Each combination of features builds, links and runs. An `auto` feature with a missing library is disabled; for an `enabled` one, meson names the library."""

import json
import os
import re
import subprocess
import sys

import pytest

import env
from toy.server import Toy

STORES = ("s3", "gcs", "azure", "webhdfs", "hdfs")  # the features of stores: none, each alone, and all of them are built
SCHEMES = {"s3": "s3", "gcs": "gcs", "azure": "az", "webhdfs": "webhdfs", "hdfs": "hdfs"}
OTHERS = ("examples", "tests", "python")  # what is built beside the library: all of it, or none
MISSING = {"libcurl": "libcurl4-openssl-dev", "expat": "libexpat1-dev"}  # a library of a store, by its pkg-config name, and Debian's package


def meson():
    own = env.CACHE / "venv-meson" / "bin" / "meson"
    return str(own) if own.exists() else "meson"


def call(*command, **more):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)


def options(stores, others):
    """Options of Meson that enable just these features."""
    return [f"-D{name}={'enabled' if name in on else 'disabled'}" for names, on in ((STORES, stores), (OTHERS, others)) for name in names]


def configured(folder, *arguments, environ=os.environ):
    return call(meson(), "setup", folder, "--buildtype=plain", "-Dwerror=true", *arguments, cwd=env.ROOT, env=environ)


def built(folder, *arguments, targets=()):
    for step in (configured(folder, *arguments), call("ninja", "-C", folder, *targets)):
        assert step.returncode == 0, step.stdout[-4000:]
    return folder


def tried(folder, url):
    """The command of a build, with the stores that it has."""
    ended = call(folder / "cli" / "cove", "fs")
    assert ended.returncode == 0, ended.stdout
    have = dict(re.findall(r"^(\S+) +\S+ +(yes|no) ", ended.stdout, re.M))
    source, target = folder / "source", folder / "target"
    source.write_text("bytes")
    assert call(folder / "cli" / "cove", "cp", source, target).returncode == 0
    assert target.read_text() == "bytes"
    return {store: have[SCHEMES[store]] == "yes" for store in STORES}, call(folder / "cli" / "cove", "ls", url)


@pytest.mark.parametrize("stores", [(), *((store,) for store in STORES), STORES], ids="+".join)
def test_each_combination_of_stores_builds_alone(tmp_path, stores):
    folder = built(tmp_path / "build", *options(stores, ()))
    have, ended = tried(folder, "s3://no_bucket/x")
    assert have == {store: store in stores for store in STORES}
    if "s3" not in stores:
        assert ended.returncode != 0 and "this build of cove has no s3 backend" in ended.stdout, ended.stdout


def test_a_build_without_stores_passes_its_tests(tmp_path):
    folder = built(tmp_path / "build", *options((), [name for name in OTHERS if name != "examples"]))
    result = call(meson(), "test", "-C", folder, "--suite", "unit", "--no-rebuild", "--quiet", "--print-errorlogs", "--timeout-multiplier", "4")
    assert result.returncode == 0, result.stdout[-4000:]
    program = "import cove; print([name for name, _, _, there in cove.known_implementations() if there])"
    ended = call(sys.executable, "-c", program, env={**os.environ, "PYTHONPATH": str(folder / "python")})
    assert ended.stdout == "['file', 'memory']\n"


def test_the_engine_of_object_stores_builds_without_s3(tmp_path):
    """It belongs to every object store: the toy store's backend runs on it."""
    program = built(tmp_path / "build", "-Dobject_stores=true", *options((), ["tests"]), targets=["tests/toy/contract_toy"]) / "tests" / "toy" / "contract_toy"
    with Toy(buckets=("contract",)) as server:
        environ = {**os.environ, **server.environ, "COVE_CONTRACT_ROOT": "toy://contract/toy"}
        ended = call(program, "removals_of_what_was_seen", env=environ)
    assert ended.returncode == 0 and "1 test(s) run" in ended.stdout, ended.stdout[-2000:]


@pytest.mark.parametrize("package", MISSING)
@pytest.mark.parametrize("wanted", ["auto", "enabled"])
def test_a_missing_library(tmp_path, package, wanted):
    """pkg-config finds every package but one, and cmake finds none."""
    hide = tmp_path / "bin"
    hide.mkdir()
    real = subprocess.run(["sh", "-c", "command -v pkg-config"], capture_output=True, text=True, check=True).stdout.strip()
    (hide / "pkg-config").write_text(f'#!/bin/sh\nfor a; do [ "$a" != {package} ] || exit 1; done\nexec {real} "$@"\n')
    (hide / "cmake").write_text("#!/bin/sh\nexit 1\n")
    for program in hide.iterdir():
        program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{hide}:{os.environ['PATH']}", "PKG_CONFIG": str(hide / "pkg-config")}
    folder = tmp_path / "build"
    result = configured(folder, f"-Ds3={wanted}", *options((), ())[1:], environ=environ)
    if wanted == "enabled":
        assert result.returncode != 0 and MISSING[package] in result.stdout, result.stdout[-2000:]
        return
    assert result.returncode == 0, result.stdout[-2000:]
    sources = {
        name
        for target in json.loads(call(meson(), "introspect", "--targets", folder).stdout)
        for group in target["target_sources"]
        for name in group.get("sources", ())
    }
    assert sources and not [name for name in sources if "/fs/s3/" in name]
