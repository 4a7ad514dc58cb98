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
_SHIFTS = range(-6, 7)
"""How many blocks a sentence may begin sooner or later than it seems."""

_LIKE = 0.8
"""Correlation from which on it is that sentence."""

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
        while len(said) >= _SHORTEST:
            score, best = max(
                ((_likeness(said, known.contour), known) for known in self._sentences),
                key=lambda scored: scored[0],
                default=(0.0, None),
            )
            if best is None or score < _LIKE:
                break
            words, part = best.text.split(), len(said) / len(best.contour)
            found.append(best.text if part > 0.9 else " ".join(words[: round(part * len(words))]))
            said = _without_silence(said[len(best.contour) :])
        return [text for text in found if text]


def _likeness(said: Contour, known: Contour) -> float:
    """How well one of them begins as the other does; less when it is only a small part of it."""
    found = 0.0
    for shift in _SHIFTS:
        one, other = (said[shift:], known) if shift >= 0 else (said, known[-shift:])
        length = min(len(one), len(other))
        if length >= _SHORTEST:
            found = max(found, _correlation(one[:length], other[:length]))
    shorter, longer = sorted((len(said), len(known)))
    return found - 0.15 * (1 - shorter / longer)


def _correlation(one: Contour, other: Contour) -> float:
    one, other = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size else 0.0


def _without_silence(said: Contour) -> Contour:
    audible = np.flatnonzero(said > SPEECH_DBFS)
    return said[audible[0] :] if len(audible) else said[:0]
