"""Streaming sample-rate conversion that returns audio on every 20 ms call.

libsamplerate's `sinc_fastest`: at most 2.5 ms behind its input at the rates in use, images below -90 dB.
(soxr's stream holds back up to 175 ms and returns most 20 ms calls empty.)
"""

from __future__ import annotations

import numpy as np
import samplerate

from ..ports import PCM

_FULL_SCALE = 32768.0


class StreamResampler:
    """Converts one direction of one stream from `source` to `target` Hz; samples pass through when equal.

    A sound keeps its place in time: what is missing at the end of the output (at most 2.5 ms) comes with the
    next call.
    """

    def __init__(self, source: int, target: int) -> None:
        self.source = source
        self.target = target
        self._ratio = target / source
        self._stream = None if source == target else samplerate.Resampler("sinc_fastest", channels=1)

    def process(self, pcm: PCM) -> PCM:
        """The next samples, any number of them, at the target rate."""
        if self._stream is None or not len(pcm):
            return pcm
        out = self._stream.process(pcm.astype(np.float32), self._ratio)
        # libsamplerate does not mind the scale: samples stay in int16 units and need no second multiplication
        samples: PCM = np.clip(np.rint(out), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
        return samples

    def reset(self) -> None:
        """Forget what is held back: the next samples begin a new sound."""
        if self._stream is not None:
            self._stream.reset()
