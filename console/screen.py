"""Opens the screen on an engine, told by the settings."""

from __future__ import annotations

from .audio.stderr_guard import stderr_to
from .ports import Console
from .settings import Loaded
from .ui.options import ScreenOptions
from .ui.run import run_screen as run_ui

STDERR_LOG = "stderr.log"
"""What native libraries print while the screen is up, in the log dir."""


def run_screen(console: Console, loaded: Loaded) -> int:
    """Run until the operator quits or a signal comes; returns the exit code."""
    settings = loaded.settings
    account = f"{settings.sip_user}@{settings.sip_domain}" if settings.sip_user else settings.sip_domain
    options = ScreenOptions(account=account, sounds=settings.sounds, notes=loaded.warnings)
    with stderr_to(settings.log_dir / STDERR_LOG):
        return run_ui(console, options)
