"""What goes wrong around a store: a full disk, no network, wrong credentials, regions and addresses."""

import contextlib
import os
import subprocess
import threading
import time

import pytest

from probe_run import probe
from servers.minio import MinIO
from servers.toxiproxy import Toxiproxy

SIZE = 24 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MiB, where root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a full disk needs a small file system, and mounting one needs root")
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True)
    if result.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {result.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(small_disk):
    url = (small_disk / "x.ckpt").as_uri()
    assert probe("save", url, 1 << 20, 1).ok
    outcome = probe("save", url, SIZE, 2)
    assert outcome.code == "COVE_ENOSPC" and url in outcome.message, outcome
    assert probe("load", url).value == 1, "the older checkpoint is harmed"
    assert os.listdir(small_disk) == ["x.ckpt"], "what did not fit is still there"
    # And what fits afterwards does fit.
    assert probe("save", url, 2 << 20, 3).ok
    assert probe("load", url).value == 3


def test_full_disk_append(small_disk):
    url = (small_disk / "log").as_uri()
    assert probe("append", url, "first\n").ok
    with open(small_disk / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(b"x" * 4096):
            pass
    outcome = probe("append", url, "y" * 100000)
    assert outcome.code == "COVE_ENOSPC", outcome
    (small_disk / "filler").unlink()
    assert probe("get", url).data == b"first\n", "an addition that failed left a part of itself"


def test_no_permission(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    outcome = probe("put", (folder / "x").as_uri(), 10)
    assert outcome.code == "COVE_EACCESS", outcome


# ---- a real server ----


@pytest.mark.parametrize(
    "change, code, word",
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "COVE_EAUTH", "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "COVE_EAUTH", "InvalidAccessKeyId"),
        ({"AWS_SESSION_TOKEN": "stale"}, "COVE_EAUTH", "oken"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "COVE_ENETWORK", "127.0.0.1"),
        ({"AWS_ENDPOINT_URL": "not a url"}, "COVE_EINVAL", "not a url"),
    ],
    ids=["secret", "key-id", "token", "endpoint", "endpoint-url"],
)
@pytest.mark.parametrize("verb", [("put", 10), ("get",), ("list",), ("save", 100000, 1)], ids=lambda v: v[0])
def test_wrong_setting(minio, change, code, word, verb):
    name, *arguments = verb
    outcome = probe(name, "s3://cove/x", *arguments, options={"retries": "1"}, environ={**minio.environ, **change})
    assert outcome.code == code, outcome
    assert "s3://cove/x" in outcome.message or code == "COVE_EINVAL", outcome
    assert word in outcome.message, outcome
    for secret in (minio.SECRET_KEY, "wrong", "stale"):
        assert secret not in outcome.text


def test_no_credentials(minio, tmp_path):
    environ = {"AWS_ENDPOINT_URL": minio.endpoint, "AWS_REGION": "us-east-1", "HOME": str(tmp_path)}
    outcome = probe("get", "s3://cove/x", environ=environ)
    assert outcome.code == "COVE_EAUTH", outcome
    # The message lists the places that were searched and what to set.
    assert "AWS_ACCESS_KEY_ID" in outcome.message, outcome


def test_no_bucket(minio):
    for verb in (("put", 10), ("get",), ("list",)):
        outcome = probe(verb[0], "s3://no-such-bucket/x", *verb[1:], environ=minio.environ)
        assert outcome.code == "COVE_ENOTFOUND" and "no-such-bucket" in outcome.message, outcome


def test_the_right_region_is_found():
    """A server of another region than the one that was set: the region is asked for and the request is signed again."""
    with MinIO(buckets=("far",), region="eu-west-3") as server:
        environ = {**server.environ, "AWS_REGION": "us-east-1"}
        assert probe("save", "s3://far/x.ckpt", 100000, 7, environ=environ).ok
        assert probe("load", "s3://far/x.ckpt", environ=environ).value == 7


# ---- a network that goes away ----


@pytest.fixture
def proxy(minio):
    with Toxiproxy(minio.endpoint.removeprefix("http://")) as p:
        yield p


def test_no_network(proxy, minio, build):
    url = f"s3://cove/network-{build.name}/x.ckpt"
    environ = proxy.environ(minio)
    assert probe("save", url, SIZE, 1, environ=environ).ok
    proxy.enable(False)
    for verb in (("load",), ("save", SIZE, 2), ("exists",)):
        outcome = probe(verb[0], url, *verb[1:], environ=environ, options={"retries": "1"})
        assert outcome.code == "COVE_ENETWORK" and outcome.retryable == 1 and url in outcome.message, outcome
    proxy.enable(True)
    assert probe("load", url, environ=environ).value == 1


def test_the_network_fails_and_returns(proxy, minio, build):
    """It goes in the middle of a save and comes back: the retries outlast it."""
    url = f"s3://cove/back-{build.name}/x.ckpt"
    environ = proxy.environ(minio)
    proxy.toxic("bandwidth", stream="upstream", rate=8000)  # KB/s: seconds for a save
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(probe("save", url, SIZE, 5, environ=environ)))
    thread.start()
    while thread.is_alive() and probe("uploads", url, environ=minio.environ).value == 0:
        pass
    assert thread.is_alive(), outcomes
    proxy.enable(False)
    time.sleep(0.1)
    proxy.calm()
    proxy.enable(True)
    thread.join()
    assert outcomes and outcomes[0].ok, outcomes
    assert probe("load", url, environ=environ).value == 5
    assert probe("uploads", url, environ=environ).value == 0


@pytest.mark.parametrize(
    "kind, attributes",
    [
        ("slicer", {"average_size": 1000, "size_variation": 500, "delay": 10}),
        ("latency", {"latency": 30, "jitter": 10}),
        ("slow_close", {"delay": 100}),
    ],
)
def test_a_slow_network(proxy, minio, build, kind, attributes):
    url = f"s3://cove/slow-{build.name}-{kind}/x.ckpt"
    environ = proxy.environ(minio)
    proxy.toxic(kind, **attributes)
    assert probe("save", url, 1 << 20, 6, environ=environ).ok
    assert probe("load", url, environ=environ).value == 6


def test_connections_that_end_early(proxy, minio, build):
    """Each connection is cut after 3 MB: what arrived is not thrown away forever, and in the end all of it is right."""
    url = f"s3://cove/cut-{build.name}/x"
    environ = proxy.environ(minio)
    assert probe("put", url, 2 << 20, environ=minio.environ).ok
    proxy.toxic("limit_data", bytes=3_000_000)
    outcome = probe("read", url, environ=environ)
    assert outcome.ok and outcome.value == 2 << 20, outcome
