"""The rules of the product, evaluated after every event until nothing changes.

They are written over the state and not into the reactions, so that no branch can forget them:

1. Session: an agent session is OPENING or LIVE only while its call is UP, and UP is reached only by a 2xx.
2. Audio: audio goes to the AI only while its session is LIVE (`audio.bridge`, driven by `AudioAnswered` and
   the session's own metadata).
3. Warm: while a call is on its way, everything that is not billed is prepared.
4. No dead air: a call that is UP and wants an agent, and whose agent is gone, is ended.
5. No silent billing: no RTP from the callee within 5 s of UP (and no hold) ends the call.
6. No blind billing: while the phone owes an answer and not a sound comes from the callee, nobody can say that
   the call still lives; its session is closed, and a fresh one opened when either is there again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .draft import Draft, fresh_agent
from .effects import AgentOpen, AgentPrepare, PhoneRestart, Stop
from .events import ClosedBy, Refusal
from .journal import duration
from .on_agent import MUTE_SECONDS, dropped, successor
from .state import AgentPhase, Call, CallPhase, Outcome, State
from .tools import on_deadlines
from .words import phrase

OPEN_SECONDS = 4.0
"""From the upgrade request to the metadata of a prepared session."""

UNPREPARED_SECONDS = 3.0
"""The same for a session that could not be prepared before the answer."""

RETRY_CONTEXT = (
    "The connection was lost for a moment and this is the same phone call going on. "
    "Excuse yourself briefly for the interruption and continue."
)

_BEFORE_ANSWER = (CallPhase.DIALING, CallPhase.RINGING, CallPhase.EARLY, CallPhase.INCOMING)


def settle(d: Draft) -> None:
    """Apply the rules until nothing changes."""
    before: State | None = None
    while before != d.state:
        before = d.state
        for call_id in [c.id for c in d.state.calls]:
            for rule in _RULES:
                call = d.state.find(call_id)
                if call is not None:
                    rule(d, call)
        _quit(d)


def next_deadline(state: State) -> float | None:
    """The earliest moment at which `step` must be called with a `Tick`."""
    return min(_deadlines(state), default=None)


def _deadlines(state: State) -> Iterator[float]:
    for call in state.calls:
        own = (call.limit_at, call.rtp_by, call.deadline, call.silent_until, call.goodbye_by, call.digits_by)
        yield from (at for at in (*own, call.agent.deadline) if at is not None)
    if state.quit_deadline is not None:
        yield state.quit_deadline


def _due(d: Draft, at: float | None) -> bool:
    return at is not None and d.now >= at


# ---- deadlines of the call ----


def _limits(d: Draft, call: Call) -> None:
    if not _due(d, call.limit_at):
        return
    if call.phase is CallPhase.UP:
        why = phrase("the call limit of {length} was reached", length=duration(call.seconds(d.now)))
        d.hang_up(call, ClosedBy.TIMEOUT, why, Outcome.FINISHED)
    elif call.phase is CallPhase.INCOMING and d.state.policy.joined:
        d.call(call, limit_at=None)  # whoever runs that phone may still take it
    elif call.phase is CallPhase.INCOMING:
        d.hang_up(call, ClosedBy.TIMEOUT, phrase("nobody answered it"), Outcome.MISSED)
    elif call.phase in _BEFORE_ANSWER:
        why = phrase("no answer within {seconds:.0f} s", seconds=call.ring_seconds)
        d.hang_up(call, ClosedBy.TIMEOUT, why, Outcome.NO_ANSWER)


def _phone_broken(d: Draft, call: Call) -> None:
    """The phone neither confirms the call after a lost link, nor its end after our hang-up."""
    if call.over or not _due(d, call.deadline):
        return
    reason = (
        phrase("the phone lost the call")
        if call.unconfirmed
        else phrase("the phone did not confirm the hang-up")
    )
    outcome = call.outcome or Outcome.LOST
    if not call.unconfirmed and call.asked_by is ClosedBy.OPERATOR:
        outcome = Outcome.FINISHED if call.answered_at is not None else Outcome.CANCELLED
    if d.state.policy.joined:
        reason = phrase("{reason}, which may still be up there: end it at that Baresip", reason=reason)
    d.close(call, None, reason, call.asked_by or ClosedBy.NETWORK, outcome)
    d.do(PhoneRestart(reason))


def _no_rtp(d: Draft, call: Call) -> None:
    if call.phase is CallPhase.UP and _due(d, call.rtp_by):
        why = phrase("answered, but no audio came from the callee")
        d.hang_up(call, ClosedBy.TIMEOUT, why, Outcome.AUDIO_FAILED)


# ---- the agent ----


def _warm(d: Draft, call: Call) -> None:
    if call.phase not in _BEFORE_ANSWER or not call.wants_agent or call.agent.session:
        return
    call = d.call(call, agent=fresh_agent(1))
    d.do(AgentPrepare(call.id, 1, call.incoming, call.number, call.variables))


def _blind(d: Draft, call: Call) -> bool:
    """Either sign alone is no proof: a phone may be busy for a second, a callee may be on mute."""
    return d.state.line.silent and call.quiet


def _unseen(d: Draft, call: Call) -> None:
    open_now = call.agent.phase in (AgentPhase.OPENING, AgentPhase.LIVE)
    if call.phase is CallPhase.UP and open_now and _blind(d, call):
        why = phrase("the phone does not answer, and nothing is heard of the callee")
        call = d.close_agent(call, "the phone does not answer")
        d.record_agent_closed(call, 1000, why, "call")
        successor(d, call, why)


def _session(d: Draft, call: Call) -> None:
    agent = call.agent
    if call.phase is CallPhase.UP:
        if not call.wants_agent:
            d.close_agent(call, "the call is not ours")
        elif agent.phase is AgentPhase.WARM and not _blind(d, call):
            wait = OPEN_SECONDS if agent.ready else UNPREPARED_SECONDS
            d.agent(call, phase=AgentPhase.OPENING, deadline=d.now + wait)
            d.do(AgentOpen(call.id, agent.session, RETRY_CONTEXT if agent.session > 1 else ""))
            d.record("agent.opening", call.id)
    elif call.phase in (CallPhase.CLOSING, CallPhase.CLOSED):
        if agent.phase is AgentPhase.FINISHING:
            d.agent_off(call)
        else:
            d.close_agent(call, "call ended")


def _agent_late(d: Draft, call: Call) -> None:
    agent = call.agent
    if not _due(d, agent.deadline):
        return
    if agent.phase is AgentPhase.CLOSING:
        d.record_agent_closed(call, 1006, "no answer to our close", "call")
        d.agent_off(call)
    elif agent.phase is AgentPhase.OPENING:
        _opening_late(d, call)
    elif agent.phase is AgentPhase.FINISHING:
        call = d.agent_off(call)
        d.hang_up(call, ClosedBy.AGENT, phrase("the farewell did not end"), Outcome.FINISHED)
    elif agent.phase is AgentPhase.LIVE and agent.queue is None and call.silent_until is not None:
        d.agent(call, deadline=call.silent_until + MUTE_SECONDS)  # nothing of it can be heard meanwhile
    elif agent.phase is AgentPhase.LIVE and agent.queue is None:
        why = phrase("the AI said nothing for {seconds:.0f} s", seconds=MUTE_SECONDS)
        d.hang_up(call, ClosedBy.AGENT, why, Outcome.AGENT_LOST)
    elif agent.queue is not None:
        call = d.agent(call, refusal=Refusal.BUSY, deadline=None)
        d.hang_up(call, ClosedBy.AGENT, phrase("too long in the queue at ElevenLabs"), Outcome.AGENT_BUSY)


def _opening_late(d: Draft, call: Call) -> None:
    reason = call.agent.trouble or phrase("ElevenLabs did not open the session in time")
    ready = call.agent.ready
    call = d.close_agent(call, "too late")
    if ready:
        d.record_agent_closed(call, 1006, reason, "network")
        dropped(d, call, reason)
    else:
        why = phrase("the AI could not be reached: {reason}", reason=reason)
        d.hang_up(call, ClosedBy.NETWORK, why, Outcome.AGENT_LOST)


def _no_dead_air(d: Draft, call: Call) -> None:
    if call.phase is CallPhase.UP and call.wants_agent and call.agent.phase is AgentPhase.OFF:
        d.hang_up(call, ClosedBy.AGENT, call.agent.trouble or phrase("the AI is gone"), Outcome.AGENT_LOST)


# ---- the end ----


def _retire(d: Draft, call: Call) -> None:
    if call.over and call.agent.phase is AgentPhase.OFF:
        d.retire(call)


_RULES = (
    on_deadlines,
    _limits,
    _phone_broken,
    _no_rtp,
    _warm,
    _unseen,
    _session,
    _agent_late,
    _no_dead_air,
    _retire,
)


def _quit(d: Draft) -> None:
    if not d.state.quitting or d.state.quit_deadline is None:
        return
    ours = [c for c in d.state.calls if c.ours or not d.state.policy.joined]
    if not ours or _due(d, d.state.quit_deadline):
        d.state = replace(d.state, quit_deadline=None)
        d.do(Stop())
