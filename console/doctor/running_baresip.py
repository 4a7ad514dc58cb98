"""The Baresip that runs already and is joined: its process, and its config file, read from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import tcp_table
from ..phone.baresip_files import parse_config
from ..tcp_table import Process

_TONES = ("ringback", "busy", "error", "notfound", "callwaiting")
"""Sounds that Baresip plays into the call's own device; `ring` goes to the alert device."""


@dataclass(frozen=True, slots=True)
class RunningBaresip:
    """`config`: the first value of each key, as Baresip reads it."""

    process: Process
    folder: Path
    config: dict[str, str]


def find(port: int, proc: Path = Path("/proc")) -> RunningBaresip | None:
    """The Baresip whose ctrl_tcp listens on this port, if its process and config can be seen."""
    for socket in tcp_table.listeners(tcp_table.read(proc) or (), port):
        process = tcp_table.owner(socket, proc)
        if process is None:
            continue
        folder = config_folder(process)
        try:
            text = (folder / "config").read_text(errors="replace")
        except OSError:
            continue
        return RunningBaresip(process, folder, parse_config(text))
    return None


def config_folder(process: Process) -> Path:
    """Where `-f` points, else the default of Baresip."""
    words = process.command
    for place, word in enumerate(words):
        if word == "-f" and place + 1 < len(words):
            return Path(words[place + 1])
        if word.startswith("-f") and len(word) > 2:
            return Path(word[2:])
    return Path.home() / ".baresip"


def local_tones(config: dict[str, str], default_sounds: Path, can_be_switched_off: bool) -> tuple[str, ...]:
    """The tones that play, by name. `can_be_switched_off`: from 1.1 on keys can do so; in every version a
    sound that is not there cannot play."""
    sounds = Path(config.get("audio_path", "") or default_sounds)
    playing = []
    for tone in _TONES:
        file = f"{tone}.wav"
        if can_be_switched_off:
            file = config.get(f"{tone}_aufile", file)
            if file == "none" or (
                tone == "ringback" and config.get("ringback_disabled") in ("yes", "true", "1")
            ):
                continue
        if (sounds / file).is_file():
            playing.append(tone)
    return tuple(playing)


def device(value: str) -> tuple[str, str]:
    """`pulse,callee.monitor` as (`pulse`, `callee`)."""
    driver, _, name = value.partition(",")
    return driver, name.removesuffix(".monitor")
