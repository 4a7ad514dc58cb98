"""The top line of who only looks on."""

from __future__ import annotations

from dataclasses import replace

from console.core.replay import CONSOLE_ENDED
from console.core.state import State
from console.language import shown, tr

from .status import Status, demo_badge
from .words import Card, Span, Tone


def looking_on(status: Status, state: State | None, demo: bool = False) -> Status:
    """The facts as they are; in front of them that another console has the line, not that one could dial."""
    word, where, press = tr("ONLY LOOKING ON"), tr("another console has the line"), tr("ctrl+q quits")
    if state is not None and not state.line.up:
        where = shown(state.line.reason) or where
        if state.line.reason == CONSOLE_ENDED:
            press = tr("ctrl+q, then start without --watch")
    head = (Span(f" {word} ", Tone.BADGE_WARN), Span(f"  {where}", Tone.STRONG))
    return replace(status, head=(*head, *demo_badge()) if demo else head, press=press)


def without_next_step(card: Card) -> Card:
    """What became of the last call; redialing is for the other console."""
    return replace(card, rows=(*card.rows[:1], *card.rows[2:]))
