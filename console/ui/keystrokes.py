"""What a key press means before anything acts on it: single presses, pasted bursts, keyboard layouts."""

from __future__ import annotations

from dataclasses import dataclass, field

GAP = 0.02
"""Seconds: keys that follow each other faster were not typed by a hand."""

HANG_UP = "h"

_TYPED = tuple("0123456789*#")
_BACK = "backspace"

_RUSSIAN = dict(zip("йцукенгшщзхъфывапролджэячсмитьбю", "qwertyuiop[]asdfghjkl;'zxcvbnm,.", strict=True))
_RUSSIAN |= {"№": "#", ",": "?"}


def latin(text: str) -> str:
    """Russian letters as the Latin ones in their places, capitals as capitals; everything else as it is."""
    return "".join(_RUSSIAN.get(c.lower(), c).upper() if c.isupper() else _RUSSIAN.get(c, c) for c in text)


def by_position(character: str) -> str:
    """The command letter on this key: lower case, and a Russian layout read as the Latin one in its place."""
    lowered = character.lower()
    return _RUSSIAN.get(lowered, lowered)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A key as it arrived: its name, the character it types (empty for none), and when (seconds)."""

    key: str
    character: str
    at: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What a burst was: presses by hand, or text that was `pasted`. `held`: one key repeated."""

    presses: list[Stroke] = field(default_factory=list)
    pasted: str = ""
    held: bool = False


@dataclass(slots=True)
class Burst:
    """Gathers strokes until a gap, then says whether a hand pressed a key or something was pasted."""

    strokes: list[Stroke] = field(default_factory=list)

    def belongs(self, stroke: Stroke) -> bool:
        """Whether this stroke continues the burst."""
        return not self.strokes or stroke.at - self.strokes[-1].at < GAP

    def add(self, stroke: Stroke) -> None:
        self.strokes.append(stroke)

    def take(self) -> Taken:
        """End the burst. One key held down or hit twice by a trembling finger is a press of that key, and of
        a digit or Backspace so many presses: a slow connection delivers them together. Of two keys hit
        together, one of which hangs up, that one counts: nothing worth pasting is so short."""
        strokes, self.strokes = self.strokes, []
        if len({s.key for s in strokes}) <= 1:
            editing = bool(strokes) and _edits(strokes[0])
            return Taken(strokes if editing else strokes[:1], held=len(strokes) > 1)
        if any(s.key == _BACK for s in strokes) and all(map(_edits, strokes)):
            return Taken(strokes)
        hang_up = [s for s in strokes if by_position(s.character) == HANG_UP]
        if len(strokes) == 2 and hang_up:
            return Taken(hang_up)
        if len(strokes) == 2 and all(s.character.isalpha() for s in strokes):
            return Taken(strokes)  # two commands at once, or brought together by a slow connection
        return Taken(pasted="".join(s.character if s.character.isprintable() else " " for s in strokes))


def _edits(stroke: Stroke) -> bool:
    return stroke.key == _BACK or stroke.character in _TYPED
