"""Lines about a wait for a server, on standard error, also without a terminal."""

import os
import re
import signal
import socket
import subprocess

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1"}


@pytest.fixture
def silent():
    """The address of a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield "127.0.0.1:%d" % listener.getsockname()[1]


@pytest.fixture
def start(build, silent, tmp_path):
    running = []

    def start(*args):
        process = subprocess.Popen(
            [str(build / "cli" / "cove"), *args],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **KEYS, "AWS_ENDPOINT_URL": "http://" + silent},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_a_wait_for_a_silent_server_is_reported(start, silent):
    quiet = start("ls", "--quiet", "--timeout", "7s", "s3://b/")
    loud = start("ls", "--timeout", "500s", "s3://b/")
    line = loud.stderr.readline()  # now, and not at the end of the call
    assert re.fullmatch(rf"cove: waiting for http://{re.escape(silent)}, \d+ s so far \(attempt 1 of 11, 4\d\d s left\): list s3://b/?\n", line), line
    loud.send_signal(signal.SIGINT)
    assert loud.communicate(timeout=60)[1] == "" and loud.returncode == 130
    errors = quiet.communicate(timeout=60)[1]
    assert errors.startswith("cove: list s3://b") and "waiting" not in errors and errors.count("\n") == 1
