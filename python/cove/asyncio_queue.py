"""Runs jobs of the library's completion queue on an asyncio event loop, without a thread for each coroutine.

Each event loop has its own queue, made at its first job. The loop watches the queue's descriptor.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from typing import Any

from cove import _cove

MAX_JOBS = 32768  # jobs under way at once, half of a queue's limit; others wait here


class LoopQueue:
    """The jobs of one event loop. All methods run on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.pid = os.getpid()
        self._queue = _cove.Queue()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._room = asyncio.Semaphore(MAX_JOBS)  # not a Condition: each job that ends wakes one waiting coroutine, not all
        loop.add_reader(self._queue.fileno(), self._take)

    async def run(self, operation: str, *args: Any) -> Any:
        """Returns the result of one job, or raises its exception. If the waiting task is cancelled, so is the job."""
        await self._room.acquire()
        try:
            job = getattr(self._queue, operation)(*args)
        except BaseException:
            self._room.release()
            raise
        future = self._waiting[job] = asyncio.get_running_loop().create_future()
        try:
            return await future
        except asyncio.CancelledError:
            if job in self._waiting:
                self._queue.cancel(job)
            raise

    def _take(self) -> None:
        for job, result in self._queue.next(0):
            future = self._waiting.pop(job)
            self._room.release()
            if future.done():  # its task was cancelled
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)


_queues: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopQueue] = weakref.WeakKeyDictionary()


async def run(operation: str, *args: Any) -> Any:
    """One job of the library's queue (`stat`, `read_file`, ...) on the running loop."""
    loop = asyncio.get_running_loop()
    queue = _queues.get(loop)
    if queue is None or queue.pid != os.getpid():  # a forked child cannot use its parent's queue
        _forget_closed_loops()
        queue = _queues[loop] = LoopQueue(loop)
    return await queue.run(operation, *args)


def _forget_closed_loops() -> None:
    """Drops the queues of closed loops. Futures of unfinished jobs keep such a loop alive, so the weak reference to it never dies."""
    for reference in _queues.keyrefs():
        loop = reference()
        if loop is not None and loop.is_closed():
            _queues.pop(loop, None)
