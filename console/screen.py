"""Opens the screen on an engine and brings both down in order, whatever ends them."""

from __future__ import annotations

import asyncio
import signal

from .audio.stderr_guard import stderr_to
from .ports import Console
from .settings import Loaded
from .ui.app import ConsoleApp
from .ui.options import ScreenOptions

STDERR_LOG = "stderr.log"
"""What native libraries print while the screen is up, in the log dir."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_screen(console: Console, loaded: Loaded) -> int:
    """Run until the operator quits or a signal comes; returns the exit code."""
    settings = loaded.settings
    account = f"{settings.sip_user}@{settings.sip_domain}" if settings.sip_user else settings.sip_domain
    app = ConsoleApp(console, ScreenOptions(account=account, sounds=settings.sounds, notes=loaded.warnings))
    with stderr_to(settings.log_dir / STDERR_LOG):
        result = asyncio.run(_run(app, console))
    return result if result is not None else 1


async def _run(app: ConsoleApp, console: Console) -> int | None:
    """Textual restores the terminal only when it ends by itself: signals become an orderly quit."""
    loop = asyncio.get_running_loop()
    signalled: list[int] = []

    def stop(number: int) -> None:
        signalled.append(number)
        app.stop()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        result = await app.run_async()
    finally:
        # A crashed screen leaves the engine's thread behind, and with it a call.
        console.stop()
    return 130 if signalled else result
