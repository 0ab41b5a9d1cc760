"""Appends to blobs whose blocks another program has made, on Azurite."""

import base64
import urllib.parse
import urllib.request
import uuid

import pytest


def request(url, data):
    urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/octet-stream"}, method="PUT")).close()


@pytest.mark.parametrize("size", [7, 16, 36, 64])
def test_names_of_another_length(az, azure, size):
    """The service takes new blocks only with names as long as those that are there."""
    path = f"{azure.containers[0]}/{uuid.uuid4()}"
    url = az.url(path, method="PUT")
    names = [base64.b64encode(f"{n:0{size}}".encode()).decode() for n in range(4)]
    for name in names[:3]:
        request(f"{url}&comp=block&blockid={urllib.parse.quote(name, safe='')}", b"x" * 30_000)
    request(f"{url}&comp=blocklist", f"<BlockList>{''.join(f'<Latest>{name}</Latest>' for name in names[:3])}</BlockList>".encode())
    request(f"{url}&comp=block&blockid={urllib.parse.quote(names[3], safe='')}", b"not committed")
    for text in (b"one", b"two"):
        with az.open(path, "ab") as f:
            f.write(text)
    assert az.cat_file(path) == b"x" * 90_000 + b"onetwo"


def test_a_blob_with_many_blocks(az, azure):
    """The server puts a run of them together."""
    path = f"{azure.containers[0]}/{uuid.uuid4()}"
    url = az.url(path, method="PUT")
    names = [base64.b64encode(f"{n:07}".encode()).decode() for n in range(70)]
    for name in names:
        request(f"{url}&comp=block&blockid={urllib.parse.quote(name, safe='')}", name.encode() * 100)
    request(f"{url}&comp=blocklist", f"<BlockList>{''.join(f'<Latest>{name}</Latest>' for name in names)}</BlockList>".encode())
    with az.open(path, "ab") as f:
        f.write(b"end")
    assert az.cat_file(path) == b"".join(name.encode() * 100 for name in names) + b"end"
    with urllib.request.urlopen(f"{az.url(path)}&comp=blocklist") as response:
        assert response.read().count(b"<Block>") == 2
