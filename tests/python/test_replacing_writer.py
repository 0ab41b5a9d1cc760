"""Whole reads on MinIO while a writer replaces the object: each returns all bytes of one version.

The writer makes fewer replacements during a read than the read may restart, so the read must succeed, even on a slow machine.
"""

import os
import subprocess
import threading

import pytest

import env as environment
from probe_run import probe

KIB, MIB = 1 << 10, 1 << 20
SIZES = [
    200 * KIB,
    200 * KIB,
    2 * MIB,
    100 * KIB,
    65 * KIB,
    64 * KIB,
    9 * MIB,
    9 * MIB,
    300 * KIB,
]  # of one version after the other; small ones come and go quickly
READS = 25
GRANTED = 8  # replacements a read; it restarts 10 times
CALLS = ["cat_file", "cat_file_of_a_range", "get_file", "read_file_in_c", "command_cp", "command_cat"]


def version(n):
    """Its bytes name it, so that a mixture is seen."""
    return (n + 1).to_bytes(8, "little") * (SIZES[n % len(SIZES)] // 8)


def named(data):
    """The version whose first bytes these are."""
    return version(int.from_bytes(data[:8], "little") - 1)


class Writer:
    """Replaces the object as fast as it can, as often as it was granted."""

    def __init__(self, fs, path):
        self.fs, self.path = fs, path
        self.granted, self.ended, self.failed = threading.Semaphore(0), False, None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        n = 0
        while self.granted.acquire() and not self.ended:
            try:
                self.fs.pipe_file(self.path, version(n))
            except Exception as e:
                self.failed = e
                return
            n += 1

    def __enter__(self):
        self.fs.pipe_file(self.path, version(0))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.granted.release()
        self.thread.join()
        assert self.failed is None, self.failed

    def grant(self):
        """GRANTED replacements from now on; those that the read before did not see are lost."""
        while self.granted.acquire(blocking=False):
            pass
        self.granted.release(GRANTED)


class Calls:
    """What reads the object whole, each in its own way."""

    def __init__(self, fs, path, folder, environ):
        self.fs, self.path, self.copy, self.environ = fs, path, folder / "copy", environ

    def cat_file(self):
        return self.fs.cat_file(self.path)

    def cat_file_of_a_range(self):
        return self.fs.cat_file(self.path, start=0, end=1 << 40)

    def get_file(self):
        self.fs.get_file(self.path, str(self.copy))
        return self.copy.read_bytes()

    def read_file_in_c(self):
        outcome = probe("get", f"s3://{self.path}", environ=self.environ)
        assert outcome.ok, outcome
        return outcome.data

    def command_cp(self):
        self.command("cp", f"s3://{self.path}", self.copy)
        return self.copy.read_bytes()

    def command_cat(self):
        """None: it failed after it had written bytes, which it can't take back; they are of one version all the same."""
        done = self.command("cat", f"s3://{self.path}", check=False)
        if done.returncode == 0:
            return done.stdout
        assert done.returncode == 1 and b"changed meanwhile" in done.stderr, done.stderr
        assert 0 < len(done.stdout) < len(named(done.stdout)) and named(done.stdout).startswith(done.stdout)
        return None

    def command(self, *args, check=True):
        return subprocess.run([environment.build_dir() / "cli" / "cove", *args], env=self.environ, capture_output=True, check=check, timeout=120)


@pytest.mark.parametrize("call", CALLS)
def test_each_read_has_bytes_of_one_version(fs, other, root, tmp_path, call):
    calls = Calls(fs, f"{root}/k", tmp_path, dict(os.environ))
    with Writer(other, f"{root}/k") as writer:
        for _ in range(READS):
            writer.grant()
            data = getattr(calls, call)()
            assert data is None or data == named(data)
