"""kill -9 in the middle of a save, at random moments: the older checkpoint is complete each time, and unfinished uploads can be removed."""

import os
import random
import re
import subprocess
import time

import pytest

from probe_run import probe

SEED = int(os.environ.get("COVE_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
AT_MOST = 100
SIZE = 24 << 20


class Place:
    """A directory's URL and the environment that reaches it. `moments`: kills at least, and on until one save was cut between its parts; `shows`: what a
    killed process leaves of an upload can be listed there; `keeps`: and may be listed for as long as the server runs."""

    def __init__(self, url, environ, moments=20, shows=True, keeps=False):
        self.url, self.environ, self.moments, self.shows, self.keeps = url, environ, moments, shows, keeps


@pytest.fixture(params=["file", "s3", "gs-compose", "gs-session", "az"])
def place(request, build, tmp_path):
    if request.param == "file":
        return Place((tmp_path / "d").as_uri(), {})
    if request.param == "s3":
        return Place(f"s3://cove/kill-{build.name}", request.getfixturevalue("minio").environ, keeps=True)
    if request.param == "az":
        return Place(f"az://cove/kill-{build.name}", request.getfixturevalue("azurite").environ, moments=8, shows=False)
    # Nothing lists Google's resumable uploads.
    uploads = request.param.removeprefix("gs-")
    environ = {**request.getfixturevalue("fake_gcs").environ, "COVE_GCS_UPLOADS": uploads}
    return Place(f"gs://cove/kill-{build.name}-{uploads}", environ, moments=8, shows=uploads != "session")


KEPT = "the store keeps the upload"  # what the command reports of an upload that is listed after each removal


def leftovers(cove, url, environ, *remove, may_keep=False):
    """What the command prints of unfinished uploads; --remove removes them. A store that may_keep some has to be the only cause of a failure."""
    result = subprocess.run([cove, "uploads", *remove, "--older-than", "0s", url], capture_output=True, text=True, timeout=60, env={**os.environ, **environ})
    failures = [line for line in result.stderr.splitlines() if line.startswith("cove: ") and not re.match(r"cove: \d+ unfinished upload", line)]
    assert all(may_keep and KEPT in line for line in failures), result.stderr
    assert (result.returncode == 0) == (not failures), result.stderr
    return [line for line in result.stdout.splitlines() if line]


def test_kill_in_the_middle_of_a_save(place, build):
    directory, environ = place.url, place.environ
    cove = str(build / "cli" / "cove")
    url = directory + "/x.ckpt"
    print(f"COVE_TEST_SEED={SEED}")
    chance = random.Random(SEED)
    begin = time.monotonic()
    assert probe("save", url, SIZE, 1, environ=environ).ok
    took = time.monotonic() - begin
    step, interrupted, left = 1, 0, 0
    for i in range(AT_MOST):
        if i >= place.moments and (left > 0 or not place.shows):
            break
        process = subprocess.Popen(
            [str(build / "tests" / "probe" / "probe"), "save", url, str(SIZE), str(i + 2)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environ},
        )
        time.sleep(chance.uniform(0, took))
        process.kill()
        process.wait()
        interrupted += process.returncode == -9
        outcome = probe("load", url, environ=environ)
        if outcome.code == "COVE_EPRECONDITION":  # the store has still been at the end of the save: the new one has come meanwhile
            outcome = probe("load", url, environ=environ)
        # The older one or the new one, or one before whose end the store was late with: probe compares every byte.
        assert outcome.ok and step <= outcome.value <= i + 2, (outcome, f"COVE_TEST_SEED={SEED}")
        step = outcome.value
        names = probe("list", directory, environ=environ).names
        assert names == ["x.ckpt"], f"something half there is visible: {names} (COVE_TEST_SEED={SEED})"
        if place.shows:
            left = max(left, probe("uploads", directory, environ=environ).value)
    assert interrupted > 0, "every save ended before it was killed"
    if not place.shows:
        return
    assert left > 0, f"no upload was cut in its middle (COVE_TEST_SEED={SEED})"
    assert leftovers(cove, directory, environ) != []
    # What a killed process had sent may have arrived only since the first removal; and MinIO may list an upload for as long as it runs though it has
    # nothing of it (docs/testing.md): its list is not looked at, and a removal may report an upload that it keeps.
    assert leftovers(cove, directory, environ, "--remove", may_keep=place.keeps) != []
    leftovers(cove, directory, environ, "--remove", may_keep=place.keeps)
    give_up = time.monotonic() + 60
    while not place.keeps and leftovers(cove, directory, environ) != []:
        assert time.monotonic() < give_up, "what is removed is listed again and again"
        leftovers(cove, directory, environ, "--remove")
    if directory.startswith("file:"):
        assert os.listdir(directory[len("file://") :]) == ["x.ckpt"]
    assert probe("load", url, environ=environ).value >= step
