"""Which presses of a key count: not those of a key held down, nor of one whose meaning changed just now."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from .present.keys import Key
from .question import HELD_OFF, REPEATED

TWICE = 0.7
"""Seconds in which one of `_ONCE` again does nothing: a key held down first waits so long."""

_ONCE = "oksg"
"""Keys that would undo, or do twice, what their first press did."""

_NEVER = float("-inf")


class Press(Enum):
    """What a press is worth."""

    COUNTS = auto()
    REPEATS = auto()
    CHANGED = auto()


class Presses:
    """Remembers what keys meant and which one was pressed last. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._meanings: dict[str, str] = {}
        self._changed_at: dict[str, float] = {}
        self._last = ("", _NEVER)

    def see(self, keys: Sequence[Key], at: float) -> None:
        """What the keys mean from now on."""
        for key in keys:
            if self._meanings.get(key.key, key.meaning) != key.meaning:
                self._changed_at[key.key] = at
            self._meanings[key.key] = key.meaning

    def judge(self, name: str, at: float, held: bool) -> Press:
        """A press of this key; `held`: it is known to repeat."""
        since = at - self._last[1] if name == self._last[0] else float("inf")
        if held or since < (TWICE if name in _ONCE else REPEATED):
            self._last = (name, at)
            return Press.REPEATS
        if at - self._changed_at.get(name, _NEVER) < HELD_OFF:
            return Press.CHANGED
        self._last = (name, at)
        return Press.COUNTS
