"""The command's output for wrong settings and unreachable stores: one line that names the URL, an exit code, and no secret."""

import os
import socket
import subprocess
import time

import pytest

import env as environment

WRONG_SECRET = "not-the-secret-71ab90"
WRONG_KEY_ID = "nobody-at-all"
FAST = ["-o", "retries=1"]


def command(build, environ, *arguments):
    result = subprocess.run(
        [str(build / "cli" / "cove"), *map(str, arguments)], env={**os.environ, **environ}, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )
    return result.returncode, result.stdout, result.stderr


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(100_000))
    return path


def closed_port():
    return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{environment.free_port()}"}


# What is changed in the environment, the exit code of docs/cli.md, and a word of the cause.
CONDITIONS = {
    "wrong-secret": (lambda: {"AWS_SECRET_ACCESS_KEY": WRONG_SECRET}, 4, "SignatureDoesNotMatch"),
    "wrong-key-id": (lambda: {"AWS_ACCESS_KEY_ID": WRONG_KEY_ID}, 4, "InvalidAccessKeyId"),
    "closed-port": (closed_port, 5, "127.0.0.1"),
    # RFC 6761: names under .invalid do not resolve.
    "unknown-host": (lambda: {"AWS_ENDPOINT_URL": "http://store.invalid:9000"}, 5, "store.invalid"),
    "endpoint-no-url": (lambda: {"AWS_ENDPOINT_URL": "http://:port"}, 2, "endpoint"),
}


def verbs(source, url):
    """Calls of the command that reach the store in different ways."""
    return {
        "ls": ["ls", url],
        "stat": ["stat", url],
        "cat": ["cat", url],
        "cp": ["cp", source, url],
        "rm": ["rm", url],
        "ckpt": ["ckpt", "show", url],
        "uploads": ["uploads", url],
    }


@pytest.mark.parametrize("verb", ["ls", "stat", "cat", "cp", "rm", "ckpt", "uploads"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_has_one_line_and_an_exit_code(build, minio, source, condition, verb):
    change, status, word = CONDITIONS[condition]
    url = f"s3://cove/conditions-{build.name}/x"
    words = verbs(source, url)[verb]
    environ = {**minio.environ, **change()}
    returned, out, err = command(build, environ, words[0], *FAST, *words[1:])
    assert returned == status, (returned, err)
    assert out == ""
    lines = err.splitlines()
    assert lines[0].startswith("cove: ") and word in lines[0], err
    # Bad usage is followed by a hint at --help, anything else by nothing.
    assert len(lines) == 1 or (status == 2 and len(lines) == 2 and "--help" in lines[1]), err
    assert status == 2 or url in lines[0], err


@pytest.mark.parametrize("condition", CONDITIONS)
def test_messages_contain_no_secret(build, minio, source, condition):
    """Not by the longest log that there is, either."""
    change, status, _ = CONDITIONS[condition]
    environ = {**minio.environ, **change()}
    returned, out, err = command(build, environ, "cp", "-v", "-v", *FAST, source, f"s3://cove/conditions-{build.name}/x")
    assert returned == status, err
    assert minio.SECRET_KEY not in out + err and WRONG_SECRET not in out + err
    # What a signature is made of is no secret, but who has one may send that request again.
    assert "Signature=" not in err


def test_missing_bucket(build, minio, source):
    for words in verbs(source, "s3://conditions-no-such-bucket/x").values():
        returned, out, err = command(build, minio.environ, words[0], *FAST, *words[1:])
        assert returned == 3, (words, returned, err)
        assert out == "" and len(err.splitlines()) == 1 and "s3://conditions-no-such-bucket" in err, (words, err)


def test_missing_object(build, minio):
    url = f"s3://cove/conditions-{build.name}/none"
    for words in (["stat", url], ["cat", url], ["rm", url], ["ckpt", "show", url]):
        returned, _, err = command(build, minio.environ, *words)
        assert returned == 3 and len(err.splitlines()) == 1 and url in err, (words, returned, err)


def test_a_server_that_does_not_respond(build, minio, source):
    """It takes the connection and never answers: the time limit of the read ends it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        environ = {**minio.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        begin = time.monotonic()
        returned, _, err = command(build, environ, "stat", "-o", "retries=0", "-o", 'config_kwargs={"read_timeout": 1}', "s3://cove/x")
        assert returned == 5 and "s3://cove/x" in err, (returned, err)
        assert time.monotonic() - begin < 30
