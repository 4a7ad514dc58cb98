"""Callee audio between the phone and the agent: kept until the agent is live, then exact 20 ms frames."""

from __future__ import annotations

from collections import deque

from ..ports import PCM
from .pcm import AudioFormat, encode, silence
from .resample import StreamResampler

KEEP_SECONDS = 1.0
"""How much of the time between the answer and the agent's readiness is kept (the newest)."""

CATCH_UP_SECONDS = 0.5
"""The longest burst after a stall; what is older is lost and counted."""

_CUSHION_FRAMES = 2  # gathered before frames begin, so that a late block does not tear a hole into speech
_SPARE_FRAMES = 2  # never needed for a whole window: then it is only delay
_WINDOW_FRAMES = 250
_IDLE_FRAMES = 3


class Capture:
    """Callee audio on its way to the agent.

    Three stages: nothing is kept; `keep()`: the newest second; `go_live(fmt)`: `frame()` gives 20 ms each
    time, with silence for what is missing.
    """

    def __init__(self) -> None:
        self._lost_ms = 0.0
        self._keeping = False
        self._kept: deque[tuple[PCM, int]] = deque()
        self._kept_seconds = 0.0
        self._format: AudioFormat | None = None
        self._resampler: StreamResampler | None = None
        self._waiting = bytearray()  # encoded already, so that a frame is a slice
        self._gathering = True
        self._idle = 0
        self._least = 0
        self._frames = 0

    @property
    def live(self) -> bool:
        return self._format is not None

    def keep(self) -> None:
        """From now on the newest second is kept; also after a session ended and before the next is live."""
        self._keeping = True
        self._format = None
        self._resampler = None
        self._waiting.clear()

    def go_live(self, fmt: AudioFormat) -> list[bytes]:
        """The agent listens: returns the frames to send at once, made of what was kept."""
        self._format = fmt
        self._resampler = None
        self._waiting.clear()
        for pcm, rate in self._kept:
            self._convert(pcm, rate, fmt)
        self._kept.clear()
        self._kept_seconds = 0.0
        cushion = _CUSHION_FRAMES * fmt.frame_bytes
        self._gathering = len(self._waiting) < cushion
        self._frames = 0
        frames = []
        while len(self._waiting) >= cushion + fmt.frame_bytes:
            frames.append(self._pop(fmt.frame_bytes))
        return frames

    def push(self, pcm: PCM, rate: int) -> None:
        """What the phone gave, any length, at `rate` Hz."""
        self._idle = 0 if len(pcm) else self._idle + 1
        if not len(pcm):
            return
        fmt = self._format
        if fmt is None:
            if self._keeping:
                self._store(pcm, rate)
            return
        self._convert(pcm, rate, fmt)
        most = round(CATCH_UP_SECONDS * 50 + _CUSHION_FRAMES + _SPARE_FRAMES) * fmt.frame_bytes
        if len(self._waiting) > most:
            self._drop(len(self._waiting) - most, fmt)

    def take_lost(self) -> float:
        """Milliseconds that had to be dropped since the last call."""
        lost, self._lost_ms = self._lost_ms, 0.0
        return lost

    def frame(self) -> bytes:
        """Exactly 20 ms in the agent's format. Only while live."""
        fmt = self._format
        assert fmt is not None
        waiting = len(self._waiting)
        if self._gathering and waiting < _CUSHION_FRAMES * fmt.frame_bytes and self._idle < _IDLE_FRAMES:
            return silence(fmt)
        self._gathering = False
        if waiting < fmt.frame_bytes:
            self._gathering = True
            rest = self._pop(waiting)
            return rest + silence(fmt)[len(rest) :]
        self._shed_delay(fmt)
        return self._pop(fmt.frame_bytes)

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

    def _shed_delay(self, fmt: AudioFormat) -> None:
        """A reserve that a whole window never needed came from a stall or a faster clock: let it go."""
        waiting = len(self._waiting) - fmt.frame_bytes
        self._least = min(self._least, waiting) if self._frames else waiting
        self._frames += 1
        if self._frames < _WINDOW_FRAMES:
            return
        self._frames = 0
        reserve = _CUSHION_FRAMES * fmt.frame_bytes
        if self._least > reserve + _SPARE_FRAMES * fmt.frame_bytes:
            self._drop(self._least - reserve, fmt)

    def _drop(self, size: int, fmt: AudioFormat) -> None:
        size -= size % fmt.width
        del self._waiting[:size]
        self._lost_ms += size * 1000.0 / (fmt.rate * fmt.width)

    def _pop(self, size: int) -> bytes:
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken
