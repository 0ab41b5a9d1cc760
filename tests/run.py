#!/usr/bin/env python3
"""Runs all tests and counts their cases: each case of a C suite, each case of pytest.

There are three builds: `build` with the user's options, `build-asan` (AddressSanitizer, leaks, UBSan) and `build-tsan`
(ThreadSanitizer). What runs on which:

                       plain   asan   tsan
    unit suites          x       x     the concurrent ones
    contract suite       x       x     x          contract_stores.py has the stores of each build
    mock server          x       x     all but ONE_THREAD
    faults, short soak   x       x     all but ONE_THREAD
    interop, cli,        x
    installation, tree,
    Python package,
    on other versions

With --check: of the plain build the unit suites, the contract on file and memory, the mock server, and the tree without
its builds of each combination of features. No server is started.

The last line is `N passed, N failed, N skipped`. The exit status is 0 only if nothing failed and something passed.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import env
from contract_stores import LOCAL, STORES, Trouble
from versions.runs import RUNS

VARIANTS = {
    "build": [],
    "build-asan": ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dpython=disabled"],
    "build-tsan": ["-Db_sanitize=thread", "-Db_lundef=false", "-Dpython=disabled"],
}
# The rooms where threads meet; their unit suites run under ThreadSanitizer too.
CONCURRENT = {"auth", "base", "events", "fs", "net", "queue", "stream"}
# Not under ThreadSanitizer: what has one thread of work, and values and messages, which no thread changes.
ONE_THREAD = {
    "tests/fault": {"test_allocations.py", "test_conditions.py", "test_filesystems.py", "test_sockets.py"},
    "tests/mock": {
        "test_credentials.py",
        "test_endpoints.py",
        "test_foreign.py",
        "test_google_commands.py",
        "test_injection.py",
        "test_refusals.py",
        "test_values.py",
    },
}
# A test that hangs: where each of its threads is, and the end of its suite.
TEST_LIMIT = ["-o", "faulthandler_timeout=600", "-o", "faulthandler_exit_on_timeout=true"]
PRINTED_MAX = 64 << 20
TAP = re.compile(r"(not )?ok (\d+) ?(# SKIP|-)? ?(.*)")


class Tally:
    """What has been counted so far, and the failures and skips in words."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0
        self.failures, self.skips = [], []

    def add(self, outcome, name, why=""):
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome == "failed":
            self.failures.append((name, why))
        elif outcome == "skipped":
            self.skips.append((name, why.strip().splitlines()[-1] if why.strip() else "no reason given"))

    def merge(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


# What a sanitizer reports, and the places in this project's code that it names.
FINDING = re.compile(r"(?:ERROR|WARNING): \w+Sanitizer.*|SUMMARY: .*|.*: runtime error: .*|\S*(?:src|tests|cli)/\S+\.[ch]:\d+")


def finding(text):
    """A sanitizer's report in one line: what it is, and the first places in this project's code; "" without one."""
    found = [line.strip() for line in FINDING.findall(text) if line]
    if not any("Sanitizer" in line or "runtime error" in line for line in found):
        return ""
    return found[0] if " | " in found[0] else " | ".join(dict.fromkeys(found[:12]))  # one that was made before, or a new one


def read_tap(name, text, status):
    """The cases of a C suite, from the TAP lines that cmocka prints. A suite that ends early fails the cases that it owes."""
    tally = Tally()
    owed, since = 0, []
    for line in text.splitlines():
        plan = re.fullmatch(r"1\.\.(\d+)", line)
        if plan:
            owed += int(plan.group(1))
            since = []
            continue
        case = TAP.search(line)
        if not case:
            if line.startswith("# ") and tally.failures:
                tally.failures[-1] = (tally.failures[-1][0], tally.failures[-1][1] + line + "\n")
            else:
                since.append(line)
            continue
        owed -= 1
        title = f"{name}: {case.group(4)}"
        before = "\n".join(since)
        since = []
        if case.group(3) == "# SKIP":
            tally.add("skipped", title, before)
        elif case.group(1):
            tally.add("failed", title, before + "\n")
        else:
            tally.add("passed", title)
    tail = "\n".join([finding(text), *text.splitlines()[-60:]])
    if owed > 0:
        tally.add("failed", f"{name}: ended with status {status} before {owed} of its cases", tail)
    elif status != 0 and tally.failed == 0:
        tally.add("failed", f"{name}: exit status {status}", tail)
    elif tally.passed + tally.failed + tally.skipped == 0:
        tally.add("passed", name)  # not a suite of cases: a program whose status is its verdict
    return tally


def read_junit(name, path, text, status):
    """The cases of a run of pytest."""
    tally = Tally()
    try:
        cases = ElementTree.parse(path).iter("testcase")
    except (OSError, ElementTree.ParseError):
        cases = []
    for case in cases:
        title = f"{case.get('classname')}.{case.get('name')}"
        trouble = case.find("failure") if case.find("failure") is not None else case.find("error")
        skip = case.find("skipped")
        if trouble is not None:
            tally.add("failed", title, trouble.text or trouble.get("message", ""))
        elif skip is not None:
            tally.add("skipped", title, skip.get("message", ""))
        else:
            tally.add("passed", title)
    if status not in (0, 1, 5) or (status == 1 and tally.failed == 0):
        tally.add("failed", f"{name}: pytest ended with status {status}", "\n".join(text.splitlines()[-60:]))
    return tally


def collect(pipe, into):
    """Adds what comes to `into`, until it has PRINTED_MAX bytes; the rest is read, too, but not kept."""
    while chunk := pipe.read1(1 << 16):
        if len(into) <= PRINTED_MAX:
            into += chunk


class Runner:
    def __init__(self, args):
        self.args = args
        self.total = Tally()
        self.lock = threading.Lock()
        self.home = env.scratch("home")
        self.environ = {**env.clean(os.environ, home=self.home), **env.sanitizer_options()}
        self.started = time.monotonic()
        self.seconds = []  # of each suite that has ended
        self.processes = set()  # the suites that run now
        # ThreadSanitizer cannot live with the widest randomisation of addresses that some kernels use.
        arch = platform.machine()
        fixed = subprocess.run(["setarch", arch, "-R", "true"], capture_output=True).returncode == 0
        self.fixed_addresses = ["setarch", arch, "-R"] if fixed else []

    def report(self, name, tally, seconds):
        since = time.monotonic() - self.started
        lines = [f"{'FAIL' if tally.failed else 'ok':4} {name:44} {tally.line()} ({seconds:.1f} s, at {since:.0f} s)"]
        for title, why in tally.failures:
            lines.append(f"     failed: {title}")
            lines += [f"       | {line}" for line in why.strip("\n").splitlines()[-80:]]
        with self.lock:
            self.total.merge(tally)
            self.seconds.append((seconds, name))
            print("\n".join(lines), flush=True)

    def call(self, command, environ, timeout_s, cwd=env.ROOT):
        """Runs a command to its end or its limit; its status and all that it printed. What it leaves running is ended."""
        process = subprocess.Popen(
            command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        with self.lock:
            self.processes.add(process)
        # By a thread: a process that left the group would hold the pipe open, and the end be awaited without a limit.
        printed = bytearray()
        reader = threading.Thread(target=collect, args=(process.stdout, printed), daemon=True)
        reader.start()
        try:
            status, late = process.wait(timeout=timeout_s), ""
        except subprocess.TimeoutExpired:
            status, late = 124, f"\nkilled after {timeout_s} s\n"
        self.end_group(process)
        process.wait()
        with self.lock:
            self.processes.discard(process)
        reader.join(30)
        if len(printed) > PRINTED_MAX:
            late += f"\nit printed more than {PRINTED_MAX >> 20} MiB, of which these are the first\n"
        return status, bytes(printed[:PRINTED_MAX]).decode(errors="replace") + late

    @staticmethod
    def end_group(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def build(self, variant):
        begin = time.monotonic()
        command = ["tools/build.sh", variant, *VARIANTS[variant]]
        result = subprocess.run(command, cwd=env.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(f"     built {variant} ({time.monotonic() - begin:.1f} s)", flush=True)
        if result.returncode != 0:
            tally = Tally()
            tally.add("failed", f"the build {variant}", result.stdout)
            self.report(variant, tally, time.monotonic() - begin)
            return False
        return True

    def suite(self, name, command, variant, extra=None, timeout_s=600):
        begin = time.monotonic()
        prefix = self.fixed_addresses if variant == "build-tsan" else []
        environ = {**self.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP", **(extra or {})}
        status, text = self.call(prefix + command, environ, timeout_s)
        self.report(f"{variant}: {name}", read_tap(name, text, status), time.monotonic() - begin)

    def unit(self, variant):
        """What meson knows: the unit suites and the small checks beside them."""
        listing = subprocess.run([self.meson(), "introspect", "--tests", variant], cwd=env.ROOT, capture_output=True, text=True, check=True)
        for test in json.loads(listing.stdout):
            name = test["name"]
            if self.args.only and not re.search(self.args.only, name):
                continue
            if "contract" in test["suite"] or any(s.endswith(":contract") for s in test["suite"]):
                continue  # run below, on every root
            if variant == "build-tsan" and name.split("_")[0] not in CONCURRENT:
                continue
            self.suite(name, test["cmd"], variant, extra=test["env"], timeout_s=max(test["timeout"], 300) * 2)

    def meson(self):
        own = env.CACHE / "venv-meson" / "bin" / "meson"
        return str(own) if own.exists() else "meson"

    def contract(self, variant, store, serve):
        """The contract suite on one of contract_stores.STORES."""
        name = f"contract on {store}"
        if self.args.only and not re.search(self.args.only, name):
            return
        program = "toy/contract_toy" if "toy" in store else "contract/contract"
        try:
            with serve(variant) as environ:
                self.suite(name, [str(env.ROOT / variant / "tests" / program)], variant, extra=environ, timeout_s=900)
        except Trouble as trouble:
            tally = Tally()
            tally.add("failed", f"{name}: the server", str(trouble))
            self.report(f"{variant}: {name}", tally, 0)

    def other_python(self):
        """Folders with tests in Python besides those that are named below."""
        found = {str(p.parent.relative_to(env.ROOT)) for top in ("tests", "cli", "examples", "src") for p in (env.ROOT / top).rglob("test_*.py")}
        return sorted(found - {"tests/static", "tests/mock", "tests/fault", "tests/python"})

    def pytest(self, variant, name, *paths, python=sys.executable, extra=None):
        if not paths or (self.args.only and not re.search(self.args.only, name)):
            return
        begin = time.monotonic()
        junit = self.home / f"{variant}-{name.replace(' ', '-')}.xml"
        environ = {**self.environ, "COVE_TEST_BUILD": variant, "XDG_CACHE_HOME": str(env.CACHE.parent), **(extra or {})}
        prefix = self.fixed_addresses if variant == "build-tsan" else []
        command = [*prefix, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *TEST_LIMIT, f"--junitxml={junit}", *paths]
        status, text = self.call(command, environ, 1800)
        self.report(f"{variant}: {name}", read_junit(name, junit, text, status), time.monotonic() - begin)

    def on_version(self, run):
        """Tests of the Python package on another version of Python or of a package."""
        name = f"python package on {run.name}"
        if run.missing and (not self.args.only or re.search(self.args.only, name)):
            tally = Tally()
            tally.add("skipped", name, run.missing)
            self.report(f"build: {name}", tally, 0)
        else:
            self.pytest("build", name, *run.tests, python=run.python, extra=run.environ)

    def versions(self):
        """The Python package on every other version, also those that only `make soak` has."""
        if self.build("build"):
            with ThreadPoolExecutor(2) as pool:
                for done in [pool.submit(self.on_version, run) for run in RUNS]:
                    done.result()

    def under_faults(self, variant, folder):
        """The tests in tests/fault or tests/mock of that build."""
        if variant != "build-tsan":
            return [folder]
        return sorted(str(p.relative_to(env.ROOT)) for p in (env.ROOT / folder).glob("test_*.py") if p.name not in ONE_THREAD[folder])

    def jobs(self, built):
        """What is run of each build, as (what to call, its arguments). Those that take longest come first."""
        slow = [
            (self.pytest, variant, name, *self.under_faults(variant, folder))
            for variant in reversed(built)
            for name, folder in (("faults", "tests/fault"), ("mock server", "tests/mock"))
        ]
        if "build" in built:
            slow += [
                (self.pytest, "build", "python package", "tests/python"),
                (self.pytest, "build", "interop and commands", *self.other_python()),
                (self.pytest, "build", "tree and installation", "tests/static"),
            ]
            slow += [(self.on_version, run) for run in RUNS if not run.soak]
        contracts = [(self.contract, variant, *store) for variant in reversed(built) for store in STORES[variant].items()]
        return slow + contracts + [(self.unit, variant) for variant in built]

    def all(self):
        built = [variant for variant in self.args.variants if self.build(variant)]
        # Most of the time they wait for deadlines and slow networks: three beside each other on two cores.
        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(*job) for job in self.jobs(built)]:
                done.result()

    def check(self):
        """What daily work runs before a commit."""
        if not self.build("build"):
            return
        mock = sorted(str(p.relative_to(env.ROOT)) for p in (env.ROOT / "tests" / "mock").glob("test_*.py"))
        tree = sorted(str(p.relative_to(env.ROOT)) for p in (env.ROOT / "tests" / "static").glob("test_*.py"))
        tree.remove("tests/static/test_builds.py")
        # The appends take longest by far, so they are shared out, and come first.
        mock.remove("tests/mock/test_appends.py")
        jobs = [
            (self.pytest, "build", f"mock server, appends {n}", "tests/mock/test_appends.py", "-k", part)
            for n, part in enumerate(("new", "small", "not new and not small"), 1)
        ]
        jobs += [(self.pytest, "build", f"mock server, {Path(path).stem}", path) for path in mock]
        jobs += [(self.pytest, "build", "tree and installation", *tree)]
        jobs += [(self.contract, "build", *store) for store in LOCAL.items()]
        jobs += [(self.unit, "build")]
        # Most of the time the mock's clients wait.
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(*job) for job in jobs]:
                done.result()

    def summary(self):
        print()
        for title, why in self.total.skips:
            print(f"skipped {title}: {why}")
        for title, why in self.total.failures:
            print(f"FAILED {title} {finding(why)}".rstrip())
        print(f"{time.monotonic() - self.started:.0f} s")
        print(self.total.line())
        return 0 if self.total.failed == 0 and self.total.passed > 0 else 1

    def ended_early(self, *_):
        """SIGTERM or SIGINT, as of a limit of time: what has failed so far, and which suites took longest."""
        longest = ", ".join(f"{name} {seconds:.0f} s" for seconds, name in sorted(self.seconds, reverse=True)[:12])
        print(f"\nended by a signal; the longest suites so far: {longest}")
        print(f"still running: {', '.join(' '.join(map(str, process.args))[-200:] for process in list(self.processes))}")
        self.summary()
        sys.stdout.flush()
        for process in list(self.processes):
            self.end_group(process)
        os._exit(143)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="REGEX", help="only suites whose name matches")
    parser.add_argument("--variants", default=",".join(VARIANTS), metavar="NAMES", help="which builds, by comma; default all")
    parser.add_argument("--check", action="store_true", help="the short run for daily work: no sanitizers, no server, minutes")
    parser.add_argument("--versions", action="store_true", help="only the Python package, on every other version of tests/versions")
    args = parser.parse_args()
    args.variants = [v for v in args.variants.split(",") if v]
    unknown = [v for v in args.variants if v not in VARIANTS]
    if unknown:
        parser.error(f"no such build: {', '.join(unknown)}")
    runner = Runner(args)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, runner.ended_early)
    if args.check:
        runner.check()
    elif args.versions:
        runner.versions()
    else:
        runner.all()
    shutil.rmtree(runner.home, ignore_errors=True)
    return runner.summary()


if __name__ == "__main__":
    sys.exit(main())
