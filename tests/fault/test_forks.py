"""Forks in the middle of an upload and a download: parent and child both continue, over plain connections and over TLS."""

import os
import subprocess

import pytest

SIZE, CHILDREN = (48 << 20) + 777, 6


@pytest.mark.parametrize(
    "server, url, size",
    [("minio", "s3://cove", SIZE), ("secure", "s3://cove", SIZE), ("fake_gcs", "gs://cove", SIZE // 4), ("azurite", "az://cove", SIZE // 4)],
    ids=["http", "tls", "gs", "az"],
)
def test_parent_and_child_continue_after_a_fork(request, build, server, url, size):
    result = subprocess.run(
        [str(build / "tests" / "fault" / "forks"), f"{url}/forks-{build.name}", str(size), str(CHILDREN)],
        env={**os.environ, **request.getfixturevalue(server).environ},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
