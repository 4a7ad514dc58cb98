"""A text field is open: words to the AI, digits for the line, a SIP address."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events
from textual.widgets import Input

from console.core.effects import Record
from console.core.events import CallId, Dial, HangUp, SendDigits, Tell
from console.ui.keystrokes import Stroke
from tests.ui.conftest import OpenDesk
from tests.ui.scenes import ID, UP, during


async def test_f8_works_in_a_text_field_the_palette_and_dialogs(desk: OpenDesk) -> None:
    for opener in ("u", "f", "w", "d", "ctrl+p", "ctrl+q", "?"):
        async with desk("talking") as d:
            await d.press(opener)
            await d.press("f8")
            assert d.sent(HangUp) == [HangUp(ID)], opener


async def test_a_sip_address(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("u")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press("h", "o", "1")
        assert d.console.sent == []
        await d.press("enter")
        [dial] = d.sent(Dial)
        assert (dial.text, dial.as_uri) == ("ho1", True)
        assert d.app.focused is None


async def test_esc_leaves_the_field_and_a_bad_address_is_refused(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("г")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press("a", "space", "b", "enter")
        assert not d.sent(Dial)
        assert "no spaces" in d.word
        await d.press("escape")
        assert d.app.focused is None


async def test_a_number_in_the_field_needs_a_second_enter_when_doubtful(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("u")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press(*"+493012345678", "enter")
        assert not d.sent(Dial)
        await d.press("enter")
        assert d.sent(Dial)[0].confirmed


@pytest.mark.parametrize(
    ("opener", "enter", "as_turn"),
    [
        ("w", "enter", False),
        ("ц", "enter", False),
        ("w", "ctrl+enter", True),
        ("w", "ctrl+j", True),
        ("w", "alt+enter", True),
    ],
)
async def test_telling_the_ai(desk: OpenDesk, opener: str, enter: str, as_turn: bool) -> None:
    async with desk("talking") as d:
        await d.press(opener)
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        assert "Tell the AI" in d.screen_text()
        lines = d.screen_text().splitlines()
        assert "Tell the AI ── Enter: to know ─ Ctrl+Enter, Ctrl+J: to answer ─ Esc leaves" in lines[-5]
        assert "the callee does not hear this" in lines[-4]
        assert "F8 hangs up" in lines[-2]
        await d.press(*"hang", "space", *"8", enter)
        assert d.console.sent == [Tell(ID, "hang 8", as_turn)]
        assert d.app.focused is None
        assert "type a number" in d.text("#number")


async def test_a_field_holds_on_to_the_call_it_was_opened_for(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("w")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press(*"hi")
        await d.show(during(replace(UP, id=CallId("other"))))
        await d.press("enter")
        assert not d.sent(Tell)
        assert d.word == "w: no call"
        assert d.app._main.prompt.value == "hi", "what was typed is not lost"
        await d.press("escape")
        assert d.app.focused is None
        assert not d.console.sent


async def test_keys_that_come_before_the_field_has_the_focus_go_into_it(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        main = d.app._main
        main._press(Stroke("w", "w", 0.0), held=False)
        assert not isinstance(main.focused, Input)
        main.on_key(events.Key("h", "h"))
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        assert main.prompt.value == "h"
        assert not d.console.sent


async def test_an_empty_field_tells_nothing(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("w", "space", "enter")
        assert d.word == "w: type a sentence, or Esc"
        assert not d.console.sent
        await d.press("escape", "d", "enter")
        assert d.word == "d: type digits, or Esc"
        assert not d.console.sent


async def test_a_refusal_of_what_is_told_is_said(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("w", *"hi", "enter")
        await d.show("talking", Record(101.0, "refused", ID, {"what": "tell", "why": "The AI is gone."}))
        assert d.word == "The AI is gone."


@pytest.mark.parametrize(
    ("typed", "digits"), [("1#*9", "1#*9"), ("xz1y", "1"), ("2wW3", "2wW3"), ("Ф1ц", "A1w")]
)
async def test_digits_for_the_line(desk: OpenDesk, typed: str, digits: str) -> None:
    for opener in ("d", "в"):
        async with desk("talking") as d:
            await d.press(opener)
            await d.until(lambda d=d: isinstance(d.app.focused, Input), "the field")
            await d.press(*typed, "enter")
            assert d.console.sent == [SendDigits(ID, digits)]
            assert d.word == f"pressed {digits}"


async def test_digits_before_the_answer_and_after_the_call(desk: OpenDesk) -> None:
    async with desk("early") as d:
        await d.press("d", "5", "enter")
        assert d.sent(SendDigits) == [SendDigits(ID, "5")]
        await d.press("d", "6")
        await d.show("idle")
        await d.press("enter")
        assert len(d.sent(SendDigits)) == 1
        assert "does not take digits any more" in d.word


async def test_enter_at_the_end_of_pasted_keys_submits_nothing(desk: OpenDesk) -> None:
    for opener in ("w", "u"):
        async with desk("talking" if opener == "w" else "idle") as d:
            await d.press(opener)
            await d.until(lambda d=d: isinstance(d.app.focused, Input), "the field")
            await d.burst("anna\n")
            assert d.app._main.prompt.value == "anna"
            assert not d.console.sent
            await d.press("enter")
            assert len(d.console.sent) == 1
