"""A Baresip that runs already and is joined: what its own config would do to a call."""

from __future__ import annotations

from pathlib import Path

from ...core.finding import Finding, problem, warning
from ...core.words import phrase
from ...phone import baresip_program
from ...phone.baresip_program import BaresipProgram
from ...ports import PhoneError
from .. import running_baresip
from ..checking import Context, Result, check
from ..running_baresip import RunningBaresip, device

_SAME_NAMES = ("coreaudio", "portaudio", "wasapi", "winwave")
"""Drivers that call a device by the name that PortAudio has for it."""


@check("joined")
async def look(context: Context) -> Result:
    ctrl = context.settings.baresip_ctrl
    if not context.joins or ctrl is None:
        return Result()
    running = running_baresip.find(ctrl.port, context.proc)
    if running is None:
        return Result(unknown=(phrase("The config of the Baresip that is joined cannot be seen from here."),))
    program = await _program(running)
    findings = [
        *_tones(running, program),
        *_devices(running, context),
        *_calls(running, program),
    ]
    version = f" {program.version}" if program else ""
    return Result(
        tuple(findings),
        (phrase("Baresip{version} with {file}", version=version, file=running.folder / "config"),),
    )


async def _program(running: RunningBaresip) -> BaresipProgram | None:
    try:
        return await baresip_program.inspect(running.process.program)
    except PhoneError:
        return None


def _tones(running: RunningBaresip, program: BaresipProgram | None) -> list[Finding]:
    sounds = Path(running.process.program).parent.parent / "share" / "baresip"
    switches = program is None or program.version.has_call_ids
    playing = running_baresip.local_tones(running.config, sounds, switches)
    if not playing:
        return []
    return [
        warning(
            "joined.tones",
            phrase(
                "Baresip plays its own tones ({playing}): they delay the answer by a second, and the AI "
                "hears them as if the callee spoke.",
                playing=", ".join(playing),
            ),
            phrase(
                "Set audio_path to an empty folder in {file} and start Baresip again.",
                file=running.folder / "config",
            ),
        )
    ]


def _devices(running: RunningBaresip, context: Context) -> list[Finding]:
    player = device(running.config.get("audio_player", ""))
    source = device(running.config.get("audio_source", ""))
    if player == source and player[1]:
        return [
            problem(
                "joined.loop",
                phrase(
                    "Baresip plays to and records from the same device ({player}): callees hear themselves.",
                    player=player[1],
                ),
                phrase(
                    "Name two devices in audio_player and audio_source of {file}.",
                    file=running.folder / "config",
                ),
            )
        ]
    settings = context.settings
    ends = (
        ("AUDIO_INPUT", settings.audio_input, "audio_player", player),
        ("AUDIO_OUTPUT", settings.audio_output, "audio_source", source),
    )
    return [
        problem(
            "joined.other-end",
            phrase(
                "Nobody is at the other end of {setting}={ours}: Baresip has {theirs} as its {key}.",
                setting=setting,
                ours=ours,
                theirs=theirs[1],
                key=key,
            ),
            phrase(
                "Name the same device in {setting} and in {key} of {file}.",
                setting=setting,
                key=key,
                file=running.folder / "config",
            ),
        )
        for setting, ours, key, theirs in ends
        if theirs[0] in _SAME_NAMES and theirs[1] and ours and ours.lower() not in theirs[1].lower()
    ]


def _calls(running: RunningBaresip, program: BaresipProgram | None) -> list[Finding]:
    if program is None or program.version.has_call_ids or running.config.get("call_max_calls") == "1":
        return []
    return [
        warning(
            "joined.calls",
            phrase(
                "Baresip {version} hangs up whatever call is current, also an incoming one.",
                version=program.version,
            ),
            phrase("Set call_max_calls 1 in {file} and start Baresip again.", file=running.folder / "config"),
        )
    ]
