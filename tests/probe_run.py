"""Runs tests/probe, one call of libcove, and gives its outcome."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import env


class Outcome:
    """code, value, message, http_status, retryable, names; data (what was read), log (what was logged), text (all that was said)"""

    def __init__(self, fields, data, log, status):
        self.__dict__.update(fields)
        self.names = [n.encode("latin-1").decode(errors="surrogateescape") for n in fields.get("names", [])]
        self.message = fields["message"].encode("latin-1").decode(errors="replace")
        self.data, self.log, self.status = data, log, status

    @property
    def ok(self):
        return self.code == "COVE_OK"

    @property
    def text(self):
        return self.message + "\n" + self.log

    def __repr__(self):
        return f"{self.code} (HTTP {self.http_status}): {self.message}\nvalue {self.value}, log:\n{self.log}"


def probe(*arguments, options=None, timeout_ms=None, cancel_after_ms=None, environ=None, limit_s=120, program=()):
    """One call. An end by a signal, by a sanitizer or by the clock is an AssertionError: no fault may lead to one."""
    command = [*program, str(env.build_dir() / "tests" / "probe" / "probe")]
    for name, value in (options or {}).items():
        command += ["-o", f"{name}={value}"]
    if timeout_ms is not None:
        command += ["-t", str(timeout_ms)]
    if cancel_after_ms is not None:
        command += ["-c", str(cancel_after_ms)]
    with tempfile.TemporaryDirectory(prefix="cove-probe-") as folder:
        out = Path(folder) / "data"
        command += ["-O", str(out), *map(str, arguments)]
        try:
            result = subprocess.run(command, capture_output=True, env={**os.environ, **(environ or {})}, timeout=limit_s)
        except subprocess.TimeoutExpired as e:
            raise AssertionError(f"hangs: {command}\n{(e.stderr or b'').decode(errors='replace')[-4000:]}") from None
        log = result.stderr.decode(errors="replace")
        assert result.returncode == 0, f"{command} ended with {result.returncode}\n{log[-8000:]}"
        return Outcome(json.loads(result.stdout), out.read_bytes() if out.exists() else None, log, result.returncode)
