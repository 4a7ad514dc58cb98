"""The command keys in their fixed places; greyed when they make no sense, never hidden."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from console.ui.present.keys import Key

_GAP = 2


class KeyBar(Widget, can_focus=False):
    """A click on a key is a press of it."""

    DEFAULT_CSS = """
    KeyBar { height: 1; }
    """

    class Pressed(Message):
        """A key was clicked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._keys: tuple[Key, ...] = ()

    def show(self, keys: Sequence[Key]) -> None:
        if tuple(keys) != self._keys:
            self._keys = tuple(keys)
            self.refresh()

    @property
    def words(self) -> str:
        return "  ".join(f"{k.key} {k.label}" for k in self._keys)

    def _places(self) -> list[tuple[int, int, Key]]:
        """(line, column, key) of every key."""
        places, line, column = [], 0, 0
        for key in self._keys:
            length = len(key.key) + 1 + len(key.label)
            if column and column + length > self.content_size.width:
                line, column = line + 1, 0
            places.append((line, column, key))
            column += length + _GAP
        return places

    def render(self) -> Content:
        lines: dict[int, list[Content]] = {}
        for line, _, key in self._places():
            lines.setdefault(line, []).append(_painted(key))
        return Content("\n").join([Content(" " * _GAP).join(line) for line in lines.values()])

    def on_click(self, event: events.Click) -> None:
        for line, column, key in self._places():
            if event.y == line and column <= event.x < column + len(key.key) + 1 + len(key.label):
                self.post_message(self.Pressed(key.key))


def _painted(key: Key) -> Content:
    if not key.enabled:
        return Content.styled(f"{key.key} {key.label}", "$foreground 75% dim")
    style = "bold reverse" if key.loud else "bold"
    return Content.assemble((key.key, style), " ", (key.label, "bold" if key.loud else ""))
