"""Reads of whole files by every call that can: the number of requests, and that no byte is requested twice."""

import asyncio
import os
import re
import subprocess

import pytest
from mocked import fs, mock  # noqa: F401

import env as environment
from probe_run import probe

KIB, MIB = 1 << 10, 1 << 20
SIZES = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB]
AT_ONCE = [1, 1, 1, 1, 2, 2, 2, 2, 4]  # GETs at most: the first bytes, then parts of 8 MiB or more
IN_ORDER = [1, 1, 1, 1, 2, 7, 7, 7, 12]  # the nearest stretches are smaller, so that what comes first need not wait for all
SMALL_BLOCKS = [1, 1, 1, 1, 2, 10, 10, 10, 15]


class Calls:
    """What reads b/k whole, each in its own way."""

    def __init__(self, fs, mock, folder):
        self.fs, self.copy = fs, folder / "copy"
        self.environ = {**os.environ, "AWS_ENDPOINT_URL": mock.endpoint, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}

    def cat_file(self):
        return self.fs.cat_file("b/k")

    def cat_file_of_a_range(self):
        return self.fs.cat_file("b/k", start=0, end=1 << 40)

    def cat_file_awaited(self):
        return asyncio.run(self.fs._cat_file("b/k"))

    def cat_of_many(self):
        return self.fs.cat(["b/k", "b/empty"])["b/k"]

    def open(self):
        with self.fs.open("b/k") as f:
            return f.read()

    def open_in_blocks(self):
        with self.fs.open("b/k") as f:
            return f.read(5) + f.read(100 * KIB) + f.read(MIB) + f.read()

    def get_file(self):
        self.fs.get_file("b/k", str(self.copy))
        return self.copy.read_bytes()

    def read_file_in_c(self):
        return probe("get", "s3://b/k", environ=self.environ).data

    def command_cat(self):
        return self.command("cat", "s3://b/k")

    def command_cp(self):
        self.command("cp", "s3://b/k", self.copy)
        return self.copy.read_bytes()

    def command(self, *args):
        return subprocess.run([environment.build_dir() / "cli" / "cove", *args], env=self.environ, stdout=subprocess.PIPE, check=True, timeout=120).stdout


def ranges(mock, key):
    """What GETs of it asked for: (first, last), in the file's order."""
    asked = [r.headers["range"] for r in mock.requests if r.operation == "GetObject" and r.key == key]
    return sorted(tuple(map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", text).groups())) for text in asked)


@pytest.mark.parametrize("call, most", [
    ("cat_file", AT_ONCE), ("cat_file_of_a_range", AT_ONCE), ("cat_file_awaited", AT_ONCE), ("cat_of_many", AT_ONCE), ("read_file_in_c", AT_ONCE),
    ("open", AT_ONCE), ("open_in_blocks", SMALL_BLOCKS), ("get_file", IN_ORDER), ("command_cat", IN_ORDER), ("command_cp", IN_ORDER),
])  # fmt: skip
def test_requests(fs, mock, tmp_path, call, most):
    from store import pattern

    calls = Calls(fs, mock, tmp_path)
    mock.store.put("b/empty", b"")
    for size, gets in zip(SIZES, most):
        mock.store.put("b/k", pattern(size))
        del mock.requests[:]
        assert getattr(calls, call)() == pattern(size)
        asked = ranges(mock, "k")
        assert all(before[1] < after[0] for before, after in zip(asked, asked[1:])), (size, asked)
        assert len(asked) <= gets, (size, asked)
        assert sum(r.operation == "HeadObject" for r in mock.requests) <= 1, size
        assert all(r.operation in ("GetObject", "HeadObject") for r in mock.requests), size


def test_the_rest_after_the_first_bytes(fs, mock):
    """The open has brought 64 KiB of the file with its size."""
    from store import pattern

    for size in SIZES[1:]:
        mock.store.put("b/k", pattern(size))
        for start in 1, 64 * KIB - 1:
            del mock.requests[:]
            assert fs.cat_file("b/k", start=start) == pattern(size)[start:]
            asked = ranges(mock, "k")
            assert all(before[1] < after[0] for before, after in zip(asked, asked[1:])), (size, asked)


def test_ranges_within_a_readers_buffer(fs, mock):
    """The open has brought 64 KiB, which are not asked for again; nor is what lies behind the end."""
    from cove import _cove
    from store import pattern

    data = pattern(200 * KIB)
    mock.store.put("b/k", data)
    mock.store.put("b/small", data[:100])
    reader, small = _cove.Reader(fs._fs, "b/k"), _cove.Reader(fs._fs, "b/small")
    del mock.requests[:]
    assert reader.read_ranges([(5, 10), (0, 64 * KIB), (7, 0), (300 * KIB, 9)]) == [data[5:15], data[: 64 * KIB], b"", b""]
    assert small.read_ranges([(90, 1000), (0, 100)]) == [data[90:100], data[:100]]
    assert mock.requests == []
    assert reader.read_ranges([(64 * KIB - 3, 10), (190 * KIB, 20 * KIB), (1, 2)]) == [data[64 * KIB - 3 : 64 * KIB + 7], data[190 * KIB :], data[1:3]]
    assert ranges(mock, "k") == [(64 * KIB, 64 * KIB + 6), (190 * KIB, 200 * KIB - 1)]
    with pytest.raises(_cove.InvalidArgument):
        reader.read_ranges([(-1, 1)])
