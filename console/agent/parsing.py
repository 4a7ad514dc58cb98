"""Server frames read as `messages`; never raises.

What cannot be understood is an `Unknown` with the reason. Field names follow the AsyncAPI description of the
protocol (`agent.asyncapi.yaml`) and what public clients report to have seen.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping

from ..core.events import QueueState
from ..core.words import phrase
from .messages import (
    TEXT_LIMIT,
    AgentCorrection,
    AgentResponse,
    Audio,
    DtmfRequest,
    Guardrail,
    Interruption,
    Json,
    McpToolCall,
    Metadata,
    Ping,
    Queue,
    ResponseComplete,
    ServerError,
    ServerMessage,
    Skipped,
    ToolCall,
    ToolDone,
    ToolStarted,
    Unknown,
    UserTranscript,
    VadScore,
)


def parse(frame: str | bytes) -> ServerMessage:
    """The message in one frame. Never raises."""
    if isinstance(frame, bytes):
        return Unknown(phrase("a binary frame of {count} bytes", count=len(frame)))
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return Unknown(phrase("not JSON ({count} characters)", count=len(frame)))
    if not isinstance(message, dict):
        return Unknown(phrase("JSON but not an object ({name})", name=type(message).__name__))
    kind = message.get("type")
    if not isinstance(kind, str):
        return Unknown(phrase("an object without a type"))
    if kind in _SKIPPED:
        return Skipped(kind)
    read = _READERS.get(kind)
    if read is None:
        return Unknown(phrase("unknown type {kind!r}", kind=kind[:60]))
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
        return Unknown(phrase("audio that is not a text"))
    try:
        payload = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return Unknown(phrase("audio that is not base64"))
    return Audio(_integer(fields, "event_id"), payload, fields.get("is_final") is True)


def _interruption(message: Json) -> ServerMessage:
    return Interruption(_integer(_object(message, "interruption_event"), "event_id"))


def _ping(message: Json) -> ServerMessage:
    fields = _object(message, "ping_event")
    event_id = _integer(fields, "event_id")
    if event_id is None:
        return Unknown(phrase("a ping without event_id"))
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
        return Unknown(phrase("a vad_score without a number"))
    return VadScore(float(score))


def _tool_call(message: Json) -> ServerMessage:
    fields = _object(message, "client_tool_call")
    call_id = _text(fields, "tool_call_id")
    if not call_id:
        return Unknown(phrase("a client_tool_call without tool_call_id"))
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
