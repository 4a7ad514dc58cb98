"""Agent audio on its way to the phone: playout, resampler, and how far it runs ahead of the phone."""

from __future__ import annotations

import numpy as np

from ..ports import PCM, AudioPath
from .pcm import FRAME_SECONDS, AudioFormat
from .playout import Playout
from .resample import StreamResampler

_CLOCK_SECONDS = 0.002  # two clocks may differ by this without anything being heard
_SETTLE_SECONDS = 1.5 * FRAME_SECONDS  # with less than this ahead, more of the sound would come too late


class Outflow:
    """The agent's voice in one format. A gap: the phone ran dry although audio was due."""

    def __init__(self, fmt: AudioFormat, depth: float) -> None:
        self.playout = Playout(fmt)
        self._gap_ms = 0.0
        self._depth = depth
        self._resampler: StreamResampler | None = None
        self._tail_due = False  # the resampler still holds the last 2.5 ms
        self._due = False
        self._filled = 0.0
        self._ahead = 0.0

    @property
    def idle(self) -> bool:
        """Nothing waits to be handed on."""
        return self.playout.empty and not self._tail_due

    def seconds(self, now: float) -> float:
        """Audio that is still to be heard: what waits, and what the path should still hold."""
        return self.playout.seconds + max(0.0, self._ahead - (now - self._filled))

    def fill(self, path: AudioPath, now: float, settle: bool) -> list[PCM]:
        """Hand on frames until the path runs `depth` ahead even when the next call is due; returns them (at
        `path.rate`). `settle`: an incomplete frame may be padded if the path is about to run dry."""
        ahead = path.queued()
        settle = settle and ahead < _SETTLE_SECONDS
        self._note_gap(now)
        rate = path.rate
        handed: list[PCM] = []
        while ahead < self._depth + FRAME_SECONDS:
            frame = self._next(pad=settle and not handed)
            if frame is None:
                break
            pcm = self._at(frame, rate)
            path.write(pcm)
            handed.append(pcm)
            ahead += len(pcm) / rate
        self._due, self._filled, self._ahead = not self.playout.empty, now, ahead
        return handed

    def take_gap(self) -> float:
        """Milliseconds of gaps since the last call."""
        gap, self._gap_ms = self._gap_ms, 0.0
        return gap

    def interrupt(self) -> int:
        """Drop what was not handed on; returns the milliseconds dropped."""
        self._tail_due = self._due = False
        self._ahead = 0.0
        if self._resampler is not None:
            self._resampler.reset()
        return self.playout.interrupt()

    def _note_gap(self, now: float) -> None:
        # by the clock, not by what the path holds now: it may have been stalled as long as we were
        gap = now - self._filled - self._ahead
        if self._due and gap > _CLOCK_SECONDS:
            self._gap_ms += gap * 1000.0

    def _next(self, pad: bool) -> PCM | None:
        frame = self.playout.frame(pad)
        if frame is not None:
            self._tail_due = True
        elif pad and self._tail_due:
            self._tail_due = False
            if self._resampler is not None and self._resampler.source != self._resampler.target:
                return np.zeros(self.playout.format.frame_samples, np.int16)
        return frame

    def _at(self, frame: PCM, rate: int) -> PCM:
        if self._resampler is None or self._resampler.target != rate:
            self._resampler = StreamResampler(self.playout.format.rate, rate)
        return self._resampler.process(frame)
