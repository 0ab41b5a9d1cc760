"""cove._cove in a process: threads, forks, Ctrl-C, exit, and leaks."""

import gc
import os
import signal
import sys
import threading

import pytest
from cove import _cove
from mocked import mock  # noqa: F401
from stub import Stub, corrupt, deny, stall

MIB = 1 << 20


def run_threads(n, work):
    failures = []

    def guarded(i):
        try:
            work(i)
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def in_child(work):
    """Runs `work` in a forked child; it must come back."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


# ---- threads ----


def test_threads_share_a_filesystem(store):
    def work(i):
        for j in range(20):
            store.fs.write_file(store / f"{i}-{j}", b"%d-%d" % (i, j))
            assert store.fs.read_file(store / f"{i}-{j}") == b"%d-%d" % (i, j)
            assert store.fs.stat(store / f"{i}-{j}")[1] == len(f"{i}-{j}")

    run_threads(8, work)
    assert len(store.fs.find(store.root)) == 160


def test_threads_take_turns_at_a_stream(store):
    data = bytes(range(256)) * 4096
    store.fs.write_file(store / "x", data)
    reader, writer = _cove.Reader(store.fs, store / "x"), _cove.Writer(store.fs, store / "y")
    appender, pieces, lock = _cove.Appender(store.fs, store / "z", flush_interval=3600), [], threading.Lock()

    def work(i):
        for _ in range(64):
            piece = reader.read(2048)
            with lock:
                pieces.append(piece)
            assert reader.read_at(i * 256, 256) == bytes(range(256))
            writer.write(bytes([i]) * 100)
            appender.write(bytes([i]) * 10)

    run_threads(8, work)
    writer.finish()
    appender.close()
    assert len(pieces) == 512 and b"".join(sorted(pieces)) == b"".join(sorted(data[i : i + 2048] for i in range(0, len(data), 2048)))
    assert sorted(store.fs.read_file(store / "y")) == sorted(bytes(range(8)) * 6400)
    assert sorted(store.fs.read_file(store / "z")) == sorted(bytes(range(8)) * 640)


def test_a_stream_may_be_closed_by_another_thread(memory):
    memory.fs.write_file(memory / "x", b"x" * 100_000)
    reader = _cove.Reader(memory.fs, memory / "x")
    begun = threading.Barrier(5)

    def work(i):
        begun.wait()
        if i == 0:
            reader.close()
            return
        try:
            for _ in range(1000):
                reader.read_at(0, 100)
        except ValueError as e:
            assert "closed" in str(e)

    run_threads(5, work)
    assert reader.closed


def test_other_threads_run_while_a_failed_write_is_aborted(mock):  # noqa: F811
    """The mock's threads are this process's, too: were the abort sent with the GIL, they could not answer it."""
    from server import Fault

    mock.faults.append(Fault({"on": "UploadPart", "times": -1, "status": 403, "error": ["AccessDenied", "no"]}))
    fs = _cove.Filesystem("s3://b", {"endpoint_url": mock.endpoint, "key": "k", "secret": "s", "max_concurrency": "1"})
    with pytest.raises(PermissionError):
        fs.write_file("b/x", bytes(64 * MIB))
    assert [r.status for r in mock.requests if r.operation == "AbortMultipartUpload"] == [204]


def store_that_waits(stub, handler):
    """An empty bucket; PUTs wait until the test releases them."""
    if handler.command == "PUT":
        stub.busy.set()
        stub.free.wait()
    body = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>" if handler.command == "GET" else b""
    handler.send_response(404 if handler.command == "HEAD" else 200)
    handler.send_header("ETag", '"e"')
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_two_threads_close_an_appender_at_once():
    with Stub(store_that_waits) as stub:
        stub.busy, order = threading.Event(), []
        appender = _cove.Appender(_cove.Filesystem(stub.url, stub.options), stub.url, flush_interval=3600)
        appender.write(b"x")

        def close():
            try:
                appender.close()
                order.append(stub.free.is_set())
            except Exception as error:
                order.append(error)

        threads = [threading.Thread(target=close) for _ in range(2)]
        threads[0].start()
        assert stub.busy.wait(60)
        threads[1].start()
        threads[1].join(0.2)  # time to reach the point where it waits for the first one
        stub.free.set()
        for thread in threads:
            thread.join()
    assert order == [True, True]


def test_cancel_ends_the_wait_of_a_writer():
    with Stub(stall) as stub:
        writer, ended = _cove.Writer(_cove.Filesystem(stub.url, stub.options), stub.url), []
        writer.write(b"x")

        def finish():
            try:
                writer.finish()
            except OSError as error:
                ended.append(error.code)

        thread = threading.Thread(target=finish)
        thread.start()
        assert stub.asked.wait(60)
        writer.cancel()
        thread.join()
    assert ended == ["COVE_ECANCELED"]
    writer.abort()


def test_other_threads_run_while_a_call_waits():
    with Stub(deny) as stub:
        fs, ended = _cove.Filesystem(stub.url, stub.options), []

        def ask():
            with pytest.raises(PermissionError):
                fs.stat(stub.url)
            ended.append(True)

        thread = threading.Thread(target=ask)
        thread.start()
        # Both the stub's thread and this one need the GIL to get so far.
        assert stub.asked.wait(60) and ended == []
        stub.free.set()
        thread.join()
        assert ended == [True]


# ---- forks ----


def test_a_forked_child_continues(store):
    data = os.urandom(3 * MIB)
    store.fs.write_file(store / "x", data)
    reader = _cove.Reader(store.fs, store / "x")
    assert reader.read(100_000) == data[:100_000]

    def child():
        assert reader.read() == data[100_000:]
        assert store.fs.read_many([store / "x"] * 3) == [data] * 3
        store.fs.write_file(store / "child", b"of the child")
        _cove.Appender(store.fs, store / "log").close()

    in_child(child)
    assert reader.read() == data[100_000:]
    if store.name != "memory":
        assert store.fs.read_file(store / "child") == b"of the child"


def test_writers_and_appenders_stay_the_parent_s(s3):
    writer, appender = _cove.Writer(s3.fs, s3 / "big"), _cove.Appender(s3.fs, s3 / "log", flush_interval=3600)
    writer.write(b"x" * (20 * MIB))
    appender.write(b"1")
    held = [writer, appender, _cove.Queue()]

    def child():
        for call in (lambda: writer.write(b"x"), lambda: appender.write(b"2"), appender.flush):
            with pytest.raises(OSError) as caught:
                call()
            assert caught.value.code == "COVE_ESTATE"
        held.clear()
        gc.collect()

    in_child(child)
    in_child(writer.abort)
    in_child(appender.close)
    assert s3.fs.find(s3.root) == []
    writer.finish()
    appender.close()
    assert s3.fs.read_many([s3 / "big", s3 / "log"]) == [b"x" * (20 * MIB), b"1"]


def first_only(stub, handler):
    """A file of 4 MiB: the first 64 KiB are sent at once, other reads wait until the test releases them."""
    if handler.headers.get("Range", "").startswith("bytes=0-"):
        handler.send_response(206)
        for name, value in {"Content-Length": "65536", "Content-Range": f"bytes 0-65535/{4 * MIB}", "ETag": '"e"'}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b"x" * 65536)
        stub.asked.clear()
    else:
        stub.busy.set()
        stall(stub, handler)


def test_a_child_gets_an_error_for_a_stream_in_use_at_the_fork():
    with Stub(first_only) as stub:
        stub.busy = threading.Event()
        reader = _cove.Reader(_cove.Filesystem(stub.url, stub.options), stub.url)

        def wait():
            with pytest.raises(OSError):
                reader.read()

        thread = threading.Thread(target=wait)
        thread.start()
        assert stub.busy.wait(60)

        def child():
            with pytest.raises(RuntimeError, match="forked"):
                reader.read()

        in_child(child)
        stub.free.set()
        thread.join()


FORK_AS_A_LOCK_IS_TAKEN = """
    import ctypes, json, os, signal, sys, threading, time
    from cove import _cove
    url, options = sys.argv[1], json.loads(sys.argv[2])
    shim = ctypes.CDLL(sys.argv[3])
    reader = _cove.Reader(_cove.Filesystem(url, options), url)

    def read():
        try:
            reader.read_at(3 << 20, 5)
        except OSError:
            pass

    def read_next():
        shim.lockhold_arm()
        read()

    first, second = threading.Thread(target=read), threading.Thread(target=read_next)
    first.start()
    sys.stdin.readline()  # the first waits for the store
    second.start()
    while not shim.lockhold_waits():
        time.sleep(0.001)
    print("waits", flush=True)
    while not shim.lockhold_stopped():  # it has acquired the lock and has not run any code since
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            reader.read_at(3 << 20, 5)
        except RuntimeError as error:
            assert "forked" in str(error)
            del reader
            os._exit(0)
        os._exit(1)
    status = os.waitpid(child, 0)[1]
    shim.lockhold_go_on()
    first.join(), second.join()
    print(status)
"""


def test_a_fork_in_the_moment_when_a_lock_is_taken(python):
    import json

    import env

    shim = env.build_dir() / "tests" / "fault" / "lockhold.so"

    with Stub(first_only) as stub:
        stub.busy = threading.Event()
        process = python.start(FORK_AS_A_LOCK_IS_TAKEN, stub.url, json.dumps(stub.options), shim, environ={"LD_PRELOAD": str(shim)}, stdin=-1)
        assert stub.busy.wait(60)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "waits\n"
        stub.free.set()
        out, stderr = process.communicate(timeout=120)
    assert (process.returncode, out, stderr) == (0, "0\n", "")


# ---- Ctrl-C ----

INTERRUPTED = """
    import json, signal, sys, threading
    from cove import _cove
    url, options = sys.argv[1], json.loads(sys.argv[2])
    fs = _cove.Filesystem(url, options)
    calls = {
        "stat": lambda: fs.stat(url), "exists": lambda: fs.exists(url), "list": lambda: fs.list(url),
        "read_file": lambda: fs.read_file(url), "read_range": lambda: fs.read_range(url, 0, 10),
        "write_file": lambda: fs.write_file(url, b"x"), "copy": lambda: fs.copy(url, url + "2"),
        "remove": lambda: fs.remove(url), "read_many": lambda: fs.read_many([url + str(i) for i in range(200)]),
        "write_many": lambda: fs.write_many([(url + str(i), b"x") for i in range(200)]),
        "reader": lambda: _cove.Reader(fs, url), "writer": lambda: (w := _cove.Writer(fs, url), w.write(b"x"), w.finish()),
        "appender": lambda: _cove.Appender(fs, url),
        "queue": lambda: (q := _cove.Queue(), q.stat(fs, url), q.next(None)),
    }
    before = signal.getsignal(signal.SIGINT)
    try:
        calls[sys.argv[3]]()
    except KeyboardInterrupt:
        assert signal.getsignal(signal.SIGINT) is before
        print("interrupted", threading.active_count())
"""


@pytest.mark.parametrize(
    "call",
    ["stat", "exists", "list", "read_file", "read_range", "write_file", "copy", "remove", "read_many", "write_many", "reader", "writer", "appender", "queue"],
)
def test_ctrl_c_ends_a_call(python, call):
    import json

    with Stub(stall) as stub:
        process = python.start(INTERRUPTED, stub.url, json.dumps(stub.options), call)
        assert stub.asked.wait(60)
        process.send_signal(signal.SIGINT)
        out, stderr = process.communicate(timeout=120)
    assert (process.returncode, out, stderr) == (0, "interrupted 1\n", "")


PATIENT = """
    import json, os, signal, sys
    from cove import _cove
    fs = _cove.Filesystem(sys.argv[1], json.loads(sys.argv[2]))
    # Python's handler writes to the wakeup descriptor at once: so the test knows that a signal has arrived.
    out = int(sys.argv[3])
    os.set_blocking(out, False)
    signal.set_wakeup_fd(out)
    presses = []
    signal.signal(signal.SIGINT, lambda *_: presses.append(1))
    try:
        fs.stat(sys.argv[1])
    except OSError as e:
        print(e.code, len(presses))
"""


@pytest.mark.parametrize("presses, result", [(1, "COVE_EACCESS 1"), (2, "COVE_ECANCELED 1")])
def test_a_program_s_own_handler_gets_the_first_ctrl_c(python, presses, result):
    """It may only want to take a note. Python calls it once, however often it was pressed, at the end of the call."""
    import json

    into, out = os.pipe()
    with Stub(deny) as stub, open(into, "rb", buffering=0) as wakeup:
        process = python.start(PATIENT, stub.url, json.dumps(stub.options), out, pass_fds=[out])
        os.close(out)
        assert stub.asked.wait(60)
        for _ in range(presses):
            process.send_signal(signal.SIGINT)
            assert wakeup.read(1) == bytes([signal.SIGINT])
        if presses == 1:
            stub.free.set()
        out, stderr = process.communicate(timeout=120)
    assert (process.returncode, out.strip(), stderr) == (0, result, "")


def test_an_appender_s_flush_outlasts_the_first_ctrl_c(python):
    """What it gathered would be lost with it, when a training that was interrupted still has its last words to write."""
    import json

    puts = []

    def answer(stub, handler):
        if handler.command == "PUT":
            puts.append(handler.path)
        store_that_waits(stub, handler)

    into, out = os.pipe()
    with Stub(answer) as stub, open(into, "rb", buffering=0) as wakeup:
        stub.busy = threading.Event()
        process = python.start(
            """
            import json, os, signal, sys
            from cove import _cove
            out = int(sys.argv[3])
            os.set_blocking(out, False)
            signal.set_wakeup_fd(out)
            appender = _cove.Appender(_cove.Filesystem(sys.argv[1], json.loads(sys.argv[2])), sys.argv[1], 3600)
            appender.write(b"last words")
            try:
                appender.flush()
            except KeyboardInterrupt:
                print("interrupted")
            appender.write(b" and the very last")
            try:
                appender.close()
            except OSError as e:
                print(e.code)
        """,
            stub.url,
            json.dumps(stub.options),
            out,
            pass_fds=[out],
        )
        os.close(out)
        assert stub.busy.wait(60)
        process.send_signal(signal.SIGINT)
        assert wakeup.read(1) == bytes([signal.SIGINT])
        stub.free.set()
        out, stderr = process.communicate(timeout=120)
    # It continues until after the flush. The next append fails because this store has stored nothing.
    assert (process.returncode, out, stderr) == (0, "interrupted\nCOVE_EPRECONDITION\n", "")
    assert len(puts) == 1


def test_other_threads_cannot_be_interrupted_but_the_main_one_is(python):
    import json

    with Stub(stall) as stub:
        process = python.start(
            """
            import json, sys, threading
            from cove import _cove
            fs = _cove.Filesystem(sys.argv[1], json.loads(sys.argv[2]))
            threading.Thread(target=lambda: fs.stat(sys.argv[1]), daemon=True).start()
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                print("interrupted")
        """,
            stub.url,
            json.dumps(stub.options),
        )
        assert stub.asked.wait(60)
        process.send_signal(signal.SIGINT)
        out, stderr = process.communicate(timeout=120)
    assert (process.returncode, out, stderr) == (0, "interrupted\n", "")


# ---- the exit ----


def test_the_exit_does_not_wait_for_other_threads(python, store):
    """Streams and queues that are still there, in a cycle even, or held by a thread that never ends."""
    store.fs.write_file(store / "x", b"x" * 100_000)
    python(
        """
        import sys, threading
        from cove import _cove
        url = sys.argv[1]
        fs = _cove.Filesystem(url)
        if url.startswith("memory:"):
            fs.write_file(url + "/x", b"x" * 100_000)
        class Held: pass
        held = Held()
        held.all = [held, fs, _cove.Reader(fs, url + "/x"), _cove.Writer(fs, url + "/y"), _cove.Appender(fs, url + "/z"),
                    _cove.Queue()]
        held.all[2].read(10), held.all[3].write(b"x"), held.all[4].write(b"x"), held.all[5].read_file(fs, url + "/x")
        def forever(queue=held.all[5]):
            while True:
                queue.stat(fs, url + "/x"), queue.next(0.001)
        threading.Thread(target=forever, daemon=True).start()
        sys.modules["builtins"].held = held
    """,
        store.url,
        environ=store.environ,
    )
    if store.name != "memory":
        assert store.fs.read_file(store / "z") == b"x" and not store.fs.exists(store / "y")


def test_a_call_that_waits_does_not_hold_up_the_exit(python):
    import json

    with Stub(stall) as stub:
        process = python.start(
            """
            import json, sys, threading
            from cove import _cove
            fs = _cove.Filesystem(sys.argv[1], json.loads(sys.argv[2]))
            threading.Thread(target=lambda: fs.stat(sys.argv[1]), daemon=True).start()
            sys.stdin.read()
        """,
            stub.url,
            json.dumps(stub.options),
            stdin=-1,
        )
        assert stub.asked.wait(60)
        _, stderr = process.communicate("", timeout=120)
    assert (process.returncode, stderr) == (0, "")


# ---- what is kept ----


def test_corrupt_bytes_are_found():
    with Stub(corrupt) as stub:
        with pytest.raises(_cove.CorruptData) as caught:
            _cove.Filesystem(stub.url, stub.options).read_file(stub.url)
    assert caught.value.code == "COVE_ECORRUPT"


def every_call(store, queue):
    fs, data, into = store.fs, bytearray(b"0123456789"), bytearray(10)
    fs.write_file(store / "x", data), fs.append(store / "x", data), fs.stat(store / "x"), fs.exists(store / "x")
    fs.list(store.root), fs.find(store.root), fs.glob(store / "*"), fs.url(store / "x"), fs.path(store / "x")
    fs.read_file(store / "x"), fs.read_range(store / "x", 1, 3), fs.read_range(store / "x", 1, -1)
    fs.read_ranges(store / "x", [(0, 1), (5, 100)]), fs.read_into(store / "x", 0, into)
    fs.copy(store / "x", store / "y"), fs.move(store / "y", store / "z")
    fs.write_many([(store / "m", data)]), fs.read_many([store / "m", store / "no"]), fs.stat_many([store / "m"])
    fs.copy_many([(store / "m", store / "n")]), fs.remove_files([store / "n", store / "no"])
    fs.is_file(store / "x"), fs.is_directory(store / "x")
    reader = _cove.Reader(fs, store / "x")
    reader.read(3), reader.readinto(into), reader.read_at(0, 3), reader.read_ranges([(0, 3)]), reader.seek(1), reader.tell()
    writer = _cove.Writer(fs, store / "w")
    writer.write(data), writer.finish()
    appender = _cove.Appender(fs, store / "a", 3600)
    appender.write(data), appender.close()
    queue.stat(fs, store / "x"), queue.read_file(fs, store / "x"), queue.read_range(fs, store / "x", 15, 10)
    queue.read_ranges(fs, store / "x", [(0, 1), (5, 100)]), queue.read_ranges(fs, store / "no", [(0, 1)])
    queue.write_file(fs, store / "q", data), queue.stat(fs, store / "no")
    while queue.pending:
        queue.next(None)
    for failing in (
        lambda: fs.stat(store / "no"),
        lambda: fs.read_file(store / "no"),
        lambda: _cove.Reader(fs, store / "no"),
        lambda: fs.read_range(store / "no", 0, 1 << 60),
        lambda: fs.read_ranges(store / "x", [(0, 1), None]),
        lambda: fs.write_file(store / "x", "text"),
        lambda: fs.stat(store / "x", timeout="soon"),
        lambda: fs.write_file(store / "x", data, "odd"),
        lambda: fs.write_many([(store / "x", data), None]),
        lambda: _cove.Writer(fs, store / "x", "odd"),
        lambda: _cove.Appender(fs, store / "x", -1),
        lambda: queue.write_file(fs, None, data),
        lambda: _cove.Filesystem("odd://x"),
        lambda: _cove.Filesystem(store.url, {"odd": "x"}),
    ):
        with pytest.raises((OSError, ValueError, TypeError)):
            failing()
    data.append(1)  # nothing holds a buffer any more


def test_no_references_leak(memory):
    queue = _cove.Queue()
    for _ in range(20):
        every_call(memory, queue)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(200):
        every_call(memory, queue)
    gc.collect()
    # A reference that is lost at each turn makes 200 of them.
    assert sys.getallocatedblocks() - before < 150


def test_a_type_is_held_by_its_instances(memory):
    for kind, make in (
        (_cove.Filesystem, lambda: _cove.Filesystem("memory://x")),
        (_cove.Queue, _cove.Queue),
        (_cove.Writer, lambda: _cove.Writer(memory.fs, memory / "w")),
    ):
        before = sys.getrefcount(kind)
        instances = [make() for _ in range(10)]
        assert sys.getrefcount(kind) == before + 10
        instances.clear()
        assert sys.getrefcount(kind) == before
