"""A keypad for the mouse. It never takes the focus."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

_ROWS = ("123", "456", "789", "*0#")
_CELL = 6


class Dialpad(Widget, can_focus=False):
    """Four rows of keys; a click types the digit."""

    DEFAULT_CSS = """
    Dialpad { height: 4; }
    """

    class Typed(Message):
        """A key of the pad was clicked."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    def render(self) -> Content:
        rows = []
        for row in _ROWS:
            rows.append(Content("").join([Content.assemble((f"  {c}  ", "reverse"), " ") for c in row]))
        return Content("\n").join(rows)

    def on_click(self, event: events.Click) -> None:
        column, inside = divmod(event.x, _CELL)
        if 0 <= event.y < len(_ROWS) and column < 3 and inside < _CELL - 1:
            self.post_message(self.Typed(_ROWS[event.y][column]))
