"""Transactions: `with fs.transaction` publishes the files written inside it when it ends.

fsspec's own class does not suffice. Before 2026, a failed commit left the filesystem in its transaction: later files of that thread were closed without an
error and never published. In every version, a nested transaction makes it forget the files of the outer one.
"""

from __future__ import annotations

import logging
import warnings
from collections import deque
from typing import Any

from fsspec.transaction import Transaction


class FileTransaction(Transaction):
    """The transactions of one thread. A nested transaction publishes its files when it ends; the outer one continues.

    A transaction has ended when `complete` returns or raises, even if files could not be published.
    """

    def __init__(self, fs: Any) -> None:
        super().__init__(fs)
        self._begun: list[tuple[int, bool]] = []  # for each open transaction: the number of files before it; whether start_transaction began it

    def start(self, by_steps: bool = False) -> None:
        if by_steps and self._begun and self._begun[-1][1]:  # its end_transaction was skipped, probably by an exception
            warnings.warn("start_transaction: the transaction before was not ended; its files are discarded", RuntimeWarning, stacklevel=3)
            self.complete(commit=False)
        self._begun.append((len(self.files), by_steps))
        self.fs._intrans, self.fs._transaction = True, self

    def complete(self, commit: bool = True) -> None:
        """Publishes the files one after the other, or discards them. If one fails, the rest are discarded and its error is raised."""
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
    except Exception as error:  # logged, not raised: the other files must be discarded too, and an error that ends the transaction must not be replaced
        logging.getLogger("cove").warning("discard %r: %s", file, error)
