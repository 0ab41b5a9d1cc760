"""The rows of the benchmark: which works there are, who can do each, what is aimed at. For bench/run and bench/report."""

from stores import LISTED

LARGE = ["get", "put", "get-file", "put-file", "read", "write"]
SMALL = ["many-get", "many-put", "serial-get", "serial-put", "list"]
WORKS = LARGE + SMALL
SMALL_SIZE = 16 << 10

WORDS = {
    "get": "get into memory", "put": "put from memory", "get-file": "get to a file", "put-file": "put from a file",
    "read": "streamed read", "write": "streamed write", "many-get": "small gets, many at once",
    "many-put": "small puts, many at once", "serial-get": "small gets, one after another",
    "serial-put": "small puts, one after another", "list": "listing",
}

LARGE_CLIENTS = ["cove", "cove-fresh", "cove-signed", "libcurl", "obstore", "obstore-into", "crt", "pyarrow", "s5cmd", "s3fs", "boto3"]
SMALL_CLIENTS = ["cove", "obstore", "s3fs", "boto3"]
CLIENTS = list(dict.fromkeys(LARGE_CLIENTS + SMALL_CLIENTS))
SLOW = {"s3fs", "boto3"}  # far from every aim: measured in the first round only
ONLY = {"cove-fresh": {"get"}, "cove-signed": {"put"}, "obstore-into": {"get"}, "s5cmd": {"get-file", "put-file"}}
# Whose object is memory that the get itself makes: its size is no cost of the client.
OWN_MEMORY = {"cove-fresh", "obstore", "crt", "pyarrow", "s3fs", "boto3"}
PEAK_MIB = 96


def clients_of(work, server):
    """Who has a row. The CRT trusts the system's authorities alone."""
    return [c for c in (LARGE_CLIENTS if work in LARGE else SMALL_CLIENTS)
            if work in ONLY.get(c, WORKS) and not (c == "crt" and server == "tls")]


def count_of(work, server, count):
    """How many objects or keys a work on small ones has: fewer where each costs a round trip of its own."""
    if work == "list":
        return count if server in ("minio", "tls", "far") else LISTED
    return max(count // 10, 1) if work.startswith("serial") and server in ("delayed", "far") else count


WALL = [("cove", "wall", "best", 1.0), ("cove", "wall", "best-client", 1.0)]


def aims_of(work, server):
    """What is aimed at: (client, figure, against whom, how many times it at most). "best": the best of all peers,
    "best-client": of those that are more than bare libcurl; None: MiB."""
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
