"""What ElevenLabs would not accept from a client; pure. Each check gives a `Violation` or None.

Close codes and error types are those of the AsyncAPI error list: 1008 for everything a client sent wrong.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_CHUNK = 64 * 1024
_INITIATION_KEYS = frozenset(
    {
        *("type", "conversation_config_override", "custom_llm_extra_body", "dynamic_variables", "user_id"),
        *("source_info", "branch_id", "environment", "starting_workflow_node_id", "procedure_ids"),
        *("start_procedure_ids", "tool_mock_config"),
    }
)
_KEYS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "pong": {"event_id": int},
    "user_activity": {},
    "user_message": {"text": (str, type(None))},
    "contextual_update": {"text": str},
    "client_tool_result": {"tool_call_id": str, "result": str, "is_error": bool},
    "mcp_tool_approval_result": {"tool_call_id": str, "is_approved": bool},
    "feedback": {"event_id": int, "score": (str, type(None))},
}
_OPTIONAL = {
    "user_message": {"rich_content_id"},
    "contextual_update": {"context_id"},
    "client_tool_result": {"error_type"},
}


@dataclass(frozen=True, slots=True)
class Violation:
    """Why the conversation is over."""

    message: str
    error_type: str = "invalid_message"
    code: int = 1008


@dataclass(slots=True)
class Expected:
    """What a client may answer: pings and tool calls that are open. `sample_width` in bytes."""

    sample_width: int = 2
    pings: dict[int, float] = field(default_factory=dict)
    tool_calls: set[str] = field(default_factory=set)


def read_frame(frame: str | bytes) -> dict[str, Any] | Violation:
    """The JSON object in a frame."""
    if isinstance(frame, bytes):
        return Violation("binary frames are not part of the protocol")
    try:
        message = json.loads(frame)
    except ValueError:
        return Violation("the message is not JSON")
    return message if isinstance(message, dict) else Violation("the message is not a JSON object")


def check_initiation(message: Mapping[str, Any], required_variables: tuple[str, ...]) -> Violation | None:
    """The first message."""
    if message.get("type") != "conversation_initiation_client_data":
        return Violation("the first message must be conversation_initiation_client_data")
    if unknown := set(message) - _INITIATION_KEYS:
        return Violation(f"unknown fields: {', '.join(sorted(unknown))}")
    if not isinstance(message.get("user_id", ""), str):
        return Violation("user_id must be a string", "value_error")
    variables = message.get("dynamic_variables", {})
    if not isinstance(variables, dict):
        return Violation("dynamic_variables must be an object", "value_error")
    for name, value in variables.items():
        if name.startswith("system__") or not isinstance(value, str | int | float | bool):
            return Violation(f"dynamic variable '{name}' is not allowed", "value_error")
    if missing := [name for name in required_variables if name not in variables]:
        return Violation(f"Missing required dynamic variables: {missing}", "missing_dynamic_variable")
    overrides = message.get("conversation_config_override", {})
    if not isinstance(overrides, dict):
        return Violation("conversation_config_override must be an object", "value_error")
    return None


def check_overrides(message: Mapping[str, Any], allowed: tuple[str, ...]) -> Violation | None:
    """Overrides are refused only after the metadata; an empty or null one counts as sent."""
    for section, values in message.get("conversation_config_override", {}).items():
        for name in values if isinstance(values, dict) else [""]:
            if f"{section}.{name}" not in allowed:
                return Violation(f"Override for field '{name}' is not allowed by config.", "override_error")
    return None


def check_message(message: Mapping[str, Any], expected: Expected) -> Violation | None:
    """Any message after the first, but for audio."""
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _KEYS:
        return Violation(f"unknown message type {str(kind)[:60]!r}")
    required = _KEYS[kind]
    if missing := required.keys() - message.keys():
        return Violation(f"{kind}: missing {', '.join(sorted(missing))}", "missing_fields")
    if unknown := message.keys() - required.keys() - {"type"} - _OPTIONAL.get(kind, set()):
        return Violation(f"{kind}: unknown fields {', '.join(sorted(unknown))}")
    for name, types in required.items():
        value = message[name]
        if not isinstance(value, types) or (isinstance(value, bool) and types is int):
            return Violation(f"{kind}: {name} has the wrong type", "value_error")
    if kind == "pong" and message["event_id"] not in expected.pings:
        return Violation("pong for a ping that was not sent, or was answered before", "value_error")
    if kind == "client_tool_result" and message["tool_call_id"] not in expected.tool_calls:
        return Violation("result for a tool call that was not made, or was answered before", "value_error")
    return None


def read_audio(message: Mapping[str, Any], sample_width: int) -> bytes | Violation:
    """The samples in a `user_audio_chunk` message."""
    if set(message) != {"user_audio_chunk"}:
        return Violation("user_audio_chunk must be the only field")
    chunk = message["user_audio_chunk"]
    if not isinstance(chunk, str):
        return Violation("user_audio_chunk must be a string", "value_error")
    try:
        payload = base64.b64decode(chunk, validate=True)
    except (binascii.Error, ValueError):
        return Violation("user_audio_chunk is not base64", "value_error")
    if not payload or len(payload) > MAX_CHUNK:
        return Violation(f"user_audio_chunk of {len(payload)} bytes", "value_error")
    if len(payload) % sample_width:
        return Violation("user_audio_chunk does not hold whole samples", "value_error")
    return payload
