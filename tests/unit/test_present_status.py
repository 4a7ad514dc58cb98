"""The top line and the totals in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.events import Origin, Refusal, RegState
from console.core.on_command import why_not_dial
from console.core.state import (
    Account,
    Agent,
    AgentPhase,
    CallPhase,
    Line,
    Policy,
    State,
    Totals,
)
from console.ui.present import line, status
from console.ui.present.words import Span, Tone
from tests.unit.present_states import NOW, READY, made, text, up, with_call


@pytest.mark.parametrize(
    ("state", "why", "press"),
    [
        (None, "the phone is starting", "wait"),
        (
            replace(READY, policy=Policy("x", not_ready="SIP_USER is not set.")),
            "SIP_USER is not set",
            "ctrl+q",
        ),
        (replace(READY, policy=Policy("x", has_agent=False)), "no AI agent is set", "ELEVENLABS_AGENT_ID"),
        (replace(READY, quitting=True), "quitting", "wait"),
        (replace(READY, line=Line(failed=True, reason="no baresip")), "no baresip", "ctrl+q"),
        (replace(READY, line=Line(up=True, taken_over=True)), "another program", "r takes it back"),
        (replace(READY, line=Line()), "the phone is starting", "wait"),
        (replace(READY, line=Line(reason="baresip died")), "baresip died", "tried again"),
        (replace(READY, line=Line(up=True)), "registering", "r registers again"),
        (replace(READY, line=Line(up=True, registration=RegState.REGISTERING)), "registering", "wait"),
        (replace(READY, line=Line(up=True, registration=RegState.OFF)), "not registered", "r registers"),
        (
            replace(
                READY, line=Line(up=True, registration=RegState.FAILED, reg_code=403, reg_reason="Forbidden")
            ),
            "not registered: 403 Forbidden",
            "r registers again",
        ),
        (replace(READY, line=Line(up=True, registration=RegState.FAILED)), "not registered: no answer", "r "),
        (replace(READY, line=replace(READY.line, silent=True)), "the phone does not answer", "wait"),
        (replace(READY, stopped="wrong key."), "dialing stopped: wrong key", "Allow dialing"),
    ],
)
def test_not_ready_says_why_and_what_to_press(state: State | None, why: str, press: str) -> None:
    able = status.readiness(state)
    assert not able.ready
    assert why in able.why
    assert press in able.press
    assert status.status(state).head[0].text == " NOT READY "
    if state is not None:
        assert why_not_dial(state, True, Origin.KEYS)


@pytest.mark.parametrize(
    "state", [READY, replace(READY, policy=Policy("x", register=False), line=Line(up=True))]
)
def test_ready_is_what_the_core_calls_ready(state: State) -> None:
    assert status.readiness(state).ready
    assert status.status(state).head[0].text == " READY "
    assert not why_not_dial(state, True, Origin.KEYS)


def test_an_ai_that_is_not_reached_is_said_and_dialing_is_left_to_the_operator() -> None:
    state = replace(READY, account=Account(trouble="el.example cannot be reached: it does not answer."))
    able = status.readiness(state)
    assert (able.ready, able.dials) == (False, True)
    assert able.why == "no AI: el.example cannot be reached: it does not answer"
    shown = status.status(state)
    assert (shown.head[0].text, shown.press) == (" NOT READY ", "call-console doctor tells more")
    assert "agent not reached" in [part.text for part in shown.parts]
    assert not why_not_dial(state, True, Origin.KEYS), "it is tried again while it rings"


def test_a_broken_engine_comes_before_everything() -> None:
    able = status.readiness(READY, "the engine broke")
    assert (able.ready, able.why, able.press) == (False, "the engine broke", "ctrl+q quits")


@pytest.mark.parametrize(
    ("of", "word"),
    [
        (Line(), "line down"),
        (Line(up=True, failed=True), "line failed"),
        (Line(up=True, taken_over=True), "line taken"),
        (Line(up=True), "line registering"),
        (Line(up=True, registration=RegState.OK), "line ok"),
        (Line(up=True, registration=RegState.OFF), "line not registered"),
        (Line(up=True, registration=RegState.FAILED, reg_code=403), "line 403"),
        (Line(up=True, registration=RegState.FAILED), "line failed"),
    ],
)
def test_the_line_in_a_word(of: Line, word: str) -> None:
    assert status.line_word(replace(READY, line=of)).text == word


def test_status_names_account_agent_ear_and_engine() -> None:
    state = replace(READY, ear=True, line=replace(READY.line, engine="baresip", version="4.9.0"))
    shown = text(status.status(state, account="3289@x", agent="Anna", demo=True).rows(200, 1)[0])
    for part in ("DEMO LINE", "line ok 3289@x", "agent Anna", "ear ON", "baresip 4.9.0"):
        assert part in shown
    assert [s.text for s in status.agent_words(replace(READY, stopped_by=Refusal.KEY), "Anna")] == [
        "agent refused"
    ]
    assert [s.text for s in status.agent_words(READY, "")] == ["agent set"]
    assert status.ear_word(replace(READY, ear_reason="no device")) == Span("ear off", Tone.WARN)


def test_totals() -> None:
    assert (
        line.totals(replace(READY, totals=Totals(1, 1, 0, 61.0)))
        == "TODAY 1 call  1 answered  0 missed  AI 1:01"
    )
    assert line.totals(None).startswith("TODAY")


def test_totals_count_what_goes_on_now() -> None:
    state = with_call(up(), totals=Totals(2, 2, 0, 61.0))
    assert line.totals(state, NOW).endswith("AI 1:42")
    closing = made(CallPhase.CLOSED, agent=Agent(AgentPhase.CLOSING, billed=9.0))
    assert line.totals(replace(state, calls=(closing, *state.calls)), NOW).endswith("AI 1:51")
