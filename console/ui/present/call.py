"""The call in words: its phase, its times, what is wrong with it, and the card that stays after it."""

from __future__ import annotations

from dataclasses import dataclass

from console.core.events import CallId, ClosedBy, Origin
from console.core.journal import NOT_HEARD, money, said
from console.core.outcome import to_call_back
from console.core.state import Call, CallPhase, Outcome, State
from console.ports import Levels

from .agent import waiting_for_agent
from .line import last_ended, live, near, spaced
from .words import Row, Span, Tone, clock, left_over, sentence, whole

RTP_ALARM = 2.0
"""Seconds without any audio from the callee after the answer before the screen says so."""

AGENT_ALARM = 6.0
"""Seconds after the callee's turn without a word of the AI before the screen says so."""

_PHASE_WORDS = {
    CallPhase.DIALING: ("DIALING", Tone.BADGE),
    CallPhase.RINGING: ("RINGING", Tone.BADGE),
    CallPhase.EARLY: ("NETWORK AUDIO", Tone.BADGE_WARN),
    CallPhase.INCOMING: ("INCOMING", Tone.BADGE_WARN),
    CallPhase.UP: ("ANSWERED", Tone.BADGE_GOOD),
    CallPhase.CLOSING: ("HANGING UP", Tone.BADGE_WARN),
    CallPhase.CLOSED: ("ENDED", Tone.BADGE),
}

_OUTCOME_WORDS = {
    Outcome.FINISHED: ("ENDED", Tone.BADGE),
    Outcome.BUSY: ("BUSY", Tone.BADGE_WARN),
    Outcome.NO_ANSWER: ("NO ANSWER", Tone.BADGE_WARN),
    Outcome.REFUSED: ("REFUSED", Tone.BADGE_WARN),
    Outcome.AGENT_REFUSED: ("AI REFUSED", Tone.BADGE_BAD),
    Outcome.AGENT_BUSY: ("AI BUSY", Tone.BADGE_BAD),
    Outcome.AGENT_LOST: ("AI LOST", Tone.BADGE_BAD),
    Outcome.AGENT_FAILED_START: ("AI DID NOT START", Tone.BADGE_BAD),
    Outcome.NO_LINE: ("NO LINE", Tone.BADGE_BAD),
    Outcome.LOST: ("CALL LOST", Tone.BADGE_BAD),
    Outcome.AUDIO_FAILED: ("AUDIO FAILED", Tone.BADGE_BAD),
    Outcome.MISSED: ("MISSED", Tone.BADGE_WARN),
    Outcome.REJECTED: ("REJECTED", Tone.BADGE),
    Outcome.CANCELLED: ("CANCELLED", Tone.BADGE),
}

_ENDED_BY = {
    ClosedBy.REMOTE: "the callee hung up",
    ClosedBy.OPERATOR: "you hung up",
    ClosedBy.AGENT: "the AI hung up",
    ClosedBy.NETWORK: "the network ended it",
    ClosedBy.TIMEOUT: "a time limit ended it",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A box about one thing: the big word, what stands beside it, the timer, and rows under it."""

    word: str
    tone: Tone
    beside: str = ""
    timer: str = ""
    rows: tuple[Row, ...] = ()

    def all_rows(self) -> tuple[Row, ...]:
        """The card as rows, the big word first."""
        head = (
            Span(f" {self.word} ", self.tone),
            Span(f"  {self.beside}" if self.beside else "", Tone.STRONG),
        )
        return (Row(head, (Span(self.timer, Tone.STRONG),) if self.timer else ()), *self.rows)


def card(
    state: State | None,
    now: float,
    levels: Levels | None = None,
    details: bool = False,
    chosen: CallId | None = None,
) -> Card:
    """The call on screen, or the result of the last one, or that there is none; `details` where there is room
    for what only a technician asks."""
    call = live(state, chosen)
    if state is None or call is None:
        last = last_ended(state)
        return result_card(last, state) if last is not None else Card("NO CALL", Tone.BADGE)
    word, tone = phase_word(call)
    rows = _about(call, now)
    if not call.ours:
        rows.insert(0, sentence("of another program on this phone: only shown", Tone.WARN))
    if call.origin is Origin.API:
        rows.insert(0, sentence("asked for by the API", Tone.DIM))
    rows[:0] = [sentence(text, Tone.BAD) for text in alarms(call, levels, now)]
    if details:
        rows.append(sentence(" ".join(filter(None, (call.uri, call.sip_call_id))), Tone.DIM))
    return Card(word, tone, who(call), timer(call, now), tuple(rows))


def phase_word(call: Call) -> tuple[str, Tone]:
    """The call's phase in capitals."""
    if call.unconfirmed:
        return "IN DOUBT", Tone.BADGE_BAD
    if call.phase is CallPhase.UP and call.held:
        return "ANSWERED, ON HOLD", Tone.BADGE_WARN
    if call.phase is CallPhase.CLOSED and call.outcome is not None:
        return _OUTCOME_WORDS[call.outcome]
    return _PHASE_WORDS[call.phase]


def who(call: Call) -> str:
    """Number and name of the far end."""
    return f"{spaced(call.number)}  {call.name}".strip()


def timer(call: Call, now: float) -> str:
    """Since the answer once there is one, before that since the start."""
    return clock(call.seconds(now) if call.answered_at is not None else now - call.started_at)


def _about(call: Call, now: float) -> list[Row]:
    """What is known of the call; the last row has the limit on its right."""
    early = call.early_media(now)
    limit = _limit(call, now)
    match call.phase:
        case CallPhase.UP:
            delay = whole((call.answered_at or now) - call.started_at)
            before = f"; network audio {whole(early)} before it, AI not opened" if early else ""
            you = "you answered" if call.incoming else "answered"
            return [
                sentence(f"{you} after {delay}{before}"),
                Row((Span("person or machine unknown", Tone.DIM),), limit),
            ]
        case CallPhase.EARLY:
            kinds = "ring tone, melody, announcement or voicemail"
            return [sentence(f"not answered: {whole(early)} of {kinds}; AI not opened"), Row((), limit)]
        case CallPhase.RINGING:
            if not early:
                return [Row((Span("the callee's phone rings"),), limit)]
            return [sentence(f"network audio {whole(early)} so far, AI not opened"), Row((), limit)]
        case CallPhase.DIALING:
            return [Row((Span("no answer from the network yet", Tone.DIM),), limit)]
        case CallPhase.CLOSING:
            return [sentence(call.why or "waiting for the network to confirm")]
        case CallPhase.INCOMING:
            answers = "a answers with the AI, " if call.wants_agent else "no AI for incoming calls; "
            return [Row((Span(f"{answers}x rejects"),), limit)]
    return []


def _limit(call: Call, now: float) -> tuple[Span, ...]:
    if call.limit_at is None:
        return ()
    left = left_over(call.limit_at - now)
    if call.phase is CallPhase.UP:
        soon = call.limit_at - now < 60
        return (Span(f"ends in {left}, k +5", Tone.WARN if soon else Tone.PLAIN),)
    return (Span(f"{left} left" if call.incoming else f"gives up in {left}"),)


def alarms(call: Call, levels: Levels | None, now: float) -> tuple[str, ...]:
    """What is wrong with the call right now, in sentences; empty when all is well."""
    found: list[str] = []
    if call.unconfirmed:
        found.append("The link to the phone is lost; whether the call still stands is being checked.")
    silent = call.seconds(now)
    if call.phase is CallPhase.UP and not call.rtp_seen and not call.held and silent >= RTP_ALARM:
        ends = f"; the call ends in {whole(call.rtp_by - now)}" if call.rtp_by is not None else ""
        found.append(f"No sound from the callee for {whole(silent)} (no RTP){ends}.")
    waiting = waiting_for_agent(call, levels, now)
    if waiting is not None and waiting >= AGENT_ALARM:
        found.append(f"The AI has not answered for {whole(waiting)}; h hangs up.")
    if call.audio:
        found.append(f"Audio: {call.audio}")
    if call.redirected_to:
        found.append(f"Redirected without being asked, now talking to {call.redirected_to}.")
    return tuple(found)


def result_card(call: Call, state: State | None = None) -> Card:
    """What stays on screen after a call until the next dial: how it went, and the next step."""
    word, tone = _OUTCOME_WORDS[call.outcome or Outcome.LOST]
    rows = [sentence(result(call)), next_step(call, state)]
    if call.review is not None and call.review.summary:
        rows.append(sentence(call.review.summary, Tone.DIM))
    talked = clock(call.seconds(call.ended_at or 0.0)) if call.answered_at is not None else ""
    return Card(word, tone, who(call), talked, tuple(rows))


def next_step(call: Call, state: State | None = None) -> Row:
    """What the operator can do after this call."""
    waiting = to_call_back(state) if state is not None else ()
    if any(c.id == call.id for c in waiting):
        others = f" {len(waiting) - 1} more in Recent." if len(waiting) > 1 else ""
        person = call.name or spaced(call.number)
        return sentence(f"CALL BACK {person}: {_redial(call, state)}.{others}", Tone.WARN)
    step = f"{_redial(call, state)}."
    if waiting:
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        first = near(waiting[0].number, state.policy.region if state is not None else "")
        return sentence(f"{step} To call back: {first}{more}.", Tone.WARN)
    return sentence(step, Tone.DIM)


def _redial(call: Call, state: State | None) -> str:
    if state is not None and call.number in state.never_call:
        return "On the never-call list: it is not dialed again"
    if not (call.number.startswith("+") or "@" in call.number):
        return "No number to call back"
    keys = "Up, Enter, Enter" if state is not None and call.number in state.answered_today else "Up, Enter"
    words = f"{keys} calls back" if call.incoming else f"{keys} redials"
    if state is not None and state.stopped:
        return f"ctrl+p, Allow dialing; then {words}"
    return words


def result(call: Call) -> str:
    """How the call went, in one sentence that does not repeat the outcome's word."""
    ended = call.ended_at if call.ended_at is not None else call.started_at
    answer = " ".join(filter(None, (str(call.code or ""), said(call.reason))))
    parts: list[str] = []
    if call.answered_at is None:
        if call.outcome in (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REFUSED, Outcome.NO_LINE, Outcome.LOST):
            parts.append(f"{answer} after {whole(ended - call.started_at)}".strip())
        else:
            parts.append(f"after {whole(ended - call.started_at)}")
    else:
        by = _ENDED_BY.get(call.by, "") if call.by is not None else ""
        by = "the API hung up" if call.by is ClosedBy.OPERATOR and call.asked_from is Origin.API else by
        parts.append(f"{by or 'it ended'} after {clock(call.seconds(ended))}")
        if said(call.reason) == NOT_HEARD or call.outcome is Outcome.LOST:
            parts.append(said(call.reason))
    if call.why:
        parts.append(call.why.rstrip("."))
    early = call.early_media(ended)
    if early:
        parts.append(f"network audio {whole(early)} before")
    parts.append(_agent_part(call, ended))
    return ", ".join(filter(None, parts)) + "."


def _agent_part(call: Call, ended: float) -> str:
    if call.incoming and call.answered_at is None:
        return ""
    billed = call.agent.billed_seconds(ended)
    if billed:
        cost = money(call.review.credits, call.review.usd) if call.review is not None else ""
        return f"AI {clock(billed)} billed" + (f" ({cost})" if cost else "")
    return "AI never opened" if call.wants_agent else "no AI wanted"


def terminal_title(state: State | None, now: float, broken: str = "", chosen: CallId | None = None) -> str:
    """Phase and timer for the terminal's title."""
    if broken:
        return "STOPPED - Call Console"
    call = live(state, chosen)
    if call is None:
        return "Call Console"
    return f"{phase_word(call)[0]} {timer(call, now)} {spaced(call.number)} - Call Console"
