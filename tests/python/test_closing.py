"""How files open for writing are closed: by other code during an exception, by two threads at once, at the exit of the process."""

import contextlib
import gc
import gzip
import io
import json
import pickle
import tarfile
import textwrap
import threading
import weakref
import zipfile

import fsspec
import numpy as np
import pytest

BIG = 20 << 20  # more than one part
OLD = b"the old one"


class Failure(Exception):
    pass


class Fails:
    """Raises when it is pickled, after half of the surrounding data was written."""

    def __reduce__(self):
        raise Failure

    __str__ = __repr__ = __reduce__


# ---- left by an exception, and closed without passing it on ----


def text_over(fs, path):
    with io.TextIOWrapper(fs.open(path, "wb")) as f:
        f.write("half")
        raise Failure


def buffer_over(fs, path):
    with io.BufferedWriter(fs.open(path, "wb")) as f:
        f.write(b"half")
        raise Failure


def text_over_fsspec_s(fs, path):
    with io.TextIOWrapper(fsspec.open(f"s3://{path}", "wb").open()) as f:
        f.write("half")
        raise Failure


def own_exit(fs, path):
    class Handles:
        def __enter__(self):
            self.file = fs.open(path, "wb")
            return self

        def __exit__(self, *_):
            self.file.close()

    with Handles() as handles:
        handles.file.write(b"x" * BIG)
        raise Failure


def own_finally(fs, path):
    f = fs.open(path, "wb")
    try:
        f.write(b"half")
        raise Failure
    finally:
        f.close()


def own_finally_text(fs, path):
    f = fs.open(path, "w")
    try:
        f.write("half")
        raise Failure
    finally:
        f.close()


def own_finally_compressed(fs, path):
    f = fs.open(path, "wb", compression="gzip")
    try:
        f.write(b"half")
        raise Failure
    finally:
        f.close()


def own_finally_in_place(fs, path):
    f = fs.open(path, "r+b")
    try:
        f.write(b"half")
        raise Failure
    finally:
        f.close()


def closing(fs, path):
    with contextlib.closing(fs.open(path, "wb")) as f:
        f.write(b"half")
        raise Failure


def exit_stack(fs, path):
    with contextlib.ExitStack() as stack:
        f = fs.open(path, "wb")
        stack.callback(f.close)
        f.write(b"half")
        raise Failure


def zip_file(fs, path):
    with contextlib.closing(fs.open(path, "wb")) as f, zipfile.ZipFile(f, "w") as archive:
        archive.writestr("a", b"half")
        raise Failure


def tar_file(fs, path):
    with contextlib.closing(fs.open(path, "wb")) as f, tarfile.open(fileobj=f, mode="w|") as archive:
        archive.addfile(tarfile.TarInfo("a"))
        raise Failure


def gzip_file(fs, path):
    with contextlib.closing(fs.open(path, "wb")) as f, gzip.GzipFile(fileobj=f, mode="wb") as archive:
        archive.write(b"half")
        raise Failure


def pickled(fs, path):
    f = fs.open(path, "wb")
    try:
        pickle.dump([b"half", Fails()], f)
    finally:
        f.close()


def as_json(fs, path):
    with io.TextIOWrapper(fs.open(path, "wb")) as f:
        json.dump({"half": 1, "rest": (1 / 0 for _ in ())}, f)


def numpy_archive(fs, path):
    f = fs.open(path, "wb")
    try:
        np.savez(f, half=np.zeros(3), rest=np.array([Fails()]))
    finally:
        f.close()


def torch_checkpoint(fs, path):
    torch = pytest.importorskip("torch")
    with contextlib.closing(fs.open(path, "wb")) as f:
        torch.save({"half": torch.zeros(3), "rest": Fails()}, f)


def raised_again(fs, path):
    f = fs.open(path, "wb")
    try:
        f.write(b"half")
        raise Failure
    except Failure:
        f.close()
        raise


def caught_further_out(fs, path):
    with contextlib.suppress(Failure):
        text_over(fs, path)
    raise Failure


def raised_again_while_a_report_is_written(fs, path):
    try:
        raise Failure
    except Failure:
        with io.TextIOWrapper(fs.open(path, "wb")) as f:
            f.write("half")
            raise


def exit_stack_closed_in_a_finally_block(fs, path):
    stack = contextlib.ExitStack()
    f = stack.enter_context(fs.open(path, "wb"))
    try:
        f.write(b"half")
        raise Failure
    finally:
        stack.close()


LEFT = [
    text_over,
    buffer_over,
    text_over_fsspec_s,
    own_exit,
    own_finally,
    own_finally_text,
    own_finally_compressed,
    own_finally_in_place,
    closing,
    exit_stack,
    zip_file,
    tar_file,
    gzip_file,
    pickled,
    as_json,
    numpy_archive,
    torch_checkpoint,
    raised_again,
    caught_further_out,
    raised_again_while_a_report_is_written,
    exit_stack_closed_in_a_finally_block,
]


@pytest.mark.parametrize("way", LEFT, ids=lambda way: way.__name__)
def test_an_incomplete_file_replaces_nothing(fs, root, caplog, way):
    fs.pipe(f"{root}/x", OLD)
    with pytest.raises((Failure, TypeError)):
        way(fs, f"{root}/x")
    gc.collect()
    assert fs.cat(f"{root}/x") == OLD and fs.list_multipart_uploads(root) == []
    assert f"s3://{root}/x: left by " in caplog.text and "so nothing is published" in caplog.text


# ---- closed on purpose ----


def test_written_and_closed_where_an_exception_is_handled(fs, root):
    """In an `except` block the program has caught the exception."""
    f = fs.open(f"{root}/handled", "wb")
    try:
        f.write(b"1")
        raise Failure
    except Failure:
        f.write(b"2")
        f.close()
    assert fs.cat(f"{root}/handled") == b"12"


def test_another_file_is_closed_to_make_room(fs, root):
    """During an unrelated exception, such as a KeyError of a dict."""
    files = {"a": fs.open(f"{root}/a", "wb")}
    for name in ("a", "b"):
        try:
            f = files[name]
        except KeyError:
            files.popitem()[1].close()
            f = files[name] = fs.open(f"{root}/{name}", "wb")
        f.write(b"1")
    files["b"].close()
    assert fs.cat([f"{root}/a", f"{root}/b"]) == {f"{root}/a": b"1", f"{root}/b": b"1"}


@pytest.mark.parametrize("block", ["except", "finally"])
def test_opened_written_and_closed_while_an_exception_propagates(fs, root, block):
    """For example a report of the failure."""
    with pytest.raises(Failure):
        if block == "except":
            try:
                raise Failure
            except Failure:
                with io.TextIOWrapper(fs.open(f"{root}/x", "wb")) as f:
                    f.write("report")
                raise
        else:
            try:
                raise Failure
            finally:
                with fsspec.open(f"s3://{root}/x", "w") as f:
                    f.write("report")
    assert fs.cat(f"{root}/x") == b"report"


def open_as(fs, kind, path):
    """A file to write, and what writes a few letters to it."""
    if kind == "text":
        f = fs.open(path, "w")
        return f, f.write
    f = fs.open(path, "r+b" if kind == "in place" else "wb", compression="gzip" if kind == "gzip" else None)
    return f, lambda text: f.write(text.encode())


def suppressed_by_an_inner_manager(fs, f, write):
    with contextlib.ExitStack() as stack:
        stack.enter_context(f)
        stack.enter_context(contextlib.suppress(Failure))
        write("all")
        raise Failure


def caught_by_a_generator(fs, f, write):
    @contextlib.contextmanager
    def opened():
        with f:
            try:
                yield
            except Failure:
                write("l")

    with opened():
        write("al")
        raise Failure


def caught_by_a_generator_that_closes_later(fs, f, write):
    @contextlib.contextmanager
    def opened():
        try:
            yield
        except Failure:
            write("l")
        f.close()

    with opened():
        write("al")
        raise Failure


@pytest.mark.parametrize("kind", ["bytes", "text", "gzip", "in place"])
@pytest.mark.parametrize("way", [suppressed_by_an_inner_manager, caught_by_a_generator, caught_by_a_generator_that_closes_later], ids=lambda way: way.__name__)
def test_a_caught_exception_does_not_discard_the_file(fs, root, kind, way):
    fs.pipe(f"{root}/x", b"")
    f, write = open_as(fs, kind, f"{root}/x")
    way(fs, f, write)
    with fs.open(f"{root}/x", compression="gzip" if kind == "gzip" else None) as f:
        assert f.read() == b"all"


class Large:
    """Stands for what the functions hold that an exception has passed."""


@pytest.mark.parametrize("mode", ["wb", "w", "r+b"])
@pytest.mark.parametrize(
    "end", [lambda f: f.close(), lambda f: f.discard(), lambda f: f.__exit__(Failure, Failure(), None)], ids=["published", "discarded", "left"]
)
def test_a_closed_file_keeps_no_exception_alive(fs, root, mode, end):
    def fail():
        large = Large()
        held.append(weakref.ref(large))
        raise Failure

    def work():
        try:
            fail()
        except Failure:
            f = fs.open(f"{root}/x", mode)
            end(f)
            return f

    held = []
    fs.pipe(f"{root}/x", OLD)
    f = work()
    gc.collect()
    assert f.closed and held[0]() is None


def test_a_log_keeps_what_was_appended(fs, root, caplog):
    f = fs.open(f"{root}/x", "ab")
    with pytest.raises(Failure):
        try:
            f.write(b"line")
            raise Failure
        finally:
            f.close()
    assert fs.cat(f"{root}/x") == b"line" and "nothing is published" not in caplog.text


def test_a_file_dropped_with_its_owner_is_not_published(fs, root):
    class Holder:
        def __init__(self):
            self.file = fs.open(f"{root}/x", "wb")

        def __del__(self):
            self.file.close()

    fs.pipe(f"{root}/x", OLD)
    holder = Holder()
    holder.file.write(b"half")
    with pytest.warns(RuntimeWarning, match="was never closed, so nothing is published"):
        del holder
        gc.collect()
    assert fs.cat(f"{root}/x") == OLD


def test_a_transaction_skips_files_left_by_an_exception(fs, root):
    with fs.transaction:
        with contextlib.suppress(Failure):
            text_over(fs, f"{root}/a")
        fs.pipe(f"{root}/b", b"whole")
    assert fs.find(root) == [f"{root}/b"]


# ---- a write that failed ----


class FailsOnce:
    """A writer whose next write fails."""

    def __init__(self, writer, error):
        self.writer, self.error = writer, error

    def write(self, data):
        error, self.error = self.error, None
        if error:
            raise error
        return self.writer.write(data)

    def __getattr__(self, name):
        return getattr(self.writer, name)


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("over", ["nothing", "text", "a text file of Python's", "a buffer of Python's", "gzip"])
def test_nothing_is_published_after_a_failed_write(fs, root, error, over):
    """TextIOWrapper and similar classes close the file below them although their last bytes could not be written."""
    fs.pipe(f"{root}/x", OLD)
    below = fs.open(f"{root}/x", "wb", compression="gzip" if over == "gzip" else None)
    if over == "gzip":
        below._below._writer = FailsOnce(below._below._writer, error)
    else:
        below._writer = FailsOnce(below._writer, error)
    if over == "text":
        from cove.files import TextFile

        f = TextFile(below)
    else:
        f = {"a text file of Python's": io.TextIOWrapper, "a buffer of Python's": io.BufferedWriter}.get(over, lambda file: file)(below)
    if over == "nothing":
        with pytest.raises(error):
            f.write(b"first")
        f.write(b"second")
        with pytest.raises(OSError, match=f"write s3://{root}/x: .*{error.__name__}.*nothing is published"):
            f.close()
    else:
        with pytest.raises((error, OSError)):  # at once, or when it is closed
            f.write("half" if isinstance(f, io.TextIOBase) else b"half")
            f.close()
        with contextlib.suppress(OSError):
            f.close()
    assert f.closed and fs.cat(f"{root}/x") == OLD
    f.close()


def test_a_write_with_a_wrong_type_may_be_repeated(fs, root):
    with fs.open(f"{root}/x", "wb") as f:
        with pytest.raises(TypeError):
            f.write("text")
        f.write(b"bytes")
    assert fs.cat(f"{root}/x") == b"bytes"


# ---- two threads ----


class Waits:
    """A writer whose finish waits until the test releases it."""

    def __init__(self, writer, order):
        self.writer, self.order = writer, order
        self.begun, self.go_on = threading.Event(), threading.Event()

    def finish(self):
        self.begun.set()
        self.go_on.wait()
        self.writer.finish()
        self.order.append("published")

    def __getattr__(self, name):
        return getattr(self.writer, name)


@pytest.mark.parametrize("kind", ["bytes", "text", "gzip"])
def test_the_second_thread_that_closes_waits_for_the_first(fs, root, kind):
    f = fs.open(f"{root}/x", "w" if kind == "text" else "wb", compression="gzip" if kind == "gzip" else None)
    f.write("abc" if kind == "text" else b"abc")
    below = f.buffer if kind == "text" else f._below if kind == "gzip" else f
    order = []
    below._writer = writer = Waits(below._writer, order)

    def close():
        try:
            f.close()
            order.append("closed")
        except BaseException as error:
            order.append(error)

    threads = [threading.Thread(target=close) for _ in range(2)]
    threads[0].start()
    assert writer.begun.wait(60)
    threads[1].start()
    threads[1].join(0.2)  # time in which it could wrongly close
    writer.go_on.set()
    for thread in threads:
        thread.join()
    assert order == ["published", "closed", "closed"]


def test_a_write_after_another_thread_has_closed(fs, root):
    f = fs.open(f"{root}/x", "wb")
    f.close()
    f._closed = False  # as `write` saw it just before
    with pytest.raises(ValueError, match="closed"):
        f.write(b"late")
    f._closed = True


# ---- the end of the process ----

DAEMON = """
    import sys, threading, cove.s3
    fs, written = cove.s3.S3FileSystem(), threading.Event()

    def work(file):
        file.write(b"x" * (20 << 20))
        written.set()
        threading.Event().wait()

    threading.Thread(target=work, args=(fs.open(sys.argv[1], "wb"),), daemon=True).start()
    written.wait()
"""


def test_files_of_daemon_threads_leave_no_upload(aws, fs, root, python):
    process = python.start(DAEMON, f"{root}/x", environ=aws.environ)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0 and f"{root}/x" in stderr and "was never closed, so nothing is published" in stderr
    assert fs.list_multipart_uploads(root) == [] and not fs.exists(f"{root}/x")


def test_the_program_s_own_exit_handlers_close_what_they_write(aws, fs, root, python):
    """They were registered first, so they run last, whether or not some daemon thread lives."""
    python("""
        import atexit, sys, threading

        @atexit.register
        def finish():
            f.write(b" end")
            f.close()

        import cove.s3
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        f = cove.s3.S3FileSystem().open(sys.argv[1], "wb")
        f.write(b"all")
    """, f"{root}/x", environ=aws.environ)  # fmt: skip
    assert fs.cat(f"{root}/x") == b"all end"


def test_a_file_that_cannot_be_discarded_in_time_is_named(aws, root, python):
    """A store that does not answer delays the exit for a limited time only."""
    process = python.start("import cove.files; cove.files.EXIT_S = 0.0\n" + textwrap.dedent(DAEMON), f"{root}/x", environ=aws.environ)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0 and f"s3://{root}/x: not published before the process ended; parts of it may stay in the store" in stderr


def test_a_publication_by_a_daemon_thread_is_finished(aws, fs, root, python):
    python("""
        import sys, threading, cove.s3
        from cove import _cove
        fs, begun = cove.s3.S3FileSystem(), threading.Event()
        file = fs.open(sys.argv[1], "wb")
        file.write(b"x" * (20 << 20))

        class Slow:
            def __init__(self, writer): self.writer = writer
            def finish(self):
                begun.set()
                for n in range(10000):  # the main thread is at its end long before
                    fs.exists(sys.argv[1]) if n % 1000 == 0 else None
                self.writer.finish()
            def __getattr__(self, name): return getattr(self.writer, name)

        file._writer = Slow(file._writer)
        threading.Thread(target=file.close, daemon=True).start()
        del file
        begun.wait()
    """, f"{root}/x", environ=aws.environ)  # fmt: skip
    assert fs.size(f"{root}/x") == BIG


def test_a_forked_child_does_not_end_its_parents_files(aws, fs, root, python):
    python("""
        import os, sys, threading, cove.s3
        fs = cove.s3.S3FileSystem()
        f = fs.open(sys.argv[1], "wb")
        f.write(b"x" * (20 << 20))
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        child = os.fork()
        if child == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
            import atexit; atexit._run_exitfuncs()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        f.close()
    """, f"{root}/x", environ=aws.environ)  # fmt: skip
    assert fs.size(f"{root}/x") == BIG
