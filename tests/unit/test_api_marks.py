"""A call of the API on the operator's screen: marked as such, and the operator can hang it up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.events import CallId, ClosedBy, Event, HangUp, LineUp, Origin
from console.core.state import Call, CallPhase, Outcome, Policy, State
from console.core.step import step
from console.ui.operator import Operator
from console.ui.present.call import card

CALL = Call(
    CallId("c1"),
    "+79123456789",
    "sip:79123456789@h",
    Origin.API,
    CallPhase.UP,
    0.0,
    answered_at=5.0,
    rtp_seen=True,
)
STATE, _ = step(State(Policy(domain="h", register=False)), LineUp("baresip", "4.9", True), 0.0)
MARK = "asked for by the API"


def shown(state: State) -> str:
    return " ".join(span.text for row in card(state, 20.0).all_rows() for span in (*row.left, *row.right))


@pytest.mark.parametrize("phase", [p for p in CallPhase if p is not CallPhase.CLOSED])
def test_a_call_of_the_api_is_marked_as_such(phase: CallPhase) -> None:
    call = replace(CALL, phase=phase)
    assert MARK in shown(replace(STATE, calls=(call,)))
    assert MARK not in shown(replace(STATE, calls=(replace(call, origin=Origin.KEYS),)))


@pytest.mark.parametrize(("origin", "words"), [(Origin.API, "the API hung up"), (Origin.KEYS, "you hung up")])
def test_who_hung_up_is_told(origin: Origin, words: str) -> None:
    over = replace(CALL, phase=CallPhase.CLOSED, ended_at=9.0, outcome=Outcome.FINISHED)
    over = replace(over, by=ClosedBy.OPERATOR, asked_from=origin)
    assert words in shown(replace(STATE, ended=(over,)))


def test_the_operator_hangs_it_up_like_any_other() -> None:
    sent: list[Event] = []
    operator = Operator(sent.append)
    operator.see(replace(STATE, calls=(CALL,)), 20.0, 20.0)
    operator.hang_up(operator.shown_call(), 21.0)
    assert sent == [HangUp(CALL.id, Origin.KEYS)]
