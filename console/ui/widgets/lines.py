"""Rows of words laid out as lines of a given width. All text is literal: nothing here parses markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.content import Content

from console.ui.present.words import Row, Span, Tone

STYLES = {
    Tone.PLAIN: "",
    Tone.DIM: "$foreground 60%",
    Tone.STRONG: "bold",
    Tone.GOOD: "$text-success",
    Tone.WARN: "$text-warning",
    Tone.BAD: "bold $text-error",
    Tone.BADGE: "bold reverse",
    Tone.BADGE_GOOD: "bold reverse $text-success",
    Tone.BADGE_WARN: "bold reverse $text-warning",
    Tone.BADGE_BAD: "bold reverse $text-error",
}


def content(spans: Iterable[Span]) -> Content:
    """The spans one after another."""
    return Content.assemble(*((s.text, STYLES[s.tone]) for s in spans if s.text))


def breaks(text: str, width: int) -> list[tuple[int, int]]:
    """Where to cut `text` into lines of at most `width` cells, at spaces if there are any: (start, end)."""
    if cell_len(text) <= width or width < 2:
        return [(0, len(text))]
    lines: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = _fitting(text, start, width)
        if end < len(text) and text[end] != " ":
            space = text.rfind(" ", start + 1, end)
            end = space if space > start else end
        lines.append((start, end))
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
    return lines


def _fitting(text: str, start: int, width: int) -> int:
    used = 0
    for index in range(start, len(text)):
        used += cell_len(text[index])
        if used > width:
            return max(index, start + 1)
    return len(text)


def lay_out(rows: Sequence[Row], width: int, height: int) -> list[Content]:
    """At most `height` lines of at most `width` cells; what is cut short ends in an ellipsis."""
    lines: list[Content] = []
    for row in rows:
        lines += _row(row, width)
    if len(lines) > height > 0:
        cut = lines[height - 1]
        lines = [*lines[: height - 1], (cut + Content(" …")) if cell_len(cut.plain) < width - 1 else cut]
    return lines[:height]


def _row(row: Row, width: int) -> list[Content]:
    left = content(row.left)
    if row.wraps:
        return [left[start:end] for start, end in breaks(left.plain, width)] if left.plain else [left]
    right = content(row.right)
    room = width - cell_len(right.plain) - (1 if right.plain else 0)
    if room < 1:
        return [left.truncate(width, ellipsis=True)]
    left = left.truncate(room, ellipsis=True)
    gap = width - cell_len(left.plain) - cell_len(right.plain)
    return [left + Content(" " * gap) + right] if right.plain else [left]
