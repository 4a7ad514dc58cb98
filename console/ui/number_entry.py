"""The number being typed: what keys, pastes and the history do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.core.text import clean

LONGEST = 64
TYPED = "0123456789+*#"


@dataclass(slots=True)
class NumberEntry:
    """The text of the number field. `as_uri`: it came from the history of a call to a SIP URI."""

    text: str = ""
    as_uri: bool = False
    recalled: int | None = None  # how far up the history; None: typed

    def type(self, character: str) -> None:
        if len(self.text) < LONGEST:
            self.text += character
        self.recalled = None

    def backspace(self) -> None:
        self.text = self.text[:-1]
        self.recalled = None
        self.as_uri = self.as_uri and bool(self.text)

    def clear(self) -> None:
        self.text, self.as_uri, self.recalled = "", False, None

    def put(self, text: str, as_uri: bool = False) -> None:
        """Replace what is there."""
        self.text, self.as_uri, self.recalled = clean(text, LONGEST), as_uri, None

    def paste(self, text: str, complete: bool) -> None:
        """Put pasted text behind what is there, or in its place when that is a `complete` number already (or
        came from the history). Nothing is dropped but control characters: what is wrong with it is said."""
        fresh = complete or self.recalled is not None
        self.put(text if fresh else self.text + text)

    def recall(self, step: int, history: Sequence[tuple[str, bool]]) -> bool:
        """Go `step` numbers up (+1) or down (-1) the history of (number, as_uri), newest first. False when
        the field holds something typed, or there is nothing further."""
        if self.text and self.recalled is None:
            return False
        position = step - 1 if self.recalled is None else self.recalled + step
        if position < 0:
            self.clear()
            return True
        if position >= len(history):
            return False
        self.text, self.as_uri = history[position]
        self.recalled = position
        return True
