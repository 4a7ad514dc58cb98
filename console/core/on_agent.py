"""Reactions to what the AI session and the audio path report (the architecture's table of ends)."""

from __future__ import annotations

from dataclasses import replace

from .draft import Draft, fresh_agent
from .effects import AgentPrepare, AudioFinish, PhoneRestart
from .events import (
    AgentAsks,
    AgentClosed,
    AgentEvent,
    AgentFirstAudio,
    AgentInterrupted,
    AgentLive,
    AgentPrepareFailed,
    AgentQueue,
    AgentToolUsed,
    AgentTranscript,
    AgentTrouble,
    AgentUpgraded,
    AgentWarm,
    AudioDevicesRenewed,
    AudioEvent,
    AudioFailed,
    AudioGlitch,
    AudioStarted,
    CalleeQuiet,
    ClosedBy,
    EarChanged,
    PlayoutDrained,
    QueueState,
    Refusal,
    Role,
)
from .state import AgentPhase, Call, CallPhase, Outcome
from .tools import on_asks
from .words import phrase

QUEUE_SECONDS = 30.0
"""How long a person is kept waiting in ElevenLabs' queue."""

MUTE_SECONDS = 20.0
"""A session that is live and of which nothing was ever heard ends after so long: it is billed, and the callee
hears nobody."""

FINISH_SECONDS = 120.0
"""How long the farewell may be played out; the call limit applies besides."""

STOPS_DIALING = (Refusal.KEY, Refusal.AGENT, Refusal.CREDITS)

STOP_WORDS = {
    Refusal.KEY: phrase("ElevenLabs does not accept the API key: correct ELEVENLABS_API_KEY"),
    Refusal.AGENT: phrase("ElevenLabs does not know the agent: correct ELEVENLABS_AGENT_ID or the region"),
    Refusal.CREDITS: phrase("ElevenLabs has no credits left: add credits or wait for the reset"),
}


def react(d: Draft, event: AgentEvent) -> None:
    call = d.state.find(event.call)
    if call is None or event.session != call.agent.session:
        return
    match event:
        case AgentWarm():
            _warm(d, call, event)
        case AgentPrepareFailed():
            _prepare_failed(d, call, event)
        case AgentUpgraded():
            if call.agent.phase is AgentPhase.OPENING:
                d.record("agent.upgraded", call.id)
                d.agent(call, billed_from=d.now)
        case AgentLive():
            _live(d, call, event)
        case AgentFirstAudio():
            _first_audio(d, call)
        case AgentTranscript():
            _transcript(d, call, event)
        case AgentInterrupted():
            d.record("agent.interrupted", call.id, dropped_ms=event.dropped_ms)
        case AgentToolUsed():
            d.record("agent.tool", call.id, name=event.name, ok=event.ok)
        case AgentTrouble():
            d.record("agent.error", call.id, text=event.text)
        case AgentAsks():
            on_asks(d, call, event)
        case AgentQueue():
            _queue(d, call, event.state)
        case AgentClosed():
            _closed(d, call, event)


# ---- preparing and opening ----


def _warm(d: Draft, call: Call, event: AgentWarm) -> None:
    if not call.agent.ready:
        d.record("agent.warm", call.id, signed_url=event.signed_url, tls=event.tls)
    d.agent(call, ready=True, trouble="")


def _prepare_failed(d: Draft, call: Call, event: AgentPrepareFailed) -> None:
    if call.agent.trouble != event.reason:
        refusal = event.refusal.value if event.refusal is not None else None
        definite = refusal is not None
        d.record("agent.trouble", call.id, reason=event.reason, definite=definite, refusal=refusal)
    call = d.agent(call, ready=False, trouble=event.reason)
    if event.refusal is not None and call.agent.phase in (AgentPhase.WARM, AgentPhase.OPENING):
        d.close_agent(call, "refused")
        _refused(d, call.id, event.refusal, event.reason)


def _live(d: Draft, call: Call, event: AgentLive) -> None:
    if call.agent.phase is not AgentPhase.OPENING:
        return
    billed_from = call.agent.billed_from if call.agent.billed_from is not None else d.now
    d.agent(
        call,
        phase=AgentPhase.LIVE,
        live_at=d.now,
        billed_from=billed_from,
        conversation_id=event.conversation_id,
        input_format=event.input_format,
        output_format=event.output_format,
        deadline=_mute_at(d, call),
    )
    d.record(
        "agent.live",
        call.id,
        conversation_id=event.conversation_id,
        input_format=event.input_format,
        output_format=event.output_format,
        after_answer_ms=_after_answer_ms(d, call),
        billed_seconds=round(d.now - billed_from, 3),
    )


def _mute_at(d: Draft, call: Call) -> float | None:
    return None if call.agent.spoke else d.now + MUTE_SECONDS


def _first_audio(d: Draft, call: Call) -> None:
    first = call.agent.first_audio_at is None
    if call.agent.phase is AgentPhase.LIVE and call.agent.queue is not QueueState.WAITING:
        call = d.agent(call, deadline=None)
    d.agent(call, spoke=True, first_audio_at=d.now if first else call.agent.first_audio_at)
    if first:
        d.record("agent.first_audio", call.id, after_answer_ms=_after_answer_ms(d, call))


def _after_answer_ms(d: Draft, call: Call) -> int:
    return round(1000 * (d.now - call.answered_at)) if call.answered_at is not None else 0


def _transcript(d: Draft, call: Call, event: AgentTranscript) -> None:
    if event.role is Role.AGENT:
        d.agent(call, spoke=True)
    d.record(
        "agent.transcript",
        call.id,
        role=event.role.value,
        text=event.text,
        final=event.final,
        corrected=event.corrected,
        **({"silenced": True} if event.role is Role.AGENT and call.silent_until is not None else {}),
    )


def _queue(d: Draft, call: Call, queue: QueueState) -> None:
    if call.agent.phase is not AgentPhase.LIVE:
        return
    waiting = queue is not QueueState.ADMITTED
    d.agent(
        call,
        queue=queue,
        billed=call.agent.billed_seconds(d.now),
        billed_from=None if waiting else d.now,
        deadline=d.now + QUEUE_SECONDS if waiting else _mute_at(d, call),
    )
    d.record("agent.queue", call.id, state=queue.value)


# ---- ends ----


def _closed(d: Draft, call: Call, event: AgentClosed) -> None:
    phase = call.agent.phase
    if phase in (AgentPhase.OFF, AgentPhase.FINISHING):
        return
    if phase is not AgentPhase.WARM and call.agent.phase is not AgentPhase.OFF:
        _record_closed(d, call, event)
    call = d.agent_off(call)
    if event.ours or call.phase is not CallPhase.UP:
        if not event.ours and not call.over and call.phase is not CallPhase.CLOSING:
            dropped(d, call, event.reason)
        return
    if event.refusal is not None:
        _refused(d, call.id, event.refusal, event.reason)
    elif event.code == 1000:
        _ended_by_agent(d, call, event)
    else:
        dropped(d, call, event.reason)


def _record_closed(d: Draft, call: Call, event: AgentClosed) -> None:
    if event.ours:
        by = "operator" if call.asked_by is ClosedBy.OPERATOR else "call"
    elif event.refusal is not None:
        by = "refused"
    else:
        by = "agent" if event.code == 1000 else "network"
    if call.agent.conversation_id or call.agent.billed_seconds(d.now) or not event.ours:
        refusal = event.refusal if call.phase is CallPhase.UP else None  # else it decides nothing any more
        d.record_agent_closed(call, event.code, event.reason, by, refusal)


def _ended_by_agent(d: Draft, call: Call, event: AgentClosed) -> None:
    if call.agent.spoke:
        d.agent(call, phase=AgentPhase.FINISHING, deadline=d.now + FINISH_SECONDS)
        d.do(AudioFinish(call.id, event.session))
    else:
        why = event.reason or phrase("the AI ended before it said anything")
        d.hang_up(call, ClosedBy.AGENT, why, Outcome.AGENT_FAILED_START)


def _refused(d: Draft, call_id: str, refusal: Refusal, reason: str) -> None:
    call = next(c for c in d.state.calls if c.id == call_id)
    call = d.agent(call, refusal=refusal, trouble=reason)
    if refusal in STOPS_DIALING:
        d.change(stopped=STOP_WORDS[refusal], stopped_by=refusal)
        d.record("dialing.stopped", call.id, why=STOP_WORDS[refusal], refusal=refusal.value)
    outcome = Outcome.AGENT_BUSY if refusal is Refusal.BUSY else Outcome.AGENT_REFUSED
    if call.phase is not CallPhase.CLOSING and not call.over:
        d.hang_up(call, ClosedBy.AGENT, reason, outcome)


def dropped(d: Draft, call: Call, reason: str) -> None:
    """The session was lost: one fresh one, then the call ends (rule 4)."""
    drops = call.agent.drops + 1
    if drops > 1:
        call = d.agent_off(call, drops=drops, trouble=reason)
        d.hang_up(
            call,
            ClosedBy.NETWORK,
            phrase("the AI session was lost twice: {reason}", reason=reason),
            Outcome.AGENT_LOST,
        )
        return
    successor(d, d.agent(call, drops=drops), reason)


def successor(d: Draft, call: Call, reason: str) -> None:
    """Prepare the next session of this call; the rules open it."""
    old = call.agent
    agent = replace(
        fresh_agent(old.session + 1),
        drops=old.drops,
        billed=old.billed_seconds(d.now),
        trouble=reason,
        live_at=old.live_at,
        first_audio_at=old.first_audio_at,
    )
    call = d.call(call, agent=agent)
    d.record("agent.retry", call.id, reason=reason, drops=agent.drops)
    d.do(AgentPrepare(call.id, agent.session, call.incoming, call.number, call.variables))


# ---- audio ----


def react_audio(d: Draft, event: AudioEvent) -> None:
    if isinstance(event, EarChanged):
        d.change(ear=event.on, ear_reason=event.reason)
        d.record("ear", on=event.on, reason=event.reason)
        return
    if isinstance(event, AudioDevicesRenewed):
        # A call that is being made would be lost now; it will fail at the answer, or not.
        if not any(not call.over for call in d.state.calls):
            d.do(PhoneRestart(phrase("its sound server was lost")))
        return
    call = d.state.find(event.call)
    if call is None or call.over:
        return
    match event:
        case AudioStarted():
            d.record("audio.started", call.id, input=event.input, output=event.output, rate=event.rate)
        case AudioFailed():
            d.record("audio.failed", call.id, reason=event.reason)
            call = d.call(call, audio=event.reason)
            if call.phase is not CallPhase.CLOSING:
                d.hang_up(call, ClosedBy.NETWORK, event.reason, Outcome.AUDIO_FAILED)
        case AudioGlitch():
            d.call(call, glitches=call.glitches + 1)
            d.record("audio.glitch", call.id, direction=event.direction.value, ms=event.ms)
        case CalleeQuiet():
            d.call(call, quiet=event.quiet)
        case PlayoutDrained():
            if call.phase is CallPhase.UP and call.agent.session == event.session:
                d.hang_up(call, ClosedBy.AGENT, call.why, Outcome.FINISHED)
