"""The event log: oldest to newest, following its end until the reader scrolls up."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from console.core.effects import Record

from .lines import breaks

LIMIT = 2000
"""Entries kept; older ones are in the log file."""

SOURCES = ("phone", "AI", "them", "you", "line", "audio", "console")
"""The kinds of entries, as `core.journal` names them."""

_SOURCE = max(len(source) for source in SOURCES)
_PREFIX = len("12:03:49 ") + _SOURCE + 1
_STYLES = {
    "AI": "timeline--ai",
    "them": "timeline--them",
    "you": "timeline--you",
    "console": "timeline--console",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the event log. `time`: wall time as text; `interim`: words that may still change."""

    record: Record
    time: str
    source: str
    text: str
    interim: bool = False

    def gives_way_to(self, later: Entry) -> bool:
        """Interim words are replaced by what the same side said in the end."""
        same = self.record.fields.get("role") == later.record.fields.get("role")
        return self.interim and same and later.record.type == self.record.type

    @property
    def line(self) -> str:
        """As it is copied."""
        return f"{self.time} {self.source:<{_SOURCE}} {self.text}"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line on screen: part of the text of an entry, which is counted from the very first."""

    entry: int
    start: int
    end: int


class Timeline(ScrollView, can_focus=True):
    """Entries as wrapped lines with a cursor. Up and down move the cursor, shift extends the selection."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Earlier entry", show=False),
        Binding("down", "move(1)", "Later entry", show=False),
        Binding("shift+up", "move(-1, True)", "Select earlier", show=False),
        Binding("shift+down", "move(1, True)", "Select later", show=False),
        Binding("pageup", "leaf(-1)", "Page up", show=False),
        Binding("pagedown", "leaf(1)", "Page down", show=False),
        Binding("home", "oldest", "Oldest entry", show=False),
        Binding("end", "newest", "Newest entry", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "timeline--time",
        "timeline--phone",
        "timeline--ai",
        "timeline--them",
        "timeline--you",
        "timeline--console",
        "timeline--interim",
        "timeline--cursor",
    }
    DEFAULT_CSS = """
    Timeline { scrollbar-background: $background; scrollbar-color: $foreground 30%;
        scrollbar-size-vertical: 1; scrollbar-gutter: stable; overflow-x: hidden; overflow-y: auto; }
    Timeline > .timeline--time { color: $text-muted; }
    Timeline > .timeline--phone { color: $foreground; }
    Timeline > .timeline--ai { color: $text-accent; }
    Timeline > .timeline--them { color: $text-success; }
    Timeline > .timeline--you { color: $text-warning; }
    Timeline > .timeline--console { color: $text-error; }
    Timeline > .timeline--interim { color: $text-muted; text-style: italic; }
    Timeline > .timeline--cursor { text-style: reverse; }
    """

    class Moved(Message):
        """The cursor, the selection, or what is below the visible part changed."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._all: deque[Entry] = deque(maxlen=LIMIT)
        self._shown: deque[Entry] = deque()
        self._gone = 0  # shown entries that have been dropped: entries are counted from the very first
        self._lines: list[_Line] = []
        self._pattern = ""
        self._cursor: int | None = None
        self._mark: int | None = None
        self._unread = 0
        self._dropped_lines = 0
        self.following = True

    # ---- entries ----

    def add(self, entries: Sequence[Entry]) -> None:
        """Append entries; the oldest go when there are more than `LIMIT`. Never moves what is being read."""
        for entry in entries[-LIMIT:]:
            if self._all and self._all[-1].gives_way_to(entry):
                self._take_back(self._all.pop())
            if len(self._all) == LIMIT:
                self._drop(self._all[0])
            self._all.append(entry)
            if self._matches(entry):
                self._show_entry(entry)
                self._unread += not self.following
        self._settle()

    def filter(self, pattern: str) -> None:
        """Show only entries whose source or text holds `pattern` (any case); empty shows all."""
        self._pattern = pattern.strip().casefold()
        self._lay_out_again()
        self.action_newest()

    @property
    def pattern(self) -> str:
        return self._pattern

    @property
    def entries(self) -> Sequence[Entry]:
        """Those shown, oldest first."""
        return tuple(self._shown)

    @property
    def unread(self) -> int:
        """Entries that came below while the reader was further up."""
        return self._unread

    @property
    def selected(self) -> Sequence[Entry]:
        """The entries between mark and cursor; empty without a cursor."""
        if self._cursor is None:
            return ()
        mark = self._cursor if self._mark is None else self._mark
        low, high = sorted((self._cursor - self._gone, mark - self._gone))
        return tuple(self._shown)[max(0, low) : high + 1]

    def _matches(self, entry: Entry) -> bool:
        pattern = self._pattern
        if pattern in (source.casefold() for source in SOURCES):
            return entry.source.casefold() == pattern
        return pattern in f"{entry.source} {entry.text}".casefold()

    def _show_entry(self, entry: Entry) -> None:
        number = self._gone + len(self._shown)
        self._shown.append(entry)
        width = max(10, self.scrollable_content_region.width - _PREFIX)
        self._lines += [_Line(number, start, end) for start, end in breaks(entry.text, width)]

    def _take_back(self, entry: Entry) -> None:
        if self._shown and self._shown[-1] is entry:
            self._shown.pop()
            number = self._gone + len(self._shown)
            while self._lines and self._lines[-1].entry == number:
                self._lines.pop()

    def _drop(self, entry: Entry) -> None:
        if not self._shown or self._shown[0] is not entry:
            return
        self._shown.popleft()
        lines = next((i for i, line in enumerate(self._lines) if line.entry > self._gone), len(self._lines))
        del self._lines[:lines]
        self._gone += 1
        if self._cursor is not None and self._cursor < self._gone:
            self._cursor = self._mark = None
        if not self.following:
            self._dropped_lines += lines

    def _lay_out_again(self) -> None:
        self._shown.clear()
        self._lines.clear()
        self._gone = 0
        self._cursor = self._mark = None
        for entry in self._all:
            if self._matches(entry):
                self._show_entry(entry)
        self._settle()

    def _settle(self) -> None:
        """Bring size, scroll position and paint in line with the entries."""
        dropped, self._dropped_lines = self._dropped_lines, 0
        following = self.following
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        if following:
            self.scroll_end(animate=False, immediate=True, force=True)
            self.following = True
        elif dropped:
            self.scroll_to(y=max(0, self.scroll_y - dropped), animate=False, immediate=True, force=True)
        self.refresh()
        self.post_message(self.Moved())

    # ---- moving ----

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.following = round(new_value) >= self.max_scroll_y
        if self.following:
            self._unread = 0
        self.post_message(self.Moved())

    def on_resize(self, event: events.Resize) -> None:
        cursor, mark, gone = self._cursor, self._mark, self._gone
        self._lay_out_again()
        if cursor is not None:
            self._cursor, self._mark = cursor - gone, None if mark is None else mark - gone

    def action_move(self, step: int, extend: bool = False) -> None:
        """Move the cursor by entries; from the newest, down lets go of it and follows again."""
        if not self._shown:
            return
        newest = self._gone + len(self._shown) - 1
        before = self._cursor
        after = max(self._gone, (newest + 1 if before is None else before) + step)
        if after > newest:
            self.action_newest()
            return
        self._mark = (self._mark if self._mark is not None else before) if extend else None
        self._put_cursor(after)

    def action_leaf(self, pages: int) -> None:
        """Scroll by whole pages."""
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False, immediate=True)

    def action_oldest(self) -> None:
        if self._shown:
            self._mark = None
            self._put_cursor(self._gone)

    def action_newest(self) -> None:
        """Let go of the cursor and follow the end."""
        self._cursor = self._mark = None
        self._unread = 0
        self.following = True
        self._settle()

    def on_click(self, event: events.Click) -> None:
        y = event.y + round(self.scroll_y)
        if 0 <= y < len(self._lines):
            self._mark = None
            self._put_cursor(self._lines[y].entry)

    def _put_cursor(self, number: int) -> None:
        self._cursor = number
        at = [y for y, line in enumerate(self._lines) if line.entry == number]
        height = self.scrollable_content_region.height
        top = round(self.scroll_y)
        if at and at[0] < top:
            self.scroll_to(y=at[0], animate=False, immediate=True)
        elif at and at[-1] >= top + height:
            self.scroll_to(y=at[-1] - height + 1, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Moved())

    # ---- painting ----

    @property
    def allow_select(self) -> bool:
        return True

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What the mouse has selected."""
        return selection.extract("\n".join(self._text(line) for line in self._lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def _text(self, line: _Line) -> str:
        entry = self._shown[line.entry - self._gone]
        prefix = f"{entry.time} {entry.source:<{_SOURCE}} " if line.start == 0 else " " * _PREFIX
        return prefix + entry.text[line.start : line.end]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        y += round(self.scroll_y)
        style = self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, style)
        line = self._lines[y]
        entry = self._shown[line.entry - self._gone]
        text = self._text(line)
        named = self.get_component_rich_style(_STYLES.get(entry.source, "timeline--phone"))
        said = self.get_component_rich_style("timeline--interim") if entry.interim else style
        segments = [
            Segment(text[:9], self.get_component_rich_style("timeline--time")),
            Segment(text[9:_PREFIX], named),
            Segment(text[_PREFIX:], said),
        ]
        strip = Strip(segments).adjust_cell_length(width, style)
        if self._is_selected(line.entry):
            strip = strip.apply_style(self.get_component_rich_style("timeline--cursor"))
        return self._with_mouse_selection(strip, y).apply_offsets(0, y)

    def _is_selected(self, number: int) -> bool:
        if self._cursor is None:
            return False
        low, high = sorted((self._cursor, self._cursor if self._mark is None else self._mark))
        return low <= number <= high

    def _with_mouse_selection(self, strip: Strip, y: int) -> Strip:
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        if span is None:
            return strip
        start, end = span
        end = strip.cell_length if end == -1 else min(end, strip.cell_length)
        if start >= end:
            return strip
        before, inside, after = strip.divide([start, end, strip.cell_length])
        chosen = self.screen.get_component_rich_style("screen--selection")
        return Strip([*before, *inside.apply_style(chosen), *after])
