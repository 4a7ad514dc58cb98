"""Conformance check 18: every known close maps to its own outcome; the architecture's table of ends wins."""

from __future__ import annotations

import pytest

from console.agent.messages import ServerError
from console.agent.refusals import classify_close, split_prefix
from console.core.events import Refusal

NO_CREDITS = (
    "[quota_exceeded] You've run out of credits. Add credits or upgrade your plan to start a new one."
)
QUOTA = "This request exceeds your quota limit."
MISCONFIGURED = "The AI agent you are trying to reach appears to be misconfigured"


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", None),
        (1000, "Conversation has exceeded maximum duration", None),
        (3000, "The AI agent you are trying to reach does not exist.", Refusal.AGENT),
        (3000, "Could not authorize the conversation.", Refusal.KEY),
        (3000, NO_CREDITS, Refusal.CREDITS),
        (3000, MISCONFIGURED, Refusal.CONFIG),
        (3000, "Request error", Refusal.OTHER),
        (3000, "", Refusal.OTHER),
        (1002, QUOTA, Refusal.CREDITS),
        (1002, MISCONFIGURED, Refusal.CONFIG),
        (1002, "Conversation ended: safety violation", Refusal.SAFETY),
        (1002, "LLM timeout", None),
        (1002, "", None),
        (1008, "Override for field 'prompt' is not allowed by config.", Refusal.CONFIG),
        (1008, "Missing required dynamic variable 'name'", Refusal.CONFIG),
        (1008, "invalid_api_key", Refusal.KEY),
        (1008, "", Refusal.CONFIG),
        (3008, "too many concurrent connections", Refusal.BUSY),
        (4300, "", Refusal.BUSY),
        (1001, "", None),
        (1005, "", None),
        (1006, "", None),
        (1007, "", None),
        (1009, "message too big", None),
        (1011, "unexpected error", None),
        (1011, "api key of your own model is busy", None),
        (1012, "service restart", None),
        (4999, "whatever", None),
    ],
)
def test_check_18_close_codes(code: int, reason: str, expected: Refusal | None) -> None:
    assert classify_close(code, reason) is expected


@pytest.mark.parametrize(
    ("code", "error", "expected"),
    [
        (1002, ServerError(1002, "safety_violation", ""), Refusal.SAFETY),
        (1002, ServerError(None, "", f"received 1002 (protocol error) {QUOTA}"), Refusal.CREDITS),
        (1002, ServerError(1002, "llm_timeout", "LLM took too long"), None),
        (1006, ServerError(1008, "missing_dynamic_variable", ""), Refusal.CONFIG),
        (1006, ServerError(3000, "", "Could not authorize the conversation."), Refusal.KEY),
        (1005, ServerError(3008, "", ""), Refusal.BUSY),
        (1006, ServerError(1011, "unknown_websocket_crash", ""), None),
        (1000, ServerError(1000, "max_duration_exceeded", ""), None),
    ],
)
def test_check_18_the_last_error_explains_a_bare_close(
    code: int, error: ServerError, expected: Refusal | None
) -> None:
    assert classify_close(code, "", error) is expected


def test_check_18_prefix() -> None:
    assert split_prefix("[quota_exceeded] You've run out") == ("quota_exceeded", "You've run out")
    assert split_prefix("plain [not_a_prefix]") == ("", "plain [not_a_prefix]")
    assert classify_close(3000, "[agent_not_found] no") is Refusal.AGENT
