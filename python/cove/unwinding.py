"""Finds out whether a file is closed because an exception propagates, or because its owner is finalized: then the file may be incomplete.

Code that calls `close` in a `finally` block, or in a wrapper's `__exit__`, does not pass the exception on. But while such a block runs, the exception is the
thread's `sys.exc_info()`. An exception that was already being handled when the file was opened does not count. Nor does one that is caught by an `except`
block: then the program closes the file on purpose. Whether it is caught is determined from the byte code of the function whose block runs.
"""

from __future__ import annotations

import dis
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from types import CodeType, FrameType

_LEAVES = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"})
_JUMPS = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE"})
_NO_JUMPS = frozenset({"SETUP_FINALLY", "SETUP_WITH", "SETUP_ASYNC_WITH"})  # of Python 3.10: their argument is an exception handler


class OpenContext:
    """The exceptions and finalizers that were active in the thread when a file was opened."""

    def __init__(self) -> None:
        self._exception = sys.exc_info()[1]
        self._in_finalizer = _in_finalizer()

    def passing(self) -> BaseException | None:
        """The exception that was raised since then and propagates beyond the block that runs now."""
        newest = sys.exc_info()[1]
        if newest is None:
            return None
        before = set(map(id, _with_contexts(self._exception)))
        for exception in _with_contexts(newest):
            if id(exception) in before:
                break
            goes_on = _goes_on(exception)
            if goes_on is None:
                goes_on = exception is newest  # not in Python code; older ones are over
            if goes_on:
                return exception
        return None

    def dropped(self) -> bool:
        """Whether the call comes from a `__del__` that was started since then."""
        return not self._in_finalizer and _in_finalizer()


def _in_finalizer() -> bool:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _with_contexts(exception: BaseException | None) -> Iterator[BaseException]:
    """The exception, and the chain of its contexts."""
    seen = set()
    while exception is not None and id(exception) not in seen:
        yield exception
        seen.add(id(exception))
        exception = exception.__context__


def _goes_on(exception: BaseException) -> bool | None:
    """Whether the exception propagates beyond the `with`, `finally` or `except` block that runs now. None: no such block was found."""
    passed = set()
    trace = exception.__traceback__
    while trace is not None:
        passed.add(trace.tb_frame)
        trace = trace.tb_next
    frame: FrameType | None = sys._getframe()
    found = None
    while frame is not None and found is None:
        if frame in passed:
            found = _block_raises(frame.f_code, frame.f_lasti)
        frame = frame.f_back
    return found


def _block_raises(code: CodeType, offset: int) -> bool | None:
    """Whether the exception handling block of `code` around `offset` ends by raising. None: there is no such block.

    Follows the byte code from `offset`: only the end of a `with` or `finally` block reaches RERAISE. An `except` block ends with POP_EXCEPT or raises.
    """
    instructions = list(dis.get_instructions(code))
    offsets = [i.offset for i in instructions]
    todo, seen, names = [bisect_right(offsets, offset) - 1], set(), set()
    while todo:
        at = todo.pop()
        if at in seen or at >= len(instructions):
            continue
        seen.add(at)
        instruction = instructions[at]
        name = instruction.opname
        names.add(name)
        if name in _LEAVES:
            continue
        if (instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs) and name not in _NO_JUMPS:
            todo.append(bisect_left(offsets, instruction.argval))
        if name not in _JUMPS:
            todo.append(at + 1)
    if "RERAISE" in names:
        return True
    if "POP_EXCEPT" in names:
        return False
    return True if names & {"RAISE_VARARGS"} and not names & {"RETURN_VALUE", "RETURN_CONST"} else None
