"""The command's --timeout: to find out what a path is, and to list what is below it, are one operation, and so are an upload and its clean-up."""

import time

import pytest
from test_endless import run

import env as environment
import gcs
from server import MockServer
from store import Store

TIMEOUT_MS = 1000
OBJECTS = {"b/k": b"1", "b/k/d/x": b"2"}


# The requests of the whole command: two before the last listing, or three where a path needs two.
@pytest.mark.parametrize(
    "command, delay",
    [("find s3://b/k", 0.6), ("du s3://b/k", 0.6), ("ls -R s3://b/k", 0.6), ("cp -r s3://b/k here", 0.6),
     ("ls s3://b/k/d", 0.4), ("ls s3://b/k/*", 0.4), ("find s3://b/k/d", 0.4), ("logs show s3://b/k/d", 0.4)],
)  # fmt: skip
def test_one_timeout_for_a_path_and_its_listing(command, delay, tmp_path, monkeypatch):
    """No single response takes as long as the timeout, but all together do: the one at the deadline is not waited for, and none follows it."""
    monkeypatch.chdir(tmp_path)
    late = [{"on": on, "times": -1, "delay_ms": int(delay * TIMEOUT_MS)} for on in ("HeadObject", "ListObjectsV2")]
    with MockServer(OBJECTS, late) as server:
        program = environment.build_dir() / "cli" / "cove"
        done = run([program, *command.split(), "--timeout", f"{TIMEOUT_MS}ms"], server)
        assert done.returncode == 5 and "the deadline passed" in done.stderr, done
        assert len(server.requests) * delay < 1 + delay
        assert list(tmp_path.iterdir()) == []


NEVER = {"times": -1, "delay_ms": 3_600_000}  # until the mock ends
KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}


@pytest.mark.parametrize(
    "kind, url, hangs, environ",
    [
        (Store, "s3://b/k", ("CompleteMultipartUpload", "AbortMultipartUpload"), KEYS),
        (gcs.Store, "gs://b/k", ("objects.compose", "objects.delete", "batch"), {"COVE_GCS_UPLOADS": "compose", "FSSPEC_GCS_TOKEN": "anon"}),
    ],
    ids=["parts", "composed"],
)
def test_what_an_upload_leaves_breaks_no_deadline(kind, url, hangs, environ, tmp_path):
    """The store stops answering at the end of an upload, and does not answer the requests that remove what is left either: these alone may take 30 s."""
    (tmp_path / "large").write_bytes(b"x" * (6 << 20))  # a slow machine, too, has to come to the upload's end in time
    with MockServer(faults=[{"on": on, **NEVER} for on in hangs], kind=kind) as server:
        environ = {**environ, "AWS_ENDPOINT_URL": server.endpoint, "STORAGE_EMULATOR_HOST": server.endpoint}
        begin = time.monotonic()
        done = run(
            [environment.build_dir() / "cli" / "cove", "cp", "-o", "default_block_size=5MiB", tmp_path / "large", url, "--timeout", "6s"], server, environ
        )
        took_s = time.monotonic() - begin
        assert done.returncode == 5 and "the deadline passed" in done.stderr, done
        assert server.count(hangs[0]) == 1 and sum(server.count(on) for on in hangs[1:]) > 0
        assert took_s < 30
