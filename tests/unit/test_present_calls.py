"""Times, numbers and calls in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.events import CallId
from console.core.journal import duration
from console.core.state import (
    Agent,
    AgentPhase,
    Call,
    CallPhase,
    Outcome,
)
from console.ports import Levels
from console.ui.present import call, line, words
from tests.unit.present_states import NOW, READY, made, text, up, with_call


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0:00"),
        (0, "0:00"),
        (59.99, "0:59"),
        (59.9999999, "1:00"),
        (60, "1:00"),
        (3599, "59:59"),
        (3661, "1:01:01"),
    ],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(60.0, "1:00"), (59.1, "1:00"), (0.1, "0:01"), (0.0, "0:00"), (-5, "0:00")]
)
def test_a_countdown_reaches_zero_only_at_the_end(seconds: float, shown: str) -> None:
    assert words.left_over(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.31, "0.3 s"), (9.94, "9.9 s"), (9.96, "10 s"), (61, "61 s"), (-1, "0.0 s")]
)
def test_short(seconds: float, shown: str) -> None:
    assert words.short(seconds) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, "0 s"), (8.6, "9 s"), (59.4, "59 s"), (65, "1:05")])
def test_whole(seconds: float, shown: str) -> None:
    assert words.whole(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+79123456789", "+7 912 345-67-89"),
        ("+493012345678", "+49 30 12345678"),
        ("anna@example.org", "anna@example.org"),
        ("+", "+"),
        ("+9999999999999", "+9999999999999"),
    ],
)
def test_numbers_in_groups(number: str, shown: str) -> None:
    assert line.spaced(number) == shown


def test_near_numbers_lose_the_country_code_only_at_home() -> None:
    assert line.near("+79123456789") == "912 345-67-89"
    assert line.near("+79123456789", "DE") == "+7 912 345-67-89"
    assert line.near("+493012345678") == "+49 30 12345678"


def test_the_call_on_screen_is_the_chosen_one_while_it_lasts() -> None:
    first, second = up(id="c1"), up(id="c2")
    state = replace(READY, calls=(first, second))
    assert line.live(state) == second
    assert line.live(state, CallId("c1")) == first
    assert line.live(replace(state, calls=(second,)), CallId("c1")) == second
    over = replace(state, calls=(replace(first, phase=CallPhase.CLOSED), second))
    assert line.live(over, CallId("c1")) == second
    assert "c1" not in str(line.lives(over)[0].id)


def test_other_calls_are_counted_in_the_heading() -> None:
    three = replace(READY, calls=(up(id="c1"), up(id="c2"), up(id="c3")))
    assert line.call_heading(three, three.calls[1]) == ("Call 2 of 3", "+2 other calls", "tab: next")
    rings = replace(READY, calls=(up(id="c1"), made(CallPhase.INCOMING, id="i")))
    assert line.call_heading(rings, rings.calls[0])[1] == "+1 other call INCOMING"
    assert line.call_heading(with_call(up()), up()) == ("Call",)
    assert line.call_heading(READY, None) == ("Call",)


@pytest.mark.parametrize(
    ("shown", "word", "parts"),
    [
        (made(CallPhase.DIALING), "DIALING", ["no answer from the network yet", "gives up in 0:09"]),
        (made(CallPhase.RINGING), "RINGING", ["phone rings", "gives up in 0:09"]),
        (made(CallPhase.RINGING, early_seconds=3.0), "RINGING", ["network audio 3 s so far, AI not opened"]),
        (made(CallPhase.EARLY, early_since=96.0), "NETWORK AUDIO", ["not answered: 4 s of", "AI not opened"]),
        (
            made(CallPhase.INCOMING, incoming=True, ours=False),
            "INCOMING",
            ["a answers with the AI, x rejects", "0:09 left"],
        ),
        (up(), "ANSWERED", ["answered after 9 s", "person or machine unknown", "ends in 9:18, k +5"]),
        (up(early_seconds=4.0), "ANSWERED", ["after 9 s; network audio 4 s before it, AI not opened"]),
        (up(incoming=True), "ANSWERED", ["you answered after 9 s"]),
        (up(held=True), "ANSWERED, ON HOLD", []),
        (up(ours=False), "ANSWERED", ["of another program on this phone: only shown"]),
        (up(unconfirmed=True), "IN DOUBT", ["whether the call still stands is being checked"]),
        (made(CallPhase.CLOSING), "HANGING UP", ["waiting for the network"]),
        (made(CallPhase.CLOSING, why="no answer within 60 s"), "HANGING UP", ["no answer within 60 s"]),
    ],
)
def test_a_call_in_words(shown: Call, word: str, parts: list[str]) -> None:
    card = call.card(with_call(shown), NOW)
    assert card.word == word
    for part in parts:
        assert part in text(card.rows)


def test_early_media_is_never_called_saved() -> None:
    assert "saved" not in text(call.card(with_call(up(early_seconds=4.0)), NOW).rows)


def test_the_timer_counts_from_the_start_and_then_from_the_answer() -> None:
    assert call.timer(made(CallPhase.RINGING), NOW) == "0:51"
    assert call.timer(up(), NOW) == "0:42"


def test_details() -> None:
    card = call.card(
        replace(with_call(up(sip_call_id="abc")), calls=(up(id="c0"), up(id="c2"), up(sip_call_id="abc"))),
        NOW,
        details=True,
    )
    assert "sip:79123456789@sip.exolve.ru abc" in text(card.rows)


def test_no_call_and_a_call_that_is_over_but_still_closing_its_session() -> None:
    assert call.card(None, NOW).word == "NO CALL"
    over = made(CallPhase.CLOSED, ended_at=60.0, outcome=Outcome.BUSY, code=486)
    assert call.card(with_call(over), NOW).word == "BUSY"


@pytest.mark.parametrize(
    ("shown", "levels", "part"),
    [
        (up(rtp_seen=False, answered_at=97.9), None, "No sound from the callee for 2 s (no RTP)."),
        (up(rtp_seen=False, answered_at=97.0, rtp_by=102.0), None, "the call ends in 2 s."),
        (up(), Levels(callee_since=94.0, agent_since=90.0), "The AI has not answered for 6 s"),
        (up(resumed_at=94.0), Levels(callee_since=80.0), "The AI has not answered for 6 s"),
        (up(audio="the device is gone"), None, "Audio: the device is gone"),
        (up(redirected_to="sip:other@x"), None, "now talking to sip:other@x"),
    ],
)
def test_alarms(shown: Call, levels: Levels | None, part: str) -> None:
    assert part in "\n".join(call.alarms(shown, levels, NOW))
    assert part in text(call.card(with_call(shown), NOW, levels).rows)


@pytest.mark.parametrize(
    ("shown", "levels"),
    [
        (up(), None),
        (up(rtp_seen=False, answered_at=98.5), None),
        (up(rtp_seen=False, held=True), None),
        (up(), Levels(callee_since=94.1, agent_since=90.0)),
        (up(), Levels(callee_since=90.0, agent_since=91.0)),
        (up(), Levels(callee_since=90.0, callee_speaking=True)),
        (up(), Levels(callee_since=90.0, agent_since=80.0, agent_speaking=True)),
        (up(agent=Agent(AgentPhase.OPENING)), Levels(callee_since=90.0)),
        (up(silent_until=110.0), Levels(callee_since=90.0, agent_since=80.0)),
        (up(resumed_at=95.0), Levels(callee_since=80.0)),
        (made(CallPhase.EARLY), Levels(callee_since=90.0)),
    ],
)
def test_no_alarm_when_all_is_well(shown: Call, levels: Levels | None) -> None:
    assert call.alarms(shown, levels, NOW) == ()
