"""What `open_async` gives: a file whose waiting is done by a thread, so that the event loop goes on."""

from __future__ import annotations

import asyncio
from typing import Any


class AsyncFile:
    """One of the package's files, with `await` before what may wait. One call at a time, as with any stream."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.fs, self.path, self.mode = file.fs, file.path, file.mode
        self.size = getattr(file, "size", None)

    async def read(self, length: int = -1) -> bytes:
        return await asyncio.to_thread(self._file.read, length)

    async def write(self, data: Any) -> int:
        return await asyncio.to_thread(self._file.write, data)

    async def flush(self) -> None:
        await asyncio.to_thread(self._file.flush)

    async def close(self) -> None:
        await asyncio.to_thread(self._file.close)

    async def discard(self) -> None:
        """Gives up what was written; what is in the store stays as it is."""
        await asyncio.to_thread(self._file.discard)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    @property
    def loc(self) -> int:
        return self._file.tell()

    @property
    def closed(self) -> bool:
        return self._file.closed

    async def __aenter__(self) -> AsyncFile:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is not None and self._file.writable():
            await self.discard()
        await self.close()
