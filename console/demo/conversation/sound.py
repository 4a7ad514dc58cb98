"""What an agent of the conversation server sounds like; numpy only."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import samplerate

from ...audio.pcm import FORMATS, encode
from ...ports import PCM
from .script import Step

_PEAK = 0.3
_FADE_SECONDS = 0.01


def turn(step: Step, format_name: str) -> bytes:
    """The audio of one `say` step in the agent's output format."""
    fmt = FORMATS[format_name]
    if step.wav:
        pcm = read_wav(Path(step.wav).read_bytes(), fmt.rate)
    elif step.hz:
        pcm = tone(step.hz, step.seconds, fmt.rate)
    else:
        pcm = babble(step.seconds, fmt.rate)
    return encode(pcm, fmt)


def tone(hz: float, seconds: float, rate: int) -> PCM:
    """A sine at -10 dBFS peak, faded in and out so that it makes no clicks."""
    time = np.arange(round(seconds * rate)) / rate
    return _as_pcm(np.sin(2 * np.pi * hz * time), rate)


def babble(seconds: float, rate: int) -> PCM:
    """Something with the rhythm and the harmonics of speech: four syllables a second on a gliding voice."""
    time = np.arange(round(seconds * rate)) / rate
    pitch = 130 + 20 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 9))
    syllables = 0.15 + 0.85 * np.sin(np.pi * 4 * time) ** 2
    return _as_pcm(voice * syllables / 2, rate)


def read_wav(data: bytes, rate: int) -> PCM:
    """A 16-bit WAV at `rate`; the first channel."""
    with wave.open(io.BytesIO(data)) as wav:
        if wav.getsampwidth() != 2:
            raise ValueError("only 16-bit WAV files can be said")
        frames = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")[:: wav.getnchannels()]
        source = wav.getframerate()
    if source == rate:
        return frames.astype(np.int16)
    out = samplerate.resample(frames.astype(np.float32), rate / source, "sinc_best")
    pcm: PCM = np.clip(np.rint(out), -32768, 32767).astype(np.int16)
    return pcm


def _as_pcm(samples: npt.NDArray[np.float64], rate: int) -> PCM:
    fade = min(round(_FADE_SECONDS * rate), len(samples) // 2)
    ramp = np.ones(len(samples))
    if fade:
        ramp[:fade] = np.linspace(0, 1, fade)
        ramp[-fade:] = np.linspace(1, 0, fade)
    return np.rint(samples * ramp * _PEAK * 32767).astype(np.int16)
