"""Parts of files: limits as Python's slices have them, and many parts of many files at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cove import _cove
from cove.asyncio_queue import MAX_JOBS

TO_THE_END = -1  # a length, as the library's ranges have it
SURE = 1 << 30  # who asks for more may mean "to the end": memory for it is had only once the file's size is known


def byte_range(start: int | None, end: int | None, size: Callable[[], int]) -> tuple[int, int]:
    """The offset and length of `file[start:end]`. Only two of the forms that a slice may have depend on the file's size, and ask for it."""
    start = start or 0
    if end is None:
        return start, -start if start < 0 else TO_THE_END
    if start < 0 or end < 0:
        total = size()
        start = max(0, start + total) if start < 0 else start
        end = end + total if end < 0 else end
    return start, max(0, end - start)


def spread(paths: list[str], limits: Any) -> list[int | None]:
    """One limit for each path: `limits` is a list of them, or one for all."""
    if not isinstance(limits, (list, tuple)):
        return [limits] * len(paths)
    if len(limits) != len(paths):
        raise ValueError(f"{len(paths)} paths, but {len(limits)} limits")
    return list(limits)


def by_path(paths: list[str]) -> dict[str, list[int]]:
    """Where each path stands in the list."""
    places: dict[str, list[int]] = {}
    for place, path in enumerate(paths):
        places.setdefault(path, []).append(place)
    return places


def read(filesystem: _cove.Filesystem, paths: list[str], starts: list[int | None], ends: list[int | None]) -> list[Any]:
    """The bytes of `paths[i][starts[i]:ends[i]]`, or what went wrong with it.

    Files are read at the same time. The ranges of one are merged into few requests, and fail together.
    """
    results: list[Any] = [None] * len(paths)
    jobs: dict[int, list[int]] = {}
    queue = _cove.Queue()

    def take() -> None:
        for job, result in queue.next(None):
            places = jobs.pop(job)
            for i, place in enumerate(places):
                results[place] = result[i] if isinstance(result, list) else result

    try:
        for path, places in by_path(paths).items():
            try:
                size = _known_once(filesystem, path)
                wanted = [byte_range(starts[i], ends[i], size) for i in places]
                if len(jobs) >= MAX_JOBS:
                    take()
                if len(places) > 1:
                    jobs[queue.read_ranges(filesystem, path, [_within(size, *w) for w in wanted])] = places
                elif at_once(wanted[0][1]):
                    jobs[queue.read_range(filesystem, path, *wanted[0])] = places
                else:
                    results[places[0]] = filesystem.read_range(path, *wanted[0])
            except OSError as error:
                for i in places:
                    results[i] = error
        while jobs:
            take()
    finally:
        queue.close()
    return results


def at_once(length: int) -> bool:
    """Whether so many bytes can be asked for without the file's size."""
    return 0 <= length <= SURE


def _within(size: Callable[[], int], offset: int, length: int) -> tuple[int, int]:
    """A range from the file's start on, with no more behind it than is worth memory."""
    if offset >= 0 and at_once(length):
        return offset, length
    first = max(0, size() + offset) if offset < 0 else offset
    left = max(0, size() - first)
    return first, left if length == TO_THE_END else min(left, length)


def _known_once(filesystem: _cove.Filesystem, path: str) -> Callable[[], int]:
    known: list[int] = []

    def size() -> int:
        if not known:
            known.append(filesystem.stat(path)[1])
        return known[0]

    return size
