"""The only place that words the event log: one plain line for each record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .effects import JsonValue, Record
from .journal_texts import AGENT_CLOSERS, CLOSERS, IGNORED, QUEUE, SOURCES, TEMPLATES
from .record_fields import Fields, number, text
from .text import clean
from .words import Words, joined, phrase, phrase_n


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the event log: `Words`, shown in the operator's language and logged in English. `source`:
    phone, line, AI, them, you, audio or console."""

    source: str
    message: str  # a key of `TEMPLATES`
    text: str


NOT_HEARD = phrase("nothing was heard from the callee any more")

_FIELDS_LIMIT = 1000
"""Characters of a record that has no words."""

_SAID = {"rtp stream error": NOT_HEARD}


def said(reason: str) -> str:
    """The phone's own words for an end, where they are no words for people, in plain ones."""
    return _SAID.get(reason.lower(), reason)


def word(record: Record) -> Line:
    """Say a record in plain words; a type without words of its own shows its fields, and so does one from the
    file of another version that lacks what the words need."""
    try:
        message, extra = _MESSAGE.get(record.type, _plain)(record)
        source, template = TEMPLATES[message]
        return Line(SOURCES[source], message, phrase(template, **{**record.fields, **extra}))
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError):
        shown = ", ".join(f"{k}={v}" for k, v in record.fields.items())
        return Line(SOURCES["console"], record.type, clean(f"{record.type} {shown}", _FIELDS_LIMIT))


_Message = tuple[str, dict[str, JsonValue]]


def _plain(record: Record) -> _Message:
    return record.type, {}


def _after(separator: str, more: str) -> str:
    """What is added to a line, if there is anything to add."""
    return joined("", (separator, more)) if more else ""


def duration(seconds: float) -> str:
    """A length of time as `m:ss`, or `h:mm:ss` from an hour on; whole seconds, cut. To the millisecond, as
    records tell it: 59.9999999 is what is left of a minute when two clock readings are subtracted."""
    minutes, rest = divmod(max(0, int(round(seconds, 3))), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _registration(record: Record) -> _Message:
    answer = joined(" ", filter(None, (text(record.fields, key) for key in ("code", "reason"))))
    return f"registration.{text(record.fields, 'state')}", {"answer": answer or phrase("no answer")}


def _marked(record: Record, message: str) -> str:
    """What came over the API is told apart from what a key did."""
    return f"{message}.api" if record.fields.get("origin") == "api" else message


def _dialing(record: Record) -> _Message:
    return _marked(record, "call.dialing"), {}


def _refused(record: Record) -> _Message:
    return _marked(record, "refused"), {}


def _incoming(record: Record) -> _Message:
    name, caller = text(record.fields, "name"), _caller(record.fields)
    return "call.incoming", {"who": f"{name} {caller}".strip()}


def _missed(record: Record) -> _Message:
    return "call.missed", {"peer": _caller(record.fields)}


def _caller(fields: Fields) -> str:
    """The number; files of earlier versions have only the SIP URI."""
    return text(fields, "number") or text(fields, "peer")


def _found(record: Record) -> _Message:
    message = "call.found.ours" if record.fields.get("ours") else "call.found"
    return message, {"peer": _caller(record.fields)}


def _hold(record: Record) -> _Message:
    return ("call.hold" if record.fields.get("held") else "call.resumed"), {}


def _extended(record: Record) -> _Message:
    return "call.extended", {"minutes": number(record.fields, "seconds") / 60}


def _closed(record: Record) -> _Message:
    fields = record.fields
    by = text(fields, "by")
    who = CLOSERS.get(_marked(record, by), CLOSERS.get(by, by))
    answer: str = joined(" ", filter(None, (text(fields, "code"), said(text(fields, "reason")))))
    if fields.get("code") and answer.startswith(f"{fields['code']} {fields['code']}"):
        answer = text(fields, "reason")
    why = text(fields, "why") or (answer if answer == NOT_HEARD else "")
    seconds = number(fields, "seconds")
    if seconds:
        because = _after(": ", why)
        return "call.closed.answered", {"who": who, "length": duration(seconds), "because": because}
    return "call.closed", {"who": who, "said": why or answer or phrase("no reason given")}


def _trouble(record: Record) -> _Message:
    return ("agent.trouble.definite" if record.fields.get("definite") else "agent.trouble"), {}


def _first_audio(record: Record) -> _Message:
    return "agent.first_audio", {"seconds": number(record.fields, "after_answer_ms") / 1000}


def _transcript(record: Record) -> _Message:
    message = f"agent.transcript.{text(record.fields, 'role')}"
    if record.fields.get("silenced"):
        return message + ".silenced", {}
    return _marked(record, message + (".corrected" if record.fields.get("corrected") else "")), {}


def _interrupted(record: Record) -> _Message:
    return "agent.interrupted", {"seconds": number(record.fields, "dropped_ms") / 1000}


def _tool(record: Record) -> _Message:
    because = _after(": ", text(record.fields, "why"))
    return ("agent.tool" if record.fields.get("ok") else "agent.tool.failed"), {"because": because}


def _silenced(record: Record) -> _Message:
    return _marked(record, f"agent.silenced.{'on' if record.fields.get('on') else 'off'}"), {}


def _agent_closed(record: Record) -> _Message:
    by = text(record.fields, "by")
    parts = filter(None, (text(record.fields, "code"), text(record.fields, "reason")))
    said = _after(": ", joined(" ", parts)) if by not in ("call", "operator") else ""
    length = duration(number(record.fields, "seconds"))
    return "agent.closed", {"who": AGENT_CLOSERS.get(by, by), "length": length, "said": said}


def _queue(record: Record) -> _Message:
    state = text(record.fields, "state")
    return "agent.queue", {"state": QUEUE.get(state, state)}


def _account(record: Record) -> _Message:
    left = record.fields.get("credits")
    return "account", {
        "agent": text(record.fields, "agent") or phrase("unknown"),
        "credits": credits_left(left) if isinstance(left, int) else phrase("credits unknown"),
        "doubts": _after(". ", text(record.fields, "doubts")),
    }


def credits_left(credits: int) -> Words:
    return phrase_n("{n:,} credit left", "{n:,} credits left", credits)


def money(credits: JsonValue, usd: JsonValue) -> str:
    """A cost in words; empty when neither is known."""
    parts: list[str] = []
    if isinstance(credits, int):
        parts.append(phrase_n("{n:,} credit", "{n:,} credits", credits))
    if isinstance(usd, int | float):
        parts.append(phrase("${usd:.2f}", usd=usd))
    return joined(", ", parts)


def _review(record: Record) -> _Message:
    cost = money(record.fields.get("credits"), record.fields.get("usd"))
    if not cost:
        return "call.review.none", {"why": text(record.fields, "why") or phrase("ElevenLabs does not tell")}
    termination = text(record.fields, "termination")
    ended = phrase("; ended: {termination}", termination=termination) if termination else ""
    message = "call.review.demo" if record.fields.get("demo") else "call.review"
    return message, {"cost": cost, "termination": ended}


def _ignored(record: Record) -> _Message:
    source = text(record.fields, "source")
    return ("ignored.files" if source == "files" else "ignored"), {"source": IGNORED.get(source, source)}


def _glitch(record: Record) -> _Message:
    incoming = record.fields.get("direction") == "in"
    way = phrase("from the callee") if incoming else phrase("toward the callee")
    return "audio.glitch", {"way": way}


def _ear(record: Record) -> _Message:
    because = _after(". ", text(record.fields, "reason"))
    return ("ear.on" if record.fields.get("on") else "ear.off"), {"because": because}


_MESSAGE: dict[str, Callable[[Record], _Message]] = {
    "registration": _registration,
    "call.dialing": _dialing,
    "refused": _refused,
    "call.incoming": _incoming,
    "call.missed": _missed,
    "call.found": _found,
    "call.hold": _hold,
    "call.extended": _extended,
    "call.closed": _closed,
    "agent.trouble": _trouble,
    "agent.first_audio": _first_audio,
    "agent.transcript": _transcript,
    "agent.interrupted": _interrupted,
    "agent.queue": _queue,
    "agent.tool": _tool,
    "agent.silenced": _silenced,
    "agent.closed": _agent_closed,
    "account": _account,
    "call.review": _review,
    "audio.glitch": _glitch,
    "ear": _ear,
    "ignored": _ignored,
}
