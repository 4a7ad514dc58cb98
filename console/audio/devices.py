"""The external engine's audio: PortAudio streams on two virtual devices of our own, or on devices that the
operator names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path

from ..core.events import AudioDevicesRenewed, AudioStarted, CallId
from ..core.words import phrase
from ..phone.baresip_config import BaresipAudio
from ..ports import PCM, AudioError, AudioPath, Emit, PhoneError
from . import alsa_config, portaudio
from .alsa_config import PulsePcm
from .ear import NO_OUTPUT, Ear, EarSwitch
from .portaudio import Device
from .pulse import PREFIX, SoundServer
from .run_folder import make_run_folder
from .streams import BLOCK_SECONDS, CaptureStream, PlaybackStream

OWN_DEVICES = "virtual devices of the console"


class DevicePath:
    """Implements `ports.AudioPath` on a pair of open streams, and `take_lost` for the bridge.
    Once a device has failed, `read` raises `AudioError`."""

    def __init__(self, capture: CaptureStream, playback: PlaybackStream) -> None:
        self._capture = capture
        self._playback = playback

    @property
    def rate(self) -> int:
        return self._playback.rate

    @property
    def period(self) -> float:
        return self._capture.period

    def read(self) -> PCM:
        self._capture.check()
        self._playback.check()
        return self._capture.take()

    def write(self, pcm: PCM) -> None:
        self._playback.write(pcm)

    def queued(self) -> float:
        return self._playback.queued()

    def flush(self) -> float:
        return self._playback.flush()

    @property
    def failed(self) -> bool:
        return bool(self._capture.error or self._playback.error)

    def take_lost(self) -> float:
        """Milliseconds of callee audio that the device lost since the last call."""
        return self._capture.take_lost()

    def close(self) -> None:
        """Blocks, normally for some milliseconds."""
        self._capture.leave()
        self._playback.close()
        self._capture.close()


class DeviceAudio:
    """Implements `ports.AudioPaths`. `input_name`, `output_name`, `ear_name`: as in AUDIO_INPUT, AUDIO_OUTPUT
    and EAR_OUTPUT; the first two both empty: our own virtual devices (Linux). `period`: seconds that the
    devices move at once.

    After `start`, `baresip_side` says where Baresip has to play and record.
    """

    def __init__(
        self, input_name: str = "", output_name: str = "", ear_name: str = "", period: float = BLOCK_SECONDS
    ) -> None:
        self._names = (input_name, output_name)
        self._period = period
        self._folder: Path | None = None
        self._server: SoundServer | None = None
        self._environ_before: dict[str, str | None] = {}
        self._pcms: dict[str, str] = {}
        self._emit: Emit = lambda event: None
        self._paths: dict[CallId, DevicePath] = {}
        self._changing = asyncio.Lock()
        self._lasting = False  # Baresip's connection to the sound server, which it would renew too late
        self._ear_name = ear_name
        self._ear = EarSwitch(lambda: Ear(ear_name, PREFIX), self._allow_ear)

    async def start(self, emit: Emit) -> None:
        """Make or find the devices; raises `AudioError`. Ends every PortAudio stream of this process."""
        self._emit = emit
        self._ear.start(emit)
        check_names(*self._names)
        try:
            if not any(self._names):
                await self._make_devices()
            await asyncio.to_thread(portaudio.refresh)
            await asyncio.to_thread(self._find_both)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every stream and remove everything that `start` made."""
        await self._ear.stop()
        for call in list(self._paths):
            await self.close(call)
        if self._server is not None:
            await self._server.stop()
            self._server = None
            self._restore_environment()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def open(self, call: CallId) -> AudioPath:
        """Open both streams and emit `AudioStarted`; raises `AudioError`. Takes some ten milliseconds, nearly
        all of it to ask the sound server whether our devices still exist."""
        async with self._changing:
            if self._server is not None:
                await self._server.ensure()
            path, source, sink = await asyncio.to_thread(self._open_streams)
            self._paths[call] = path
        shown = (OWN_DEVICES, OWN_DEVICES) if self._server is not None else (source.name, sink.name)
        self._emit(AudioStarted(call, *shown, path.rate))
        return path

    async def close(self, call: CallId) -> None:
        path = self._paths.pop(call, None)
        if path is None:
            return
        await asyncio.to_thread(path.close)
        if path.failed and self._server is not None:
            # Now, not with the next call: Baresip opens its side the moment that one is answered.
            with contextlib.suppress(AudioError):
                async with self._changing:
                    await self._server.ensure()
                if self._lasting:
                    self._emit(AudioDevicesRenewed())

    def listen(self, on: bool) -> None:
        self._ear.listen(on)

    def hear(self, callee: PCM, agent: PCM, rate: int) -> None:
        self._ear.hear(callee, agent, rate)

    def baresip_side(self, modules: frozenset[str]) -> BaresipAudio:
        """Where Baresip plays the callee and records the agent, given its installed modules (this is an
        `AudioChoice`); raises `PhoneError`."""
        if self._server is None:
            return _same_devices(modules, *self._names)
        environment = dict(self._server.environment)
        sinks = self._server.sinks
        self._lasting = "pulse" in modules
        if self._lasting:
            return BaresipAudio(f"pulse,{sinks.callee}", f"pulse,{sinks.agent}.monitor", environment)
        if "alsa" in modules:
            environment[alsa_config.ENVIRONMENT] = os.environ[alsa_config.ENVIRONMENT]
            return BaresipAudio(f"alsa,{self._pcms['player']}", f"alsa,{self._pcms['source']}", environment)
        raise PhoneError(
            phrase("Baresip has neither a pulse nor an alsa module; install one (Debian: baresip-core).")
        )

    async def _allow_ear(self) -> None:
        server = self._server
        if (
            not self._ear_name
            and server is not None
            and not server.address
            and await server.default_is_ours()
        ):
            raise AudioError(NO_OUTPUT)

    async def _make_devices(self) -> None:
        if sys.platform != "linux":
            raise AudioError(
                phrase(
                    "Set AUDIO_INPUT and AUDIO_OUTPUT to two virtual audio devices; the README says what to "
                    "install."
                )
            )
        self._folder = await asyncio.to_thread(make_run_folder)
        self._server = SoundServer(self._folder)
        await self._server.start()
        sinks = self._server.sinks
        self._pcms = {
            "input": sinks.callee,
            "output": sinks.agent,
            "player": f"{sinks.callee}_player",
            "source": f"{sinks.agent}_source",
        }
        pcms = (
            PulsePcm(self._pcms["input"], f"{sinks.callee}.monitor", "Call Console, from the phone"),
            PulsePcm(self._pcms["output"], sinks.agent, "Call Console, to the phone"),
            PulsePcm(self._pcms["player"], sinks.callee),
            PulsePcm(self._pcms["source"], f"{sinks.agent}.monitor"),
        )
        file = self._folder / "asound.conf"
        file.write_text(alsa_config.config_text(pcms, self._server.address))
        # not PULSE_SERVER: the system's default output, on which the ear plays, is not on a private server
        environment = {**self._server.environment, alsa_config.ENVIRONMENT: str(file)}
        environment.pop("PULSE_SERVER", None)
        self._environ_before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)

    def _restore_environment(self) -> None:
        for name, value in self._environ_before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _find_both(self) -> tuple[Device, Device]:
        if self._server is not None and self._pcms["output"] not in {d.name for d in portaudio.devices()}:
            raise AudioError(
                phrase(
                    "ALSA has no PulseAudio plugin: install it (Debian: sudo apt install libasound2-plugins)."
                )
            )
        input_name, output_name = (
            self._names
            if self._server is None
            else (
                self._pcms["input"],
                self._pcms["output"],
            )
        )
        return (
            portaudio.find(input_name, "AUDIO_INPUT", output=False),
            portaudio.find(output_name, "AUDIO_OUTPUT", output=True),
        )

    def _open_streams(self) -> tuple[DevicePath, Device, Device]:
        source, sink = self._find_both()
        rate = portaudio.usable_rate(sink, output=True)
        playback = PlaybackStream(sink, rate, self._period)
        capture = CaptureStream(source, rate, self._period)
        playback.open()
        try:
            capture.open()
        except AudioError:
            playback.close()
            raise
        return DevicePath(capture, playback), source, sink


def check_names(input_name: str, output_name: str) -> None:
    """`AudioError` unless both or none are given."""
    if bool(input_name) != bool(output_name):
        missing = "AUDIO_OUTPUT" if input_name else "AUDIO_INPUT"
        raise AudioError(phrase("Set {missing} too, or neither it nor the other one.", missing=missing))


def _same_devices(modules: frozenset[str], input_name: str, output_name: str) -> BaresipAudio:
    """Loopback devices have one name for both ends."""
    for driver in ("coreaudio", "portaudio"):
        if driver in modules:
            return BaresipAudio(f"{driver},{input_name}", f"{driver},{output_name}")
    raise PhoneError(
        phrase(
            "AUDIO_INPUT and AUDIO_OUTPUT name devices of yours, and this Baresip cannot be pointed at "
            "them: leave both empty, or start Baresip yourself and set BARESIP_START=no."
        )
    )
