"""The file that `open_async` returns. Its calls run in a thread, so that they do not block the event loop."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable
from typing import Any

from cove.unwinding import OpenContext


class AsyncFile:
    """A file of this package with awaitable methods. Only one call may run at a time.

    When a task is cancelled, its call continues in its thread, and the next call waits for it. A cancelled read does not move the position. After a cancelled
    write nothing is published, because it is unknown whether its bytes were written.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.fs, self.path, self.mode = file.fs, file.path, file.mode
        self.size = getattr(file, "size", None)
        self._opening = OpenContext() if file.writable() else None  # until the file ends: it may hold an exception
        self._turn = threading.Lock()
        self._position = 0 if file.readable() else None  # files open for writing track it themselves

    async def read(self, length: int = -1) -> bytes:
        """Up to `length` bytes from the position; by default all up to the end."""
        return await self._move(self._file.read, length)

    async def write(self, data: Any) -> int:
        """Writes all of `data` and returns its number of bytes."""
        try:
            return await self._move(self._file.write, data)
        except asyncio.CancelledError as error:
            self._file.fail(error)
            raise

    async def flush(self) -> None:
        """Sends the buffered bytes of a file opened for appending. For other files it does nothing."""
        await asyncio.to_thread(self._call, self._file.flush)

    async def close(self) -> None:
        """Publishes a written file, unless an exception is leaving it."""
        await self._end(exited_normally=False)

    async def _end(self, exited_normally: bool) -> None:
        opening, self._opening = self._opening, None
        passing = None if opening is None or self.closed else opening.passing(exited_normally)
        if passing is None:
            await asyncio.to_thread(self._call, self._file.close)
        else:
            await asyncio.to_thread(self._file.leave, type(passing))

    async def discard(self) -> None:
        """Discards the written bytes; the file in the store does not change."""
        self._opening = None
        await asyncio.to_thread(self._file.discard)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the position, and returns it. Sends no request."""
        if self._position is None:
            return self._file.seek(offset, whence)
        start = 0 if whence == io.SEEK_SET else self._position if whence == io.SEEK_CUR else self._file.size
        if start + offset < 0:
            raise ValueError(f"seek {self._file.full_name}: {start + offset} is before the start of the file")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._file.tell() if self._position is None else self._position

    @property
    def loc(self) -> int:
        """The position: `tell()`."""
        return self.tell()

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._file.closed

    async def __aenter__(self) -> AsyncFile:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is not None and self._file.writable():
            await asyncio.to_thread(self._file.leave, kind)
        await self._end(exited_normally=kind is None)

    async def _move(self, method: Callable[[Any], Any], argument: Any) -> Any:
        """Reads or writes at the position, and advances it afterwards."""
        result = await asyncio.to_thread(self._call, method, argument, position=self._position)
        if self._position is not None:
            self._position += result if isinstance(result, int) else len(result)
        return result

    def _call(self, method: Callable[..., Any], *args: Any, position: int | None = None) -> Any:
        with self._turn:
            if position is not None:
                self._file.seek(position)
            return method(*args)
