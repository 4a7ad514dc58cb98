"""The one-line text field of the console: a SIP address to dial, what the timeline shows, words to the AI, or
digits for the line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from console.core.events import CallId
from console.core.words import msgid
from console.language import tr
from console.ui.keystrokes import GAP, latin


class Purpose(StrEnum):
    """What is being asked for."""

    URI = "uri"
    FILTER = "filter"
    TELL = "tell"
    DIGITS = "digits"


@dataclass(frozen=True, slots=True)
class Form:
    """How a field looks, in message ids: `keys` are said in its title, the first ones first. `restrict`: a
    pattern that the text must always match. `longest`: characters."""

    title: str
    placeholder: str
    keys: tuple[str, ...]
    restrict: str = ""
    longest: int = 200


_LEAVES = msgid("Esc leaves")

FORMS = {
    Purpose.URI: Form(
        msgid("SIP address or name to dial"),
        msgid("name, name@host or sip:name@host"),
        (msgid("Enter dials"), _LEAVES),
    ),
    Purpose.FILTER: Form(
        msgid("Show in the timeline"), "", (msgid("Enter keeps it"), msgid("Esc shows all"))
    ),
    Purpose.TELL: Form(
        msgid("Tell the AI"),
        msgid("the callee does not hear this"),
        (msgid("Enter: to know"), msgid("Ctrl+Enter, Ctrl+J: to answer"), _LEAVES),
        longest=1000,
    ),
    Purpose.DIGITS: Form(
        msgid("Digits for the line"),
        msgid("0-9 * # A-D; w waits 0.5 s, W 1 s"),
        (msgid("Enter presses them"), _LEAVES),
        restrict=r"[0-9*#A-Da-dwW]*",
        longest=64,
    ),
}


class Prompt(Input):
    """Hidden until opened. Enter submits, Esc leaves; up and down step through what is offered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave the field", show=False),
        Binding("up", "offer(-1)", "Previous offer", show=False),
        Binding("down", "offer(1)", "Next offer", show=False),
        # Terminals without extended keys send Ctrl+Enter as Enter; Ctrl+J is a byte of its own in all.
        Binding("ctrl+enter,alt+enter,ctrl+j,ctrl+о", "submit_turn", "Say it as a turn", show=False),
        Binding("tab,shift+tab", "stay", "Stay in the field", show=False),
    ]

    class Left(Message):
        """Esc was pressed."""

        def __init__(self, purpose: Purpose) -> None:
            super().__init__()
            self.purpose = purpose

    class Given(Message):
        """Enter was pressed, or (`as_turn`) the key for a turn. `call`: on screen when the field opened."""

        def __init__(self, purpose: Purpose, text: str, call: CallId | None, as_turn: bool) -> None:
            super().__init__()
            self.purpose = purpose
            self.text = text
            self.call = call
            self.as_turn = as_turn

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, select_on_focus=False)
        self.purpose = Purpose.URI
        self.call: CallId | None = None
        self._offers: tuple[str, ...] = ()
        self._offered = -1
        self._typed_at = float("-inf")

    def open(
        self,
        purpose: Purpose,
        *,
        call: CallId | None = None,
        placeholder: str = "",
        value: str = "",
        offers: tuple[str, ...] = (),
    ) -> None:
        """Show the field and take the focus."""
        form = FORMS[purpose]
        self.purpose, self.call = purpose, call
        self.restrict, self.max_length = form.restrict or None, form.longest
        self.placeholder = placeholder or tr(form.placeholder)
        self.value = value
        self._offers, self._offered = offers, -1
        self.screen.add_class("-asking")
        self.focus()

    def close(self) -> None:
        """Hide the field and give the focus up."""
        self.screen.remove_class("-asking")
        self.value = ""
        self.screen.set_focus(None)

    @property
    def is_open(self) -> bool:
        return self.screen.has_class("-asking")

    def on_key(self, event: events.Key) -> None:
        """Enter at the end of pasted keys belongs to the paste."""
        if event.is_printable:
            self._typed_at = event.time
        elif event.key in ("enter", "ctrl+j") and event.time - self._typed_at < GAP:
            event.stop()
            event.prevent_default()

    def insert_text_at_cursor(self, text: str) -> None:
        super().insert_text_at_cursor(latin(text) if self.purpose is Purpose.DIGITS else text)

    async def action_submit(self) -> None:
        self._give(as_turn=False)

    def action_submit_turn(self) -> None:
        self._give(as_turn=True)

    def _give(self, as_turn: bool) -> None:
        self.post_message(self.Given(self.purpose, self.value, self.call, as_turn))

    def action_stay(self) -> None:
        """Nothing: the focus must not leave a field that is open."""

    def action_leave(self) -> None:
        purpose = self.purpose
        self.close()
        self.post_message(self.Left(purpose))

    def action_offer(self, step: int) -> None:
        if self._offers:
            self._offered = (max(self._offered, -1) + step) % len(self._offers)
            self.value = self._offers[self._offered]
            self.cursor_position = len(self.value)
