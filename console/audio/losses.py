"""Lost audio, summed up so that a bad second is one report."""

from __future__ import annotations

_INTERVAL_SECONDS = 1.0


class Losses:
    """Losses of one direction: the first is reported at once, later ones summed, at most once a second."""

    def __init__(self) -> None:
        self._ms = 0.0
        self._reported_at = float("-inf")

    def add(self, ms: float) -> None:
        self._ms += ms

    def due(self, now: float) -> int:
        """Milliseconds to report at engine time `now`; 0: nothing."""
        if self._ms < 1.0 or now - self._reported_at < _INTERVAL_SECONDS:
            return 0
        ms, self._ms = round(self._ms), 0.0
        self._reported_at = now
        return ms
