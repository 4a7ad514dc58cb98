"""A key is pressed: what reaches the engine, and what is said when nothing may."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual import events

from console.core.effects import Record
from console.core.events import (
    AllowDialing,
    Answer,
    CallId,
    Dial,
    Extend,
    Goodbye,
    HangUp,
    NeverCall,
    Register,
    Reject,
    SetEar,
    Silence,
)
from console.core.state import CallPhase
from console.ui.keystrokes import Stroke
from console.ui.widgets.dialogs import HELP
from tests.ui.conftest import OpenDesk
from tests.ui.scenes import ENDED, ID, NUMBER, READY, RECORDS, SCENES, UP, call, during

TYPED = "89123456789"


async def test_digits_edit_the_number_and_enter_dials_it(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press(*"8912345678")
        assert "1 digit missing" in d.text("#number")
        await d.press("9")
        assert "+7 912 345-67-89  mobile RU" in d.text("#number")
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


@pytest.mark.parametrize("key", ["h", "р", "H", "f8"])
async def test_hang_up(desk: OpenDesk, key: str) -> None:
    async with desk("talking") as d:
        await d.press(key)
        assert d.sent(HangUp) == [HangUp(ID)]


async def test_hang_up_is_never_refused_for_a_changed_meaning(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.show("talking")
        d.clock -= 1.0
        await d.press("h", after=0.0)
        assert d.sent(HangUp) == [HangUp(ID)]


async def test_hang_up_reaches_a_call_dialed_a_moment_ago(desk: OpenDesk) -> None:
    async with desk("idle", number=TYPED) as d:
        await d.press("enter", "h")
        assert d.sent(HangUp) == [HangUp(d.sent(Dial)[0].call)]


async def test_hang_up_carries_the_call_that_was_on_screen(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        main = d.app._main
        main.on_key(events.Key("h", "h"))
        assert not d.sent(HangUp)
        main.state = during(call(CallPhase.INCOMING, id="other"))
        await d.settle()
        assert d.sent(HangUp) == [HangUp(ID)]


async def test_hang_up_without_a_call_says_so(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("h")
        assert not d.sent(HangUp)
        assert d.word == "h: no call to hang up"


@pytest.mark.parametrize(
    ("key", "sent"), [("a", Answer(ID)), ("ф", Answer(ID)), ("x", Reject(ID)), ("ч", Reject(ID))]
)
async def test_an_incoming_call(desk: OpenDesk, key: str, sent: object) -> None:
    async with desk("incoming") as d:
        await d.press(key)
        assert d.console.sent == [sent]


async def test_answering_without_an_agent_says_how(desk: OpenDesk) -> None:
    async with desk(during(SCENES["incoming"].calls[0])) as d:
        await d.press("a")
        assert not d.sent(Answer)
        assert "ELEVENLABS_INCOMING_AGENT_ID" in d.word


async def test_a_key_whose_meaning_changed_just_now_is_refused(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.show("incoming")
        d.clock -= 1.0  # back to the moment of the update
        await d.press("x", after=0.3)
        assert not d.sent(Reject)
        assert d.word == "x: what it does changed just now, press it again"
        await d.press("x", after=0.2)
        assert d.sent(Reject) == [Reject(ID)]


@pytest.mark.parametrize(
    ("scene", "key", "sent"),
    [
        ("talking", "o", SetEar(False)),
        ("idle", "щ", SetEar(True)),
        ("talking", "k", Extend(ID)),
        ("talking", "л", Extend(ID)),
        ("talking", "s", Silence(ID, True)),
        ("talking", "ы", Silence(ID, True)),
        ("silenced", "s", Silence(ID, False)),
        ("talking", "g", Goodbye(ID)),
        ("talking", "п", Goodbye(ID)),
        ("idle", "r", Register()),
        ("not-ready", "к", Register()),
    ],
)
async def test_other_commands(desk: OpenDesk, scene: str, key: str, sent: object) -> None:
    async with desk(scene) as d:
        await d.press(key)
        assert d.console.sent == [sent]


@pytest.mark.parametrize(
    ("scene", "key", "why"),
    [
        ("idle", "a", "a: nobody is calling"),
        ("idle", "x", "x: nobody is calling"),
        ("ringing", "k", "k: no answered call to extend"),
        ("talking", "r", "r: not during a call: registering could end it"),
        ("idle", "enter", "Enter: type a number first"),
        ("idle", "w", "w: no call"),
        ("ringing", "s", "s: the AI is not on the line before the answer"),
        ("finishing", "g", "g: the AI has left the line"),
        ("ringing", "d", "d: no call that takes digits"),
        ("talking", "tab", "tab: there is no other call"),
        ("idle", "z", "z: not a key here; ? shows all keys"),
    ],
)
async def test_a_greyed_key_says_why(desk: OpenDesk, scene: str, key: str, why: str) -> None:
    async with desk(scene) as d:
        await d.press(key)
        assert d.console.sent == []
        assert d.word == why


@pytest.mark.parametrize(("key", "kind"), [("k", Extend), ("s", Silence), ("o", SetEar), ("g", Goodbye)])
async def test_a_key_held_down_is_one_press(desk: OpenDesk, key: str, kind: type) -> None:
    async with desk("talking") as d:
        await d.press(key)
        await d.press(key, after=0.66)
        for _ in range(5):
            await d.press(key, after=0.03)
        assert len(d.sent(kind)) == 1


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


async def test_a_trembling_finger_still_hangs_up(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.burst("hh")
        assert d.sent(HangUp) == [HangUp(ID)]
        await d.burst("88")
        assert d.text("#number").startswith("88")


@pytest.mark.parametrize("keys", ["gh", "hj", "рп", "8h"])
async def test_two_keys_hit_together_hang_up_when_one_of_them_does(desk: OpenDesk, keys: str) -> None:
    async with desk("talking") as d:
        await d.burst(keys)
        assert d.console.sent == [HangUp(ID)]
        assert "type a number" in d.text("#number")


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
        await asyncio.sleep(0.3)
        await d.settle()
        assert not d.console.sent
        await d.press(key)
        assert len(d.console.sent) == 1


async def test_a_key_held_so_fast_that_it_is_one_burst_does_not_answer(desk: OpenDesk) -> None:
    async with desk("idle", number="+493012345678") as d:
        await d.press("enter")
        d.clock += 1.0
        await d.burst("\n\n\n\n")
        await asyncio.sleep(0.3)
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


async def test_tab_shows_each_call_in_turn_and_keys_mean_the_one_shown(desk: OpenDesk) -> None:
    calls = tuple(replace(UP, id=CallId(f"c{n}"), number=f"+7912345678{n}") for n in (1, 2, 3))
    async with desk(replace(READY, calls=calls)) as d:
        assert "678-93" not in d.text("#call")
        seen = []
        for _ in range(4):
            await d.press("tab")
            seen.append(d.text("#call").split("\n")[0][-17:])
            assert d.app.focused is None
        assert len(set(seen)) == 3
        assert seen[0] == seen[3]
        shown = d.app._main.operator.chosen
        assert shown == "c1"
        await d.show(replace(READY, calls=(*calls, replace(UP, id=CallId("new")))))
        assert d.app._main.operator.chosen == "c1", "a new call does not push the shown one aside"
        await d.press("k", "s", "g")
        assert d.console.sent == [Extend(shown), Silence(shown, True), Goodbye(shown)]
        await d.press("h")
        assert d.sent(HangUp) == [HangUp(shown)]
        await d.show(replace(READY, calls=calls[1:]))
        assert d.app._main.operator.chosen in ("c2", "c3")


async def test_the_levels_are_those_of_the_call_on_screen(desk: OpenDesk) -> None:
    calls = (replace(UP, id=CallId("c1")), replace(UP, id=CallId("c2")))
    async with desk(replace(READY, calls=calls)) as d:
        asked: list[str] = []
        level = d.console.level
        d.console.levels = lambda call: asked.append(call) or level  # type: ignore[method-assign]
        await d.until(lambda: "c2" in asked, "levels")
        await d.press("tab")
        asked.clear()
        await d.until(lambda: asked, "levels")
        assert set(asked) == {"c1"}


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


async def test_the_palette_has_every_action(desk: OpenDesk) -> None:
    async with desk("refused") as d:
        commands = {c.title: c for c in d.app.get_system_commands(d.app.screen)}
        assert len(commands) >= 18
        commands["Allow dialing"].callback()
        commands["Ear"].callback()
        assert d.console.sent == [AllowDialing(), SetEar(True)]


async def test_the_palette_opens_and_runs_a_command(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("ctrl+p")
        await d.until(lambda: len(d.app.screen_stack) == 2, "the palette")
        await d.press(*"five")
        await d.until(lambda: "Five more minutes" in d.screen_text(), "the command")
        await d.press("enter")
        await d.until(lambda: len(d.app.screen_stack) == 1, "the palette to close")
        await d.until(lambda: d.sent(Extend), "the command")


async def test_help(desk: OpenDesk) -> None:
    for key in ("?", ","):
        async with desk("idle") as d:
            await d.press(key)
            assert "the same, from text fields and dialogs too" in d.screen_text()
            await d.press("h")
            assert len(d.app.screen_stack) == 1


async def test_no_line_of_the_help_wraps_at_80_columns(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("?")
        help_text = d.app.screen.query_one("#help > Static")
        assert help_text.size.height == len(HELP.split("\n"))
        assert help_text.size.width >= max(map(len, HELP.splitlines()))


async def test_every_key_stands_in_the_help_and_the_palette(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        offered = " ".join(c.help for c in d.app.get_system_commands(d.app.screen))
        first_words = " ".join(line[:14] for line in HELP.splitlines()).replace(",", " ").split()
        keys = d.app._main.operator.keys()
        for key in keys:
            assert key.key in first_words, key
            assert f"({key.key})" in offered, key


async def test_ctrl_c_says_which_key_does_what(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("ctrl+c")
        assert d.word == "ctrl+c copies a selection; h or F8 hangs up, ctrl+q quits"
        assert d.app.return_code is None


async def test_quit_without_a_call_stops_the_engine(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("ctrl+q")
        await d.until(lambda: d.app.return_code == 0, "the end")
        assert d.console.stopped


@pytest.mark.parametrize("key", ["h", "р"])
async def test_quit_during_a_call_can_hang_up(desk: OpenDesk, key: str) -> None:
    async with desk("talking") as d:
        await d.press("ctrl+q")
        assert "A call is up. Quit?" in d.screen_text()
        assert not d.console.stopped
        await d.press(key)
        await d.until(lambda: d.app.return_code == 0, "the end")
        assert d.console.stopped


async def test_whatever_ends_the_screen_stops_the_engine(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        d.app.exit(0)
    assert d.console.stopped


async def test_quit_can_wait_for_the_end_of_the_call(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("ctrl+q", "w")
        assert "Quits when the call ends" in d.word
        assert not d.console.stopped
        d.console.post(replace(READY, ended=(replace(UP, phase=CallPhase.CLOSED), *ENDED)))
        await d.until(lambda: d.app.return_code == 0, "the end")


async def test_quit_can_be_thought_better_of(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("ctrl+q", "w", "ctrl+q", "escape")
        assert "Quits" not in d.word
        await d.show("idle")
        assert not d.console.stopped


async def test_quit_exits_even_when_the_engine_does_not_stop(
    desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.ui.app.STOP_SECONDS", 0.1)
    async with desk("idle") as d:
        d.console.obeys_stop = False
        await d.press("ctrl+q")
        await d.until(lambda: d.app.return_value == 1, "the end")


async def test_keys_hold_while_the_timeline_has_the_focus(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        await d.press("l")
        assert d.app.focused is d.app._main.timeline
        await d.press("8", "h")
        assert d.text("#number").startswith("8")
        assert d.sent(HangUp) == [HangUp(ID)]
        await d.press("escape")
        assert d.app.focused is None
