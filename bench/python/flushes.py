#!/usr/bin/env python3
"""Appends to one file, in its own process. For each line N that it reads it makes N flushes, and prints "WALL CPU" of one. Run by bench/python/logs.

flushes.py URL BYTES
"""

import sys
import time


def main():
    import cove
    import fsspec

    url, size = sys.argv[1], int(sys.argv[2])
    cove.register()
    fs = fsspec.filesystem(url.partition(":")[0])
    with fs.open(url, "ab") as log:
        for line in sys.stdin:
            count = int(line)
            wall, cpu = time.monotonic(), time.process_time()
            for _ in range(count):
                log.write(b"x" * size)
                log.flush()
            print((time.monotonic() - wall) / count, (time.process_time() - cpu) / count, flush=True)


if __name__ == "__main__":
    main()
