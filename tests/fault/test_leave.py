"""A program that exits, or unloads the library, with hundreds of requests under way ends quickly and without output. A thread
that is cancelled during a call does not stop the I/O of others."""

import os
import subprocess

import pytest


@pytest.mark.parametrize("way", ["unload", "return", "exit", "thread", "busy", "cancel"])
def test_leave(build, way):
    library = build / "src" / "libcove.so.0"
    environ = dict(os.environ)
    if way == "cancel":
        environ["COVE_IO_THREADS"] = "1"  # which the cancelled thread drives
    if way == "busy":  # whose threads hold memory at the end
        environ["ASAN_OPTIONS"] = environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    if way == "thread":  # LeakSanitizer's own tracer crashes when exit() comes from another thread than the first
        environ["ASAN_OPTIONS"] = environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    result = subprocess.run([str(build / "tests" / "fault" / "leave"), str(library), way], env=environ, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
