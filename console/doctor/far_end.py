"""The devices of a Baresip that runs already, tried from its side: what it would play must reach our input,
and what we play must reach its source. Only while no call is up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from ..core.words import phrase
from ..ports import PCM, AudioPath
from . import tone
from .running_baresip import RunningBaresip, device

_RATE = 16_000
_START_SECONDS = 3.0
_PULSE = ("--raw", f"--rate={_RATE}", "--channels=1", "--format=s16le", "--latency-msec=20", "--device={}")
_ALSA = ("-q", "-t", "raw", "-f", "S16_LE", "-r", str(_RATE), "-c", "1", "-D", "{}")
_PROGRAMS = {
    "pulse": (("pacat", *_PULSE), ("parec", *_PULSE)),
    "alsa": (("aplay", *_ALSA), ("arecord", *_ALSA)),
}
"""How to play to, and record from, a device of each of Baresip's drivers."""

_SINK = re.compile(r"^\d+\t([^\t]+)\t[^\t]*\t\S+ \d+ch (\d{1,7})Hz", re.MULTILINE)

_SOUND = ("PULSE_", "ALSA_", "XDG_RUNTIME_DIR", "HOME")


class CannotTry(Exception):
    """The message says in one sentence why."""


async def reaches_us(path: AudioPath, running: RunningBaresip) -> bool:
    """Play where Baresip would play the callee, and listen on our input. Raises `CannotTry`."""
    command = _command(running, "audio_player", 0)
    async with _process(command, running) as process:
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.write(tone.tone(0, _RATE, _RATE).tobytes())
            process.stdin.close()
        return tone.tone_in(await tone.listen(path, 2 * tone.LISTEN_SECONDS), path.rate)


async def reaches_them(path: AudioPath, running: RunningBaresip) -> bool:
    """Play to our output, and record where Baresip would record the AI. Raises `CannotTry`."""
    command = _command(running, "audio_source", 1)
    async with _process(command, running) as process:
        assert process.stdout is not None
        heard = bytearray()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                heard += await process.stdout.read(4096)
        playing = asyncio.create_task(tone.play(path))
        try:
            async with asyncio.timeout(tone.LISTEN_SECONDS):
                while chunk := await process.stdout.read(4096):
                    heard += chunk
        except TimeoutError:
            pass
        finally:
            await playing
        return tone.tone_in(_samples(heard), _RATE)


async def narrow_devices(running: RunningBaresip) -> tuple[tuple[str, int], ...]:
    """Its PulseAudio devices that carry less than the 16 kHz of an agent, with their rates in Hz."""
    if shutil.which("pactl") is None:
        return ()
    wanted = {
        name
        for key in ("audio_player", "audio_source")
        for driver, name in [device(running.config.get(key, ""))]
        if driver == "pulse"
    }
    async with _process(["pactl", "list", "short", "sinks"], running) as process:
        assert process.stdout is not None
        listed = (await process.stdout.read()).decode("utf-8", "replace")
    rates = {match[1]: int(match[2]) for match in _SINK.finditer(listed)}
    return tuple((name, rates[name]) for name in sorted(wanted & rates.keys()) if rates[name] < _RATE)


def _samples(raw: bytearray) -> PCM:
    return np.frombuffer(bytes(raw[: len(raw) & ~1]), "<i2").astype(np.int16)


def _command(running: RunningBaresip, key: str, side: int) -> list[str]:
    driver, _, name = running.config.get(key, "").partition(",")
    if driver not in _PROGRAMS:
        raise CannotTry(
            phrase(
                "Its {key} {driver} cannot be tried from here.", key=key, driver=driver or phrase("(none)")
            )
        )
    program, *arguments = _PROGRAMS[driver][side]
    if shutil.which(program) is None:
        raise CannotTry(
            phrase(
                "To try its devices, {program} is needed (Debian: alsa-utils, pulseaudio-utils).",
                program=program,
            )
        )
    return [program, *(argument.format(name) for argument in arguments)]


@asynccontextmanager
async def _process(command: list[str], running: RunningBaresip) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **_environment(running.process.pid)},
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def _environment(pid: int) -> dict[str, str]:
    """What decides in that process which sound devices there are."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in raw.split("\0"))
    return {name: value for name, _, value in pairs if name.startswith(_SOUND)}
