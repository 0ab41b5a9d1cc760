#!/usr/bin/env python3
"""The peers' rows of the benchmark of many small things, each in its own process. Run by bench/run.

    many_peers.py CLIENT get|put|serial-get|serial-put|list COUNT BYTES [AT-ONCE]

Each does what its own manual shows; many at once are 64 at once unless stated otherwise.
"""

import asyncio
import sys

from measuring import measured
from peers import boto3_client, obstore_store

BUCKET = "bench"


def key(i):
    return f"small/{i:06d}"


async def all_of(one, count, parallel):
    gate = asyncio.Semaphore(parallel)

    async def gated(i):
        async with gate:
            await one(i)

    await asyncio.gather(*map(gated, range(count)))


def obstore_verbs(count, size, parallel, of_bucket=obstore_store):
    import obstore

    store, data = of_bucket(BUCKET), b"\x5a" * size

    async def get(i):
        response = await obstore.get_async(store, key(i))
        assert len(await response.bytes_async()) == size

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

    return {
        "get": lambda: asyncio.run(all_of(get, count, parallel)),
        "put": lambda: asyncio.run(all_of(put, count, parallel)),
        "serial-get": serial_get,
        "serial-put": serial_put,
        "list": listing,
    }


def s3fs_verbs(count, size, parallel):
    import os

    import s3fs

    return fsspec_verbs(s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"]), count, size, parallel)


def fsspec_verbs(fs, count, size, parallel):
    data = b"\x5a" * size
    names = [f"{BUCKET}/{key(i)}" for i in range(count)]

    def serial_get():
        for name in names:
            assert len(fs.cat_file(name)) == size

    def serial_put():
        for name in names:
            fs.pipe_file(name, data)

    def listing():
        assert len(fs.find(f"{BUCKET}/listed")) == count

    return {
        "get": lambda: fs.cat(names, batch_size=parallel),
        "put": lambda: fs.pipe(dict.fromkeys(names, data), batch_size=parallel),
        "serial-get": serial_get,
        "serial-put": serial_put,
        "list": listing,
    }


def boto3_verbs(count, size, parallel):
    from concurrent.futures import ThreadPoolExecutor

    client, data = boto3_client(parallel), b"\x5a" * size

    def get(i):
        assert len(client.get_object(Bucket=BUCKET, Key=key(i))["Body"].read()) == size

    def put(i):
        client.put_object(Bucket=BUCKET, Key=key(i), Body=data)

    def threads(one):
        with ThreadPoolExecutor(parallel) as pool:
            list(pool.map(one, range(count)))

    def listing():
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="listed/")
        assert sum(len(page.get("Contents", [])) for page in pages) == count

    return {
        "get": lambda: threads(get),
        "put": lambda: threads(put),
        "serial-get": lambda: list(map(get, range(count))),
        "serial-put": lambda: list(map(put, range(count))),
        "list": listing,
    }


VERBS = {"obstore": obstore_verbs, "s3fs": s3fs_verbs, "boto3": boto3_verbs}


def run(verbs, client, verb, count, size, parallel="64"):
    measured(verbs[client](int(count), int(size), int(parallel))[verb])


if __name__ == "__main__":
    run(VERBS, *sys.argv[1:])
