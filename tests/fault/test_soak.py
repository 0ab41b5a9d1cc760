"""A short version of `make soak`: each build survives a network that breaks at random."""

import subprocess
import sys

import env as environment

SECONDS = 15


def test_short_soak(build):
    result = subprocess.run(
        [sys.executable, str(environment.ROOT / "tests" / "soak" / "soak.py"), "--seconds", str(SECONDS), "--build", build.name],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
