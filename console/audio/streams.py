"""One PortAudio stream each way, mono int16, each with a thread that does nothing but move blocks.

Blocking streams, not callbacks: a PortAudio output callback must always fill the device's whole buffer, with
silence when there is nothing, so that every word waits behind 60 to 120 ms of it; and a callback needs the
interpreter lock just as much as a thread does. A thread that writes keeps the buffer deep while somebody
speaks (a stall of the interpreter is then not heard), shallow otherwise, and knows how much lies ahead.
Measured on null sinks of PulseAudio 16: 40 ms from write to read; stalls of 50 ms, four a second, gave no
gap; stalls of 250 ms lost nothing of the capture.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import numpy as np

from ..core.text import clean
from ..core.words import phrase
from ..ports import PCM, AudioError
from . import portaudio
from .portaudio import Device

BLOCK_SECONDS = 0.01
"""How much a device moves at once."""

_CAPTURE_SECONDS = 0.5  # the device's buffer: no stall below this loses anything
_CAPTURE_KEPT_SECONDS = 5.0
_PLAYBACK_SECONDS = 0.16
_AHEAD_SECONDS = 0.08  # in the device's buffer; what is more can still be recalled
_IDLE_SECONDS = 0.03  # of silence, so that the stream never stops
_OPEN_LIMIT = 5.0
_CLOSE_LIMIT = 0.3
_STALL_LIMIT = 2.0


class _Stream(ABC):
    """A device and its thread, which moves `period` seconds at once. `error`: one sentence once it has
    failed."""

    def __init__(self, device: Device, rate: int, period: float = BLOCK_SECONDS) -> None:
        self.device = device
        self.rate = rate
        self.period = period
        self.error = ""
        self._opened = threading.Event()
        self._closing = False
        self._moved_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"audio {device.name}", daemon=True)

    def open(self) -> None:
        """Blocks until the stream runs; `AudioError`."""
        self._thread.start()
        opened = self._opened.wait(_OPEN_LIMIT)
        if not opened:
            self._closing = True
            self.error = phrase(
                "The audio device {name} does not open; is the sound server well?",
                name=clean(self.device.name, 60),
            )
        if self.error:
            raise AudioError(self.error)

    def close(self) -> None:
        """Blocks at most 0.3 s; a thread that hangs in a dead sound server is left behind."""
        self.leave()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_LIMIT)

    def leave(self) -> None:
        """Let the thread close the device when it gets to it."""
        self._closing = True

    def check(self) -> None:
        """`AudioError` when the device has failed or does not move any more."""
        if not self.error and time.monotonic() - self._moved_at > _STALL_LIMIT:
            self.error = _gone(self.device)
        if self.error:
            raise AudioError(self.error)

    def _run(self) -> None:
        stream = None
        try:
            with portaudio.alone(), self._latency():
                stream = self._make(portaudio.sounddevice())
                stream.start()
            self._moved_at = time.monotonic()
            self._opened.set()
            self._move(stream)
        except AudioError as error:
            self.error = str(error)
        except Exception:  # PortAudio's own words say less than this
            self.error = _gone(self.device)
        finally:
            self._opened.set()
            if stream is not None:
                with suppress(AudioError), portaudio.alone():
                    stream.close(ignore_errors=True)

    def _latency(self) -> AbstractContextManager[None]:
        return nullcontext()

    @abstractmethod
    def _make(self, library: Any) -> Any: ...

    @abstractmethod
    def _move(self, stream: Any) -> None:
        """Move blocks until `_closing`."""


class CaptureStream(_Stream):
    """What the callee says: `take()` gives all that came since the last time."""

    def __init__(self, device: Device, rate: int, period: float = BLOCK_SECONDS) -> None:
        super().__init__(device, rate, period)
        blocks = round(_CAPTURE_KEPT_SECONDS / self.period)
        self._blocks: deque[PCM] = deque(maxlen=blocks)
        self._lost = 0.0
        self._lost_taken = 0.0

    def take(self) -> PCM:
        taken = []
        while self._blocks:
            taken.append(self._blocks.popleft())
        return np.concatenate(taken) if taken else np.zeros(0, np.int16)

    def take_lost(self) -> float:
        """Milliseconds that the device or we had no room for, since the last call."""
        lost = self._lost
        new, self._lost_taken = lost - self._lost_taken, lost
        return new

    def _latency(self) -> AbstractContextManager[None]:
        return portaudio.pulse_latency(self.period)

    def _make(self, library: Any) -> Any:
        portaudio.set_periods(round(_CAPTURE_SECONDS / self.period))
        return library.RawInputStream(
            samplerate=self.rate,
            device=self.device.index,
            channels=1,
            dtype="int16",
            latency=_CAPTURE_SECONDS,
        )

    def _move(self, stream: Any) -> None:
        block = round(self.rate * self.period)
        while not self._closing:
            data, overflowed = stream.read(block)
            now = time.monotonic()
            if overflowed:
                self._lost += max(0.0, now - self._moved_at - self.period) * 1000.0
            if len(self._blocks) == self._blocks.maxlen:
                self._lost += self.period * 1000.0
            self._moved_at = now
            self._blocks.append(np.frombuffer(bytes(data), np.int16))


class PlaybackStream(_Stream):
    """Toward the phone. Counters are samples; each is written by one thread only."""

    def __init__(self, device: Device, rate: int, period: float = BLOCK_SECONDS) -> None:
        super().__init__(device, rate, period)
        self._waiting: deque[PCM] = deque()
        self._given = 0  # by write(), less what flush() took back
        self._wake = threading.Event()
        # (when, samples taken of those given, samples of them that the device still held then)
        self._progress = (0.0, 0, 0)

    def write(self, pcm: PCM) -> None:
        """Never blocks."""
        self._given += len(pcm)
        self._waiting.append(pcm)
        self._wake.set()

    def queued(self) -> float:
        """Seconds of what was given that the sound server has not taken yet."""
        at, taken, held = self._progress
        left = max(0.0, held / self.rate - (time.monotonic() - at))
        return (self._given - taken) / self.rate + left

    def flush(self) -> float:
        """Take back what is not in the device's buffer yet; returns its seconds."""
        recalled = 0
        while True:
            try:
                recalled += len(self._waiting.popleft())
            except IndexError:
                break
        self._given -= recalled
        return recalled / self.rate

    def _make(self, library: Any) -> Any:
        portaudio.set_periods(round(_PLAYBACK_SECONDS / self.period))
        return library.RawOutputStream(
            samplerate=self.rate,
            device=self.device.index,
            channels=1,
            dtype="int16",
            latency=_PLAYBACK_SECONDS,
        )

    def _move(self, stream: Any) -> None:
        silence = bytes(2 * round(self.rate * self.period))
        most, least = round(self.rate * _AHEAD_SECONDS), round(self.rate * _IDLE_SECONDS)
        capacity = stream.write_available
        written = taken = voice_end = 0
        dry_at = time.monotonic()
        while not self._closing:
            available = stream.write_available
            capacity = max(capacity, available)
            held = capacity - available
            now = time.monotonic()
            # after running dry the device counts silence of its own as held
            left = max(0, voice_end - (written - held)) if now < dry_at else 0
            self._progress = (now, taken, left)
            block = self._next() if held < most else None
            if block is not None:
                stream.write(block.tobytes())
                dry_at = max(dry_at, now) + len(block) / self.rate
                written += len(block)
                taken += len(block)
                voice_end = written
            elif held < least:
                stream.write(silence)
                written += len(silence) // 2
                dry_at = max(dry_at, now) + self.period
            else:
                self._wake.wait(self.period / 2)
                self._wake.clear()
            self._moved_at = time.monotonic()

    def _next(self) -> PCM | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None


def _gone(device: Device) -> str:
    return phrase(
        "The audio device {name} is gone or does not answer; is the sound server running?",
        name=clean(device.name, 60),
    )
