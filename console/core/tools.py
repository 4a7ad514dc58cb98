"""The tools of the console that an agent may call, and the operator's words to it.

Both act on a live session; a refusal is one sentence, to the agent as the tool's result, to the operator as
any other refusal.
"""

from __future__ import annotations

import re

from . import numbers
from .draft import Draft
from .effects import AgentAnswer, AgentTell, AudioFinish, AudioSilence, PhoneDigits, PhoneTransfer
from .events import AgentAsks, ClosedBy, Goodbye, Role, SendDigits, Silence, Tell
from .state import AgentPhase, Call, CallPhase, Outcome, Policy
from .text import clean
from .words import phrase

TOOLS = frozenset({"send_dtmf", "transfer_call", "hang_up", "note"})
"""What the agent may ask of the console itself; its configuration must offer them as client tools."""

SILENCE_SECONDS = 15.0
GOODBYE_SECONDS = 8.0
FAREWELL_SECONDS = 20.0
"""How long the last words may last after the agent's `hang_up`."""

DIGITS_SECONDS = 2.0
"""Keys that the callee presses are one message when no further one follows for so long."""

DIGITS = re.compile(r"[0-9*#A-Da-dwW]{1,64}")
_PAUSES = {"w": 0.5, "W": 1.0}
_KEY_SECONDS = 0.25
"""One key with the gap after it, at the pace of a patient phone system."""

_TEXT_LIMIT = 1000
_NOTES_KEPT = 50

GOODBYE_WORDS = "[The operator asks you to say goodbye in one short sentence and to end the call now.]"


# ---- the operator's words ----


def on_words(d: Draft, call: Call, event: Tell | Silence | Goodbye | SendDigits) -> None:
    match event:
        case SendDigits():
            _send_digits(d, call, event.digits)
        case _ if call.agent.phase is not AgentPhase.LIVE or call.phase is not CallPhase.UP:
            d.refuse("tell", phrase("The AI is not on the line: wait until its session is LIVE."), call.id)
        case Tell():
            _tell(d, call, event)
        case Silence():
            silence(d, call, event.on)
        case Goodbye():
            _operator_says(d, call, phrase("(say goodbye and end)"), ends_within=GOODBYE_SECONDS)
            d.do(AgentTell(call.id, call.agent.session, GOODBYE_WORDS, True))
            call = silence(d, call, False) if call.silent_until is not None else call
            d.call(call, goodbye_by=d.now + GOODBYE_SECONDS)


def _tell(d: Draft, call: Call, event: Tell) -> None:
    text = clean(event.text, _TEXT_LIMIT)
    if not text:
        d.refuse("tell", phrase("There is nothing to tell: type a sentence."), call.id)
        return
    _operator_says(d, call, text)
    d.do(AgentTell(call.id, call.agent.session, text, event.as_turn))


def silence(d: Draft, call: Call, on: bool) -> Call:
    """Silence the AI, or let it speak again."""
    if on == (call.silent_until is not None):
        return call
    d.do(AudioSilence(call.id, on))
    d.record("agent.silenced", call.id, on=on, limit_seconds=SILENCE_SECONDS, origin=d.asked_from)
    if on:
        return d.call(call, silent_until=d.now + SILENCE_SECONDS)
    return d.call(call, silent_until=None, resumed_at=d.now)


def _send_digits(d: Draft, call: Call, digits: str) -> None:
    if call.phase not in (CallPhase.UP, CallPhase.EARLY):
        d.refuse("digits", phrase("Digits can be sent when the call is up."), call.id)
    elif not DIGITS.fullmatch(digits):
        d.refuse("digits", phrase("Only 0-9 * # A-D can be pressed, and w or W for a pause."), call.id)
    else:
        _operator_says(d, call, phrase("(pressed {digits})", digits=digits))
        d.do(PhoneDigits(call.id, digits))


def _operator_says(d: Draft, call: Call, text: str, **more: float) -> None:
    d.record(
        "agent.transcript",
        call.id,
        role=Role.OPERATOR.value,
        text=text,
        final=True,
        corrected=False,
        origin=d.asked_from,
        **more,
    )


def pressed(digits: str) -> list[tuple[float, str]]:
    """Split at the pauses: (seconds from now, keys without pauses), in order."""
    at, plan = 0.0, []
    for part in re.findall(r"[0-9*#A-Da-d]+|[wW]", digits):
        if part in _PAUSES:
            at += _PAUSES[part]
        else:
            plan.append((at, part))
            at += len(part) * _KEY_SECONDS
    return plan


# ---- keys that the callee presses ----


def on_digit(d: Draft, call: Call, digit: str) -> None:
    """Gather until `#`, or until no key follows for `DIGITS_SECONDS`."""
    d.record("call.digit", call.id, digit=digit)
    call = d.call(call, digits=(call.digits + digit)[-64:], digits_by=d.now + DIGITS_SECONDS)
    if digit == "#":
        tell_digits(d, call)


def tell_digits(d: Draft, call: Call) -> None:
    """What the callee pressed becomes one turn for the agent; without a live agent it is only on record."""
    if call.digits and call.agent.phase is AgentPhase.LIVE:
        words = f"[The caller pressed {call.digits} on the phone's keypad.]"
        d.do(AgentTell(call.id, call.agent.session, words, True))
    d.call(call, digits="", digits_by=None)


# ---- the agent's tools ----


def on_asks(d: Draft, call: Call, event: AgentAsks) -> None:
    """Do what the agent asks for, and give it exactly one answer."""
    arguments = dict(event.arguments)
    live = call.phase is CallPhase.UP and call.agent.phase is AgentPhase.LIVE
    if not live:
        error, text = True, "the call is over"
    else:
        error, text = _use(d, call, event.tool, arguments)
    d.do(AgentAnswer(call.id, event.session, event.request, text, error))
    ends = {"ends_within": FAREWELL_SECONDS} if event.tool == "hang_up" and not error else {}
    d.record("agent.tool", call.id, name=event.tool, ok=not error, why=text if error else "", **ends)


def _use(d: Draft, call: Call, tool: str, arguments: dict[str, str]) -> tuple[bool, str]:
    match tool:
        case "send_dtmf":
            digits = arguments.get("digits", "")
            if not DIGITS.fullmatch(digits):
                return True, phrase("digits must be 1 to 64 of 0-9 * # A-D, and w or W for a pause")
            d.do(PhoneDigits(call.id, digits))
            return False, f"pressed {digits}"
        case "transfer_call":
            return _transfer(d, call, arguments.get("destination", ""))
        case "hang_up":
            d.call(call, why=arguments.get("reason", ""), goodbye_by=d.now + FAREWELL_SECONDS)
            d.do(AudioFinish(call.id, call.agent.session))
            return False, "the call ends when you have finished speaking"
        case "note":
            text = arguments.get("text", "")
            if not text:
                return True, phrase("text must not be empty")
            d.call(call, notes=(*call.notes, text)[-_NOTES_KEPT:])
            d.record("agent.note", call.id, text=text)
            return False, "noted"
    return True, phrase("unknown tool: {tool}", tool=tool)


def transfer_key(text: str, policy: Policy) -> tuple[str, str]:
    """How a destination is compared with the allow-list, and its SIP URI; both empty when it is none."""
    as_uri = "@" in text or ":" in text
    if as_uri:
        seen = numbers.judge_uri(text, policy.domain, policy.region, policy.e164)
    else:
        seen = numbers.judge(text, policy.region, policy.domain, policy.e164)
    if not seen.may_dial:
        return "", ""
    return seen.e164 or seen.uri.partition(":")[2].lower(), seen.uri


def _transfer(d: Draft, call: Call, destination: str) -> tuple[bool, str]:
    key, uri = transfer_key(destination, d.state.policy)
    if not key:
        return True, phrase("destination is not a number that can be called")
    if key not in d.state.policy.transfer_to:
        return True, phrase("this destination is not on the operator's list of transfers (TRANSFER_TO)")
    d.do(PhoneTransfer(call.id, uri))
    d.record("call.transfer", call.id, destination=key)
    return False, f"transferring to {key}"


def transfer_failed(d: Draft, call: Call, reason: str) -> None:
    """The agent has told the callee that it is connecting them: it must know."""
    d.record("call.transfer_failed", call.id, reason=reason)
    if call.agent.phase is AgentPhase.LIVE:
        words = f"[The transfer failed: {reason}. The caller is still on the line with you.]"
        d.do(AgentTell(call.id, call.agent.session, words, True))


# ---- deadlines ----


def on_deadlines(d: Draft, call: Call) -> None:
    """Silence ends by itself, a goodbye ends the call, gathered digits are told."""
    if _due(d, call.digits_by):
        tell_digits(d, call)
    elif call.phase is not CallPhase.UP:
        if call.silent_until is not None or call.goodbye_by is not None:
            d.call(call, silent_until=None, goodbye_by=None)
    elif _due(d, call.silent_until):
        silence(d, call, False)
    elif _due(d, call.goodbye_by):
        d.hang_up(call, ClosedBy.AGENT, call.why or phrase("goodbye was said"), Outcome.FINISHED)


def _due(d: Draft, at: float | None) -> bool:
    return at is not None and d.now >= at
