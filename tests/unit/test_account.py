"""Credits and the price of calls, on the pure core."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.effects import Amend, PhoneDial, Record
from console.core.events import (
    AccountRead,
    AllowDialing,
    CallId,
    CallReviewed,
    Dial,
    Event,
    LineUp,
    Refusal,
    RegistrationChanged,
    RegState,
)
from console.core.journal import word
from console.core.state import Call, CallPhase, Policy, State
from console.core.step import step

C = CallId("c1")
DIAL = Dial(C, "89123456789")


def take(state: State, *events: Event) -> tuple[State, list[object]]:
    done: list[object] = []
    for event in events:
        state, effects = step(state, event, 1.0)
        done += effects
    return state, done


@pytest.fixture
def ready() -> State:
    state = State(Policy(domain="sip.example.org"))
    return take(state, LineUp("baresip", "4.9.0", True), RegistrationChanged(RegState.OK))[0]


def dialed(effects: list[object]) -> bool:
    return any(isinstance(e, PhoneDial) for e in effects)


def test_known_zero_credits_stop_dialing_and_asking_overrides(ready: State) -> None:
    state, effects = take(ready, AccountRead("Anna", 0, empty=True), DIAL)
    assert not dialed(effects)
    assert "credits" in state.stopped
    state, effects = take(state, AllowDialing(), AccountRead("Anna", 0, empty=True), DIAL)
    assert dialed(effects), "the same zero is not asked about twice"


@pytest.mark.parametrize(
    "read", [AccountRead("Anna", None), AccountRead("Anna", 0, empty=False), AccountRead()]
)
def test_unknown_or_extendable_credits_never_stop(ready: State, read: AccountRead) -> None:
    assert dialed(take(ready, read, DIAL)[1])


def test_credits_that_are_back_let_dialing_go_on(ready: State) -> None:
    state, _ = take(ready, AccountRead("Anna", 0, empty=True))
    assert dialed(take(state, AccountRead("Anna", 5000), DIAL)[1])


def test_credits_of_the_account_do_not_undo_a_refusal_for_want_of_others(ready: State) -> None:
    state = replace(ready, stopped="no credits are left", stopped_by=Refusal.CREDITS)
    assert not dialed(take(state, AccountRead("Anna", 5000), DIAL)[1])


def test_the_same_account_is_told_once(ready: State) -> None:
    state, first = take(ready, AccountRead("Anna", 41_200))
    assert [e.type for e in first if isinstance(e, Record)] == ["account"]
    assert take(state, AccountRead("Anna", 41_200))[1] == []
    assert take(state, AccountRead("Anna", 41_200, resets_at=5.0))[1] == [], "another date alone is no news"


def test_an_account_that_cannot_be_read_is_said_once_and_what_was_known_stays(ready: State) -> None:
    state, _ = take(ready, AccountRead("Anna", 41_200))
    state, first = take(state, AccountRead(trouble="nobody there."))
    assert [(e.type, e.fields) for e in first if isinstance(e, Record)] == [
        ("account.trouble", {"trouble": "nobody there."})
    ]
    assert take(state, AccountRead(trouble="nobody there."))[1] == []
    assert (state.account.agent, state.account.credits) == ("Anna", 41_200)
    state, back = take(state, AccountRead("Anna", 41_200))
    assert [e.type for e in back if isinstance(e, Record)] == ["account"]
    assert state.account.trouble == ""


def test_what_a_call_of_the_demo_line_costs_is_said_to_be_nothing(ready: State) -> None:
    ended = Call(C, "+79750000001", "sip:x@y", None, CallPhase.CLOSED, 0.0)
    demo = replace(ready, ended=(ended,), policy=replace(ready.policy, demo=True))
    _, effects = take(demo, CallReviewed(C, "conv_1", 455, 0.12))
    (record,) = [e for e in effects if isinstance(e, Record)]
    assert word(record).text == "demo: nothing is billed (a real call: 455 credits, $0.12)"


def test_the_price_joins_the_call(ready: State) -> None:
    ended = Call(C, "+79123456789", "sip:x@y", None, CallPhase.CLOSED, 0.0)
    state = replace(ready, ended=(ended,))
    state, effects = take(state, CallReviewed(C, "conv_1", 455, 0.12, "end_call tool", "They agreed."))
    (amend,) = [e for e in effects if isinstance(e, Amend)]
    assert amend.call == state.ended[0]
    assert state.ended[0].review is not None
    assert (state.ended[0].review.credits, state.ended[0].review.usd) == (455, 0.12)
    assert take(state, CallReviewed(CallId("other"), "conv_2"))[1] == []
