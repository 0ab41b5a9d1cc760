"""What the peers in Python measure of themselves, as memory.c does it for the C clients: of the transfer alone."""

import time


def status_kib(name):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name))


def measured(run):
    """Calls run() and prints "WALL CPU PEAK": seconds, CPU seconds, and by how many bytes resident memory grew at its peak."""
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # resets VmHWM
    resident = status_kib("VmRSS:")
    begin, cpu = time.monotonic(), time.process_time()
    run()
    print(time.monotonic() - begin, time.process_time() - cpu, max(status_kib("VmHWM:") - resident, 0) << 10)
