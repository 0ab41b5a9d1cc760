"""The rows of the benchmark: which works there are, who can do each, what is aimed at. For bench/run and bench/report."""

from stores import LISTED, SINKS

LARGE = ["get", "put", "get-file", "put-file", "read", "write"]
SMALL = ["many-get", "many-put", "serial-get", "serial-put", "list"]
WORKS = LARGE + SMALL
SMALL_SIZE = 16 << 10

WORDS = {
    "get": "get into memory",
    "put": "put from memory",
    "get-file": "get to a file",
    "put-file": "put from a file",
    "read": "streamed read",
    "write": "streamed write",
    "many-get": "small gets, many at once",
    "many-put": "small puts, many at once",
    "serial-get": "small gets, one after another",
    "serial-put": "small puts, one after another",
    "list": "listing",
}

LARGE_CLIENTS = {
    "s3": ["cove", "cove-fresh", "cove-signed", "libcurl", "obstore", "obstore-into", "crt", "pyarrow", "s5cmd", "s3fs", "boto3"],
    "gcs": ["cove", "cove-fresh", "libcurl", "obstore", "obstore-into", "gcsfs"],
    "azure": ["cove", "cove-fresh", "obstore", "obstore-into", "adlfs"],
}
SMALL_CLIENTS = {"s3": ["cove", "obstore", "s3fs", "boto3"], "gcs": ["cove", "obstore", "gcsfs"], "azure": ["cove", "obstore", "adlfs"]}
CLIENTS = {store: list(dict.fromkeys(LARGE_CLIENTS[store] + SMALL_CLIENTS[store])) for store in LARGE_CLIENTS}
PEERS = {"s3": ("peers.py", "many_peers.py"), "gcs": ("gcs_peers.py", "gcs_many_peers.py"), "azure": ("azure_peers.py", "azure_many_peers.py")}
PACKAGES = {
    "s3": ("obstore", "pyarrow", "s3torchconnectorclient", "s3fs", "aiobotocore", "boto3", "s5cmd"),
    "gcs": ("obstore", "gcsfs", "aiohttp", "fsspec"),
    "azure": ("obstore", "adlfs", "azure-storage-blob", "aiohttp", "fsspec"),
}
SLOW = {"s3fs", "boto3"}  # far from every aim: measured in the first round only
ONLY = {"cove-fresh": {"get"}, "cove-signed": {"put"}, "obstore-into": {"get"}, "s5cmd": {"get-file", "put-file"}}
# What fake-gcs-server lacks: multipart uploads, and a PUT of a plain body of any type.
NOT_ON_FAKE = {("obstore", "write"), ("libcurl", "put"), ("libcurl", "put-file"), ("libcurl", "write")}
# Whose object is memory that the get itself makes: its size is no cost of the client.
OWN_MEMORY = {"cove-fresh", "obstore", "crt", "pyarrow", "s3fs", "boto3", "gcsfs", "adlfs"}
PEAK_MIB = 96


def clients_of(store, work, server):
    """Who has a row. The CRT trusts the system's authorities alone."""
    clients = LARGE_CLIENTS[store] if work in LARGE else SMALL_CLIENTS[store]
    lacks = {("crt", "tls")} if server == "tls" else set()
    return [c for c in clients if work in ONLY.get(c, WORKS) and (c, server) not in lacks and not (server == "fake" and (c, work) in NOT_ON_FAKE)]


def count_of(store, work, server, count):
    """The number of objects or keys of a work on small ones: fewer if each costs a round trip."""
    if work == "list":
        return LISTED[store] if server in SINKS else count
    return max(count // 10, 1) if work.startswith("serial") and server in ("delayed", "far") else count


WALL = [("cove", "wall", "best", 1.0), ("cove", "wall", "best-client", 1.0)]


GCS_AIMS = {
    "get": [("cove", "cpu", "gcsfs", 0.3), ("cove", "cpu", "obstore", 0.6), ("cove", "wall", "gcsfs", 1.0), ("cove", "wall", "obstore", 1.0)],
    "read": [("cove", "wall", "best-client", 1.1), ("cove", "peak", None, PEAK_MIB)],
    "many-get": [("cove", "wall", "gcsfs", 0.2), ("cove", "cpu", "obstore", 0.5)],
    "list": [("cove", figure, peer, 1.0) for figure in ("cpu", "wall") for peer in ("gcsfs", "obstore")],
}
GCS_AIMS |= {"put": GCS_AIMS["get"], "write": GCS_AIMS["read"], "many-put": GCS_AIMS["many-get"]}


AZURE_AIMS = {
    "get": [("cove", "cpu", "adlfs", 0.3), ("cove", "cpu", "obstore", 0.6), ("cove", "wall", "adlfs", 1.0), ("cove", "wall", "obstore", 1.0)],
    "read": [("cove", "peak", None, PEAK_MIB)],
    "many-get": [("cove", "wall", "adlfs", 0.2)],
}
AZURE_AIMS |= {"put": [*AZURE_AIMS["get"], ("cove", "wall", "adlfs", 0.2)], "write": AZURE_AIMS["read"], "many-put": AZURE_AIMS["many-get"]}


def aims_of(store, work, server):
    """What is aimed at: (client, figure, against whom, how many times it at most). "best": the best of all peers,
    "best-client": of those that are more than bare libcurl; None: MiB."""
    if store != "s3":
        return {"gcs": GCS_AIMS, "azure": AZURE_AIMS}[store].get(work, [])
    own = {
        "get": [("cove", "cpu", "libcurl", 1.25), ("cove", "cpu", "obstore", 0.5)],
        "put": [("cove", "cpu", "libcurl", 1.5), ("cove", "cpu", "obstore", 0.6), ("cove-signed", "cpu", "obstore", 1.0)],
        "many-get": [("cove", "cpu", "obstore", 0.4), ("cove", "wall", "obstore", 1.0)],
        "many-put": [("cove", "cpu", "obstore", 0.4), ("cove", "wall", "obstore", 1.0)],
        "serial-get": [("cove", "cpu", "obstore", 0.6)],
        "list": [("cove", "cpu", "obstore", 1.0), ("cove", "wall", "obstore", 1.0)],
    }.get(work, [*WALL, ("cove", "peak", None, PEAK_MIB)] if work in LARGE else [])
    if server == "tls":  # where OpenSSL's own cost is libcurl's
        shown = {"get": [("cove", "cpu", "libcurl", 1.25)], "put": [("cove", "cpu", "libcurl", 1.5)]}
        return [("cove", "cpu", "best-client", 0.6), *shown.get(work, [])]
    if server in ("delayed", "far"):
        return [*WALL, *(aim for aim in own if aim[1] != "wall")]
    return own
