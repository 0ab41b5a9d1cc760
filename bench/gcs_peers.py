#!/usr/bin/env python3
"""peers.py for Google Cloud Storage: one transfer of one object in its own process. Run by bench/run --store gcs.

gcs_peers.py CLIENT get|put|get-file|put-file|read|write BUCKET KEY MIB [FILE]
"""

import os
import sys

from peers import fsspec_jobs, obstore_into_jobs, obstore_jobs, transfer


def endpoint():
    return os.environ["STORAGE_EMULATOR_HOST"]


def obstore_store(bucket):
    import obstore.store

    return obstore.store.GCSStore(bucket, base_url=endpoint(), bearer_token="any", client_options={"allow_http": True})


def obstore_put_options():
    """fake-gcs-server has no multipart uploads: one request there."""
    return {"use_multipart": False} if os.environ.get("COVE_CONTRACT_SERVER") == "fake-gcs-server" else {}


def gcsfs_filesystem():
    # Not the class for zonal buckets: it asks Google's own endpoint by gRPC for a bucket's type, whatever the endpoint.
    from gcsfs.core import GCSFileSystem

    return GCSFileSystem(token="anon", endpoint_url=endpoint(), project="bench")


CLIENTS = {
    "obstore": lambda job: obstore_jobs(job, obstore_store, obstore_put_options()),
    "obstore-into": lambda job: obstore_into_jobs(job, obstore_store),
    "gcsfs": lambda job: fsspec_jobs(job, gcsfs_filesystem()),
}


if __name__ == "__main__":
    transfer(CLIENTS, *sys.argv[1:])
