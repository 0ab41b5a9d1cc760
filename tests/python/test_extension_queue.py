"""cove._cove.Queue: many calls under way, results in the order of their arrival, and closing at any moment."""

import gc
import os
import random
import select
import threading

import pytest
from cove import _cove
from stub import Stub, stall


def drain(queue, results=None):
    results = {} if results is None else results
    while queue.pending:
        results.update(queue.next(None))
    return results


def test_every_kind_of_job(store):
    fs, queue = store.fs, _cove.Queue()
    write = queue.write_file(fs, store / "x", b"0123456789")
    written, info = drain(queue), fs.stat(store / "x")
    assert written == {write: (info[4], info[5])}
    jobs = {
        queue.stat(fs, store / "x"): fs.stat(store / "x"),
        queue.read_file(fs, store / "x"): b"0123456789",
        queue.read_file(fs, store / "x", 10, timeout=60): b"0123456789",
        queue.read_range(fs, store / "x", 3, 4): b"3456",
        queue.read_range(fs, store / "x", 8, 100): b"89",
        queue.read_range(fs, store / "x", -3, 2): b"78",
        queue.read_range(fs, store / "x", 0, 0): b"",
        queue.read_ranges(fs, store / "x", [(1, 2), (8, 5), (20, 1), (0, 0)]): [b"12", b"89", b"", b""],
        queue.read_ranges(fs, store / "x", []): [],
        queue.copy(fs, store / "x", store / "y"): None,
        queue.mkdir(fs, store / "made/by/a/job"): None,
    }
    assert len(jobs) == 11 and queue.pending == 11
    assert drain(queue) == jobs and queue.pending == 0
    assert drain(queue, {queue.remove(fs, store / "x"): "?"}).popitem()[1] is None
    fs.write_file(store / "d/z", b"")
    jobs = {queue.list(fs, store.root): fs.list(store.root), queue.find(fs, store.root): fs.find(store.root)}
    assert [len(infos) for infos in jobs.values()] == [3, 2]
    assert drain(queue) == jobs


def test_a_failed_job_gives_its_exception(store):
    queue = _cove.Queue()
    jobs = [
        queue.stat(store.fs, store / "no"),
        queue.read_file(store.fs, store / "no"),
        queue.read_range(store.fs, store / "no", 0, 5),
        queue.read_ranges(store.fs, store / "no", [(0, 5)]),
        queue.remove(store.fs, store / "no"),
        queue.copy(store.fs, store / "no", store / "there"),
        queue.list(store.fs, store / "no"),
    ]
    results = drain(queue)
    assert set(results) == set(jobs)
    for error in results.values():
        assert type(error) is FileNotFoundError and error.code == "COVE_ENOTFOUND" and "no" in str(error)


def test_hundreds_of_jobs_and_their_buffers(store):
    queue, made = _cove.Queue(parallel=32), random.Random(5)
    wanted = {i: made.randbytes(made.randrange(100_000)) for i in range(600)}
    jobs = {queue.write_file(store.fs, store / f"{i}", bytearray(data)): i for i, data in wanted.items()}
    gc.collect()  # only the queue holds those buffers
    assert {(type(value), len(value)) for value in drain(queue).values()} == {(tuple, 2)}
    jobs = {queue.read_file(store.fs, store / f"{i}"): i for i in wanted}
    assert {jobs[job]: data for job, data in drain(queue).items()} == wanted
    jobs = {queue.read_range(store.fs, store / f"{i}", 10, 50): i for i in wanted}
    assert {jobs[job]: data for job, data in drain(queue).items()} == {i: data[10:60] for i, data in wanted.items()}


def test_a_buffer_is_held_until_its_result_is_taken(memory):
    queue, buffer = _cove.Queue(), bytearray(b"x" * 100)
    queue.write_file(memory.fs, memory / "x", buffer)
    with pytest.raises(BufferError):
        buffer.append(1)
    assert len(queue.next(None)) == 1
    buffer.append(1)


def test_the_descriptor_becomes_readable_with_results(store):
    queue = _cove.Queue()
    fd = queue.fileno()
    assert queue.fileno() == fd and queue.next() == []
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    jobs = {queue.stat(store.fs, store / f"{i}") for i in range(20)}
    seen = set()
    while queue.pending:
        assert poll.poll(60_000), "no result, and the descriptor is not readable"
        seen |= {job for job, _ in queue.next()}
    assert seen == jobs


def test_next_returns_at_once_without_pending_jobs():
    queue = _cove.Queue()
    assert queue.next(None) == queue.next(3600) == queue.next() == queue.next(-1) == queue.next(float("nan")) == []


def test_cancelling(memory):
    with Stub(stall) as stub:
        fs, queue = _cove.Filesystem(stub.url, stub.options), _cove.Queue(parallel=2)
        jobs = [queue.stat(fs, f"bucket/{i}") for i in range(5)]
        assert stub.asked.wait(60)
        assert queue.cancel(jobs[4]) is True and queue.cancel(jobs[0]) is True
        ended = {}
        while len(ended) < 2:
            ended.update(queue.next(None))
        assert set(ended) == {jobs[0], jobs[4]}
        assert queue.cancel(jobs[4]) is False and queue.cancel(12345) is False
        queue.cancel_all()
        ended.update(drain(queue))
    assert set(ended) == set(jobs)
    assert {error.code for error in ended.values()} == {"COVE_ECANCELED"}


def test_closing_with_jobs_under_way():
    with Stub(stall) as stub:
        fs, queue, buffer = _cove.Filesystem(stub.url, stub.options), _cove.Queue(parallel=4), bytearray(1000)
        for i in range(50):
            queue.write_file(fs, f"bucket/{i}", buffer)
        queue.read_range(fs, "bucket/x", 0, 100)
        assert stub.asked.wait(60)
        queue.close()
    buffer.append(1)  # no export is left
    queue.close()
    assert queue.closed
    for call in (
        queue.next,
        queue.fileno,
        lambda: queue.pending,
        lambda: queue.stat(fs, "bucket/x"),
        queue.cancel_all,
        lambda: queue.cancel(1),
        lambda: queue.write_file(fs, "bucket/x", buffer),
    ):
        with pytest.raises(ValueError, match="closed"):
            call()
    buffer.append(1)


def test_closing_while_a_thread_waits():
    with Stub(stall) as stub:
        fs, queue, got = _cove.Filesystem(stub.url, stub.options), _cove.Queue(), []
        queue.stat(fs, "bucket/x")
        thread = threading.Thread(target=lambda: got.append(queue.next(None)))
        thread.start()
        assert stub.asked.wait(60)
        queue.close()
        thread.join(60)
    assert not thread.is_alive() and len(got) == 1


def test_a_dropped_queue_releases_its_buffers():
    with Stub(stall) as stub:
        fs, queue, buffer = _cove.Filesystem(stub.url, stub.options), _cove.Queue(), bytearray(10)
        queue.write_file(fs, "bucket/x", buffer)
        assert stub.asked.wait(60)
        del queue
        buffer.append(1)


def test_the_number_of_jobs_is_limited(memory):
    queue = _cove.Queue(max_jobs=3)
    for _ in range(3):
        queue.stat(memory.fs, memory / "x")
    with pytest.raises(OSError) as caught:
        queue.stat(memory.fs, memory / "x")
    assert caught.value.code == "COVE_ELIMIT"
    for options in ({"parallel": 0}, {"parallel": -1}, {"parallel": 5000}, {"max_jobs": 0}):
        with pytest.raises(ValueError):
            _cove.Queue(**options)


def test_arguments_of_jobs_are_checked(memory):
    queue = _cove.Queue()
    for call in (
        lambda: queue.stat("fs", "x"),
        lambda: queue.stat(memory.fs, 3),
        lambda: queue.write_file(memory.fs, "x", "text"),
        lambda: queue.copy(memory.fs, "x"),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError):
        queue.read_range(memory.fs, memory / "x", 0, -1)
    assert queue.pending == 0


def test_many_threads_at_one_queue(store):
    store.fs.write_file(store / "x", b"x" * 1000)
    queue, mine, taken, lock = _cove.Queue(parallel=8), set(), [], threading.Lock()

    def work():
        for _ in range(50):
            job = queue.read_range(store.fs, store / "x", 1, 10)
            with lock:
                mine.add(job)
            got = queue.next(0.01)
            with lock:
                taken.extend(got)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.extend(drain(queue).items())
    assert len(taken) == 400 and {job for job, _ in taken} == mine and {value for _, value in taken} == {b"x" * 10}


def test_a_forked_child_cannot_use_a_queue(store):
    store.fs.write_file(store / "x", b"x")
    queue = _cove.Queue()
    job = queue.stat(store.fs, store / "x")
    queue.fileno()
    child = os.fork()
    if child == 0:
        try:
            with pytest.raises(OSError):
                queue.next()
            with pytest.raises(ValueError):
                queue.fileno()
            with pytest.raises(OSError):
                queue.stat(store.fs, store / "x")
            assert queue.pending == 0
            queue.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert [j for j, _ in queue.next(None)] == [job]
