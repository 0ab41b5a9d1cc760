"""Determines from a function's byte code which `except`, `finally` and `with` handlers run at an instruction, and whether they end by raising.

CPython 3.11 and later enter a handler through the function's exception table and PUSH_EXC_INFO; 3.10 uses a stack of blocks. All leave it by POP_EXCEPT or by
raising.
"""

from __future__ import annotations

import dis
from bisect import bisect_left, bisect_right
from types import CodeType
from typing import NamedTuple

_RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})
_RAISES = frozenset({"RAISE_VARARGS", "RERAISE"})
_JUMPS = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE"})
_SETUPS = frozenset({"SETUP_FINALLY", "SETUP_WITH", "SETUP_ASYNC_WITH"})  # of Python 3.10: their argument is an exception handler
_NEVER_RAISE = frozenset({"PUSH_EXC_INFO", "POP_EXCEPT", "POP_BLOCK"})


class _Block(NamedTuple):
    handler: int  # the index of its first instruction
    entered: bool  # the handler runs; False only in Python 3.10: the block that it protects runs


_Blocks = tuple[_Block, ...]


class Bytecode:
    """The instructions of a function, by index."""

    def __init__(self, code: CodeType) -> None:
        self._instructions = list(dis.get_instructions(code))
        self._offsets = [i.offset for i in self._instructions]
        self._table = getattr(dis.Bytecode(code), "exception_entries", None)  # None: Python 3.10
        self._blocks = self._follow()

    def handlers(self, offset: int) -> tuple[int, ...]:
        """The handlers that run at an offset, the outermost first, each as the index of its first instruction."""
        return tuple(block.handler for block in self._blocks.get(self._at(offset), ()) if block.entered)

    def is_with(self, handler: int) -> bool:
        """Whether the handler belongs to a `with` block."""
        return any(i.opname == "WITH_EXCEPT_START" for i in self._instructions[handler : handler + 2])

    def raises(self, offset: int, inner: int) -> bool:
        """Whether a handler that runs at `offset` ends by raising. `inner`: how many handlers run inside it.

        Only the handler of a `with` or `finally` block reaches RERAISE before its POP_EXCEPT; it may reach both. An `except` block ends with POP_EXCEPT, unless
        it always raises.
        """
        todo, seen = [(self._at(offset), 0)], set()
        ends = raises = False
        while todo:
            at, left = todo.pop()
            if (at, left) in seen or at >= len(self._instructions):
                continue
            seen.add((at, left))
            name = self._instructions[at].opname
            if name in _RAISES and left == inner:
                if name == "RERAISE":
                    return True
                raises = True
            left += name == "POP_EXCEPT"
            if left > inner:
                ends = True
            else:
                todo += [(following, left) for following in self._following(at)]
        return raises and not ends

    def _at(self, offset: int) -> int:
        return bisect_right(self._offsets, offset) - 1

    def _following(self, at: int) -> list[int]:
        """The instructions that may follow if this one does not raise."""
        instruction = self._instructions[at]
        name = instruction.opname
        following: list[int] = []
        if name in _RETURNS or name in _RAISES:
            return following
        if (instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs) and name not in _SETUPS:
            following.append(bisect_left(self._offsets, instruction.argval))
        if name not in _JUMPS:
            following.append(at + 1)
        return following

    def _follow(self) -> dict[int, _Blocks]:
        """The blocks around each instruction. They are the same on every path to it."""
        found: dict[int, _Blocks] = {}
        todo: list[tuple[int, _Blocks]] = [(0, ())]
        while todo:
            at, blocks = todo.pop()
            if at in found or at >= len(self._instructions):
                continue
            found[at] = blocks
            todo += self._after_exception(at, blocks)
            after = self._after(at, blocks)
            todo += [(following, after) for following in self._following(at)]
        return found

    def _after(self, at: int, blocks: _Blocks) -> _Blocks:
        instruction = self._instructions[at]
        name = instruction.opname
        if name == "PUSH_EXC_INFO":
            return (*blocks, _Block(at, True))
        if name in _SETUPS:
            return (*blocks, _Block(bisect_left(self._offsets, instruction.argval), False))
        if name in ("POP_EXCEPT", "POP_BLOCK") or name == "END_ASYNC_FOR" and self._table is None:
            return blocks[:-1]
        return blocks

    def _after_exception(self, at: int, blocks: _Blocks) -> list[tuple[int, _Blocks]]:
        """The first instruction of the handler, if this one raises."""
        instruction = self._instructions[at]
        if instruction.opname in _NEVER_RAISE:
            return []
        if self._table is not None:
            targets = [entry.target for entry in self._table if entry.start <= instruction.offset < entry.end]
            return [(bisect_left(self._offsets, target), blocks) for target in targets]
        while blocks and blocks[-1].entered:
            blocks = blocks[:-1]
        return [(blocks[-1].handler, (*blocks[:-1], _Block(blocks[-1].handler, True)))] if blocks else []
