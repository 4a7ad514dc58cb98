"""How a call went: the card that stays after it until the next one, and what to do next."""

from __future__ import annotations

from console.core.caller import WITHHELD
from console.core.events import ClosedBy, Origin
from console.core.journal import NOT_HEARD, duration, money, said
from console.core.outcome import to_call_back
from console.core.state import Call, Outcome, State
from console.core.words import msgid
from console.language import shown, tr

from .line import near, spaced
from .words import Card, Row, Tone, sentence, whole

OUTCOME_WORDS = {
    Outcome.FINISHED: (msgid("ENDED"), Tone.BADGE),
    Outcome.BUSY: (msgid("BUSY"), Tone.BADGE_WARN),
    Outcome.NO_ANSWER: (msgid("NO ANSWER"), Tone.BADGE_WARN),
    Outcome.REFUSED: (msgid("REFUSED"), Tone.BADGE_WARN),
    Outcome.AGENT_REFUSED: (msgid("AI REFUSED"), Tone.BADGE_BAD),
    Outcome.AGENT_BUSY: (msgid("AI BUSY"), Tone.BADGE_BAD),
    Outcome.AGENT_LOST: (msgid("AI LOST"), Tone.BADGE_BAD),
    Outcome.AGENT_FAILED_START: (msgid("AI DID NOT START"), Tone.BADGE_BAD),
    Outcome.NO_LINE: (msgid("NO LINE"), Tone.BADGE_BAD),
    Outcome.LOST: (msgid("CALL LOST"), Tone.BADGE_BAD),
    Outcome.KILLED: (msgid("CONSOLE KILLED"), Tone.BADGE_BAD),
    Outcome.AUDIO_FAILED: (msgid("AUDIO FAILED"), Tone.BADGE_BAD),
    Outcome.MISSED: (msgid("MISSED"), Tone.BADGE_WARN),
    Outcome.REJECTED: (msgid("REJECTED"), Tone.BADGE),
    Outcome.CANCELLED: (msgid("CANCELLED"), Tone.BADGE),
}

_ENDED_BY = {
    ClosedBy.REMOTE: msgid("the callee hung up"),
    ClosedBy.OPERATOR: msgid("you hung up"),
    ClosedBy.AGENT: msgid("the AI hung up"),
    ClosedBy.NETWORK: msgid("the network ended it"),
    ClosedBy.TIMEOUT: msgid("a time limit ended it"),
}


def who(call: Call) -> str:
    """Number and name of the far end."""
    return f"{spaced(call.number)}  {call.name}".strip()


def result_card(call: Call, state: State | None = None) -> Card:
    """What stays on screen after a call until the next dial: how it went, and the next step."""
    word, tone = OUTCOME_WORDS[call.outcome or Outcome.LOST]
    demo = state is not None and state.policy.demo
    rows = [sentence(result(call, demo)), next_step(call, state)]
    if call.review is not None and call.review.summary:
        rows.append(sentence(call.review.summary, Tone.DIM))
    talked = duration(call.seconds(call.ended_at or 0.0)) if call.answered_at is not None else ""
    return Card(tr(word), tone, who(call), talked, tuple(rows))


def next_step(call: Call, state: State | None = None) -> Row:
    """What the operator can do after this call."""
    waiting = to_call_back(state) if state is not None else ()
    if any(c.id == call.id for c in waiting):
        words = tr("CALL BACK: {how}.", how=_redial(call, state))
        if len(waiting) > 1:
            words += " " + tr("{n} more in Recent.", n=len(waiting) - 1)
        return sentence(words, Tone.WARN)
    step = f"{_redial(call, state)}."
    if not waiting:
        return sentence(step, Tone.DIM)
    first = near(waiting[0].number, state.policy.region if state is not None else "")
    back = tr("To call back: {number}.", number=first)
    if len(waiting) > 1:
        back = tr("To call back: {number} and {n} more.", number=first, n=len(waiting) - 1)
    return sentence(f"{step} {back}", Tone.WARN)


def _redial(call: Call, state: State | None) -> str:
    if state is not None and call.number in state.never_call:
        return tr("On the never-call list; ! takes it off again")
    if call.number in ("", WITHHELD):
        return tr("No number to call back")
    twice = state is not None and call.number in state.answered_today
    keys = tr("Up, Enter, Enter") if twice else tr("Up, Enter")
    words = tr("{keys} calls back", keys=keys) if call.incoming else tr("{keys} redials", keys=keys)
    if state is not None and state.stopped:
        return tr("ctrl+p, Allow dialing; then {how}", how=words)
    return words


def result(call: Call, demo: bool = False) -> str:
    """How the call went, in one sentence that does not repeat the outcome's word."""
    ended = call.ended_at if call.ended_at is not None else call.started_at
    reason = said(call.reason)
    after = tr("after {time}", time=whole(ended - call.started_at))
    parts: list[str] = []
    if call.answered_at is None:
        if call.outcome in (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REFUSED, Outcome.NO_LINE, Outcome.LOST):
            parts.append(" ".join(filter(None, (str(call.code or ""), shown(reason), after))))
        else:
            parts.append(after)
    else:
        after = tr("after {time}", time=duration(call.seconds(ended)))
        parts.append(f"{_ended_by(call)} {after}")
        if reason == NOT_HEARD or call.outcome is Outcome.LOST:
            parts.append(shown(reason))
    if call.why:
        parts.append(shown(call.why).rstrip("."))
    early = call.early_media(ended)
    if early and call.answered_at is None:  # else the timeline has it, and there is little room
        parts.append(tr("network audio {time} before", time=whole(early)))
    parts.append(_agent_part(call, ended, demo))
    return ", ".join(filter(None, parts)) + "."


def _ended_by(call: Call) -> str:
    if call.by is ClosedBy.OPERATOR and call.asked_from is Origin.API:
        return tr("the API hung up")
    by = _ENDED_BY.get(call.by) if call.by is not None else None
    return tr(by) if by else tr("it ended")


def _agent_part(call: Call, ended: float, demo: bool) -> str:
    if call.incoming and call.answered_at is None:
        return ""
    billed = call.agent.billed_seconds(ended)
    if billed and demo:
        return tr("AI {time}; demo: nothing is billed", time=duration(billed))
    if billed:
        cost = money(call.review.credits, call.review.usd) if call.review is not None else ""
        return tr("AI {time} billed", time=duration(billed)) + (f" ({shown(cost)})" if cost else "")
    return tr("AI never opened") if call.wants_agent else tr("no AI wanted")
