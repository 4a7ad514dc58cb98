"""Conformance checks 12, 13, 14, 19 of the agent protocol as far as they concern single messages, and the
messages that we send (checks 1, 2, 4, 15)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.agent import messages as m
from console.agent import parsing
from console.core.events import QueueState


def parse(**message: Any) -> m.ServerMessage:
    return parsing.parse(json.dumps(message))


def test_metadata_with_and_without_formats() -> None:
    full = parse(
        type="conversation_initiation_metadata",
        conversation_initiation_metadata_event={
            "conversation_id": "conv_1",
            "agent_output_audio_format": "pcm_24000",
            "user_input_audio_format": "ulaw_8000",
        },
    )
    assert full == m.Metadata("conv_1", "ulaw_8000", "pcm_24000")
    assert parse(type="conversation_initiation_metadata") == m.Metadata("", "pcm_16000", "pcm_16000")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"audio_base_64": base64.b64encode(b"\x01\x02").decode(), "event_id": 3}, m.Audio(3, b"\x01\x02")),
        ({"audio_base_64": base64.b64encode(b"odd").decode(), "event_id": 3}, m.Audio(3, b"odd")),
        ({"audio_base_64": "", "event_id": 3, "is_final": True}, m.Audio(3, b"", final=True)),
        ({"event_id": 3, "is_final": True}, m.Audio(3, b"", final=True)),
        ({"audio_base_64": None, "event_id": None}, m.Audio(None, b"")),
        ({"audio_base_64": "AAA=", "event_id": "7"}, m.Audio(7, b"\0\0")),
        ({"audio_base_64": "not base64!", "event_id": 3}, m.Unknown("audio that is not base64")),
        ({"audio_base_64": "äöü", "event_id": 3}, m.Unknown("audio that is not base64")),
        ({"audio_base_64": "A", "event_id": 3}, m.Unknown("audio that is not base64")),
        ({"audio_base_64": 5, "event_id": 3}, m.Unknown("audio that is not a text")),
    ],
)
def test_check_12_audio_of_every_shape(event: dict[str, Any], expected: m.ServerMessage) -> None:
    assert parse(type="audio", audio_event=event) == expected


def test_check_12_audio_without_its_object() -> None:
    assert parse(type="audio") == m.Audio(None, b"")


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "null",
        "[]",
        "5",
        '"text"',
        "{}",
        '{"type":5}',
        '{"type":"brand_new"}',
        "[" * 100_000,
        '{"type":' + "9" * 6000 + "}",
        b"\x00\x01",
        b'{"type":"ping","ping_event":{"event_id":1}}',
    ],
)
def test_check_13_unknown_or_broken_frames_are_values(frame: str | bytes) -> None:
    assert isinstance(parsing.parse(frame), m.Unknown)


@pytest.mark.parametrize("ping_ms", [None, 50, "absent", "many"])
def test_check_7_ping_with_missing_or_null_ping_ms(ping_ms: object) -> None:
    event: dict[str, Any] = {"event_id": 9}
    if ping_ms != "absent":
        event["ping_ms"] = ping_ms
    assert parse(type="ping", ping_event=event) == m.Ping(9, 50 if ping_ms == 50 else None)


def test_ping_without_id_cannot_be_answered() -> None:
    assert isinstance(parse(type="ping"), m.Unknown)


def test_check_14_correction_may_be_empty() -> None:
    event = {"original_agent_response": "Good morning", "corrected_agent_response": ""}
    answer = parse(type="agent_response_correction", agent_response_correction_event=event)
    assert answer == m.AgentCorrection("Good morning", "")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"type": "error", "error_event": {"code": 1002, "error_type": "llm_timeout", "message": "slow"}},
            m.ServerError(1002, "llm_timeout", "slow"),
        ),
        (
            {"type": "error", "message": "received 1002 (protocol error) This request exceeds your quota"},
            m.ServerError(None, "", "received 1002 (protocol error) This request exceeds your quota"),
        ),
        ({"type": "error", "error_event": {"code": 1002}}, m.ServerError(1002, "", "")),
        ({"type": "error"}, m.ServerError(None, "", "")),
        ({"type": "error", "error_event": {"reason": "why"}}, m.ServerError(None, "", "why")),
        (
            {"type": "client_error", "error_event": {"code": 1008, "error_name": "invalid_api_key"}},
            m.ServerError(1008, "invalid_api_key", ""),
        ),
    ],
)
def test_check_19_errors_of_every_shape(message: dict[str, Any], expected: m.ServerError) -> None:
    assert parse(**message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "interruption", "interruption_event": {"event_id": 4}}, m.Interruption(4)),
        ({"type": "interruption"}, m.Interruption(None)),
        (
            {"type": "user_transcript", "user_transcription_event": {"user_transcript": "hi", "event_id": 1}},
            m.UserTranscript("hi", final=True),
        ),
        (
            {
                "type": "tentative_user_transcript",
                "tentative_user_transcription_event": {"user_transcript": "h", "event_id": 1},
            },
            m.UserTranscript("h", final=False),
        ),
        (
            {"type": "agent_response", "agent_response_event": {"agent_response": "yes", "event_id": 2}},
            m.AgentResponse("yes", 2),
        ),
        ({"type": "agent_response_complete"}, m.ResponseComplete(None)),
        ({"type": "vad_score", "vad_score_event": {"vad_score": 0.5}}, m.VadScore(0.5)),
        (
            {
                "type": "client_tool_call",
                "client_tool_call": {"tool_name": "t", "tool_call_id": "c", "parameters": {"a": 1}},
            },
            m.ToolCall("t", "c", {"a": 1}),
        ),
        (
            {
                "type": "agent_tool_request",
                "agent_tool_request": {"tool_name": "t", "tool_call_id": "c", "tool_type": "system"},
            },
            m.ToolStarted("t", "c", "system"),
        ),
        (
            {
                "type": "agent_tool_response",
                "agent_tool_response": {"tool_name": "end_call", "tool_call_id": "c", "is_error": False},
            },
            m.ToolDone("end_call", "c", "", is_error=False),
        ),
        (
            {"type": "mcp_tool_call", "mcp_tool_call": {"tool_name": "t", "state": "loading"}},
            m.McpToolCall("t", "", "loading"),
        ),
        (
            {"type": "queue_status", "queue_status_event": {"status": "waiting"}},
            m.Queue(QueueState.WAITING),
        ),
        ({"type": "guardrail_triggered"}, m.Guardrail("")),
        ({"type": "dtmf_request", "x": 1}, m.DtmfRequest('{"type": "dtmf_request", "x": 1}')),
        ({"type": "context_usage"}, m.Skipped("context_usage")),
    ],
)
def test_every_other_type(message: dict[str, Any], expected: m.ServerMessage) -> None:
    assert parse(**message) == expected


def test_every_type_of_the_document_is_read_or_knowingly_skipped() -> None:
    document = """conversation_initiation_metadata asr_initiation_metadata ping audio interruption
        user_transcript tentative_user_transcript agent_response agent_response_correction client_tool_call
        mcp_tool_call mcp_connection_status agent_tool_request agent_tool_response
        agent_tool_response_full_payload agent_response_metadata vad_score agent_chat_response_part
        client_error guardrail_triggered dtmf_request agent_response_complete context_usage
        internal_turn_probability internal_tentative_agent_response agent_reasoning_response_part
        queue_status error agent_typing external_agent_connected external_agent_disconnected rich_content"""
    for kind in document.split():
        answer = parse(type=kind)
        assert not (isinstance(answer, m.Unknown) and "unknown type" in answer.why), kind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = sorted(parsing._READERS)
SUB_OBJECTS = [
    *("conversation_initiation_metadata_event", "audio_event", "interruption_event", "ping_event"),
    *("user_transcription_event", "tentative_user_transcription_event", "agent_response_event"),
    *("agent_response_correction_event", "agent_response_complete_event", "vad_score_event", "error_event"),
    *("client_tool_call", "agent_tool_request", "agent_tool_response", "mcp_tool_call"),
    *("agent_tool_response_full_payload", "queue_status_event", "guardrail_triggered_event"),
]
FIELDS = [
    *("event_id", "ping_ms", "audio_base_64", "is_final", "agent_response", "user_transcript", "vad_score"),
    *("tool_name", "tool_call_id", "parameters", "status", "code", "message", "conversation_id", "state"),
]


@given(
    kind=st.sampled_from(KINDS),
    sub=st.sampled_from(SUB_OBJECTS),
    value=JSON | st.dictionaries(st.sampled_from(FIELDS), JSON),
)
def test_nothing_a_server_can_send_raises(kind: str, sub: str, value: Any) -> None:
    parsing.parse(json.dumps({"type": kind, sub: value}))


@given(st.text() | st.binary())
def test_no_frame_raises(frame: str | bytes) -> None:
    parsing.parse(frame)


def test_check_1_initiation_is_flat_and_holds_only_what_is_set() -> None:
    assert json.loads(m.initiation()) == {"type": "conversation_initiation_client_data"}
    assert json.loads(m.initiation({"a": None}, "", {"agent": {"language": "", "prompt": None}})) == {
        "type": "conversation_initiation_client_data"
    }


def test_check_2_overrides_hold_no_empty_or_null_key() -> None:
    overrides = {
        "agent": {"first_message": "Hi", "language": None, "prompt": {"prompt": ""}},
        "tts": {"speed": 0.0, "voice_id": ""},
        "conversation": {"text_only": False},
    }
    message = json.loads(m.initiation({"phone_number": "+79123456789", "vip": False}, "u1", overrides))
    assert message == {
        "type": "conversation_initiation_client_data",
        "conversation_config_override": {
            "agent": {"first_message": "Hi"},
            "tts": {"speed": 0.0},
            "conversation": {"text_only": False},
        },
        "dynamic_variables": {"phone_number": "+79123456789", "vip": False},
        "user_id": "u1",
    }


def test_check_4_audio_has_one_key_only() -> None:
    assert json.loads(m.user_audio(b"\x00\xff")) == {"user_audio_chunk": "AP8="}


def test_other_client_messages() -> None:
    assert json.loads(m.pong(5)) == {"type": "pong", "event_id": 5}
    assert json.loads(m.contextual_update("x")) == {"type": "contextual_update", "text": "x"}
    assert json.loads(m.user_message("x")) == {"type": "user_message", "text": "x"}
    assert json.loads(m.tool_result("c", "{}", is_error=False)) == {
        "type": "client_tool_result",
        "tool_call_id": "c",
        "result": "{}",
        "is_error": False,
    }
