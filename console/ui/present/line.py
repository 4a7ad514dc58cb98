"""The line, the readiness, the totals, the recent numbers: what stands around the call."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from console.core.events import CallId, RegState
from console.core.outcome import to_call_back
from console.core.state import Account, Call, CallPhase, Line, Outcome, State

from .words import Row, Span, Tone, clock, time_of_day

_E164 = re.compile(r"\+[0-9]{6,15}")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether Enter would dial; if not, `why` and what to `press` (both may be empty when ready)."""

    ready: bool
    why: str = ""
    press: str = ""


def readiness(state: State | None, broken: str = "") -> Readiness:
    """Line, agent and settings together. `broken`: the engine itself is gone, in words."""
    if broken:
        return Readiness(False, broken, "ctrl+q quits")
    if state is None:
        return Readiness(False, "the phone is starting", "wait")
    line = state.line
    if state.policy.not_ready:
        return Readiness(False, state.policy.not_ready.rstrip("."), "ctrl+q quits; mend it and start again")
    if not state.policy.has_agent:
        return Readiness(False, "no AI agent is set", "fill in ELEVENLABS_AGENT_ID and start again")
    if state.quitting:
        return Readiness(False, "quitting: everything is being hung up", "wait")
    if line.failed:
        return Readiness(
            False, line.reason or "the phone cannot work", "ctrl+q quits; mend it and start again"
        )
    if line.taken_over:
        return Readiness(False, "another program has taken the phone over", "r takes it back")
    if not line.up:
        return Readiness(
            False, line.reason or "the phone is starting", "it is tried again" if line.reason else "wait"
        )
    if state.policy.register and line.registration is not RegState.OK:
        return _not_registered(line)
    if state.stopped:
        return Readiness(False, f"dialing stopped: {state.stopped.rstrip('.')}", "ctrl+p, Allow dialing")
    return Readiness(True)


def _not_registered(line: Line) -> Readiness:
    if line.registration is RegState.FAILED:
        answer = " ".join(filter(None, (str(line.reg_code or ""), line.reg_reason)))
        return Readiness(False, f"not registered: {answer or 'no answer'}", "r registers again")
    if line.registration is RegState.OFF:
        return Readiness(False, "not registered", "r registers")
    return Readiness(False, "registering", "wait, or r registers again")


def line_word(state: State | None) -> Span:
    """The line in a word: ok, down, registering, or the registrar's answer."""
    if state is None:
        return Span("line starting", Tone.WARN)
    line = state.line
    if line.failed or line.taken_over or not line.up:
        return Span(
            "line failed" if line.failed else "line taken" if line.taken_over else "line down", Tone.BAD
        )
    if not state.policy.register:
        return Span("line direct", Tone.GOOD)
    match line.registration:
        case RegState.OK:
            return Span("line ok", Tone.GOOD)
        case RegState.FAILED:
            return Span(f"line {line.reg_code or 'failed'}", Tone.BAD)
        case RegState.OFF:
            return Span("line not registered", Tone.WARN)
    return Span("line registering", Tone.WARN)


def agent_word(state: State | None, name: str) -> Span:
    """The agent: its name when known, or that there is none, or that it was refused."""
    if state is not None and state.stopped_by is not None:
        return Span("agent refused", Tone.BAD)
    if state is not None and not state.policy.has_agent:
        return Span("agent none", Tone.WARN)
    account = state.account if state is not None else Account()
    credits = "" if account.credits is None else f"   credits {account.credits:,}"
    return Span(f"agent {account.agent or name or 'set'}{credits}", Tone.BAD if account.empty else Tone.PLAIN)


def ear_word(state: State | None) -> Span:
    if state is None or (not state.ear and not state.ear_reason):
        return Span("ear off", Tone.DIM)
    if state.ear:
        return Span("ear ON", Tone.STRONG)
    return Span(f"ear off: {state.ear_reason}", Tone.WARN)


def status(
    state: State | None,
    *,
    account: str = "",
    agent: str = "",
    demo: bool = False,
    api: str = "",
    broken: str = "",
) -> Row:
    """The top line: READY or NOT READY first; when not, why and what to press before anything else."""
    able = readiness(state, broken)
    spans = [Span(" READY ", Tone.BADGE_GOOD) if able.ready else Span(" NOT READY ", Tone.BADGE_BAD)]
    if not able.ready:
        spans += [Span(f"  {able.why}", Tone.STRONG)]
    if demo:
        spans += [Span("  "), Span(" DEMO LINE ", Tone.BADGE_WARN)]
    line = line_word(state)
    parts = [Span(f"{line.text} {account}".rstrip(), line.tone), agent_word(state, agent), ear_word(state)]
    if state is not None and state.line.engine:
        parts.append(Span(f"{state.line.engine} {state.line.version}".rstrip(), Tone.DIM))
    if api:
        parts.append(Span(f"api {api}", Tone.WARN if api == "none" else Tone.DIM))
    for part in parts:
        spans += [Span("   "), part]
    return Row(tuple(spans), (Span(able.press, Tone.WARN),) if able.press else ())


def totals(state: State | None, now: float = 0.0) -> str:
    """Today's figures in one line, the calls that go on now included."""
    if state is None:
        return "TODAY 0 calls"
    t = state.totals
    parts = [
        f"TODAY {_counted(t.calls)}",
        f"{t.answered} answered",
        f"{t.missed} missed",
        f"AI {clock(t.agent_seconds + sum(c.agent.billed_seconds(now) for c in state.calls))}",
    ]
    dropped = len(to_call_back(state))
    return "  ".join(parts) + (f"  {dropped} TO CALL BACK" if dropped else "")


def _counted(calls: int, other: str = "") -> str:
    return f"{calls} {other}call" + ("" if calls == 1 else "s")


def call_heading(state: State | None, shown: Call | None) -> tuple[str, ...]:
    """The heading of the box of the call, and that there are others beside it."""
    calls = lives(state)
    if shown is None or len(calls) < 2:
        return ("Call",)
    place = [c.id for c in calls].index(shown.id) + 1
    rings = any(c.phase is CallPhase.INCOMING for c in calls if c.id != shown.id)
    others = f"+{_counted(len(calls) - 1, 'other ')}{' INCOMING' if rings else ''}"
    return f"Call {place} of {len(calls)}", others, "tab: next"


@dataclass(frozen=True, slots=True)
class Recent:
    """One row of the recent numbers: `number` is what dials it again."""

    number: str
    row: Row


_RECENT_WORDS = {
    Outcome.BUSY: "busy",
    Outcome.NO_ANSWER: "no answer",
    Outcome.REFUSED: "refused",
    Outcome.AGENT_REFUSED: "no AI",
    Outcome.AGENT_BUSY: "AI busy",
    Outcome.AGENT_LOST: "AI lost",
    Outcome.AGENT_FAILED_START: "AI failed",
    Outcome.NO_LINE: "no line",
    Outcome.LOST: "lost",
    Outcome.AUDIO_FAILED: "audio",
    Outcome.MISSED: "MISSED",
    Outcome.REJECTED: "rejected",
    Outcome.CANCELLED: "cancelled",
}


def recents(state: State | None, wall_zero: float) -> tuple[Recent, ...]:
    """The ended calls, newest first: time, number, how it went."""
    if state is None:
        return ()
    dropped = {c.id for c in to_call_back(state)}
    region = state.policy.region
    return tuple(_recent(c, region, wall_zero, c.id in dropped) for c in state.ended if c.number)


def _recent(call: Call, region: str, wall_zero: float, call_back: bool) -> Recent:
    ended = call.ended_at if call.ended_at is not None else call.started_at
    talked = call.seconds(ended)
    word = (
        clock(talked)
        if call.outcome is Outcome.FINISHED
        else _RECENT_WORDS.get(call.outcome or Outcome.LOST, "")
    )
    tone = Tone.GOOD if call.outcome is Outcome.FINISHED else Tone.PLAIN
    tone = Tone.WARN if call.outcome is Outcome.MISSED else tone
    word, tone = ("CALL BACK", Tone.BAD) if call_back else (word, tone)
    when = time_of_day(wall_zero + call.started_at, seconds=False)
    return Recent(
        call.number,
        Row((Span(f"{when} ", Tone.DIM), Span(near(call.number, region))), (Span(word, tone),)),
    )


def near(number: str, region: str = "RU") -> str:
    """A number as short as it stays unmistakable: Russian ones without +7 where RU is the dial region."""
    pretty = spaced(number)
    return pretty.removeprefix("+7 ") if region == "RU" else pretty


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
