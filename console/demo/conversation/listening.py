"""Is the caller talking? By energy, in the time of the audio itself; pure."""

from __future__ import annotations

from ...audio.pcm import level
from ...ports import PCM

SPEECH_DBFS = -42.0
_BLOCK_SECONDS = 0.02
_HANGOVER_SECONDS = 0.25
"""Pauses inside a word or between words are part of the speech."""


class Listening:
    """`speech`: seconds that the caller has been talking in one go, pauses within included; `silence`:
    seconds since the last audible sound; `heard`: the caller has said something since `forget`."""

    def __init__(self, rate: int) -> None:
        self.speech = 0.0
        self.silence = 0.0
        self.heard = False
        self._block = round(rate * _BLOCK_SECONDS)

    def forget(self) -> None:
        self.speech = 0.0
        self.heard = False

    def feed(self, pcm: PCM) -> None:
        for start in range(0, len(pcm), self._block):
            self._feed_block(level(pcm[start : start + self._block]))

    def _feed_block(self, dbfs: float) -> None:
        if dbfs > SPEECH_DBFS:
            self.silence = 0.0
            self.speech += _BLOCK_SECONDS
            self.heard = self.heard or self.speech >= 0.1
            return
        self.silence += _BLOCK_SECONDS
        if self.silence > _HANGOVER_SECONDS:
            self.speech = 0.0
        elif self.speech:
            self.speech += _BLOCK_SECONDS
