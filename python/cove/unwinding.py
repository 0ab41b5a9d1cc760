"""Finds out whether a file is closed because an exception propagates, or because its owner is finalized: then the file may be incomplete.

Code that calls `close` in a `finally` block, or in a wrapper's `__exit__`, does not pass the exception on. But while such a block runs, `sys.exc_info()` of
the thread returns the exception. Two kinds of exceptions do not count:

- one that was already being handled when the file was opened, unless it was raised again inside the block that handled it;
- one that an `except` block has caught: then the program closes the file on purpose. The byte code of the running function shows whether it is caught.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import NamedTuple

from cove.bytecode import Bytecode

_EXITS = frozenset({"__exit__", "__aexit__"})


class _Handling(NamedTuple):
    """The handler that an exception has reached."""

    frame: FrameType
    handlers: tuple[int, ...]  # the running handlers of the frame, down to this one; empty: the frame has caught the exception and continued
    raises: bool  # the handler ends by raising, this exception or another


class OpenContext:
    """The exceptions and finalizers that were active in the thread when a file was opened."""

    def __init__(self) -> None:
        self._exception = sys.exc_info()[1]
        # The positions of its frames, to find out later whether it was raised again. The exception keeps these frames alive anyway.
        self._positions = {} if self._exception is None else _running(set(_traceback_frames(self._exception)))
        self._in_finalizer = _in_finalizer()

    def passing(self, exited_normally: bool = False) -> BaseException | None:
        """The exception that was raised since the file was opened and propagates beyond the running block.

        `exited_normally`: the caller is an `__exit__` that received no exception. If an exception left the `with` block that calls it, another `__exit__`
        in between has suppressed it.
        """
        newest = sys.exc_info()[1]
        if newest is None:
            return None
        before = set(map(id, _with_contexts(self._exception)))
        left = _left_by_with() if exited_normally else None
        for exception in _with_contexts(newest):
            known = id(exception) in before
            if known and exception is not newest:
                break
            handling = _handling(exception, innermost=known)
            if handling is None:
                raises = exception is newest and not known  # no Python code handles it; older exceptions have ended
            elif handling.frame is left and handling.handlers and Bytecode(left.f_code).is_with(handling.handlers[-1]):
                raises = False
            else:
                raises = handling.raises and (not known or self._raised_again(handling))
            if raises:
                return exception
            if known:
                break
        return None

    def dropped(self) -> bool:
        """Whether the call comes from a `__del__` that was started since the file was opened."""
        return not self._in_finalizer and _in_finalizer()

    def _raised_again(self, handling: _Handling) -> bool:
        """Whether an exception that was already being handled when the file was opened has since reached another handler inside that one."""
        offset = self._positions.get(handling.frame)
        then = () if offset is None else Bytecode(handling.frame.f_code).handlers(offset)
        n = len(then)
        return 0 < n < len(handling.handlers) and handling.handlers[:n] == then


def _frames() -> Iterator[FrameType]:
    """The frames of the thread, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _running(frames: set[FrameType]) -> dict[FrameType, int]:
    """Those of the frames that are running, with their current offsets."""
    return {frame: frame.f_lasti for frame in _frames() if frame in frames}


def _in_finalizer() -> bool:
    return any(frame.f_code.co_name == "__del__" for frame in _frames())


def _left_by_with() -> FrameType | None:
    """The frame whose `with` block called the current `__exit__`, directly or through that of an ExitStack."""
    exits = False
    for frame in _frames():
        if frame.f_code.co_name in _EXITS:
            exits = True
        elif exits:
            return frame
    return None


def _with_contexts(exception: BaseException | None) -> Iterator[BaseException]:
    """The exception, and the chain of its contexts."""
    seen = set()
    while exception is not None and id(exception) not in seen:
        yield exception
        seen.add(id(exception))
        exception = exception.__context__


def _traceback_frames(exception: BaseException) -> dict[FrameType, list[int]]:
    """The frames of the traceback, with the offsets at which the exception left them or was caught."""
    trace: TracebackType | None = exception.__traceback__
    if trace is None and getattr(exception, "exceptions", None):  # `except*` wraps a single exception in a group without a traceback
        trace = exception.exceptions[0].__traceback__  # type: ignore[attr-defined]
    offsets: dict[FrameType, list[int]] = {}
    while trace is not None:
        offsets.setdefault(trace.tb_frame, []).append(trace.tb_lasti)
        trace = trace.tb_next
    return offsets


def _handling(exception: BaseException, innermost: bool) -> _Handling | None:
    """The handler that runs because of the exception. None: there is none in Python code.

    `innermost`: the exception is the thread's current one, so its handler is the innermost running one of its frames.
    """
    offsets = _traceback_frames(exception)
    for frame in _frames():
        if frame not in offsets:
            continue
        code, offset = Bytecode(frame.f_code), frame.f_lasti
        running = code.handlers(offset)
        raised_in = [code.handlers(raised) for raised in offsets[frame]]
        for n in range(len(running), 0, -1):
            # A handler does not run because of an exception that was raised in it.
            if innermost or any(within[: n - 1] == running[: n - 1] and within[:n] != running[:n] for within in raised_in):
                return _Handling(frame, running[:n], code.raises(offset, inner=len(running) - n))
        return _Handling(frame, (), False)
    return None
