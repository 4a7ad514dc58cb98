"""What requests and answers look like. The names are those of `calls.jsonl` and of the events."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from console.core.events import Origin
from console.core.on_command import why_not_dial
from console.core.state import AgentPhase, Call, CallPhase, State

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class StartCall(BaseModel):
    """A call to place."""

    model_config = ConfigDict(extra="forbid", strict=True)

    phone_number: Annotated[str, Field(min_length=1, max_length=200, examples=["+79123456789"])] = Field(
        description="National or international form; with as_uri a SIP URI, a name or an extension."
    )
    as_uri: bool = False
    confirmed: bool = Field(False, description="Dial also what a person would be asked about first.")
    agent: bool = Field(True, description="false: no AI session is ever opened for this call.")
    ring_seconds: int | None = Field(None, ge=1, le=600, description="Instead of RING_SECONDS.")
    call_seconds: int | None = Field(None, ge=1, le=86_400, description="Instead of CALL_SECONDS.")
    variables: dict[str, Annotated[str, Field(max_length=2000)]] = Field(
        default_factory=dict, max_length=50, description="Dynamic variables for the agent."
    )

    @field_validator("variables")
    @classmethod
    def _names(cls, given: dict[str, str]) -> dict[str, str]:
        if not all(_NAME.fullmatch(name) for name in given):
            raise ValueError("names are letters, digits and _, and begin with no digit")
        return given


class Say(BaseModel):
    """Words to the AI that the callee does not hear."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(min_length=1, max_length=1000, examples=["He is hard of hearing."])]
    as_turn: bool = Field(False, description="As if the callee had said it: the AI answers.")


class SilenceOrder(BaseModel):
    """Silence the AI for 15 seconds at most, or let it speak again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    on: bool = True


class Digits(BaseModel):
    """Keys to press on the line; `w` waits half a second, `W` one second."""

    model_config = ConfigDict(extra="forbid", strict=True)

    digits: Annotated[str, Field(pattern=r"^[0-9*#A-Da-dwW]{1,64}$", examples=["1w2#"])]


class AgentView(BaseModel):
    """The AI session of a call. `seconds`: billed so far."""

    phase: AgentPhase
    conversation_id: str
    seconds: float
    trouble: str


class CallView(BaseModel):
    """One call, live or ended. Times are UTC; `seconds` since the answer."""

    id: str
    phase: CallPhase
    live: bool
    incoming: bool
    number: str
    name: str
    uri: str
    origin: Origin | None
    sip_call_id: str
    started: datetime
    answered: datetime | None
    ended: datetime | None
    seconds: float
    early_media_seconds: float
    seconds_left: float | None = Field(description="Until the ring limit or the call limit.")
    outcome: str | None
    code: int | None = Field(description="The final SIP status, if there was one.")
    reason: str
    by: str | None = Field(description="Who ended it: remote, operator, agent, network, timeout.")
    why: str
    agent: AgentView


class CallList(BaseModel):
    """`calls`: live ones, oldest first. `ended`: the last ones, newest first."""

    calls: list[CallView]
    ended: list[CallView]


class RegistrationView(BaseModel):
    """The SIP account at its registrar."""

    state: str
    code: int | None
    reason: str


class LineView(BaseModel):
    """The phone engine. `several`: it can hold more than one call."""

    up: bool
    failed: bool
    engine: str
    version: str
    reason: str
    several: bool


class TotalsView(BaseModel):
    """Since the start of the console."""

    calls: int
    answered: int
    missed: int
    agent_seconds: float


class Status(BaseModel):
    """`ready`: a call with the AI could be started now; if not, `why`."""

    ready: bool
    why: str
    line: LineView
    registration: RegistrationView
    agent_set: bool
    dialing_stopped: str = Field(description="Why dialing is stopped until the operator allows it again.")
    calls: list[CallView]
    totals: TotalsView


class RegisterAnswer(BaseModel):
    """Registering has begun; how it ends is told by /api/status and /api/events."""

    registration: RegistrationView


def call_view(call: Call, now: float, wall_zero: float) -> CallView:
    """`now`: engine seconds; `wall_zero`: Unix time of engine second 0."""

    def wall(at: float | None) -> datetime | None:
        return None if at is None else datetime.fromtimestamp(round(wall_zero + at, 3), UTC)

    started = wall(call.started_at)
    assert started is not None
    return CallView(
        id=call.id,
        phase=call.phase,
        live=not call.over,
        incoming=call.incoming,
        number=call.number,
        name=call.name,
        uri=call.uri,
        origin=call.origin,
        sip_call_id=call.sip_call_id,
        started=started,
        answered=wall(call.answered_at),
        ended=wall(call.ended_at),
        seconds=round(call.seconds(now), 3),
        early_media_seconds=round(call.early_media(now), 3),
        seconds_left=None if call.limit_at is None else round(max(0.0, call.limit_at - now), 3),
        outcome=call.outcome.value if call.outcome else None,
        code=call.code,
        reason=call.reason,
        by=call.by.value if call.by else None,
        why=call.why,
        agent=AgentView(
            phase=call.agent.phase,
            conversation_id=call.agent.conversation_id,
            seconds=round(call.agent.billed_seconds(now), 3),
            trouble=call.agent.trouble,
        ),
    )


def registration_view(state: State) -> RegistrationView:
    line = state.line
    return RegistrationView(state=line.registration.value, code=line.reg_code, reason=line.reg_reason)


def status(state: State, now: float, wall_zero: float) -> Status:
    line, totals = state.line, state.totals
    why = why_not_dial(state, True, Origin.API)
    return Status(
        ready=not why,
        why=why,
        line=LineView(
            up=line.up,
            failed=line.failed,
            engine=line.engine,
            version=line.version,
            reason=line.reason,
            several=not state.policy.single_call,
        ),
        registration=registration_view(state),
        agent_set=state.policy.has_agent,
        dialing_stopped=state.stopped,
        calls=[call_view(call, now, wall_zero) for call in state.calls],
        totals=TotalsView(
            calls=totals.calls,
            answered=totals.answered,
            missed=totals.missed,
            agent_seconds=round(totals.agent_seconds, 3),
        ),
    )
