"""The machine and versions that a benchmark records with its figures, and its progress output. For bench/run and bench/python/run."""

import datetime
import functools
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = {"s3": "results.json", "gcs": "gcs-results.json", "azure": "azure-results.json"}


@functools.cache
def commit():
    """Asked once, before the results change the tree."""
    return subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, text=True, stdout=subprocess.PIPE).stdout.strip()


def moment():
    return {"at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes"), "load": round(os.getloadavg()[0], 1), "commit": commit()}


def machine(others, packages):
    """Cores and model, and the versions of what was measured: `others` as they are, then the packages' own."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    versions = [others, *(f"{name} {importlib.metadata.version(name)}" for name in packages)]
    return {"cpus": os.cpu_count(), "model": model, "versions": ", ".join(versions)}


def load(path):
    """The results so far, or None."""
    return json.loads(path.read_text()) if path.exists() else None


def save(path, results):
    new = path.with_suffix(".new")
    new.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    new.rename(path)


def scratch():
    """A new folder, in memory where there is such a place, so that no disk is measured."""
    return Path(tempfile.mkdtemp(prefix="cove-bench-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))


def progress(text):
    if sys.stderr.isatty():
        print("\r" + text.ljust(78), end="" if text else "\r", file=sys.stderr, flush=True)
