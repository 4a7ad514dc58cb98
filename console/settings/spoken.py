"""Which language people are spoken to in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..language import LANGUAGES
from . import env_file

VARIABLE = "CONSOLE_LANG"


def chosen(environ: Mapping[str, str], cwd: Path) -> str:
    """The language that the settings ask for, whatever else is wrong with them: what is wrong is to be said
    in it."""
    file = env_file.in_force(environ, cwd)
    in_file = file.values.get(VARIABLE, ("", 0))[0] if file else ""
    wish = environ.get(VARIABLE, in_file).strip().lower()
    return wish if wish in LANGUAGES else of_locale(environ)


def of_locale(environ: Mapping[str, str]) -> str:
    """Russian where the locale is Russian, else English."""
    spoken = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "ru" if spoken.lower().startswith("ru") else "en"
