"""Callee audio between the phone and the agent: kept until the agent is live, then handed on as it comes.

A listener that is a program needs no playout clock: what comes late is late by that much and no more, and
nothing waits here to make up for it. Only where nothing comes at all does silence take its place.
"""

from __future__ import annotations

from collections import deque

from ..ports import PCM
from .pcm import FRAME_SECONDS, AudioFormat, encode, silence
from .resample import StreamResampler

KEEP_SECONDS = 1.0
"""How much of the time between the answer and the agent's readiness is kept (the newest)."""

CATCH_UP_SECONDS = 0.5
"""The longest burst after a stall; what is older is lost and counted."""

PATIENCE_SECONDS = 0.1
"""How late audio may be without silence in its place: speech is not torn by the jitter of a bad network."""

AHEAD_SECONDS = 0.2
"""How much of audio that came after silence in its place counts as given in advance: where packets come in
bursts, the pauses between them would be heard again and again."""


class Capture:
    """Callee audio on its way to the agent.

    Three stages: nothing is kept; `keep()`: the newest second; `go_live(fmt)`: `take(now)` gives what has
    come since, any length. `now`: seconds on one clock, for the silence.
    """

    def __init__(self) -> None:
        self._lost_ms = 0.0
        self._keeping = False
        self._kept: deque[tuple[PCM, int]] = deque()
        self._kept_seconds = 0.0
        self._format: AudioFormat | None = None
        self._resampler: StreamResampler | None = None
        self._waiting = bytearray()  # encoded already
        self._until = 0.0  # as far as the agent has been given something; may lie ahead
        self._silent = False

    @property
    def live(self) -> bool:
        return self._format is not None

    def keep(self) -> None:
        """From now on the newest second is kept; also after a session ended and before the next is live."""
        self._keeping = True
        self._format = None
        self._resampler = None
        self._waiting.clear()

    def go_live(self, fmt: AudioFormat, now: float) -> bytes:
        """The agent listens: returns what was kept."""
        self._format = fmt
        self._resampler = None
        self._waiting.clear()
        self._until, self._silent = now, False
        for pcm, rate in self._kept:
            self._convert(pcm, rate, fmt)
        self._kept.clear()
        self._kept_seconds = 0.0
        kept = self.take(now)
        self._until = now
        return kept

    def push(self, pcm: PCM, rate: int) -> None:
        """What the phone gave, any length, at `rate` Hz."""
        if not len(pcm):
            return
        fmt = self._format
        if fmt is None:
            if self._keeping:
                self._store(pcm, rate)
            return
        self._convert(pcm, rate, fmt)
        surplus = len(self._waiting) - round(CATCH_UP_SECONDS * fmt.rate) * fmt.width
        if surplus > 0:
            del self._waiting[:surplus]
            self._lost_ms += surplus * 1000.0 / (fmt.rate * fmt.width)

    def take_lost(self) -> float:
        """Milliseconds that had to be dropped since the last call."""
        lost, self._lost_ms = self._lost_ms, 0.0
        return lost

    def take(self, now: float) -> bytes:
        """What is to be sent now in the agent's format; nothing for as long as audio may just be late. Only
        while live."""
        fmt = self._format
        assert fmt is not None
        if self._waiting:
            taken = bytes(self._waiting)
            self._waiting.clear()
            given = self._until + len(taken) / (fmt.rate * fmt.width)
            self._until, self._silent = max(now, min(given, now + AHEAD_SECONDS)), False
            return taken
        missing = now - self._until
        if missing < (FRAME_SECONDS / 2 if self._silent else PATIENCE_SECONDS):
            return b""
        self._until, self._silent = now, True
        return silence(fmt, min(missing, CATCH_UP_SECONDS))

    def _store(self, pcm: PCM, rate: int) -> None:
        self._kept.append((pcm, rate))
        self._kept_seconds += len(pcm) / rate
        while self._kept_seconds > KEEP_SECONDS:
            oldest, its_rate = self._kept.popleft()
            surplus = round((self._kept_seconds - KEEP_SECONDS) * its_rate)
            self._kept_seconds -= len(oldest) / its_rate
            if surplus < len(oldest):
                self._kept.appendleft((oldest[surplus:], its_rate))
                self._kept_seconds += (len(oldest) - surplus) / its_rate
                return

    def _convert(self, pcm: PCM, rate: int, fmt: AudioFormat) -> None:
        if self._resampler is None or self._resampler.source != rate:
            self._resampler = StreamResampler(rate, fmt.rate)
        self._waiting += encode(self._resampler.process(pcm), fmt)
