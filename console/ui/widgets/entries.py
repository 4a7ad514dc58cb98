"""The entries of the event log as wrapped lines: bounded, filtered; knows no widgets."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from console.core.effects import Record
from console.core.journal_texts import SOURCES
from console.language import shown

from .lines import breaks

LIMIT = 2000
"""Entries kept; older ones are in the log file."""

SOURCE_WIDTH = 7
"""Cells for the kind of an entry, in every language."""

PREFIX = len("12:03:49 ") + SOURCE_WIDTH + 1
"""Cells before the text of an entry: wall time and source."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the event log. `time`: wall time as text; `interim`: words that may still change."""

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
    def label(self) -> str:
        """Its kind in the language of the screen."""
        return shown(SOURCES.get(self.source, self.source))

    @property
    def line(self) -> str:
        """As it is copied."""
        return f"{self.time} {self.label:<{SOURCE_WIDTH}} {self.text}"


@dataclass(frozen=True, slots=True)
class EntryLine:
    """A line on screen: part of the text of an entry, by its number."""

    number: int
    start: int
    end: int


class Entries:
    """At most `LIMIT` entries; those that match the pattern are wrapped to `width` cells of text and numbered
    from the first one ever shown, so that numbers stay when old entries go."""

    def __init__(self, width: int = 60) -> None:
        self._all: deque[Entry] = deque()
        self._shown: deque[Entry] = deque()
        self.first = 0
        self.lines: list[EntryLine] = []
        self.pattern = ""
        self._width = width

    @property
    def shown(self) -> Sequence[Entry]:
        """The matching entries, oldest first."""
        return tuple(self._shown)

    @property
    def newest(self) -> int:
        """Number of the newest entry shown; `first - 1` when there is none."""
        return self.first + len(self._shown) - 1

    def entry(self, number: int) -> Entry:
        return self._shown[number - self.first]

    def text(self, line: EntryLine) -> str:
        """A line as it is shown: time and source stand before the first of an entry."""
        entry = self.entry(line.number)
        prefix = f"{entry.time} {entry.label:<{SOURCE_WIDTH}} " if line.start == 0 else " " * PREFIX
        return prefix + entry.text[line.start : line.end]

    def add(self, entries: Sequence[Entry]) -> tuple[int, int]:
        """Append entries, dropping the oldest over `LIMIT`: (entries shown more, lines gone at the top)."""
        added = gone = 0
        for entry in entries[-LIMIT:]:
            if self._all and self._all[-1].gives_way_to(entry):
                self._take_back(self._all.pop())
            if len(self._all) == LIMIT:
                gone += self._drop(self._all.popleft())
            self._all.append(entry)
            if self._matches(entry):
                self._show(entry)
                added += 1
        return added, gone

    def lay_out(self, width: int | None = None, pattern: str | None = None) -> None:
        """Wrap to another width, or show what matches another pattern (a source, or words of any case)."""
        self._width = self._width if width is None else max(10, width)
        self.pattern = self.pattern if pattern is None else pattern.strip().casefold()
        self._shown.clear()
        self.lines.clear()
        self.first = 0
        for entry in self._all:
            if self._matches(entry):
                self._show(entry)

    def _matches(self, entry: Entry) -> bool:
        if self.pattern in (shown(source).casefold() for source in SOURCES.values()):
            return entry.label.casefold() == self.pattern
        return self.pattern in f"{entry.label} {entry.text}".casefold()

    def _show(self, entry: Entry) -> None:
        self._shown.append(entry)
        number = self.newest
        self.lines += [EntryLine(number, start, end) for start, end in breaks(entry.text, self._width)]

    def _take_back(self, entry: Entry) -> None:
        if self._shown and self._shown[-1] is entry:
            number = self.newest
            self._shown.pop()
            while self.lines and self.lines[-1].number == number:
                self.lines.pop()

    def _drop(self, entry: Entry) -> int:
        if not self._shown or self._shown[0] is not entry:
            return 0
        self._shown.popleft()
        gone = next((i for i, line in enumerate(self.lines) if line.number > self.first), len(self.lines))
        del self.lines[:gone]
        self.first += 1
        return gone
