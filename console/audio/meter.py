"""How loud one side is, and whether it is speaking."""

from __future__ import annotations

from ..ports import PCM
from .pcm import FLOOR_DBFS, level

ON_DBFS = -42.0
OFF_DBFS = -50.0
_ONSET_SECONDS = 0.04  # shorter is a click
_HOLD_SECONDS = 0.4  # shorter is a pause between words
_STALE_SECONDS = 0.06  # blocks come unevenly; after this long there really is nothing


class Meter:
    """One side of a call. `dbfs`: RMS of the newest block; `speaking` with hysteresis; `since`: when it last
    began or stopped being audible (the time of the sound, not of the decision)."""

    def __init__(self) -> None:
        self.dbfs = FLOOR_DBFS
        self.speaking = False
        self.since = 0.0
        self._heard_at = float("-inf")
        self._loud_from: float | None = None
        self._loud_at = float("-inf")

    def feed(self, pcm: PCM, now: float) -> None:
        """The sound since the last call, possibly none, at engine time `now`."""
        if len(pcm):
            self.dbfs = level(pcm)
            self._heard_at = now
        elif now - self._heard_at > _STALE_SECONDS:
            self.dbfs = FLOOR_DBFS
        if self.speaking:
            self._while_speaking(now)
        else:
            self._while_silent(now)

    def _while_silent(self, now: float) -> None:
        if self.dbfs < ON_DBFS:
            self._loud_from = None
            return
        if self._loud_from is None:
            self._loud_from = now
        if now - self._loud_from >= _ONSET_SECONDS - 0.005:
            self.speaking, self.since, self._loud_at = True, self._loud_from, now

    def _while_speaking(self, now: float) -> None:
        if self.dbfs >= OFF_DBFS:
            self._loud_at = now
        elif now - self._loud_at >= _HOLD_SECONDS:
            self.speaking, self.since, self._loud_from = False, self._loud_at, None
