"""Wakes the coroutines of the API's loop when the feed has something new."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from console.core.effects import Record
from console.records.feed import Feed, Lagged


class News:
    """Made and used on one loop; `feed` is filled on another thread."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.over = feed.closed
        self._loop = asyncio.get_running_loop()
        self._fresh = asyncio.Event()
        self._stop_listening = feed.listen(self._wake)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._pulse)

    def _pulse(self) -> None:
        self.over = self.over or self.feed.closed
        self._fresh.set()
        self._fresh = asyncio.Event()

    def stop(self) -> None:
        """End every wait: the API is closing."""
        self.over = True
        self._stop_listening()
        self._pulse()

    @property
    def coming(self) -> asyncio.Event:
        """Set at the next update. Taken in the same breath as a look at the feed, it misses nothing."""
        return self._fresh

    async def first(self, after: int, wanted: Callable[[Record], bool], seconds: float) -> Record | None:
        """The first wanted record after record number `after`; None when it does not come in time."""
        with contextlib.suppress(TimeoutError, Lagged):
            async with asyncio.timeout(seconds):
                while True:
                    for number, record in self.feed.after(after):
                        after = number
                        if wanted(record):
                            return record
                    if self.over:
                        return None
                    await self.coming.wait()
        return None

    async def until(self, wanted: Callable[[], bool], seconds: float) -> bool:
        """Wait for something to be so; False when it is not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not wanted() and not self.over:
                    await self.coming.wait()
        return wanted()
