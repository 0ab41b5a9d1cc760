#!/usr/bin/env python3
"""The peers that are Python packages: one transfer in a process of its own. Run by bench/s3.

    peers.py CLIENT start-get|start-put|get|put BUCKET KEY MIB
    peers.py presign GET|PUT BUCKET KEY
    peers.py size BUCKET KEY
    peers.py versions

Each does what its own manual shows for an object in memory, with default options. The start-... modes do everything but the transfer.
Imports are local, so that a client pays for itself alone.
"""

import os
import sys


def boto3_client():
    import boto3

    return boto3.client("s3")


def run_boto3(mode, bucket, key, data, size):
    import io

    client = boto3_client()
    if mode == "put":
        client.upload_fileobj(io.BytesIO(data), bucket, key)
    elif mode == "get":
        target = io.BytesIO()
        client.download_fileobj(bucket, key, target)
        return target.getbuffer().nbytes
    return size


def run_s3fs(mode, bucket, key, data, size):
    import s3fs

    fs = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    if mode == "put":
        fs.pipe_file(f"{bucket}/{key}", data)
    elif mode == "get":
        return len(fs.cat_file(f"{bucket}/{key}"))
    return size


def obstore_store(bucket):
    import obstore.store

    return obstore.store.S3Store(
        bucket, endpoint=os.environ["AWS_ENDPOINT_URL"], access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"], region=os.environ["AWS_REGION"],
        virtual_hosted_style_request=False, client_options={"allow_http": True})


def run_obstore(mode, bucket, key, data, size):
    import obstore

    store = obstore_store(bucket)
    if mode == "put":
        obstore.put(store, key, data)
    elif mode == "get":
        return len(obstore.get(store, key).bytes())
    return size


def run_obstore_into(mode, bucket, key, data, size):
    """Into memory that is there already, as cove's and libcurl's rows do it."""
    import obstore

    store = obstore_store(bucket)
    place = memoryview(bytearray(b"\x5a") * size)
    at = 0
    if mode == "get":
        for chunk in obstore.get(store, key).stream():
            place[at : at + len(chunk)] = chunk
            at += len(chunk)
        return at
    return size


CLIENTS = {"boto3": run_boto3, "s3fs": run_s3fs, "obstore": run_obstore, "obstore-into": run_obstore_into}


def transfer(client, mode, bucket, key, mib):
    size = int(mib) << 20
    data = b"\x5a" * size if mode in ("start-put", "put") else b""
    moved = CLIENTS[client](mode, bucket, key, data, size)
    if moved != size:
        sys.exit(f"{client}: {moved} bytes came instead of {size}")


def main():
    verb, *args = sys.argv[1:]
    if verb == "presign":
        method, bucket, key = args
        call = {"GET": "get_object", "PUT": "put_object"}[method]
        print(boto3_client().generate_presigned_url(call, Params={"Bucket": bucket, "Key": key}, ExpiresIn=6 * 3600))
    elif verb == "size":
        print(boto3_client().head_object(Bucket=args[0], Key=args[1])["ContentLength"])
    elif verb == "versions":
        from importlib.metadata import version

        print(", ".join(f"{name} {version(name)}" for name in ("obstore", "s3fs", "aiobotocore", "boto3", "s5cmd")))
    else:
        transfer(verb, *args)


if __name__ == "__main__":
    main()
