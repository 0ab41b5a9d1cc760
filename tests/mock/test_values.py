"""Missing or invalid values in a response are errors; they do not count as 0 or as "old"."""

import pytest

from probe_run import probe
from server import MockServer
from store import DATE

OPTIONS = {"key": "MOCKACCESSKEY", "secret": "mock-secret-9d1c7e", "region": "us-east-1", "retries": "0"}
WEEK = str(7 * 24 * 3600)


def run(do, fault):
    with MockServer({"b/k": b"old"}, [{"status": 200, "times": -1, **fault}]) as server:
        return probe(*do, options={**OPTIONS, "endpoint_url": server.endpoint}), server


@pytest.mark.parametrize(
    "entry",
    [
        "<Contents><Key>d/k</Key></Contents>",
        "<Contents><Size>1</Size></Contents>",
        "<Contents><Key>d/k</Key><Size></Size></Contents>",
        "<Contents><Key>d/k</Key><Size>-5</Size></Contents>",
        "<Contents><Key>d/k</Key><Size>9223372036854775807</Size></Contents>",
        "<Contents><Key>d/k</Key><Size>1</Size></Contents><Contents><Key>d/l</Key></Contents>",
        "<CommonPrefixes></CommonPrefixes>",
        "<IsTruncated>perhaps</IsTruncated>",
    ],
)
def test_listing(entry):
    outcome, _ = run(["list", "s3://b/d"], {"on": "ListObjectsV2", "body": f"<ListBucketResult>{entry}</ListBucketResult>"})
    assert outcome.code == "COVE_EPROTOCOL", outcome


@pytest.mark.parametrize("entry", ["<Version><Key>k</Key><VersionId>1</VersionId></Version>", "<Version><Key>k</Key><Size>1</Size></Version>"])
def test_versions(entry):
    outcome, _ = run(["versions", "s3://b/k"], {"on": "ListObjectVersions", "body": f"<ListVersionsResult>{entry}</ListVersionsResult>"})
    assert outcome.code == "COVE_EPROTOCOL", outcome


@pytest.mark.parametrize("length", ["", "Content-Length: x\r\n", "Content-Length: -5\r\n", "Content-Length: 9223372036854775807\r\n"])
def test_head_without_a_size(length):
    with MockServer({}, [{"on": "HeadObject", "times": -1, "raw": f'HTTP/1.1 200 OK\r\nETag: "e"\r\n{length}\r\n'}]) as server:
        assert not probe("stat", "s3://b/k", options={**OPTIONS, "endpoint_url": server.endpoint}).ok


def uploads(upload, age, store_date=DATE):
    body = f"<ListMultipartUploadsResult><Upload>{upload}</Upload><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
    with MockServer({}, [{"on": "ListMultipartUploads", "status": 200, "body": body}]) as server:
        server.store.uploads["live"] = ("b/k", {}, {})
        server.faults[0].row["headers"] = {"Date": store_date}
        return probe("uploads", "s3://b", "remove", age, options={**OPTIONS, "endpoint_url": server.endpoint}), server


@pytest.mark.parametrize(
    "started, aborted",
    [
        ("", 0),
        ("<Initiated></Initiated>", 0),
        ("<Initiated>Mon, 23 Nov 2020 21:13:00 GMT</Initiated>", 0),
        ("<Initiated>2020-11-23</Initiated>", 0),
        ("<Initiated>2020-11-23T21:13:00.000Z</Initiated>", 1),
    ],
)
def test_upload_of_unknown_age(started, aborted):
    outcome, server = uploads(f"<Key>k</Key><UploadId>live</UploadId>{started}", WEEK)
    assert outcome.ok and server.count("AbortMultipartUpload") == aborted == outcome.value
    assert aborted or "without a valid start time is skipped" in outcome.log


@pytest.mark.parametrize("upload", ["<UploadId>live</UploadId>", "<Key>k</Key>"])
def test_upload_of_no_name(upload):
    outcome, server = uploads(upload + "<Initiated>2020-11-23T21:13:00.000Z</Initiated>", "0")
    assert outcome.code == "COVE_EPROTOCOL" and server.count("AbortMultipartUpload") == 0, outcome


@pytest.mark.parametrize("store_date, aborted", [("Tue, 02 Jan 2001 00:00:00 GMT", 0), ("Tue, 09 Jan 2001 00:00:00 GMT", 1)])
def test_age_by_the_stores_clock(store_date, aborted):
    """By this machine's clock it began years ago; by the store's, which dates it, yesterday, or a week and a day ago."""
    outcome, server = uploads("<Key>k</Key><UploadId>live</UploadId><Initiated>2001-01-01T00:00:00.000Z</Initiated>", WEEK, store_date)
    assert outcome.ok and server.count("AbortMultipartUpload") == aborted, outcome
