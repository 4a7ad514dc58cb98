"""Reactions to what the operator, the API or the command line asks for. A refusal is one sentence."""

from __future__ import annotations

from dataclasses import replace

from . import never_call, numbers, sip_uri
from .draft import Draft
from .effects import (
    AudioStart,
    EarSwitch,
    Hindrance,
    NeverCallAdd,
    NeverCallRemove,
    PhoneAnswer,
    PhoneDial,
    PhoneRegister,
)
from .events import (
    AllowDialing,
    Answer,
    ClosedBy,
    Command,
    Dial,
    Extend,
    Goodbye,
    HangUp,
    MayCall,
    NeverCall,
    NeverCallLoaded,
    Origin,
    Quit,
    Register,
    RegState,
    Reject,
    SendDigits,
    SetEar,
    Silence,
    Tell,
)
from .state import Call, CallPhase, Line, State
from .tools import on_words
from .words import bare, joined, phrase

LINE_TAKEN = phrase("A call is up: hang up first (h).")
EXTEND_SECONDS = 300.0
QUIT_SECONDS = 3.0


def react(d: Draft, event: Command) -> None:
    d.origin = getattr(event, "origin", None)
    match event:
        case Dial():
            _dial(d, event)
        case Register():
            _register(d)
        case NeverCall():
            _never_call(d, event)
        case MayCall():
            _may_call(d, event)
        case NeverCallLoaded():
            d.change(never_call=event.numbers)
        case SetEar():
            d.do(EarSwitch(event.on))
        case AllowDialing():
            account = replace(d.state.account, accepted=d.state.account.empty)
            d.change(stopped="", stopped_by=None, account=account)
            d.record("dialing.allowed", origin=event.origin.value)
        case Quit():
            _quit(d)
        case _:
            _on_call(d, event)


_WHAT = {HangUp: "hang up", Answer: "answer", Reject: "reject", Extend: "extend"}


def _on_call(
    d: Draft, event: HangUp | Answer | Reject | Extend | Tell | Silence | Goodbye | SendDigits
) -> None:
    what = _WHAT.get(type(event), "tell")
    call = d.state.find(event.call)
    if call is None or call.over:
        d.refuse(what, phrase("That call is already over."), event.call)
        return
    match event:
        case HangUp() | Reject():
            d.hang_up(call, ClosedBy.OPERATOR)
        case Answer():
            _answer(d, call)
        case Extend():
            _extend(d, call)
        case _:
            on_words(d, call, event)


# ---- dialing ----


def why_not_dial(state: State, wants_agent: bool, origin: Origin) -> str:
    """Why nothing can be dialed now, in one sentence; empty when it can."""
    line, policy, keys = state.line, state.policy, origin is Origin.KEYS
    if state.quitting:
        return phrase("The console is closing.")
    if policy.not_ready:
        return policy.not_ready
    if wants_agent and not policy.has_agent:
        return phrase("No AI agent is set: fill in ELEVENLABS_AGENT_ID.")
    if line.taken_over:
        if keys:
            return phrase("Another controller has taken the phone over: r takes it back.")
        return phrase("Another controller has taken the phone over.")
    if not line.up:
        return phrase("No line: {reason}.", reason=bare(line.reason) or phrase("the phone is starting"))
    if policy.register and line.registration is not RegState.OK:
        return _why_not_registered(line, keys)
    if line.silent:
        return phrase("The phone does not answer at the moment: wait a few seconds.")
    if wants_agent and state.stopped:
        return phrase("Dialing is stopped: {why}.", why=state.stopped)
    if (policy.single_call or origin is Origin.KEYS) and any(not c.over for c in state.calls):
        return LINE_TAKEN
    return ""


def _why_not_registered(line: Line, keys: bool) -> str:
    if line.registration is RegState.FAILED:
        said = joined(" ", (str(part) for part in (line.reg_code, line.reg_reason) if part))
        answer = said or phrase("no answer")
        if keys:
            return phrase("Not registered ({answer}): r registers again.", answer=answer)
        return phrase("Not registered ({answer}).", answer=answer)
    if keys:
        return phrase("Not registered yet: wait for the registrar, or r registers again.")
    return phrase("Not registered yet: wait for the registrar.")


def judge(state: State, text: str, as_uri: bool) -> numbers.Judgement:
    """The number or URI as the policy of this console sees it."""
    policy = state.policy
    lists = {"never_call": state.never_call, "answered_today": state.answered_today}
    if as_uri:
        seen = numbers.judge_uri(text, domain=policy.domain, region=policy.region, e164=policy.e164, **lists)
        why = _why_no_tls(state.line, seen.uri)
        return replace(seen, verdict=numbers.Verdict.REFUSED, why=why, uri="") if why else seen
    return numbers.judge(text, region=policy.region, domain=policy.domain, e164=policy.e164, **lists)


def _why_no_tls(line: Line, uri: str) -> str:
    """Why a URI must not be dialed over TLS: Baresip 1.0 takes any certificate for the right one, and every
    Baresip any trusted one for an address."""
    parsed, _ = sip_uri.parse(uri) if uri else (None, "")
    if parsed is None or not (parsed.scheme == "sips" or ";transport=tls" in parsed.parameters):
        return ""
    if line.engine == "baresip" and line.version.startswith(("0.", "1.0.")):
        return phrase(
            "Baresip {version} cannot verify who answers over TLS: dial without it, or use another engine.",
            version=line.version,
        )
    if sip_uri.is_foreign_address(parsed.host):
        return phrase("Over TLS only a name can be verified, not an address: dial sip:name@host.")
    return ""


def _dial(d: Draft, event: Dial) -> None:
    why = why_not_dial(d.state, event.wants_agent, event.origin)
    if not why and d.state.find(event.call) is not None:
        why = phrase("That call was already dialed.")
    if why:
        hindrance = Hindrance.LINE_TAKEN if why == LINE_TAKEN else Hindrance.NOT_READY
        d.refuse("dial", why, event.call, hindrance=hindrance)
        return
    seen = judge(d.state, event.text, event.as_uri)
    confirm = seen.verdict is numbers.Verdict.CONFIRM
    if seen.verdict is not numbers.Verdict.OK and not (confirm and event.confirmed):
        d.refuse("dial", seen.why, event.call, confirm, _hindrance_of_number(d.state, event))
        return
    policy = d.state.policy
    ring = event.ring_seconds if event.ring_seconds is not None else policy.ring_seconds
    limit = event.call_seconds if event.call_seconds is not None else policy.call_seconds
    call = Call(
        id=event.call,
        number=seen.e164 or seen.display,
        uri=seen.uri,
        origin=event.origin,
        phase=CallPhase.DIALING,
        started_at=d.now,
        wants_agent=event.wants_agent,
        variables=event.variables,
        ring_seconds=ring,
        call_seconds=limit,
        limit_at=d.now + ring,
    )
    d.put(call)
    d.change(totals=replace(d.state.totals, calls=d.state.totals.calls + 1))
    d.do(PhoneDial(call.id, call.uri))
    d.do(AudioStart(call.id))
    d.record(
        "call.dialing",
        call.id,
        number=call.number,
        uri=call.uri,
        origin=event.origin.value,
        agent=call.wants_agent,
        limit_seconds=ring,
    )


def _hindrance_of_number(state: State, event: Dial) -> Hindrance:
    """Of a number that is not dialed: whether the never-call list alone keeps it from being dialed."""
    otherwise = judge(replace(state, never_call=frozenset()), event.text, event.as_uri)
    listed = otherwise.may_dial and not judge(state, event.text, event.as_uri).may_dial
    return Hindrance.NEVER_CALL if listed else Hindrance.NUMBER


# ---- the rest ----


def _answer(d: Draft, call: Call) -> None:
    if call.phase is not CallPhase.INCOMING:
        d.refuse("answer", phrase("There is no incoming call to answer."), call.id)
    elif not call.wants_agent:
        d.refuse(
            "answer",
            phrase("No agent is set for incoming calls: fill in ELEVENLABS_INCOMING_AGENT_ID."),
            call.id,
        )
    else:
        d.call(call, ours=True)
        d.do(PhoneAnswer(call.id))
        d.do(AudioStart(call.id))


def _extend(d: Draft, call: Call) -> None:
    if call.phase is not CallPhase.UP or call.limit_at is None:
        d.refuse("extend", phrase("Only an answered call has a limit to extend."), call.id)
        return
    d.call(call, limit_at=call.limit_at + EXTEND_SECONDS)
    d.record("call.extended", call.id, seconds=EXTEND_SECONDS, origin=d.asked_from)


def _register(d: Draft) -> None:
    if any(not c.over for c in d.state.calls):
        d.refuse("register", phrase("Not during a call: registering again would disturb it."))
    elif not d.state.policy.register and not d.state.line.taken_over:
        d.refuse("register", phrase("Registration is off (SIP_REGISTER=no)."))
    else:
        d.do(PhoneRegister())


def _never_call(d: Draft, event: NeverCall) -> None:
    call = d.state.find(event.call)
    if call is not None and not call.over:
        d.hang_up(call, ClosedBy.OPERATOR)
    number = event.number.lower()
    if number in d.state.never_call:
        return
    if never_call.read([number], d.state.policy.region)[0] != {number}:
        # As `*100#`: the file would give another entry back. Nothing like it can be dialed anyway.
        why = phrase("{number} is nothing that a never-call list can hold: it was not added.", number=number)
        d.refuse("never_call", why, event.call)
        return
    d.change(never_call=d.state.never_call | {number})
    d.do(NeverCallAdd(number))
    d.record("never_call.added", event.call, number=number)


def _may_call(d: Draft, event: MayCall) -> None:
    number = event.number.lower()
    if number in d.state.never_call:
        d.change(never_call=d.state.never_call - {number})
        d.do(NeverCallRemove(number))
        d.record("never_call.removed", number=number)


def _quit(d: Draft) -> None:
    if d.state.quitting:
        return
    d.change(quitting=True, quit_deadline=d.now + QUIT_SECONDS)
    for call in d.state.calls:
        if not call.over and (call.ours or not d.state.policy.joined):
            d.hang_up(call, ClosedBy.OPERATOR)
