"""Modal questions and help. F8 hangs up over them all (a priority binding of the app)."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from console.ui.keystrokes import by_position

QuitChoice = Literal["now", "later", "stay"]


class QuitDialog(ModalScreen[QuitChoice]):
    """Quitting during a call: now, when it ends, or not."""

    _CHOICES: ClassVar[dict[str, QuitChoice]] = {"h": "now", "w": "later", "s": "stay"}

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static("A call is up. Quit?", markup=False, classes="title")
            yield Static("h    hang up and quit", markup=False)
            yield Static("w    wait: quit when the call ends", markup=False)
            yield Static("Esc  stay", markup=False)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        if event.key == "escape":
            self.dismiss("stay")
            return
        choice = self._CHOICES.get(by_position(event.character or ""))
        if choice is not None:
            self.dismiss(choice)


HELP = """\
NUMBER
0-9 + * #     edit the number, from anywhere       Backspace  one back    Delete  all
Enter         dial; a doubtful number asks for a second Enter
Up, Down      earlier numbers                      u  a SIP address or name instead
paste         only ever fills the number

CALL
h  F8         hang up; F8 works in text fields and dialogs too
a  x          answer, reject an incoming call
o             ear: listen to both sides            k  five more minutes
r             register again (not during a call)
!             never call this number again: hangs up, asks once

TIMELINE
l             go there; Up, Down, PageUp, PageDown, Home, End (End follows again)
i             details of the entry                 f  show one kind, or a word
c             copy; Shift+Up, Shift+Down select    Esc  leave

ctrl+p everything    ctrl+q quit    ctrl+c copy    ? this help
Letters work by position on a Russian layout too.

WHAT THE WORDS MEAN
NETWORK AUDIO   a 183: ring tone, melody, announcement or voicemail. Not an answer, the AI is not opened.
ANSWERED        the line was picked up; whether by a person or a machine is not known.
PREPARED        everything for the AI that costs nothing is ready. LIVE is billed, second by second.
"""


class HelpDialog(ModalScreen[None]):
    """All keys; any key closes it, arrows scroll."""

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(HELP, markup=False)

    def on_key(self, event: events.Key) -> None:
        if event.key not in ("up", "down", "pageup", "pagedown", "home", "end"):
            event.stop()
            self.dismiss()
