"""When the terminal's bell rings: answered, ended or failed, incoming, AI trouble."""

from __future__ import annotations

from console.core.events import ClosedBy
from console.core.state import Call, CallPhase, State

RING_EVERY = 3.0
"""Seconds between two bells while somebody is calling."""


def occasion(before: State | None, after: State) -> str:
    """What happened between two states that deserves a bell; empty when nothing did."""
    old = {c.id: c for c in before.calls} if before is not None else {}
    for call in (*after.calls, *after.ended[:1]):
        was = old.get(call.id)
        happened = _happened(was, call)
        if happened and (was is not None or call.phase is CallPhase.INCOMING):
            return happened
    return ""


def _happened(was: Call | None, call: Call) -> str:
    phase = was.phase if was is not None else None
    if call.phase is CallPhase.INCOMING and phase is not CallPhase.INCOMING:
        return "incoming"
    if call.phase is CallPhase.UP and phase is not CallPhase.UP:
        return "answered"
    if call.over and phase not in (None, CallPhase.CLOSED) and call.by is not ClosedBy.OPERATOR:
        return "ended"
    before = (was.agent.drops, was.agent.refusal, was.agent.trouble) if was is not None else (0, None, "")
    now = (call.agent.drops, call.agent.refusal, call.agent.trouble)
    return "trouble" if now != before and any(now) and not call.over else ""
