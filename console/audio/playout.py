"""The agent's audio between its arrival (faster than real time, any chunk length) and its 20 ms frames."""

from __future__ import annotations

from ..ports import PCM
from .pcm import AudioFormat, decode, silence

CAPACITY_SECONDS = 600.0
"""More than any agent turn; what arrives beyond it is dropped and counted, so that memory stays bounded."""


class Playout:
    """A FIFO of audio in the agent's output format, kept as bytes so that a sample may be split between two
    chunks. Counters are milliseconds of audio."""

    def __init__(self, fmt: AudioFormat, capacity_seconds: float = CAPACITY_SECONDS) -> None:
        self.format = fmt
        self.received_ms = 0.0
        self.played_ms = 0.0
        self.interrupted_ms = 0.0
        self.overflow_ms = 0.0
        self._waiting = bytearray()
        self._capacity = int(capacity_seconds * fmt.rate) * fmt.width

    @property
    def seconds(self) -> float:
        """Audio waiting."""
        return self._ms(len(self._waiting)) / 1000.0

    @property
    def empty(self) -> bool:
        return len(self._waiting) < self.format.width

    def push(self, payload: bytes) -> None:
        """Append a chunk of any length."""
        self.received_ms += self._ms(len(payload))
        room = self._capacity - len(self._waiting)
        if len(payload) > room:
            # cut at the end: what is dropped has not been said yet, and what waits stays in step
            self.overflow_ms += self._ms(len(payload) - room)
            payload = payload[:room]
        self._waiting += payload

    def frame(self, pad: bool = False) -> PCM | None:
        """The next 20 ms, or None when there is less. `pad`: then fill up with silence what is left."""
        size = self.format.frame_bytes
        taken = min(size, len(self._waiting) - len(self._waiting) % self.format.width)
        if not taken or (taken < size and not pad):
            return None
        payload = bytes(self._waiting[:taken])
        del self._waiting[:taken]
        self.played_ms += self._ms(taken)
        return decode(payload + silence(self.format)[taken:], self.format)

    def interrupt(self) -> int:
        """Drop everything that waits; returns the milliseconds dropped."""
        dropped = self._ms(len(self._waiting))
        self.interrupted_ms += dropped
        self._waiting.clear()
        return round(dropped)

    def _ms(self, size: int) -> float:
        return size * 1000.0 / (self.format.rate * self.format.width)
