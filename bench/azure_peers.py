#!/usr/bin/env python3
"""peers.py for Azure Blob Storage: one transfer of one blob in its own process. Run by bench/run --store azure.

azure_peers.py CLIENT get|put|get-file|put-file|read|write CONTAINER NAME MIB [FILE]
"""

import os
import sys

from peers import fsspec_jobs, obstore_into_jobs, obstore_jobs, transfer


def settings():
    """What the connection string of the environment has: {"AccountName": …, "AccountKey": …, "BlobEndpoint": …}."""
    parts = os.environ["AZURE_STORAGE_CONNECTION_STRING"].split(";")
    return dict(part.split("=", 1) for part in parts if part)


def obstore_store(container):
    import obstore.store

    given = settings()
    return obstore.store.AzureStore(
        container,
        account_name=given["AccountName"],
        account_key=given["AccountKey"],
        endpoint=given["BlobEndpoint"],
        client_options={"allow_http": True},
    )


def adlfs_filesystem():
    from adlfs import AzureBlobFileSystem

    return AzureBlobFileSystem(connection_string=os.environ["AZURE_STORAGE_CONNECTION_STRING"])


CLIENTS = {
    "obstore": lambda job: obstore_jobs(job, obstore_store),
    "obstore-into": lambda job: obstore_into_jobs(job, obstore_store),
    "adlfs": lambda job: fsspec_jobs(job, adlfs_filesystem()),
}


if __name__ == "__main__":
    transfer(CLIENTS, *sys.argv[1:])
