"""The console without a screen: phone, agent and HTTP API, until it is stopped."""

from __future__ import annotations

import asyncio
import signal

from .. import early_stop
from ..api.server import ApiServer, ApiUnavailable
from ..core import outcome
from ..core.words import phrase
from ..ports import Console, Update
from ..records.feed import FedConsole, Feed
from ..settings.loading import Settings
from ..settings.values import Address, address
from .output import Output
from .talking import tell

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(console: Console, settings: Settings, at: str | None = None) -> int:
    """Run until stopped; returns the exit code: 0 after SIGINT, SIGTERM or SIGHUP, 2 when the API cannot be
    offered, 14 when the line can never work, 1 after a bug. `at`: `host:port` instead of the settings'."""
    try:
        served = _Served(console, _address(settings, at), settings.api_token)
    except ApiUnavailable as error:
        tell(str(error))
        return outcome.SETTINGS_WRONG
    return asyncio.run(served.run())


def _address(settings: Settings, at: str | None) -> Address:
    if at is not None:
        try:
            return address(at)
        except ValueError as error:
            raise ApiUnavailable(phrase("--api {error}.", error=error)) from None
    if settings.api is None:
        raise ApiUnavailable(
            phrase("CONSOLE_API is off, and serve is nothing without it: add --api 127.0.0.1:8000.")
        )
    return settings.api


class _Served:
    """Takes the port when it is made; raises `ApiUnavailable`."""

    def __init__(self, console: Console, at: Address, token: str) -> None:
        feed = Feed()
        self._console = FedConsole(console, feed)
        self._server = ApiServer(console, feed, at, token)
        self._trouble = ""
        self._stopped = False

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        # A server goes on when nobody reads its log any more.
        self._output = Output(False, on_gone=lambda: None)
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._stop)
        if early_stop.asked():
            loop.call_soon(self._stop)
        try:
            with self._server:
                self._output.say(
                    phrase("HTTP API at {url}, to be tried out at {url}/docs", url=self._server.url)
                )
                await self._console.run(self._publish)
        finally:
            if self._trouble:
                self._output.say(self._trouble)
            self._output.close()
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
        if self._trouble:
            return outcome.NO_LINE
        return 0 if self._stopped else 1

    def _publish(self, update: Update) -> None:
        self._output.records(update.records, update.wall_zero)
        if update.state.line.failed and not self._trouble:
            self._trouble = update.state.line.reason or phrase("The phone cannot work.")
            self._console.stop()

    def _stop(self) -> None:
        self._stopped = True
        self._console.stop()
