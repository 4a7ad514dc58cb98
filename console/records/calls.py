"""What outlives the console: `calls.jsonl` (one line for each finished call) and `never-call.txt`.

Both hold people's numbers and are readable by their owner only. Engine seconds become wall time here:
`wall_zero` is the Unix time of engine second 0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core import never_call
from ..core.events import CallId, ClosedBy
from ..core.state import Agent, Call, CallPhase, Outcome, Review, Totals

CALLS = "calls.jsonl"
NEVER_CALL = "never-call.txt"
DAY_SECONDS = 86_400.0


def append_private(path: Path, line: str) -> None:
    """Append one line to a file that only its owner can read; raises OSError. A last line that an editor or a
    kill left without its end is ended first: two entries in one line are none."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        size = os.fstat(descriptor).st_size
        ended = not size or os.pread(descriptor, 1, size - 1) == b"\n"
        file.write((line if ended else f"\n{line}").encode() + b"\n")


# ---- calls.jsonl ----


def amend_call(path: Path, line: str, call_id: str) -> None:
    """Put `line` in the place of the record of this call; raises OSError, and then nothing is changed."""
    mark = json.dumps(call_id)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = [line if old.startswith(f'{{"id": {mark},') else old for old in lines]
    _rewrite(path, lines)


def _rewrite(path: Path, lines: list[str]) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    append_private(fresh, "\n".join(lines))
    fresh.replace(path)


def call_line(call: Call, wall_zero: float) -> str:
    """The record of a finished call as one JSON line."""
    started = datetime.fromtimestamp(wall_zero + call.started_at, UTC)
    answered = call.answered_at
    return json.dumps(
        {
            "id": call.id,
            "started": started.isoformat(timespec="milliseconds"),
            "incoming": call.incoming,
            "number": call.number,
            "name": call.name,
            "uri": call.uri,
            "origin": call.origin.value if call.origin else None,
            "sip_call_id": call.sip_call_id,
            "answered_after": None if answered is None else _length(answered - call.started_at),
            "ended_after": None if call.ended_at is None else _length(call.ended_at - call.started_at),
            "seconds": _length(call.seconds(call.ended_at or 0.0)),
            "early_media_seconds": _length(call.early_seconds),
            "outcome": call.outcome.value if call.outcome else None,
            "code": call.code,
            "reason": call.reason,
            "by": call.by.value if call.by else None,
            "why": call.why,
            "conversation_id": call.agent.conversation_id,
            "agent_seconds": _length(call.agent.billed),
            "notes": list(call.notes),
            "review": asdict(call.review) if call.review else None,
        },
        ensure_ascii=False,
    )


def _length(seconds: float) -> float:
    """An odd event file may tell of a killed call that ended before it began."""
    return round(max(0.0, seconds), 3)


def call_from(line: dict[str, Any], wall_zero: float) -> Call:
    """A line of `call_line`, with times in engine seconds of this run; raises `ValueError`, `LookupError`,
    `TypeError`, `AttributeError` or `ArithmeticError` when it is none."""
    texts = [line[name] for name in ("id", "number", "uri", "reason", "why", "conversation_id")]
    name, code = line.get("name", ""), line["code"]
    if any(not isinstance(text, str) for text in (*texts, name)) or not isinstance(code, int | None):
        raise TypeError("texts are missing")
    "".join((*texts, name)).encode()  # half a character could not be told on
    started = datetime.fromisoformat(line["started"]).timestamp() - wall_zero
    datetime.fromtimestamp(wall_zero + started + DAY_SECONDS)  # its local day can be told
    after = line["answered_after"]
    answered = None if after is None else started + _seconds(after)
    rang = _seconds(line.get("ended_after") or 0.0)  # lines of earlier versions do not tell
    return Call(
        id=CallId(line["id"]),
        number=line["number"],
        uri=line["uri"],
        origin=None,
        phase=CallPhase.CLOSED,
        started_at=started,
        incoming=bool(line["incoming"]),
        name=name,
        answered_at=answered,
        ended_at=started + rang if answered is None else answered + _seconds(line["seconds"]),
        early_seconds=_seconds(line["early_media_seconds"]),
        outcome=Outcome(line["outcome"]) if line["outcome"] else None,
        code=code,
        reason=line["reason"],
        by=ClosedBy(line["by"]) if line["by"] else None,
        why=line["why"],
        notes=tuple(line.get("notes", ())),
        review=Review(**line["review"]) if line.get("review") else None,
        agent=Agent(conversation_id=line["conversation_id"], billed=_seconds(line["agent_seconds"])),
    )


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value < 1e10:
        raise ValueError("no number of seconds")
    return float(value)


def load_calls(path: Path, wall_zero: float) -> tuple[Call, ...]:
    """Finished calls, newest first. Lines that are not records (a full disk, an editor) are passed over."""
    calls = []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    for text in lines:
        try:
            calls.append(call_from(json.loads(text), wall_zero))
        except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RecursionError):
            continue
    return tuple(reversed(calls))


def totals_of_today(calls: Iterable[Call], wall_zero: float, now: float) -> Totals:
    """The totals of the local day that engine second `now` falls into."""
    today = datetime.fromtimestamp(wall_zero + now).date()
    mine = [c for c in calls if datetime.fromtimestamp(wall_zero + c.started_at).date() == today]
    return Totals(
        calls=sum(not c.incoming for c in mine),
        answered=sum(c.answered_at is not None for c in mine),
        missed=sum(c.outcome is Outcome.MISSED for c in mine),
        agent_seconds=sum(c.agent.billed for c in mine),
    )


def answered_lately(calls: Iterable[Call], now: float) -> frozenset[str]:
    """Numbers that answered a call of ours within the last 24 h."""
    return frozenset(
        c.number
        for c in calls
        if not c.incoming and c.answered_at is not None and c.answered_at > now - DAY_SECONDS
    )


# ---- never-call.txt ----


def load_never_call(path: Path, region: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The numbers of the list (one a line in any spelling, comments after `#`), and a sentence for each line
    that is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return frozenset(), ()
    return never_call.read(lines, region)


def remove_never_call(path: Path, number: str, region: str) -> None:
    """Take every line of this number (as `load_never_call` has it) out of the list; raises OSError, and then
    nothing is changed."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    _rewrite(path, [line for line in lines if number not in never_call.read([line], region)[0]])
