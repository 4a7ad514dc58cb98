"""A panel of rows that never changes its size when its words change."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from console.ui.present.words import Row

from .lines import lay_out


class Sheet(Widget, can_focus=False):
    """Shows rows of words; what does not fit is cut, so nothing on the screen ever jumps."""

    DEFAULT_CSS = """
    Sheet { height: 1; }
    """

    def __init__(self, *rows: Row, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._rows: tuple[Row, ...] = rows

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; repaints only when they differ, and never lays the screen out again."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self.refresh()

    def render(self) -> Content:
        width, height = self.content_size
        return Content("\n").join(lay_out(self._rows, width, height))

    @property
    def words(self) -> str:
        """The rows as plain text, for tests and for copying."""
        return "\n".join("".join(s.text for s in (*row.left, *row.right)) for row in self._rows)
