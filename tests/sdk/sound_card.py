"""A sound card in memory that plays and records in real time: as the `pyaudio` of the official SDK's own
audio interface, and as an audio path of ours."""

from __future__ import annotations

import sys
import threading
import time
import types
from collections.abc import Callable

import numpy as np

from console.ports import PCM

RATE = 16_000


class Card:
    """What was played: `seconds` in all, the last of it until `until` (monotonic). `paused`: from and to when
    (seconds since it was first asked) the microphone gives nothing, as a line that loses its packets."""

    def __init__(self, paused: tuple[float, float] | None = None) -> None:
        self.seconds = 0.0
        self.until = 0.0
        self._paused = paused
        self._began: float | None = None

    def is_silent(self) -> bool:
        if self._began is None:
            self._began = time.monotonic()
        since = time.monotonic() - self._began
        return self._paused is not None and self._paused[0] <= since < self._paused[1]

    def play(self, seconds: float) -> None:
        self.seconds += seconds
        self.until = time.monotonic() + seconds


# ---- for the official SDK ----


class _Output:
    """Blocks for as long as the sound lasts, as a blocking PortAudio stream does once its buffer is full."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._free = 0.0

    def write(self, audio: bytes) -> None:
        for start in range(0, len(audio), RATE // 25):
            slice_seconds = len(audio[start : start + RATE // 25]) / 2 / RATE
            self._free = max(self._free, time.monotonic()) + slice_seconds
            self._card.play(slice_seconds)
            time.sleep(max(0.0, self._free - time.monotonic()))

    def close(self) -> None:
        pass


class _Input(threading.Thread):
    def __init__(self, card: Card, frames: int, callback: Callable[..., object]) -> None:
        super().__init__(daemon=True)
        self._card, self._frames, self._callback = card, frames, callback
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        due = time.monotonic()
        while not self._ended.is_set():
            if not self._card.is_silent():
                self._callback(bytes(2 * self._frames), self._frames, None, 0)
            due += self._frames / RATE
            self._ended.wait(max(0.0, due - time.monotonic()))

    def stop_stream(self) -> None:
        self._ended.set()

    def close(self) -> None:
        self._ended.set()


def install_as_pyaudio(card: Card) -> None:
    """`import pyaudio` gives this card from now on."""

    class PyAudio:
        def open(self, **options: object) -> object:
            callback = options.get("stream_callback")
            if options.get("input") and callable(callback):
                return _Input(card, int(str(options["frames_per_buffer"])), callback)
            return _Output(card)

        def terminate(self) -> None:
            pass

    module = types.ModuleType("pyaudio")
    vars(module).update(PyAudio=PyAudio, paInt16=8, paContinue=0)
    sys.modules["pyaudio"] = module


# ---- for ours ----


class CardPath:
    """Implements `ports.AudioPath` on a card."""

    rate = RATE
    period = 0.02

    def __init__(self, card: Card) -> None:
        self._card = card
        self._free = 0.0
        self._read_to = time.monotonic()

    def read(self) -> PCM:
        due = int((time.monotonic() - self._read_to) * RATE)
        self._read_to += due / RATE
        return np.zeros(0 if self._card.is_silent() else due, np.int16)

    def write(self, pcm: PCM) -> None:
        self._free = max(self._free, time.monotonic()) + len(pcm) / RATE
        self._card.seconds += len(pcm) / RATE
        self._card.until = self._free

    def queued(self) -> float:
        return max(0.0, self._free - time.monotonic())

    def flush(self) -> float:
        dropped = self.queued()
        self._free -= dropped
        self._card.seconds -= dropped
        self._card.until = self._free
        return dropped
