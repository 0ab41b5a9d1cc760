"""fsspec's coroutines. A call that is one job of the completion queue runs there; any other runs its synchronous method in a thread.

They work on any event loop, with asynchronous=True and without it, and together with the synchronous methods.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from operator import itemgetter
from typing import Any

from cove import appenders, ranges
from cove.async_files import AsyncFile
from cove.asyncio_queue import run
from cove.listings import Listings


def in_thread(name: str) -> Callable[..., Any]:
    """A coroutine that runs the synchronous method `name` in a thread."""

    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(getattr(self, name), *args, **kwargs)

    method.__name__ = method.__qualname__ = f"_{name}"
    method.__doc__ = f"`{name}`, awaited."
    return method


class Coroutines(Listings):
    """fsspec's `_info`, `_cat_file`, `_pipe_file`, ...; the synchronous methods document what they do."""

    # ---- one job of the queue ----

    async def _info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        path = await self._settled(path, kwargs)
        return self._details(await run("stat", self._fs, path))

    async def _exists(self, path: str, **kwargs: Any) -> bool:
        try:
            await self._info(path, **kwargs)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        path = await self._settled(path, kwargs)
        if start is None and end is None:
            return await run("read_file", self._fs, path)
        size = 0
        if start is not None and start < 0 and end is not None or end is not None and end < 0:
            size = (await run("stat", self._fs, path))[1]
        offset, length = ranges.byte_range(start, end, lambda: size)
        if not ranges.at_once(length):
            return await asyncio.to_thread(self._fs.read_range, path, offset, length)
        return await run("read_range", self._fs, path, offset, length)

    async def _cat_ranges(
        self, paths: list[str], starts: Any, ends: Any, max_gap: int | None = None, batch_size: int | None = None, on_error: str = "return", **kwargs: Any
    ) -> list[Any]:
        starts, ends = ranges.spread(paths, starts), ranges.spread(paths, ends)
        stripped = [path if path.endswith("/") else self._strip_protocol(path) for path in paths]
        results: list[Any] = [None] * len(paths)

        async def one(place: int) -> None:
            results[place] = await self._cat_file(stripped[place], starts[place], ends[place], **kwargs)

        async def several(places: list[int]) -> None:  # files with several ranges each, merged as in the synchronous method
            if places:
                found = await asyncio.to_thread(self.cat_ranges, *([some[i] for i in places] for some in (stripped, starts, ends)), **kwargs)
                for place, data in zip(places, found):
                    results[place] = data

        groups = list(ranges.by_path(stripped).values())
        alone = [g for g in groups if len(g) == 1]
        merged = [place for g in groups if len(g) > 1 for place in g]
        ended = await asyncio.gather(*(one(g[0]) for g in alone), several(merged), return_exceptions=True)
        for places, error in zip([*alone, merged], ended):
            if error is not None:
                for place in places:
                    results[place] = error
        return self._results(results, on_error)

    async def _pipe_file(self, path: str, value: Any = None, mode: str = "overwrite", *, data: Any = None, **kwargs: Any) -> Any:
        value = data if value is None else value
        if mode != "overwrite" or self._properties(path, kwargs):
            return await asyncio.to_thread(self.pipe_file, path, value, mode=mode, **kwargs)
        path = await self._ended(path)
        return self._written(await run("write_file", self._fs, path, value))

    async def _rm_file(self, path: str, **kwargs: Any) -> None:
        self._check_arguments(path, kwargs)
        await run("remove", self._fs, await self._ended(path, self._file))

    async def _cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        path1 = await self._settled(path1, kwargs)
        await run("copy", self._fs, path1, await self._ended(path2))

    async def _ls(self, path: str, detail: bool = False, **kwargs: Any) -> list[Any]:
        entries = sorted(await self._listed_by("list", await self._settled(path, kwargs, self._directory)), key=itemgetter(0))
        return [self._details(e) for e in entries] if detail else [e[0] for e in entries]

    async def _find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, prefix: str = "", **kwargs: Any) -> Any:
        if maxdepth is not None or withdirs or prefix:
            return await asyncio.to_thread(self.find, path, maxdepth, withdirs, detail, prefix, **kwargs)
        root = await self._settled(path, kwargs, self._directory)
        found = {e[0]: self._details(e) for e in await self._listed_by("find", root)}
        if self._may_be_both(path, root, found):
            found.update((e["name"], e) for e in await asyncio.to_thread(self._file_itself, root))
        if not found:
            await asyncio.to_thread(self._check_bucket, root)
        return dict(sorted(found.items())) if detail else sorted(found)

    async def _listed_by(self, job: str, path: str) -> Any:
        try:
            return await run(job, self._fs, path)
        except PermissionError as refused:
            return [await asyncio.to_thread(self._sole_file, path, refused)]

    # ---- in a thread ----

    _isdir = in_thread("isdir")
    _isfile = in_thread("isfile")
    _glob = in_thread("glob")
    _du = in_thread("du")
    _expand_path = in_thread("expand_path")
    _mkdir = in_thread("mkdir")
    _makedirs = in_thread("makedirs")
    _rmdir = in_thread("rmdir")
    _rm = in_thread("rm")
    _copy = in_thread("copy")
    _mv_file = in_thread("mv")
    _get_file = in_thread("get_file")
    _put_file = in_thread("put_file")
    _get = in_thread("get")
    _put = in_thread("put")
    _touch = in_thread("touch")

    async def _walk(
        self, path: str, maxdepth: int | None = None, topdown: bool = True, on_error: Any = "omit", **kwargs: Any
    ) -> AsyncIterator[tuple[str, Any, Any]]:
        steps = self.walk(path, maxdepth, topdown, on_error, **kwargs)
        while (step := await asyncio.to_thread(next, steps, None)) is not None:
            yield step

    async def _cat(self, path: Any, recursive: bool = False, on_error: str = "raise", batch_size: int | None = None, **kwargs: Any) -> Any:
        if not recursive and isinstance(path, str) and not self._may_be_pattern(path):
            return await self._cat_file(path, **kwargs)
        return await asyncio.to_thread(self.cat, path, recursive=recursive, on_error=on_error, **kwargs)

    async def open_async(self, path: str, mode: str = "rb", **kwargs: Any) -> AsyncFile:
        """`open`, with awaitable methods. Only for bytes, without compression."""
        if "b" not in mode or kwargs.get("compression"):
            raise ValueError(f"open_async {self.unstrip_protocol(path)}: bytes only, without compression, not mode {mode!r}")
        return AsyncFile(await asyncio.to_thread(self.open, path, mode, **kwargs))

    # ---- helpers ----

    async def _settled(self, path: str, kwargs: dict[str, Any], resolve: Callable[[Any], str] | None = None) -> str:
        """The path in the store, after sending all bytes that this process appended there. `resolve`: by default `_file`."""
        path = await self._resolved(path, resolve or self._file)
        if appenders.dirty:
            await asyncio.to_thread(self._settle, path)
        return self._version(path, kwargs)

    async def _resolved(self, path: Any, resolve: Callable[[Any], str]) -> str:
        if type(path) is str and path.endswith("/"):  # a trailing slash may cost a request
            return await asyncio.to_thread(resolve, path)
        return self._strip_protocol(path)

    async def _ended(self, path: str, resolve: Callable[[Any], str] | None = None) -> str:
        """The path in the store, after closing this process's appenders there."""
        path = await self._resolved(path, resolve or self._strip_protocol)
        if appenders.any_open():
            await asyncio.to_thread(self._end, path)
        return path
