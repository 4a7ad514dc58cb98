"""The calls around the one on screen: which there are, the day's totals, the recent numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from rich.cells import cell_len

from console.core.events import CallId
from console.core.journal import duration
from console.core.outcome import to_call_back
from console.core.state import Call, CallPhase, Outcome, Policy, State
from console.core.words import msgid
from console.language import tr, tr_n

from .words import Row, Span, Tone, time_of_day

_E164 = re.compile(r"\+[0-9]{6,15}")


def totals(state: State | None, now: float = 0.0, width: int = 1000) -> str:
    """Today's figures in one line, the calls that go on now included; what has no room in `width` cells is
    left out, the last first."""
    if state is None:
        state = State(Policy(""))
    t = state.totals
    billed = t.agent_seconds + sum(c.agent.billed_seconds(now) for c in state.calls)
    parts = [
        tr_n("TODAY {n} call", "TODAY {n} calls", t.calls),
        tr("{n} answered", n=t.answered),
        tr("{n} missed", n=t.missed),
    ]
    dropped = len(to_call_back(state))
    if dropped:
        parts.append(tr("{n} TO CALL BACK", n=dropped))
    parts.append(tr("AI {time}", time=duration(billed)))
    while len(parts) > 1 and cell_len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


def call_heading(state: State | None, shown: Call | None) -> tuple[str, ...]:
    """The heading of the box of the call, and that there are others beside it."""
    calls = lives(state)
    if shown is None or len(calls) < 2:
        return (tr("Call"),)
    place = [c.id for c in calls].index(shown.id) + 1
    rings = any(c.phase is CallPhase.INCOMING for c in calls if c.id != shown.id)
    others = tr_n("+{n} other call", "+{n} other calls", len(calls) - 1)
    others = " ".join((others, tr("INCOMING"))) if rings else others
    return tr("Call {place} of {n}", place=place, n=len(calls)), others, tr("tab: next")


@dataclass(frozen=True, slots=True)
class Recent:
    """One row of the recent numbers: `number` is what dials it again."""

    number: str
    row: Row


_RECENT_WORDS = {
    Outcome.BUSY: msgid("busy"),
    Outcome.NO_ANSWER: msgid("no reply"),  # short in every language
    Outcome.REFUSED: msgid("refused"),
    Outcome.AGENT_REFUSED: msgid("no AI"),
    Outcome.AGENT_BUSY: msgid("AI busy"),
    Outcome.AGENT_LOST: msgid("AI lost"),
    Outcome.AGENT_FAILED_START: msgid("AI failed"),
    Outcome.NO_LINE: msgid("no line"),
    Outcome.LOST: msgid("lost"),
    Outcome.KILLED: msgid("killed"),
    Outcome.AUDIO_FAILED: msgid("audio"),
    Outcome.MISSED: msgid("MISSED"),
    Outcome.REJECTED: msgid("rejected"),
    Outcome.CANCELLED: msgid("cancelled"),
}


def recents(state: State | None, wall_zero: float, width: int = 1000) -> tuple[Recent, ...]:
    """The ended calls, newest first: time, number, how it went; in less than `width` cells without the time,
    for the number is never cut."""
    if state is None:
        return ()
    dropped = {c.id for c in to_call_back(state)}
    region = state.policy.region
    return tuple(_recent(c, region, wall_zero, c.id in dropped, width) for c in state.ended if c.number)


def _recent(call: Call, region: str, wall_zero: float, call_back: bool, width: int) -> Recent:
    ended = call.ended_at if call.ended_at is not None else call.started_at
    talked = call.seconds(ended)
    how = _RECENT_WORDS.get(call.outcome or Outcome.LOST, "")
    word = duration(talked) if call.outcome is Outcome.FINISHED else tr(how)
    tone = Tone.GOOD if call.outcome is Outcome.FINISHED else Tone.PLAIN
    tone = Tone.WARN if call.outcome is Outcome.MISSED else tone
    word, tone = (tr("CALL BACK"), Tone.BAD) if call_back else (word, tone)
    when = time_of_day(wall_zero + call.started_at, seconds=False) + " "
    number = near(call.number, region)
    when = when if cell_len(f"{when}{number} {word}") <= width else ""
    return Recent(call.number, Row((Span(when, Tone.DIM), Span(number)), (Span(word, tone),)))


def near(number: str, region: str = "RU") -> str:
    """A number as short as it stays unmistakable: Russian ones without +7 where RU is the dial region."""
    pretty = spaced(number)
    return pretty.removeprefix("+7 ") if region == "RU" else pretty


def tail(number: str) -> str:
    """What tells a call from others at a glance: the last four digits, or the beginning of a name."""
    return f"…{number[-4:]}" if _E164.fullmatch(number) else number.split("@")[0][:8]


@lru_cache(maxsize=256)
def spaced(number: str) -> str:
    """An E.164 number in groups; anything else as it is."""
    if not _E164.fullmatch(number):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def lives(state: State | None) -> tuple[Call, ...]:
    """The calls that are not over, oldest first; one whose AI session is still closing is over."""
    return tuple(c for c in state.calls if not c.over) if state is not None else ()


def live(state: State | None, chosen: CallId | None = None) -> Call | None:
    """The call on screen: the chosen one while it is not over, else the one that the state puts forward."""
    if state is None:
        return None
    call = state.find(chosen)
    if call is None or call.over:
        call = state.shown
    return call if call is not None and not call.over else None


def last_ended(state: State | None) -> Call | None:
    """The call that ended last, even while its AI session is still closing."""
    if state is None:
        return None
    over = [c for c in state.calls if c.over]
    return over[-1] if over else state.ended[0] if state.ended else None
