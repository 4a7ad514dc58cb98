"""When Python looks for unreachable objects: not while somebody is on the line.

A full collection holds every thread of the process for 50 to 150 ms when 50 calls are up, and the sound that
is kept ahead of the phone lasts 60 ms. So objects that are there from the start are never looked at again,
young ones as always, and all others when no call is up.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

QUIET_SECONDS = 2.0
"""How long there must be nothing to do before everything is looked through."""

_THRESHOLDS = (5000, 10, 1000)
"""The last one is for a console that is never without a call."""


class Tidying:
    """`busy`: whether there is a call. On the engine's loop."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._timer: asyncio.TimerHandle | None = None
        self._before = gc.get_threshold()
        self._settled = False

    def start(self) -> None:
        gc.set_threshold(*_THRESHOLDS)
        self.soon()

    def soon(self) -> None:
        """Something has ended: tidy up when it stays quiet."""
        self._cancel()
        self._timer = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._tidy)

    def stop(self) -> None:
        """Leave the process as it was."""
        self._cancel()
        gc.set_threshold(*self._before)
        if self._settled:
            gc.unfreeze()

    def _tidy(self) -> None:
        if self._busy():
            return  # its end will ask again
        gc.collect()
        if not self._settled:
            self._settled = True
            gc.freeze()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
