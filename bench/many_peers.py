#!/usr/bin/env python3
"""obstore's and s3fs's rows of the benchmark of many small things, each in a process of its own. Run by bench/many.

    many_peers.py CLIENT get|put|serial-get|serial-put|list COUNT BYTES

Each does what its own manual shows; many at once are 64 at once, as cove's default is. Prints seconds of wall time and of CPU.
"""

import asyncio
import sys
import time

from peers import obstore_store

BUCKET = "bench"
AT_ONCE = 64


def key(i):
    return f"small/{i:06d}"


async def all_of(one, count):
    gate = asyncio.Semaphore(AT_ONCE)

    async def gated(i):
        async with gate:
            await one(i)

    await asyncio.gather(*map(gated, range(count)))


def obstore_verbs(count, size):
    import obstore

    store, data = obstore_store(BUCKET), b"\x5a" * size

    async def get(i):
        reply = await obstore.get_async(store, key(i))
        assert len(await reply.bytes_async()) == size

    async def put(i):
        await obstore.put_async(store, key(i), data)

    def serial_get():
        for i in range(count):
            assert len(obstore.get(store, key(i)).bytes()) == size

    def serial_put():
        for i in range(count):
            obstore.put(store, key(i), data)

    def listing():
        assert sum(len(page) for page in obstore.list(store, "listed/")) == count

    return {"get": lambda: asyncio.run(all_of(get, count)), "put": lambda: asyncio.run(all_of(put, count)),
            "serial-get": serial_get, "serial-put": serial_put, "list": listing}


def s3fs_verbs(count, size):
    import os

    import s3fs

    fs, data = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"]), b"\x5a" * size
    names = [f"{BUCKET}/{key(i)}" for i in range(count)]

    def serial_get():
        for name in names:
            assert len(fs.cat_file(name)) == size

    def serial_put():
        for name in names:
            fs.pipe_file(name, data)

    def listing():
        assert len(fs.find(f"{BUCKET}/listed")) == count

    return {"get": lambda: fs.cat(names), "put": lambda: fs.pipe(dict.fromkeys(names, data)),
            "serial-get": serial_get, "serial-put": serial_put, "list": listing}


def main():
    client, verb, count, size = sys.argv[1:]
    run = {"obstore": obstore_verbs, "s3fs": s3fs_verbs}[client](int(count), int(size))[verb]
    begin, cpu = time.monotonic(), time.process_time()
    run()
    print(time.monotonic() - begin, time.process_time() - cpu)


if __name__ == "__main__":
    main()
