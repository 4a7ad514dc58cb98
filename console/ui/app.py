"""The Textual application: runs the engine in a worker thread and quits in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from console.core.text import clean
from console.ports import Console, Update

from . import sounds
from .mailbox import Mailbox
from .options import ScreenOptions
from .panes import ROOMY, STACKED, VAST
from .present.call import terminal_title
from .present.keys import incoming
from .present.line import live
from .screen import MainScreen
from .widgets.dialogs import HelpDialog, QuitChoice, QuitDialog

STOP_SECONDS = 5.0
"""How long quitting waits for the engine; its own limit is the same."""


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
        update = self._mailbox.take()
        if update is None:
            return
        if sounds.occasion(self._main.state, update.state):
            self._ring()
        self._main.see(update)
        self._look_after()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker is not self._engine:
            return
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self._engine_ended(f"the engine broke: {type(error).__name__} {clean(str(error))}".rstrip())
        elif event.state is WorkerState.SUCCESS:
            self._engine_ended("the engine has ended")

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
        if live(self._main.state) is None or self._main.broken:
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
        self._main.operator.say("quitting: everything is being hung up", self._options.clock())
        if self._engine is None or self._engine.is_finished:
            self.exit(0)
        else:
            self.set_timer(STOP_SECONDS, lambda: self.exit(1))

    def seconds_to_stop(self) -> float:
        """How much longer the engine may take: `STOP_SECONDS` since it was first told."""
        return STOP_SECONDS if self._stop_by is None else max(0.5, self._stop_by - time.monotonic())

    def action_help_quit(self) -> None:
        """ctrl+c with nothing selected."""
        self._main.operator.say(
            "ctrl+c copies a selection; h or F8 hangs up, ctrl+q quits", self._options.clock()
        )
        self._main.show_words()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything the console can do, for the palette."""
        main = self._main
        for key, title, help_text in _PALETTE:
            yield SystemCommand(title, f"{help_text} ({key})", lambda key=key: main.command(key))
        yield SystemCommand("Allow dialing", "After a refusal by ElevenLabs stopped it", self._allow_dialing)
        yield SystemCommand("Dial a SIP address", "Opens a field (u)", main.action_uri)
        yield SystemCommand("Filter the timeline", "Show one kind, or a word (f)", main.action_filter)
        yield SystemCommand("Go to the timeline", "Move and select there (l)", lambda: main.timeline.focus())
        yield SystemCommand("Details of an entry", "Everything a record holds (i)", main.action_details)
        yield SystemCommand("Copy", "The selected entries, or the newest (c)", main.action_copy)
        yield SystemCommand("Copy the whole timeline", "As it is shown", main.action_copy_all)
        yield SystemCommand("Help", "All keys (?)", lambda: self.push_screen(HelpDialog()))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield SystemCommand(
            "Quit", "Asks during a call (ctrl+q)", lambda: self.run_worker(self.action_quit())
        )

    def _allow_dialing(self) -> None:
        self._main.operator.allow_dialing(self._options.clock())
        self._main.show_words()


_PALETTE = (
    ("Enter", "Dial", "The number in the field"),
    ("h", "Hang up", "The call on screen"),
    ("a", "Answer", "The incoming call, with the AI"),
    ("x", "Reject", "The incoming call"),
    ("w", "Tell the AI", "Something the callee does not hear; a field opens"),
    ("s", "Silence the AI", "For 15 s at most; again lets it speak"),
    ("g", "Goodbye", "The AI says goodbye; the call ends within 8 s"),
    ("d", "Send digits", "Press keys on the line; a field opens"),
    ("tab", "Next call", "Show another of the calls that go on"),
    ("o", "Ear", "Listen to both sides, or stop"),
    ("k", "Five more minutes", "For this call"),
    ("r", "Register again", "Not during a call"),
    ("!", "Never call again", "Hang up, and put the number on the never-call list"),
)
