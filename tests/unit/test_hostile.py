"""What strangers write, on its whole way: from the wire through the core into log lines, JSON and the API,
with terminal sequences, markup, marks that turn the direction, and at lengths of 10 kB."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.agent.conversation import Conversation, UnsupportedFormat
from console.agent.messages import TEXT_LIMIT
from console.agent.outbox import Outbox
from console.api.views import call_view
from console.core import events as ev
from console.core.effects import Record
from console.core.journal import word
from console.core.replay import record_from, replay
from console.core.state import Policy, State
from console.core.step import step
from console.phone.baresip_version import Version
from console.phone.ctrl_messages import PhoneMessage, parse
from console.phone.dialogs import Dialogs
from console.phone.line_events import LineEvents
from console.ports import SessionRequest, Update
from console.records import runs
from console.records.archive import Archive
from console.records.logbook import record_json
from console.watching import WatchedConsole

CALL = ev.CallId("c1")
LONGEST = TEXT_LIMIT + 200
"""No text of strangers is longer by the time it reaches the core: a transcript, and what stands around it."""

ALPHABET = st.one_of(
    st.sampled_from(
        "\x1b[]P^_X\\\x07\x9b\x9c\x9d;m0 \n\r\t\u2028\u202e\u200f\u2066\u200b\ufeff\ud800\u0301a{}"
    ),
    st.characters(),
)
NASTY = st.one_of(
    st.text(ALPHABET, max_size=60),
    st.sampled_from(
        [
            "\x1b]0;owned\x07\x1b]52;c;cm0gLXJm\x07" + "A" * 10_000,
            "\u202e" * 10_000,
            "a" + "\u0301" * 10_000,
            "[@click=app.quit]" * 600,
            "{why}{0.__class__}%s" * 500,
            "\x1bP" * 5_000,
            "sip:a@b>\r\nVia: x\r\n\r\nBYE " * 300,
        ]
    ),
)


def texts(value: object) -> Iterator[str]:
    """Every text in an event, however deep."""
    if isinstance(value, str) and not isinstance(value, Enum):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, tuple | list | frozenset):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        yield from texts(tuple(value.items()))


def harmless(text: str) -> bool:
    """One printable line of bounded length that can turn or move nothing on a terminal."""
    return len(text) <= LONGEST and not any(unicodedata.category(c)[0] in "CZ" and c != " " for c in text)


def follow(events: Iterable[Any]) -> None:
    """Through the core into everything that shows or keeps it."""
    state = State(Policy(domain="h", incoming_agent=True))
    for second, event in enumerate(events):
        assert all(harmless(text) for text in texts(event)), event
        state, effects = step(state, event, float(second))
        for record in (effect for effect in effects if isinstance(effect, Record)):
            assert harmless(word(record).text), record
            line = record_json(record)
            assert "\n" not in line
            assert replay(state, record_from(json.loads(line))) is not None
    for call in (*state.calls, *state.ended):
        shown = call_view(call, 99.0, 1_800_000_000.0)
        assert all(harmless(text) for text in texts(json.loads(shown.model_dump_json())))


# ---- the phone ----


@pytest.mark.parametrize("version", [Version(1, 0), Version(4, 9)])
@given(name=NASTY, peer=NASTY, param=NASTY, sip_call_id=NASTY, rejected=NASTY)
def test_a_caller(
    version: Version, name: str, peer: str, param: str, sip_call_id: str, rejected: str
) -> None:
    dialogs, line = Dialogs(version, lambda: CALL), LineEvents()
    told: list[Any] = [ev.LineUp("baresip", str(version), True)]
    for type_, text in (
        ("CALL_INCOMING", peer),
        ("CALL_RINGING", peer),
        ("CALL_DTMF_START", param),
        ("CALL_CLOSED", rejected),
        ("REGISTER_FAIL", param),
        ("SOMETHING_ELSE", param),
    ):
        frame = {"event": True, "class": "call", "type": type_, "param": text, "id": sip_call_id}
        frame |= {"peeruri": peer, "peerdisplayname": name, "direction": "incoming", "accountaor": peer}
        message = parse(json.dumps(frame).encode())
        if isinstance(message, PhoneMessage):
            told += (dialogs if type_.startswith("CALL_") else line).receive(message)
    follow(told)


# ---- the agent's side ----


class Deaf:
    """An `AgentMedia` that plays nothing."""

    def live(self, input_format: str, output_format: str) -> None: ...

    def play(self, payload: bytes) -> None: ...

    def interrupt(self) -> int:
        return 0


KINDS = {
    "user_transcript": ("user_transcription_event", "user_transcript"),
    "agent_response": ("agent_response_event", "agent_response"),
    "agent_response_correction": ("agent_response_correction_event", "corrected_agent_response"),
    "client_tool_call": ("client_tool_call", "tool_name"),
    "agent_tool_response": ("agent_tool_response", "tool_name"),
    "error": ("error_event", "message"),
    "client_error": ("error", "message"),
    "guardrail_triggered": ("guardrail_triggered_event", "name"),
    "queue_status": ("queue_status_event", "state"),
}
METADATA = "conversation_initiation_metadata"


@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)) | NASTY, NASTY), max_size=6), NASTY)
def test_what_the_agent_and_its_server_say(said: list[tuple[str, str]], conversation_id: str) -> None:
    told: list[Any] = []
    request = SessionRequest(CALL, 1, "+79123456789", False)
    conversation = Conversation(
        request, "", Deaf(), told.append, Outbox(), lambda call: None, lambda text: text
    )
    body = {"conversation_id": conversation_id, "agent_output_audio_format": "pcm_16000"}
    body |= {"user_input_audio_format": "pcm_16000"}
    frames = [{"type": METADATA, f"{METADATA}_event": body}]
    for kind, text in said:
        inner, field = KINDS.get(kind, (kind, "text"))
        tool = {"tool_call_id": text, "parameters": {text: text}, "is_error": True, "message": text}
        frames.append({"type": kind, inner: {**tool, field: text}})
    for frame in frames:
        with contextlib.suppress(UnsupportedFormat):
            conversation.take(json.dumps(frame))
    follow([ev.Dial(CALL, "+79123456789"), ev.PhoneAnswered(CALL), ev.AgentUpgraded(CALL, 1), *told])


# ---- a file that somebody has written into ----

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
TYPES = st.sampled_from(
    [
        *("line.up", "line.down", "registration", "account", "ear", "dialing.stopped", "call.dialing"),
        *("call.incoming", "call.found", "call.ringing", "call.answered", "call.closed", "agent.live"),
        *("agent.opening", "agent.closed", "agent.silenced", "console.started", "console.ended"),
    ]
)
NAMES = st.sampled_from(
    [
        *("t", "type", "call", "state", "code", "reason", "by", "outcome", "origin", "seconds", "pid"),
        *("wall_zero", "number", "peer", "credits", "on", "limit_seconds", "conversation_id"),
        *("early_media_seconds", "after_answer_ms", "usd", "held"),
    ]
)


@example([("registration", {"state": "ok", "code": "A" * 20_000, "reason": "B" * 20_000})], "")
@example([("line.up", {"state": "A" * 20_000, "code": "B" * 20_000})], "")
@given(st.lists(st.tuples(TYPES, st.dictionaries(NAMES, JSON, max_size=6)), max_size=8), st.text(max_size=40))
def test_an_event_file_never_breaks_who_reads_it(lines: list[tuple[str, dict[str, Any]]], junk: str) -> None:
    state = State(Policy(domain="h"))
    written = [json.dumps({"t": 1.0, "call": "c1", **body, "type": type_}) for type_, body in lines]
    for record in runs.records([*written, junk, "[" * 5000, "{"]):
        runs.read_mark(record)
        assert all(harmless(text) for text in texts(dict(record.fields)))
        state = replay(state, record)
        assert harmless(word(record).text)


@example([{"type": "call.answered", "early_media_seconds": 10**400}])
@example([{"type": runs.STARTED, "pid": 10**40}, {"type": runs.STARTED, "pid": -1}])
@given(
    st.lists(st.dictionaries(NAMES, JSON | TYPES | st.integers(-(10**40), 10**400), max_size=6), max_size=6)
)
def test_any_objects_in_an_event_file_stop_no_start(objects: list[dict[str, Any]]) -> None:
    begun = {"t": 0.0, "type": runs.STARTED, "pid": 2**31 - 1, "wall_zero": 1.8e9}
    dialed = {"t": 1.0, "type": "call.dialing", "call": "c1", "number": "1"}
    lines = [json.dumps({"t": 1.0, "call": "c1", **each}) for each in (begun, dialed, *objects)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        path.write_text("\n".join(lines) + "\n")
        archive = Archive(path.parent, path.parent, 9, Policy(domain="h"))
        archive.initial(1.8e9 + 100, 0.0, lambda event: None)
        watched = WatchedConsole(path.parent, path.parent, Policy(domain="h"), lambda: False)
        updates: list[Update] = []

        def publish(update: Update) -> None:
            updates.append(update)
            watched.stop()

        asyncio.run(watched.run(publish))
    for record in updates[0].records:
        word(record)
