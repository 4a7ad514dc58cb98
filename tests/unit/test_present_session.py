"""The AI session, the keys and the number in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.events import CallId, QueueState, Refusal
from console.core.state import (
    Agent,
    AgentPhase,
    Call,
    CallPhase,
    Policy,
    State,
)
from console.ports import Levels
from console.ui.present import agent
from console.ui.present.keys import incoming, keys, why_no_words
from console.ui.present.number import number_rows, record_rows
from tests.unit.present_states import ID, NOW, READY, made, text, up, with_call


@pytest.mark.parametrize(
    ("shown", "head", "foot"),
    [
        (made(CallPhase.RINGING), "OFF", ""),
        (made(CallPhase.RINGING, wants_agent=False), "OFF", "this call has no AI"),
        (made(CallPhase.INCOMING), "OFF", "opens when you answer"),
        (
            made(CallPhase.RINGING, agent=Agent(AgentPhase.WARM)),
            "PREPARING    not billed",
            "opens at the answer, not before",
        ),
        (
            made(CallPhase.RINGING, agent=Agent(AgentPhase.WARM, ready=True)),
            "PREPARED    not billed",
            "opens at the answer",
        ),
        (
            made(CallPhase.RINGING, agent=Agent(AgentPhase.WARM, trouble="timeout")),
            "PREPARING",
            "trying again: timeout",
        ),
        (up(agent=Agent(AgentPhase.OPENING)), "OPENING    0:00 billed", ""),
        (up(agent=Agent(AgentPhase.OPENING, queue=QueueState.WAITING)), "QUEUED", "not billed"),
        (up(), "LIVE    0:41 billed first word 0.3 s", ""),
        (up(agent=Agent(AgentPhase.LIVE, drops=1)), "LIVE", "dropped once"),
        (up(silent_until=111.2), "LIVE", "SILENCED by you for 12 s more; s lets it speak again"),
        (up(goodbye_by=107.5), "LIVE", "saying goodbye, ends within 8 s"),
        (up(agent=Agent(AgentPhase.FINISHING, billed=40.0)), "FINISHING    0:40 billed", "goodbye"),
        (up(agent=Agent(AgentPhase.CLOSING, billed=40.0)), "CLOSING    0:40 billed", ""),
        (up(agent=Agent(AgentPhase.OFF, trouble="dropped twice")), "FAILED", "dropped twice"),
        (up(agent=Agent(AgentPhase.OFF, billed=40.0)), "OFF    0:40 billed", ""),
        (
            up(agent=Agent(refusal=Refusal.CREDITS, trouble="quota.")),
            "REFUSED",
            "quota. Top up at elevenlabs.io",
        ),
    ],
)
def test_the_session_in_words(shown: Call, head: str, foot: str) -> None:
    top, bottom = agent.card_rows(with_call(shown), NOW)
    assert head in text([top])
    assert foot in text([bottom])


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_says_what_to_do_and_stays_after_the_call(refusal: Refusal) -> None:
    ended = made(CallPhase.CLOSED, agent=Agent(refusal=refusal))
    top, bottom = agent.card_rows(replace(READY, ended=(ended,)), NOW)
    assert "REFUSED" in text([top])
    assert text([bottom]) == agent.remedy(refusal)


def test_no_call_no_session() -> None:
    assert "OFF" in text([agent.card_rows(None, NOW)[0]])


@pytest.mark.parametrize(
    ("shown", "levels", "callee", "ai"),
    [
        (up(), Levels(callee_speaking=True, callee_since=99.0, agent_since=95.0), "speaking", "listening"),
        (up(), Levels(callee_since=98.2, agent_since=95.0), "silent 1.8 s", "thinking 1.8 s"),
        (up(), Levels(agent_speaking=True, callee_since=98.0, agent_since=99.0), "silent 2.0 s", "speaking"),
        (up(), Levels(callee_since=90.0, agent_since=98.8), "silent 10 s", "listening 1.2 s"),
        (up(), Levels(), "silent", "listening"),
        (up(rtp_seen=False), Levels(), "no sound yet", "listening"),
        (up(held=True), Levels(), "on hold", "listening"),
        (up(silent_until=110.0), Levels(agent_speaking=True), "silent", "silenced"),
        (up(resumed_at=99.0), Levels(callee_since=88.0, agent_since=80.0), "silent 12 s", "thinking 1.0 s"),
        (up(resumed_at=80.0), Levels(callee_since=98.0, agent_since=90.0), "silent 2.0 s", "thinking 2.0 s"),
        (made(CallPhase.EARLY), Levels(callee_speaking=True), "network audio", "not open"),
        (up(agent=Agent(AgentPhase.OPENING)), Levels(), "silent", "not open"),
        (up(agent=Agent(AgentPhase.FINISHING)), Levels(agent_speaking=True), "silent", "last words"),
        (up(agent=Agent(AgentPhase.FINISHING)), Levels(), "silent", "done"),
    ],
)
def test_who_speaks(shown: Call, levels: Levels, callee: str, ai: str) -> None:
    assert agent.callee_doing(shown, levels, NOW) == callee
    assert agent.agent_doing(shown, levels, NOW) == ai


def enabled(state: State | None, number: str = "", now: float = NOW) -> str:
    return "".join(key.key[0] for key in keys(state, now, number) if key.enabled)


def test_which_keys_make_sense() -> None:
    assert enabled(None) == ""
    assert enabled(READY) == "or"
    assert enabled(READY, "8912") == "Eor!"
    assert enabled(with_call(made(CallPhase.RINGING)), "8912") == "ho!"
    assert enabled(with_call(made(CallPhase.EARLY)), "8912") == "hdo!"
    assert enabled(with_call(up())) == "hwsgdko!"
    assert enabled(with_call(up(agent=Agent(AgentPhase.OPENING)))) == "hdko!"
    assert enabled(with_call(up(goodbye_by=105.0))) == "hwsdko!"
    assert enabled(replace(READY, calls=(made(CallPhase.RINGING), up(id="c2")))) == "hwsgdkot!"
    calling = with_call(made(CallPhase.INCOMING), policy=Policy("x", incoming_agent=True))
    assert enabled(calling, "8912") == "hoax!"
    assert enabled(replace(calling, policy=Policy("x")), "8912") == "hox!"
    assert enabled(replace(READY, policy=Policy("x", register=False))) == "o"
    assert (
        enabled(replace(READY, line=replace(READY.line, taken_over=True), policy=Policy("x", register=False)))
        == "or"
    )


def test_a_refused_key_always_says_why_and_places_never_change() -> None:
    order = [key.key for key in keys(READY, NOW, "")]
    for state in (None, READY, with_call(up()), with_call(made(CallPhase.INCOMING))):
        shown = keys(state, NOW, "")
        assert [key.key for key in shown] == order
        assert all(key.why for key in shown if not key.enabled)


def test_a_call_that_is_over_does_not_hold_keys_back() -> None:
    over = made(CallPhase.CLOSED, ended_at=60.0)
    assert enabled(with_call(over), "8912") == "Eor!"
    assert enabled(with_call(over), "8912", now=60.9) == "or!"


def test_meanings_change_with_the_call() -> None:
    first, second = (keys(with_call(up(id=i)), NOW, "") for i in ("c1", "c2"))
    changed = {a.key for a, b in zip(first, second, strict=True) if a.meaning != b.meaning}
    assert changed == {"h", "k", "s", "g"}


def test_the_incoming_call_that_keys_act_on_is_the_oldest() -> None:
    state = replace(READY, calls=(up(), made(CallPhase.INCOMING, id="i1"), made(CallPhase.INCOMING, id="i2")))
    shown = incoming(state)
    assert shown is not None
    assert shown.id == "i1"


def test_the_incoming_call_on_screen_is_the_one_meant() -> None:
    state = replace(READY, calls=(made(CallPhase.INCOMING, id="i1"), made(CallPhase.INCOMING, id="i2")))
    shown = incoming(state, CallId("i2"))
    assert shown is not None
    assert shown.id == "i2"
    assert {k.meaning for k in keys(state, NOW, "", chosen=CallId("i2"))} >= {"reject i2", "hang up i2"}


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (None, "no call"),
        (made(CallPhase.CLOSED), "no call"),
        (up(wants_agent=False, agent=Agent()), "this call has no AI"),
        (made(CallPhase.CLOSING, agent=Agent(AgentPhase.CLOSING)), "the call is ending"),
        (
            made(CallPhase.RINGING, agent=Agent(AgentPhase.WARM)),
            "the AI is not on the line before the answer",
        ),
        (up(agent=Agent(AgentPhase.OPENING)), "the AI is not LIVE yet"),
        (up(agent=Agent(AgentPhase.FINISHING)), "the AI has left the line"),
        (up(), ""),
    ],
)
def test_why_the_ai_can_be_told_nothing(shown: Call | None, why: str) -> None:
    assert why_no_words(shown) == why


def test_number_rows() -> None:
    from console.core.numbers import judge

    enter = keys(READY, NOW, "8")[0]

    def shown(typed: str) -> str:
        return text(number_rows(typed, judge(typed, "RU", "x.ru"), enter))

    assert "type a number, or Up" in shown("")
    assert "1 digit missing" in shown("8912345678")
    assert "+7 912 345-67-89 mobile RU" in shown("89123456789")
    assert "Enter dials" in shown("89123456789")
    assert "Enter, Enter dials" in shown("+493012345678")
    assert "emergency" in shown("112")
    busy = keys(with_call(up()), NOW, "8")[0]
    assert "a call is up" in text(number_rows("89123456789", judge("89123456789", "RU", "x.ru"), busy))


def test_record_rows() -> None:
    from console.core.effects import Record

    rows = record_rows(
        Record(61.5, "call.closed", ID, {"code": 486, "reason": "Busy", "why": ""}), "12:03:49"
    )
    assert text(rows).split("\n") == [
        "time   12:03:49  (t 61.500 s)",
        "type   call.closed",
        "call   c1",
        "code   486",
        "reason   Busy",
    ]
    assert "Up and Down" in text(record_rows(None, ""))
