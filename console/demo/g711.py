"""G.711 as tables of 256 entries (ITU-T G.711): enough to move recorded speech and hear how loud it is.
Pure.

The line keeps its own tables on purpose: it is the far end that the console's codec is tested against.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable

FULL_SCALE = 32768.0


def _ulaw_sample(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def _alaw_sample(code: int) -> int:
    code ^= 0x55
    magnitude, exponent = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude = magnitude + 8 if exponent == 0 else (magnitude + 0x108) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


SAMPLES = {
    "PCMU": [_ulaw_sample(code) for code in range(256)],
    "PCMA": [_alaw_sample(code) for code in range(256)],
}
"""Linear value (16 bit) of each code word."""

SILENCE = {"PCMU": 0xFF, "PCMA": 0xD5}
_SQUARES = {name: [float(value * value) for value in table] for name, table in SAMPLES.items()}


_ORDERED = {
    name: sorted((value, code) for code, value in enumerate(table)) for name, table in SAMPLES.items()
}


def _nearest(name: str, sample: int) -> int:
    ordered = _ORDERED[name]
    at = bisect_left(ordered, (sample, -1))
    return min(ordered[max(0, at - 1) : at + 1], key=lambda entry: abs(entry[0] - sample))[1]


ULAW_TO_ALAW = bytes(_nearest("PCMA", value) for value in SAMPLES["PCMU"])


def encode(name: str, pcm: Iterable[int]) -> bytes:
    """Linear 16-bit samples to code words, by searching the table once for each value that occurs."""
    samples = tuple(pcm)
    known = {sample: _nearest(name, sample) for sample in set(samples)}
    return bytes(known[sample] for sample in samples)


def level(name: str, payload: bytes) -> float:
    """dBFS of a packet (a full-scale square wave is 0), -96 for nothing."""
    squares = _SQUARES[name]
    power = sum(squares[code] for code in payload) / max(1, len(payload))
    return max(-96.0, 10 * math.log10(power / FULL_SCALE**2)) if power > 0 else -96.0


def tone(name: str, hertz: float, seconds: float, dbfs: float = -12.0, rate: int = 8000) -> bytes:
    """A sine as code words."""
    peak = FULL_SCALE * 10 ** (dbfs / 20)
    samples = (round(peak * math.sin(2 * math.pi * hertz * n / rate)) for n in range(round(seconds * rate)))
    return encode(name, samples)
