"""What strangers write never reaches the terminal as anything but plain printable text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core.text import clean

NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("\x1b[]P^_X\\\x07\x9b\x9c\x9d;m0 \n\r\t\u2028\u202e\u200b\ufeff\ud800\u0301a"),
        st.characters(),
    ),
    max_size=300,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("486 Busy Here", "486 Busy Here"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;new title\x07name", "name"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0;2\x1b\\after", "after"),
        ("\x1b(Bplain\x1b7", "plain"),
        ("\x1b]0;never ended", "0;never ended"),
        ("a\r\nVia: b\x00c", "a Via: bc"),
        ("a\u2028b\u2029c\u0085d\u00a0 \t e", "a b c d e"),
        ("user\u202egnp.exe\u2066\u200f", "usergnp.exe"),
        ("zero\u200bwidth\ufeff\u00ad", "zerowidth"),
        ("half \ud83d of a pair", "half of a pair"),
        ("private \ue000 use", "private use"),
        ("Привет, это Анна 👋", "Привет, это Анна 👋"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
        ("   ", ""),
        ("", ""),
    ],
)
def test_examples(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_marks_do_not_pile_up() -> None:
    assert clean("a" + "\u0301" * 50 + "b") == "a" + "\u0301" * 3 + "b"


def test_too_long_ends_in_an_ellipsis() -> None:
    assert clean("x" * 300) == "x" * 199 + "…"
    assert clean("word " * 3, limit=6) == "word…"
    assert clean("abc", limit=0) == ""


@given(NASTY, st.integers(min_value=0, max_value=40))
def test_always_one_short_printable_line(raw: str, limit: int) -> None:
    line = clean(raw, limit)
    assert line.isprintable()
    assert len(line) <= limit
    assert line == line.strip()
    assert "  " not in line
    assert not any(unicodedata.category(c)[0] == "C" for c in line)
    line.encode()
    assert clean(line, limit) == line
