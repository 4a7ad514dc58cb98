"""The sound of embedded calls: PCM in memory, straight from and to the SIP stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from ..audio.resample import StreamResampler
from ..core.events import AudioStarted, CallId, EarChanged
from ..core.words import phrase
from ..ports import PCM, AudioPath, Emit

if TYPE_CHECKING:
    from baresip import AudioInfo, Call, CallAudio

T = TypeVar("T")

PACKET_SECONDS = 0.02
"""Far ends send a packet every 20 ms, nearly all of them; one that does not is only heard some ms later."""

_MOST = 8192
"""Bytes asked for in one read: the stack is read again while there is more."""

_SAMPLE = 2
_NOTHING: PCM = np.zeros(0, np.int16)
_MEMORY = phrase("memory")


class MemoryPath:
    """Implements `ports.AudioPath`. Before the streams are up, and after their end, it is silent: reads are
    empty and writes are dropped. A stereo codec is mixed down and fed twice the same. `rate` is that of what
    is sent; a far end that uses another codec than we do is resampled to it."""

    def __init__(self, call: CallId, emit: Emit) -> None:
        self._call, self._emit = call, emit
        self._audio: CallAudio | None = None
        self._gone: tuple[type[Exception], ...] = ()
        self._info: AudioInfo | None = None
        self._resampler = StreamResampler(8000, 8000)
        self._rate = 8000
        self._lost = 0
        self._announced = False

    def bind(self, native: Call) -> None:
        """The call of the stack is known."""
        from baresip import AudioNotActive, AudioRestarted

        self._audio, self._gone = native.audio, (AudioNotActive, AudioRestarted)

    @property
    def rate(self) -> int:
        return self._rate

    @property
    def period(self) -> float:
        return PACKET_SECONDS

    def read(self) -> PCM:
        pcm = self._try(self._read)
        return pcm if pcm is not None else _NOTHING

    def write(self, pcm: PCM) -> None:
        if len(pcm):
            self._try(lambda audio, info: self._write(audio, info, pcm))

    def queued(self) -> float:
        return self._try(lambda audio, _: _pending(audio)) or 0.0

    def flush(self) -> float:
        return self._try(_flush) or 0.0

    def take_lost(self) -> float:
        """Milliseconds of what the callee said that were lost since the last call because nobody read."""
        return self._try(self._take_lost) or 0.0

    def _try(self, work: Callable[[CallAudio, AudioInfo], T]) -> T | None:
        """Do this with the streams of the moment; None when there are none, or when they have just been
        replaced (a renegotiation: the next operation meets the new ones)."""
        if self._audio is None:
            return None
        try:
            return work(self._audio, self._info or self._meet(self._audio))
        except self._gone:
            self._info = None
            return None

    def _meet(self, audio: CallAudio) -> AudioInfo:
        info = audio.info()
        if not (info.tx_ready and info.rx_ready):
            return info  # one direction is still being set up: ask again next time
        self._info, self._rate, self._lost = info, info.tx_sample_rate, 0
        self._resampler = StreamResampler(info.rx_sample_rate, info.tx_sample_rate)
        if not self._announced:
            self._announced = True
            self._emit(AudioStarted(self._call, _MEMORY, _MEMORY, self._rate))
        return info

    def _read(self, audio: CallAudio, info: AudioInfo) -> PCM:
        if not info.rx_ready:
            return _NOTHING
        data = part = audio.read(_MOST)
        while len(part) == _MOST:
            part = audio.read(_MOST)
            data += part
        if not data:
            return _NOTHING
        samples = np.frombuffer(data, np.int16)
        if info.rx_channels > 1:
            mixed = samples.reshape(-1, info.rx_channels).mean(axis=1)
            samples = mixed.round().astype(np.int16)
        return self._resampler.process(samples)

    def _write(self, audio: CallAudio, info: AudioInfo, pcm: PCM) -> None:
        if info.tx_ready:
            data = np.repeat(pcm, info.tx_channels) if info.tx_channels > 1 else pcm
            audio.write(np.ascontiguousarray(data, np.int16).tobytes())

    def _take_lost(self, audio: CallAudio, info: AudioInfo) -> float:
        stats = audio.stats()
        total = stats.rx_discarded_bytes + stats.rx_dropped_bytes
        lost, self._lost = int(total - self._lost), int(total)
        return 1000.0 * lost / _bytes_per_second(info.rx_sample_rate, info.rx_channels)


def _bytes_per_second(rate: int, channels: int) -> int:
    return max(1, rate) * max(1, channels) * _SAMPLE


def _pending(audio: CallAudio) -> float:
    info = audio.info()
    return float(info.tx_buffered / _bytes_per_second(info.tx_sample_rate, info.tx_channels))


def _flush(audio: CallAudio, _: AudioInfo) -> float:
    pending = _pending(audio)
    if pending:
        audio.flush_tx()
    return pending


class Ear(Protocol):
    """The operator's own loudspeaker, as `audio.ear.EarSwitch`; every outcome is an `EarChanged`."""

    def start(self, emit: Emit) -> None: ...

    def listen(self, on: bool) -> None: ...

    def hear(self, callee: PCM, agent: PCM, rate: int) -> None: ...

    async def stop(self) -> None: ...


class MemoryPaths:
    """Implements `ports.AudioPaths` for the embedded phone, which tells it the stack's calls by `bind`.

    `make_ear` is called when the ear is first switched on: nothing of a sound library is imported before.
    """

    def __init__(self, make_ear: Callable[[], Ear] | None = None) -> None:
        self._make_ear = make_ear
        self._ear: Ear | None = None
        self._emit: Emit = lambda event: None
        self._paths: dict[CallId, MemoryPath] = {}
        self._natives: dict[CallId, Call] = {}

    async def start(self, emit: Emit) -> None:
        self._emit = emit

    async def stop(self) -> None:
        self._paths.clear()
        ear, self._ear = self._ear, None
        if ear is not None:
            await ear.stop()

    async def open(self, call: CallId) -> AudioPath:
        """Ready at once; `AudioStarted` follows when the first media is up and the rate is known."""
        path = self._paths[call] = MemoryPath(call, self._emit)
        if call in self._natives:
            path.bind(self._natives[call])
        return path

    async def close(self, call: CallId) -> None:
        self._paths.pop(call, None)

    def bind(self, call: CallId, native: Call | None) -> None:
        """The stack has this call now; None: no more."""
        if native is None:
            self._natives.pop(call, None)
            return
        self._natives[call] = native
        if path := self._paths.get(call):
            path.bind(native)

    def listen(self, on: bool) -> None:
        if self._ear is None and on and self._make_ear is not None:
            self._ear = self._make_ear()
            self._ear.start(self._emit)
        if self._ear is not None:
            self._ear.listen(on)
        else:
            self._emit(EarChanged(False, phrase("There is no sound output to listen on.") if on else ""))

    def hear(self, callee: PCM, agent: PCM, rate: int) -> None:
        if self._ear is not None:
            self._ear.hear(callee, agent, rate)
