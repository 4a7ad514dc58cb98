"""The sound: PortAudio, the sound server, the two virtual devices, and what comes through them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ...audio import portaudio
from ...audio.devices import DeviceAudio
from ...audio.portaudio import Device
from ...core.events import CallId, Event
from ...core.finding import Finding, problem, warning
from ...core.words import bare, phrase
from ...phone import baresip_program
from ...ports import AudioError, AudioPath, PhoneError
from ...settings.loading import Settings
from .. import far_end, running_baresip, tone
from ..checking import Context, Result, check
from ..wording import halves
from .control import is_held

_LIST = phrase("Correct it in .env; call-console devices lists what there is.")
_LOOP = problem(
    "audio.loop",
    phrase("What is played to AUDIO_OUTPUT comes back on AUDIO_INPUT: the AI would hear itself."),
    phrase("Name two devices that are not connected, and end what connects them (module-loopback)."),
)


@check("audio", seconds=25.0)
async def look(context: Context) -> Result:
    try:
        await asyncio.to_thread(portaudio.sounddevice)
    except AudioError as error:
        return Result((_without_portaudio(context, error),))
    settings = context.settings
    findings = list(await asyncio.to_thread(_ear, settings))
    if not context.external:
        return Result(tuple(findings), (phrase("in memory, no devices needed"),))
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
    what, remedy = halves(str(error), phrase("Install PortAudio."))
    if context.external:
        return problem("audio.portaudio", what, remedy)
    return warning("audio.portaudio", phrase("{what}: you cannot listen in.", what=bare(what)), remedy)


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
            phrase(
                "{setting}={name} runs at {rate} Hz only: sound is converted once more, or muffled.",
                setting=setting,
                name=device.name,
                rate=rate,
            ),
            phrase("Set the device to 16000 or 48000 Hz."),
        )
    ]


async def _through(context: Context, paths: DeviceAudio) -> Result:
    """What can be told once the devices are there."""
    findings = await _for_baresip(context, paths)
    if context.settings.audio_input and (context.held_by or (context.joins and is_held(context))):
        return Result(
            tuple(findings), unknown=(phrase("The devices may be in use: nothing was played through them."),)
        )
    call = CallId("doctor")
    try:
        path = await paths.open(call)
    except AudioError as error:
        return Result((*findings, problem("audio.open", *halves(str(error), _LIST))))
    try:
        if await tone.comes_back(path):
            findings.append(_LOOP)
        ends = await _far_end(context, path)
    finally:
        await paths.close(call)
    return Result(
        (*findings, *ends.findings),
        (phrase("devices open at {rate} Hz, and apart", rate=path.rate),),
        ends.unknown,
    )


async def _far_end(context: Context, path: AudioPath) -> Result:
    """Whether the Baresip that is joined is at the other end of both devices."""
    ctrl = context.settings.baresip_ctrl
    running = running_baresip.find(ctrl.port, context.proc) if context.joins and ctrl else None
    if running is None:
        return Result()
    settings = context.settings
    ends = (
        ("AUDIO_INPUT", settings.audio_input, "audio_player", far_end.reaches_us),
        ("AUDIO_OUTPUT", settings.audio_output, "audio_source", far_end.reaches_them),
    )
    findings, unknown = [_narrow(*found) for found in await far_end.narrow_devices(running)], []
    for setting, ours, key, reaches in ends:
        try:
            connected = await reaches(path, running)
        except far_end.CannotTry as error:
            unknown.append(str(error))
            continue
        if not connected:
            theirs = running.config.get(key, "")
            findings.append(
                problem(
                    "audio.other-end",
                    phrase(
                        "Nobody is at the other end of {setting}={ours}: Baresip has {theirs} as its {key}.",
                        setting=setting,
                        ours=ours,
                        theirs=theirs,
                        key=key,
                    ),
                    phrase(
                        "Name two ends of one device in {setting} and in {key} of {file}.",
                        setting=setting,
                        key=key,
                        file=running.folder / "config",
                    ),
                )
            )
    return Result(tuple(findings), unknown=tuple(unknown))


def _narrow(name: str, rate: int) -> Finding:
    return warning(
        "audio.rate",
        phrase("The device {name} carries {rate} Hz only: the AI's voice is muffled.", name=name, rate=rate),
        phrase("Make it with 16000 or 48000 Hz (PulseAudio: rate=16000)."),
    )


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
            problem(
                "audio.no-driver",
                *halves(str(error), phrase("Install the module pulse or alsa for Baresip.")),
            )
        ]
    return []
