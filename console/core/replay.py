"""The state of another console as its records tell it: enough to show its line and its calls. Pure.

Records tell less than the events they were made of; what they do not tell stays as a fresh state has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .effects import Record
from .events import CallId, ClosedBy, Origin, RegState
from .record_fields import LATEST, Fields, code, number, refusal_of, text
from .replay_session import SESSION, after_the_call
from .state import ENDED_KEPT, Account, Agent, AgentPhase, Call, CallPhase, Outcome, Review, State
from .text import clean
from .words import phrase

CONSOLE_ENDED = phrase("the console that had the line has ended")
"""Why the line is down when nobody writes records any more."""

_TEXT_LIMIT = 20_000
_LARGEST = 1e11  # of any number in a record; Unix seconds are the largest


def replay(state: State, record: Record) -> State:
    """The state after this record. One that says nothing of the state, or makes no sense, changes nothing."""
    try:
        if record.type in _LINE:
            return _LINE[record.type](state, record.fields)
        if record.type in _NEW:
            return _new(state, record)
        if record.call is None or record.type not in _CALL:
            return state
        call = state.find(record.call) or next((c for c in state.ended if c.id == record.call), None)
        return state if call is None else _put(state, _CALL[record.type](call, record.t, record.fields))
    except (ValueError, TypeError, ArithmeticError):  # a word that no vocabulary has: of another version
        return state


# ---- line and account ----


def _line_up(state: State, fields: Fields) -> State:
    line = replace(state.line, up=True, engine=text(fields, "engine"), version=text(fields, "version"))
    line = replace(line, failed=False, taken_over=False, reason="")
    calls = tuple(replace(call, unconfirmed=False) for call in state.calls)  # confirmed or ended next
    return replace(state, line=line, calls=calls)


def _line_down(state: State, fields: Fields) -> State:
    line = replace(state.line, up=False, reason=text(fields, "reason"))
    if fields.get("failed") is True:
        return replace(state, line=replace(line, failed=True))
    line = replace(line, registration=RegState.UNKNOWN, reg_code=None, reg_reason="")
    calls = tuple(replace(call, unconfirmed=not call.over) for call in state.calls)
    return replace(state, line=replace(line, taken_over=fields.get("taken_over") is True), calls=calls)


def _registration(state: State, fields: Fields) -> State:
    line = replace(state.line, registration=RegState(text(fields, "state")), reg_code=code(fields))
    return replace(state, line=replace(line, reg_reason=text(fields, "reason")))


def _account(state: State, fields: Fields) -> State:
    credits = fields.get("credits")
    known = Account(
        known=True,
        agent=text(fields, "agent"),
        credits=credits if isinstance(credits, int) else None,
        empty=fields.get("empty") is True,
    )
    return replace(state, account=known)


def _account_trouble(state: State, fields: Fields) -> State:
    return replace(state, account=replace(state.account, trouble=text(fields, "trouble")))


def _stopped(state: State, fields: Fields) -> State:
    return replace(state, stopped=text(fields, "why"), stopped_by=refusal_of(fields))


def _ear(state: State, fields: Fields) -> State:
    return replace(state, ear=fields.get("on") is True, ear_reason=text(fields, "reason"))


def _missed(state: State, fields: Fields) -> State:
    return replace(state, totals=replace(state.totals, missed=state.totals.missed + 1))


def _never_call(state: State, fields: Fields) -> State:
    return replace(state, never_call=state.never_call | {text(fields, "number")})


def _may_call(state: State, fields: Fields) -> State:
    return replace(state, never_call=state.never_call - {text(fields, "number")})


_LINE: dict[str, Callable[[State, Fields], State]] = {
    "line.up": _line_up,
    "line.down": _line_down,
    "registration": _registration,
    "account": _account,
    "account.trouble": _account_trouble,
    "dialing.stopped": _stopped,
    "dialing.allowed": lambda state, fields: replace(state, stopped="", stopped_by=None),
    "ear": _ear,
    "call.missed": _missed,
    "never_call.added": _never_call,
    "never_call.removed": _may_call,
}


# ---- calls ----

_NEW = ("call.dialing", "call.incoming", "call.found")


def _new(state: State, record: Record) -> State:
    fields, incoming, found = record.fields, record.type == "call.incoming", record.type == "call.found"
    if record.call is None:
        return state
    origin, limit = text(fields, "origin"), number(fields, "limit_seconds")
    up = found and fields.get("established") is not False
    wants_agent = not found and fields.get("agent") is not False
    call = Call(
        id=record.call,
        number=text(fields, "number") or text(fields, "peer"),
        uri=text(fields, "uri"),
        origin=Origin(origin) if origin else None,
        phase=CallPhase.INCOMING if incoming else CallPhase.DIALING,
        started_at=record.t,
        incoming=incoming,
        name=text(fields, "name"),
        ours=fields.get("ours") is True if found else not incoming,
        wants_agent=wants_agent,
        limit_at=record.t + limit if limit else None,
        agent=Agent(phase=AgentPhase.WARM) if wants_agent else Agent(),
        rtp_seen=True,  # no record tells of the first sound
    )
    if found:
        call = replace(
            call, phase=CallPhase.UP if up else CallPhase.RINGING, answered_at=record.t if up else None
        )
    totals = state.totals
    dialed = record.type == "call.dialing"
    return _put(replace(state, totals=replace(totals, calls=totals.calls + dialed)), call)


def _put(state: State, call: Call) -> State:
    """The state with this call in its place: among the live ones until it and its session are over."""
    before = state.find(call.id)
    known = next((c for c in state.ended if c.id == call.id), None)
    totals = state.totals
    answers = call.answered_at is not None and (before is None or before.answered_at is None)
    if answers and call.ours and not call.over:
        totals = replace(totals, answered=totals.answered + 1)
        if state.policy.ask_if_answered and not call.incoming:
            state = replace(state, answered_today=state.answered_today | {call.number})
    if known is not None:  # more is told of a call that is over
        billed = totals.agent_seconds + call.agent.billed - known.agent.billed
        ended = tuple(call if c.id == call.id else c for c in state.ended)
        return replace(state, ended=ended, totals=replace(totals, agent_seconds=billed))
    others = tuple(c for c in state.calls if c.id != call.id)
    if not call.over or call.agent.phase is not AgentPhase.OFF:
        calls = tuple(call if c.id == call.id else c for c in state.calls)
        return replace(state, calls=calls if before is not None else (*calls, call), totals=totals)
    if before is not None:
        missed = call.outcome is Outcome.MISSED
        billed = totals.agent_seconds + call.agent.billed
        totals = replace(totals, agent_seconds=billed, missed=totals.missed + missed)
    return replace(state, calls=others, ended=(call, *state.ended)[:ENDED_KEPT], totals=totals)


def _ringing(call: Call, t: float, fields: Fields) -> Call:
    rings = replace(call, phase=CallPhase.RINGING, early_since=None, early_seconds=call.early_media(t))
    return replace(rings, limit_at=call.started_at + number(fields, "limit_seconds"))


def _early(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, phase=CallPhase.EARLY, early_since=t)


def _answered(call: Call, t: float, fields: Fields) -> Call:
    early = number(fields, "early_media_seconds") or call.early_media(t)
    limit = number(fields, "limit_seconds")
    up = replace(call, phase=CallPhase.UP, answered_at=t, limit_at=t + limit if limit else None, ours=True)
    return replace(up, early_since=None, early_seconds=early)


def _by_others(call: Call, t: float, fields: Fields) -> Call:
    up = replace(call, phase=CallPhase.UP, answered_at=t, limit_at=None, ours=False, wants_agent=False)
    return replace(up, agent=replace(call.agent, phase=AgentPhase.OFF))


def _extended(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, limit_at=(call.limit_at or t) + number(fields, "seconds"))


def _closed(call: Call, t: float, fields: Fields) -> Call:
    by, outcome, origin = (text(fields, key) for key in ("by", "outcome", "origin"))
    ended_at = _ended_at(call, t, fields)
    call = replace(
        call,
        phase=CallPhase.CLOSED,
        ended_at=ended_at,
        early_since=None,
        early_seconds=call.early_media(ended_at),
        limit_at=None,
        unconfirmed=False,
        silent_until=None,
        goodbye_by=None,
        code=code(fields),
        reason=text(fields, "reason"),
        why=text(fields, "why"),
        by=ClosedBy(by) if by else None,
        outcome=Outcome(outcome) if outcome else None,
        asked_from=Origin(origin) if origin else None,
    )
    return replace(call, agent=after_the_call(call))


def _ended_at(call: Call, t: float, fields: Fields) -> float:
    if "after_seconds" in fields:
        return call.started_at + number(fields, "after_seconds")
    return call.answered_at + number(fields, "seconds") if call.answered_at is not None else t


def _bound(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, sip_call_id=text(fields, "sip_call_id"))


def _hold(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, held=fields.get("held") is True)


def _redirected(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, redirected_to=text(fields, "peer"))


def _trouble_with_audio(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, audio=text(fields, "reason"))


def _review(call: Call, t: float, fields: Fields) -> Call:
    credits, usd = fields.get("credits"), fields.get("usd")
    review = Review(
        credits if isinstance(credits, int) else None,
        float(usd) if isinstance(usd, int | float) else None,
        *(text(fields, key) for key in ("termination", "summary", "why")),
    )
    return replace(call, review=review)


_CALL: dict[str, Callable[[Call, float, Fields], Call]] = {
    "call.bound": _bound,
    "call.ringing": _ringing,
    "call.early_media": _early,
    "call.answered": _answered,
    "call.answered_by_others": _by_others,
    "call.extended": _extended,
    "call.hold": _hold,
    "call.redirected": _redirected,
    "call.closed": _closed,
    "call.review": _review,
    "audio.failed": _trouble_with_audio,
    **SESSION,
}


# ---- reading ----


def record_from(line: Mapping[str, Any]) -> Record:
    """An event as `--json` prints it, as a record; raises `ValueError` when it is none. Who wrote into the
    file meanwhile is not known: its texts are made safe to show again."""
    t, type_, call = line.get("t"), line.get("type"), line.get("call")
    if not isinstance(t, int | float) or not isinstance(type_, str) or not isinstance(call, str | None):
        raise ValueError("no event")
    if not 0 <= t < LATEST:
        raise ValueError("no event")
    limit = _text_limit(line)
    fields = {
        clean(key, 60): clean(value, limit) if isinstance(value, str) else value
        for key, value in line.items()
        if key not in ("t", "type", "call") and _makes_sense(value)
    }
    return Record(float(t), clean(type_, 60), CallId(clean(call, 60)) if call is not None else None, fields)


def _text_limit(line: Mapping[str, Any]) -> int:
    """How long each text may be, so that all together are no longer than one may be: words join several."""
    lengths = [len(value) for value in line.values() if isinstance(value, str)]
    return _TEXT_LIMIT if sum(lengths) <= _TEXT_LIMIT else _TEXT_LIMIT // len(lengths)


def _makes_sense(value: object) -> bool:
    if isinstance(value, int | float):
        return -_LARGEST < value < _LARGEST
    return value is None or isinstance(value, str)
