"""`python -m cove`: the process that was started becomes the C program."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import env
from conftest import PACKAGE


def start(*args, **options):
    environ = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    return subprocess.Popen(
        [sys.executable, "-m", "cove", *map(str, args)],
        env=environ,
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def run(*args, **options):
    process = start(*args, **options)
    out, stderr = process.communicate(timeout=120)
    return process.returncode, out, stderr


@pytest.mark.parametrize("args", [["--version"], ["help"], ["help", "ls"], ["fs", "s3"], ["nonsense"], ["ls", "--nonsense"], ["ls", "missing"], []],
                         ids=lambda args: "-".join(args) or "none")  # fmt: skip
def test_the_module_prints_what_the_command_prints(tmp_path, args):
    command = subprocess.run([env.build_dir() / "cli" / "cove", *args], capture_output=True, cwd=tmp_path, timeout=120)
    assert run(*args, cwd=tmp_path) == (command.returncode, command.stdout, command.stderr)


def test_every_byte_of_an_argument_arrives(tmp_path):
    (tmp_path / os.fsdecode(b"\xff \n")).write_bytes(b"odd")
    assert run("cat", os.fsdecode(b"\xff \n"), cwd=tmp_path) == (0, b"odd", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_it_ends_the_command(tmp_path, number):
    process = start("cp", "-", tmp_path / "x", stdin=subprocess.PIPE)
    try:
        status = Path(f"/proc/{process.pid}/status")
        deadline = time.monotonic() + 120
        # The program is there and has its handlers: SIGALRM is caught by no Python.
        while not any(line.startswith("SigCgt:") and int(line.split()[1], 16) >> (signal.SIGALRM - 1) & 1 for line in status.read_text().splitlines()):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        assert (process.wait(timeout=120), process.stderr.read()) == (130, b"")
    finally:
        process.kill()
        process.communicate()
    assert list(tmp_path.iterdir()) == []


def test_the_file_size_limit_ends_it(tmp_path):
    """Python ignores SIGXFSZ; the command has the system's default."""
    code = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); runpy.run_module('cove', run_name='__main__')"
    results = [
        subprocess.run(
            [*command, "cp", "-", "x"], input=bytes(1 << 20), capture_output=True, cwd=tmp_path, timeout=120, env={**os.environ, "PYTHONPATH": str(PACKAGE)}
        )
        for command in ([sys.executable, "-c", code], ["sh", "-c", 'ulimit -f 8; exec "$0" "$@"', env.build_dir() / "cli" / "cove"])
    ]
    assert [(r.returncode, r.stdout, r.stderr) for r in results] == [(-signal.SIGXFSZ, b"", b"")] * 2


def test_a_reader_that_leaves_ends_it_quietly(tmp_path):
    (tmp_path / "big").write_bytes(bytes(4 << 20))
    process = start("cat", tmp_path / "big")
    process.stdout.read(1)
    process.stdout.close()
    assert (process.stderr.read(), process.wait(timeout=120)) == (b"", -signal.SIGPIPE)
    process.stderr.close()


def test_a_missing_program_is_reported(tmp_path):
    shutil.copytree(PACKAGE / "cove", tmp_path / "cove", ignore=shutil.ignore_patterns("*.p", "__pycache__"))
    (tmp_path / "cove" / "cove").unlink()
    process = subprocess.run([sys.executable, "-m", "cove", "ls"], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=120)
    assert (process.returncode, process.stdout, process.stderr) == (1, "", f"cove: {tmp_path}/cove/cove: No such file or directory\n")
