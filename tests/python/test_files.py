"""Open files: when a file is published, and when appended bytes are seen."""

import _thread
import asyncio
import csv
import ctypes
import errno
import gc
import gzip
import io
import pickle
import threading
import time

import fsspec
import numpy as np
import pytest

BIG = 20 << 20  # more than the library sends as one part


class Failure(Exception):
    pass


def pattern(size):
    return np.arange(size // 8, dtype="<u8").tobytes()


# ---- reading ----


def test_reads_match_a_local_file(fs, root):
    fs.pipe(f"{root}/x", b"one\ntwo\r\nthree")
    with fs.open(f"{root}/x") as f:
        assert (f.mode, f.size, f.path, f.name, f.fs, f.closed) == ("rb", 14, f"{root}/x", f"{root}/x", fs, False)
        assert f.full_name == f"s3://{root}/x"
        assert f.readable() and f.seekable() and not f.writable()
        assert f.read(2) == b"on" and f.tell() == f.loc == 2
        assert f.readline() == b"e\n"
        assert f.readlines() == [b"two\r\n", b"three"]
        assert f.read() == b""
        assert f.seek(-5, io.SEEK_END) == 9 and f.read(2) == b"th"
        assert f.seek(-2, io.SEEK_CUR) == 9
        assert f.seek(0) == 0 and list(f) == [b"one\n", b"two\r\n", b"three"]
        buffer = bytearray(5)
        f.seek(4)
        assert f.readinto(buffer) == 5 and buffer == b"two\r\n"
        f.seek(1)
        assert f.readuntil(b"w") == b"ne\ntw" and f.tell() == 6
        assert f.readuntil(b"#", blocks=3) == b"o\r\nthree"
        for blocks in range(1, 8):
            f.seek(2)
            assert f.readuntil(b"two\r\n", blocks) == b"e\ntwo\r\n" and f.tell() == 9
            assert f.read() == b"three"
        assert f.info()["size"] == f.details["size"] == 14
        f.flush()
    assert f.closed
    with pytest.raises(ValueError):
        f.read()


def test_a_stream_has_no_descriptor(fs, root):
    with fs.open(f"{root}/x", "wb") as f:
        with pytest.raises(io.UnsupportedOperation):
            f.fileno()
        with pytest.raises(io.UnsupportedOperation):
            f.read()
    with fs.open(f"{root}/x") as f:
        with pytest.raises(io.UnsupportedOperation):
            f.fileno()
        with pytest.raises(io.UnsupportedOperation):
            f.write(b"x")


def test_seek_before_the_start_is_refused(fs, root):
    fs.pipe(f"{root}/x", b"abc")
    with fs.open(f"{root}/x") as f:
        with pytest.raises(ValueError):
            f.seek(-1)
        with pytest.raises(ValueError):
            f.seek(-4, io.SEEK_END)
        assert f.seek(10) == 10 and f.read() == b""


def test_large_files_in_order_and_at_random(fs, root):
    data = pattern(BIG)
    fs.pipe(f"{root}/x", data)
    with fs.open(f"{root}/x") as f:
        assert f.read() == data
    with fs.open(f"{root}/x") as f:
        assert b"".join(iter(lambda: f.read(1_000_003), b"")) == data
    rng = np.random.default_rng(5)
    with fs.open(f"{root}/x") as f:
        for at, n in zip(rng.integers(0, BIG, 50), rng.integers(1, 300_000, 50)):
            f.seek(int(at))
            assert f.read(int(n)) == data[at : at + n]


def test_hints_of_other_clients_are_accepted(fs, root):
    fs.pipe(f"{root}/x", b"abc")
    with fs.open(f"{root}/x", "rb", block_size=5, cache_type="bytes", cache_options={"trim": False}, fill_cache=False, size=3) as f:
        assert f.read() == b"abc"


def test_one_version_is_read(fs, root):
    data = pattern(BIG)
    fs.pipe(f"{root}/x", data)
    with fs.open(f"{root}/x") as f:
        first = f.read(10)
        fs.pipe(f"{root}/x", bytes(BIG))
        with pytest.raises(OSError) as caught:
            f.seek(BIG - 100)
            first += f.read()
        assert type(caught.value).__name__ == "PreconditionFailed"
    assert first == data[:10]


def test_a_file_that_is_read_can_be_pickled(fs, root):
    fs.pipe(f"{root}/x", b"0123456789")
    with fs.open(f"{root}/x") as f:
        f.read(4)
        with pickle.loads(pickle.dumps(f)) as again:
            assert again.read() == b"456789"
    with fs.open(f"{root}/y", "wb") as f, pytest.raises(TypeError, match="being written"):
        pickle.dumps(f)


@pytest.mark.parametrize("mode", ["rb", "r", "ab+", "w+b", "q", "rw"])
def test_paths_and_modes_that_cannot_be_opened(fs, root, mode):
    kind = FileNotFoundError if mode in ("rb", "r") else ValueError
    with pytest.raises(kind, match=root):
        fs.open(f"{root}/none", mode)


def test_directories_are_not_files(fs, root):
    fs.pipe(f"{root}/d/x", b"1")
    with pytest.raises(IsADirectoryError):
        fs.open(f"{root}/d")


# ---- writing ----


def test_writes_match_a_local_file(fs, root):
    with fs.open(f"{root}/x", "wb") as f:
        assert (f.mode, f.path, f.closed, f.autocommit) == ("wb", f"{root}/x", False, True)
        assert f.writable() and not f.readable() and not f.seekable()
        assert f.write(b"abc") == 3
        assert f.write(memoryview(np.arange(2, dtype="<u2"))) in (2, 4)
        assert f.tell() == f.loc == 7
        f.flush()
        assert not fs.exists(f"{root}/x")
        with pytest.raises(ValueError, match="being written"):
            f.info()
        with pytest.raises(io.UnsupportedOperation):
            f.seek(0)
    assert fs.cat(f"{root}/x") == b"abc\0\0\1\0"
    with pytest.raises(ValueError, match="closed"):
        f.write(b"x")
    f.close()
    assert fs.cat(f"{root}/x") == b"abc\0\0\1\0"


def test_write_in_parts(fs, root):
    data = pattern(3 * BIG)
    with fs.open(f"{root}/x", "wb") as f:
        for at in range(0, len(data), 3_000_001):
            f.write(data[at : at + 3_000_001])
        f.write(b"end")
    assert fs.cat(f"{root}/x") == data + b"end"


def test_exclusive(fs, root):
    with fs.open(f"{root}/x", "xb") as f:
        f.write(b"1")
    with pytest.raises(FileExistsError, match=root):
        fs.open(f"{root}/x", "xb")
    with fs.open(f"{root}/y", "xb") as f:
        fs.pipe(f"{root}/y", b"faster")
        with pytest.raises(FileExistsError):
            f.close()
    assert fs.cat(f"{root}/y") == b"faster"
    with fs.open(f"{root}/z", "x") as f:
        f.write("text")
    assert fs.cat(f"{root}/z") == b"text"


def opened(fs, way, path, **options):
    url = f"s3://{path}"
    if way == "fs.open":
        return fs.open(path, "wb")
    if way == "text":
        return fs.open(path, "w")
    if way == "gzip":
        return fs.open(path, "wb", compression="gzip")
    if way == "fsspec.open":
        return fsspec.open(url, "wb")
    if way == "fsspec.open text":
        return fsspec.open(url, "w")
    if way == "fsspec.open gzip":
        return fsspec.open(url, "wb", compression="gzip")
    if way == "fsspec.open gzip text":
        return fsspec.open(url, "wt", compression="gzip")
    return fsspec.open_files([url], "wb")


WAYS = ["fs.open", "text", "gzip", "fsspec.open", "fsspec.open text", "fsspec.open gzip", "fsspec.open gzip text", "open_files"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [100, BIG])
def test_an_exception_publishes_nothing(fs, root, way, size):
    fs.pipe(f"{root}/x", b"the old one")
    with pytest.raises(Failure):
        with opened(fs, way, f"{root}/x") as f:
            f = f[0] if isinstance(f, list) else f
            f.write("a" * size if "text" in way else b"a" * size)
            raise Failure
    assert fs.cat(f"{root}/x") == b"the old one"
    assert fs.list_multipart_uploads(root) == []


@pytest.mark.parametrize("way", WAYS)
def test_without_an_exception_it_is_published(fs, root, way):
    with opened(fs, way, f"{root}/x") as f:
        f = f[0] if isinstance(f, list) else f
        f.write("abc" if "text" in way else b"abc")
    data = fs.cat(f"{root}/x")
    assert (gzip.decompress(data) if "gzip" in way else data) == b"abc"


def test_a_thread_made_in_c_may_close_it(fs, root):
    """A file may be closed by a thread made in C, such as pyarrow's: it has no Python frame above `close`."""
    f = fs.open(f"{root}/x", "wb")
    f.write(b"whole")
    system, thread, close = ctypes.CDLL(None), ctypes.c_ulong(), ctypes.CFUNCTYPE(ctypes.c_void_p)(f.close)
    assert system.pthread_create(ctypes.byref(thread), None, close, None) == 0
    assert system.pthread_join(thread, None) == 0
    assert fs.cat(f"{root}/x") == b"whole"


def test_an_exception_handled_inside_the_block(fs, root):
    """It is not the with block that it leaves."""
    with fsspec.open(f"s3://{root}/x", "wb") as f:
        try:
            raise Failure
        except Failure:
            f.write(b"abc")
    try:
        raise Failure
    except Failure:
        with fsspec.open(f"s3://{root}/y", "wb") as f:
            f.write(b"def")
    assert fs.cat(f"{root}/x") + fs.cat(f"{root}/y") == b"abcdef"


def test_close_by_a_thread_without_python_frames(fs, root):
    """As pyarrow's do, which write a dataset."""
    file = fs.open(f"{root}/x", "wb")
    file.write(b"whole")
    _thread.start_new_thread(file.close, ())
    for _ in range(600):
        if fs.exists(f"{root}/x"):
            break
        time.sleep(0.05)
    assert fs.cat(f"{root}/x") == b"whole"


@pytest.mark.parametrize("mode", ["wb", "w", "r+b", "r+"])
def test_dropped_without_close_publishes_nothing(fs, root, mode):
    fs.pipe(f"{root}/x", b"the old one")
    f = fs.open(f"{root}/x", mode)
    f.write(b"new" if "b" in mode else "new")
    with pytest.warns(RuntimeWarning, match=f"{root}/x.*was never closed, so nothing is published"):
        del f
        gc.collect()
    assert fs.cat(f"{root}/x") == b"the old one"


@pytest.mark.parametrize("mode", ["wb", "wt"])
def test_dropped_compressed_publishes_nothing(fs, root, mode):
    f = fs.open(f"{root}/x.gz", mode, compression="gzip")
    f.write(b"new" if "b" in mode else "new")
    with pytest.warns(RuntimeWarning, match="x.gz.*was never closed, so nothing is published"):
        del f
        gc.collect()
    assert not fs.exists(f"{root}/x.gz")


def test_dropped_text_of_fsspec_publishes_nothing(fs, root):
    opened = fsspec.open(f"s3://{root}/x", "w")
    opened.open().write("new")
    with pytest.warns(RuntimeWarning, match="nothing is published"):
        del opened
        gc.collect()
    assert not fs.exists(f"{root}/x")


def test_dropped_at_the_end_of_the_process(aws, fs, root, python):
    process = python.start("import cove.s3, sys; f = cove.s3.S3FileSystem().open(sys.argv[1], 'wb'); f.write(b'new')", f"{root}/x", environ=aws.environ)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0 and "nothing is published" in stderr
    assert not fs.exists(f"{root}/x")


def test_an_append_file_may_be_dropped(fs, root, recwarn):
    f = fs.open(f"{root}/x", "ab")
    f.write(b"abc")
    del f
    gc.collect()
    assert fs.cat(f"{root}/x") == b"abc" and len(recwarn) == 0


def test_a_failed_publication_raises(fs, root):
    with pytest.raises(FileNotFoundError, match="nobucket-of-ours"):
        with fs.open("nobucket-of-ours/x", "wb") as f:
            f.write(b"1")


# ---- text ----


def test_text(fs, root):
    with fs.open(f"{root}/x", "w", encoding="utf-8", newline="") as f:
        f.write("ä\r\nb\n")
    assert fs.cat(f"{root}/x") == "ä\r\nb\n".encode()
    with fs.open(f"{root}/x", "rt", encoding="utf-8") as f:
        assert f.read() == "ä\nb\n"
    with fs.open(f"{root}/x", "r", encoding="ascii", errors="replace") as f:
        assert f.readline().endswith("\n")
    with fs.open(f"{root}/x", encoding=None) as f:  # as TensorBoard asks for bytes
        assert f.read(1) == b"\xc3"
    with fs.open(f"{root}/y", "a", encoding="locale") as f:
        f.write("y")
    for mode in ("w", "a", "r"):
        with pytest.raises(LookupError, match="none-such"):
            fs.open(f"{root}/y", mode, encoding="none-such")
    fs.write_text(f"{root}/y", "z", encoding="utf-16-le")
    assert fs.read_text(f"{root}/y", encoding="utf-16-le") == "z"


@pytest.mark.filterwarnings("ignore:.* was never closed:RuntimeWarning")  # r+b
@pytest.mark.parametrize("mode", ["rb gzip", "rb bz2", "rb xz", "rb", "r gzip", "r+b"])
def test_a_file_that_nothing_holds(fs, root, mode):
    """Its method is looked up, then called: the file lives until the call ends."""
    mode, _, compression = mode.partition(" ")
    with fs.open(f"{root}/x", "wb", compression=compression or None) as f:
        f.write(b"one\ntwo\n")
    for name in ("read", "readline"):
        found = getattr(fs.open(f"{root}/x", mode, compression=compression or None), name)()
        assert (found if mode == "r" else found.decode()) == ("one\ntwo\n" if name == "read" else "one\n")
    assert len(list(fs.open(f"{root}/x", mode, compression=compression or None))) == 2


@pytest.mark.parametrize("compression", [None, "gzip", "bz2", "xz"])
@pytest.mark.parametrize("way", ["fs.open", "fsspec.open", "a text file of Python's"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-8"])
def test_a_byte_order_mark_is_at_the_start_only(fs, root, encoding, way, compression):
    def opened(mode):
        if way == "fs.open":
            return fs.open(f"{root}/x", mode, encoding=encoding, compression=compression)
        if way == "fsspec.open" and not compression:
            return fsspec.open(f"s3://{root}/x", mode, encoding=encoding)
        return io.TextIOWrapper(fs.open(f"{root}/x", mode + "b", compression=compression), encoding=encoding)

    with fs.open(f"{root}/x", "w", encoding=encoding, compression=compression) as f:  # Python's own text gives utf-16 no mark where it cannot seek
        f.write("a")
        f.write("b\n")
    for _ in range(2):
        with opened("a") as f:
            f.write("c")
            f.write("d\n")
    with fs.open(f"{root}/x", compression=compression) as f:
        assert f.read() == "ab\ncd\ncd\n".encode(encoding)
    fs.rm(f"{root}/x")
    for _ in range(2):
        with opened("a") as f:
            f.write("ab\n")
    with fs.open(f"{root}/x", compression=compression) as f:
        assert f.read() == "ab\nab\n".encode(encoding)


def test_compressed_is_read_back(fs, root):
    with fs.open(f"{root}/x.gz", "w", compression="infer") as f:
        f.write("line\n" * 1000)
    assert gzip.decompress(fs.cat(f"{root}/x.gz")) == b"line\n" * 1000
    with fs.open(f"{root}/x.gz", "r", compression="infer") as f:
        assert f.readline() == "line\n" and len(f.readlines()) == 999
    with fs.open(f"{root}/plain", "wb", compression="infer") as f:
        f.write(b"1")
    assert fs.cat(f"{root}/plain") == b"1"


# ---- changing in place ----


def test_change_in_place(fs, root):
    fs.pipe(f"{root}/x", b"0123456789")
    with fs.open(f"{root}/x", "r+b") as f:
        assert f.size == 10 and f.read(2) == b"01"
        f.write(b"AB")
        f.seek(-1, io.SEEK_END)
        f.write(b"Zzz")
        assert fs.cat(f"{root}/x") == b"0123456789"
    assert fs.cat(f"{root}/x") == b"01AB45678Zzz"
    with fs.open(f"{root}/x", "r+b") as f:
        f.truncate(3)
    assert fs.cat(f"{root}/x") == b"01A"
    with fs.open(f"{root}/x", "r+") as f:
        assert f.read() == "01A"
        f.write("!")
    assert fs.cat(f"{root}/x") == b"01A!"
    with pytest.raises(FileNotFoundError):
        fs.open(f"{root}/none", "r+b")


def test_an_appended_file_can_be_changed_in_place(slow, root):
    with slow.open(f"{root}/x", "ab") as f:
        f.write(b"hello")
    with slow.open(f"{root}/x", "r+b") as f:
        f.write(b"J")
    assert slow.cat(f"{root}/x") == b"Jello"


def test_a_change_that_another_made_meanwhile_stays(fs, root):
    from cove import PreconditionFailed

    fs.pipe(f"{root}/x", b"old")
    with pytest.raises(PreconditionFailed):
        with fs.open(f"{root}/x", "r+b") as f:
            f.write(b"mine")
            fs.pipe(f"{root}/x", b"theirs")
    assert fs.cat(f"{root}/x") == b"theirs"
    with fs.open(f"{root}/x", "r+b") as f:  # nothing changed here, so nothing is written
        fs.pipe(f"{root}/x", b"newer")
    assert fs.cat(f"{root}/x") == b"newer"
    with pytest.raises(Failure):
        with fs.open(f"{root}/x", "r+b") as f:
            f.write(b"mine")
            raise Failure
    assert fs.cat(f"{root}/x") == b"newer"


# ---- appending ----


@pytest.fixture
def slow(aws):
    """A filesystem with an append interval of a minute: appended bytes are seen only because a read sends them."""
    from cove.s3 import S3FileSystem

    return S3FileSystem(append_interval=60)


LOOKS = {
    "cat": lambda fs, p: fs.cat(p),
    "cat_file": lambda fs, p: fs.cat_file(p, 0, 100),
    "cat_ranges": lambda fs, p: fs.cat_ranges([p], 0, 100)[0],
    "cat of a list": lambda fs, p: fs.cat([p])[p],
    "read": lambda fs, p: fs.open(p).read(),
    "head": lambda fs, p: fs.head(p),
    "tail": lambda fs, p: fs.tail(p),
    "size": lambda fs, p: b" " * fs.size(p),
    "info": lambda fs, p: b" " * fs.info(p)["size"],
    "exists": lambda fs, p: b" " * (6 * fs.exists(p)),
    "isfile": lambda fs, p: b" " * (6 * fs.isfile(p)),
    "isdir": lambda fs, p: b" " * (6 * fs.isdir(fs._parent(p))),
    "ls": lambda fs, p: b" " * fs.ls(fs._parent(p), detail=True)[0]["size"],
    "ls of what is above": lambda fs, p: b" " * (6 * len(fs.ls(fs._parent(fs._parent(p))))),
    "find": lambda fs, p: b" " * fs.find(fs._parent(fs._parent(p)), detail=True)[p]["size"],
    "glob": lambda fs, p: b" " * fs.glob(fs._parent(p) + "/*", detail=True)[p]["size"],
    "du": lambda fs, p: b" " * fs.du(fs._parent(p)),
    "walk": lambda fs, p: b" " * sum(6 * len(files) for _, _, files in fs.walk(fs._parent(p))),
    "modified": lambda fs, p: b" " * (6 * (fs.modified(p).year > 2000)),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("by", ["the same instance", "another one"])
def test_appended_bytes_are_seen_at_once(slow, other, root, look, by):
    path = f"{root}/logs/events"
    with slow.open(path, "ab") as f:
        f.write(b"abc")
    with slow.open(path, "ab") as f:
        f.write(b"def")
        assert len(LOOKS[look](slow if by == "the same instance" else other, path)) == 6


def test_closing_sends_nothing_and_flush_does(slow, root, python, aws):
    def seen_elsewhere():
        return python("import cove.s3, sys; fs = cove.s3.S3FileSystem(); p = sys.argv[1]; print(fs.cat(p).decode() if fs.exists(p) else None)", f"{root}/x",
                      environ=aws.environ).strip()  # fmt: skip

    with slow.open(f"{root}/x", "ab") as f:
        f.write(b"abc")
    assert seen_elsewhere() == "None"
    with slow.open(f"{root}/x", "ab") as f:
        f.write(b"def")
        f.flush()
    assert seen_elsewhere() == "abcdef"
    with slow.open(f"{root}/x", "a") as f:
        f.write("ghi")
    assert seen_elsewhere() == "abcdef"


def test_appended_bytes_are_sent_after_the_interval(aws, root, python):
    """This process does not read, and another one sees the bytes, even if that takes long on a busy machine."""
    from cove.s3 import S3FileSystem

    fs = S3FileSystem(append_interval=0.05)
    with fs.open(f"{root}/x", "ab") as f:
        f.write(b"abc")
    python("import cove.s3, sys, time; fs = cove.s3.S3FileSystem()\nwhile not fs.exists(sys.argv[1]): time.sleep(0.05)", f"{root}/x", environ=aws.environ)


def test_appended_bytes_are_sent_at_exit(aws, fs, root, python):
    python("""
        import sys, cove.s3
        fs = cove.s3.S3FileSystem(append_interval=60)
        f = fs.open(sys.argv[1], "ab")
        f.write(b"abc")
        with fs.open(sys.argv[1], "a") as text:
            text.write("def")
    """, f"{root}/x", environ=aws.environ)  # fmt: skip
    assert fs.cat(f"{root}/x") == b"abcdef"


def test_append_continues_at_the_end_of_the_file(fs, root):
    fs.pipe(f"{root}/x", b"abc")
    with fs.open(f"{root}/x", "ab") as f:
        assert f.tell() == 3
        f.write(b"def")
        assert f.tell() == f.seek(0, io.SEEK_END) == 6 and f.seekable() and f.writable()
        with pytest.raises(io.UnsupportedOperation, match="can only seek to its end"):
            f.seek(0)
    with fs.open(f"{root}/x", "ab") as f:
        f.write(b"ghi")
        assert f.tell() == 9
    assert fs.cat(f"{root}/x") == b"abcdefghi"


def test_append_to_a_large_file(fs, root):
    data = pattern(BIG)
    fs.pipe(f"{root}/x", data)
    with fs.open(f"{root}/x", "ab") as f:
        f.write(b"abc")
    assert fs.cat(f"{root}/x") == data + b"abc"


def test_an_empty_append_creates_the_file(fs, root):
    fs.open(f"{root}/x", "ab").close()
    assert fs.cat(f"{root}/x") == b""
    fs.pipe(f"{root}/x", b"abc")
    fs.open(f"{root}/x", "ab").close()
    assert fs.cat(f"{root}/x") == b"abc"


def test_an_exception_does_not_discard_appended_bytes(fs, root):
    with pytest.raises(Failure):
        with fs.open(f"{root}/x", "ab") as f:
            f.write(b"abc")
            raise Failure
    with pytest.raises(Failure):
        with fs.open(f"{root}/x", "a") as f:
            f.write("def")
            raise Failure
    assert fs.cat(f"{root}/x") == b"abcdef"


def test_csv_rows(fs, root):
    for n in range(5):
        with fs.open(f"{root}/x.csv", "a", newline="") as f:
            csv.writer(f).writerow([n, n * n])
    with fs.open(f"{root}/x.csv", "r", newline="") as f:
        assert list(csv.reader(f)) == [[str(n), str(n * n)] for n in range(5)]


REPLACED = {
    "wb": lambda fs, p: fs.open(p, "wb").close(),
    "pipe": lambda fs, p: fs.pipe(p, b""),
    "pipe of a dict": lambda fs, p: fs.pipe({p: b""}),
    "touch": lambda fs, p: fs.touch(p),
    "rm": lambda fs, p: fs.rm(p),
    "rm_file": lambda fs, p: fs.rm_file(p),
    "rm of a list": lambda fs, p: fs.rm([p]),
    "rm of what is above": lambda fs, p: fs.rm(fs._parent(p), recursive=True),
    "mv": lambda fs, p: fs.mv(p, p + "-away"),
    "mv of what is above": lambda fs, p: fs.mv(fs._parent(p), fs._parent(p) + "-away", recursive=True),
    "copy": lambda fs, p: (fs.pipe(p + "-empty", b""), fs.cp_file(p + "-empty", p)),
}


@pytest.mark.parametrize("change", REPLACED)
@pytest.mark.parametrize("handle", ["open", "closed"])
def test_an_append_to_a_replaced_file_uses_the_new_version(slow, root, change, handle):
    path = f"{root}/d/x"
    f = slow.open(path, "ab")
    f.write(b"before")
    if handle == "closed":
        f.close()
    REPLACED[change](slow, path)
    if "mv" in change:
        assert slow.cat(path.replace("/d/", "/d-away/") if "above" in change else path + "-away") == b"before"
    with f if handle == "open" else slow.open(path, "ab") as f:
        f.write(b"after")
    assert slow.cat(path) == b"after"


def test_handles_of_many_threads_share_an_appender(fs, root):
    def write(letter):
        for _ in range(50):
            with fs.open(f"{root}/x", "ab") as f:
                f.write(letter * 100)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    data = fs.cat(f"{root}/x")
    assert len(data) == 20_000
    assert {data[i : i + 100] for i in range(0, 20_000, 100)} == {letter * 100 for letter in (b"a", b"b", b"c", b"d")}


def test_filesystems_with_other_options_share_an_appender(aws, root):
    """Neither loses what it appends: each opens, writes and closes in turn."""
    from cove.s3 import S3FileSystem

    both = S3FileSystem(append_interval=60), S3FileSystem(append_interval=60, timeout=30)
    assert both[0] is not both[1]
    for i in range(6):
        with both[i % 2].open(f"{root}/x", "ab") as f:
            f.write(b"%d" % i)
            f.flush()
    with both[0].open(f"{root}/x", "ab") as f, both[1].open(f"{root}/x", "ab") as g:
        f.write(b"a")
        g.write(b"b")
        f.write(b"c")
    assert both[1].cat(f"{root}/x") == b"012345abc"


def test_an_appender_of_another_store_is_not_flushed(tmp_path):
    """Reads, looks and writes of one store neither wait for the other nor fail with it."""
    from mocked import MockServer

    from cove.s3 import S3FileSystem

    options = {"key": "k", "secret": "s", "retries": 0, "skip_instance_cache": True}
    with MockServer({"b/x": b"of the other"}) as server, MockServer({"b/y": b""}) as gone:
        one, other = (S3FileSystem(endpoint_url=s.endpoint, append_interval=3600, **options) for s in (gone, server))
        log = one.open("b/x", "ab")
        log.write(b"1")
        gone.store.ways["refuses"] = dict.fromkeys(("PutObject", "HeadObject", "GetObject"), {"host": [503, "SlowDown", "no"]})
        assert other.cat("b/x") == asyncio.run(other._cat_file("b/x")) == b"of the other" and other.exists("b/x")
        other.pipe("b/x", b"new")
        with other.open("b/x", "wb") as f:
            f.write(b"newer")
        other.mv("b/x", "b/z")
        other.rm("b", recursive=True)
        assert other.find("b") == []
        user = S3FileSystem(endpoint_url=gone.endpoint + "/", **{**options, "key": "another"})  # who may see the same files
        with pytest.raises(OSError, match="append s3://b/x"):
            user.cat("b/x")
        gone.store.ways.pop("refuses")
        log.close()
        assert user.cat("b/x") == b"1"
        user.rm("b/x")  # ends the appender


def test_idle_appenders_are_bounded(slow, root):
    from cove import appenders

    for n in range(3 * appenders.MAX_IDLE):
        with slow.open(f"{root}/{n}", "ab") as f:
            f.write(b"abc")
    assert len(appenders._shared) <= appenders.MAX_IDLE
    assert slow.du(root) == 9 * appenders.MAX_IDLE


def test_garbage_collection_may_close_a_file_anywhere(slow, root):
    """Garbage collection may run between any two instructions, also those of the appenders' code."""
    from cove import appenders

    f = slow.open(f"{root}/x", "ab")
    f.write(b"abc")

    def collect():
        with appenders._lock:
            f.__del__()

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert f.closed and slow.cat(f"{root}/x") == b"abc"


def test_a_file_has_one_appender_even_while_it_is_closed(slow, root, monkeypatch):
    """Who opens the file while an idle appender sends its last bytes waits for them, and does not begin at what was there before."""
    from cove import appenders

    slow._end("")  # those of other tests
    monkeypatch.setattr(appenders, "MAX_IDLE", 0)
    close, again = appenders.SharedAppender.close, []

    def open_in_between(self):
        monkeypatch.setattr(appenders.SharedAppender, "close", close)
        again.append(slow.open(self.path, "ab"))
        assert again[0]._shared is self
        close(self)

    monkeypatch.setattr(appenders.SharedAppender, "close", open_in_between)
    with slow.open(f"{root}/x", "ab") as f:
        f.write(b"one,")
    again[0].write(b"two")
    again[0].close()
    assert slow.cat(f"{root}/x") == b"one,two" and not appenders.any_open()


def test_processes_take_turns_at_a_file(aws, fs, root, python, monkeypatch):
    """An appender that has been idle is not used again: another process may have appended meanwhile."""
    from cove import appenders

    def append_here(data):
        with fs.open(f"{root}/x", "ab") as f:
            f.write(data)
        fs.size(f"{root}/x")

    append_here(b"here,")
    python("import cove.s3, sys; f = cove.s3.S3FileSystem().open(sys.argv[1], 'ab'); f.write(b'there,'); f.close()", f"{root}/x", environ=aws.environ)
    monkeypatch.setattr(appenders, "IDLE_S", -1.0)
    append_here(b"here")
    assert fs.cat(f"{root}/x") == b"here,there,here"


def test_reset_flushes_with_the_full_timeout(monkeypatch):
    """To the library a close is a last wait, whose bytes are lost when the store is down: only the process's end is one here."""
    from cove import appenders

    calls, away = [], True

    class Appender:
        def __init__(self, filesystem, path):
            pass

        def write(self, data):
            calls.append("write")
            return len(data)

        def flush(self):
            calls.append("flush")
            if away:
                raise ConnectionError("away")

        def close(self):
            calls.append("close")

    def acquire():
        return appenders.acquire(("test", ()), None, "b/x", {})

    monkeypatch.setattr(appenders, "_shared", {})
    monkeypatch.setattr(appenders._cove, "Appender", Appender)
    monkeypatch.setattr(appenders, "_TRANSIENT", {None})
    shared = acquire()
    shared.write(b"x")
    appenders.release(shared)
    monkeypatch.setattr(appenders, "IDLE_S", -1.0)
    for again in acquire, lambda: appenders._retire(shared):  # idle for long; the file is to be replaced
        with pytest.raises(ConnectionError):
            again()
    assert calls == ["write", "flush", "flush"] and appenders.any_open()
    away = False
    assert acquire() is shared and calls[3:] == ["flush", "close"]
    appenders.release(shared)
    appenders._retire(shared)
    assert not appenders.any_open() and shared not in appenders.dirty


def test_two_appending_processes_lose_no_bytes_silently(aws, slow, root, python):
    from cove import PreconditionFailed

    f = slow.open(f"{root}/x", "ab")
    f.write(b"here,")
    f.flush()
    python("import cove.s3, sys; f = cove.s3.S3FileSystem().open(sys.argv[1], 'ab'); f.write(b'there,'); f.close()", f"{root}/x", environ=aws.environ)
    f.write(b"lost,")
    with pytest.raises(PreconditionFailed, match="5 bytes could not be appended"):
        slow.cat(f"{root}/x")
    f.write(b"here again")
    f.close()
    assert slow.cat(f"{root}/x") == b"here,there,here again"


def test_append_to_a_directory(fs, root):
    fs.pipe(f"{root}/d/x", b"1")
    with pytest.raises(IsADirectoryError) as caught:
        fs.open(f"{root}/d", "ab")
    assert caught.value.errno == errno.EISDIR
