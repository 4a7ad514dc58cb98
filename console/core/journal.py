"""The only place that words the event log: one plain line for each record.

A line is a message id and arguments first and text second, so that it can be translated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .effects import JsonValue, Record

Fields = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the event log. `source`: phone, line, AI, them, you, audio or console."""

    source: str
    message: str  # message id: a key of `TEMPLATES`
    text: str


TEMPLATES: dict[str, tuple[str, str]] = {
    # message id: (source, text)
    "line.up": ("line", "phone ready: {engine} {version}"),
    "line.down": ("line", "phone not reachable: {reason}"),
    "registration.registering": ("line", "registering"),
    "registration.ok": ("line", "registered"),
    "registration.failed": ("line", "registration FAILED: {answer}"),
    "registration.off": ("line", "registration is off"),
    "registration.unknown": ("line", "registration unknown"),
    "call.dialing": ("phone", "dialing {number}"),
    "call.dialing.api": ("phone", "dialing {number}, asked for by the API"),
    "call.bound": ("phone", "SIP call {sip_call_id}"),
    "call.incoming": ("phone", "INCOMING call from {who}"),
    "call.missed": ("phone", "missed a call from {peer}: {why}"),
    "call.found": ("phone", "found a call with {peer} on the phone"),
    "call.found.ours": ("phone", "found a call with {peer} left by an earlier console: hanging up"),
    "call.ringing": ("phone", "ringing (gives up after {limit_seconds:.0f} s)"),
    "call.early_media": ("phone", "network audio before the answer; AI not opened"),
    "call.answered": ("phone", "ANSWERED after {after_seconds:.0f} s"),
    "call.answered_by_others": ("phone", "answered by somebody else; no AI"),
    "call.hold": ("phone", "put on hold by the other side"),
    "call.resumed": ("phone", "taken off hold"),
    "call.digit": ("them", "pressed {digit}"),
    "call.redirected": ("phone", "WARNING: the call was redirected to {peer}"),
    "call.extended": ("you", "{minutes:.0f} more minutes for this call"),
    "call.closed": ("phone", "call ended by {who}: {said}"),
    "call.closed.answered": ("phone", "call ended by {who} after {length}{because}"),
    "agent.warm": ("AI", "prepared, not billed"),
    "agent.trouble": ("AI", "cannot be prepared yet: {reason}"),
    "agent.trouble.definite": ("AI", "REFUSED: {reason}"),
    "agent.opening": ("AI", "opening the session"),
    "agent.live": ("AI", "live after {after_answer_ms} ms, {conversation_id}"),
    "agent.first_audio": ("AI", "first word {seconds:.1f} s after the answer"),
    "agent.transcript.agent": ("AI", "> {text}"),
    "agent.transcript.agent.corrected": ("AI", "> (heard only) {text}"),
    "agent.transcript.user": ("them", "< {text}"),
    "agent.transcript.operator": ("you", "* {text}"),
    "agent.transcript.operator.api": ("console", "* {text} (by the API)"),
    "agent.interrupted": ("AI", "interrupted; {seconds:.1f} s were not played"),
    "agent.tool": ("AI", "used {name}"),
    "agent.tool.failed": ("AI", "could not use {name}{because}"),
    "agent.note": ("AI", "notes: {text}"),
    "agent.silenced.on": ("you", "AI silenced for {limit_seconds:.0f} s at most"),
    "agent.silenced.off": ("you", "AI may speak again"),
    "agent.silenced.on.api": ("console", "AI silenced by the API for {limit_seconds:.0f} s at most"),
    "agent.silenced.off.api": ("console", "AI may speak again, by the API"),
    "call.transfer_failed": ("phone", "the transfer FAILED: {reason}"),
    "call.transfer": ("AI", "transferring the call to {destination}"),
    "agent.queue": ("AI", "queue at ElevenLabs: {state}"),
    "agent.error": ("AI", "ElevenLabs reports an error: {text}"),
    "agent.retry": ("AI", "session lost, opening a fresh one: {reason}"),
    "agent.closed": ("AI", "session closed by {who} after {seconds:.0f} s{said}"),
    "account": ("AI", "agent {agent}, {credits}{doubts}"),
    "call.review": ("AI", "ElevenLabs counts {cost}{termination}"),
    "call.review.none": ("AI", "the cost of the call is not known: {why}"),
    "dialing.stopped": ("console", "DIALING STOPPED: {why}"),
    "dialing.allowed": ("you", "dialing allowed again"),
    "audio.started": ("audio", "open: {input} / {output}, {rate} Hz"),
    "audio.failed": ("audio", "FAILED: {reason}"),
    "audio.glitch": ("audio", "{ms} ms lost {way}"),
    "ear.on": ("you", "ear on"),
    "ear.off": ("you", "ear off{because}"),
    "never_call.added": ("you", "{number} will never be called"),
    "notice": ("console", "{text}"),
    "refused": ("console", "not done: {why}"),
    "refused.api": ("console", "not done for the API: {why}"),
    "crash": ("console", "INTERNAL ERROR {error} in {where}: the console ends"),
    "ignored": ("console", "ignored from {source}: {why}"),
}

NOT_HEARD = "nothing was heard from the callee any more"

_SAID = {"rtp stream error": NOT_HEARD}


def said(reason: str) -> str:
    """The phone's own words for an end, where they are no words for people, in plain ones."""
    return _SAID.get(reason.lower(), reason)


_CLOSERS = {
    "remote": "the other side",
    "operator": "you",
    "agent": "the AI",
    "network": "the network",
    "timeout": "a time limit",
    "operator.api": "the API",
}
_AGENT_CLOSERS = {
    "call": "the end of the call",
    "agent": "the AI",
    "network": "the network",
    "refused": "ElevenLabs (refused)",
    "operator": "you",
}


def word(record: Record) -> Line:
    """Say a record in plain words; a type without words of its own shows its fields."""
    message, extra = _MESSAGE.get(record.type, _plain)(record)
    if message not in TEMPLATES:
        shown = ", ".join(f"{k}={v}" for k, v in record.fields.items())
        return Line("console", record.type, f"{record.type} {shown}".rstrip())
    source, template = TEMPLATES[message]
    return Line(source, message, template.format_map({**record.fields, **extra}))


_Message = tuple[str, dict[str, JsonValue]]


def _plain(record: Record) -> _Message:
    return record.type, {}


def _text(fields: Fields, key: str) -> str:
    value = fields.get(key)
    return "" if value is None else str(value)


def _number(fields: Fields, key: str) -> float:
    value = fields.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


def duration(seconds: float) -> str:
    """Seconds as m:ss, with hours when there are any."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _registration(record: Record) -> _Message:
    answer = " ".join(_text(record.fields, key) for key in ("code", "reason")).strip()
    return f"registration.{_text(record.fields, 'state')}", {"answer": answer or "no answer"}


def _marked(record: Record, message: str) -> str:
    """What came over the API is told apart from what a key did."""
    return f"{message}.api" if record.fields.get("origin") == "api" else message


def _dialing(record: Record) -> _Message:
    return _marked(record, "call.dialing"), {}


def _refused(record: Record) -> _Message:
    return _marked(record, "refused"), {}


def _incoming(record: Record) -> _Message:
    name, peer = _text(record.fields, "name"), _text(record.fields, "peer")
    return "call.incoming", {"who": f"{name} {peer}".strip()}


def _found(record: Record) -> _Message:
    return ("call.found.ours" if record.fields.get("ours") else "call.found"), {}


def _hold(record: Record) -> _Message:
    return ("call.hold" if record.fields.get("held") else "call.resumed"), {}


def _extended(record: Record) -> _Message:
    return "call.extended", {"minutes": _number(record.fields, "seconds") / 60}


def _closed(record: Record) -> _Message:
    fields = record.fields
    by = _text(fields, "by")
    who = _CLOSERS.get(_marked(record, by), _CLOSERS.get(by, by))
    answer = " ".join(filter(None, (_text(fields, "code"), said(_text(fields, "reason")))))
    if fields.get("code") and answer.startswith(f"{fields['code']} {fields['code']}"):
        answer = _text(fields, "reason")
    why = _text(fields, "why") or (answer if answer == NOT_HEARD else "")
    seconds = _number(fields, "seconds")
    if seconds:
        because = f": {why}" if why else ""
        return "call.closed.answered", {"who": who, "length": duration(seconds), "because": because}
    return "call.closed", {"who": who, "said": why or answer or "no reason given"}


def _trouble(record: Record) -> _Message:
    return ("agent.trouble.definite" if record.fields.get("definite") else "agent.trouble"), {}


def _first_audio(record: Record) -> _Message:
    return "agent.first_audio", {"seconds": _number(record.fields, "after_answer_ms") / 1000}


def _transcript(record: Record) -> _Message:
    message = f"agent.transcript.{_text(record.fields, 'role')}"
    return _marked(record, message + (".corrected" if record.fields.get("corrected") else "")), {}


def _interrupted(record: Record) -> _Message:
    return "agent.interrupted", {"seconds": _number(record.fields, "dropped_ms") / 1000}


def _tool(record: Record) -> _Message:
    why = _text(record.fields, "why")
    because = f": {why}" if why else ""
    return ("agent.tool" if record.fields.get("ok") else "agent.tool.failed"), {"because": because}


def _silenced(record: Record) -> _Message:
    return _marked(record, f"agent.silenced.{'on' if record.fields.get('on') else 'off'}"), {}


def _agent_closed(record: Record) -> _Message:
    by = _text(record.fields, "by")
    reason = _text(record.fields, "reason")
    said = f": {record.fields.get('code')} {reason}".rstrip() if by not in ("call", "operator") else ""
    return "agent.closed", {"who": _AGENT_CLOSERS.get(by, by), "said": said}


def _account(record: Record) -> _Message:
    left = record.fields.get("credits")
    doubts = _text(record.fields, "doubts")
    return "account", {
        "agent": _text(record.fields, "agent") or "unknown",
        "credits": "credits unknown" if left is None else f"{left:,} credits left",
        "doubts": f". {doubts}" if doubts else "",
    }


def money(credits: JsonValue, usd: JsonValue) -> str:
    """A cost in words; empty when neither is known."""
    parts = [f"{credits:,} credits" if isinstance(credits, int) else ""]
    parts.append(f"${usd:.2f}" if isinstance(usd, int | float) else "")
    return ", ".join(part for part in parts if part)


def _review(record: Record) -> _Message:
    cost = money(record.fields.get("credits"), record.fields.get("usd"))
    if not cost:
        return "call.review.none", {"why": _text(record.fields, "why") or "ElevenLabs does not tell"}
    termination = _text(record.fields, "termination")
    return "call.review", {"cost": cost, "termination": f"; ended: {termination}" if termination else ""}


def _glitch(record: Record) -> _Message:
    way = "from the callee" if record.fields.get("direction") == "in" else "toward the callee"
    return "audio.glitch", {"way": way}


def _ear(record: Record) -> _Message:
    reason = _text(record.fields, "reason")
    return ("ear.on" if record.fields.get("on") else "ear.off"), {"because": f": {reason}" if reason else ""}


_MESSAGE: dict[str, Callable[[Record], _Message]] = {
    "registration": _registration,
    "call.dialing": _dialing,
    "refused": _refused,
    "call.incoming": _incoming,
    "call.found": _found,
    "call.hold": _hold,
    "call.extended": _extended,
    "call.closed": _closed,
    "agent.trouble": _trouble,
    "agent.first_audio": _first_audio,
    "agent.transcript": _transcript,
    "agent.interrupted": _interrupted,
    "agent.tool": _tool,
    "agent.silenced": _silenced,
    "agent.closed": _agent_closed,
    "account": _account,
    "call.review": _review,
    "audio.glitch": _glitch,
    "ear": _ear,
}
