"""The audio devices as `devices` prints them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..audio import portaudio
from ..audio.stderr_guard import stderr_to
from ..core.text import clean
from ..core.words import joined, phrase
from ..settings.loading import Settings


def lines(settings: Settings) -> Iterator[str]:
    """One line for each device, then which are used. Raises `AudioError` when PortAudio or a device of the
    settings is missing."""
    with stderr_to(Path(os.devnull)):  # ALSA complains there about every card that is not plugged in
        found = portaudio.devices()
        default = portaudio.default_output()
    for device in found:
        ways = phrase("in {inputs}, out {outputs}", inputs=device.inputs, outputs=device.outputs)
        rate = phrase("{rate} Hz", rate=device.rate)
        more = joined("; ", (device.host, ways, rate))
        yield joined("  ", (f"{device.index:3}", clean(device.name, 60), joined("", ("(", more, ")"))))
    if not found:
        yield phrase("no audio devices")
    if settings.engine == "embedded":
        yield phrase("callee: in memory (CONSOLE_ENGINE=embedded needs no devices)")
        yield phrase("AI: in memory")
    else:
        yield phrase("callee: {device}", device=_used(settings.audio_input, "AUDIO_INPUT", output=False))
        yield phrase("AI: {device}", device=_used(settings.audio_output, "AUDIO_OUTPUT", output=True))
    ear = _used(settings.ear_output, "EAR_OUTPUT", output=True) if settings.ear_output else None
    yield phrase(
        "ear: {device}", device=ear or (clean(default.name, 60) if default else phrase("no output device"))
    )


def _used(name: str, setting: str, *, output: bool) -> str:
    if not name:
        return phrase("the console's own virtual device, made at the start")
    return clean(portaudio.find(name, setting, output=output).name, 60)
