"""`pip install .`: the files that it installs, and its messages if something is missing."""

import os
import shutil
import subprocess
import sys
from email.parser import Parser

import pytest

import env
from versions.runs import RUNS

MESON = env.CACHE / "venv-meson" / "bin" / "meson"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An empty environment with the package alone in it."""
    venv = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    result = subprocess.run([venv / "bin" / "pip", "install", "--disable-pip-version-check", "--no-deps", env.ROOT], capture_output=True, text=True, cwd=venv)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return venv


def test_only_the_package_is_installed(installed):
    site = next(installed.glob("lib/python*/site-packages"))
    info = next(site.glob("cove-*.dist-info"))
    files = {line.split(",")[0] for line in (info / "RECORD").read_text().splitlines()}
    ours = {f for f in files if not f.startswith(info.name) and "__pycache__" not in f}
    there = {f"cove/{p.name}" for p in (env.ROOT / "python" / "cove").iterdir() if p.suffix in (".py", ".pyi", ".typed")}
    assert ours == there | {"cove/_cove.abi3.so", "cove/cove", "../../../bin/cove"}
    metadata = Parser().parsestr((info / "METADATA").read_text())
    assert metadata["Requires-Python"] == ">=3.10" and metadata.get_all("Requires-Dist") == ["fsspec>=2024.2.0"]
    assert "abi3" in (info / "WHEEL").read_text()
    entries = (info / "entry_points.txt").read_text()
    assert "[fsspec.specs]" in entries and "s3 = cove.s3:S3FileSystem" in entries and "s3a = cove.s3:S3FileSystem" in entries


def test_the_installed_package_works(installed, minio):
    code = """if True:
        import sys
        from cove import _cove
        for url in sys.argv[1:]:
            _cove.Filesystem(url).write_file(url, b"hello")
            assert _cove.Filesystem(url).read_file(url) == b"hello" or url.startswith("memory:")
        print(_cove.__file__)
    """
    result = subprocess.run(
        [installed / "bin" / "python", "-c", code, "memory://x/y", "s3://cove/installed"],
        env={**os.environ, **minio.environ},
        capture_output=True,
        text=True,
        cwd=installed,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(str(installed))


def test_the_installed_package_works_with_the_oldest_fsspec(installed, minio):
    """By the entry points that pip has written, in an environment that has nothing else."""
    oldest = next(run for run in RUNS if run.name == "fsspec-2024.2")
    if oldest.missing:
        pytest.skip(oldest.missing)
    code = """if True:
        import fsspec
        fs = fsspec.filesystem("s3")
        fs.pipe({"cove/oldest/a/x": b"1", "cove/oldest/a/b/y": b"22"})
        assert fs.find("cove/oldest") == ["cove/oldest/a/b/y", "cove/oldest/a/x"] and fs.glob("cove/oldest/**/y") == ["cove/oldest/a/b/y"]
        fs.get("cove/oldest/a", "got/", recursive=True)
        fs.put("got/a", "cove/oldest/put/", recursive=True)
        with fsspec.open("s3://cove/oldest/put/a/b/y", "rb") as file:
            assert file.read() == b"22"
        fs.rm("cove/oldest", recursive=True)
        print(fsspec.__version__, type(fs))
    """
    result = subprocess.run(
        [installed / "bin" / "python", "-c", code],
        env={**os.environ, **minio.environ, "PYTHONPATH": str(oldest.folder)},
        capture_output=True,
        text=True,
        cwd=installed,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "2024.2.0 <class 'cove.s3.S3FileSystem'>\n"


def test_the_installed_command_works(installed, minio, tmp_path):
    environ = {**os.environ, **minio.environ}
    for i, command in enumerate(([installed / "bin" / "cove"], [installed / "bin" / "python", "-m", "cove"])):
        subprocess.run([*command, "cp", "-q", "-", f"s3://cove/installed-{i}"], input=b"hello", env=environ, cwd=tmp_path, check=True)
        result = subprocess.run([*command, "cat", f"s3://cove/installed-{i}"], env=environ, cwd=tmp_path, capture_output=True)
        assert (result.returncode, result.stdout, result.stderr) == (0, b"hello", b"")


def configure(folder, path=None, **environ):
    """What the configuration prints, with the options that pip gives it."""
    command = [
        MESON if MESON.exists() else shutil.which("meson"),
        "setup",
        "-Dpython=enabled",
        "-Ds3=enabled",
        "-Dtests=disabled",
        "-Dexamples=disabled",
        folder,
        env.ROOT,
    ]
    result = subprocess.run(command, env={**os.environ, **({"PATH": path} if path else {}), **environ}, capture_output=True, text=True)
    assert result.returncode != 0
    return result.stdout + result.stderr


def test_missing_libraries_are_named(tmp_path):
    output = configure(tmp_path / "b", PKG_CONFIG_LIBDIR=str(tmp_path), PKG_CONFIG_PATH="", CMAKE_PREFIX_PATH=str(tmp_path))
    assert "on Debian and Ubuntu: apt install" in output
    assert "libcurl4-openssl-dev" in output and "libisal-dev" in output


def with_only(tmp_path, *programs):
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in programs:
        (folder / program).symlink_to(shutil.which(program))
    return str(folder)


def test_a_missing_compiler_is_named(tmp_path):
    output = configure(tmp_path / "b", with_only(tmp_path, "ninja", "pkg-config", "python3"))
    assert "no C compiler" in output and "apt install build-essential" in output


def test_a_missing_pkg_config_is_named(tmp_path):
    output = configure(tmp_path / "b", with_only(tmp_path, "ninja", "cc", "ld", "as", "ar", "python3"))
    assert "apt install pkg-config" in output
