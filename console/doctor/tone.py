"""A quiet tone played into one device and looked for on another, to know whether they are connected."""

from __future__ import annotations

import asyncio

import numpy as np

from ..ports import PCM, AudioPath

HERTZ = 1000.0
PLAY_SECONDS = 0.5
LISTEN_SECONDS = 1.2
_PEAK = 1000.0  # -30 dBFS: heard by us, no shock for anybody else


def tone(start: int, samples: int, rate: int) -> PCM:
    """Samples `start` to `start + samples` of the tone."""
    n = np.arange(start, start + samples)
    return (_PEAK * np.sin(2 * np.pi * HERTZ * n / rate)).astype(np.int16)


def tone_in(pcm: PCM, rate: int) -> bool:
    """Whether the tone is in there: it has most of the power in some tenth of a second."""
    size = rate // 10
    for start in range(0, len(pcm) - size + 1, size // 2):
        block = pcm[start : start + size].astype(np.float64)
        power = np.square(np.abs(np.fft.rfft(block * np.hanning(size))))
        near = np.abs(np.fft.rfftfreq(size, 1 / rate) - HERTZ) < 40
        loud = np.sqrt(np.mean(np.square(block))) > _PEAK / 50
        if loud and power[near].sum() > 0.7 * power.sum():
            return True
    return False


async def play(path: AudioPath) -> None:
    """Play the tone toward the phone, as the AI would speak."""
    frame, played = path.rate // 50, 0
    while played < PLAY_SECONDS * path.rate:
        while path.queued() < 0.06 and played < PLAY_SECONDS * path.rate:
            path.write(tone(played, frame, path.rate))
            played += frame
        await asyncio.sleep(0.01)


async def listen(path: AudioPath, seconds: float = LISTEN_SECONDS) -> PCM:
    """What comes as if from the callee."""
    loop = asyncio.get_running_loop()
    heard: list[PCM] = []
    until = loop.time() + seconds
    while loop.time() < until:
        heard.append(path.read())
        await asyncio.sleep(0.01)
    return np.concatenate(heard)


async def comes_back(path: AudioPath) -> bool:
    """Whether what is played to the phone arrives as if the callee said it."""
    heard, _ = await asyncio.gather(listen(path), play(path))
    return tone_in(heard, path.rate)
