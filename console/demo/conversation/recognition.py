"""What the caller says, in words: the recorded sentences of the demo line, recognised by their loudness over
time. Numpy only; it hears what really came over the line, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...audio.pcm import FORMATS, decode, level
from ...ports import PCM
from ..clips import wave_data
from .listening import SPEECH_DBFS

Contour = npt.NDArray[np.float64]
"""Loudness in dBFS, one value for each `_BLOCK_SECONDS`."""

PAUSE = 0.55
"""Seconds of silence after which somebody has finished: no recorded sentence pauses longer inside."""

_BLOCK_SECONDS = 0.02
_LONGEST = 1000
"""Blocks that are kept: 20 s."""

_SHORTEST = 10

_LIKE = 4.5
"""dB between two contours, on average, up to which it is that sentence."""

_SLIP = 6.0
"""dB for each block that a line has added or left out."""

_REST = 5.0
"""dB for what does not belong to it, if that were everything."""

_MOST_APART = 25.0
_NOTHING = np.inf

_QUIET = SPEECH_DBFS - 20
"""Below it a line's own noise decides: everything there is as quiet."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A recorded sentence without the silence around it."""

    text: str
    contour: Contour


def sentence(text: str, wav: bytes) -> Sentence:
    """From a recording in mu-law at 8 kHz (WAV format 7)."""
    fmt = FORMATS["ulaw_8000"]
    pcm, block = decode(wave_data(wav), fmt), round(fmt.rate * _BLOCK_SECONDS)
    levels = np.array([level(pcm[start : start + block]) for start in range(0, len(pcm), block)])
    audible = np.flatnonzero(levels > SPEECH_DBFS)
    return Sentence(text, np.maximum(levels[audible[0] : audible[-1] + 1], _QUIET))


@cache
def recorded(hears: tuple[tuple[str, str], ...]) -> tuple[Sentence, ...]:
    """These (text, WAV file), read once: it takes some 20 ms, which no conversation should wait for."""
    return tuple(sentence(text, Path(wav).read_bytes()) for text, wav in hears)


class Recognition:
    """Listens to a caller at `rate`; says what was said when it has been silent for `PAUSE`."""

    def __init__(self, sentences: Iterable[Sentence], rate: int) -> None:
        self._sentences = tuple(sentences)
        self._lengths = np.array([len(known.contour) for known in self._sentences], int)
        self._known = np.full((len(self._sentences), max(self._lengths, default=0)), np.nan)
        for row, known in zip(self._known, self._sentences, strict=True):
            row[: len(known.contour)] = _levelled(known.contour)
        self._block = round(rate * _BLOCK_SECONDS)
        self._rest: PCM = np.zeros(0, np.int16)
        self._heard: list[float] = []
        self._silent = 0

    def feed(self, pcm: PCM) -> list[str]:
        """The sentences that ended with this audio, of any length."""
        pcm = np.concatenate((self._rest, pcm))
        whole = len(pcm) - len(pcm) % self._block
        self._rest = pcm[whole:]
        found: list[str] = []
        for start in range(0, whole, self._block):
            found += self._hear(level(pcm[start : start + self._block]))
        return found

    def _hear(self, dbfs: float) -> list[str]:
        self._silent = 0 if dbfs > SPEECH_DBFS else self._silent + 1
        if self._heard or not self._silent:
            self._heard = [*self._heard, dbfs][-_LONGEST:]
        if not self._heard or self._silent * _BLOCK_SECONDS < PAUSE:
            return []
        said, self._heard = np.maximum(self._heard[: -self._silent], _QUIET), []
        return self._words(said)

    def _words(self, said: Contour) -> list[str]:
        """One sentence after the other; the last one may have been cut short."""
        found: list[str] = []
        while len(said) >= _SHORTEST and self._sentences:
            apart, which, blocks, part = self._nearest(said)
            if apart > _LIKE:
                break
            text = self._sentences[which].text
            words = text.split()
            found.append(text if part > 0.9 else " ".join(words[: round(part * len(words))]))
            said = _without_silence(said[blocks:])
        return [text for text in found if text]

    def _nearest(self, said: Contour) -> tuple[float, int, int, float]:
        """The sentence that is least apart (dB), how many blocks of what was said it takes, and how much of
        it was said. Both are laid beside each other block by block (dynamic time warping), since a busy line
        adds blocks and leaves some out."""
        every, blocks = np.arange(len(self._lengths)), len(said)
        ends = np.full((blocks, len(every)), _NOTHING)
        costs = np.full(self._known.shape, _NOTHING)
        for block, loudness in enumerate(_levelled(said)):
            here = np.fmin(np.abs(loudness - self._known), _MOST_APART)
            here[np.isnan(self._known)] = _NOTHING
            before = np.full(costs.shape, _NOTHING)
            if block == 0:
                before[:, :_SHORTEST] = 0.0
            else:
                before[:, 1:] = costs[:, :-1]
                before = np.minimum(before, costs + _SLIP)
                before[:, 2:] = np.minimum(before[:, 2:], costs[:, :-2] + _SLIP)
            costs = here + before
            ends[block] = costs[every, self._lengths - 1]
        reached = costs.argmin(axis=1)
        parts = (reached + 1) / self._lengths
        cut = costs.min(axis=1) / blocks + _REST * (1 - parts)
        taken = np.arange(1, blocks + 1)[:, None]
        whole = ends / taken + _REST * (1 - taken / blocks)
        whole[:_SHORTEST] = _NOTHING
        last = whole.argmin(axis=0)
        whole = whole[last, every]
        which = int(np.minimum(cut, whole).argmin())
        if whole[which] <= cut[which]:
            return float(whole[which]), which, int(last[which]) + 1, 1.0
        return float(cut[which]), which, blocks, float(parts[which])


def _levelled(contour: Contour) -> Contour:
    """The contour without how loud the line is, and blurred: blocks begin anywhere in a sound."""
    blurred = np.convolve(np.pad(contour, 1, "edge"), (0.25, 0.5, 0.25), "valid")
    levelled: Contour = blurred - np.percentile(blurred, 90)
    return levelled


def _without_silence(said: Contour) -> Contour:
    audible = np.flatnonzero(said > SPEECH_DBFS)
    return said[audible[0] :] if len(audible) else said[:0]
