"""Presses, pastes, layouts, and the number being typed."""

from __future__ import annotations

import pytest

from console.ui.keystrokes import GAP, Burst, Stroke, by_position, latin
from console.ui.number_entry import LONGEST, NumberEntry


def taken(typed: str) -> tuple[str, str]:
    burst = Burst()
    for character in typed:
        burst.add(Stroke("enter" if character == "\r" else character, character, 0.0))
    taken = burst.take()
    assert burst.strokes == []
    return "".join(s.character for s in taken.presses), taken.pasted


@pytest.mark.parametrize(("letter", "russian"), list(zip("hrafokuilcxwsgd", "ркфащлгшдсчцыпв", strict=True)))
def test_russian_letters_work_by_position(letter: str, russian: str) -> None:
    assert by_position(russian) == letter
    assert by_position(russian.upper()) == letter
    assert by_position(letter.upper()) == letter


def test_signs_on_a_russian_layout() -> None:
    assert (by_position("№"), by_position(","), by_position("!"), by_position("8")) == ("#", "?", "!", "8")


@pytest.mark.parametrize(
    ("typed", "presses", "pasted"),
    [
        ("h", "h", ""),
        ("hh", "h", ""),
        ("\r\r", "\r", ""),
        ("8", "8", ""),
        ("88", "88", ""),
        ("89", "", "89"),
        ("h8", "h", ""),
        ("8h", "h", ""),
        ("р8", "р", ""),
        ("gh", "h", ""),
        ("89h", "", "89h"),
        ("hok", "", "hok"),
        ("ok", "ok", ""),
        ("ог", "ог", ""),
        ("o8", "", "o8"),
        ("8912\r", "", "8912 "),
        ("", "", ""),
    ],
)
def test_a_burst(typed: str, presses: str, pasted: str) -> None:
    assert taken(typed) == (presses, pasted)


def test_a_key_that_repeats_within_a_burst_is_held() -> None:
    for typed, held in (("!!!", True), ("\r\r", True), ("!", False), ("8h", False)):
        burst = Burst()
        for character in typed:
            burst.add(Stroke(character, character, 0.0))
        assert burst.take().held is held, typed


def test_letters_for_digits_on_a_russian_layout() -> None:
    assert latin("1№фИцЦ*wW#") == "1#aBwW*wW#"


def test_a_held_key_without_a_character_is_one_press() -> None:
    burst = Burst()
    for _ in range(4):
        burst.add(Stroke("enter", "", 0.0))
    assert len(burst.take().presses) == 1


def test_a_gap_ends_a_burst() -> None:
    burst = Burst()
    burst.add(Stroke("8", "8", 1.0))
    assert burst.belongs(Stroke("h", "h", 1.0 + GAP / 2))
    assert not burst.belongs(Stroke("h", "h", 1.0 + GAP * 2))


def test_typing_and_backspace() -> None:
    entry = NumberEntry()
    for character in "+7" + "9" * 100:
        entry.type(character)
    assert len(entry.text) == LONGEST
    entry.backspace()
    assert len(entry.text) == LONGEST - 1
    entry.clear()
    entry.backspace()
    assert entry.text == ""


def test_pasting() -> None:
    entry = NumberEntry("8912")
    entry.paste("345\x1b[2J\n67", complete=False)
    assert entry.text == "8912345 67"
    entry.paste("+7 900", complete=True)
    assert entry.text == "+7 900"


def test_history() -> None:
    history = [("+71", False), ("a@b", True)]
    entry = NumberEntry()
    assert entry.recall(1, history)
    assert (entry.text, entry.as_uri) == ("+71", False)
    assert entry.recall(1, history)
    assert (entry.text, entry.as_uri) == ("a@b", True)
    assert not entry.recall(1, history)
    assert entry.recall(-1, history)
    assert entry.recall(-1, history)
    assert entry.text == ""
    entry.type("8")
    assert not entry.recall(1, history)


def test_a_pasted_number_replaces_a_recalled_one() -> None:
    entry = NumberEntry()
    entry.recall(1, [("+71", False)])
    entry.paste("89", complete=False)
    assert entry.text == "89"
