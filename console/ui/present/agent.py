"""The AI session in words: it costs money, so it has its own box."""

from __future__ import annotations

from console.core.events import CallId, QueueState, Refusal
from console.core.journal import duration
from console.core.state import AgentPhase, Call, CallPhase, State
from console.core.words import msgid
from console.language import shown, tr
from console.ports import Levels

from .line import last_ended, live
from .words import Row, Span, Tone, seconds_left, sentence, short

_REMEDIES = {
    Refusal.KEY: msgid("Check ELEVENLABS_API_KEY, then ctrl+p, Allow dialing."),
    Refusal.AGENT: msgid("Check ELEVENLABS_AGENT_ID, then ctrl+p, Allow dialing."),
    Refusal.CREDITS: msgid("Top up at elevenlabs.io, then ctrl+p, Allow dialing."),
    Refusal.CONFIG: msgid("Check the agent's settings at ElevenLabs."),
    Refusal.SAFETY: msgid("ElevenLabs' safety rules ended it: look at the agent's prompt."),
    Refusal.BUSY: msgid("All sessions of the workspace are taken: dial again later."),
    Refusal.OTHER: msgid("Dial again; if it stays, run call-console doctor."),
}


def remedy(refusal: Refusal) -> str:
    """What to do about a refusal by ElevenLabs."""
    return tr(_REMEDIES[refusal])


def card_rows(state: State | None, now: float, chosen: CallId | None = None) -> tuple[Row, Row]:
    """The head of the box and the one row under its meters."""
    call = live(state, chosen)
    if call is None or state is None:
        last = last_ended(state)
        if last is not None and last.agent.refusal is not None:
            return _refused(last)
        return _head(tr("OFF"), Tone.BADGE, tr("nothing is billed")), sentence("")
    return _session(call, now, state.policy.demo)


def heading(demo: bool) -> str:
    """The title of the box."""
    return tr("AI session (demo: nothing is billed)") if demo else tr("AI session (costs money)")


def _session(call: Call, now: float, demo: bool) -> tuple[Row, Row]:
    agent = call.agent
    time = duration(agent.billed_seconds(now))
    billed = tr("{time} open", time=time) if demo else tr("{time} billed", time=time)
    trouble = shown(agent.trouble)
    first = ""
    if agent.first_audio_at is not None and call.answered_at is not None:
        first = tr("first word {time}", time=short(agent.first_audio_at - call.answered_at))
    match agent.phase:
        case AgentPhase.OFF if agent.refusal is not None:
            return _refused(call)
        case AgentPhase.OFF if agent.trouble:
            return _head(tr("FAILED"), Tone.BADGE_BAD, billed), sentence(trouble, Tone.BAD)
        case AgentPhase.OFF if agent.billed_seconds(now):
            return _head(tr("OFF"), Tone.BADGE, billed), sentence("")
        case AgentPhase.OFF:
            return _head(tr("OFF"), Tone.BADGE, tr("nothing is billed")), sentence(_why_off(call), Tone.DIM)
        case AgentPhase.WARM:
            return _prepared(call)
        case AgentPhase.OPENING if agent.queue is QueueState.WAITING:
            waits = tr("waiting for a free session, not billed")
            return _head(tr("QUEUED"), Tone.BADGE_WARN, billed), sentence(waits)
        case AgentPhase.OPENING:
            return _head(tr("OPENING"), Tone.BADGE_WARN, billed), sentence(_dropped(call), Tone.WARN)
        case AgentPhase.LIVE:
            words = _told(call, now) or _dropped(call)
            return _head(tr("LIVE"), Tone.BADGE_GOOD, billed, first), sentence(words, Tone.WARN)
        case AgentPhase.FINISHING:
            words = tr("the AI has said goodbye; the call ends when that was heard")
            return _head(tr("FINISHING"), Tone.BADGE_WARN, billed, first), sentence(words)
    return _head(tr("CLOSING"), Tone.BADGE_WARN, billed), sentence(trouble, Tone.BAD)


def _prepared(call: Call) -> tuple[Row, Row]:
    head = _head(tr("PREPARED") if call.agent.ready else tr("PREPARING"), Tone.BADGE, tr("not billed"))
    if call.agent.trouble:
        return head, sentence(tr("trying again: {why}", why=shown(call.agent.trouble)), Tone.WARN)
    waits = tr("opens now") if call.phase is CallPhase.UP else tr("opens at the answer, not before")
    return head, sentence(waits, Tone.DIM)


def _refused(call: Call) -> tuple[Row, Row]:
    refusal = call.agent.refusal or Refusal.OTHER
    trouble = shown(call.agent.trouble).rstrip(".")
    words = f"{trouble}. {remedy(refusal)}" if trouble else remedy(refusal)
    return _head(tr("REFUSED"), Tone.BADGE_BAD, tr("by ElevenLabs")), sentence(words, Tone.BAD)


def _head(word: str, tone: Tone, beside: str, right: str = "") -> Row:
    return Row(
        (
            Span(f" {word} ", tone),
            Span(f"  {beside}", Tone.STRONG if tone is Tone.BADGE_GOOD else Tone.PLAIN),
        ),
        (Span(right),) if right else (),
    )


def _why_off(call: Call) -> str:
    if not call.wants_agent:
        return tr("this call has no AI")
    return tr("opens when you answer") if call.phase is CallPhase.INCOMING else ""


def _dropped(call: Call) -> str:
    if not call.agent.drops:
        return ""
    return tr("the connection dropped once; a second drop ends the call")


def _told(call: Call, now: float) -> str:
    """What the operator (or the agent's own tool) has set going, with the time it has left."""
    if call.goodbye_by is not None:
        return tr("saying goodbye, ends within {time}", time=seconds_left(call.goodbye_by - now))
    if call.silent_until is not None:
        time = seconds_left(call.silent_until - now)
        return tr("SILENCED by you for {time} more; s lets it speak again", time=time)
    return ""


def waiting_for_agent(call: Call, levels: Levels | None, now: float) -> float | None:
    """Seconds since the callee stopped speaking without a word of the AI, none of them of a silence that the
    operator has put on it; None when it is not its turn."""
    if levels is None or call.agent.phase is not AgentPhase.LIVE or call.silent_until is not None:
        return None
    if levels.callee_speaking or levels.agent_speaking or levels.callee_since <= 0.0:
        return None
    if levels.callee_since <= levels.agent_since:
        return None
    return now - max(levels.callee_since, call.resumed_at or 0.0)


def callee_doing(call: Call, levels: Levels, now: float) -> str:
    """What the callee does, beside their meter."""
    if call.phase is CallPhase.EARLY:
        return tr("network audio")
    if call.held:
        return tr("on hold")
    if levels.callee_speaking:
        return tr("speaking")
    if not call.rtp_seen:
        return tr("no sound yet")
    if not levels.callee_since:
        return tr("silent")
    return tr("silent {time}", time=short(now - levels.callee_since))


def agent_doing(call: Call, levels: Levels, now: float) -> str:
    """What the AI does, beside its meter: speaking, thinking or listening."""
    if call.agent.phase is AgentPhase.FINISHING:
        return tr("last words") if levels.agent_speaking else tr("done")
    if call.agent.phase is not AgentPhase.LIVE:
        return tr("not open")
    if call.silent_until is not None:
        return tr("silenced")
    if levels.agent_speaking:
        return tr("speaking")
    waiting = waiting_for_agent(call, levels, now)
    if waiting is not None:
        return tr("thinking {time}", time=short(waiting))
    if levels.callee_speaking or not levels.agent_since:
        return tr("listening")
    return tr("listening {time}", time=short(now - levels.agent_since))
