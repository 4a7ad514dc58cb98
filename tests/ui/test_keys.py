"""A command key is pressed: what reaches the engine, and what is said when nothing may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events

from console.core.events import (
    Answer,
    CallId,
    Dial,
    Extend,
    Goodbye,
    HangUp,
    Register,
    Reject,
    SetEar,
    Silence,
)
from console.core.state import CallPhase
from tests.ui.conftest import OpenDesk
from tests.ui.scenes import ID, READY, RECORDS, SCENES, UP, call, during

TYPED = "89123456789"


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


async def test_the_answer_to_hang_up_goes_with_the_call(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("h")
        assert d.word == "hanging up"
        await d.show(during(replace(UP, phase=CallPhase.CLOSING)))
        assert d.word == "hanging up"
        await d.show(replace(READY, ended=(replace(UP, phase=CallPhase.CLOSING, ended_at=100.0),)))
        assert "hanging up" not in d.word


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


async def test_keys_hold_while_the_timeline_has_the_focus(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        await d.press("l")
        assert d.app.focused is d.app._main.timeline
        await d.press("8", "h")
        assert d.text("#number").startswith("8")
        assert d.sent(HangUp) == [HangUp(ID)]
        await d.press("escape")
        assert d.app.focused is None
