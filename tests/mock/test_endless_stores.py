"""Listings that would not end, of every store: a page that comes again, and a directory that holds itself. Each call ends, after few requests."""

import json
import sys
from itertools import count

import pytest

import azure
import azure_dfs
import env as environment
import gcs
from azure_messages import Response, xml_response
from gcs_messages import json_response
from server import MockServer
from store import Store
from store import xml_response as s3_response

MOST = 24  # requests of one call


def s3_page(r, names, prefixes, token):
    entries = "".join(f"<Contents><Key>{name}</Key><Size>1</Size><LastModified>2026-11-23T21:13:00.000Z</LastModified></Contents>" for name in names)
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else "<IsTruncated>false</IsTruncated>"
    return s3_response("ListBucketResult", more + entries + "".join(f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>" for name in prefixes))


def gs_page(r, names, prefixes, token):
    items = [{"kind": "storage#object", "name": name, "bucket": "b", "size": "1", "generation": "1", "updated": "2026-11-23T21:13:00Z"} for name in names]
    return json_response({"kind": "storage#objects", "items": items, "prefixes": prefixes, **({"nextPageToken": token} if token else {})})


def az_page(r, names, prefixes, token):
    rows = "<Content-Length>1</Content-Length><Etag>0x8</Etag><Last-Modified>Mon, 23 Nov 2026 21:13:00 GMT</Last-Modified><BlobType>BlockBlob</BlobType>"
    inner = "".join(f"<Blob><Name>{name}</Name><Properties>{rows}</Properties></Blob>" for name in names)
    inner += "".join(f"<BlobPrefix><Name>{name}</Name></BlobPrefix>" for name in prefixes)
    return xml_response(f'<EnumerationResults ContainerName="b"><Blobs>{inner}</Blobs><NextMarker>{token}</NextMarker></EnumerationResults>')


def dfs_page(r, names, prefixes, token):
    rows = [{"name": name, "contentLength": "1", "etag": "0x8", "lastModified": "Mon, 23 Nov 2026 21:13:00 GMT"} for name in names]
    rows += [{"name": name.rstrip("/"), "isDirectory": "true", "contentLength": "0", "etag": "0x8"} for name in prefixes]
    headers = {"Content-Type": "application/json", **({"x-ms-continuation": token} if token else {})}
    return Response(200, headers, json.dumps({"paths": rows}).encode())


def az_options(server, **more):
    return {"endpoint_url": server.endpoint, **azure.OPTIONS, **more}


STORES = {  # the mock, the request that lists, the maker of a page, the URL's scheme, and options that lead there
    "s3": (Store, "ListObjectsV2", s3_page, "s3", lambda s: {"endpoint_url": s.endpoint, "key": "K", "secret": "S", "region": "us-east-1", "retries": 0}),
    "gs": (gcs.Store, "objects.list", gs_page, "gs", lambda s: {"endpoint_url": s.endpoint, "token": "anon", "retries": 0}),
    "az": (azure.Store, "ListBlobs", az_page, "az", lambda s: az_options(s, retries=0)),
    "dfs": (azure_dfs.Store, "PathList", dfs_page, "az", lambda s: az_options(s, retries=0, dfs_endpoint=f"{s.endpoint}/dfs/{azure.ACCOUNT}")),
}


class Strange:
    """with Strange("az", page) as at: at.python — the store answers each listing by page(prefix) -> (names, prefixes, token)."""

    def __init__(self, name, page):
        kind, self.operation, self.make, self.scheme, self.options = STORES[name]
        self.server, self.page, self.real = MockServer({"b/d/k": b"1"}, kind=kind), page, None

    def __enter__(self):
        self.server.__enter__()
        self.real, self.server.store.answer = self.server.store.answer, self.answer
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)

    def answer(self, r):
        if r.operation != self.operation:
            return self.real(r)
        return self.make(r, *self.page(r.query.get("prefix") or r.query.get("directory") or ""))

    @property
    def python(self):
        import cove

        kind = {"s3": cove.S3FileSystem, "gs": cove.GCSFileSystem, "az": cove.AzureBlobFileSystem}[self.scheme]
        return kind(**self.options(self.server), skip_instance_cache=True)

    def requests(self):
        return len(self.server.requests)


@pytest.fixture(autouse=True)
def package():
    if not (environment.build_dir() / "python" / "cove").exists():
        pytest.skip("this build has no Python package")
    sys.path.insert(0, str(environment.build_dir() / "python"))


CALLS = {
    "ls": lambda fs: fs.ls("b/d"),
    "find": lambda fs: fs.find("b/d"),
    "walk": lambda fs: list(fs.walk("b/d", on_error="raise")),
    "glob": lambda fs: fs.glob("b/d/**"),
    "du": lambda fs: fs.du("b/d"),
    "rm": lambda fs: fs.rm("b/d", recursive=True),
}


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("call", CALLS)
def test_a_page_that_comes_again(name, call):
    with Strange(name, lambda prefix: (["d/k"], [], "again")) as at:
        if (name, call) == ("dfs", "rm"):
            pytest.skip("one request removes a tree there, without a listing")
        with pytest.raises(OSError, match="does not advance"):
            CALLS[call](at.python)
        assert at.requests() <= MOST


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("call", CALLS)
def test_entries_that_come_again(name, call):
    """With a new token each time."""
    tokens = count()
    with Strange(name, lambda prefix: (["d/k", "d/l"], [], f"t{next(tokens)}")) as at:
        if (name, call) == ("dfs", "rm"):
            pytest.skip("one request removes a tree there, without a listing")
        with pytest.raises(OSError, match="does not advance"):
            CALLS[call](at.python)
        assert at.requests() <= MOST


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("call", CALLS)
def test_a_directory_that_holds_itself(name, call):
    """It is not its own entry, so that no walk enters it again."""
    with Strange(name, lambda prefix: (["d/k"], ["d/"], "")) as at:
        found = CALLS[call](at.python)
        assert at.requests() <= MOST
        if call == "walk":
            assert found == [("b/d", [], ["k"])]
        if call in ("ls", "find"):
            assert [entry["name"] if isinstance(entry, dict) else entry for entry in found] == ["b/d/k"]
