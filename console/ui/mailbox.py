"""Carries updates from the engine's thread to the screen's, bounded however slow the screen is."""

from __future__ import annotations

import threading
from collections import deque

from console.core.effects import Record
from console.ports import Update

from .widgets.entries import LIMIT


class Mailbox:
    """Folds what the screen has not taken yet into one update: the newest state and the newest records."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Update | None = None
        self._records: deque[Record] = deque(maxlen=LIMIT)

    def put(self, update: Update) -> bool:
        """From any thread. True when the screen must be told that there is something to take."""
        with self._lock:
            waiting = self._last is not None
            self._last = update
            self._records.extend(update.records)
            return not waiting

    def take(self) -> Update | None:
        """Everything since the last take; None when there is nothing."""
        with self._lock:
            last, self._last = self._last, None
            records = tuple(self._records)
            self._records.clear()
        return None if last is None else Update(last.state, records, last.wall_zero)
