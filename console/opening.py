"""Opens the screen on a line: the one of the settings, or the built-in demo line."""

from __future__ import annotations

from collections.abc import Iterator

from .audio.stderr_guard import stderr_to
from .ports import Console
from .settings import Loaded
from .ui.options import ScreenOptions
from .ui.run import run_screen

STDERR_LOG = "stderr.log"
"""What native libraries print while the screen is up, in the log dir."""


def open_screen(console: Console, loaded: Loaded, demo: bool) -> int:
    """Run the screen until the operator quits or a signal comes; returns the exit code."""
    settings = loaded.settings
    account = f"{settings.sip_user}@{settings.sip_domain}" if settings.sip_user else settings.sip_domain
    offers = tuple(_offers()) if demo else ()
    options = ScreenOptions(
        account=account,
        demo=demo,
        offers=offers,
        number=offers[0][0] if offers else "",
        sounds=settings.sounds,
        notes=loaded.warnings,
    )
    with stderr_to(settings.log_dir / STDERR_LOG):
        return run_screen(console, options)


def _offers() -> Iterator[tuple[str, str]]:
    from .demo.cast import CAST

    for character in CAST:
        yield character.number, f"{character.name} {character.does}"
