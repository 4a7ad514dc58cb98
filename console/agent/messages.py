"""The messages of the ElevenLabs agent WebSocket as values; no I/O.

`parse` turns what the server sent into one frozen value and never raises: what cannot be understood is an
`Unknown` with the reason. The functions below it make what a client sends. Field names follow the AsyncAPI
description of the protocol (`agent.asyncapi.yaml`) and what public clients report to have seen.
Text is as the server wrote it, cut to a sane length but not cleaned: `core.text.clean` it before showing it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
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


def parse(frame: str | bytes) -> ServerMessage:
    """The message in one frame. Never raises."""
    if isinstance(frame, bytes):
        return Unknown(f"a binary frame of {len(frame)} bytes")
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return Unknown(f"not JSON ({len(frame)} characters)")
    if not isinstance(message, dict):
        return Unknown(f"JSON but not an object ({type(message).__name__})")
    kind = message.get("type")
    if not isinstance(kind, str):
        return Unknown("an object without a type")
    if kind in _SKIPPED:
        return Skipped(kind)
    read = _READERS.get(kind)
    if read is None:
        return Unknown(f"unknown type {kind[:60]!r}")
    return read(message)


# ---- reading fields: each gives a value of the right type, whatever is there ----


def _object(message: Json, key: str) -> Json:
    value = message.get(key)
    return value if isinstance(value, dict) else {}


def _text(fields: Json, *keys: str) -> str:
    """The first of these that is a text with something in it."""
    for key in keys:
        value = fields.get(key)
        if isinstance(value, str) and value:
            return value[:TEXT_LIMIT]
    return ""


def _integer(fields: Json, key: str) -> int | None:
    value = fields.get(key)
    if isinstance(value, str) and len(value) < 19 and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# ---- one reader for each type ----


def _metadata(message: Json) -> ServerMessage:
    fields = _object(message, "conversation_initiation_metadata_event")
    return Metadata(
        conversation_id=_text(fields, "conversation_id"),
        input_format=_text(fields, "user_input_audio_format") or "pcm_16000",
        output_format=_text(fields, "agent_output_audio_format") or "pcm_16000",
    )


def _audio(message: Json) -> ServerMessage:
    fields = _object(message, "audio_event")
    encoded = fields.get("audio_base_64") or ""
    if not isinstance(encoded, str):
        return Unknown("audio that is not a text")
    try:
        payload = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return Unknown("audio that is not base64")
    return Audio(_integer(fields, "event_id"), payload, fields.get("is_final") is True)


def _interruption(message: Json) -> ServerMessage:
    return Interruption(_integer(_object(message, "interruption_event"), "event_id"))


def _ping(message: Json) -> ServerMessage:
    fields = _object(message, "ping_event")
    event_id = _integer(fields, "event_id")
    if event_id is None:
        return Unknown("a ping without event_id")
    return Ping(event_id, _integer(fields, "ping_ms"))


def _user_transcript(message: Json) -> ServerMessage:
    return UserTranscript(_text(_object(message, "user_transcription_event"), "user_transcript"), final=True)


def _tentative_user_transcript(message: Json) -> ServerMessage:
    fields = _object(message, "tentative_user_transcription_event")
    return UserTranscript(_text(fields, "user_transcript"), final=False)


def _agent_response(message: Json) -> ServerMessage:
    fields = _object(message, "agent_response_event")
    return AgentResponse(_text(fields, "agent_response"), _integer(fields, "event_id"))


def _agent_correction(message: Json) -> ServerMessage:
    fields = _object(message, "agent_response_correction_event")
    return AgentCorrection(
        _text(fields, "original_agent_response"), _text(fields, "corrected_agent_response")
    )


def _response_complete(message: Json) -> ServerMessage:
    return ResponseComplete(_integer(_object(message, "agent_response_complete_event"), "event_id"))


def _vad_score(message: Json) -> ServerMessage:
    score = _object(message, "vad_score_event").get("vad_score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return Unknown("a vad_score without a number")
    return VadScore(float(score))


def _tool_call(message: Json) -> ServerMessage:
    fields = _object(message, "client_tool_call")
    call_id = _text(fields, "tool_call_id")
    if not call_id:
        return Unknown("a client_tool_call without tool_call_id")
    return ToolCall(_text(fields, "tool_name"), call_id, _object(fields, "parameters"))


def _tool_started(message: Json) -> ServerMessage:
    fields = _object(message, "agent_tool_request")
    return ToolStarted(_text(fields, "tool_name"), _text(fields, "tool_call_id"), _text(fields, "tool_type"))


def _tool_done(message: Json) -> ServerMessage:
    fields = _object(message, str(message["type"]))
    return ToolDone(
        _text(fields, "tool_name"),
        _text(fields, "tool_call_id"),
        _text(fields, "tool_type"),
        is_error=fields.get("is_error") is True,
    )


def _mcp_tool_call(message: Json) -> ServerMessage:
    fields = _object(message, "mcp_tool_call")
    return McpToolCall(_text(fields, "tool_name"), _text(fields, "tool_call_id"), _text(fields, "state"))


def _queue(message: Json) -> ServerMessage:
    status = _text(_object(message, "queue_status_event"), "status")
    try:
        return Queue(QueueState(status))
    except ValueError:
        return Unknown(f"queue_status {status[:60]!r}")


def _error(message: Json) -> ServerMessage:
    fields = _object(message, "error_event") or message
    return ServerError(
        code=_integer(fields, "code"),
        name=_text(fields, "error_type", "error_name"),
        text=_text(fields, "message", "reason", "debug_message"),
    )


def _guardrail(message: Json) -> ServerMessage:
    return Guardrail(_text(_object(message, "guardrail_triggered_event"), "guardrail_name"))


def _dtmf_request(message: Json) -> ServerMessage:
    return DtmfRequest(json.dumps(message)[:TEXT_LIMIT])


_READERS: Mapping[str, Callable[[Json], ServerMessage]] = {
    "conversation_initiation_metadata": _metadata,
    "audio": _audio,
    "interruption": _interruption,
    "ping": _ping,
    "user_transcript": _user_transcript,
    "tentative_user_transcript": _tentative_user_transcript,
    "agent_response": _agent_response,
    "agent_response_correction": _agent_correction,
    "agent_response_complete": _response_complete,
    "vad_score": _vad_score,
    "client_tool_call": _tool_call,
    "agent_tool_request": _tool_started,
    "agent_tool_response": _tool_done,
    "agent_tool_response_full_payload": _tool_done,
    "mcp_tool_call": _mcp_tool_call,
    "queue_status": _queue,
    "error": _error,
    "client_error": _error,
    "guardrail_triggered": _guardrail,
    "dtmf_request": _dtmf_request,
}

_SKIPPED = frozenset(
    {
        "agent_response_metadata",
        "agent_chat_response_part",
        "agent_reasoning_response_part",
        "mcp_connection_status",
        "asr_initiation_metadata",
        "context_usage",
        "internal_tentative_agent_response",
        "internal_turn_probability",
        "agent_typing",
        "external_agent_connected",
        "external_agent_disconnected",
        "rich_content",
    }
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
