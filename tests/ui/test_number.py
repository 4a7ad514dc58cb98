"""The number is typed, pasted, recalled and dialed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events

from console.core.effects import Record
from console.core.events import Dial, HangUp
from console.core.state import Account, CallPhase
from tests.ui.conftest import OpenDesk
from tests.ui.scenes import ENDED, ID, READY, SCENES, UP

TYPED = "89123456789"


async def test_digits_edit_the_number_and_enter_dials_it(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press(*"8912345678")
        assert "1 digit missing" in d.text("#number")
        await d.press("9")
        assert "+7 912 345-67-89 mobile RU" in d.text("#number")
        await d.press("enter")
        [dial] = d.sent(Dial)
        assert (dial.text, dial.as_uri, dial.confirmed) == (TYPED, False, False)
        assert TYPED not in d.text("#number")


async def test_plus_star_hash_and_backspace(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("+", "4", "*", "#")
        assert d.text("#number").startswith("+4*#")
        await d.press("backspace", "backspace")
        assert d.text("#number").startswith("+4▏")
        await d.press("delete")
        assert "type a number" in d.text("#number")


async def test_an_incomplete_number_is_not_dialed_and_stays(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press(*"8912", "enter")
        assert not d.sent(Dial)
        assert d.word == "Enter: 7 digits missing"
        assert d.text("#number").startswith("8912")


async def test_an_emergency_number_is_refused_with_the_reason(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press(*"112", "enter")
        assert not d.sent(Dial)
        assert "emergency" in d.word


async def test_double_enter_dials_once(desk: OpenDesk) -> None:
    async with desk("idle", number=TYPED) as d:
        await d.press("enter")
        await d.press("enter", after=0.05)
        await d.press("enter")
        assert len(d.sent(Dial)) == 1
        assert "type a number" in d.word or "dialed already" in d.word


async def test_enter_does_nothing_for_a_second_after_a_call(desk: OpenDesk) -> None:
    async with desk("talking", number=TYPED) as d:
        ended = replace(UP, phase=CallPhase.CLOSED, ended_at=d.console.time - 0.5, outcome=ENDED[1].outcome)
        await d.show(replace(READY, ended=(ended, *ENDED)))
        await d.press("enter")
        assert not d.sent(Dial)
        assert "a call ended just now" in d.word
        d.console.time += 0.6
        await d.press("enter")
        assert len(d.sent(Dial)) == 1


async def test_enter_during_a_call_says_so(desk: OpenDesk) -> None:
    async with desk("talking", number=TYPED) as d:
        await d.press("enter")
        assert not d.sent(Dial)
        assert d.word == "Enter: a call is up: h hangs up first"
        assert d.text("#number").startswith(TYPED)


async def test_enter_while_not_ready_keeps_the_number_and_says_why(desk: OpenDesk) -> None:
    async with desk("not-ready", number=TYPED) as d:
        await d.press("enter")
        assert not d.sent(Dial)
        assert d.word == "Enter: not ready: not registered: 403 Forbidden; the number stays"
        assert d.text("#number").startswith(TYPED)


async def test_a_dial_that_the_engine_refuses_gives_the_number_back(desk: OpenDesk) -> None:
    async with desk("idle", number=TYPED) as d:
        await d.press("enter")
        [dial] = d.sent(Dial)
        await d.show("idle", Record(101.0, "refused", dial.call, {"what": "dial", "why": "No line."}))
        assert d.text("#number").startswith(TYPED)
        assert d.word == "No line."


async def test_a_pasted_number_only_fills_the_field(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        d.app.post_message(events.Paste(" +7 (912) 345-67-89\nh\n"))
        await d.until(lambda: "+7 (912)" in d.text("#number"), "the paste")
        assert d.console.sent == []


async def test_a_key_pressed_just_before_a_paste_acts_before_it(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("4")
        d.app.post_message(events.Key("backspace", None))
        d.app.post_message(events.Paste("89123456789"))
        await d.settle()
        await d.until(lambda: d.text("#number").startswith("89123456789"), "the paste, whole and alone")


@pytest.mark.parametrize("pasted", ["89123456789\n", "h89123456789", "hxak\n", "8912345 67 89\nho"])
async def test_a_burst_of_keys_is_a_paste(desk: OpenDesk, pasted: str) -> None:
    async with desk("talking") as d:
        await d.burst(pasted)
        assert d.console.sent == []
        assert d.text("#number").startswith(" ".join(pasted.split())[:12])


@pytest.mark.parametrize(
    ("scene", "pasted", "word"),
    [
        ("idle", "89123456789\n", "pasted, not dialed yet: Enter dials"),
        ("idle", "+493012345678\n", "pasted, not dialed yet: Enter, Enter dials"),
        ("idle", "8912", "pasted: type the rest, or Delete clears it"),
        ("idle", "call me", "pasted; Delete clears it"),
        ("talking", "89123456789\n", "pasted; Enter: a call is up: h hangs up first"),
    ],
)
async def test_a_paste_says_what_to_do_next(desk: OpenDesk, scene: str, pasted: str, word: str) -> None:
    async with desk(scene) as d:
        await d.burst(pasted)
        assert d.console.sent == []
        assert d.word == word


async def test_enter_says_beforehand_that_there_is_no_ai(desk: OpenDesk) -> None:
    trouble = Account(trouble="el.example cannot be reached: it does not answer.")
    async with desk(replace(SCENES["idle"], account=trouble), number=TYPED) as d:
        assert "Enter: dials, but no AI now" in " ".join(d.text("#number").split())
        await d.press("enter")
        assert len(d.sent(Dial)) == 1


async def test_junk_in_the_field_says_how_to_clear_it(desk: OpenDesk) -> None:
    async with desk("idle", number="call me") as d:
        assert d.word == "Delete clears the number"
        await d.press("delete")
        assert d.text("#number").startswith("▏")
        assert "? help" in d.word


async def test_backspaces_that_arrive_together_all_count(desk: OpenDesk) -> None:
    async with desk("idle", number="891234") as d:
        for key, character in (("backspace", None), ("backspace", None), ("backspace", None)):
            d.app.post_message(events.Key(key, character))
        await d.settle()
        await d.until(lambda: d.text("#number").startswith("891▏"), "three of them")
        for key, character in (("7", "7"), ("backspace", None), ("5", "5")):
            d.app.post_message(events.Key(key, character))
        await d.until(lambda: d.text("#number").startswith("8915▏"), "a digit, taken back, and another")


async def test_a_pasted_letter_is_refused_not_dropped(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.burst("8912345678O")
        assert "letters" in d.text("#number")
        await d.press("enter")
        assert not d.sent(Dial)


async def test_a_paste_replaces_a_whole_number_and_continues_a_part(desk: OpenDesk) -> None:
    async with desk("idle", number="8912") as d:
        await d.burst("3456789")
        assert d.text("#number").startswith(TYPED)
        await d.burst("84957770011")
        assert d.text("#number").startswith("84957770011")


async def test_history(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("up")
        assert d.text("#number").startswith(ENDED[0].number)
        await d.press("up")
        assert d.text("#number").startswith(ENDED[1].number)
        await d.press("down", "down")
        assert "type a number" in d.text("#number")
        await d.press("up", "enter")
        assert d.sent(Dial)[0].text == ENDED[0].number


async def test_history_leaves_a_typed_number_alone(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("8", "up")
        assert d.text("#number").startswith("8▏")
        assert "clear the number first" in d.word


async def test_the_keypad_types_and_never_takes_the_focus(desk: OpenDesk) -> None:
    async with desk("idle", size=(100, 30)) as d:
        await d.pilot.click("#dialpad", offset=(2, 0))
        await d.pilot.click("#dialpad", offset=(8, 1))
        await d.pilot.click("#dialpad", offset=(14, 3))
        assert d.text("#number").startswith("15#")
        assert d.app.focused is None


async def test_a_click_on_a_key_or_a_recent_number(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.pilot.click("#recent", offset=(8, 1))
        assert d.text("#number").startswith(ENDED[1].number)
        d.clock += 1.0
        await d.pilot.click("#keys", offset=(13, 0))
        assert d.sent(HangUp) == [HangUp(ID)]
