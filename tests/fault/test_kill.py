"""kill -9 in the middle of a save, at random moments: the older checkpoint is whole each time, and what was left behind can be removed."""

import os
import random
import subprocess
import time

import pytest

from probe_run import probe

SEED = int(os.environ.get("COVE_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
MOMENTS, AT_MOST = 20, 100  # as many, and on until one save was cut between its parts
SIZE = 24 << 20


@pytest.fixture(params=["file", "s3"])
def place(request, build, tmp_path):
    """A directory's URL and the environment that reaches it."""
    if request.param == "file":
        return (tmp_path / "d").as_uri(), {}
    minio = request.getfixturevalue("minio")
    return f"s3://cove/kill-{build.name}", minio.environ


def leftovers(cove, url, environ, *remove):
    """What the command says of unfinished uploads; with --remove it takes them away."""
    result = subprocess.run([cove, "uploads", *remove, "--older-than", "0s", url], capture_output=True, text=True, timeout=60,
                            env={**os.environ, **environ})
    assert result.returncode == 0, result.stderr
    return [line for line in result.stdout.splitlines() if line]


def test_kill_in_the_middle_of_a_save(place, build):
    directory, environ = place
    cove = str(build / "cli" / "cove")
    url = directory + "/x.ckpt"
    print(f"COVE_TEST_SEED={SEED}")
    chance = random.Random(SEED)
    begin = time.monotonic()
    assert probe("save", url, SIZE, 1, environ=environ).ok
    took = time.monotonic() - begin
    step, interrupted, left = 1, 0, 0
    for i in range(AT_MOST):
        if i >= MOMENTS and left > 0:
            break
        process = subprocess.Popen([str(build / "tests" / "probe" / "probe"), "save", url, str(SIZE), str(i + 2)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environ})
        time.sleep(chance.uniform(0, took))
        process.kill()
        process.wait()
        interrupted += process.returncode == -9
        outcome = probe("load", url, environ=environ)
        # The older one or the new one, every byte of it: probe looks at them all.
        assert outcome.ok and outcome.value in (step, i + 2), (outcome, f"COVE_TEST_SEED={SEED}")
        step = outcome.value
        names = probe("list", directory, environ=environ).names
        assert names == ["x.ckpt"], f"something half there is visible: {names} (COVE_TEST_SEED={SEED})"
        left = max(left, probe("uploads", directory, environ=environ).value)
    assert interrupted > 0, "every save ended before it was killed"
    assert left > 0, f"no upload was cut in its middle (COVE_TEST_SEED={SEED})"
    assert leftovers(cove, directory, environ) != []
    # Each ends in success: nothing is left of an upload, or the store says so itself. What a killed process had sent may have arrived only since the
    # first removal; and MinIO may list an upload for as long as it runs though it has nothing of it (docs/testing.md), so its list is not looked at.
    assert leftovers(cove, directory, environ, "--remove") != []
    leftovers(cove, directory, environ, "--remove")
    if directory.startswith("file:"):
        assert leftovers(cove, directory, environ) == []
    if directory.startswith("file:"):
        assert os.listdir(directory[len("file://"):]) == ["x.ckpt"]
    assert probe("load", url, environ=environ).value == step
