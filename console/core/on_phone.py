"""Reactions to what the phone reports. They note facts; `core.rules` draws the conclusions."""

from __future__ import annotations

from dataclasses import replace

from .caller import known_name, known_number
from .draft import Draft
from .effects import AudioAnswered
from .events import (
    CallId,
    ClosedBy,
    LineDown,
    LineFailed,
    LineSilent,
    LineUp,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneConfirmed,
    PhoneDigit,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneEvent,
    PhoneFound,
    PhoneHold,
    PhoneIncoming,
    PhoneMissed,
    PhoneRedirected,
    PhoneRinging,
    PhoneRtp,
    PhoneTransferFailed,
    RegistrationChanged,
    RegState,
)
from .state import Call, CallPhase, Outcome
from .tools import on_digit, transfer_failed
from .words import phrase

UNCONFIRMED_SECONDS = 2.0
"""How long a call may stay unconfirmed after the control link was lost."""

INCOMING_SECONDS = 25.0
"""How long an incoming call is offered."""

RTP_SECONDS = 5.0
"""No RTP from the callee for so long after the answer: there is nobody to talk to."""

_BEFORE_ANSWER = (CallPhase.DIALING, CallPhase.RINGING, CallPhase.EARLY)
_HUNG_UP = {
    ClosedBy.REMOTE: phrase("the other side hung up"),
    ClosedBy.OPERATOR: phrase("hung up by the operator"),
    ClosedBy.AGENT: phrase("the AI ended the call"),
    ClosedBy.NETWORK: phrase("ended by the network"),
    ClosedBy.TIMEOUT: phrase("a time limit was reached"),
}
_BUSY_CODES = (486, 600)
_NO_ANSWER_CODES = (408, 480, 487)


def react(d: Draft, event: PhoneEvent) -> None:
    match event:
        case LineUp():
            _line_up(d, event)
        case LineDown():
            _line_down(d, event)
        case LineSilent():
            d.change(line=replace(d.state.line, silent=event.silent))
        case LineFailed():
            d.change(line=replace(d.state.line, up=False, failed=True, reason=event.reason))
            d.record("line.down", reason=event.reason, failed=True)
            _lose_all(d, event.reason)
        case RegistrationChanged():
            _registration(d, event)
        case PhoneIncoming():
            _incoming(d, event)
        case PhoneFound():
            _found(d, event)
        case PhoneMissed():
            _missed(d, event.peer)
        case _:
            call = d.state.find(event.call)
            if call is not None and not call.over:
                _on_call(d, call, event)


def _on_call(d: Draft, call: Call, event: PhoneEvent) -> None:
    match event:
        case PhoneCallBound():
            d.call(call, sip_call_id=event.sip_call_id)
            d.record("call.bound", call.id, sip_call_id=event.sip_call_id)
        case PhoneRinging():
            _ringing(d, call)
        case PhoneEarlyMedia():
            _early_media(d, call)
        case PhoneAnswered():
            call = d.call(call, picked_up=True)
            if d.state.line.answered_is_2xx:
                _answered(d, call)
        case PhoneEstablished():
            _answered(d, call)
        case PhoneRtp():
            d.call(call, rtp_seen=True, rtp_by=None)
        case PhoneHold():
            _hold(d, call, event.held)
        case PhoneDigit():
            on_digit(d, call, event.digit)
        case PhoneTransferFailed():
            transfer_failed(d, call, event.reason)
        case PhoneConfirmed() if call.unconfirmed:
            d.call(call, unconfirmed=False, deadline=None)
        case PhoneRedirected():
            d.call(call, redirected_to=event.peer)
            d.record("call.redirected", call.id, peer=event.peer)
        case PhoneClosed():
            _closed(d, call, event)


# ---- the line ----


def _line_up(d: Draft, event: LineUp) -> None:
    d.change(
        line=replace(
            d.state.line,
            up=True,
            failed=False,
            taken_over=False,
            silent=False,
            engine=event.engine,
            version=event.version,
            answered_is_2xx=event.answered_is_2xx,
            reason="",
        )
    )
    d.record("line.up", engine=event.engine, version=event.version, reason="")


def _line_down(d: Draft, event: LineDown) -> None:
    line = replace(
        d.state.line,
        up=False,
        taken_over=event.taken_over,
        reason=event.reason,
        registration=RegState.UNKNOWN,
        reg_code=None,
        reg_reason="",
    )
    d.change(line=line)
    d.record(
        "line.down",
        engine=line.engine,
        version=line.version,
        reason=event.reason,
        gone=event.gone,
        taken_over=event.taken_over,
    )
    if event.gone:
        _lose_all(d, event.reason)
        return
    for call in d.state.calls:
        if not call.over and call.phase is not CallPhase.CLOSING and not call.unconfirmed:
            d.call(call, unconfirmed=True, deadline=d.now + UNCONFIRMED_SECONDS)


def _lose_all(d: Draft, reason: str) -> None:
    for call in d.state.calls:
        if not call.over:
            outcome = call.outcome if call.phase is CallPhase.CLOSING else None
            d.close(call, None, reason, ClosedBy.NETWORK, outcome or Outcome.LOST)


def _registration(d: Draft, event: RegistrationChanged) -> None:
    line = replace(d.state.line, registration=event.state, reg_code=event.code, reg_reason=event.reason)
    if line != d.state.line:
        d.change(line=line)
        d.record("registration", state=event.state.value, code=event.code, reason=event.reason)


# ---- the way to the answer ----


def _ringing(d: Draft, call: Call) -> None:
    if call.phase not in (CallPhase.DIALING, CallPhase.EARLY):
        return
    d.call(d.end_early_media(call), phase=CallPhase.RINGING)
    d.record("call.ringing", call.id, limit_seconds=call.ring_seconds)


def _early_media(d: Draft, call: Call) -> None:
    if call.phase not in (CallPhase.DIALING, CallPhase.RINGING):
        return
    d.call(call, phase=CallPhase.EARLY, early_since=d.now)
    d.record("call.early_media", call.id)


def _answered(d: Draft, call: Call) -> None:
    """The only way to UP. A call we are already ending stays CLOSING: its 2xx crossed our CANCEL."""
    if call.phase not in (*_BEFORE_ANSWER, CallPhase.INCOMING):
        return
    if not call.ours:
        _answered_by_others(d, call)
        return
    call = d.end_early_media(call)
    waits_for_rtp = call.wants_agent and not call.rtp_seen and not call.held
    call = d.call(
        call,
        phase=CallPhase.UP,
        picked_up=True,
        answered_at=d.now,
        limit_at=d.now + call.call_seconds,
        rtp_by=d.now + RTP_SECONDS if waits_for_rtp else None,
    )
    totals = d.state.totals
    asks = d.state.policy.ask_if_answered and not call.incoming
    today = d.state.answered_today | {call.number} if asks else d.state.answered_today
    d.change(totals=replace(totals, answered=totals.answered + 1), answered_today=today)
    d.do(AudioAnswered(call.id))
    d.record(
        "call.answered",
        call.id,
        after_seconds=round(d.now - call.started_at, 3),
        early_media_seconds=round(call.early_seconds, 3),
        limit_seconds=call.call_seconds,
    )


def _answered_by_others(d: Draft, call: Call) -> None:
    """Another controller, or the phone by itself, has it: no agent, no limit, no audio of ours."""
    d.call(call, phase=CallPhase.UP, answered_at=d.now, limit_at=None, wants_agent=False)
    d.record("call.answered_by_others", call.id)


def _hold(d: Draft, call: Call, held: bool) -> None:
    waits = not held and not call.rtp_seen and call.phase is CallPhase.UP and call.wants_agent
    d.call(call, held=held, rtp_by=d.now + RTP_SECONDS if waits else None)
    d.record("call.hold", call.id, held=held)


# ---- the end ----


def _closed(d: Draft, call: Call, event: PhoneClosed) -> None:
    by, reason = event.by, event.reason
    if by is ClosedBy.OPERATOR:  # the phone only says that it was told to
        by = call.asked_by or ClosedBy.OPERATOR
        reason = call.why or _HUNG_UP[by]
    d.close(call, event.code, reason, by, call.outcome or _outcome(call, event))


def _outcome(call: Call, event: PhoneClosed) -> Outcome:
    """How a call ended for which nobody has decided that yet."""
    if call.incoming and call.answered_at is None:
        return Outcome.REJECTED if call.asked_by is ClosedBy.OPERATOR else Outcome.MISSED
    if call.answered_at is not None:
        return Outcome.AUDIO_FAILED if event.by is ClosedBy.TIMEOUT else Outcome.FINISHED
    if call.asked_by is ClosedBy.OPERATOR:
        return Outcome.CANCELLED
    if call.picked_up:
        return Outcome.AUDIO_FAILED
    if event.code in _BUSY_CODES:
        return Outcome.BUSY
    if event.code in _NO_ANSWER_CODES or (event.code is None and event.by is ClosedBy.TIMEOUT):
        return Outcome.NO_ANSWER
    return Outcome.REFUSED


# ---- calls that others make ----


def _incoming(d: Draft, event: PhoneIncoming) -> None:
    if d.state.find(event.call) is not None:
        return
    busy = d.state.quitting or any(not c.over for c in d.state.calls)
    region = d.state.policy.region
    number = known_number(event.peer, region)
    call = d.put(
        Call(
            id=event.call,
            number=number,
            uri=event.peer,
            origin=None,
            phase=CallPhase.INCOMING,
            started_at=d.now,
            incoming=True,
            ours=False,
            name=known_name(event.name, number, region),
            wants_agent=d.state.policy.incoming_agent,
            call_seconds=d.state.policy.call_seconds,
            limit_at=d.now + INCOMING_SECONDS,
        )
    )
    d.record(
        "call.incoming",
        call.id,
        number=number,
        peer=event.peer,
        name=call.name,
        agent=call.wants_agent,
        limit_seconds=INCOMING_SECONDS,
    )
    if busy and not d.state.policy.joined:
        d.hang_up(call, ClosedBy.NETWORK, phrase("the line is taken"), Outcome.MISSED)


def _missed(d: Draft, peer: str) -> None:
    totals = d.state.totals
    d.change(totals=replace(totals, missed=totals.missed + 1))
    number = known_number(peer, d.state.policy.region)
    d.record("call.missed", number=number, peer=peer, why=phrase("the line is taken"))


def _found(d: Draft, event: PhoneFound) -> None:
    if d.state.find(event.call) is not None:
        return
    call = d.put(
        Call(
            id=CallId(event.call),
            number=known_number(event.peer, d.state.policy.region),
            uri=event.peer,
            origin=None,
            phase=CallPhase.UP if event.established else CallPhase.RINGING,
            started_at=d.now,
            answered_at=d.now if event.established else None,
            ours=event.ours,
            wants_agent=False,
        )
    )
    d.record(
        "call.found",
        call.id,
        number=call.number,
        peer=event.peer,
        ours=event.ours,
        established=event.established,
    )
    if event.ours:
        d.hang_up(call, ClosedBy.NETWORK, phrase("left over from an earlier console"), Outcome.LOST)
    elif not d.state.policy.joined:
        # Our own Baresip takes orders from every user of this machine.
        d.hang_up(call, ClosedBy.NETWORK, phrase("nobody here asked for this call"), Outcome.LOST)
