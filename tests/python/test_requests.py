"""The number of requests of calls for which other clients need more."""

import io
import threading

import pytest
from counted import proxy, root  # noqa: F401
from cove import S3FileSystem

MIB = 1 << 20


@pytest.fixture
def fs(root):
    """What the URLs below `root` lead to."""
    return S3FileSystem()


def test_kinds(fs, root, proxy):
    fs.pipe({f"{root}/f": b"1", f"{root}/d/f": b"2"})
    for ask, path, answer, method in (
        (fs.isfile, "f", True, "HEAD"), (fs.isfile, "d", False, "HEAD"), (fs.isfile, "none", False, "HEAD"),
        (fs.isdir, "d", True, "GET"), (fs.isdir, "f", False, "GET"), (fs.isdir, "none", False, "GET"),
    ):  # fmt: skip
        proxy.clear()
        assert ask(f"{root}/{path}") is answer
        assert [r.method for r in proxy.requests] == [method]


def test_directories_that_are_made(root, proxy):
    """A bucket is looked at once, and not at all where something there was read or written; what was made is not asked about again."""
    fs, bucket = S3FileSystem(skip_instance_cache=True), "directories-made"
    fs.mkdir(bucket)
    proxy.clear()
    fs.makedirs(f"{bucket}/a/b")
    assert [r.method for r in proxy.requests] == ["HEAD"]  # an object of this name
    proxy.clear()
    fs.makedirs(f"{bucket}/a/b")
    fs.pipe(f"{bucket}/a/b/f", b"1")
    fs.makedirs(f"{bucket}/a/b")
    assert [r.method for r in proxy.requests] == ["PUT"]
    proxy.clear()
    for n in range(2):
        with pytest.raises(FileNotFoundError):
            S3FileSystem(skip_instance_cache=True).makedirs(f"{bucket}-{n}/a")
    assert [r.method for r in proxy.requests] == ["GET", "GET"]
    fs.rm(bucket, recursive=True)
    fs.rmdir(bucket)


def test_removals(fs, root, proxy):
    names = [f"{root}/{i:04}" for i in range(1500)]
    fs.pipe(dict.fromkeys(names, b""))
    proxy.clear()
    fs.rm(names[:1200] + [f"{root}/none"])
    assert [r.method for r in proxy.requests] == ["POST", "POST"]
    proxy.clear()
    fs.rm(f"{root}/*")
    assert [r.method for r in proxy.requests] == ["HEAD", "GET", "GET", "POST"]  # check the name (2), list the matches, remove them
    assert fs.find(root) == []


@pytest.mark.parametrize("options", [{}, {"max_concurrency": 1}])
@pytest.mark.parametrize(
    "size, block_size, requests", [(12, None, 4), (12, 12, 1), (12, 12.0, 1), (30, 20, 5), (12, 5, 4), (12, 1, 4), (1, 1 << 50, 1), (1, -1, 1)]
)
def test_block_size(root, proxy, size, block_size, requests, options):
    """What fits in it is one request; else it is the first part, of 5 MiB at least. Parts have a beginning and an end."""
    fs = S3FileSystem(**options)
    with fs.open(f"{root}/x", "wb", block_size=block_size and block_size * MIB) as f:
        for _ in range(size):
            f.write(bytes(MIB))
    assert proxy.count() == requests
    assert fs.size(f"{root}/x") == size * MIB


@pytest.mark.parametrize("start, end, ranges", [(0, 5, 1), (5, None, 1), (-5, None, 1), (5, -5, 1), (0, 5, 2), (5, None, 2)])
def test_ranges_of_many_files_are_under_way_at_once(fs, root, proxy, start, end, ranges):
    names = [f"{root}/{i}" for i in range(8)]
    fs.pipe({name: bytes(range(100)) for name in names})
    together = threading.Barrier(len(names))
    proxy.refuse = lambda request: "range" in request.headers and together.wait(60) < 0  # none is refused: each waits for the others
    assert fs.cat_ranges(names * ranges, start, end) == [bytes(range(100))[start:end]] * len(names) * ranges
    assert not together.broken


def test_info_before_a_read(fs, root, proxy):
    """Its checksum is for the reader, too: no second HEAD."""
    fs.pipe(f"{root}/x", bytes(3 * MIB))
    proxy.clear()
    assert fs.exists(f"{root}/x") and len(fs.open(f"{root}/x").read()) == 3 * MIB
    assert proxy.count("HEAD") == 1


@pytest.mark.parametrize("way, more", [("text", 0), ("a text file of Python's", 1), ("utf-16", 1)])
def test_text_sends_one_request_for_the_byte_order_mark(root, proxy, monkeypatch, way, more):
    from cove.files import AppendFile

    fs = S3FileSystem(append_interval=3600)
    fs.pipe(f"{root}/x", b"")
    opened = {
        "text": lambda: fs.open(f"{root}/x", "a"), "utf-16": lambda: fs.open(f"{root}/x", "a", encoding="utf-16"),
        "a text file of Python's": lambda: io.TextIOWrapper(fs.open(f"{root}/x", "ab")),
    }[way]  # fmt: skip

    def requests():
        proxy.clear()
        for _ in range(10):
            with opened() as f:
                f.write("line\n")
        fs._end(root.removeprefix("s3://"))
        return proxy.count()

    asking = requests()
    fs.pipe(f"{root}/x", b"")
    monkeypatch.setattr(AppendFile, "seekable", lambda self: False)
    assert asking <= requests() + more


def test_a_log_that_cannot_be_sent_is_reported(root, proxy, monkeypatch):
    """It has been closed, and another one's close makes room among those that wait: what is lost then is not lost in silence."""
    monkeypatch.setattr("cove.appenders.MAX_IDLE", 0)
    fs = S3FileSystem(append_interval=3600)
    first, second = fs.open(f"{root}/first", "ab"), fs.open(f"{root}/second", "ab")
    first.write(b"1")
    proxy.refuse = lambda request: request.method == "PUT" and request.path.endswith("/first")
    with pytest.raises(PermissionError, match="first"):
        first.close()
    second.close()
