"""The AI session in words: it costs money, so it has its own box."""

from __future__ import annotations

from console.core.events import CallId, QueueState, Refusal
from console.core.state import AgentPhase, Call, CallPhase, State
from console.ports import Levels

from .line import last_ended, live
from .words import Row, Span, Tone, clock, seconds_left, sentence, short

_REMEDIES = {
    Refusal.KEY: "Check ELEVENLABS_API_KEY, then ctrl+p, Allow dialing.",
    Refusal.AGENT: "Check ELEVENLABS_AGENT_ID, then ctrl+p, Allow dialing.",
    Refusal.CREDITS: "Top up at elevenlabs.io, then ctrl+p, Allow dialing.",
    Refusal.CONFIG: "Check the agent's settings at ElevenLabs.",
    Refusal.SAFETY: "ElevenLabs' safety rules ended it: look at the agent's prompt.",
    Refusal.BUSY: "All sessions of the workspace are taken: dial again later.",
    Refusal.OTHER: "Dial again; if it stays, run call-console doctor.",
}


def remedy(refusal: Refusal) -> str:
    """What to do about a refusal by ElevenLabs."""
    return _REMEDIES[refusal]


def card_rows(state: State | None, now: float, chosen: CallId | None = None) -> tuple[Row, Row]:
    """The head of the box and the one row under its meters."""
    call = live(state, chosen)
    if call is None:
        last = last_ended(state)
        if last is not None and last.agent.refusal is not None:
            return _refused(last)
        return _head("OFF", Tone.BADGE, "nothing is billed"), sentence("")
    return _session(call, now)


def _session(call: Call, now: float) -> tuple[Row, Row]:
    agent = call.agent
    billed = f"{clock(agent.billed_seconds(now))} billed"
    first = (
        ""
        if agent.first_audio_at is None or call.answered_at is None
        else (f"first word {short(agent.first_audio_at - call.answered_at)}")
    )
    match agent.phase:
        case AgentPhase.OFF if agent.refusal is not None:
            return _refused(call)
        case AgentPhase.OFF if agent.trouble:
            return _head("FAILED", Tone.BADGE_BAD, billed), sentence(agent.trouble, Tone.BAD)
        case AgentPhase.OFF if agent.billed_seconds(now):
            return _head("OFF", Tone.BADGE, billed), sentence("")
        case AgentPhase.OFF:
            return _head("OFF", Tone.BADGE, "nothing is billed"), sentence(_why_off(call), Tone.DIM)
        case AgentPhase.WARM:
            word = "PREPARED" if agent.ready else "PREPARING"
            waits = "opens at the answer, not before" if call.phase is not CallPhase.UP else "opens now"
            trouble = f"trying again: {agent.trouble}" if agent.trouble else waits
            return _head(word, Tone.BADGE, "not billed"), sentence(
                trouble, Tone.WARN if agent.trouble else Tone.DIM
            )
        case AgentPhase.OPENING if agent.queue is QueueState.WAITING:
            return _head("QUEUED", Tone.BADGE_WARN, billed), sentence(
                "waiting for a free session, not billed"
            )
        case AgentPhase.OPENING:
            return _head("OPENING", Tone.BADGE_WARN, billed), sentence(_dropped(call), Tone.WARN)
        case AgentPhase.LIVE:
            words = _told(call, now) or _dropped(call)
            return _head("LIVE", Tone.BADGE_GOOD, billed, first), sentence(words, Tone.WARN)
        case AgentPhase.FINISHING:
            return (
                _head("FINISHING", Tone.BADGE_WARN, billed, first),
                sentence("the AI has said goodbye; the call ends when that was heard"),
            )
    return _head("CLOSING", Tone.BADGE_WARN, billed), sentence(agent.trouble, Tone.BAD)


def _refused(call: Call) -> tuple[Row, Row]:
    refusal = call.agent.refusal or Refusal.OTHER
    trouble = call.agent.trouble.rstrip(".")
    words = f"{trouble}. {remedy(refusal)}" if trouble else remedy(refusal)
    return _head("REFUSED", Tone.BADGE_BAD, "by ElevenLabs"), sentence(words, Tone.BAD)


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
        return "this call has no AI"
    return "" if call.phase is not CallPhase.INCOMING else "opens when you answer"


def _dropped(call: Call) -> str:
    if not call.agent.drops:
        return ""
    return "the connection dropped once; a second drop ends the call"


def _told(call: Call, now: float) -> str:
    """What the operator (or the agent's own tool) has set going, with the time it has left."""
    if call.goodbye_by is not None:
        return f"saying goodbye, ends within {seconds_left(call.goodbye_by - now)}"
    if call.silent_until is not None:
        return f"SILENCED by you for {seconds_left(call.silent_until - now)} more; s lets it speak again"
    return ""


def waiting_for_agent(call: Call, levels: Levels | None, now: float) -> float | None:
    """Seconds since the callee stopped speaking without a word of the AI; None when it is not its turn."""
    if levels is None or call.agent.phase is not AgentPhase.LIVE or call.silent_until is not None:
        return None
    if levels.callee_speaking or levels.agent_speaking or levels.callee_since <= 0.0:
        return None
    return now - levels.callee_since if levels.callee_since > levels.agent_since else None


def callee_doing(call: Call, levels: Levels, now: float) -> str:
    """What the callee does, beside their meter."""
    if call.phase is CallPhase.EARLY:
        return "network audio"
    if call.held:
        return "on hold"
    if levels.callee_speaking:
        return "speaking"
    if not call.rtp_seen:
        return "no sound yet"
    return f"silent {short(now - levels.callee_since)}" if levels.callee_since else "silent"


def agent_doing(call: Call, levels: Levels, now: float) -> str:
    """What the AI does, beside its meter: speaking, thinking or listening."""
    if call.agent.phase is AgentPhase.FINISHING:
        return "last words" if levels.agent_speaking else "done"
    if call.agent.phase is not AgentPhase.LIVE:
        return "not open"
    if call.silent_until is not None:
        return "silenced"
    if levels.agent_speaking:
        return "speaking"
    waiting = waiting_for_agent(call, levels, now)
    if waiting is not None:
        return f"thinking {short(waiting)}"
    if levels.callee_speaking or not levels.agent_since:
        return "listening"
    return f"listening {short(now - levels.agent_since)}"
