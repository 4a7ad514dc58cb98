"""The audio devices as `devices` prints them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..audio import portaudio
from ..audio.stderr_guard import stderr_to
from ..core.text import clean
from ..settings.loading import Settings


def lines(settings: Settings) -> Iterator[str]:
    """One line for each device, then which are used. Raises `AudioError` when PortAudio or a device of the
    settings is missing."""
    with stderr_to(Path(os.devnull)):  # ALSA complains there about every card that is not plugged in
        found = portaudio.devices()
        default = portaudio.default_output()
    for device in found:
        ways = f"in {device.inputs}, out {device.outputs}"
        yield f"{device.index:3}  {clean(device.name, 60)}  ({device.host}; {ways}; {device.rate} Hz)"
    if not found:
        yield "no audio devices"
    if settings.engine == "embedded":
        yield "callee: in memory (CONSOLE_ENGINE=embedded needs no devices)"
        yield "AI: in memory"
    else:
        yield f"callee: {_used(settings.audio_input, 'AUDIO_INPUT', output=False)}"
        yield f"AI: {_used(settings.audio_output, 'AUDIO_OUTPUT', output=True)}"
    ear = _used(settings.ear_output, "EAR_OUTPUT", output=True) if settings.ear_output else None
    yield f"ear: {ear or (clean(default.name, 60) if default else 'no output device')}"


def _used(name: str, setting: str, *, output: bool) -> str:
    if not name:
        return "the console's own virtual device, made at the start"
    return clean(portaudio.find(name, setting, output=output).name, 60)
