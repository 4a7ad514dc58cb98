"""What ElevenLabs means when it says no: close codes, error names and reasons read as a `Refusal`.

A close with 1000 is the normal end (the agent ended the call, or its maximum duration was reached). A close
that is neither normal nor a refusal is a drop. Codes and texts: section 3.6 of the AsyncAPI error list and
public reports of live behaviour.
"""

from __future__ import annotations

import re

from ..core.events import Refusal
from .messages import ServerError

NORMAL = 1000
_BUSY_CODES = frozenset({3008, 4300})  # the widget's mock and a client of the published schema differ
_NO_CLOSE_FRAME = frozenset({1005, 1006})
_REFUSING_CODES = {3000: Refusal.OTHER, 1008: Refusal.CONFIG}
"""Codes that are always a refusal, and which one when the words say nothing."""

_REFUSING_WORDS = frozenset({Refusal.CREDITS, Refusal.SAFETY, Refusal.AGENT, Refusal.CONFIG})
"""What is believed under any other code. Words about keys or load may there be a tool's or a model's own."""

_MEANINGS: tuple[tuple[Refusal, re.Pattern[str]], ...] = (
    (Refusal.CREDITS, re.compile(r"quota|credits\b|payment|entitlement_exceeded", re.I)),
    (Refusal.SAFETY, re.compile(r"safety|guardrail|moderation|content policy", re.I)),
    (Refusal.AGENT, re.compile(r"agent\b.*(not exist|not found)|agent_not_found", re.I)),
    (Refusal.CONFIG, re.compile(r"misconfigured|override|dynamic[ _]variable|missing_fields", re.I)),
    (
        Refusal.KEY,
        re.compile(r"authoriz|authenticat|api[ _]key|signature|missing_permissions|permission", re.I),
    ),
    (Refusal.BUSY, re.compile(r"concurren|too many|busy", re.I)),
)

_PREFIX = re.compile(r"\[(\w+)\]\s*")


def split_prefix(reason: str) -> tuple[str, str]:
    """`[quota_exceeded] You've run out ...` as (`quota_exceeded`, `You've run out ...`)."""
    match = _PREFIX.match(reason)
    return (match[1], reason[match.end() :]) if match else ("", reason)


def meaning(*words: str) -> Refusal | None:
    """The refusal that error names and texts speak of, the earliest of these words that says anything."""
    for word in words:
        for refusal, pattern in _MEANINGS:
            if pattern.search(word):
                return refusal
    return None


def classify_close(code: int, reason: str, last_error: ServerError | None = None) -> Refusal | None:
    """The refusal behind a close of the WebSocket by the server; None: a normal end or a drop.

    `code`: RFC 6455 section 7.4, 1006 when there was no close frame. `last_error`: the last `error` message
    before it, if the conversation did not go on after it.
    """
    if code == NORMAL:
        return None
    if code in _NO_CLOSE_FRAME and last_error is not None and last_error.code is not None:
        code = last_error.code
    if code in _BUSY_CODES:
        return Refusal.BUSY
    name, text = split_prefix(reason)
    said = meaning(name, text, *((last_error.name, last_error.text) if last_error else ()))
    if code in _REFUSING_CODES:
        return said or _REFUSING_CODES[code]
    return said if said in _REFUSING_WORDS else None
