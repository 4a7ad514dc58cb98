"""What a call cost and how ElevenLabs saw it: the conversation is fetched until it is final.

Fields: `GET /v1/convai/conversations/{id}` of the ElevenLabs API; the status goes from `initiated` over
`in-progress` and `processing` to `done` or `failed`, and the cost may come later still.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from urllib.parse import quote

from ..core.events import Refusal
from ..core.words import phrase
from . import picking
from .picking import at
from .rest import ElevenLabsRest, RestError

_FINAL = frozenset({"done", "failed"})
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Polling:
    """Seconds: `first` pause between two questions, each 1.6 times the last up to `most`; `total` for
    everything; `cost`: how long after the end of processing a cost that is not there yet is waited for."""

    first: float = 1.0
    most: float = 15.0
    total: float = 120.0
    cost: float = 20.0


@dataclass(frozen=True, slots=True)
class AfterCall:
    """What is known of a conversation after its end. None and empty: not told.

    `final`: ElevenLabs has finished with it; otherwise `why` says in one sentence why no more is known.
    `credits` and `usd`: its cost; `burst`: at the double rate. `seconds`: as ElevenLabs counts them, without
    `queue_seconds`. `termination`: why it ended. `error`: what went wrong in it, code and reason.
    `successful`: `success`, `failure`, `unknown` by the agent's own criteria.
    """

    conversation_id: str
    final: bool = False
    status: str = ""
    credits: int | None = None
    usd: float | None = None
    burst: bool | None = None
    seconds: float | None = None
    queue_seconds: float | None = None
    termination: str = ""
    error: str = ""
    title: str = ""
    summary: str = ""
    successful: str = ""
    why: str = ""


async def after_call(rest: ElevenLabsRest, conversation_id: str, polling: Polling | None = None) -> AfterCall:
    """Ask until the conversation is final and its cost is known, or the time is up. Never raises `RestError`;
    a refused key ends it at once, everything else is asked again."""
    polling = polling or Polling()
    known = AfterCall(conversation_id)
    until = time.monotonic() + polling.total
    pause = polling.first
    while True:
        before = known.final
        known, hopeless = await _asked(rest, known)
        if known.final and not before:
            until = min(until, time.monotonic() + polling.cost)
        settled = known.final and known.credits is not None
        if hopeless or settled or time.monotonic() + pause > until:
            return known
        await asyncio.sleep(pause)
        pause = min(1.6 * pause, polling.most)


async def _asked(rest: ElevenLabsRest, known: AfterCall) -> tuple[AfterCall, bool]:
    """What is known after one more question, and whether another is pointless."""
    try:
        document = await rest.get(f"/v1/convai/conversations/{quote(known.conversation_id, safe='')}")
    except RestError as error:
        if known.final:
            return known, False
        why = str(error)
        if error.status == _NOT_FOUND:  # also for a moment after the call
            why = phrase(
                "ElevenLabs has no record of conversation {conversation_id}.",
                conversation_id=known.conversation_id,
            )
        return replace(known, why=why), error.refusal is Refusal.KEY
    return read_conversation(document, known.conversation_id), False


def read_conversation(document: object, conversation_id: str) -> AfterCall:
    """Read an answer of `GET /v1/convai/conversations/{id}`; tolerant of everything."""
    metadata, analysis = at(document, "metadata"), at(document, "analysis")
    status = picking.text(at(document, "status"), 40) or ""
    final = status in _FINAL
    return AfterCall(
        conversation_id,
        final=final,
        status=status,
        credits=picking.whole(at(metadata, "cost")),
        usd=picking.number(at(metadata, "cost_fiat")),
        burst=picking.flag(at(metadata, "charging", "is_burst")),
        seconds=picking.number(at(metadata, "call_duration_secs")),
        queue_seconds=picking.number(at(metadata, "queue_wait_secs")),
        termination=picking.text(at(metadata, "termination_reason")) or "",
        error=_error(at(metadata, "error")),
        title=picking.text(at(analysis, "call_summary_title")) or "",
        summary=picking.text(at(analysis, "transcript_summary"), 2000) or "",
        successful=picking.text(at(analysis, "call_successful"), 40) or "",
        why="" if final else _unfinished(status),
    )


def _error(error: object) -> str:
    """`error_type` or `code`, and `reason`, of the error object."""
    kind = picking.text(at(error, "error_type"), 60)
    code = picking.whole(at(error, "code"))
    name = kind or (str(code) if code is not None else "")
    return ": ".join(part for part in (name, picking.text(at(error, "reason"))) if part)


def _unfinished(status: str) -> str:
    return phrase(
        "ElevenLabs has not finished with the conversation ({status}).", status=status or phrase("no status")
    )
