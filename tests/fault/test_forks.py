"""Forks in the middle of an upload and a download: both sides go on, over plain connections and over TLS."""

import os
import subprocess

import pytest

SIZE, CHILDREN = (48 << 20) + 777, 6


@pytest.mark.parametrize("place", ["minio", "secure"], ids=["http", "tls"])
def test_both_sides_go_on(request, build, place):
    server = request.getfixturevalue(place)
    result = subprocess.run([str(build / "tests" / "fault" / "forks"), f"s3://cove/forks-{build.name}", str(SIZE), str(CHILDREN)],
                            env={**os.environ, **server.environ}, capture_output=True, text=True, timeout=600)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
