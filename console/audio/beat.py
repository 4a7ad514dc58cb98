"""When the phone's next block of audio comes, found by trying. Pure."""

from __future__ import annotations

from .pcm import FRAME_SECONDS

_EARLIER = 0.001
_EARLIEST = 0.25  # of the time between two blocks
_AGAIN = 0.002
_LATE = 0.01


class Beat:
    """Each look is made earlier than the one before, by more and more, until one comes too early; then again
    and again, for at most 10 ms. So a block waits some 2 ms, where a beat of our own would let it wait 10 on
    average. All times in seconds."""

    def __init__(self) -> None:
        self._earlier = 0.0
        self._latest = float("-inf")

    def missed(self, now: float) -> bool:
        """Nothing came when something should have: it is no use to look all the time."""
        return now >= self._latest

    def wait(self, came: bool, now: float, period: float) -> float:
        """Until the next look, when this one, at `now`, has found something or not; blocks come every
        `period` if they come."""
        if came:
            self._earlier = min(self._earlier + _EARLIER, _EARLIEST * period)
            self._latest = now + period - self._earlier + _LATE
            return period - self._earlier
        if self.missed(now):
            return FRAME_SECONDS
        self._earlier = 0.0
        return _AGAIN
