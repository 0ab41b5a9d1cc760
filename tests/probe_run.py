"""Runs tests/probe, which makes one call of libcove, and returns its result."""

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import env


class Outcome:
    """code, value, message, http_status, store_code, retryable, names; data (what was read), log (what was logged), text (all that was printed)"""

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


class Running:
    """A call under way, in its own process: what it has logged so far, and how it ended."""

    def __init__(self, command, arguments, environ, guided=False):
        self.folder = tempfile.TemporaryDirectory(prefix="cove-probe-")
        self.out, self.log_file = Path(self.folder.name) / "data", Path(self.folder.name) / "log"
        self.command = [*command, "-O", str(self.out), *map(str, arguments)]
        with open(self.log_file, "wb") as log:
            stdin = subprocess.PIPE if guided else subprocess.DEVNULL
            self.process = subprocess.Popen(self.command, stdin=stdin, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **(environ or {})})

    def count(self, pattern):
        """How many lines of its log match."""
        return len(re.findall(pattern, self.log_file.read_text(errors="replace"), re.M))

    def wait(self, pattern, count=1, limit_s=120):
        """Until so many lines match: True; False where it has ended before."""
        give_up = time.monotonic() + limit_s
        while self.count(pattern) < count:
            if self.process.poll() is not None:
                return self.count(pattern) >= count
            assert time.monotonic() < give_up, f"hangs: {self.command}\n{self.log_file.read_text(errors='replace')[-4000:]}"
            time.sleep(0.01)
        return True

    def cancel(self):
        """Fires the token of a guided call."""
        self.process.stdin.write(b"!")
        self.process.stdin.flush()

    def wait_for(self, done, limit_s=120):
        """Until done() is true; False: it has not come to that before the process ended, or in that time."""
        give_up = time.monotonic() + limit_s
        while not done():
            if self.process.poll() is not None or time.monotonic() > give_up:
                return done()
            time.sleep(0.01)
        return True

    def end(self, limit_s=120):
        """Its outcome. An end by a signal, by a sanitizer or by the clock is an AssertionError: no fault may lead to one."""
        try:
            stdout, _ = self.process.communicate(timeout=limit_s)
            log = self.log_file.read_text(errors="replace")
            assert self.process.returncode == 0, f"{self.command} ended with {self.process.returncode}\n{log[-8000:]}"
            return Outcome(json.loads(stdout), self.out.read_bytes() if self.out.exists() else None, log, 0)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"hangs: {self.command}\n{self.log_file.read_text(errors='replace')[-4000:]}") from None
        finally:
            self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.folder.cleanup()


def start(*arguments, options=None, timeout_ms=None, guided=False, environ=None, program=()):
    """Begins one call: a Running, of which end() or kill() is to be called. `guided`: it can be cancelled, and keeps its filesystem open until end()."""
    command = [*program, str(env.build_dir() / "tests" / "probe" / "probe")]
    for name, value in (options or {}).items():
        command += ["-o", f"{name}={value}"]
    if timeout_ms is not None:
        command += ["-t", str(timeout_ms)]
    if guided:
        command += ["-i"]
    return Running(command, arguments, environ, guided)


def probe(*arguments, limit_s=120, **how):
    """One call, from its beginning to its end."""
    return start(*arguments, **how).end(limit_s)
