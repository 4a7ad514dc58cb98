"""The frames that a server of the protocol sends, as JSON text; pure."""

from __future__ import annotations

import base64
import json
from typing import Any


def metadata(conversation_id: str, input_format: str, output_format: str, formats: bool = True) -> str:
    event = {"conversation_id": conversation_id}
    if formats:
        event["agent_output_audio_format"] = output_format
        event["user_input_audio_format"] = input_format
    return _message("conversation_initiation_metadata", "conversation_initiation_metadata_event", event)


def audio(payload: bytes, event_id: int) -> str:
    encoded = base64.b64encode(payload).decode("ascii")
    return _message("audio", "audio_event", {"audio_base_64": encoded, "event_id": event_id})


def agent_response(text: str, event_id: int) -> str:
    event = {"agent_response": text, "event_id": event_id}
    return _message("agent_response", "agent_response_event", event)


def correction(original: str, corrected: str, event_id: int) -> str:
    event = {
        "original_agent_response": original,
        "corrected_agent_response": corrected,
        "event_id": event_id,
    }
    return _message("agent_response_correction", "agent_response_correction_event", event)


def user_transcript(text: str, event_id: int) -> str:
    event = {"user_transcript": text, "event_id": event_id}
    return _message("user_transcript", "user_transcription_event", event)


def interruption(event_id: int) -> str:
    return _message("interruption", "interruption_event", {"event_id": event_id})


def ping(event_id: int, ping_ms: int | None, bare: bool = False) -> str:
    event = {"event_id": event_id} if bare else {"event_id": event_id, "ping_ms": ping_ms}
    return _message("ping", "ping_event", event)


def queue_status(status: str) -> str:
    return _message("queue_status", "queue_status_event", {"status": status})


def tool_call(name: str, call_id: str, parameters: dict[str, Any], event_id: int) -> str:
    event = {"tool_name": name, "tool_call_id": call_id, "parameters": parameters, "event_id": event_id}
    return _message("client_tool_call", "client_tool_call", event)


def end_call(event_id: int) -> str:
    event = {
        "tool_name": "end_call",
        "tool_call_id": f"system_{event_id}",
        "tool_type": "system",
        "is_error": False,
        "is_called": True,
        "event_id": event_id,
    }
    return _message("agent_tool_response", "agent_tool_response", event)


def error(code: int, error_type: str, message: str) -> str:
    event = {"code": code, "error_type": error_type, "message": message}
    return _message("error", "error_event", event)


def _message(kind: str, key: str, event: dict[str, Any]) -> str:
    return json.dumps({"type": kind, key: event})
