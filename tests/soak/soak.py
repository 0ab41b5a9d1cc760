#!/usr/bin/env python3
"""The soak: tests/soak/soak.c on a MinIO or, with --store gs, a fake-gcs-server behind a proxy, with a network that changes at random and a server that crashes.

Every two to eight seconds the network fault changes: latency and jitter, low bandwidth, resets, connections that hang in one direction,
small slices, cuts, slow closes, no network for a moment. Sometimes the server is killed and started again on its data. Times and kinds follow
from the seed, which is printed. At the end the network is repaired, every object is checked, and the figures are printed.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import env
from servers.gcs import FakeGCS
from servers.minio import MinIO
from servers.toxiproxy import Toxiproxy

END_S = 240  # for what is under way when the time is over, and for the last look
IDLE_CONNECTIONS = 4 * 64  # that the I/O threads may keep


def both(proxy, kind, **attributes):
    proxy.toxic(kind, stream="downstream", **attributes)
    proxy.toxic(kind, stream="upstream", **attributes)


def crash(proxy, server, chance):
    server.kill()
    time.sleep(chance.uniform(0.1, 2))
    server.start()


def away(proxy, server, chance):
    proxy.enable(False)
    time.sleep(chance.uniform(0.1, 2))
    proxy.enable(True)


@contextlib.contextmanager
def minio():
    with MinIO(buckets=("soak",)) as server, Toxiproxy(server.endpoint.removeprefix("http://")) as proxy:
        yield server, proxy


@contextlib.contextmanager
def fake_gcs():
    """The server has to know the proxy's address before it starts. Large objects are composed: it lists no resumable uploads."""
    port = env.free_port()
    with Toxiproxy(f"127.0.0.1:{port}") as proxy, FakeGCS(("soak",), outlived=True, port=port, public=proxy.endpoint) as server:
        yield server, proxy


STORES = {"s3": minio, "gs": fake_gcs}
OPTIONS = {"s3": ("-o", "read_timeout=5"), "gs": ("-o", "read_timeout=5", "-o", "uploads=compose")}

# How often, and what: a function of the proxy, the server and chance.
FAULTS = {
    "calm": (3, lambda p, s, c: None),
    "latency": (3, lambda p, s, c: p.toxic("latency", latency=c.randrange(5, 200), jitter=c.randrange(0, 100))),
    "bandwidth": (2, lambda p, s, c: both(p, "bandwidth", rate=c.choice([1000, 4000, 20000]))),
    "resets": (3, lambda p, s, c: p.toxic("reset_peer", toxicity=0.05, timeout=c.randrange(0, 500))),
    "half-open": (2, lambda p, s, c: p.toxic("timeout", toxicity=0.2, stream=c.choice(["upstream", "downstream"]), timeout=0)),
    "slices": (1, lambda p, s, c: p.toxic("slicer", average_size=1400, size_variation=700, delay=10)),
    "cuts": (3, lambda p, s, c: p.toxic("limit_data", toxicity=0.3, stream=c.choice(["upstream", "downstream"]), bytes=c.randrange(1000, 4_000_000))),
    "slow close": (1, lambda p, s, c: p.toxic("slow_close", delay=500)),
    "away": (2, away),
    "crash": (1, crash),
}


def disturb(process, proxy, server, seconds, chance):
    """Until the program's time is over; how often each fault came."""
    counts = dict.fromkeys(FAULTS, 0)
    names, weights = list(FAULTS), [weight for weight, _ in FAULTS.values()]
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        name = chance.choices(names, weights)[0]
        counts[name] += 1
        proxy.calm()
        FAULTS[name][1](proxy, server, chance)
        time.sleep(max(0, min(chance.uniform(2, 8), end - time.monotonic())))
    proxy.calm()
    proxy.enable(True)
    return counts


def finish(process, server):
    """Answers the program's question, and gives its figures; None if it hangs or prints none.

    MinIO is restarted before the last look: of an upload whose client went away while it was being finished it remembers in memory, for
    its listings, that it is under way, whatever is removed; its folder no longer has it.
    """
    hangs = threading.Timer(END_S, process.kill)
    hangs.start()
    while process.stdout.readline() not in ("calm?\n", ""):
        pass
    hangs.cancel()
    server.kill()
    server.start()
    try:
        out, _ = process.communicate("yes\n", timeout=END_S)
    except subprocess.TimeoutExpired:
        print("soak: it hangs", file=sys.stderr)
        process.kill()
        process.communicate()
        return None
    lines = out.splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else None


def verdict(figures, status, seconds):
    """What is wrong, in words."""
    if figures is None:
        return [f"no figures (status {status})"]
    bad = []
    if status != 0:
        bad.append(f"exit status {status}")
    for name in ("wrong", "late", "uploads_after_cleaning"):
        if figures[name] != 0:
            bad.append(f"{name}: {figures[name]}")
    if figures["fds"][1] > figures["fds"][0] + IDLE_CONNECTIONS + 64:
        bad.append(f"descriptors: {figures['fds']}")
    if figures["threads"][1] > figures["threads"][0] + 8:
        bad.append(f"threads: {figures['threads']}")
    if seconds >= 300 and min(done for done, _ in figures["operations"].values()) == 0:
        bad.append("a kind of operation never succeeded")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("SOAK_SECONDS") or 900))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--build", default="build")
    parser.add_argument("--store", choices=STORES, default="s3")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    print(f"soak: {args.seconds} s, {args.threads} threads, --seed {args.seed}", flush=True)
    with STORES[args.store]() as (server, proxy):
        environ = {**env.clean(os.environ), **env.sanitizer_options(), **proxy.environ(server)}
        root = f"{args.store}://soak/run"
        command = [env.ROOT / args.build / "tests" / "soak" / "soak", *OPTIONS[args.store], root, args.seconds, args.seed, args.threads]
        process = subprocess.Popen([str(word) for word in command], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            counts = disturb(process, proxy, server, args.seconds, chance)
            figures = finish(process, server)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    print("faults: " + ", ".join(f"{name} {n}" for name, n in counts.items()))
    if figures is not None:
        for name, (done, failed) in figures["operations"].items():
            print(f"  {name:12} {done:8} done {failed:6} failed")
        print("  " + ", ".join(f"{name} {value}" for name, value in figures.items() if name != "operations"))
    bad = verdict(figures, process.returncode, args.seconds)
    print("soak: " + ("; ".join(bad) if bad else "nothing wrong"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
