"""The AI session of a call as the records of another console tell it. Pure; see `core.replay`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .events import QueueState, Refusal
from .record_fields import Fields, number, refusal_of, text
from .state import Agent, AgentPhase, Call, CallPhase, Outcome


def _agent(call: Call, **changes: object) -> Call:
    return replace(call, agent=replace(call.agent, **changes))  # type: ignore[arg-type]


def _warm(call: Call, t: float, fields: Fields) -> Call:
    if call.over:
        return call
    phase = AgentPhase.WARM if call.agent.phase is AgentPhase.OFF else call.agent.phase
    return _agent(call, phase=phase, ready=True, trouble="")


def _trouble(call: Call, t: float, fields: Fields) -> Call:
    """What cannot be prepared is tried again, unless it was refused for good."""
    reason, refusal = text(fields, "reason"), refusal_of(fields)
    if refusal is None and fields.get("definite") is True:  # of an earlier version
        refusal = Refusal.OTHER
    if refusal is None:
        return _agent(call, ready=False, trouble=reason)
    return _agent(call, phase=AgentPhase.OFF, ready=False, trouble=reason, refusal=refusal)


def _opening(call: Call, t: float, fields: Fields) -> Call:
    return _agent(call, phase=AgentPhase.OPENING)


def _upgraded(call: Call, t: float, fields: Fields) -> Call:
    return _agent(call, billed_from=t)


def _live(call: Call, t: float, fields: Fields) -> Call:
    told = {name: text(fields, name) for name in ("conversation_id", "input_format", "output_format")}
    since = t - number(fields, "billed_seconds")
    return _agent(call, phase=AgentPhase.LIVE, live_at=t, billed_from=since, **told)


def _first_audio(call: Call, t: float, fields: Fields) -> Call:
    return _agent(call, first_audio_at=t, spoke=True)


def _queue(call: Call, t: float, fields: Fields) -> Call:
    queue = QueueState(text(fields, "state"))
    since = t if queue is QueueState.ADMITTED else None
    return _agent(call, queue=queue, billed=call.agent.billed_seconds(t), billed_from=since)


def _closed(call: Call, t: float, fields: Fields) -> Call:
    """The end of a session: a refusal, a loss, or what the agent wanted, whose last words are played out."""
    agent, reason, by = call.agent, text(fields, "reason"), text(fields, "by")
    refusal = refusal_of(fields)
    if "refusal" not in fields and by == "refused":  # of an earlier version
        refusal = Refusal.OTHER
    off = replace(agent, phase=AgentPhase.OFF, billed=number(fields, "seconds"), billed_from=None)
    if refusal is not None:
        return replace(call, agent=replace(off, refusal=refusal, trouble=reason))
    if by == "agent" and call.phase is CallPhase.UP and agent.spoke:
        return replace(call, agent=replace(off, phase=AgentPhase.FINISHING))
    if call.phase is not CallPhase.UP or not call.wants_agent:
        return replace(call, agent=off)
    if by == "network":
        off = replace(off, drops=agent.drops + 1, trouble=reason)
    return replace(call, agent=replace(off, phase=AgentPhase.CLOSING))  # a fresh one or the hang-up is next


def _retry(call: Call, t: float, fields: Fields) -> Call:
    """A fresh session follows the one that was lost."""
    drops = fields.get("drops")
    agent = Agent(
        phase=AgentPhase.WARM,
        billed=call.agent.billed,
        drops=drops if isinstance(drops, int) else 1,
        trouble=text(fields, "reason"),
        live_at=call.agent.live_at,
        first_audio_at=call.agent.first_audio_at,
    )
    return replace(call, agent=agent)


def _transcript(call: Call, t: float, fields: Fields) -> Call:
    if fields.get("role") == "agent":
        call = _agent(call, spoke=True)
    return _ends_within(call, t, fields)


def _ends_within(call: Call, t: float, fields: Fields) -> Call:
    seconds = number(fields, "ends_within")
    return replace(call, goodbye_by=t + seconds) if seconds and call.phase is CallPhase.UP else call


def _silenced(call: Call, t: float, fields: Fields) -> Call:
    if fields.get("on") is True:
        return replace(call, silent_until=t + number(fields, "limit_seconds"))
    return replace(call, silent_until=None, resumed_at=t)


def after_the_call(call: Call) -> Agent:
    """Its session when the call ends: only of one that is live the end is still to be told."""
    agent = call.agent
    if agent.refusal is None and call.outcome in _REFUSED:
        agent = replace(agent, refusal=_REFUSED[call.outcome])
    return agent if agent.phase is AgentPhase.LIVE else replace(agent, phase=AgentPhase.OFF)


_REFUSED = {Outcome.AGENT_BUSY: Refusal.BUSY, Outcome.AGENT_REFUSED: Refusal.OTHER}

SESSION: dict[str, Callable[[Call, float, Fields], Call]] = {
    "agent.silenced": _silenced,
    "agent.warm": _warm,
    "agent.trouble": _trouble,
    "agent.opening": _opening,
    "agent.upgraded": _upgraded,
    "agent.live": _live,
    "agent.first_audio": _first_audio,
    "agent.queue": _queue,
    "agent.transcript": _transcript,
    "agent.tool": _ends_within,
    "agent.closed": _closed,
    "agent.retry": _retry,
}
"""What a record of this type makes of its call. `t`: engine seconds."""
