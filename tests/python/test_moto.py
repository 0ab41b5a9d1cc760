"""Reads from a moto server without its extra for CRC32C, which most programs' tests use: it reports a CRC32 as CRC32C."""

import base64
import os
import subprocess
import zlib

import pytest

import env as environment
from servers.moto import PYTHON, Moto

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason=f"{PYTHON} is not there: tools/setup.sh test makes it")
MIB = 1 << 20
DATA = os.urandom(MIB) * 20
WARNING = "the store reports CRC32 checksums as CRC32C"


@pytest.fixture(scope="module")
def moto():
    """cove/k is DATA with what moto takes for its checksum; cove/other has another byte, under that same checksum."""
    assert subprocess.run([PYTHON, "-c", "import crc32c"], capture_output=True).returncode != 0
    as_moto = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    with Moto() as server:
        server.put("cove/k", DATA, {"x-amz-sdk-checksum-algorithm": "CRC32C"})
        server.put("cove/other", DATA[:-1] + bytes([DATA[-1] ^ 1]), {"x-amz-sdk-checksum-algorithm": "CRC32C", "x-amz-checksum-crc32c": as_moto})
        yield server


def test_python(moto, python, tmp_path):
    out = python(
        """
        import logging, sys, zlib
        import cove
        warnings = []
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: warnings.append(record.getMessage())
        logging.getLogger("cove").addHandler(handler)
        fs = cove.S3FileSystem()
        size, crc32 = map(int, sys.argv[1:3])

        def whole(path):
            yield fs.cat_file(path)
            yield fs.cat_file(path, start=0)
            fs.get_file(path, sys.argv[3])
            yield open(sys.argv[3], "rb").read()
            with fs.open(path) as f:
                yield f.read(100) + f.read()

        for data in whole("cove/k"):
            assert (len(data), zlib.crc32(data)) == (size, crc32)
        assert fs.cat_file("cove/k", start=size - 5) == fs.cat_file("cove/k")[-5:]
        fs.pipe_file("cove/mine", data)  # in parts
        assert fs.cat_file("cove/mine") == data
        other = "cove/other"
        for read in (lambda: fs.cat_file(other), lambda: fs.cat_file(other, start=0), lambda: fs.get_file(other, sys.argv[3]), lambda: fs.open(other).read()):
            try:
                read()
            except cove.CorruptData:
                print("corrupt")
        print("\\n".join(warnings))
        """,
        len(DATA),
        zlib.crc32(DATA),
        tmp_path / "k",
        environ=moto.environ,
    )
    lines = out.splitlines()
    assert lines[:4] == ["corrupt"] * 4
    assert len(lines) == 5 and WARNING in lines[4], lines


@pytest.mark.parametrize("args", [["cat", "s3://cove/{}"], ["cp", "s3://cove/{}", "-"]])
def test_command(moto, args):
    def run(name, *more):
        return subprocess.run(
            [environment.build_dir() / "cli" / "cove", *(a.format(name) for a in args), *more],
            env={**os.environ, **moto.environ},
            capture_output=True,
            timeout=120,
        )

    for level in ((), ("-v",)):
        done = run("k", *level)
        assert done.returncode == 0 and done.stdout == DATA and done.stderr.decode().count(WARNING) == 1, done.stderr
    done = run("k", "-q")
    assert (done.returncode, done.stderr) == (0, b"") and done.stdout == DATA
    done = run("other")
    assert done.returncode != 0 and b"do not match the CRC32C checksum" in done.stderr, done.stderr
