"""How a call went, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.events import CallId, ClosedBy
from console.core.state import (
    Agent,
    Call,
    CallPhase,
    Outcome,
    Review,
)
from console.language import LANGUAGES, speaking
from console.ui.present import call, line, result
from console.ui.widgets.lines import lay_out
from tests.unit.present_states import NOW, READY, made, text, up, with_call


@pytest.mark.parametrize(
    ("ended", "word", "sentence"),
    [
        (
            made(
                CallPhase.CLOSED,
                ended_at=55.0,
                outcome=Outcome.BUSY,
                code=486,
                reason="Busy Here",
                by=ClosedBy.REMOTE,
            ),
            "BUSY",
            "486 Busy Here after 6 s, AI never opened.",
        ),
        (
            made(
                CallPhase.CLOSED,
                ended_at=109.0,
                outcome=Outcome.NO_ANSWER,
                why="no answer within 60 s",
                by=ClosedBy.TIMEOUT,
            ),
            "NO ANSWER",
            "after 1:00, no answer within 60 s, AI never opened.",
        ),
        (
            made(
                CallPhase.CLOSED,
                ended_at=69.0,
                early_seconds=7.0,
                outcome=Outcome.REFUSED,
                code=480,
                reason="Gone",
            ),
            "REFUSED",
            "480 Gone after 20 s, network audio 7 s before, AI never opened.",
        ),
        (
            made(
                CallPhase.CLOSED,
                answered_at=58.0,
                ended_at=188.0,
                outcome=Outcome.FINISHED,
                by=ClosedBy.AGENT,
                agent=Agent(billed=129.0),
            ),
            "ENDED",
            "the AI hung up after 2:10, AI 2:09 billed.",
        ),
        (
            made(
                CallPhase.CLOSED,
                answered_at=58.0,
                ended_at=188.0,
                outcome=Outcome.FINISHED,
                by=ClosedBy.OPERATOR,
                wants_agent=False,
            ),
            "ENDED",
            "you hung up after 2:10, no AI wanted.",
        ),
        (
            made(CallPhase.CLOSED, ended_at=52.0, outcome=Outcome.CANCELLED, by=ClosedBy.OPERATOR),
            "CANCELLED",
            "after 3 s, AI never opened.",
        ),
        (
            made(CallPhase.CLOSED, ended_at=74.0, incoming=True, outcome=Outcome.MISSED),
            "MISSED",
            "after 25 s.",
        ),
    ],
)
def test_result_card(ended: Call, word: str, sentence: str) -> None:
    card = result.result_card(ended)
    assert card.word == word
    assert result.result(ended) == sentence


def test_the_result_card_tells_the_price_and_the_summary_once_known() -> None:
    talked = made(
        CallPhase.CLOSED, answered_at=58.0, ended_at=188.0, outcome=Outcome.FINISHED, by=ClosedBy.REMOTE
    )
    talked = replace(talked, agent=Agent(billed=130.0), review=Review(455, 0.12, "end_call", "They agreed."))
    card = result.result_card(talked)
    assert "AI 2:10 billed (455 credits, $0.12)." in result.result(talked)
    assert "They agreed." in "".join(span.text for span in card.rows[-1].left)


def test_a_lost_call_says_what_was_lost() -> None:
    lost = made(CallPhase.CLOSED, answered_at=58.0, ended_at=60.0, outcome=Outcome.LOST, by=ClosedBy.NETWORK)
    assert "ended by SIGKILL" in result.result(replace(lost, reason="baresip was ended by SIGKILL"))


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("answered", [None, 58.0])
def test_every_outcome_has_words(outcome: Outcome, answered: float | None) -> None:
    ended = made(CallPhase.CLOSED, answered_at=answered, ended_at=60.0, outcome=outcome, by=ClosedBy.NETWORK)
    assert result.result_card(ended).word.isupper() or result.result_card(ended).word.startswith("AI")
    assert result.result(ended).endswith(".")
    [recent] = line.recents(replace(READY, ended=(ended,)), 1_700_000_000.0)
    assert recent.number == "+79123456789"
    for language in LANGUAGES:
        with speaking(language):
            [recent] = line.recents(replace(READY, ended=(ended,)), 1_700_000_000.0, 29)
            assert recent.row.right[0].text
            assert len(recent.row.left[0].text) == len("12:34 "), "there is room for all of it"


@pytest.mark.parametrize("number", ["+79123456789", "+4930123456789", "anna@pbx.example.org"])
def test_a_recent_number_is_rather_without_its_time_than_cut(number: str) -> None:
    busy = made(CallPhase.CLOSED, number=number, ended_at=55.0, outcome=Outcome.BUSY)
    near = line.near(number)
    for width in (len(f"12:34 {near} busy"), len(f"12:34 {near} busy") - 1):
        [recent] = line.recents(replace(READY, ended=(busy,)), 1_700_000_000.0, width)
        shown = lay_out([recent.row], width, 1)[0].plain
        assert near in shown
        assert shown.endswith(" busy")
        assert (shown[2] == ":") == (width == len(f"12:34 {near} busy"))


def test_a_call_that_can_be_dialed_again_says_how() -> None:
    busy = made(CallPhase.CLOSED, ended_at=55.0, outcome=Outcome.BUSY)
    assert "Up, Enter redials." in text(result.result_card(busy).rows)
    assert "Up, Enter calls back." in text(result.result_card(replace(busy, incoming=True)).rows)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_result_ends_with_the_next_step(outcome: Outcome) -> None:
    ended = made(CallPhase.CLOSED, answered_at=58.0, ended_at=60.0, outcome=outcome)
    last = result.result_card(ended, replace(READY, ended=(ended,))).rows[-1]
    assert "Up, Enter redials" in text([last])


@pytest.mark.parametrize(
    ("ended", "changes", "step"),
    [
        ({}, {"answered_today": frozenset({"+79123456789"})}, "Up, Enter, Enter redials."),
        ({}, {"never_call": frozenset({"+79123456789"})}, "On the never-call list; ! takes it off again."),
        ({}, {"stopped": "no credits"}, "ctrl+p, Allow dialing; then Up, Enter redials."),
        ({"number": "anonymous", "incoming": True}, {}, "No number to call back."),
        ({}, {}, "CALL BACK: Up, Enter redials."),
    ],
)
def test_the_next_step(ended: dict[str, object], changes: dict[str, object], step: str) -> None:
    lost = Outcome.AGENT_LOST if step.startswith("CALL BACK") else Outcome.FINISHED
    over = made(CallPhase.CLOSED, answered_at=58.0, ended_at=60.0, outcome=lost, **ended)
    state = replace(READY, ended=(over,), **changes)  # type: ignore[arg-type]
    assert text([result.next_step(over, state)]) == step


def test_who_is_to_be_called_back_is_said_until_they_are_reached() -> None:
    lost = made(CallPhase.CLOSED, answered_at=58.0, ended_at=60.0, outcome=Outcome.AGENT_LOST)
    busy = made(CallPhase.CLOSED, id="c2", number="+79035551122", ended_at=70.0, outcome=Outcome.BUSY)
    state = replace(READY, ended=(busy, lost))
    assert text([result.next_step(busy, state)]) == "Up, Enter redials. To call back: 912 345-67-89."
    assert [r.row.right[0].text for r in line.recents(state, 0.0)] == ["busy", "CALL BACK"]
    assert "  1 TO CALL BACK  AI" in line.totals(state)
    reached = replace(lost, id=CallId("c3"), outcome=Outcome.FINISHED)
    state = replace(READY, ended=(reached, busy, lost))
    assert "call back" not in text([result.next_step(reached, state)])
    assert [r.row.right[0].text for r in line.recents(state, 0.0)] == ["0:02", "busy", "AI lost"]
    assert "CALL BACK" not in line.totals(state)


def test_the_callee_that_fell_silent_is_worded() -> None:
    ended = made(
        CallPhase.CLOSED,
        answered_at=58.0,
        ended_at=100.0,
        outcome=Outcome.AUDIO_FAILED,
        reason="rtp stream error",
        by=ClosedBy.TIMEOUT,
    )
    assert "after 0:42, nothing was heard from the callee any more, AI never opened." in result.result(ended)


def test_terminal_title() -> None:
    assert call.terminal_title(with_call(up()), NOW) == "ANSWERED 0:42 +7 912 345-67-89 - Call Console"
    assert call.terminal_title(READY, NOW) == "Call Console"
    assert call.terminal_title(READY, NOW, "broken") == "STOPPED - Call Console"
