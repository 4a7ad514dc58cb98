"""The state of another console as its records tell it: enough to show its line and its calls. Pure.

Records tell less than the events they were made of; what they do not tell stays as a fresh state has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .effects import JsonValue, Record
from .events import CallId, ClosedBy, Origin, RegState
from .state import ENDED_KEPT, Account, Agent, AgentPhase, Call, CallPhase, Outcome, State
from .text import clean

Fields = Mapping[str, JsonValue]

_TEXT_LIMIT = 20_000
_LATEST = 1e10  # seconds; also keeps what is no number out
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


def _text(fields: Fields, key: str) -> str:
    value = fields.get(key)
    return "" if value is None else str(value)


def _number(fields: Fields, key: str) -> float:
    """Seconds; what no time can be is 0."""
    value = fields.get(key)
    return float(value) if isinstance(value, int | float) and 0 <= value < _LATEST else 0.0


def _code(fields: Fields) -> int | None:
    value = fields.get("code")
    return value if isinstance(value, int) else None


# ---- line and account ----


def _line_up(state: State, fields: Fields) -> State:
    line = replace(state.line, up=True, engine=_text(fields, "engine"), version=_text(fields, "version"))
    return replace(state, line=replace(line, reason=""))


def _line_down(state: State, fields: Fields) -> State:
    return replace(state, line=replace(state.line, up=False, reason=_text(fields, "reason")))


def _registration(state: State, fields: Fields) -> State:
    line = replace(state.line, registration=RegState(_text(fields, "state")), reg_code=_code(fields))
    return replace(state, line=replace(line, reg_reason=_text(fields, "reason")))


def _account(state: State, fields: Fields) -> State:
    credits = fields.get("credits")
    known = Account(True, _text(fields, "agent"), credits if isinstance(credits, int) else None)
    return replace(state, account=known)


def _stopped(state: State, fields: Fields) -> State:
    return replace(state, stopped=_text(fields, "why"))


def _ear(state: State, fields: Fields) -> State:
    return replace(state, ear=fields.get("on") is True, ear_reason=_text(fields, "reason"))


_LINE: dict[str, Callable[[State, Fields], State]] = {
    "line.up": _line_up,
    "line.down": _line_down,
    "registration": _registration,
    "account": _account,
    "dialing.stopped": _stopped,
    "dialing.allowed": lambda state, fields: replace(state, stopped=""),
    "ear": _ear,
}


# ---- calls ----

_NEW = ("call.dialing", "call.incoming", "call.found")


def _new(state: State, record: Record) -> State:
    fields, incoming = record.fields, record.type == "call.incoming"
    if record.call is None:
        return state
    origin = _text(fields, "origin")
    call = Call(
        id=record.call,
        number=_text(fields, "number") or _text(fields, "peer"),
        uri=_text(fields, "uri"),
        origin=Origin(origin) if origin else None,
        phase=CallPhase.INCOMING if incoming else CallPhase.DIALING,
        started_at=record.t,
        incoming=incoming,
        name=_text(fields, "name"),
        ours=record.type != "call.found",
    )
    totals = state.totals
    dialed = record.type == "call.dialing"
    return _put(replace(state, totals=replace(totals, calls=totals.calls + dialed)), call)


def _put(state: State, call: Call) -> State:
    """The state with this call in its place: among the live ones until it and its session are over."""
    before = state.find(call.id)
    others = tuple(c for c in state.calls if c.id != call.id)
    ended = tuple(c for c in state.ended if c.id != call.id)
    totals = state.totals
    if call.answered_at is not None and (before is None or before.answered_at is None) and not call.over:
        totals = replace(totals, answered=totals.answered + 1)
    if not call.over or call.agent.phase is not AgentPhase.OFF:
        return replace(state, calls=(*others, call), ended=ended, totals=totals)
    if before is not None:
        missed = call.outcome is Outcome.MISSED
        billed = totals.agent_seconds + call.agent.billed
        totals = replace(totals, agent_seconds=billed, missed=totals.missed + missed)
    return replace(state, calls=others, ended=(call, *ended)[:ENDED_KEPT], totals=totals)


def _ringing(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, phase=CallPhase.RINGING, limit_at=call.started_at + _number(fields, "limit_seconds"))


def _early(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, phase=CallPhase.EARLY, early_since=t)


def _answered(call: Call, t: float, fields: Fields) -> Call:
    early = _number(fields, "early_media_seconds") or call.early_media(t)
    up = replace(call, phase=CallPhase.UP, answered_at=t, limit_at=None, rtp_seen=True)
    return replace(up, early_since=None, early_seconds=early)


def _by_others(call: Call, t: float, fields: Fields) -> Call:
    return replace(_answered(call, t, fields), ours=False, wants_agent=False)


def _closed(call: Call, t: float, fields: Fields) -> Call:
    by, outcome, origin = (_text(fields, key) for key in ("by", "outcome", "origin"))
    return replace(
        call,
        phase=CallPhase.CLOSED,
        ended_at=call.answered_at + _number(fields, "seconds") if call.answered_at is not None else t,
        early_since=None,
        early_seconds=call.early_media(t),
        limit_at=None,
        code=_code(fields),
        reason=_text(fields, "reason"),
        why=_text(fields, "why"),
        by=ClosedBy(by) if by else None,
        outcome=Outcome(outcome) if outcome else None,
        asked_from=Origin(origin) if origin else None,
    )


def _bound(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, sip_call_id=_text(fields, "sip_call_id"))


def _hold(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, held=fields.get("held") is True)


def _redirected(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, redirected_to=_text(fields, "peer"))


def _trouble_with_audio(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, audio=_text(fields, "reason"))


def _silenced(call: Call, t: float, fields: Fields) -> Call:
    if fields.get("on") is True:
        return replace(call, silent_until=t + _number(fields, "limit_seconds"))
    return replace(call, silent_until=None, resumed_at=t)


# ---- their AI sessions ----


def _agent(call: Call, **changes: object) -> Call:
    return replace(call, agent=replace(call.agent, **changes))  # type: ignore[arg-type]


def _warm(call: Call, t: float, fields: Fields) -> Call:
    return _agent(call, phase=AgentPhase.WARM, ready=True, trouble="") if not call.over else call


def _trouble(call: Call, t: float, fields: Fields) -> Call:
    return _agent(call, trouble=_text(fields, "reason"))


def _opening(call: Call, t: float, fields: Fields) -> Call:
    return _agent(call, phase=AgentPhase.OPENING, billed_from=t)


def _live(call: Call, t: float, fields: Fields) -> Call:
    told = {name: _text(fields, name) for name in ("conversation_id", "input_format", "output_format")}
    return _agent(call, phase=AgentPhase.LIVE, live_at=t, **told)


def _first_audio(call: Call, t: float, fields: Fields) -> Call:
    return _agent(call, first_audio_at=t, spoke=True)


def _agent_closed(call: Call, t: float, fields: Fields) -> Call:
    billed = _number(fields, "seconds")
    if call.agent.phase is AgentPhase.OFF and call.agent.billed == billed:
        return call
    return _agent(call, phase=AgentPhase.OFF, billed=billed, billed_from=None)


def _retry(call: Call, t: float, fields: Fields) -> Call:
    return replace(call, agent=Agent(phase=AgentPhase.WARM, billed=call.agent.billed, drops=1))


_CALL: dict[str, Callable[[Call, float, Fields], Call]] = {
    "call.bound": _bound,
    "call.ringing": _ringing,
    "call.early_media": _early,
    "call.answered": _answered,
    "call.answered_by_others": _by_others,
    "call.hold": _hold,
    "call.redirected": _redirected,
    "call.closed": _closed,
    "audio.failed": _trouble_with_audio,
    "agent.silenced": _silenced,
    "agent.warm": _warm,
    "agent.trouble": _trouble,
    "agent.opening": _opening,
    "agent.live": _live,
    "agent.first_audio": _first_audio,
    "agent.closed": _agent_closed,
    "agent.retry": _retry,
}


def record_from(line: Mapping[str, Any]) -> Record:
    """An event as `--json` prints it, as a record; raises `ValueError` when it is none. Who wrote into the
    file meanwhile is not known: its texts are made safe to show again."""
    t, type_, call = line.get("t"), line.get("type"), line.get("call")
    if not isinstance(t, int | float) or not isinstance(type_, str) or not isinstance(call, str | None):
        raise ValueError("no event")
    if not 0 <= t < _LATEST:
        raise ValueError("no event")
    fields = {
        clean(key, 60): clean(value, _TEXT_LIMIT) if isinstance(value, str) else value
        for key, value in line.items()
        if key not in ("t", "type", "call") and _makes_sense(value)
    }
    return Record(float(t), clean(type_, 60), CallId(clean(call, 60)) if call is not None else None, fields)


def _makes_sense(value: object) -> bool:
    if isinstance(value, int | float):
        return -_LARGEST < value < _LARGEST
    return value is None or isinstance(value, str)
