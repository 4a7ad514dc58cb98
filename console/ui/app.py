"""The Textual application: runs the engine in a worker thread and quits in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from console.core.text import clean
from console.language import tr
from console.ports import Console, Update

from . import sounds
from .mailbox import Mailbox
from .options import ScreenOptions
from .palette import COMMANDS, LOOKING_ON, WITHOUT_KEY, command_palette, theme_palette
from .panes import ROOMY, STACKED, VAST
from .present.call import terminal_title
from .present.keys import incoming
from .present.line import live
from .screen import MainScreen
from .widgets.dialogs import HelpDialog, QuitChoice, QuitDialog

STOP_SECONDS = 5.0
"""How long quitting waits for the engine; its own limit is the same."""

_MANY, _PACE = 4, 0.1
"""With more calls than this the screen follows ten times a second: their audio needs the interpreter."""


class EngineUpdate(Message):
    """There is something in the mailbox."""


class ConsoleApp(App[int]):
    """One screen, one engine."""

    TITLE = "Call Console"
    CSS_PATH = "console.tcss"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 (declared as an instance variable by Textual)
        (0, "-narrow"),
        (STACKED, "-normal"),
        (ROOMY, "-wide"),
        (VAST, "-huge"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "hang_up", "Hang up", show=False, priority=True),
        # Terminals with extended keys name the letter of the layout: these are ctrl+q and ctrl+p in Russian.
        Binding("ctrl+й", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+p,ctrl+з", "command_palette", "Palette", show=False, priority=True),
    ]

    def __init__(self, console: Console, options: ScreenOptions | None = None) -> None:
        super().__init__()
        self._console = console
        self._options = options or ScreenOptions()
        self._mailbox = Mailbox()
        self._next_update_at = 0.0
        self._main = MainScreen(console, self._options)
        self._engine: Worker[None] | None = None
        self._stopping = False
        self._stop_by: float | None = None
        self.engine_over = threading.Event()
        self.engine_over.set()
        self._bell_at = 0.0
        self._terminal_title = ""

    def get_default_screen(self) -> Screen[None]:
        return self._main

    def on_ready(self) -> None:
        self.engine_over.clear()
        self._engine = self._run_engine()
        self.set_interval(0.5, self._look_after)

    def on_unmount(self) -> None:
        """Whatever ends the screen ends the engine."""
        self._console.stop()

    # ---- the engine ----

    @work(thread=True, exit_on_error=False, name="engine", group="engine")
    async def _run_engine(self) -> None:
        try:
            await self._console.run(self._publish)
        finally:
            self.engine_over.set()

    def _publish(self, update: Update) -> None:
        if self._mailbox.put(update):
            self.post_message(EngineUpdate())

    def on_engine_update(self) -> None:
        wait = self._next_update_at - self._options.clock()
        if wait > 0:
            self.set_timer(wait, self._show_update)
        else:
            self._show_update()

    def _show_update(self) -> None:
        update = self._mailbox.take()
        if update is None:
            return
        if len(update.state.calls) > _MANY:
            self._next_update_at = self._options.clock() + _PACE
        if sounds.occasion(self._main.state, update.state):
            self._ring()
        self._main.see(update)
        self._look_after()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker is not self._engine:
            return
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            what = f"{type(error).__name__} {clean(str(error))}".rstrip()
            self._engine_ended(tr("the engine broke: {error}", error=what))
        elif event.state is WorkerState.SUCCESS:
            self._engine_ended(tr("the engine has ended"))

    def _engine_ended(self, words: str) -> None:
        state = self._main.state
        if self._stopping or (state is not None and state.quitting):
            self.exit(0)
        else:
            self._main.broken = words

    # ---- what goes on beside the words ----

    def _look_after(self) -> None:
        """Title, repeated bell, and quitting when the call has ended."""
        state = self._main.state
        title = terminal_title(state, self._console.now(), self._main.broken, self._main.operator.chosen)
        if title != self._terminal_title:
            self._terminal_title = title
            self._write_title(title)
        if incoming(state) is not None and self._options.clock() - self._bell_at > sounds.RING_EVERY:
            self._ring()
        if self._main.quit_later and live(state) is None:
            self.stop()

    def _ring(self) -> None:
        self._bell_at = self._options.clock()
        if self._options.sounds:
            self.bell()

    def _write_title(self, title: str) -> None:
        if self._driver is not None and not self.is_headless and not self.is_web:
            self._driver.write(f"\x1b]2;{clean(title)}\x07")

    # ---- actions ----

    def action_hang_up(self) -> None:
        """F8, from anywhere."""
        self._main.command("h")

    async def action_quit(self) -> None:
        """ctrl+q: at once when no call is up, else it asks."""
        if isinstance(self.screen, QuitDialog):
            return
        if live(self._main.state) is None or self._main.broken or self._options.watching:
            self.stop()
        else:
            self.push_screen(QuitDialog(), self._quit_chosen)

    def _quit_chosen(self, choice: QuitChoice | None) -> None:
        self._main.quit_later = choice == "later"
        if choice == "now":
            self.stop()
        self._main.show_words()

    def stop(self) -> None:
        """Stop the engine in order, then exit; exits anyway after `STOP_SECONDS`."""
        if self._stopping:
            return
        self._stopping = True
        self._stop_by = time.monotonic() + STOP_SECONDS
        self._console.stop()
        self._main.operator.say(tr("quitting: everything is being hung up"), self._options.clock())
        if self._engine is None or self._engine.is_finished:
            self.exit(0)
        else:
            self.set_timer(STOP_SECONDS, lambda: self.exit(1))

    def seconds_to_stop(self) -> float:
        """How much longer the engine may take: `STOP_SECONDS` since it was first told."""
        return STOP_SECONDS if self._stop_by is None else max(0.5, self._stop_by - time.monotonic())

    def action_help_quit(self) -> None:
        """ctrl+c with nothing selected."""
        words = tr("ctrl+c copies a selection; h or F8 hangs up, ctrl+q quits")
        self._main.operator.say(words, self._options.clock())
        self._main.show_words()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything the console can do, for the palette."""
        main = self._main
        acts: dict[str, Callable[[], object]] = {
            "allow": self._allow_dialing,
            "u": main.action_uri,
            "f": main.action_filter,
            "l": lambda: main.timeline.focus(),
            "i": main.action_details,
            "c": main.action_copy,
            "all": main.action_copy_all,
            "?": lambda: self.push_screen(HelpDialog()),
            "theme": self.action_change_theme,
            "ctrl+q": lambda: self.run_worker(self.action_quit()),
        }
        for key, title, does in COMMANDS:
            if self._options.watching and key not in LOOKING_ON:
                continue
            act = acts.get(key) or partial(main.command, key)
            shown = f"{tr(does)} ({key})" if key not in WITHOUT_KEY else tr(does)
            yield SystemCommand(tr(title), shown, act)

    def action_command_palette(self) -> None:
        """ctrl+p."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(command_palette())

    def search_themes(self) -> None:
        """Choose the colours."""
        self.push_screen(theme_palette())

    def _allow_dialing(self) -> None:
        self._main.operator.allow_dialing(self._options.clock())
        self._main.show_words()
