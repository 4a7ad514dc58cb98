"""Which of the two phone engines runs when the settings leave it open."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from typing import TYPE_CHECKING

from ..core.words import phrase
from ..phone.baresip_version import Version, parse_version

if TYPE_CHECKING:
    from .loading import Settings

_ASK_SECONDS = 5.0


def choose_engine(settings: Settings) -> str:
    """`baresip` if one of version 2.0 or newer is installed, else `embedded`; where that cannot run, whatever
    baresip there is."""
    version = installed_version(settings.baresip_bin)
    if (version is not None and version >= (2, 0)) or not embedded_runs_here():
        return "baresip"
    return "embedded"


def embedded_runs_here() -> bool:
    """Whether the embedded engine and the library it stands on are there (it exists for Linux)."""
    return all(importlib.util.find_spec(name) for name in ("console.phone.embedded", "baresip"))


def installed_version(program: str) -> Version | None:
    """The version of the baresip on PATH, None if there is none or it does not say."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        asked = subprocess.run(
            [path, "-h"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version((asked.stdout + asked.stderr).decode(errors="replace"))


def why_not_a_program(program: str) -> list[str]:
    """A sentence if BARESIP_BIN names no program."""
    if shutil.which(program):
        return []
    return [
        phrase(
            "BARESIP_BIN: there is no program {program!r}: correct the path, or install baresip.",
            program=program,
        )
    ]
