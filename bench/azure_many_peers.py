#!/usr/bin/env python3
"""many_peers.py for Azure Blob Storage. Run by bench/run --store azure.

azure_many_peers.py CLIENT get|put|serial-get|serial-put|list COUNT BYTES [AT-ONCE]
"""

import sys

from azure_peers import adlfs_filesystem, obstore_store
from many_peers import fsspec_verbs, obstore_verbs, run

VERBS = {
    "obstore": lambda *numbers: obstore_verbs(*numbers, of_bucket=obstore_store),
    "adlfs": lambda *numbers: fsspec_verbs(adlfs_filesystem(), *numbers),
}


if __name__ == "__main__":
    run(VERBS, *sys.argv[1:])
