"""Panels: a heading rule and what stands under it."""

from __future__ import annotations

from rich.cells import cell_len
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from .sheet import Sheet


class Heading(Widget, can_focus=False):
    """A rule with a title on its left and words on its right."""

    DEFAULT_CSS = """
    Heading { height: 1; color: $text-muted; }
    """

    def __init__(self, title: str, *words: str) -> None:
        super().__init__(markup=False)
        self._title = title
        self._words = words

    def show(self, title: str, *words: str) -> None:
        """Words that do not fit are left out from the end."""
        if (title, words) != (self._title, self._words):
            self._title, self._words = title, words
            self.refresh()

    def render(self) -> Content:
        width = self.content_size.width
        left = Content.assemble("─ ", (self._title, "bold $foreground"), " ")
        for count in range(len(self._words), -1, -1):
            right = "".join(f" {words} ─" for words in self._words[:count])
            rule = width - cell_len(left.plain) - cell_len(right)
            if rule > 0:
                return left + Content("─" * rule + right)
        return left.truncate(width, ellipsis=True)


class Panel(Vertical, can_focus=False):
    """A heading over sheets and meters."""

    DEFAULT_CSS = """
    Panel { height: auto; }
    """

    def __init__(self, title: str, *children: Widget, id: str | None = None) -> None:
        self.heading = Heading(title)
        super().__init__(self.heading, *children, id=id)

    @property
    def words(self) -> str:
        """The words under the heading as plain text, for tests."""
        return "\n".join(sheet.words for sheet in self.query(Sheet))
