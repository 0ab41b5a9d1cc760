"""What no response of the service is, as it lacks x-ms-request-id, is neither a success nor a word on what the store has."""

import pytest

import azure
from server import MockServer
from test_azure_mock import call

LARGE = "20000000"
MADE = 'HTTP/1.1 201 Created\r\nETag: "0x1"\r\nContent-Length: 0\r\n\r\n'
COPIED = 'HTTP/1.1 202 Accepted\r\nETag: "0x1"\r\nx-ms-copy-status: success\r\nx-ms-copy-id: 1\r\nContent-Length: 0\r\n\r\n'
DELETED = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
GONE = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
OTHERS = [
    ("PutBlob", MADE, ["put", "az://b/new", "100"]),
    ("PutBlockList", MADE, ["write", "az://b/new", LARGE]),
    ("CopyBlob", COPIED, ["copy", "az://b/d/1", "b/new"]),
    ("CopyBlob", COPIED, ["move", "az://b/d/1", "b/new"]),
    ("DeleteBlob", DELETED, ["rm", "az://b/d/1"]),
    ("DeleteBlob", GONE, ["rm", "az://b/d/1"]),
    ("CreateContainer", MADE, ["mkdir", "az://new"]),
]
PART = "--B\r\nContent-Type: application/http\r\n{id}\r\nHTTP/1.1 404 Not Found\r\n{header}\r\n\r\n"


def started(*faults):
    return MockServer({"b/d/1": b"1", "b/d/2": b"2"}, kind=azure.Store, faults=faults)


@pytest.mark.parametrize("on, raw, verb", OTHERS)
def test_a_response_of_another_server(on, raw, verb):
    with started({"on": on, "raw": raw, "times": -1}) as server:
        outcome = call(server, *verb, retries="1")
        assert outcome.code == "COVE_EPROTOCOL" and "not from the store" in outcome.message.replace("not the store's", "not from the store"), outcome
        assert set(server.store.objects) == {"b/d/1", "b/d/2"}


def batch_of(*parts):
    body = "".join(PART.format(id=f"Content-ID: {n}\r\n" if n is not None else "", header=header) for n, header in parts) + "--B--\r\n"
    return {"on": "BlobBatch", "status": 202, "headers": {"Content-Type": "multipart/mixed; boundary=B"}, "body": body, "times": -1}


@pytest.mark.parametrize("parts", [[(None, "")], [(0, ""), (1, "")]])
def test_parts_that_show_nothing(parts):
    """They are not the store's, with an ID or without."""
    with started(batch_of(*parts)) as server:
        outcome = call(server, "rmtree", "az://b/d", retries="0")
        assert not outcome.ok and len(server.store.objects) == 2, outcome


@pytest.mark.parametrize(
    "fault",
    [{"status": 404, "error": ["ResourceNotFound", "mocked"]}, batch_of((None, "x-ms-error-code: ResourceNotFound\r\n")), {"raw": GONE}],
)
def test_a_batch_that_is_not_found(fault):
    """Or a part of it without an ID, which is of all of it: the blobs are there, and are deleted one by one. Another server's word ends it."""
    with started({"times": -1, **fault, "on": "BlobBatch"}) as server:
        outcome = call(server, "rmtree", "az://b/d", retries="0")
        of_another = "raw" in fault
        assert outcome.code == ("COVE_EPROTOCOL" if of_another else "COVE_OK"), outcome
        assert (len(server.store.objects), server.count("DeleteBlob")) == ((2, 0) if of_another else (0, 2))
