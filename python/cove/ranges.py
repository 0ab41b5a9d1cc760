"""Byte ranges of files: limits with the meaning of Python slices, and reads of many ranges of many files at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cove import _cove
from cove.asyncio_queue import MAX_JOBS

TO_THE_END = -1  # the library's length for "to the end of the file"
FAR = 1 << 62  # beyond the end of every file
SURE = 1 << 30  # bytes. A longer range may mean "to the end", so memory is allocated only once the file's size is known.


def byte_range(start: int | None, end: int | None, size: Callable[[], int]) -> tuple[int, int]:
    """The offset and length of `file[start:end]`. `size` is called only if they depend on the file's size."""
    start = max(-FAR, min(start or 0, FAR))
    if end is None:
        return start, -start if start < 0 else TO_THE_END
    end = max(-FAR, min(end, FAR))
    if start < 0 or end < 0:
        total = size()
        start = max(0, start + total) if start < 0 else start
        end = end + total if end < 0 else end
    return start, max(0, end - start)


def spread(paths: list[str], limits: Any) -> list[int | None]:
    """One limit for each path. `limits`: a list of limits, or one for all paths."""
    if not isinstance(limits, (list, tuple)):
        return [limits] * len(paths)
    if len(limits) != len(paths):
        raise ValueError(f"{len(paths)} paths, but {len(limits)} limits")
    return list(limits)


def by_path(paths: list[str]) -> dict[str, list[int]]:
    """The positions of each path in the list."""
    places: dict[str, list[int]] = {}
    for place, path in enumerate(paths):
        places.setdefault(path, []).append(place)
    return places


def read(filesystem: _cove.Filesystem, paths: list[str], starts: list[int | None], ends: list[int | None]) -> list[Any]:
    """The bytes of `paths[i][starts[i]:ends[i]]` for each i, or the exception.

    Files are read in parallel. The ranges of one file are merged into few requests, and fail together. The size of a file is requested first if its ranges
    depend on it.
    """
    if len(paths) == 1:
        return [_one(filesystem, paths[0], starts[0], ends[0])]
    groups = by_path(paths)
    unsure = [path for path, places in groups.items() if any(_takes_size(starts[i], ends[i], len(places)) for i in places)]
    stats = dict(zip(unsure, filesystem.stat_many(unsure)))
    results: list[Any] = [None] * len(paths)
    jobs: dict[int, list[int]] = {}
    queue = _cove.Queue()

    def take() -> None:
        for job, result in queue.next(None):
            places = jobs.pop(job)
            for i, place in enumerate(places):
                results[place] = result[i] if isinstance(result, list) else result

    try:
        for path, places in groups.items():
            info = stats.get(path, (path, None))
            try:
                if isinstance(info, Exception):
                    raise info
                wanted = [_within(info[1], *byte_range(starts[i], ends[i], lambda: info[1])) for i in places]  # type: ignore[arg-type, return-value]  # noqa: B023 - called at once
                if len(jobs) >= MAX_JOBS:
                    take()
                job = queue.read_range(filesystem, path, *wanted[0]) if len(places) == 1 else queue.read_ranges(filesystem, path, wanted)
                jobs[job] = places
            except OSError as error:
                for i in places:
                    results[i] = error
        while jobs:
            take()
    finally:
        queue.close()
    return results


def _one(filesystem: _cove.Filesystem, path: str, start: int | None, end: int | None) -> Any:
    try:
        return filesystem.read_range(path, *byte_range(start, end, lambda: filesystem.stat(path)[1]))
    except OSError as error:
        return error


def _takes_size(start: int | None, end: int | None, ranges: int) -> bool:
    """Whether the bytes of `file[start:end]`, or the memory for them, depend on the file's size. `ranges`: how many ranges of the file are read."""
    start = start or 0
    if end is None:
        return start >= 0 or -start > SURE or ranges > 1  # a suffix range alone is one request without the size
    return start < 0 or end < 0 or end > FAR or end - start > SURE


def at_once(length: int) -> bool:
    """Whether a range of this length can be read without knowing the file's size."""
    return 0 <= length <= SURE


def _within(size: int | None, offset: int, length: int) -> tuple[int, int]:
    """The range with an offset from the start of the file, cut at its end. Unchanged if the size is None."""
    if size is None:
        return offset, length
    offset = max(0, size + offset) if offset < 0 else min(offset, size)
    return offset, size - offset if length == TO_THE_END else min(size - offset, length)
