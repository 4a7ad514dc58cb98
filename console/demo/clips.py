"""The recorded speech of the demo line: `clips/index.json` says what each file holds.

Callees speak mu-law at 8 kHz (WAV format 7, RFC 2361); the agent's sentences are 16-bit PCM at 16 kHz.
`make_clips.py` makes them all.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

_FOLDER = resources.files(__package__) / "clips"


@dataclass(frozen=True, slots=True)
class Clip:
    """`speaker`: `agent` or `callee`. `file` is in the clips folder."""

    name: str
    speaker: str
    language: str
    text: str
    file: Traversable


def index() -> tuple[Clip, ...]:
    """Every clip there is, in the order of the index."""
    entries = json.loads((_FOLDER / "index.json").read_text("utf-8"))
    return tuple(
        Clip(e["name"], e["speaker"], e["language"], e["text"], _FOLDER / f"{e['name']}.wav") for e in entries
    )


def callee_speech() -> dict[str, bytes]:
    """Mu-law at 8 kHz by name."""
    return {clip.name: wave_data(clip.file.read_bytes()) for clip in index() if clip.speaker == "callee"}


def callee_sentences() -> list[tuple[str, Traversable]]:
    """Text and WAV file (mu-law, 8 kHz) of what callees say, in every language."""
    return [(c.text, c.file) for c in index() if c.speaker == "callee"]


def agent_sentences(language: str = "") -> list[tuple[str, Traversable]]:
    """Text and WAV file (16-bit PCM, 16 kHz, mono) of what the agent says, in order. `language`: `en`, `ru`,
    `""` for all."""
    return [(c.text, c.file) for c in index() if c.speaker == "agent" and language in ("", c.language)]


def wave_data(wav: bytes) -> bytes:
    """The `data` chunk of a RIFF file, whatever its coding (the `wave` module reads PCM only)."""
    at = 12
    while wav[:4] == b"RIFF" and at + 8 <= len(wav):
        name, size = struct.unpack_from("<4sI", wav, at)
        if name == b"data":
            return wav[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)
    raise ValueError("not a RIFF file with a data chunk")
