"""Hands what the engine publishes to any number of readers, and never waits for one.

One bounded list of the newest records serves all of them: each reader keeps only the number of the record it
has read last. So a reader costs the engine nothing, one that comes back can go on where it was, and one that
is too slow finds its place gone and is told so.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from itertools import islice

from ..core.effects import Record
from ..core.events import CallId, Event
from ..ports import Console, Levels, Publish, Update

KEPT = 2000
"""Records: some ten minutes of lively conversation."""


class Lagged(Exception):
    """Records that this reader has not read are gone."""


class Feed:
    """The newest update and the newest records, numbered from 1. Everything may be called from any thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._lock = threading.Lock()
        self._records: deque[Record] = deque(maxlen=kept)
        self._last = 0
        self._update: Update | None = None
        self._closed = False
        self._listeners: tuple[Callable[[], None], ...] = ()

    # ---- the engine's side ----

    def publish(self, update: Update) -> None:
        with self._lock:
            self._update = update
            self._records.extend(update.records)
            self._last += len(update.records)
            listeners = self._listeners
        for wake in listeners:
            wake()

    def close(self) -> None:
        """Nothing more will come: the engine has ended."""
        with self._lock:
            self._closed = True
            listeners = self._listeners
        for wake in listeners:
            wake()

    # ---- the readers' side ----

    @property
    def update(self) -> Update | None:
        """The newest update; None before the engine runs."""
        return self._update

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def last(self) -> int:
        """The number of the newest record, 0 when there is none."""
        return self._last

    @property
    def oldest(self) -> int:
        """The number of the oldest record that is kept, or that the first one will get."""
        with self._lock:
            return self._last - len(self._records) + 1

    def after(self, number: int, most: int = KEPT) -> list[tuple[int, Record]]:
        """The records that follow record `number`, oldest first, at most so many. Raises `Lagged`."""
        with self._lock:
            first = self._last - len(self._records) + 1
            if number + 1 < first:
                raise Lagged
            start = number + 1 - first
            return list(enumerate(islice(self._records, start, start + most), number + 1))

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called after each update, on the engine's thread: it must return at once and raise
        nothing. Returns what ends it."""
        with self._lock:
            self._listeners = (*self._listeners, wake)

        def stop() -> None:
            with self._lock:
                self._listeners = tuple(known for known in self._listeners if known is not wake)

        return stop


class FedConsole:
    """A console whose updates also go to a feed; implements `ports.Console`."""

    def __init__(self, console: Console, feed: Feed) -> None:
        self._console = console
        self._feed = feed

    async def run(self, publish: Publish) -> None:
        def both(update: Update) -> None:
            self._feed.publish(update)
            publish(update)

        try:
            await self._console.run(both)
        finally:
            self._feed.close()

    def send(self, event: Event) -> None:
        self._console.send(event)

    def levels(self, call: CallId) -> Levels:
        return self._console.levels(call)

    def now(self) -> float:
        return self._console.now()

    def stop(self) -> None:
        self._console.stop()
