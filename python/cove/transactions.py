"""Transactions: `with fs.transaction` publishes what was written in it at its end.

fsspec's own class, before 2026, left a filesystem in a transaction when a commit failed: from then on that thread's files were closed without an error and
never published. On every version it forgets the files of a transaction in which another one begins.
"""

from __future__ import annotations

import logging
import warnings
from collections import deque
from typing import Any

from fsspec.transaction import Transaction


class FileTransaction(Transaction):
    """The transactions of one thread. One that begins in another publishes its own files at its own end; the other goes on.

    A transaction has ended when `complete` returns or raises, whatever happened to its files.
    """

    def __init__(self, fs: Any) -> None:
        super().__init__(fs)
        self._begun: list[tuple[int, bool]] = []  # of each that has not ended: the number of files before it; whether by start_transaction

    def start(self, by_steps: bool = False) -> None:
        if by_steps and self._begun and self._begun[-1][1]:  # what would have ended it has failed: nobody would end the first of two
            warnings.warn("a transaction begins again that was not ended: what was written in it is discarded", RuntimeWarning, stacklevel=3)
            self.complete(commit=False)
        self._begun.append((len(self.files), by_steps))
        self.fs._intrans, self.fs._transaction = True, self

    def complete(self, commit: bool = True) -> None:
        """Publishes the files one after the other, or discards them. Where one fails, the rest are discarded, and its error is raised."""
        before = self._begun.pop()[0] if self._begun else 0
        mine: deque[Any] = deque()
        while len(self.files) > before:
            mine.appendleft(self.files.pop())
        try:
            while commit and mine:
                mine.popleft().commit()
        finally:
            if not self._begun:
                self.fs._intrans, self.fs._transaction = False, None
            for file in mine:
                _discard(file)

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        self.complete(commit=kind is None)


def _discard(file: Any) -> None:
    try:
        file.discard()
    except Exception as error:  # must not take the place of the error that ends the transaction, nor keep the other files from being discarded
        logging.getLogger("cove").warning("discard %r: %s", file, error)
