"""A key asks before it acts: only a second press by hand is an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events

from console.core.events import Dial, MayCall, NeverCall, Reject
from console.ui.keystrokes import Stroke
from tests.ui.conftest import OpenDesk
from tests.ui.scenes import ENDED, ID, NUMBER, SCENES

TYPED = "89123456789"


async def test_a_doubtful_number_needs_a_second_enter(desk: OpenDesk) -> None:
    async with desk("idle", number="+493012345678") as d:
        await d.press("enter")
        assert not d.sent(Dial)
        assert "foreign number (DE). Enter again dials" in d.word
        await d.press("enter", after=0.2)
        assert not d.sent(Dial)
        assert "changed just now" in d.word
        await d.press("enter")
        [dial] = d.sent(Dial)
        assert dial.confirmed


@pytest.mark.parametrize("key", ["escape", "9", "o", "backspace"])
async def test_any_other_key_takes_the_question_back(desk: OpenDesk, key: str) -> None:
    async with desk("idle", number="+493012345678") as d:
        await d.press("enter", key, "enter")
        assert not d.sent(Dial)


async def test_a_key_whose_meaning_changed_just_now_is_refused(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.show("incoming")
        d.clock -= 1.0  # back to the moment of the update
        await d.press("x", after=0.3)
        assert not d.sent(Reject)
        assert d.word == "x: what it does changed just now, press it again"
        await d.press("x", after=0.2)
        assert d.sent(Reject) == [Reject(ID)]


async def test_never_call_asks_once(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("!")
        assert d.word == "! again: hang up and never call +7 912 345-67-89 again. Esc: no."
        await d.press("!", after=0.2)
        assert not d.sent(NeverCall)
        await d.press("!")
        assert d.sent(NeverCall) == [NeverCall(NUMBER, ID)]


async def test_never_call_for_the_typed_number_and_the_last_call(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("!", "!")
        await d.press(*TYPED, "!", "!")
        assert d.sent(NeverCall) == [NeverCall(ENDED[0].number), NeverCall(NUMBER)]
        await d.press("backspace", "!")
        assert "type the whole number" in d.word


async def test_never_call_can_be_undone_and_says_how(desk: OpenDesk) -> None:
    async with desk(replace(SCENES["idle"], never_call=frozenset({NUMBER})), number=NUMBER) as d:
        assert "is on the never-call list" in " ".join(d.text("#number").split())
        assert d.word == "! takes this number off the never-call list   Delete clears it"
        await d.press("enter")
        assert not d.sent(Dial)
        await d.press("!")
        assert d.word == "! again: take +7 912 345-67-89 off the never-call list. Esc: no."
        await d.press("escape", "!", "!")
        assert d.sent(MayCall) == [MayCall(NUMBER)]
        assert d.word == "+7 912 345-67-89 may be called again"
        await d.show("idle")
        await d.press("!", "!")
        assert d.sent(NeverCall) == [NeverCall(NUMBER)]
        assert d.word == "+7 912 345-67-89 goes on the never-call list; ! takes it off again"


@pytest.mark.parametrize(("key", "number"), [("enter", "+493012345678"), ("!", TYPED)])
@pytest.mark.parametrize(("first", "rate"), [(0.2, 0.03), (0.5, 0.03), (0.66, 0.03), (0.5, 0.17)])
async def test_a_held_key_does_not_answer_its_own_question(
    desk: OpenDesk, key: str, number: str, first: float, rate: float
) -> None:
    async with desk("idle", number=number) as d:
        await d.press(key)
        asked = d.word
        assert "again" in asked
        stroke = events.Key(key, "\r" if key == "enter" else key)
        main = d.app._main
        for after in (first, *[rate] * 21):
            d.clock += after
            main._stroke(Stroke(stroke.key, stroke.character or "", 0.0))
            main._end_burst()
        assert main.operator.asked.question is not None
        await d.until(lambda: main.release_timer is None, "the moment in which an answer would count")
        await d.settle()
        assert not d.console.sent
        await d.press(key)
        assert len(d.console.sent) == 1


async def test_a_key_held_so_fast_that_it_is_one_burst_does_not_answer(desk: OpenDesk) -> None:
    async with desk("idle", number="+493012345678") as d:
        await d.press("enter")
        d.clock += 1.0
        await d.burst("\n\n\n\n")
        await d.until(lambda: d.app._main.release_timer is None, "the moment in which an answer would count")
        assert not d.sent(Dial)
        await d.press("enter")
        assert d.sent(Dial)[0].confirmed


async def test_a_number_put_by_a_click_is_not_what_was_asked_about(desk: OpenDesk) -> None:
    async with desk("idle", number="+493012345678") as d:
        await d.press("enter")
        await d.pilot.click("#recent", offset=(8, 1))
        await d.press("enter")
        assert [dial.text for dial in d.sent(Dial)] == [ENDED[1].number]
        assert not d.sent(Dial)[0].confirmed
