"""The top line of who only looks on."""

from __future__ import annotations

from dataclasses import replace

from console.core.state import State
from console.language import shown, tr

from .status import Status
from .words import Span, Tone


def looking_on(status: Status, state: State | None) -> Status:
    """The facts as they are; in front of them that another console has the line, not that one could dial."""
    word, where = tr("ONLY LOOKING ON"), tr("another console has the line")
    if state is not None and not state.line.up:
        where = shown(state.line.reason) or where
    head = (Span(f" {word} ", Tone.BADGE_WARN), Span(f"  {where}", Tone.STRONG))
    return replace(status, head=head, press=tr("ctrl+q quits"))
