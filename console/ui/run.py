"""Runs the screen on an engine and ends both in order: quitting, signals, a closed terminal, a crash."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import threading
from types import FrameType
from typing import Any

from console import early_stop
from console.language import tr
from console.ports import Console

from .app import STOP_SECONDS, ConsoleApp
from .options import ScreenOptions

STOPPED_BY_SIGNAL = 130
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
LOOK_EVERY = 0.5
"""Seconds between two looks at whether the terminal is still there."""

SCREEN_SECONDS = 2.0
"""How long the screen may take to close after the engine has ended."""

SWITCH_SECONDS = 0.0005
"""How long the engine's thread may have to wait for the interpreter while the screen lays itself out; 5 ms by
default, each time that it comes back from a socket, which 50 times a second adds up to words too late."""

_RESTORE = (
    "\x1b[?1049l\x1b[?25h"  # the normal screen, the cursor
    "\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # no mouse reports
    "\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[0m\r\n"  # no paste marks, focus reports or extended keys
)


def run_screen(console: Console, options: ScreenOptions | None = None) -> int:
    """Run until the operator quits (0), the screen crashes (1) or a signal ends it (130). The engine is
    stopped in every case; one that does not stop within its 5 s is left behind and the process ended."""
    return asyncio.run(_run(console, options or ScreenOptions()))


async def _run(console: Console, options: ScreenOptions) -> int:
    sys.setswitchinterval(SWITCH_SECONDS)
    app = ConsoleApp(console, options)
    lifeline = Lifeline(console, app)
    lifeline.hold()
    if early_stop.asked():
        lifeline.let_go()
        return STOPPED_BY_SIGNAL
    try:
        await app.run_async()
    finally:
        console.stop()
        stopped = await asyncio.to_thread(app.engine_over.wait, app.seconds_to_stop())
        lifeline.let_go()
    if not stopped:
        code = STOPPED_BY_SIGNAL if lifeline.pulled else 1
        _leave(tr("The engine did not stop; a call may still be up.") + "\n", code)
    return STOPPED_BY_SIGNAL if lifeline.pulled else app.return_code or app.return_value or 0


class Lifeline:
    """Stops engine and screen when a signal comes or the terminal goes, even if the screen is stuck: it then
    ends the process as soon as the engine has hung everything up."""

    def __init__(self, console: Console, app: ConsoleApp) -> None:
        self._console = console
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._attributes = _terminal_attributes()
        self._before: dict[int, Any] = {}
        self._over = threading.Event()
        self.pulled = False

    def hold(self) -> None:
        """Watch from now on. On the main thread."""
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        if self._attributes is not None:
            threading.Thread(target=self._watch_terminal, name="terminal-watch", daemon=True).start()

    def let_go(self) -> None:
        """Stop watching: everything is over."""
        self._over.set()
        for number, before in self._before.items():
            signal.signal(number, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.pull()

    def pull(self) -> None:
        """Stop everything in order. From any thread, any number of times."""
        if self.pulled:
            return
        self.pulled = True
        self._console.stop()
        threading.Thread(target=self._last_resort, name="last-resort", daemon=True).start()
        try:
            self._loop.call_soon_threadsafe(self._app.stop)
        except RuntimeError:
            return  # the loop is closed: the screen is over

    def _watch_terminal(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            if _terminal_attributes() is None:
                self.pull()
                return

    def _last_resort(self) -> None:
        """A screen whose terminal is gone can block for ever in writing to it."""
        self._app.engine_over.wait(STOP_SECONDS)
        if self._over.wait(SCREEN_SECONDS):
            return
        if self._attributes is not None and _terminal_attributes() is not None:
            termios.tcsetattr(0, termios.TCSANOW, self._attributes)
            _leave(_RESTORE, STOPPED_BY_SIGNAL)
        _leave("", STOPPED_BY_SIGNAL)


def _terminal_attributes() -> list[Any] | None:
    """The settings of the terminal on standard input; None when there is none (any more)."""
    try:
        return termios.tcgetattr(0)
    except (termios.error, OSError):
        return None


def _leave(last_words: str, code: int) -> None:
    """End the process now: a thread that cannot be ended would keep it for ever."""
    try:
        if last_words and sys.__stderr__ is not None:
            sys.__stderr__.write(last_words)
            sys.__stderr__.flush()
    finally:
        os._exit(code)
