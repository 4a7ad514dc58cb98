"""The workbench of one step: the state being changed and the effects gathered so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from .effects import (
    AgentClose,
    AudioStop,
    Effect,
    Hindrance,
    JsonValue,
    Keep,
    PhoneHangUp,
    PhoneReject,
    Record,
)
from .events import CallId, ClosedBy, Origin, Refusal
from .state import ENDED_KEPT, Agent, AgentPhase, Call, CallPhase, Outcome, State

HANG_UP_SECONDS = 4.0
"""How long the phone may take to confirm our hang-up before it counts as broken."""

AGENT_CLOSE_SECONDS = 1.5
"""How long a session may take to confirm our close: its socket is aborted after 1 s."""


@dataclass(slots=True)
class Draft:
    """Mutable only while `step` runs; `now` is engine seconds."""

    state: State
    now: float
    effects: list[Effect] = field(default_factory=list)
    origin: Origin | None = None  # who asked for what this step does, if somebody did

    def do(self, effect: Effect) -> None:
        self.effects.append(effect)

    def record(self, type_: str, call: CallId | None = None, **fields: JsonValue) -> None:
        self.do(Record(self.now, type_, call, fields))

    def refuse(
        self,
        what: str,
        why: str,
        call: CallId | None = None,
        confirm: bool = False,
        hindrance: Hindrance = Hindrance.STATE,
    ) -> None:
        """Say no in one sentence; `confirm`: the same again, confirmed, would be done."""
        self.record(
            "refused",
            call,
            what=what,
            why=why,
            confirm=confirm,
            hindrance=hindrance.value,
            origin=self.asked_from,
        )

    @property
    def asked_from(self) -> str | None:
        """The `origin` of records about what somebody asked for."""
        return self.origin.value if self.origin is not None else None

    def change(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def put(self, call: Call) -> Call:
        """Add the call, or replace the one with its id."""
        known = any(c.id == call.id for c in self.state.calls)
        calls: Iterable[Call] = (call if c.id == call.id else c for c in self.state.calls)
        self.change(calls=tuple(calls) if known else (*self.state.calls, call))
        return call

    def call(self, call: Call, **changes: Any) -> Call:
        return self.put(replace(call, **changes))

    def agent(self, call: Call, **changes: Any) -> Call:
        return self.put(replace(call, agent=replace(call.agent, **changes)))

    # ---- what several reactions and rules share ----

    def hang_up(self, call: Call, by: ClosedBy, why: str = "", outcome: Outcome | None = None) -> Call:
        """Have the phone end the call; the session rule closes its agent in the same step."""
        incoming = call.phase is CallPhase.INCOMING
        self.do(PhoneReject(call.id) if incoming else PhoneHangUp(call.id))
        if call.phase is CallPhase.CLOSING:
            return call
        return self.call(
            self._end_early_media(call),
            phase=CallPhase.CLOSING,
            asked_by=by,
            asked_from=self.origin,
            why=why,
            outcome=outcome or call.outcome,
            ended_at=self.now,
            limit_at=None,
            rtp_by=None,
            unconfirmed=False,
            # With the link already lost, hanging up must not give the phone more time than it had.
            deadline=min(self.now + HANG_UP_SECONDS, call.deadline or float("inf")),
        )

    def close(self, call: Call, code: int | None, reason: str, by: ClosedBy, outcome: Outcome) -> Call:
        """The call is over at the phone."""
        ended_at = call.ended_at if call.ended_at is not None else self.now
        call = self.call(
            self._end_early_media(call),
            phase=CallPhase.CLOSED,
            code=code,
            reason=reason,
            by=by,
            outcome=outcome,
            ended_at=ended_at,
            limit_at=None,
            rtp_by=None,
            unconfirmed=False,
            deadline=None,
        )
        missed = outcome is Outcome.MISSED
        totals = self.state.totals
        self.change(totals=replace(totals, missed=totals.missed + missed))
        self.do(AudioStop(call.id))
        self.record(
            "call.closed",
            call.id,
            reason=reason,
            code=code,
            by=by.value,
            seconds=round(call.seconds(self.now), 3),
            after_seconds=round(ended_at - call.started_at, 3),
            outcome=outcome.value,
            why=call.why,
            origin=call.asked_from.value if call.asked_from is not None else None,
        )
        return call

    def _end_early_media(self, call: Call) -> Call:
        seconds = call.early_media(self.now)
        return replace(call, early_since=None, early_seconds=seconds)

    def end_early_media(self, call: Call) -> Call:
        return self.put(self._end_early_media(call))

    def close_agent(self, call: Call, reason: str) -> Call:
        """Our close: billing ends with the close frame, which is sent at once."""
        agent = call.agent
        if agent.phase in (AgentPhase.OFF, AgentPhase.CLOSING):
            return call
        self.do(AgentClose(call.id, agent.session, reason))
        return self.agent(
            call,
            phase=AgentPhase.CLOSING,
            billed=agent.billed_seconds(self.now),
            billed_from=None,
            deadline=self.now + AGENT_CLOSE_SECONDS,
        )

    def agent_off(self, call: Call, **changes: Any) -> Call:
        """The session's socket is gone: nothing is billed from here."""
        return self.agent(
            call,
            phase=AgentPhase.OFF,
            billed=call.agent.billed_seconds(self.now),
            billed_from=None,
            deadline=None,
            ready=False,
            **changes,
        )

    def record_agent_closed(
        self, call: Call, code: int, reason: str, by: str, refusal: Refusal | None = None
    ) -> None:
        self.record(
            "agent.closed",
            call.id,
            code=code,
            reason=reason,
            by=by,
            seconds=round(call.agent.billed_seconds(self.now), 3),
            refusal=refusal.value if refusal is not None else None,
        )

    def retire(self, call: Call) -> None:
        """Call and session are both over: keep the record, make room."""
        totals = self.state.totals
        self.change(
            calls=tuple(c for c in self.state.calls if c.id != call.id),
            ended=(call, *self.state.ended)[:ENDED_KEPT],
            totals=replace(totals, agent_seconds=totals.agent_seconds + call.agent.billed),
        )
        self.do(Keep(call))


def fresh_agent(session: int) -> Agent:
    """An agent that is being prepared for its `session`-th session."""
    return Agent(phase=AgentPhase.WARM, session=session)
