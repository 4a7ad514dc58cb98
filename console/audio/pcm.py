"""Samples and their encodings: S16LE, G.711 mu-law, the audio formats of ElevenLabs, levels, mixing.

Everything is mono. `PCM` is int16, shape (n,); levels are dBFS (RMS, 0 dBFS = a full-scale square wave).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt

from ..core.words import phrase
from ..ports import PCM

FRAME_SECONDS = 0.02
"""The media plane's frame; every rate in use has a whole number of samples in it."""

FRAMES_PER_SECOND = 50

FLOOR_DBFS = -96.0
"""The level of digital silence, and the lowest that is ever reported."""

_FULL_SCALE = 32768.0


class Encoding(StrEnum):
    """How a sample is written to the agent's wire."""

    S16LE = "pcm"
    MULAW = "ulaw"


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One of the agent's audio formats; `rate` in Hz."""

    encoding: Encoding
    rate: int

    @property
    def width(self) -> int:
        """Bytes of one sample."""
        return 1 if self.encoding is Encoding.MULAW else 2

    @property
    def frame_samples(self) -> int:
        return self.rate // FRAMES_PER_SECOND

    @property
    def frame_bytes(self) -> int:
        return self.frame_samples * self.width


FORMATS: dict[str, AudioFormat] = {
    "pcm_8000": AudioFormat(Encoding.S16LE, 8000),
    "pcm_16000": AudioFormat(Encoding.S16LE, 16000),
    "pcm_22050": AudioFormat(Encoding.S16LE, 22050),
    "pcm_24000": AudioFormat(Encoding.S16LE, 24000),
    "pcm_44100": AudioFormat(Encoding.S16LE, 44100),
    "pcm_48000": AudioFormat(Encoding.S16LE, 48000),
    "ulaw_8000": AudioFormat(Encoding.MULAW, 8000),
}
"""The formats of ElevenLabs by their wire names (ElevenLabs API, `conversation_initiation_metadata`)."""


def parse_format(name: str) -> AudioFormat:
    """The format with this wire name; `ValueError` with one sentence for any other name."""
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise ValueError(
            phrase(
                "the agent uses the unknown audio format {name!r}; known are {known}", name=name, known=known
            )
        ) from None


def _mulaw_encoding_table() -> npt.NDArray[np.uint8]:
    """Codes for all 65,536 samples, indexed by the sample read as unsigned.

    ITU-T G.711 table 2a on the upper 14 bits; the magnitude of a negative sample is its ones' complement, as
    in the ITU-T G.191 reference (so -1 to -4 are negative zero, 0x7F, and 0 is 0xFF).
    """
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    negative = sample < 0
    magnitude = np.minimum((np.where(negative, ~sample, sample) >> 2) + 33, 0x1FFF)
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    step = (magnitude >> (segment + 1)) & 0x0F
    code = ~((segment << 4) | step) & 0x7F
    codes: npt.NDArray[np.uint8] = np.where(negative, code, code | 0x80).astype(np.uint8)
    return codes


def _mulaw_decoding_table() -> npt.NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    segment, step = (code >> 4) & 0x07, code & 0x0F
    magnitude = (((step << 1) + 33 << segment) - 33) << 2
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


_ENCODE = _mulaw_encoding_table()
_DECODE = _mulaw_decoding_table()
_LITTLE = np.dtype("<i2")


def mulaw_encode(pcm: PCM) -> bytes:
    """G.711 mu-law, one byte for each sample."""
    return _ENCODE[pcm.view(np.uint16)].tobytes()


def mulaw_decode(payload: bytes) -> PCM:
    """The samples of G.711 mu-law codes; full scale is 32,124."""
    pcm: PCM = _DECODE[np.frombuffer(payload, np.uint8)]
    return pcm


def encode(pcm: PCM, fmt: AudioFormat) -> bytes:
    """Samples, already at the rate of `fmt`, as its bytes."""
    if fmt.encoding is Encoding.MULAW:
        return mulaw_encode(pcm)
    return pcm.astype(_LITTLE, copy=False).tobytes()


def decode(payload: bytes, fmt: AudioFormat) -> PCM:
    """The samples of whole `payload`; `ValueError` when it ends inside a sample."""
    if fmt.encoding is Encoding.MULAW:
        return mulaw_decode(payload)
    return np.frombuffer(payload, _LITTLE).astype(np.int16, copy=False)


def silence(fmt: AudioFormat, seconds: float = FRAME_SECONDS) -> bytes:
    """Silence as bytes: 0xFF in mu-law (0x00 would be nearly full scale), 0x00 in PCM."""
    return _zero(fmt) * round(seconds * fmt.rate)


@cache
def _zero(fmt: AudioFormat) -> bytes:
    return encode(np.zeros(1, np.int16), fmt)


def level(pcm: PCM) -> float:
    """RMS in dBFS, at least `FLOOR_DBFS`; a full-scale sine is -3.0."""
    if not len(pcm):
        return FLOOR_DBFS
    samples = pcm.astype(np.float32)
    power = float(np.dot(samples, samples)) / len(samples) / (_FULL_SCALE * _FULL_SCALE)
    return max(FLOOR_DBFS, 10.0 * math.log10(power)) if power > 0.0 else FLOOR_DBFS


def mix(one: PCM, other: PCM) -> PCM:
    """The sum, saturated; the shorter one is continued with silence."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    total = longer.astype(np.int32)
    total[: len(shorter)] += shorter
    return np.clip(total, -32768, 32767).astype(np.int16)
