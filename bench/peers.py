#!/usr/bin/env python3
"""The peers that are Python packages: one transfer of one object in its own process. Run by bench/run.

    peers.py CLIENT get|put|get-file|put-file|read|write BUCKET KEY MIB [FILE]

Each does what its own manual shows, with default options; streams go by blocks of 1 MiB where it takes or gives blocks.
Imports are local, so that a client pays for itself alone. A work that a client has no call for is missing from its table.
"""

import io
import os
import sys

from measuring import measured

BLOCK = 1 << 20


class Job:
    def __init__(self, mode, bucket, key, mib, file=None):
        self.mode, self.bucket, self.key, self.file = mode, bucket, key, file
        self.size = int(mib) << 20
        self.data = b"\x5a" * (self.size if mode == "put" else BLOCK)
        self.path = f"{bucket}/{key}"

    def blocks(self):
        return (self.data for _ in range(self.size // BLOCK))


class Source(io.RawIOBase):
    """A stream of `size` bytes without a size and a position."""

    def __init__(self, size):
        self.left = size

    def readable(self):
        return True

    def readinto(self, buffer):
        n = min(len(buffer), self.left)
        buffer[:n] = b"\x5a" * n
        self.left -= n
        return n


def drain(f):
    """Reads a stream to its end by blocks; its length."""
    length = 0
    while block := f.read(BLOCK):
        length += len(block)
    return length


def boto3_client(connections=10):
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(max_pool_connections=connections))


def boto3_jobs(job):
    client, target = boto3_client(), io.BytesIO()
    at = job.bucket, job.key

    def get():
        client.download_fileobj(*at, target)
        return target.getbuffer().nbytes

    return {
        "get": get,
        "put": lambda: client.upload_fileobj(io.BytesIO(job.data), *at),
        "get-file": lambda: client.download_file(*at, job.file),
        "put-file": lambda: client.upload_file(job.file, *at),
        "read": lambda: sum(map(len, client.get_object(Bucket=job.bucket, Key=job.key)["Body"].iter_chunks(BLOCK))),
        "write": lambda: client.upload_fileobj(Source(job.size), *at),
    }


def s3fs_jobs(job):
    import s3fs

    return fsspec_jobs(job, s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"]))


def fsspec_jobs(job, fs):
    def read():
        with fs.open(job.path) as f:
            return drain(f)

    def write():
        with fs.open(job.path, "wb") as f:
            f.writelines(job.blocks())

    return {
        "get": lambda: len(fs.cat_file(job.path)),
        "put": lambda: fs.pipe_file(job.path, job.data),
        "get-file": lambda: fs.get_file(job.path, job.file),
        "put-file": lambda: fs.put_file(job.file, job.path),
        "read": read,
        "write": write,
    }


def obstore_store(bucket):
    import obstore.store

    return obstore.store.S3Store(
        bucket,
        endpoint=os.environ["AWS_ENDPOINT_URL"],
        access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, **obstore_trust()},
    )


def obstore_trust():
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if not bundle:
        return {}
    with open(bundle, "rb") as f:
        return {"root_certificate": f.read()}


def obstore_jobs(job, of_bucket=obstore_store, put_options=None):
    from pathlib import Path

    import obstore

    store, key, options = of_bucket(job.bucket), job.key, put_options or {}

    def get_file():
        with open(job.file, "wb") as f:
            for chunk in obstore.get(store, key).stream():
                f.write(chunk)

    def write():
        with obstore.open_writer(store, key) as f:
            for block in job.blocks():
                f.write(block)

    return {
        "get": lambda: len(obstore.get(store, key).bytes()),
        "put": lambda: obstore.put(store, key, job.data, **options),
        "get-file": get_file,
        "put-file": lambda: obstore.put(store, key, Path(job.file), **options),
        "read": lambda: sum(map(len, obstore.get(store, key).stream(min_chunk_size=BLOCK))),
        "write": write,
    }


def obstore_into_jobs(job, of_bucket=obstore_store):
    """Into memory that is there already, as cove's and libcurl's rows do it."""
    import obstore

    store = of_bucket(job.bucket)
    place = memoryview(bytearray(b"\x5a") * job.size)

    def get():
        at = 0
        for chunk in obstore.get(store, job.key).stream():
            place[at : at + len(chunk)] = chunk
            at += len(chunk)
        return at

    return {"get": get}


def pyarrow_jobs(job):
    import pyarrow.fs

    scheme, host = os.environ["AWS_ENDPOINT_URL"].split("://")
    fs = pyarrow.fs.S3FileSystem(endpoint_override=host, scheme=scheme, region=os.environ["AWS_REGION"], tls_ca_file_path=os.environ.get("AWS_CA_BUNDLE"))

    def get():
        with fs.open_input_file(job.path) as f:
            return len(f.read())

    def put():
        with fs.open_output_stream(job.path) as f:
            f.write(job.data)

    def read():
        with fs.open_input_stream(job.path) as f:
            return drain(f)

    def write():
        with fs.open_output_stream(job.path) as f:
            for block in job.blocks():
                f.write(block)

    local = pyarrow.fs.LocalFileSystem()
    return {
        "get": get,
        "put": put,
        "get-file": lambda: pyarrow.fs.copy_files(job.path, job.file, source_filesystem=fs, destination_filesystem=local),
        "put-file": lambda: pyarrow.fs.copy_files(job.file, job.path, source_filesystem=local, destination_filesystem=fs),
        "read": read,
        "write": write,
    }


def crt_jobs(job):
    """The AWS CRT, by the client that S3's connector for PyTorch is made of."""
    from s3torchconnectorclient._mountpoint_s3_client import MountpointS3Client

    client = MountpointS3Client(region=os.environ["AWS_REGION"], endpoint=os.environ["AWS_ENDPOINT_URL"], force_path_style=True)
    at = job.bucket, job.key

    def put(blocks):
        stream = client.put_object(*at)
        for block in blocks:
            stream.write(block)
        stream.close()

    def get_file():
        with open(job.file, "wb") as f:
            f.writelines(client.get_object(*at))

    def put_file():
        with open(job.file, "rb") as f:
            put(iter(lambda: f.read(BLOCK), b""))

    return {
        "get": lambda: len(b"".join(client.get_object(*at))),
        "put": lambda: put([job.data]),
        "get-file": get_file,
        "put-file": put_file,
        "read": lambda: sum(map(len, client.get_object(*at))),
        "write": lambda: put(job.blocks()),
    }


CLIENTS = {"boto3": boto3_jobs, "s3fs": s3fs_jobs, "pyarrow": pyarrow_jobs, "crt": crt_jobs, "obstore": obstore_jobs, "obstore-into": obstore_into_jobs}


def transfer(clients, client, mode, *args):
    job = Job(mode, *args)
    run = clients[client](job)[mode]

    def checked():
        came = run()
        if mode in ("get", "read") and came != job.size:
            sys.exit(f"{client}: {came} bytes came instead of {job.size}")

    measured(checked)


if __name__ == "__main__":
    transfer(CLIENTS, *sys.argv[1:])
