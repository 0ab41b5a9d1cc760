"""Every allocation of a save, a load, a listing and an append fails once: an error or success, never a crash, a leak or a partial file."""

import os
import re
import subprocess

import pytest

from servers.express import DirectoryBucket


@pytest.mark.parametrize("verb", ["save", "load", "list", "append"])
@pytest.mark.parametrize("backend", ["memory", "file", "s3"])
def test_nth_allocation(build, minio, tmp_path, backend, verb):
    url = {"memory": "memory://torture", "file": tmp_path.as_uri(), "s3": f"s3://cove/torture-{build.name}-{verb}"}[backend]
    result = subprocess.run(
        [str(build / "tests" / "fault" / "torture"), verb, url + "/x.ckpt"], capture_output=True, text=True, timeout=300, env={**os.environ, **minio.environ}
    )
    assert result.returncode == 0, result.stderr[-8000:]
    allocations, failed = map(int, re.fullmatch(r"(\d+) allocations, (\d+) tries failed\n", result.stdout).groups())
    assert allocations > 5
    assert failed > allocations / 3, "hardly any allocation's failure was noticed: is anything injected?"
    if backend == "file":
        left = {p.name for p in tmp_path.iterdir()} - {"x.ckpt", "x.ckpt.log"}
        assert left == set(), "temporary files are left"


@pytest.mark.parametrize(
    "verb, options",
    [
        ("remove", ["batch_delete=true"]),
        ("remove", ["batch_delete=false"]),
        ("create", ["store=other"]),
        ("create", ["store=other", "checksum=md5"]),
        ("resave", ["store=other", "default_block_size=5MiB"]),
        ("append", ["store=other"]),
        ("describe", ["store=minio"]),
    ],
    ids=lambda v: v if isinstance(v, str) else ",".join(v),
)
def test_nth_allocation_on_other_stores(build, minio, verb, options):
    """What is done where a store can do less, or may."""
    url = f"s3://cove/torture-{build.name}-{verb}-{len(options)}/x.ckpt"
    result = subprocess.run(
        [str(build / "tests" / "fault" / "torture"), verb, url, *options], capture_output=True, text=True, timeout=300, env={**os.environ, **minio.environ}
    )
    assert result.returncode == 0, result.stderr[-8000:]
    allocations, failed = map(int, re.fullmatch(r"(\d+) allocations, (\d+) tries failed\n", result.stdout).groups())
    assert allocations > 5 and failed > allocations / 4


@pytest.mark.parametrize("verb", ["save", "load", "list", "append", "remove"])
def test_nth_allocation_on_a_directory_bucket(build, verb):
    with DirectoryBucket(page=2) as bucket:
        result = subprocess.run(
            [str(build / "tests" / "fault" / "torture"), verb, f"s3://{bucket.name}/t/x.ckpt"],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, **bucket.environ},
        )
        assert bucket.troubles == []
    assert result.returncode == 0, result.stderr[-8000:]
    allocations, failed = map(int, re.fullmatch(r"(\d+) allocations, (\d+) tries failed\n", result.stdout).groups())
    assert allocations > 5 and failed > allocations / 4
