"""The event log on screen: oldest to newest, following its end until the reader scrolls up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from .entries import PREFIX, Entries, Entry

_STYLES = {
    "AI": "timeline--ai",
    "them": "timeline--them",
    "you": "timeline--you",
    "console": "timeline--console",
}


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
        self._log = Entries()
        self._cursor: int | None = None  # number of an entry
        self._mark: int | None = None
        self.unread = 0
        self.following = True

    # ---- entries ----

    def add(self, entries: Sequence[Entry]) -> None:
        """Append entries; the oldest go when there are too many. Never moves what is being read."""
        if not entries:
            return
        added, gone = self._log.add(entries)
        if self._cursor is not None and not self._log.first <= self._cursor <= self._log.newest:
            # Too old, or interim words that match the filter and gave way to final ones that do not.
            self.following = self.following or self._cursor > self._log.newest
            self._cursor = self._mark = None
        self.unread += 0 if self.following else added
        self._settle(gone)

    def filter(self, pattern: str) -> None:
        """Show only entries whose source or text holds `pattern` (any case); empty shows all."""
        self._log.lay_out(pattern=pattern)
        self.action_newest()

    @property
    def pattern(self) -> str:
        """What is filtered for; empty: everything is shown."""
        return self._log.pattern

    @property
    def entries(self) -> Sequence[Entry]:
        """Those shown, oldest first."""
        return self._log.shown

    @property
    def newest(self) -> Sequence[Entry]:
        """The newest entry shown, if there is one."""
        return [self._log.entry(self._log.newest)] if self._log.lines else []

    @property
    def selected(self) -> Sequence[Entry]:
        """The entries between mark and cursor; empty without a cursor."""
        low, high = self._range()
        return [self._log.entry(number) for number in range(max(low, self._log.first), high + 1)]

    def _range(self) -> tuple[int, int]:
        if self._cursor is None:
            return 0, -1
        mark = self._cursor if self._mark is None else self._mark
        return min(mark, self._cursor), max(mark, self._cursor)

    def _settle(self, gone: int = 0) -> None:
        """Bring size, scroll position and paint in line with the entries; `gone` lines left at the top."""
        following = self.following
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._log.lines))
        if following:
            self.scroll_end(animate=False, immediate=True, force=True)
            self.following = True
        elif gone:
            self.scroll_to(y=max(0, self.scroll_y - gone), animate=False, immediate=True, force=True)
        self.refresh()
        self.post_message(self.Moved())

    # ---- moving ----

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.following = self._cursor is None and round(new_value) >= self.max_scroll_y
        self.unread = 0 if self.following else self.unread
        self.post_message(self.Moved())

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Textual moves a scroll bar only while it is shown: one that appears stands at the top."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def on_resize(self, event: events.Resize) -> None:
        first = self._log.first
        self._log.lay_out(width=self.scrollable_content_region.width - PREFIX)
        self._cursor = None if self._cursor is None else self._cursor - first
        self._mark = None if self._mark is None else self._mark - first
        self._settle()

    def action_move(self, step: int, extend: bool = False) -> None:
        """Move the cursor by entries; below the newest it lets go, and the end is followed again."""
        before = self._cursor
        after = max(self._log.first, (self._log.newest + 1 if before is None else before) + step)
        if after > self._log.newest:
            self.action_newest()
            return
        self._mark = (self._mark if self._mark is not None else before) if extend else None
        self._put_cursor(after)

    def action_leaf(self, pages: int) -> None:
        """Scroll by whole pages."""
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False, immediate=True)

    def action_oldest(self) -> None:
        """Put the cursor on the oldest entry."""
        if self._log.lines:
            self._mark = None
            self._put_cursor(self._log.first)

    def action_newest(self) -> None:
        """Let go of the cursor and follow the end."""
        self._cursor = self._mark = None
        self.unread = 0
        self.following = True
        self._settle()

    def on_click(self, event: events.Click) -> None:
        y = event.y + round(self.scroll_y)
        if 0 <= y < len(self._log.lines):
            self._mark = None
            self._put_cursor(self._log.lines[y].number)

    def _put_cursor(self, number: int) -> None:
        self._cursor = number
        self.following = False
        at = [y for y, line in enumerate(self._log.lines) if line.number == number]
        top, height = round(self.scroll_y), self.scrollable_content_region.height
        if at[0] < top:
            self.scroll_to(y=at[0], animate=False, immediate=True)
        elif at[-1] >= top + height:
            self.scroll_to(y=at[-1] - height + 1, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Moved())

    # ---- painting ----

    @property
    def allow_select(self) -> bool:
        return True

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What the mouse has selected."""
        return selection.extract("\n".join(self._log.text(line) for line in self._log.lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, style = self.size.width, self.rich_style
        y += round(self.scroll_y)
        if y >= len(self._log.lines):
            return Strip.blank(width, style)
        line = self._log.lines[y]
        entry = self._log.entry(line.number)
        text = self._log.text(line)
        said = self.get_component_rich_style("timeline--interim") if entry.interim else style
        source = _STYLES.get(entry.source, "timeline--phone")
        segments = [
            Segment(text[:9], self.get_component_rich_style("timeline--time")),
            Segment(text[9:PREFIX], self.get_component_rich_style(source)),
            Segment(text[PREFIX:], said),
        ]
        strip = Strip(segments).adjust_cell_length(width, style)
        low, high = self._range()
        if low <= line.number <= high:
            strip = strip.apply_style(self.get_component_rich_style("timeline--cursor"))
        return self._with_mouse_selection(strip, y).apply_offsets(0, y)

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
