"""The one-line text field of the console: a SIP address to dial, or what the timeline shows."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class Purpose(StrEnum):
    """What is being asked for."""

    URI = "SIP address or name to dial"
    FILTER = "Show in the timeline"


class Prompt(Input):
    """Hidden until opened. Enter submits, Esc leaves; up and down step through what is offered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave the field", show=False),
        Binding("up", "offer(-1)", "Previous offer", show=False),
        Binding("down", "offer(1)", "Next offer", show=False),
    ]

    class Left(Message):
        """Esc was pressed."""

        def __init__(self, purpose: Purpose) -> None:
            super().__init__()
            self.purpose = purpose

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, select_on_focus=False)
        self.purpose = Purpose.URI
        self._offers: tuple[str, ...] = ()
        self._offered = -1

    def open(self, purpose: Purpose, placeholder: str, value: str = "", offers: tuple[str, ...] = ()) -> None:
        """Show the field and take the focus."""
        self.purpose = purpose
        self.placeholder = placeholder
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

    def action_leave(self) -> None:
        purpose = self.purpose
        self.close()
        self.post_message(self.Left(purpose))

    def action_offer(self, step: int) -> None:
        if self._offers:
            self._offered = (max(self._offered, -1) + step) % len(self._offers)
            self.value = self._offers[self._offered]
            self.cursor_position = len(self.value)
