"""A question to the operator that the same key must answer: by a press of its own, not by being held down."""

from __future__ import annotations

from dataclasses import dataclass

from console.core.events import CallId

HELD_OFF = 0.4
"""Seconds after a question, or any change of what a key means, in which that key does nothing."""

RELEASE = 0.2
"""Seconds without another press of the key that make an answer: a key held down repeats faster."""

REPEATED = 0.15
"""Seconds within which the same command key again is the key being held down."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the same key must confirm: a number to dial (`key` Enter), or never to call (`!`; with `undo`
    that it may be called again)."""

    key: str
    text: str
    as_uri: bool = False
    call: CallId | None = None
    undo: bool = False


class Asked:
    """The question that stands, and whether it is being answered. Times are seconds of one clock.

    A held key repeats after a first delay that is as long as a hand needs for a second press. So a press only
    proposes the answer, and stands when nothing follows it for `RELEASE`; a repeat takes it back, and
    starts the time again in which no press is an answer.
    """

    def __init__(self) -> None:
        self.question: Question | None = None
        self.answering = False
        self._pressed_at = 0.0

    def ask(self, question: Question, at: float) -> None:
        """Put a question; the press that raised it was at this moment."""
        self.question, self.answering = question, False
        self._pressed_at = at

    def drop(self) -> None:
        self.question, self.answering = None, False

    def press(self, at: float, held: bool = False) -> bool:
        """The key was pressed again; `held`: it is known to repeat. False: by a hand, but too soon."""
        since = at - self._pressed_at
        repeats = held or since < REPEATED
        self._pressed_at = at
        self.answering = not repeats and since >= HELD_OFF
        return repeats or self.answering

    def answered(self) -> Question | None:
        """The key was let go: the question, once, when the last press of it was an answer."""
        if not self.answering:
            return None
        question = self.question
        self.drop()
        return question
