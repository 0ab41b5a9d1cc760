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
import time


def boto3_client():
    import boto3

    return boto3.client("s3")


def prepare_boto3(bucket, key, data, size):
    import io

    client = boto3_client()
    target = io.BytesIO()

    def get():
        client.download_fileobj(bucket, key, target)
        return target.getbuffer().nbytes

    return get, lambda: client.upload_fileobj(io.BytesIO(data), bucket, key)


def prepare_s3fs(bucket, key, data, size):
    import s3fs

    fs = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    return lambda: len(fs.cat_file(f"{bucket}/{key}")), lambda: fs.pipe_file(f"{bucket}/{key}", data)


def obstore_store(bucket):
    import obstore.store

    return obstore.store.S3Store(
        bucket, endpoint=os.environ["AWS_ENDPOINT_URL"], access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"], region=os.environ["AWS_REGION"],
        virtual_hosted_style_request=False, client_options={"allow_http": True, **obstore_trust()})


def obstore_trust():
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if not bundle:
        return {}
    with open(bundle, "rb") as f:
        return {"root_certificate": f.read()}


def prepare_obstore(bucket, key, data, size):
    import obstore

    store = obstore_store(bucket)
    return lambda: len(obstore.get(store, key).bytes()), lambda: obstore.put(store, key, data)


def prepare_obstore_into(bucket, key, data, size):
    """Into memory that is there already, as cove's and libcurl's rows do it."""
    import obstore

    store = obstore_store(bucket)
    place = memoryview(bytearray(b"\x5a") * size)

    def get():
        at = 0
        for chunk in obstore.get(store, key).stream():
            place[at : at + len(chunk)] = chunk
            at += len(chunk)
        return at

    return get, None


def prepare_pyarrow(bucket, key, data, size):
    import pyarrow.fs

    scheme, host = os.environ["AWS_ENDPOINT_URL"].split("://")
    fs = pyarrow.fs.S3FileSystem(endpoint_override=host, scheme=scheme, region=os.environ["AWS_REGION"],
                                 tls_ca_file_path=os.environ.get("AWS_CA_BUNDLE"))

    def get():
        with fs.open_input_file(f"{bucket}/{key}") as f:
            return len(f.read())

    def put():
        with fs.open_output_stream(f"{bucket}/{key}") as f:
            f.write(data)

    return get, put


def prepare_crt(bucket, key, data, size):
    """The AWS CRT, by the client that S3's connector for PyTorch is made of."""
    from s3torchconnectorclient._mountpoint_s3_client import MountpointS3Client

    client = MountpointS3Client(region=os.environ["AWS_REGION"], endpoint=os.environ["AWS_ENDPOINT_URL"], force_path_style=True)

    def get():
        return len(b"".join(client.get_object(bucket, key)))

    def put():
        stream = client.put_object(bucket, key)
        stream.write(data)
        stream.close()

    return get, put


CLIENTS = {"boto3": prepare_boto3, "s3fs": prepare_s3fs, "pyarrow": prepare_pyarrow, "crt": prepare_crt,
           "obstore": prepare_obstore, "obstore-into": prepare_obstore_into}


def transfer(client, mode, bucket, key, mib):
    """Prints what the transfer alone took: seconds of wall time and of CPU."""
    size = int(mib) << 20
    data = b"\x5a" * size if mode in ("start-put", "put") else b""
    get, put = CLIENTS[client](bucket, key, data, size)
    begin, cpu = time.monotonic(), time.process_time()
    if mode == "get":
        moved = get()
        if moved != size:
            sys.exit(f"{client}: {moved} bytes came instead of {size}")
    elif mode == "put":
        put()
    print(time.monotonic() - begin, time.process_time() - cpu)


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

        print(", ".join(f"{name} {version(name)}" for name in ("obstore", "pyarrow", "s3torchconnectorclient", "s3fs", "aiobotocore", "boto3", "s5cmd")))
    else:
        transfer(verb, *args)


if __name__ == "__main__":
    main()
