"""The messages of the ElevenLabs agent WebSocket as values; no I/O.

First what a server sends (made by `parsing.parse`), then functions that make what a client sends. Text is as
the server wrote it, cut to a sane length but not cleaned: `core.text.clean` it before showing it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.effects import JsonValue
from ..core.events import QueueState

Json = dict[str, Any]

TEXT_LIMIT = 20_000
"""Characters of any one text that are kept; a spoken turn is far below this."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The first server message. A missing format is `pcm_16000`, as in the official browser client."""

    conversation_id: str
    input_format: str
    output_format: str


@dataclass(frozen=True, slots=True)
class Audio:
    """Agent audio in the output format, of any length, odd ones included; empty in a final marker.
    All chunks of one turn share `event_id`; None: the server gave none."""

    event_id: int | None
    payload: bytes = field(repr=False)
    final: bool = False


@dataclass(frozen=True, slots=True)
class Interruption:
    """The callee broke in: audio with this or a lower `event_id` must not be played any more."""

    event_id: int | None


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered at once with the same `event_id`. `ping_ms` is an estimate, not a delay to keep."""

    event_id: int
    ping_ms: int | None


@dataclass(frozen=True, slots=True)
class UserTranscript:
    """What the callee said. `final` False: still changing."""

    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class AgentResponse:
    """The whole text of an agent turn, sent around its first audio."""

    text: str
    event_id: int | None


@dataclass(frozen=True, slots=True)
class AgentCorrection:
    """After an interruption: what was really said of a turn; `corrected` may be empty."""

    original: str
    corrected: str


@dataclass(frozen=True, slots=True)
class ResponseComplete:
    """An agent turn is done, tools included."""

    event_id: int | None


@dataclass(frozen=True, slots=True)
class VadScore:
    """Probability (0 to 1) that the callee is speaking."""

    score: float


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent asks the client to run a tool; exactly one result is due for each `call_id`."""

    name: str
    call_id: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The agent started a tool; information only."""

    name: str
    call_id: str
    tool_type: str


@dataclass(frozen=True, slots=True)
class ToolDone:
    """A tool of the agent ended; the only place where its `end_call` shows."""

    name: str
    call_id: str
    tool_type: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class McpToolCall:
    """The state of a tool on an MCP server: `loading`, `awaiting_approval`, `success` or `failure`."""

    name: str
    call_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Queue:
    """The workspace is at its limit: the caller waits, was let in, or waited too long."""

    state: QueueState


@dataclass(frozen=True, slots=True)
class ServerError:
    """`error` or `client_error`. `code` is a WebSocket close code, `name` an error type such as
    `quota_exceeded`; `text` may be empty."""

    code: int | None
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A guardrail of the agent fired; the call may be ended."""

    name: str


@dataclass(frozen=True, slots=True)
class DtmfRequest:
    """The agent wants digits sent; the payload's shape is not published, so it is kept as it came."""

    raw: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A message of the protocol that has no meaning for a telephone call."""

    type: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A frame that is not understood, and why."""

    why: str


ServerMessage = (
    Metadata
    | Audio
    | Interruption
    | Ping
    | UserTranscript
    | AgentResponse
    | AgentCorrection
    | ResponseComplete
    | VadScore
    | ToolCall
    | ToolStarted
    | ToolDone
    | McpToolCall
    | Queue
    | ServerError
    | Guardrail
    | DtmfRequest
    | Skipped
    | Unknown
)


# ---- what a client sends ----


def initiation(
    variables: Mapping[str, JsonValue] | None = None,
    user_id: str = "",
    overrides: Mapping[str, Any] | None = None,
) -> str:
    """`conversation_initiation_client_data`, always the first message. Only what is set is in it: the
    server closes the conversation over an empty or null override."""
    message: Json = {"type": "conversation_initiation_client_data"}
    if set_overrides := _only_set(overrides or {}):
        message["conversation_config_override"] = set_overrides
    if set_variables := {name: value for name, value in (variables or {}).items() if value is not None}:
        message["dynamic_variables"] = set_variables
    if user_id:
        message["user_id"] = user_id
    return json.dumps(message)


def _only_set(values: Mapping[str, Any]) -> Json:
    """The values that say something, at every depth."""
    kept: Json = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            value = _only_set(value)
        if value is not None and value != "" and value != {}:
            kept[key] = value
    return kept


def user_audio(payload: bytes) -> str:
    """Callee audio in the input format. This message has no `type`."""
    return '{"user_audio_chunk":"' + base64.b64encode(payload).decode("ascii") + '"}'


def pong(event_id: int) -> str:
    return json.dumps({"type": "pong", "event_id": event_id})


def contextual_update(text: str) -> str:
    """Background for the agent; makes no turn."""
    return json.dumps({"type": "contextual_update", "text": text})


def user_message(text: str) -> str:
    """A turn of the user in writing; the agent answers it."""
    return json.dumps({"type": "user_message", "text": text})


def tool_result(call_id: str, result: str, is_error: bool) -> str:
    """The one answer to a `ToolCall`. `result` is always a text: put JSON into it where there is more."""
    return json.dumps(
        {"type": "client_tool_result", "tool_call_id": call_id, "result": result, "is_error": is_error}
    )
