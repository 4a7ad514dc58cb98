"""A sound that says where in it one is, and what became of it on its way. Pure numpy.

Noise of the telephone band (300 to 3,400 Hz), the same for ever and at every sample rate, that repeats only
after 20 s. What was received is followed block by block through it: where the position jumps ahead, samples
were lost; where it falls back, something was put in: silence (it came late) or what had been heard already.
In front of the noise stands a tone, for the spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from console.ports import PCM

Floats = npt.NDArray[np.float64]

PERIOD = 20
"""Seconds until the noise repeats."""

TONE_SECONDS = 2.0
_LOW, _HIGH = 300, 3400
_NOISE_DBFS, TONE_DBFS = -20.0, -13.0

_BLOCK, _HOP = 0.04, 0.02
_WINDOW = 0.15  # how far a block is looked for around where it should be
_CHUNK = 100  # blocks at once
_SURE = 0.6  # correlation from which a block has been found
_JUMP = 0.0005  # seconds; less is drift, or the codec
_QUIET_DBFS = -55.0
_STEP = 0.005


@dataclass(slots=True)
class Heard:
    """What became of the noise. Milliseconds; `gaps`: the length of each silence in it of 15 ms and more.
    `doubled` is what was put in beyond silence. `drift`: parts per million. `seconds`: how long it was
    followed; `found`: the share of its blocks that were recognised."""

    seconds: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    gaps: list[float] = field(default_factory=list)
    drift: float = 0.0
    found: float = 0.0

    def longer(self, ms: float) -> int:
        """How many gaps are at least so long (5 ms of measuring error allowed)."""
        return sum(gap >= ms - 1000 * _STEP for gap in self.gaps)


@cache
def noise(rate: int) -> Floats:
    """One period, in units of a 16-bit sample."""
    generator = np.random.default_rng(7)
    phases = generator.uniform(0, 2 * np.pi, (_HIGH - _LOW) * PERIOD)
    spectrum = np.zeros(rate * PERIOD // 2 + 1, np.complex128)
    first = _LOW * PERIOD
    spectrum[first : first + len(phases)] = np.exp(1j * phases)
    wave = np.fft.irfft(spectrum, rate * PERIOD)
    return np.asarray(wave * (32768 * 10 ** (_NOISE_DBFS / 20) / np.sqrt(np.mean(wave**2))))


def tone(hz: float, rate: int, seconds: float = TONE_SECONDS) -> Floats:
    """A sine that neither begins nor ends with a click."""
    count = round(seconds * rate)
    ramp = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.01 * rate))
    peak = 32768 * 10 ** (TONE_DBFS / 20) * np.sqrt(2)
    return np.asarray(peak * ramp * np.sin(2 * np.pi * hz * np.arange(count) / rate))


def piece(rate: int, start: float, seconds: float) -> PCM:
    """`seconds` of the noise from `start` on."""
    at = np.arange(round(start * rate), round((start + seconds) * rate)) % (PERIOD * rate)
    return as_pcm(noise(rate)[at])


def as_pcm(wave: Floats) -> PCM:
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


# ---- following it ----


def follow(pcm: PCM, rate: int) -> Heard:
    """What became of the noise in `pcm`, from where it is first recognised to where it is last."""
    every = max(1, rate // 8000)
    wave, rate = pcm[::every].astype(np.float64), rate // every  # the band ends far below the new half rate
    start = _lock(wave, rate)
    if start is None:
        return Heard()
    times, places, share = _track(wave, rate, *start)
    if len(times) < 2:
        return Heard()
    jumps = np.diff(places - times)
    ahead = float(jumps[jumps > _JUMP].sum())
    back = float(-jumps[jumps < -_JUMP].sum())
    first, last = round(times[0] * rate), round((times[-1] + _BLOCK) * rate)
    gaps = _gaps(wave[first:last], rate)
    slow = jumps[np.abs(jumps) <= _JUMP].sum()
    seconds = float(times[-1] - times[0])
    doubled = max(0.0, 1000 * back - sum(gaps))
    return Heard(
        seconds,
        1000 * ahead,
        doubled if doubled >= 1.0 else 0.0,
        gaps,
        1e6 * float(slow) / max(1.0, seconds),
        share,
    )


def _lock(wave: Floats, rate: int) -> tuple[float, float] | None:
    """Time in `wave` and place in the noise (s) of the first stretch that is recognised."""
    size = round(0.2 * rate)
    reference = np.fft.rfft(noise(rate))
    loudness = np.sqrt(np.mean(noise(rate) ** 2))
    for at in range(0, len(wave) - size, size // 2):
        stretch = wave[at : at + size]
        own = np.sqrt(np.mean(stretch**2))
        if own < 0.1 * loudness:
            continue
        padded = np.zeros(rate * PERIOD)
        padded[:size] = stretch
        match = np.fft.irfft(reference * np.conj(np.fft.rfft(padded)), rate * PERIOD)
        place = int(np.argmax(match))
        if match[place] > _SURE * size * own * loudness:
            return at / rate, place / rate
    return None


def _track(wave: Floats, rate: int, at: float, place: float) -> tuple[Floats, Floats, float]:
    """Times of the blocks that were recognised, their places (s, growing beyond the period), and the share of
    all blocks that they are."""
    block, hop, margin = round(_BLOCK * rate), round(_HOP * rate), round(_WINDOW * rate)
    starts = np.arange(round(at * rate), len(wave) - block, hop)
    offset = round((place - at) * rate)
    times, places = [], []
    for first in range(0, len(starts), _CHUNK):
        chunk = starts[first : first + _CHUNK]
        shifts, sure = _shifts(wave, chunk, block, offset, margin, rate)
        if not sure.any():
            # further than the window: look for it everywhere
            begin, end = chunk[0], chunk[-1] + block
            if (again := _lock(wave[begin:end], rate)) is None:
                continue
            fresh = round(again[1] * rate) - begin - round(again[0] * rate)
            period = PERIOD * rate
            offset += (fresh - offset + period // 2) % period - period // 2
            shifts, sure = _shifts(wave, chunk, block, offset, margin, rate)
        times.append(chunk[sure] / rate)
        places.append((chunk[sure] + offset + shifts[sure]) / rate)
        if sure.any():
            offset += round(shifts[sure][-1])
    if not times:
        return np.zeros(0), np.zeros(0), 0.0
    found = np.concatenate(times)
    return found, np.concatenate(places), len(found) / max(1, len(starts))


def _shifts(
    wave: Floats, starts: npt.NDArray[np.int64], block: int, offset: int, margin: int, rate: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """How far (samples) each block lies from where it should be, and whether that is certain."""
    reference = noise(rate)
    wide = block + 2 * margin
    blocks = wave[starts[:, None] + np.arange(block)]
    places = (starts[:, None] + offset - margin + np.arange(wide)) % len(reference)
    around = reference[places]
    size = 1 << (wide - 1).bit_length()
    product = np.fft.rfft(around, size) * np.conj(np.fft.rfft(blocks, size))
    match = np.fft.irfft(product, size)[:, : 2 * margin + 1]
    energy = np.cumsum(np.pad(around**2, ((0, 0), (1, 0))), axis=1)
    local = np.sqrt(energy[:, block : block + 2 * margin + 1] - energy[:, : 2 * margin + 1])
    own = np.sqrt((blocks**2).sum(axis=1, keepdims=True))
    match /= np.maximum(local * own, 1e-9)
    best = np.argmax(match, axis=1)
    rows = np.arange(len(starts))
    peak = match[rows, best]
    before, after = match[rows, np.maximum(best - 1, 0)], match[rows, np.minimum(best + 1, 2 * margin)]
    curve = before - 2 * peak + after
    fine = np.where(np.abs(curve) > 1e-9, 0.5 * (before - after) / np.where(curve == 0, 1, curve), 0.0)
    return best - margin + np.clip(fine, -0.5, 0.5), peak > _SURE


def _gaps(wave: Floats, rate: int) -> list[float]:
    """Milliseconds of each silence of 15 ms and more, but for what lies before and after the sound."""
    step = round(_STEP * rate)
    count = len(wave) // step
    power = (wave[: count * step].reshape(count, step) ** 2).mean(axis=1)
    quiet = power < (32768 * 10 ** (_QUIET_DBFS / 20)) ** 2
    sounding = np.flatnonzero(~quiet)
    quiet = quiet[sounding[0] : sounding[-1]] if len(sounding) else quiet[:0]
    edges = np.flatnonzero(np.diff(np.pad(quiet.astype(np.int8), 1)))
    return [float(1000 * _STEP * (end - start)) for start, end in edges.reshape(-1, 2) if end - start >= 3]


# ---- the spectrum ----


def beside(second: PCM, rate: int, hz: float) -> float:
    """dBFS (RMS of a sine) of the loudest that is in `second` but for `hz` itself."""
    spectrum = _spectrum(second.astype(np.float64))
    per_hz = 2 * (len(spectrum) - 1) / rate
    spectrum[: int(20 * per_hz)] = 0.0
    spectrum[max(0, int((hz - 20) * per_hz)) : int((hz + 20) * per_hz) + 1] = 0.0
    return 20 * float(np.log10(max(spectrum.max(), 1e-3) / 32768))


def image(pcm: PCM, rate: int, hz: float, at: float) -> float:
    """dB of what stands at `at` Hz beside a tone of `hz` Hz, in the second that is most of all that tone."""
    best = max(range(0, len(pcm) - rate + 1, rate // 10), key=lambda start: _share(pcm, start, rate, hz))
    spectrum = _spectrum(pcm[best : best + rate].astype(np.float64))
    return 20 * float(np.log10(max(_peak(spectrum, rate, at), 1e-3) / max(_peak(spectrum, rate, hz), 1e-3)))


def _share(pcm: PCM, start: int, rate: int, hz: float) -> float:
    second = pcm[start : start + rate].astype(np.float64)
    return _peak(_spectrum(second), rate, hz) ** 2 / (float(np.mean(second**2)) + 1e4)


def _spectrum(wave: Floats) -> Floats:
    """RMS amplitudes, a bin for each 1/length Hz; Blackman-Harris, whose side lobes are at -92 dB."""
    n = np.arange(len(wave))
    window = sum(
        c * np.cos(2 * np.pi * k * n / len(wave))
        for k, c in enumerate((0.35875, -0.48829, 0.14128, -0.01168))
    )
    scale = np.sqrt(2) / window.sum()
    return np.asarray(np.abs(np.fft.rfft(wave * window)) * scale)


def _peak(spectrum: Floats, rate: int, hz: float) -> float:
    per_hz = 2 * (len(spectrum) - 1) / rate
    around = spectrum[max(0, int((hz - 6) * per_hz)) : int((hz + 6) * per_hz) + 1]
    return float(around.max(initial=0.0))
