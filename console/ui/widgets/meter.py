"""A level meter in dBFS, from -60 to 0 with a peak hold: silence looks silent."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from console.language import tr

FLOOR = -60.0
"""dBFS at the left end of the bar; below it is silence."""

HOLD = 1.5
"""Seconds a peak stays before it falls."""

FALL = 20.0
"""dB per second at which a held peak falls."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


class Meter(Widget, can_focus=False):
    """One line: a name, the bar, the level, and in words who speaks."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"meter--bar", "meter--loud", "meter--peak", "meter--words"}
    DEFAULT_CSS = """
    Meter { height: 1; }
    Meter > .meter--bar { color: $success; }
    Meter > .meter--loud { color: $warning; }
    Meter > .meter--peak { color: $foreground; text-style: bold; }
    Meter > .meter--words { color: $foreground; }
    """

    def __init__(self, label: str, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.label = label
        self.level = FLOOR
        self.peak = FLOOR
        self.words = ""
        self._peak_at = 0.0

    def show(self, level: float, now: float, words: str) -> None:
        """A new level in dBFS at engine time `now`; repaints this line only."""
        level = min(0.0, max(FLOOR, level))
        held = self.peak - max(0.0, now - self._peak_at - HOLD) * FALL
        if level >= held:
            self.peak, self._peak_at = level, now
        elif held < self.peak:
            self.peak, self._peak_at = max(FLOOR, held), now - HOLD
        if (level, words) != (self.level, self.words) or self.peak > FLOOR:
            self.level, self.words = level, words
            self.refresh()

    def rest(self, words: str = "") -> None:
        """No audio path: an empty bar."""
        if self.level > FLOOR or self.peak > FLOOR or words != self.words:
            self.level = self.peak = FLOOR
            self.words = words
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        bar_width = max(4, width - len(self.label) - 28)
        style = self.rich_style
        silent = self.level <= FLOOR
        decibels = tr("dB")
        figure = f" <-60 {decibels}" if silent else f"{self.level:5.0f} {decibels}"
        segments = [
            Segment(f"{self.label} [", style),
            *self._bar(bar_width, style),
            Segment("]", style),
            Segment(f"{figure}  ", style),
            Segment(self.words, self.get_component_rich_style("meter--words")),
        ]
        return Strip(segments).adjust_cell_length(width, style)

    def _bar(self, width: int, style: Style) -> list[Segment]:
        eighths = round((self.level - FLOOR) / -FLOOR * width * 8)
        full, part = divmod(eighths, 8)
        filled = ("█" * full + (_EIGHTHS[part] if part else ""))[:width].ljust(width)
        loud = round(width * 0.85)
        cells = [Segment(filled[:loud], self.get_component_rich_style("meter--bar"))]
        cells.append(Segment(filled[loud:], self.get_component_rich_style("meter--loud")))
        mark = min(width - 1, round((self.peak - FLOOR) / -FLOOR * width))
        if self.peak <= FLOOR or mark < full + (part > 0):
            return cells
        before, after = Strip(cells).divide([mark, width])[0], Strip(cells).divide([mark + 1, width])[1]
        return [*before, Segment("│", self.get_component_rich_style("meter--peak")), *after]
