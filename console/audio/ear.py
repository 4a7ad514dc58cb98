"""The operator's ear: both sides of the call on the operator's own device."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from ..core.events import EarChanged
from ..core.text import clean
from ..core.words import foreign_parts, phrase
from ..ports import PCM, AudioError, Emit
from . import portaudio
from .pcm import FRAMES_PER_SECOND, mix
from .resample import StreamResampler
from .streams import PlaybackStream

NO_OUTPUT = phrase("There is no sound output to listen on; plug one in or set EAR_OUTPUT.")
_CUSHION_SECONDS = 0.06
_MOST_SECONDS = 0.2


class Ear:
    """A loudspeaker: the PortAudio output `name`, else the system's default, unless its name starts with
    `but_not` (our own virtual devices: listening there would send the call back into itself)."""

    def __init__(self, name: str = "", but_not: str = "") -> None:
        self._name = name
        self._but_not = but_not
        self._stream: PlaybackStream | None = None
        self._sides = (bytearray(), bytearray())
        self._resampler: StreamResampler | None = None

    def open(self) -> None:
        """Blocks; `AudioError`."""
        device = portaudio.find(self._name, "EAR_OUTPUT", output=True) if self._name else None
        device = device or portaudio.default_output(self._but_not)
        if device is None:
            raise AudioError(NO_OUTPUT)
        stream = PlaybackStream(device, portaudio.usable_rate(device, output=True))
        stream.open()
        self._stream = stream

    def hear(self, callee: PCM, agent: PCM, rate: int) -> None:
        """20 ms of each side on average, in blocks of any length. Never blocks; `AudioError` once the device
        is gone."""
        stream = self._stream
        if stream is None:
            return
        stream.check()
        mixed = mix(self._side(0, callee, rate), self._side(1, agent, rate))
        queued = stream.queued()
        if not len(mixed) or queued > _MOST_SECONDS:
            return  # nobody speaks, or our clock runs ahead of the device's
        if queued <= 0.0:
            stream.write(np.zeros(round(_CUSHION_SECONDS * stream.rate), np.int16))
        stream.write(self._at(mixed, rate, stream.rate))

    def close(self) -> None:
        """Blocks for some milliseconds."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def abandon(self) -> None:
        """Close without waiting for the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.leave()

    def _side(self, side: int, pcm: PCM, rate: int) -> PCM:
        """The next 20 ms of one side, or nothing yet; a backlog from a burst is cut short."""
        waiting = self._sides[side]
        waiting += pcm.tobytes()
        frame = 2 * (rate // FRAMES_PER_SECOND)
        most = 2 * round(rate * _MOST_SECONDS)
        if len(waiting) > most:
            del waiting[: len(waiting) - most]
        size = frame if len(waiting) >= frame else 0
        taken = np.frombuffer(bytes(waiting[:size]), np.int16)
        del waiting[:size]
        return taken

    def _at(self, pcm: PCM, rate: int, wanted: int) -> PCM:
        if self._resampler is None or (self._resampler.source, self._resampler.target) != (rate, wanted):
            self._resampler = StreamResampler(rate, wanted)
        return self._resampler.process(pcm)


class EarSwitch:
    """Opens and closes the ear without ever holding up the loop; every outcome is an `EarChanged`. `allow` is
    awaited before opening and raises `AudioError` when there is nothing to listen on."""

    def __init__(self, make: Callable[[], Ear], allow: Callable[[], Awaitable[None]] | None = None) -> None:
        self._make = make
        self._allow = allow
        self._ear: Ear | None = None
        self._wanted = False
        self._turning: asyncio.Task[None] | None = None
        self._emit: Emit = lambda event: None

    def start(self, emit: Emit) -> None:
        self._emit = emit

    def listen(self, on: bool) -> None:
        """On or off; the newest wish counts, also while a device is still being opened."""
        self._wanted = on
        if self._turning is None or self._turning.done():
            self._turning = asyncio.create_task(self._turn())

    def hear(self, callee: PCM, agent: PCM, rate: int) -> None:
        """For `ports.AudioPaths.hear`; returns at once when the ear is off."""
        if self._ear is None:
            return
        try:
            self._ear.hear(callee, agent, rate)
        except AudioError as error:
            self._fail(error)

    async def stop(self) -> None:
        """Off, without a report."""
        self._wanted = False
        self._emit = lambda event: None
        if self._turning is not None:
            await asyncio.wait({self._turning})
        await self._close()

    async def _turn(self) -> None:
        while True:
            wanted = self._wanted
            if wanted and self._ear is None:
                if not await self._open():
                    return
            elif not wanted:
                await self._close()
            if wanted == self._wanted:
                self._emit(EarChanged(wanted))
                return

    async def _open(self) -> bool:
        ear = self._make()
        try:
            if self._allow is not None:
                await self._allow()
            await asyncio.to_thread(ear.open)
        except AudioError as error:
            self._fail(error)
            return False
        self._ear = ear
        return True

    async def _close(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            await asyncio.to_thread(ear.close)

    def _fail(self, error: AudioError) -> None:
        ear, self._ear = self._ear, None
        self._wanted = False
        if ear is not None:
            ear.abandon()
        self._emit(EarChanged(False, foreign_parts(str(error), clean)))
