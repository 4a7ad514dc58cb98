"""The words of the event log: every record has some, none of them breaks on odd text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import console
from console.core import journal
from console.core.effects import Record
from console.core.events import CallId

C = CallId("c1")
SOURCES = {"phone", "line", "AI", "them", "you", "audio", "console"}


@pytest.mark.parametrize(
    ("type_", "fields", "text"),
    [
        (
            "registration",
            {"state": "failed", "code": 403, "reason": "Forbidden"},
            "registration FAILED: 403 Forbidden",
        ),
        ("registration", {"state": "failed", "code": None, "reason": ""}, "registration FAILED: no answer"),
        ("call.dialing", {"number": "+7912"}, "dialing +7912"),
        ("call.ringing", {"limit_seconds": 60.0}, "ringing (gives up after 60 s)"),
        ("call.early_media", {}, "network audio before the answer; AI not opened"),
        ("call.answered", {"after_seconds": 9.2}, "ANSWERED after 9 s"),
        (
            "call.closed",
            {"by": "remote", "code": 486, "reason": "Busy Here", "seconds": 0.0, "why": ""},
            "call ended by the other side: 486 Busy Here",
        ),
        (
            "call.closed",
            {
                "by": "timeout",
                "code": None,
                "reason": "Rejected by user",
                "seconds": 0.0,
                "why": "no answer within 60 s",
            },
            "call ended by a time limit: no answer within 60 s",
        ),
        (
            "call.closed",
            {"by": "operator", "code": None, "reason": "x", "seconds": 3723.4, "why": ""},
            "call ended by you after 1:02:03",
        ),
        (
            "call.closed",
            {"by": "timeout", "code": None, "reason": "rtp stream error", "seconds": 42.4, "why": ""},
            "call ended by a time limit after 0:42: nothing was heard from the callee any more",
        ),
        (
            "call.closed",
            {"by": "timeout", "code": None, "reason": "RTP stream error", "seconds": 0.0, "why": ""},
            "call ended by a time limit: nothing was heard from the callee any more",
        ),
        ("agent.live", {"after_answer_ms": 31, "conversation_id": "conv_7"}, "live after 31 ms, conv_7"),
        ("agent.transcript", {"role": "user", "text": "Hello {name}", "corrected": False}, "< Hello {name}"),
        ("agent.transcript", {"role": "agent", "text": "Hi", "corrected": True}, "> (heard only) Hi"),
        (
            "agent.transcript",
            {"role": "agent", "text": "Hi", "corrected": True, "silenced": True},
            "> (silenced) Hi",
        ),
        ("agent.error", {"text": "1002 llm_timeout"}, "ElevenLabs reports an error: 1002 llm_timeout"),
        ("agent.interrupted", {"dropped_ms": 1340}, "interrupted; 1.3 s were not played"),
        (
            "agent.closed",
            {"by": "refused", "code": 3000, "reason": "no credits", "seconds": 0.0},
            "session closed by ElevenLabs (refused) after 0:00: 3000 no credits",
        ),
        (
            "agent.closed",
            {"by": "call", "code": 1000, "reason": "", "seconds": 42.0},
            "session closed by the end of the call after 0:42",
        ),
        ("audio.glitch", {"direction": "in", "ms": 20}, "20 ms lost from the callee"),
        ("ear", {"on": False, "reason": "No such device."}, "ear off. No such device."),
        ("refused", {"why": "No line.", "origin": "keys"}, "not done: No line."),
        ("refused", {"why": "No line.", "origin": "api"}, "not done for the API: No line."),
        (
            "call.closed",
            {"by": "operator", "reason": "x", "seconds": 5.0, "why": "", "origin": "api"},
            "call ended by the API after 0:05",
        ),
        ("agent.transcript", {"role": "operator", "text": "Hi", "origin": "keys"}, "* Hi"),
        ("agent.transcript", {"role": "operator", "text": "Hi", "origin": "api"}, "* Hi (by the API)"),
        ("agent.silenced", {"on": False, "origin": "api"}, "AI may speak again, by the API"),
        ("ignored", {"source": "agent", "why": "a ping"}, "ignored from agent: a ping"),
        ("ignored", {"source": "baresip", "why": "no"}, "ignored from baresip: no"),
        ("ignored", {"source": "files", "why": "x is full"}, "TROUBLE with files: x is full"),
        ("call.incoming", {"peer": "sip:8@h", "name": "Anna", "number": "+7"}, "INCOMING call from Anna +7"),
        ("call.incoming", {"peer": "sip:8@h", "name": ""}, "INCOMING call from sip:8@h"),
        ("call.missed", {"peer": "sip:8@h", "number": "+7", "why": "busy"}, "missed a call from +7: busy"),
        ("call.found", {"peer": "sip:8@h", "number": "+7"}, "found a call with +7 on the phone"),
        ("something.new", {"a": 1}, "something.new a=1"),
    ],
)
def test_words(type_: str, fields: dict[str, object], text: str) -> None:
    line = journal.word(Record(1.0, type_, C, fields))  # type: ignore[arg-type]
    assert line.text == text
    assert line.source in SOURCES


def test_every_record_that_the_core_makes_has_words() -> None:
    core = Path(console.__file__).parent / "core"
    made = {
        match
        for path in core.glob("*.py")
        for match in re.findall(r'd\.record\(\s*"([a-z_.]+)"|self\.record\(\s*"([a-z_.]+)"', path.read_text())
        for match in match
        if match
    }
    assert len(made) > 20
    for type_ in made:
        assert any(key == type_ or key.startswith(f"{type_}.") for key in journal.TEMPLATES), type_


def test_durations() -> None:
    assert [journal.duration(s) for s in (0, 5.9, 65, 3600)] == ["0:00", "0:05", "1:05", "1:00:00"]
