"""Endless listings: repeated page tokens, or an endless sequence of new ones. A call ends with an error."""

import os
import subprocess
import sys
import urllib.parse
from itertools import count

import pytest

import env as environment
from probe_run import probe
from server import MockServer
from store import Response, xml_response

OPTIONS = {"key": "MOCKACCESSKEY", "secret": "mock-secret-9d1c7e", "region": "us-east-1", "retries": "0"}


class Endless(MockServer):
    """Every listing has another page. `pages` counts the pages, `token` makes a page's token from its number; `entries`: each page has one entry."""

    def __init__(self, entries=True, token=lambda page: f"t{page}"):
        super().__init__()
        self.token, self.entries = token, entries
        self.pages = count()
        self.real = self.store.answer
        self.store.answer = self.answer

    def answer(self, r):
        if r.operation == "DeleteObjects":
            return xml_response("DeleteResult", "")
        page = next(self.pages) if r.operation.startswith("List") else 0
        token, key = self.token(page), f"{r.query.get('prefix', '')}k{page:09}"
        if r.operation == "ListObjectsV2":
            entry = f"<Contents><Key>{urllib.parse.quote(key)}</Key><Size>1</Size><LastModified>2026-11-23T21:13:00.000Z</LastModified></Contents>"
            return xml_response(
                "ListBucketResult",
                f"<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>{entry * self.entries}<NextContinuationToken>{token}</NextContinuationToken>",
            )
        if r.operation == "ListObjectVersions":
            entry = (
                f"<Version><Key>k</Key><VersionId>{page}</VersionId><IsLatest>false</IsLatest><Size>1</Size>"
                "<LastModified>2026-11-23T21:13:00.000Z</LastModified></Version>"
            )
            return xml_response(
                "ListVersionsResult",
                f"<IsTruncated>true</IsTruncated>{entry * self.entries}<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>{token}</NextVersionIdMarker>",
            )
        if r.operation == "ListMultipartUploads":
            return xml_response(
                "ListMultipartUploadsResult", f"<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>{token}</NextUploadIdMarker>"
            )
        return Response(404, head_only=True) if r.method == "HEAD" else self.real(r)


LISTINGS = [
    ["list", "s3://b/d"],
    ["find", "s3://b/d"],
    ["versions", "s3://b/k"],
    ["findversions", "s3://b"],
    ["uploads", "s3://b"],
    ["rmtree", "s3://b/d"],
    ["rmtree", "s3://b"],
]


@pytest.mark.parametrize("entries", [True, False], ids=["full", "empty"])
@pytest.mark.parametrize("length", [1, 2, 7])
@pytest.mark.parametrize("do", LISTINGS, ids=lambda do: do[0])
def test_cycle(do, length, entries):
    with Endless(entries=entries) as server:
        server.pages = (n % length for n in count())
        outcome = probe(*do, options={**OPTIONS, "endpoint_url": server.endpoint})
        assert outcome.code == "COVE_EPROTOCOL", outcome
        assert "does not advance" in outcome.message and do[1] in outcome.message
        assert len(server.requests) <= 8 * length  # removing a tree takes two requests for a page


@pytest.mark.parametrize("do", LISTINGS[:6], ids=lambda do: do[0])
def test_the_same_place_with_new_entries(do):
    with Endless(token=lambda page: "same") as server:
        outcome = probe(*do, options={**OPTIONS, "endpoint_url": server.endpoint})
        assert outcome.code == "COVE_EPROTOCOL", outcome
        assert len(server.requests) <= 6


def run(command, server, environ=None):
    keys = {"AWS_ENDPOINT_URL": server.endpoint, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    return subprocess.run(command, env={**os.environ, **keys, **(environ or {})}, capture_output=True, text=True, timeout=120)


COMMANDS = ["du PATH", "find PATH", "ls PATH", "ls -R PATH", "ls PATH/*x", "logs show PATH", "cp -r PATH here", "mv PATH here"]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_ends_in_time(command, tmp_path, monkeypatch):
    """New tokens without end: the timeout is for the whole listing. Each page arrives well within it."""
    with Endless() as server:
        program = environment.build_dir() / "cli" / "cove"
        monkeypatch.chdir(tmp_path)
        done = run([program, *command.replace("PATH", "s3://b/d").split(), "--timeout", "1s"], server)
        assert done.returncode == 5 and "deadline" in done.stderr and "s3://b/d" in done.stderr, done
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["list", "find", "glob"])
def test_python_ends_in_time(call):
    if not (environment.build_dir() / "python" / "cove").exists():
        pytest.skip("this build has no Python package")
    code = f"""
import cove._cove as c
try:
    c.Filesystem("s3://b").{call}("s3://b/d{"/**" if call == "glob" else ""}", timeout=1)
except TimeoutError as e:
    print(e)
"""
    with Endless() as server:
        done = run([sys.executable, "-c", code], server, {"PYTHONPATH": str(environment.build_dir() / "python")})
        assert done.returncode == 0 and "deadline" in done.stdout, done
