"""The settings in force as `config` prints them: each with where it came from, secrets hidden."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core import outcome
from ..core.words import joined, phrase
from ..settings.loading import VARIABLES, Loaded
from .talking import say, tell


def show(loaded: Loaded) -> int:
    """Print them, and on stderr what is wrong, missing or doubtful; returns the exit code."""
    for line in lines(loaded):
        say(line)
    for sentence in (*loaded.problems, *loaded.missing, *loaded.warnings):
        tell(sentence)
    return outcome.SETTINGS_WRONG if loaded.problems else 0


def lines(loaded: Loaded) -> Iterator[str]:
    """One line for each setting, under the name of the `.env` in use."""
    none = phrase("none (.env in this folder, or in the data dir)")
    yield phrase("settings file: {path}", path=loaded.env_file or none)
    width = max(len(v.name) for v in VARIABLES)
    for variable in VARIABLES:
        value = getattr(loaded.settings, variable.field)
        shown = _hidden(value) if variable.secret else _shown(variable.field, value)
        source = loaded.sources.get(variable.field, phrase("default"))
        yield joined("  ", (f"{variable.name:{width}}", shown, joined("", ("(", source, ")"))))


def _hidden(value: str) -> str:
    return phrase("set, hidden") if value else "-"


def _shown(field: str, value: Any) -> str:
    match value:
        case bool():
            on, off = ("on", "off") if field == "sounds" else ("yes", "no")
            return on if value else off
        case None:
            return "off" if field == "api" else phrase("chosen at the start")
        case (0, 0):
            return "0"
        case tuple():
            joint = "-" if field == "jitter_ms" else ","
            return joint.join(str(part) for part in value) or "-"
    return str(value) or "-"
