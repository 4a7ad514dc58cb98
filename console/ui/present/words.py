"""The small vocabulary that all words on the screen are built of: spans with a tone, rows, and times."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from console.core.journal import duration
from console.language import tr


class Tone(StrEnum):
    """What a span of text means; colour supports it and never carries it."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    BADGE = "badge"
    BADGE_GOOD = "badge-good"
    BADGE_WARN = "badge-warn"
    BADGE_BAD = "badge-bad"


@dataclass(frozen=True, slots=True)
class Span:
    """Literal text, never markup."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a panel: `left` gives way to `right` when space is short. A row that wraps may take several
    lines and has no right side."""

    left: tuple[Span, ...] = ()
    right: tuple[Span, ...] = ()
    wraps: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A box about one thing: the big word, what stands beside it, the timer, and rows under it."""

    word: str
    tone: Tone
    beside: str = ""
    timer: str = ""
    rows: tuple[Row, ...] = ()

    def all_rows(self) -> tuple[Row, ...]:
        """The card as rows, the big word first."""
        head = (
            Span(f" {self.word} ", self.tone),
            Span(f"  {self.beside}" if self.beside else "", Tone.STRONG),
        )
        return (Row(head, (Span(self.timer, Tone.STRONG),) if self.timer else ()), *self.rows)


def row(left: str, tone: Tone = Tone.PLAIN, right: str = "", right_tone: Tone = Tone.PLAIN) -> Row:
    """A row of one span on each side."""
    return Row((Span(left, tone),), (Span(right, right_tone),) if right else ())


def sentence(text: str, tone: Tone = Tone.PLAIN) -> Row:
    """A row that wraps."""
    return Row((Span(text, tone),), wraps=True)


def left_over(seconds: float) -> str:
    """A time that counts down, as `m:ss`, whole seconds, rounded up so that 0:00 means over."""
    return duration(-int(-max(0.0, seconds) // 1))


def seconds_left(seconds: float) -> str:
    """A short time that counts down, `8 s`, rounded up so that 0 s means over."""
    return tr("{n} s", n=-int(-max(0.0, seconds) // 1))


def short(seconds: float) -> str:
    """A short length of time: `0.3 s` below ten seconds, `12 s` above."""
    return tr("{n:.1f} s", n=max(0.0, seconds)) if seconds < 9.95 else tr("{n} s", n=round(seconds))


def whole(seconds: float) -> str:
    """A length of time in whole seconds, `9 s`, or `1:05` from a minute on."""
    return tr("{n} s", n=max(0, round(seconds))) if seconds < 59.5 else duration(seconds)


def time_of_day(unix: float, seconds: bool = True) -> str:
    """Local wall time of a Unix time."""
    return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.localtime(unix))
