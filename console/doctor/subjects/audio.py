"""The sound: PortAudio, the sound server, the two virtual devices, and what comes through them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np

from ...audio import portaudio
from ...audio.devices import DeviceAudio
from ...audio.portaudio import Device
from ...core.events import CallId, Event
from ...core.finding import Finding, problem, warning
from ...phone import baresip_program
from ...ports import PCM, AudioError, AudioPath, PhoneError
from ...settings import Settings
from ..checking import Context, Result, check
from ..wording import halves
from .control import is_held

TONE_HZ = 1000.0
_PLAY_SECONDS, _LISTEN_SECONDS = 0.5, 1.2
_PEAK = 1000.0  # -30 dBFS: heard by us, no shock for anybody else
_LIST = "Correct it in .env; call-console devices lists what there is."


@check("audio", seconds=25.0)
async def look(context: Context) -> Result:
    try:
        await asyncio.to_thread(portaudio.sounddevice)
    except AudioError as error:
        return Result((_without_portaudio(context, error),))
    settings = context.settings
    findings = list(await asyncio.to_thread(_ear, settings))
    if not context.external:
        return Result(tuple(findings), ("in memory, no devices needed",))
    if found := await asyncio.to_thread(_named, settings):
        return Result((*findings, *found))
    paths = DeviceAudio(settings.audio_input, settings.audio_output, settings.ear_output)
    try:
        await paths.start(_ignore)
    except AudioError as error:
        return Result((*findings, problem("audio.server", *halves(str(error), _LIST))))
    try:
        heard = await _through(context, paths)
    finally:
        await paths.stop()
    return Result((*findings, *heard.findings), heard.facts, heard.unknown)


def _ignore(event: Event) -> None:
    """What happens to devices meanwhile is told by what does not work."""


def _without_portaudio(context: Context, error: AudioError) -> Finding:
    what, remedy = halves(str(error), "Install PortAudio.")
    if context.external:
        return problem("audio.portaudio", what, remedy)
    return warning("audio.portaudio", f"{what[:-1]}: you cannot listen in.", remedy)


def _ear(settings: Settings) -> Iterator[Finding]:
    if settings.ear_output:
        try:
            portaudio.find(settings.ear_output, "EAR_OUTPUT", output=True)
        except AudioError as error:
            yield warning("audio.ear", str(error), _LIST)


def _named(settings: Settings) -> list[Finding]:
    """Devices that the settings name: those that are missing, else those of an unfit rate."""
    wanted = (("AUDIO_INPUT", settings.audio_input, False), ("AUDIO_OUTPUT", settings.audio_output, True))
    missing, unfit = [], []
    for setting, name, output in wanted:
        if not name:
            continue
        try:
            device = portaudio.find(name, setting, output=output)
        except AudioError as error:
            missing.append(problem("audio.missing", str(error), _LIST))
            continue
        unfit += rate_finding(setting, device, portaudio.usable_rate(device, output=output))
    return missing or unfit


def rate_finding(setting: str, device: Device, rate: int) -> list[Finding]:
    """`rate`: the best that the device takes, in Hz."""
    if rate in (16_000, 48_000):
        return []
    return [
        warning(
            "audio.rate",
            f"{setting}={device.name} runs at {rate} Hz only: sound is converted once more, or muffled.",
            "Set the device to 16000 or 48000 Hz.",
        )
    ]


async def _through(context: Context, paths: DeviceAudio) -> Result:
    """What can be told once the devices are there."""
    findings = await _for_baresip(context, paths)
    if context.settings.audio_input and (context.held_by or (context.joins and is_held(context))):
        return Result(
            tuple(findings), unknown=("The devices may be in use: nothing was played through them.",)
        )
    call = CallId("doctor")
    try:
        path = await paths.open(call)
    except AudioError as error:
        return Result((*findings, problem("audio.open", *halves(str(error), _LIST))))
    try:
        looped = tone_in(await _play_and_listen(path), path.rate)
    finally:
        await paths.close(call)
    if looped:
        findings.append(
            problem(
                "audio.loop",
                "What is played to AUDIO_OUTPUT comes back on AUDIO_INPUT: the AI would hear itself.",
                "Name two devices that are not connected, and end what connects them (module-loopback).",
            )
        )
    return Result(tuple(findings), (f"devices open at {path.rate} Hz, and apart",))


async def _for_baresip(context: Context, paths: DeviceAudio) -> list[Finding]:
    """Whether the Baresip that we start can be pointed at the devices."""
    if context.joins:
        return []
    try:
        program = await baresip_program.inspect(context.settings.baresip_bin)
    except PhoneError:
        return []
    try:
        paths.baresip_side(program.modules)
    except PhoneError as error:
        return [
            problem("audio.other-end", *halves(str(error), "Install the module pulse or alsa for Baresip."))
        ]
    return []


async def _play_and_listen(path: AudioPath) -> PCM:
    """Play a tone as the AI would, and record what comes as if from the callee."""
    loop = asyncio.get_running_loop()
    heard: list[PCM] = []
    frame = path.rate // 50
    played, began = 0, loop.time()
    while loop.time() - began < _LISTEN_SECONDS:
        while played < _PLAY_SECONDS * path.rate and path.queued() < 0.06:
            path.write(_tone(played, frame, path.rate))
            played += frame
        heard.append(path.read())
        await asyncio.sleep(0.01)
    return np.concatenate(heard)


def _tone(start: int, samples: int, rate: int) -> PCM:
    n = np.arange(start, start + samples)
    return (_PEAK * np.sin(2 * np.pi * TONE_HZ * n / rate)).astype(np.int16)


def tone_in(pcm: PCM, rate: int) -> bool:
    """Whether our tone is in there: its part of the power in some tenth of a second."""
    size = rate // 10
    for start in range(0, len(pcm) - size + 1, size // 2):
        block = pcm[start : start + size].astype(np.float64)
        power = np.square(np.abs(np.fft.rfft(block * np.hanning(size))))
        near = np.abs(np.fft.rfftfreq(size, 1 / rate) - TONE_HZ) < 40
        if np.sqrt(np.mean(np.square(block))) > _PEAK / 50 and power[near].sum() > 0.7 * power.sum():
            return True
    return False
