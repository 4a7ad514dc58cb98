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
digits + * #  edit the number, from anywhere
Enter         dial; a doubtful number asks for a second Enter
Backspace     one back
Delete        all away
Up, Down      earlier numbers
u             a SIP address or name instead
paste         only ever fills the number

CALL
h             hang up: never asked about, never refused
F8            the same, from text fields and dialogs too
a, x          answer, reject an incoming call
k             five more minutes
o             ear: listen to both sides, or stop
d             send digits to the line: a menu, an extension
tab           show the next call, when several go on
r             register again (not during a call)
!             never call this number again: hangs up, asks once

THE AI, while its session is LIVE
w             tell it something the callee does not hear
              Enter: so that it knows
              Ctrl+Enter, or Ctrl+J in any terminal: so that it answers
s             silence it for 15 s at most; s again lets it speak
g             it says goodbye and the call ends, within 8 s

TIMELINE
l             go there; arrows, PageUp, PageDown, Home; End follows again
i             details of the entry
f             show one kind, or a word
c             copy; Shift+Up and Shift+Down select
Esc           leave

ctrl+p        everything the console can do
ctrl+q        quit; asks during a call
ctrl+c        copy what the mouse selected
?             this help
Letters work by position on a Russian layout too.

WHAT THE WORDS MEAN
NETWORK AUDIO ring tone, melody, announcement or voicemail before any
              answer (a 183); the AI is not opened
ANSWERED      picked up; whether by a person or a machine is not known
PREPARED      all that costs nothing is ready for the AI
LIVE          the AI is on the line, billed second by second
CALL BACK     picked up and dropped for want of an AI
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
