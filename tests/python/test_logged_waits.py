"""A call that waits logs it during the wait, by Python's `logging`, whether or not the program has set it up."""

import os
import re
import signal
import subprocess
import sys

import pytest

from mocked import mock  # noqa: F401

CALL = """
import sys
{setup}
from cove import _cove
fs = _cove.Filesystem("s3://b", {{"endpoint_url": sys.argv[1], "key": "k", "secret": "s"}})
try:
    fs.stat("s3://b/k")
except KeyboardInterrupt:
    sys.exit(7)
"""
SETUPS = {"none": "", "basic": "import logging; logging.basicConfig(format='%(name)s %(levelname)s %(message)s')"}


@pytest.mark.parametrize("setup", SETUPS)
def test_a_wait_is_logged_while_it_lasts(mock, setup):
    from server import Fault

    mock.faults.append(Fault({"on": "HeadObject", "status": 503, "headers": {"Retry-After": "400"}, "times": -1}))
    process = subprocess.Popen(
        [sys.executable, "-c", CALL.format(setup=SETUPS[setup]), mock.endpoint],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 7
    finally:
        process.kill()
        rest = process.communicate()[1]
    begin = {"none": "", "basic": "cove.wait WARNING "}[setup]
    address = re.escape(mock.endpoint)
    assert re.match(rf"{begin}{address} asks to wait 4\d\d s \(Retry-After\), until 2\S+Z: stat s3://b/k: ", line), (line, rest)
