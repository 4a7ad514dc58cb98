"""The settings in force as `config` prints them: each with where it came from, secrets hidden."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..settings.loading import VARIABLES, Loaded


def lines(loaded: Loaded) -> Iterator[str]:
    """One line for each setting, under the name of the `.env` in use."""
    yield f"settings file: {loaded.env_file or 'none (.env in this folder, or in the data dir)'}"
    width = max(len(v.name) for v in VARIABLES)
    for variable in VARIABLES:
        value = getattr(loaded.settings, variable.field)
        shown = _hidden(value) if variable.secret else _shown(variable.field, value)
        yield f"{variable.name:{width}}  {shown}  ({loaded.sources.get(variable.field, 'default')})"


def _hidden(value: str) -> str:
    return "set, hidden" if value else "-"


def _shown(field: str, value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "off" if field == "api" else "chosen at the start"
        case tuple():
            joint = "-" if field == "jitter_ms" else ","
            return joint.join(str(part) for part in value) or "-"
    return str(value) or "-"
