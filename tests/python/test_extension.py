"""cove._cove: every method on memory, local files and MinIO; arguments, results and errors."""

import errno
import io
import logging
import os
import random

import numpy
import pytest
from cove import _cove

MIB = 1 << 20


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


def names(store, infos):
    return [info[0].removeprefix(store.root + "/") for info in infos]


# ---- names ----


def test_a_filesystem_names_its_scheme_and_its_paths(store):
    assert store.fs.scheme == store.name
    url = store.fs.url(store / "a b/c%20d")
    assert url.startswith(f"{store.name}://") and url.endswith("/a b/c%20d")
    assert store.fs.path(url) == store.fs.path(store / "a b/c%20d") == store / "a b/c%20d"
    assert store.name in repr(store.fs)


def test_a_url_of_another_store_is_refused(store):
    other = "memory://x/y" if store.name != "memory" else "file:///x/y"
    with pytest.raises(ValueError, match="x/y"):
        store.fs.path(other)


def test_paths_may_be_bytes_and_need_not_be_utf8(store):
    if store.name == "s3":
        pytest.skip("keys of S3 are UTF-8")
    path = os.fsencode(store / "name-") + b"\xff"
    store.fs.write_file(path, b"x")
    assert store.fs.read_file(path) == b"x"
    found = [info[0] for info in store.fs.list(store.root)]
    assert found == [os.fsdecode(path)]
    assert store.fs.read_file(found[0]) == b"x"


@pytest.mark.parametrize("path", ["a\0b", b"a\0b"])
def test_a_path_with_a_null_byte_is_refused(memory, path):
    with pytest.raises(ValueError, match="null"):
        memory.fs.stat(path)


@pytest.mark.parametrize("path", [None, 3, ["x"]])
def test_a_path_is_str_or_bytes(memory, path):
    with pytest.raises(TypeError, match="path"):
        memory.fs.stat(path)


# ---- metadata ----


def test_stat_distinguishes_files_and_directories(store):
    store.fs.write_file(store / "d/x", b"12345")
    path, size, is_directory, mtime_ns, etag, version, storage_class, content_type, created_ns, metadata, headers = store.fs.stat(store / "d/x")
    assert (path, size, is_directory) == (store / "d/x", 5, False)
    assert mtime_ns > 1_600_000_000 * 10**9
    assert (etag is not None) or store.name != "s3"
    assert created_ns is None and metadata is None  # these stores keep no other time, and no metadata was set
    info = store.fs.stat(store / "d")
    assert info[:3] == (store / "d", 0, True)
    assert store.fs.exists(store / "d") is True and store.fs.exists(store / "d/x") is True
    assert store.fs.exists(store / "d/y") is False


def test_listings(store):
    for name in ("a", "d/b", "d/e/c", "z"):
        store.fs.write_file(store / name, name.encode())
    assert names(store, store.fs.list(store.root)) == ["a", "d", "z"]
    assert [info[2] for info in store.fs.list(store.root)] == [False, True, False]
    assert sorted(names(store, store.fs.find(store.root))) == ["a", "d/b", "d/e/c", "z"]
    assert names(store, store.fs.glob(store / "d/*")) == ["d/b", "d/e"]
    assert sorted(names(store, store.fs.glob(store / "**/[bc]"))) == ["d/b", "d/e/c"]
    assert store.fs.find(store / "nothing") == [] and store.fs.glob(store / "no*") == []
    with pytest.raises(FileNotFoundError):
        store.fs.list(store / "nothing")


def test_a_listing_of_many_pages(memory):
    wanted = [f"{i:05}" for i in range(2345)]
    assert memory.fs.write_many([(memory / name, b"") for name in wanted]) == [None] * len(wanted)
    assert names(memory, memory.fs.list(memory.root)) == wanted


# ---- files ----


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 3 * MIB, 8 * MIB, 8 * MIB + 1, 21 * MIB + 3])
def test_whole_files_of_any_size(store, size):
    data = content(size)
    etag, version_id = store.fs.write_file(store / "x", data)
    assert (etag, version_id) == (store.fs.stat(store / "x")[4], None)
    assert store.fs.read_file(store / "x") == data
    assert store.fs.read_file(store / "x", max_bytes=size or 1) == data
    if size > 1:
        with pytest.raises(OSError, match=f"{size} bytes, more than the {size - 1}") as caught:
            store.fs.read_file(store / "x", size - 1)
        assert caught.value.code == "COVE_ELIMIT"


def test_a_file_with_a_wrong_size():
    assert _cove.Filesystem("/proc/self").read_file("/proc/self/status").startswith(b"Name:")


def test_ranges(store):
    data = content(300_000)
    store.fs.write_file(store / "x", data)
    read = store.fs.read_range
    assert read(store / "x", 10, 20) == data[10:30]
    assert read(store / "x", 299_990, 20) == data[-10:]
    assert read(store / "x", 300_000, 5) == read(store / "x", 400_000, 5) == b""
    assert read(store / "x", -7, 5) == data[-7:-2]
    assert read(store / "x", 0, 0) == b""
    assert read(store / "x", 1000, -1) == data[1000:] and read(store / "x", -9, -1) == data[-9:]
    assert read(store / "x", 0, 1 << 60) == data and read(store / "x", -5, 1 << 60) == data[-5:]
    assert store.fs.read_ranges(store / "x", [(5, 5), (10, 0), (100_000, 3), (299_999, 9)]) == [data[5:10], b"", data[100_000:100_003], data[-1:]]
    assert store.fs.read_ranges(store / "x", []) == []
    with pytest.raises(ValueError):
        store.fs.read_ranges(store / "x", [(0, -1)])
    with pytest.raises(TypeError):
        store.fs.read_ranges(store / "x", [7])


def test_appending(store):
    store.fs.append(store / "log", b"one ")
    store.fs.append(store / "log", bytearray(b"two"))
    assert store.fs.read_file(store / "log") == b"one two"


def test_changes(store):
    fs = store.fs
    fs.write_file(store / "a", b"A")
    assert fs.copy(store / "a", store / "b") is None
    assert fs.move(store / "b", store / "d/c") is None
    assert names(store, fs.find(store.root)) == ["a", "d/c"]
    fs.remove(store / "a")
    fs.mkdir(store / "m/n")
    assert fs.stat(store / "m/n")[2] is True
    fs.remove_tree(store / "d")
    assert fs.exists(store / "d/c") is False and fs.exists(store / "a") is False


def test_a_write_may_have_a_condition(store):
    fs = store.fs
    fs.write_file(store / "x", b"1", condition="new")
    with pytest.raises(FileExistsError):
        fs.write_file(store / "x", b"2", condition="new")
    etag = fs.stat(store / "x")[4]
    if etag:
        fs.write_file(store / "x", b"3", condition="match", etag=etag)
        with pytest.raises(_cove.PreconditionFailed):
            fs.write_file(store / "x", b"4", "match", etag)
        assert fs.read_file(store / "x") == b"3"
    with pytest.raises(ValueError, match="'new' or 'match'"):
        fs.write_file(store / "x", b"", condition="never")


def test_abandoned_uploads(s3):
    writer = _cove.Writer(s3.fs, s3 / "big")
    writer.write(content(20 * MIB))
    uploads = s3.fs.abandoned_uploads(s3.root, 0)
    assert [u[0] for u in uploads] == [s3 / "big"] and uploads[0][1] and uploads[0][2] > 10**18
    assert s3.fs.abandoned_uploads(s3.root, 3600) == []
    assert len(s3.fs.abandoned_uploads(s3.root, 0, remove=True)) == 1
    assert s3.fs.abandoned_uploads(s3.root, 0) == []
    writer.abort()


# ---- what a store keeps beside the bytes ----


def test_metadata(s3):
    s3.fs.write_file(s3 / "x", b"x", content_type="text/x-odd", metadata={"Epoch": "3", "run": "a b"})
    assert s3.fs.metadata(s3 / "x") == {"epoch": "3", "run": "a b"}
    s3.fs.set_metadata(s3 / "x", {"epoch": "4", "run": None, "best": "yes"})
    assert s3.fs.metadata(s3 / "x") == {"epoch": "4", "best": "yes"}
    writer = _cove.Writer(s3.fs, s3 / "y", metadata={"a": "b"})
    writer.finish()
    assert s3.fs.metadata(s3 / "y") == {"a": "b"}
    for metadata in ({1: "x"}, {"x": 1}, ["x"]):
        with pytest.raises(TypeError):
            s3.fs.set_metadata(s3 / "x", metadata)
        with pytest.raises(TypeError):
            s3.fs.write_file(s3 / "x", b"", metadata=metadata)
        with pytest.raises(TypeError):
            _cove.Writer(s3.fs, s3 / "x", metadata=metadata)
    with pytest.raises(ValueError):
        s3.fs.set_metadata(s3 / "x", {"new\nline": "x"})


def test_tags(s3):
    s3.fs.write_file(s3 / "x", b"x")
    assert s3.fs.tags(s3 / "x") == {}
    s3.fs.set_tags(s3 / "x", {"project": "cove", "stage": "test"})
    assert s3.fs.tags(s3 / "x") == {"project": "cove", "stage": "test"}
    with pytest.raises(ValueError):
        s3.fs.set_tags(s3 / "x", {"project": None})
    s3.fs.set_tags(s3 / "x", {})
    assert s3.fs.tags(s3 / "x") == {}


def test_versions(s3):
    s3.fs.write_file(s3 / "x", b"123")
    [(info, latest, deleted)] = s3.fs.versions(s3 / "x")
    assert info[:3] == (s3 / "x", 3, False) and info[5] == "null" and (latest, deleted) == (True, False)
    assert s3.fs.list(s3.root)[0][6] == "STANDARD"
    with pytest.raises(FileNotFoundError):
        s3.fs.versions(s3 / "no")


def test_signed_urls(s3):
    import urllib.request

    s3.fs.write_file(s3 / "x", b"for anybody")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(s3.fs.sign(s3 / "x", expires_s=60)) as response:
        assert response.read() == b"for anybody"
    put = urllib.request.Request(s3.fs.sign(s3 / "y", "PUT", 60), data=b"by anybody", method="PUT")
    with opener.open(put):
        assert s3.fs.read_file(s3 / "y") == b"by anybody"
    with pytest.raises(ValueError):
        s3.fs.sign(s3 / "x", "BREW")
    assert s3.options["secret"] not in s3.fs.sign(s3 / "x")


def test_a_store_without_object_features_is_unsupported(memory):
    memory.fs.write_file(memory / "x", b"")
    for call in (
        lambda: memory.fs.set_metadata(memory / "x", {"a": "b"}),
        lambda: memory.fs.tags(memory / "x"),
        lambda: memory.fs.set_tags(memory / "x", {}),
        lambda: memory.fs.sign(memory / "x"),
    ):
        with pytest.raises(io.UnsupportedOperation):
            call()


# ---- many ----


def test_many_files_at_once(store):
    files = {store / f"{i:03}": content(i * 100, i) for i in range(300)}
    fs = store.fs
    assert fs.write_many(list(files.items()), parallel=16) == [None] * 300
    assert fs.read_many(files) == list(files.values())
    assert [info[1] for info in fs.stat_many(list(files))] == [len(data) for data in files.values()]
    assert fs.copy_many([(path, path + "-copy") for path in files]) == [None] * 300
    assert fs.remove_files(files) is None
    assert len(fs.find(store.root)) == 300
    assert fs.read_many([]) == []


def test_many_files_have_separate_results(store):
    store.fs.write_file(store / "a", b"A")
    store.fs.write_file(store / "c", content(9 * MIB))
    got = store.fs.read_many([store / "a", store / "b", store / "c", store / "a", store / "d"])
    assert (got[0], got[2], got[3]) == (b"A", content(9 * MIB), b"A")
    for missing in (got[1], got[4]):
        assert isinstance(missing, FileNotFoundError) and missing.errno == errno.ENOENT and missing.code == "COVE_ENOTFOUND"
    assert isinstance(store.fs.stat_many([store / "b"])[0], FileNotFoundError)


def test_arguments_of_many_calls_are_checked_first(memory):
    for call in (
        lambda: memory.fs.read_many([3]),
        lambda: memory.fs.write_many([("x",)]),
        lambda: memory.fs.write_many([(memory / "x", b"x"), (memory / "y", "text")]),
        lambda: memory.fs.copy_many([("a", "b", "c")]),
        lambda: memory.fs.read_many(7),
        lambda: memory.fs.remove_files(["a", 3]),
        lambda: memory.fs.remove_files(None),
        lambda: memory.fs.remove_files("ab"),
        lambda: memory.fs.remove_files(b"ab"),
    ):
        with pytest.raises(TypeError):
            call()
    assert not memory.fs.exists(memory / "x")
    for parallel in (0, -1, 100_000):
        with pytest.raises(ValueError, match="parallel"):
            memory.fs.read_many([], parallel)


# ---- streams ----


@pytest.mark.parametrize("size", [0, 100, 3 * MIB])
def test_a_reader(store, size):
    data = content(size)
    store.fs.write_file(store / "x", data)
    reader = _cove.Reader(store.fs, store / "x")
    assert (reader.size, reader.tell(), reader.closed) == (size, 0, False)
    assert reader.read(10) == data[:10] and reader.tell() == min(size, 10)
    assert reader.read(0) == b"" and reader.read() == data[10:] and reader.read() == b""
    assert reader.seek(5) == 5
    into = bytearray(20)
    n = reader.readinto(into)
    assert into[:n] == data[5:25]
    assert reader.read_at(1, 3) == data[1:4] and reader.read_at(7, -1) == data[7:] and reader.read_at(size + 1, 5) == b""
    assert reader.read_ranges([(0, 2), (50, 4)]) == [data[:2], data[50:54]]
    assert reader.tell() == 5 + n
    reader.seek(size + 100)
    assert reader.read() == b""
    with pytest.raises(ValueError):
        reader.seek(-1)
    reader.close()
    reader.close()
    assert reader.closed
    for call in (
        reader.read,
        lambda: reader.readinto(into),
        lambda: reader.read_at(0, 1),
        lambda: reader.read_ranges([]),
        lambda: reader.seek(0),
        reader.tell,
        lambda: reader.size,
    ):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_a_reader_reads_one_version(s3):
    s3.fs.write_file(s3 / "x", content(4 * MIB))
    reader = _cove.Reader(s3.fs, s3 / "x")
    s3.fs.write_file(s3 / "x", content(4 * MIB, seed=2))
    with pytest.raises(_cove.PreconditionFailed) as caught:
        reader.read()
    assert caught.value.errno == errno.ESTALE and caught.value.http_status == 412


def test_a_writer(store):
    data = content(20 * MIB)
    writer = _cove.Writer(store.fs, store / "x", expected_size=len(data))
    view = memoryview(data)
    for at in range(0, len(data), 3 * MIB):
        assert writer.write(view[at : at + 3 * MIB]) == len(view[at : at + 3 * MIB])
    assert (writer.tell(), writer.closed) == (len(data), False)
    assert not store.fs.exists(store / "x")
    writer.finish()
    assert writer.closed and writer.tell() == len(data)
    assert store.fs.read_file(store / "x") == data
    writer.abort()
    assert store.fs.exists(store / "x")
    for call in (lambda: writer.write(b""), writer.finish):
        with pytest.raises(ValueError, match="finished"):
            call()


def test_a_copy_of_one_version(store):
    writer = _cove.Writer(store.fs, store / "a")
    assert writer.etag is None
    writer.write(b"first")
    writer.finish()
    assert writer.etag == store.fs.stat(store / "a")[4]
    assert store.fs.copy(store / "a", store / "b", writer.etag) is None
    store.fs.write_file(store / "a", b"second")
    with pytest.raises(_cove.PreconditionFailed, match="changed"):
        store.fs.copy(store / "a", store / "b", etag=writer.etag)
    assert store.fs.read_file(store / "b") == b"first"


@pytest.mark.parametrize("options", [{"conditional_copies": "false"}, {"copy_part_threshold": "5MiB"}], ids=str)
def test_a_copy_of_one_version_from_other_stores(s3, options):
    """A store without conditional copies gets a HEAD before and after; a large object is copied in parts."""
    fs = _cove.Filesystem(s3.url, {**s3.options, **options})
    for size in 5, 6 << 20:
        fs.write_file(s3 / "a", b"1" * size)
        etag = fs.stat(s3 / "a")[4]
        fs.copy(s3 / "a", s3 / "b", etag)
        fs.write_file(s3 / "a", b"2" * size)
        with pytest.raises(_cove.PreconditionFailed, match="changed"):
            fs.copy(s3 / "a", s3 / "b", etag)
        assert fs.read_file(s3 / "b") == b"1" * size
        fs.remove(s3 / "a")
        with pytest.raises(FileNotFoundError):
            fs.copy(s3 / "a", s3 / "b", etag)


def test_an_unfinished_writer_publishes_nothing(s3):
    writer = _cove.Writer(s3.fs, s3 / "aborted")
    writer.write(content(20 * MIB))
    writer.abort()
    writer.abort()
    writer = _cove.Writer(s3.fs, s3 / "dropped")
    writer.write(content(20 * MIB))
    del writer
    assert s3.fs.find(s3.root) == [] and s3.fs.abandoned_uploads(s3.root, 0) == []


def test_a_writer_may_have_a_condition(store):
    first, second = (_cove.Writer(store.fs, store / "x", condition="new") for _ in range(2))
    for writer in (first, second):
        writer.write(b"text")
    first.finish()
    with pytest.raises(FileExistsError):
        second.finish()
    assert second.closed
    with pytest.raises(ValueError):
        _cove.Writer(store.fs, store / "x", condition="sometimes")


def test_an_appender(store):
    store.fs.write_file(store / "log", b"0")
    appender = _cove.Appender(store.fs, store / "log", flush_interval=3600)
    assert appender.write(b"1") == 1 and appender.write(bytearray(b"23")) == 2
    assert store.fs.read_file(store / "log") == b"0"
    appender.flush()
    assert store.fs.read_file(store / "log") == b"0123"
    appender.write(b"4")
    assert not appender.closed
    appender.close()
    appender.close()
    assert appender.closed
    for call in (lambda: appender.write(b""), appender.flush):
        with pytest.raises(ValueError, match="closed"):
            call()
    dropped = _cove.Appender(store.fs, store / "log", flush_interval=3600)
    dropped.write(b"5")
    del dropped
    assert store.fs.read_file(store / "log") == b"012345"
    _cove.Appender(store.fs, store / "log", truncate=True).close()
    with pytest.raises(ValueError):
        _cove.Appender(store.fs, store / "log", flush_interval=-1)


def test_buffered_appends_are_sent_at_exit(s3, python):
    python(
        """
        import sys
        from cove import _cove
        kept = _cove.Appender(_cove.Filesystem(sys.argv[1]), sys.argv[1], flush_interval=3600)
        kept.write(b"last words")
        import builtins
        builtins.kept = kept
    """,
        s3.fs.url(s3 / "log"),
        environ=s3.environ,
    )
    assert s3.fs.read_file(s3 / "log") == b"last words"


# ---- buffers ----

BUFFERS = {
    "bytes": lambda: b"abcdefgh",
    "bytearray": lambda: bytearray(b"abcdefgh"),
    "memoryview": lambda: memoryview(b"_abcdefgh_")[1:-1],
    "numpy": lambda: numpy.frombuffer(b"abcdefgh", dtype=">i2").reshape(2, 2),
}


@pytest.mark.parametrize("kind", BUFFERS)
def test_buffers_that_can_be_written(memory, kind):
    buffer = BUFFERS[kind]()
    memory.fs.write_file(memory / "a", buffer)
    memory.fs.append(memory / "a", buffer)
    memory.fs.write_many([(memory / "b", buffer)])
    writer = _cove.Writer(memory.fs, memory / "c")
    assert writer.write(buffer) == 8
    writer.finish()
    assert memory.fs.read_many([memory / "a", memory / "b", memory / "c"]) == [b"abcdefgh" * 2, b"abcdefgh", b"abcdefgh"]


@pytest.mark.parametrize("make", [lambda: bytearray(8), lambda: memoryview(bytearray(10))[1:-1], lambda: numpy.zeros((2, 2), "i2")])
def test_buffers_that_can_be_read_into(memory, make):
    memory.fs.write_file(memory / "x", b"abcdefghij")
    into = make()
    assert memory.fs.read_into(memory / "x", 1, into) == 8
    assert bytes(memoryview(into)) == b"bcdefghi"
    assert _cove.Reader(memory.fs, memory / "x").readinto(into) == 8
    assert bytes(memoryview(into)) == b"abcdefgh"
    assert memory.fs.read_into(memory / "x", 8, into) == 2 and bytes(memoryview(into)) == b"ijcdefgh"


def test_buffers_that_are_refused(memory):
    memory.fs.write_file(memory / "x", b"abcdefgh")
    reader = _cove.Reader(memory.fs, memory / "x")
    frozen = numpy.zeros(8, "u1")
    frozen.flags.writeable = False
    for buffer in (b"12345678", memoryview(b"12345678"), frozen, "text", None, numpy.zeros(16, "u1")[::2], memoryview(bytearray(16))[::2]):
        for call in (lambda: memory.fs.read_into(memory / "x", 0, buffer), lambda: reader.readinto(buffer)):
            with pytest.raises((TypeError, ValueError, BufferError)):
                call()
    for buffer in ("text", None, 5, memoryview(bytearray(16))[::2], numpy.zeros((4, 4))[:, 1]):
        for call in (
            lambda: memory.fs.write_file(memory / "y", buffer),
            lambda: memory.fs.append(memory / "y", buffer),
            lambda: memory.fs.write_many([(memory / "y", buffer)]),
        ):
            with pytest.raises((TypeError, ValueError, BufferError)):
                call()
    assert not memory.fs.exists(memory / "y")


# ---- errors ----


def test_the_class_of_an_error_is_the_errno_s(store):
    fs = store.fs
    fs.write_file(store / "file", b"x")
    fs.write_file(store / "d/x", b"x")
    cases = [
        (lambda: fs.stat(store / "no"), FileNotFoundError, errno.ENOENT, "COVE_ENOTFOUND"),
        (lambda: fs.read_file(store / "no"), FileNotFoundError, errno.ENOENT, "COVE_ENOTFOUND"),
        (lambda: _cove.Reader(fs, store / "no"), FileNotFoundError, errno.ENOENT, "COVE_ENOTFOUND"),
        (lambda: fs.read_file(store / "d"), IsADirectoryError, errno.EISDIR, "COVE_EISDIR"),
        (lambda: fs.remove(store / "d"), OSError, errno.ENOTEMPTY, "COVE_ENOTEMPTY"),
        (lambda: fs.write_file(store / "file", b"", "new"), FileExistsError, errno.EEXIST, "COVE_EEXIST"),
    ]
    for call, kind, number, code in cases:
        with pytest.raises(OSError) as caught:
            call()
        error = caught.value
        assert type(error) is kind and (error.errno, error.code) == (number, code)
        assert str(error).startswith(f"[Errno {number}] ") and f"{store.name}://" in str(error)
        assert error.retryable is False and isinstance(error.http_status, int)


def test_a_file_in_the_way(tmp_path):
    fs = _cove.Filesystem(tmp_path.as_uri())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError) as caught:
        fs.write_file(str(tmp_path / "file/below"), b"x")
    assert caught.value.code == "COVE_ENOTDIR"


def test_invalid_arguments_are_value_errors_and_os_errors():
    for url, options, reason in (
        ("ftp://x/y", None, "ftp"),
        ("s3://b/k", {"endpont_url": "x"}, "endpoint_url"),
        ("s3://b/k", {"anon": "perhaps"}, "anon"),
        ("", None, "empty URL"),
    ):
        with pytest.raises(_cove.InvalidArgument, match=reason) as caught:
            _cove.Filesystem(url, options)
        assert isinstance(caught.value, ValueError) and isinstance(caught.value, OSError)
        assert (caught.value.errno, caught.value.code) == (errno.EINVAL, "COVE_EINVAL")
    for options in (["x"], {"anon": True}, {1: "x"}):
        with pytest.raises(TypeError):
            _cove.Filesystem("s3://b/k", options)


def test_unsupported_operations_raise_not_implemented(memory):
    with pytest.raises(io.UnsupportedOperation) as caught:
        memory.fs.abandoned_uploads(memory.root, 0)
    assert caught.value.code == "COVE_ENOTSUP" and isinstance(caught.value, OSError)


def test_wrong_credentials(s3):
    fs = _cove.Filesystem(s3.url, {**s3.options, "secret": "not-the-secret-of-it"})
    with pytest.raises(PermissionError) as caught:
        fs.stat(s3 / "x")
    assert caught.value.code in ("COVE_EAUTH", "COVE_EACCESS") and caught.value.http_status == 403
    assert "not-the-secret" not in str(caught.value)


def test_the_stores_own_code(s3):
    with pytest.raises(FileNotFoundError) as caught:
        s3.fs.read_file(s3 / "no")
    assert caught.value.store_code == "NoSuchKey" and caught.value.http_status == 404


def test_connection_refused(s3):
    import env

    fs = _cove.Filesystem(s3.url, {**s3.options, "endpoint_url": f"http://127.0.0.1:{env.free_port()}", "retries": "0"})
    with pytest.raises(ConnectionError) as caught:
        fs.stat(s3 / "x")
    assert (caught.value.code, caught.value.retryable) == ("COVE_ENETWORK", True)


def test_corrupt_data_has_a_separate_class():
    assert issubclass(_cove.CorruptData, OSError) and issubclass(_cove.PreconditionFailed, OSError)
    assert not issubclass(_cove.CorruptData, ValueError)


def test_errors_can_be_pickled(memory):
    import pickle

    memory.fs.write_file(memory / "x", b"")
    for call in (
        lambda: memory.fs.stat(memory / "no"),
        lambda: _cove.Filesystem("odd://x"),
        lambda: memory.fs.tags(memory / "x"),
        lambda: memory.fs.write_file(memory / "x", b"", "match", '"other"'),
    ):
        with pytest.raises(OSError) as caught:
            call()
        error = pickle.loads(pickle.dumps(caught.value))
        assert type(error) is type(caught.value) and str(error) == str(caught.value)
        assert (error.errno, error.code, error.http_status, error.store_code, error.retryable) == (
            caught.value.errno,
            caught.value.code,
            caught.value.http_status,
            "",
            caught.value.retryable,
        )


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "soon"])
def test_a_timeout_is_a_number_above_zero(memory, timeout):
    with pytest.raises((ValueError, TypeError)):
        memory.fs.stat(memory / "x", timeout=timeout)


# ---- the module ----


def test_known_schemes_and_options():
    rows = {row[0]: row for row in _cove.known_implementations()}
    assert {"file", "memory", "s3", "s3a"} <= set(rows) and rows["s3"][1] == "s3" and rows["s3"][3] is True
    options = {row["name"]: row for row in _cove.option_help("s3")}
    assert options["endpoint_url"]["type"] == "string" and options["anon"]["default"] == "false"
    assert options["username"]["alias_of"] == "key"
    assert _cove.option_help("nothing") == []
    assert _cove.__version__.count(".") == 2


def test_everything_is_documented():
    for name, thing in vars(_cove).items():
        if not name.startswith("__"):
            assert thing.__doc__, name
            for method, function in vars(thing).items() if isinstance(thing, type) else ():
                if callable(function) and not method.startswith("__") and not issubclass(thing, Exception):
                    assert function.__doc__ and function.__text_signature__, f"{name}.{method}"


def test_the_type_hints_name_every_attribute():
    import ast
    from pathlib import Path

    hints = ast.parse(Path(_cove.__file__).with_name("_cove.pyi").read_text())
    hinted = {node.name: node for node in hints.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert set(hinted) == {name for name in vars(_cove) if not name.startswith("__")}
    for name, node in hinted.items():
        if isinstance(node, ast.ClassDef) and not issubclass(getattr(_cove, name), Exception):
            there = {m for m in vars(getattr(_cove, name)) if not m.startswith("__")}
            assert {m.name for m in node.body if isinstance(m, ast.FunctionDef)} - {"__new__"} == there, name


def test_log_lines_come_to_python_s_loggers(s3, caplog):
    import env

    port = env.free_port()
    fs = _cove.Filesystem(s3.url, {**s3.options, "endpoint_url": f"http://127.0.0.1:{port}", "retries": "1"})
    caplog.set_level("DEBUG", "cove")
    _cove.set_log(3)
    try:
        with pytest.raises(ConnectionError):
            fs.stat(s3 / "x")
    finally:
        _cove.set_log(-1)
    assert any(record.name.startswith("cove.") for record in caplog.records)


def test_a_log_handler_may_write_to_a_store(s3):
    """Lines that its handler causes are for the next call, or this one would not end."""
    kept = []

    class Handler(logging.Handler):
        def emit(self, record):
            kept.append(record.getMessage())
            s3.fs.write_file(s3 / "log", "\n".join(kept).encode())

    logger, handler = logging.getLogger("cove"), Handler()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    _cove.set_log(3)
    try:
        s3.fs.write_file(s3 / "x", b"1")
        first = len(kept)
        s3.fs.exists(s3 / "x")
    finally:
        _cove.set_log(-1)
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert 0 < first < len(kept) < 1000
    assert s3.fs.read_file(s3 / "log") == "\n".join(kept).encode()
