"""States in which the words of the screen are looked at."""

from __future__ import annotations

from dataclasses import replace

from console.core.events import CallId, Origin, RegState
from console.core.state import Agent, AgentPhase, Call, CallPhase, Line, Policy, State
from console.ui.present.words import Row

ID = CallId("c1")
READY = State(Policy("sip.exolve.ru"), Line(up=True, registration=RegState.OK))
NOW = 100.0


def made(phase: CallPhase, **changes: object) -> Call:
    base = Call(ID, "+79123456789", "sip:79123456789@sip.exolve.ru", Origin.KEYS, phase, 49.0, limit_at=109.0)
    return replace(base, **changes)  # type: ignore[arg-type]


def up(**changes: object) -> Call:
    live = Agent(AgentPhase.LIVE, 1, billed_from=58.1, first_audio_at=58.3)
    return made(
        CallPhase.UP, **{"answered_at": 58.0, "limit_at": 658.0, "rtp_seen": True, "agent": live, **changes}
    )


def with_call(shown: Call, **changes: object) -> State:
    return replace(READY, calls=(shown,), **changes)  # type: ignore[arg-type]


def text(rows: tuple[Row, ...] | list[Row]) -> str:
    return "\n".join(" ".join(s.text for s in (*r.left, *r.right)) for r in rows)
