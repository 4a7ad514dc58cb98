"""Modal questions and help. F8 hangs up over them all (a priority binding of the app)."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from console.core.words import msgid
from console.language import tr
from console.ui.keystrokes import by_position

from .help import columns, help_page

QuitChoice = Literal["now", "later", "stay"]


class QuitDialog(ModalScreen[QuitChoice]):
    """Quitting during a call: now, when it ends, or not."""

    _WORDS = (
        (msgid("h"), msgid("hang up and quit")),
        (msgid("w"), msgid("wait: quit when the call ends")),
        ("Esc", msgid("stay")),
    )
    _CHOICES: ClassVar[dict[str, QuitChoice]] = {"h": "now", "w": "later", "s": "stay"}

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(tr("A call is up. Quit?"), markup=False, classes="title")
            yield Static(columns(self._WORDS, width=5), markup=False)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        if event.key == "escape":
            self.dismiss("stay")
            return
        choice = self._CHOICES.get(by_position(event.character or ""))
        if choice is not None:
            self.dismiss(choice)


class HelpDialog(ModalScreen[None]):
    """All keys; any key closes it, arrows scroll."""

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as page:
            page.border_subtitle = tr("Esc closes, Up and Down scroll")
            yield Static(help_page(), markup=False)

    def on_key(self, event: events.Key) -> None:
        if event.key not in ("up", "down", "pageup", "pagedown", "home", "end"):
            event.stop()
            self.dismiss()
