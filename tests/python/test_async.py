"""The coroutines, on MinIO: many at once, cancelled, on several loops, and together with the synchronous methods."""

import asyncio
import contextlib
import gc
import io
import threading
import weakref

import fsspec
import pytest


@pytest.fixture
def afs(aws):
    from cove.s3 import S3FileSystem

    return S3FileSystem(asynchronous=True)


def run(coroutine):
    return asyncio.run(coroutine)


def test_each_coroutine(afs, root, tmp_path):
    async def main():
        session = await afs.set_session()
        x, y = f"{root}/x", f"s3://{root}/d/y"
        await afs._pipe_file(x, b"0123456789")
        await afs._pipe({y: b"y", f"{root}/d/z": b"z"})
        assert await afs._cat_file(x) == b"0123456789"
        for start, end in [(2, 5), (None, 5), (5, None), (-3, None), (-5, -2), (2, -1), (5, 2), (0, 100), (0, 1 << 50), (-(1 << 50), None)]:
            assert await afs._cat_file(x, start, end) == b"0123456789"[start:end]
        assert await afs._cat(x) == b"0123456789"
        assert await afs._cat([x, y]) == {x: b"0123456789", f"{root}/d/y": b"y"}
        assert await afs._cat(f"{root}/d", recursive=True) == {f"{root}/d/y": b"y", f"{root}/d/z": b"z"}
        assert (await afs._info(x))["size"] == await afs._size(x) == 10
        assert await afs._sizes([x, y]) == [10, 1]
        assert await afs._exists(x) and not await afs._exists(f"{root}/none")
        assert await afs._isfile(x) and await afs._isdir(f"{root}/d") and not await afs._isdir(x) and not await afs._isfile(f"{root}/none")
        assert await afs._ls(root, detail=False) == [f"{root}/d", x]
        assert await afs._find(root) == [f"{root}/d/y", f"{root}/d/z", x]
        assert await afs._glob(f"{root}/d/*") == [f"{root}/d/y", f"{root}/d/z"]
        assert [step async for step in afs._walk(root)] == [(root, ["d"], ["x"]), (f"{root}/d", [], ["y", "z"])]
        assert await afs._du(root) == 12
        assert await afs._expand_path(f"{root}/d", recursive=True) == [f"{root}/d", f"{root}/d/y", f"{root}/d/z"]
        ranges = await afs._cat_ranges([x, x, y, f"{root}/none"], [0, 5, 0, 0], [2, 7, 1, 1])
        assert ranges[:3] == [b"01", b"56", b"y"] and isinstance(ranges[3], FileNotFoundError)
        several = await afs._cat_ranges([x, y, x, f"{root}/none", y, f"{root}/none"], [0, 0, 5, 0, -1, 1], [2, 1, 7, 1, None, 2])
        assert [several[i] for i in (0, 1, 2, 4)] == [b"01", b"y", b"56", b"y"]
        assert all(isinstance(several[i], FileNotFoundError) for i in (3, 5))
        with pytest.raises(FileNotFoundError):
            await afs._cat_ranges([f"{root}/none"], 0, 1, on_error="raise")
        await afs._cp_file(x, f"{root}/x2")
        await afs._copy(f"{root}/d", f"{root}/d2", recursive=True)
        await afs._mv_file(f"{root}/x2", f"{root}/x3")
        assert await afs._find(root) == [f"{root}/{n}" for n in ("d/y", "d/z", "d2/y", "d2/z", "x", "x3")]
        await afs._get_file(x, str(tmp_path / "x"))
        await afs._get(f"{root}/d", str(tmp_path / "d"), recursive=True)
        await afs._put_file(str(tmp_path / "x"), f"{root}/x4")
        await afs._put(str(tmp_path / "d"), f"{root}/d3", recursive=True)
        assert await afs._cat(f"{root}/d3", recursive=True) == {f"{root}/d3/y": b"y", f"{root}/d3/z": b"z"}
        await afs._rm_file(f"{root}/x4")
        await afs._rm(f"{root}/d3", recursive=True)
        await afs._makedirs(f"{root}/made", exist_ok=True)
        assert await afs._isdir(f"{root}/made")
        with pytest.raises(FileExistsError):
            await afs._pipe_file(x, b"", mode="create")
        with pytest.raises(FileNotFoundError):
            await afs._rm_file(f"{root}/x4")
        assert await afs._bulk_delete([x]) == [x]
        await session.close()

    run(main())


def test_hundreds_at_once(afs, root):
    async def main():
        names = [f"{root}/{n:04}" for n in range(800)]
        await asyncio.gather(*(afs._pipe_file(name, b"%d" % n) for n, name in enumerate(names)))
        assert await asyncio.gather(*map(afs._cat_file, names)) == [b"%d" % n for n in range(800)]
        assert [i["size"] for i in await asyncio.gather(*map(afs._info, names))] == [len(str(n)) for n in range(800)]
        assert await afs._cat(names) == {name: b"%d" % n for n, name in enumerate(names)}
        failures = await asyncio.gather(*(afs._cat_file(f"{name}-none") for name in names), return_exceptions=True)
        assert all(isinstance(f, FileNotFoundError) for f in failures)
        await asyncio.gather(*map(afs._rm_file, names))
        assert await afs._find(root) == []

    run(main())


def test_a_job_waits_while_the_queue_is_full(afs, root, monkeypatch):
    from cove import asyncio_queue

    monkeypatch.setattr(asyncio_queue, "MAX_JOBS", 3)

    async def main():
        await afs._pipe_file(f"{root}/x", b"1")
        assert await asyncio.gather(*(afs._cat_file(f"{root}/x") for _ in range(50))) == [b"1"] * 50
        failures = await asyncio.gather(*(asyncio_queue.run("read_range", afs._fs, f"{root}/x", 0, -1) for _ in range(50)), return_exceptions=True)
        assert all(isinstance(f, ValueError) for f in failures)  # refused before they were jobs, and they take no room
        tasks = [asyncio.create_task(afs._cat_file(f"{root}/x")) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        assert await asyncio.gather(*tasks[1::2]) == [b"1"] * 25

    run(main())


def test_a_cancelled_task_ends_its_job(afs, root):
    from cove.asyncio_queue import _queues

    async def main():
        await afs._pipe_file(f"{root}/x", bytes(30_000_000))
        tasks = [asyncio.create_task(afs._cat_file(f"{root}/x")) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        assert all(isinstance(r, asyncio.CancelledError) for r in await asyncio.gather(*tasks, return_exceptions=True))
        while _queues[asyncio.get_running_loop()]._waiting:
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(afs._cat_file(f"{root}/x"), 0)
        assert len(await afs._cat_file(f"{root}/x")) == 30_000_000

    run(main())


def test_two_loops_one_after_the_other_and_at_once(afs, root):
    async def main(name):
        await afs._pipe_file(f"{root}/{name}", name.encode())
        assert await asyncio.gather(*(afs._cat_file(f"{root}/{name}") for _ in range(100))) == [name.encode()] * 100

    run(main("a"))
    run(main("b"))
    threads = [threading.Thread(target=run, args=(main(name),)) for name in "cdef"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [afs.cat(f"{root}/{name}") for name in "abcdef"] == [name.encode() for name in "abcdef"]


def test_a_closed_loop_releases_its_queue(afs, root):
    from cove.asyncio_queue import _queues

    async def main():
        assert not await afs._exists(f"{root}/none")

    for _ in range(5):
        run(main())
    gc.collect()
    assert [loop for loop in _queues if loop.is_closed()] == []  # fsspec's own loop may be in it, and is open


def test_a_loop_closed_with_jobs_under_way_releases_its_queue(afs, root):
    from cove.asyncio_queue import _queues

    async def main():
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(afs._exists(f"{root}/none"))
        await asyncio.sleep(0)
        loop.remove_reader(_queues[loop]._queue.fileno())  # the loop is closed before the answer comes
        return task

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main()).cancel()
    assert _queues[loop]._waiting
    loop.close()
    run(afs._exists(f"{root}/none"))
    assert loop not in _queues


def test_synchronous_methods_together_with_coroutines(afs, fs, root):
    async def main():
        afs.pipe(f"{root}/x", b"1")  # of the asynchronous instance, on the running loop
        assert await afs._cat_file(f"{root}/x") == afs.cat(f"{root}/x") == fs.cat(f"{root}/x") == b"1"
        assert await fs._cat_file(f"{root}/x") == b"1"  # and the coroutines of an ordinary one
        with fs.open(f"{root}/log", "ab") as f:
            f.write(b"line")
        assert await afs._cat_file(f"{root}/log") == b"line"
        await afs._pipe_file(f"{root}/log", b"new")
        with fs.open(f"{root}/log", "ab") as f:
            f.write(b"+")
        assert (await afs._info(f"{root}/log"))["size"] == 4

    run(main())
    assert afs.loop is None


def test_on_fsspecs_own_loop(fs, root):
    fs.pipe(f"{root}/x", b"1")
    assert fsspec.asyn.sync(fs.loop, fs._cat_file, f"{root}/x") == b"1"


def test_open_async(afs, root):
    async def main():
        data = bytes(range(256)) * 100_000
        async with await afs.open_async(f"{root}/x", "wb") as f:
            for at in range(0, len(data), 5_000_000):
                await f.write(data[at : at + 5_000_000])
            await f.flush()
            assert f.tell() == f.loc == len(data) and not f.closed
        assert f.closed
        async with await afs.open_async(f"{root}/x") as f:
            assert f.size == len(data) and await f.read(10) == data[:10]
            f.seek(1000)
            assert await f.read() == data[1000:]
        with pytest.raises(ZeroDivisionError):
            async with await afs.open_async(f"{root}/x", "wb") as f:
                await f.write(b"half")
                1 / 0
        assert await afs._size(f"{root}/x") == len(data)
        with pytest.raises(ValueError, match="bytes only"):
            await afs.open_async(f"{root}/x", "r")
        with pytest.raises(FileNotFoundError):
            await afs.open_async(f"{root}/none")

    run(main())


class HeldBack:
    """A file whose next call waits in its thread until the test releases it."""

    def __init__(self, file, name):
        self.file, self.name = file, name
        self.begun, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __getattr__(self, name):
        attribute = getattr(self.file, name)
        if name != self.name:
            return attribute

        def wait(*args):
            self.begun.set()
            self.go_on.wait()
            try:
                return attribute(*args)
            finally:
                self.ended.set()

        self.name = None
        return wait


async def abandoned(call, held):
    """Cancels the task of a call that is running in its thread."""
    task = asyncio.ensure_future(call)
    await asyncio.to_thread(held.begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("mode", ["rb", "r+b"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_read_that_is_abandoned_leaves_the_position(afs, root, mode, when):
    async def main():
        afs.pipe(f"{root}/x", b"0123456789")
        async with await afs.open_async(f"{root}/x", mode) as f:
            assert await f.read(2) == b"01"
            f._file = held = HeldBack(f._file, "read")
            await abandoned(f.read(3), held)
            assert f.tell() == 2
            if when == "after":  # the next call comes after the abandoned one has ended
                held.go_on.set()
                await asyncio.to_thread(held.ended.wait)
                assert f.tell() == 2 and await f.read(3) == b"234"
            else:
                following = asyncio.ensure_future(f.read(3))
                await asyncio.sleep(0)
                held.go_on.set()
                assert await following == b"234"
            assert f.seek(-1, io.SEEK_CUR) == f.loc == 4 and await f.read() == b"456789"
            assert f.seek(-2, io.SEEK_END) == 8 and await f.read(9) == b"89" and f.seek(0) == 0
            with pytest.raises(ValueError, match="before the start"):
                f.seek(-1)

    run(main())


def test_a_write_that_is_abandoned_publishes_nothing(afs, root):
    """It is unknown whether its bytes were written."""

    async def main():
        afs.pipe(f"{root}/x", b"the old one")
        f = await afs.open_async(f"{root}/x", "wb")
        held = HeldBack(f._file, "write")
        f._file = held
        await abandoned(f.write(b"first"), held)
        held.go_on.set()
        await f.write(b"second")
        with pytest.raises(OSError, match="a write failed before .CancelledError., so nothing is published"):
            await f.close()
        assert f.closed and await afs._cat_file(f"{root}/x") == b"the old one"

    run(main())


def test_closed_while_an_exception_propagates(afs, root):
    async def own_finally(f):
        try:
            await f.write(b"half")
            1 / 0
        finally:
            await f.close()

    async def on_purpose(f):
        try:
            await f.write(b"whole")
            1 / 0
        except ZeroDivisionError:
            await f.close()

    async def main():
        with pytest.raises(ZeroDivisionError):
            await own_finally(await afs.open_async(f"{root}/x", "wb"))
        assert not await afs._exists(f"{root}/x")
        await on_purpose(await afs.open_async(f"{root}/x", "wb"))
        assert await afs._cat_file(f"{root}/x") == b"whole"

    run(main())


def test_a_caught_exception_does_not_discard_the_file(afs, root):
    @contextlib.asynccontextmanager
    async def opened(name):
        async with await afs.open_async(f"{root}/{name}", "wb") as f:
            try:
                yield f
            except ZeroDivisionError:
                await f.write(b"l")

    async def main():
        async with opened("a") as f:
            await f.write(b"al")
            1 / 0
        async with contextlib.AsyncExitStack() as stack:
            f = await stack.enter_async_context(await afs.open_async(f"{root}/b", "wb"))
            stack.enter_context(contextlib.suppress(ZeroDivisionError))
            await f.write(b"all")
            1 / 0
        assert [await afs._cat_file(f"{root}/{name}") for name in "ab"] == [b"all", b"all"]

    run(main())


@pytest.mark.parametrize("end", ["close", "discard"])
def test_a_closed_file_keeps_no_exception_alive(afs, root, end):
    class Large:
        """Stands for what the functions hold that an exception has passed."""

    held = []

    def fail():
        large = Large()
        held.append(weakref.ref(large))
        1 / 0

    async def work():
        try:
            fail()
        except ZeroDivisionError:
            f = await afs.open_async(f"{root}/x", "wb")
            await getattr(f, end)()
            return f

    async def main():
        f = await work()
        gc.collect()
        assert f.closed and held[0]() is None

    run(main())


def test_changed_in_place(afs, root):
    async def main():
        afs.pipe(f"{root}/x", b"0123456789")
        async with await afs.open_async(f"{root}/x", "r+b") as f:
            assert await f.read(2) == b"01" and await f.write(b"AB") == 2 and f.tell() == 4
            assert await f.read(2) == b"45"
        assert await afs._cat_file(f"{root}/x") == b"01AB456789"

    run(main())
