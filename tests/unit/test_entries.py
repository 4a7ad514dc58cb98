"""The event log's lines, the words' lines, the mailbox: what is bounded stays bounded."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from console.core.effects import Record
from console.core.state import Policy, State
from console.ports import Update
from console.ui.mailbox import Mailbox
from console.ui.present.words import Row, Span, row, sentence
from console.ui.widgets.entries import LIMIT, Entries, Entry
from console.ui.widgets.lines import breaks, lay_out


def entry(text: str, source: str = "phone", interim: bool = False, **fields: Any) -> Entry:
    return Entry(Record(1.0, "agent.transcript", None, fields), "12:03:49", source, text, interim)


def texts(entries: Entries) -> list[str]:
    return [entries.text(line) for line in entries.lines]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("one two three", ["one two", "three"]),
        ("exactly_10", ["exactly_10"]),
        ("longerthantenletters", ["longerthan", "tenletters"]),
        ("a longerthantenletters", ["a", "longerthan", "tenletters"]),
        ("привет мир мой", ["привет мир", "мой"]),
        ("日本語日本語", ["日本語日本", "語"]),
    ],
)
def test_breaks(text: str, lines: list[str]) -> None:
    assert [text[a:b] for a, b in breaks(text, 10)] == lines


@pytest.mark.parametrize("width", [2, 3, 7, 10])
def test_breaks_lose_nothing_and_fit(width: int) -> None:
    text = "Ünïcödé 日本 words, and  double  spaces " * 5
    cut = [text[a:b] for a, b in breaks(text, width)]
    assert "".join("".join(cut).split()) == "".join(text.split())
    assert all(cell_len(line) <= width for line in cut)


def test_the_right_side_of_a_row_stays() -> None:
    [line] = lay_out([row("a very long left side", right="0:42")], 12, 1)
    assert line.plain == "a very… 0:42"


def test_rows_that_do_not_fit_are_cut_with_a_mark() -> None:
    lines = lay_out([row("first"), sentence("second row that is long")], 12, 2)
    assert [line.plain for line in lines] == ["first", "second row …"]


def test_markup_is_literal() -> None:
    [line] = lay_out([Row((Span("[/foo][bold]x"),))], 40, 1)
    assert line.plain == "[/foo][bold]x"


def test_entries_are_wrapped_under_their_text() -> None:
    entries = Entries(width=10)
    entries.add([entry("one two three", "AI")])
    assert texts(entries) == ["12:03:49 AI      one two", "                 three"]


def test_ten_thousand_entries_stay_bounded() -> None:
    entries = Entries(width=10)
    gone = 0
    for number in range(0, 10_000, 100):
        gone += entries.add([entry(f"{n} two three four") for n in range(number, number + 100)])[1]
    assert len(entries.shown) == LIMIT
    assert entries.newest == 9_999
    assert entries.entry(9_999).text.startswith("9999")
    assert entries.first == 10_000 - LIMIT
    assert gone + len(entries.lines) == 10_000 * 2
    assert entries.lines[0].number == entries.first


def test_a_flood_in_one_go_keeps_the_newest() -> None:
    entries = Entries()
    entries.add([entry(str(n)) for n in range(10_000)])
    assert len(entries.shown) == LIMIT
    assert entries.shown[-1].text == "9999"


def test_interim_words_give_way_to_the_final_ones_of_the_same_side() -> None:
    entries = Entries()
    entries.add([entry("< well", "them", interim=True, role="user")])
    entries.add([entry("< well I", "them", interim=True, role="user")])
    assert [e.text for e in entries.shown] == ["< well I"]
    entries.add([entry("> Hello", "AI", role="agent"), entry("< well I am", "them", role="user")])
    assert [e.text for e in entries.shown] == ["< well I", "> Hello", "< well I am"]


def test_filter() -> None:
    entries = Entries()
    entries.add([entry("ringing"), entry("> the phone", "AI"), entry("< Hello", "them")])
    entries.lay_out(pattern="phone")
    assert [e.text for e in entries.shown] == ["ringing"]
    entries.lay_out(pattern=" HELLO ")
    assert [e.text for e in entries.shown] == ["< Hello"]
    entries.add([entry("nothing"), entry("hello again")])
    assert [e.text for e in entries.shown] == ["< Hello", "hello again"]
    entries.lay_out(pattern="")
    assert len(entries.shown) == 5


def test_the_mailbox_folds_what_was_not_taken() -> None:
    box, state = Mailbox(), State(Policy("x"))
    assert box.take() is None
    told = [box.put(Update(state, (Record(float(n), "x"),), 0.0)) for n in range(10_000)]
    assert told == [True] + [False] * 9_999
    update = box.take()
    assert update is not None
    assert len(update.records) == LIMIT
    assert update.records[-1].t == 9_999.0
    assert box.take() is None
    assert box.put(Update(state, (), 0.0))
