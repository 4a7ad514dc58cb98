"""Opens the screen on a line: the one of the settings, or the built-in demo line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .api.server import ApiServer, ApiUnavailable
from .audio.stderr_guard import stderr_to
from .core.events import Notice
from .ports import Console
from .records.feed import FedConsole, Feed
from .settings.loading import Loaded, Settings
from .ui.options import Offer, ScreenOptions
from .ui.run import run_screen

STDERR_LOG = "stderr.log"
"""What native libraries print while the screen is up, in the log dir."""


def open_screen(console: Console, loaded: Loaded, demo: bool) -> int:
    """Run the screen until the operator quits or a signal comes; returns the exit code."""
    settings = loaded.settings
    account = f"{settings.sip_user}@{settings.sip_domain}" if settings.sip_user else settings.sip_domain
    offers = tuple(_offers()) if demo else ()
    with stderr_to(settings.log_dir / STDERR_LOG), _api_beside(console, settings) as (fed, api, trouble):
        for sentence in (*trouble, *loaded.warnings):
            fed.send(Notice(sentence))
        options = ScreenOptions(
            account=account,
            demo=demo,
            offers=offers,
            number=offers[0].number if offers else "",
            sounds=settings.sounds,
            api=api,
        )
        return run_screen(fed, options)


@contextmanager
def _api_beside(console: Console, settings: Settings) -> Iterator[tuple[Console, str, tuple[str, ...]]]:
    """The HTTP API for as long as the screen runs: the console to run, the API's address as shown, and why
    there is none, which is no reason not to open the screen."""
    if settings.api is None:
        yield console, "off", ()
        return
    feed = Feed()
    try:
        server = ApiServer(console, feed, settings.api, settings.api_token)
    except ApiUnavailable as error:
        yield console, "none", (str(error),)
        return
    started = threading.Event()

    def start() -> None:
        # With the first update the screen is there: its first painting waits for no library of the API's.
        if not started.is_set():
            started.set()
            server.start()

    feed.listen(start)
    try:
        yield FedConsole(console, feed), str(server.address), ()
    finally:
        server.stop()


def _offers() -> Iterator[Offer]:
    from .demo.cast import CAST

    for character in CAST:
        yield Offer(character.number, character.name, character.does)
