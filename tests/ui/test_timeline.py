"""The event log: following, reading back, selecting, copying, filtering, and a flood."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from textual.widgets import Input

from console.core.effects import Record
from console.core.events import CallId
from console.ports import Update
from console.ui.app import _PACE
from tests.ui.conftest import Desk, OpenDesk
from tests.ui.scenes import ID, READY, RECORDS, UP


def numbered(first: int, last: int) -> list[Record]:
    return [
        Record(float(n), "agent.transcript", ID, {"role": "user", "text": f"line {n}"})
        for n in range(first, last)
    ]


def title(d: Desk) -> str:
    return next(line for line in d.screen_text().splitlines() if "─ Timeline" in line)


async def test_every_record_is_one_line_in_plain_words(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS, size=(120, 40)) as d:
        text = d.screen_text()
        assert "01:14:10 phone   ringing (gives up after 60 s)" in text
        assert "01:14:18 phone   ANSWERED after 9 s" in text
        assert "01:14:23 them    < Hello, yes, who is this?" in text
        assert text.index("ringing") < text.index("ANSWERED after") < text.index("who is this")


async def test_interim_words_are_dimmed_and_replaced(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        timeline = d.app._main.timeline
        assert timeline.newest[0].interim
        last = timeline.size.height - 1
        interim = timeline.render_line(last)
        assert "< well I am not" in interim.text
        assert any(s.style is not None and s.style.italic for s in interim)
        final = Record(
            67.0, "agent.transcript", ID, {"role": "user", "text": "well I am not sure", "final": True}
        )
        await d.show("talking", final)
        assert "< well I am not sure" in timeline.render_line(last).text
        assert "< well I am not" not in timeline.render_line(last - 1).text


async def test_it_follows_until_the_reader_scrolls_up_and_then_nothing_jumps(desk: OpenDesk) -> None:
    async with desk("talking", *numbered(0, 50)) as d:
        timeline = d.app._main.timeline
        assert "following" in title(d)
        assert "< line 49" in d.screen_text()
        await d.press("l", "pageup")
        before = [timeline.render_line(y).text for y in range(timeline.size.height)]
        assert "< line 49" not in "".join(before)
        await d.show("talking", *numbered(50, 53))
        assert [timeline.render_line(y).text for y in range(timeline.size.height)] == before
        assert "3 NEW BELOW, End" in title(d)
        await d.press("end")
        assert "following" in title(d)
        assert "< line 52" in d.screen_text()


async def test_nothing_jumps_when_old_entries_go(desk: OpenDesk) -> None:
    async with desk("talking", *numbered(0, 2000)) as d:
        timeline = d.app._main.timeline
        await d.press("l", "pageup", "pageup")
        before = [timeline.render_line(y).text for y in range(timeline.size.height)]
        await d.show("talking", *numbered(2000, 2100))
        assert [timeline.render_line(y).text for y in range(timeline.size.height)] == before


async def test_a_flood_stays_bounded(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        timeline = d.app._main.timeline
        for first in range(0, 10_000, 50):
            d.console.post(d.app._main.state, *numbered(first, first + 50))
        await d.until(
            lambda: timeline.newest and timeline.newest[0].text.endswith("line 9999"), "the last line"
        )
        assert len(timeline.entries) == 2000
        await d.pilot.pause()
        assert "< line 9999" in d.screen_text()


async def test_with_many_calls_the_screen_follows_at_a_steady_pace(
    desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = replace(READY, calls=tuple(replace(UP, id=CallId(f"c{n}")) for n in range(50)))
    async with desk(many) as d:
        seen: list[Update] = []
        see = d.app._main.see
        monkeypatch.setattr(d.app._main, "see", lambda update: (seen.append(update), see(update)))
        began = time.monotonic()
        for line in numbered(0, 30):
            d.console.post(many, line)
            await d.pilot.pause()
        await d.until(lambda: sum(len(update.records) for update in seen) == 30, "all lines")
        assert len(seen) <= 2 + (time.monotonic() - began) / _PACE


async def test_moving_selecting_and_copying(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        await d.press("l", "up", "up")
        assert [e.text for e in d.app._main.timeline.selected] == ["interrupted; 1.2 s were not played"]
        await d.press("shift+up", "shift+up", "c")
        copied = d.app.clipboard.splitlines()
        assert len(copied) == 3
        assert copied[1] == "01:14:23 them    < Hello, yes, who is this?"
        assert d.word == "c: copied 3 lines"
        await d.press("down", "down", "down", "down", "down")
        assert d.app._main.timeline.following
        assert not d.app._main.timeline.selected


async def test_the_cursor_holds_its_place(desk: OpenDesk) -> None:
    async with desk("talking", *numbered(0, 30)) as d:
        await d.press("l", "up")
        [chosen] = d.app._main.timeline.selected
        await d.show("talking", *numbered(30, 60))
        assert d.app._main.timeline.selected == [chosen]
        assert "30 NEW BELOW" in title(d)


async def test_without_a_selection_the_newest_line_is_copied(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS[:2]) as d:
        await d.press("с")  # the Russian letter on the key of c
        assert d.app.clipboard == "01:14:10 phone   ringing (gives up after 60 s)"


async def test_details_show_every_field(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        await d.press("i", "l", "home")
        detail = d.text("#detail")
        assert "type  call.dialing" in detail
        assert "uri  sip:79123456789@sip.exolve.ru" in detail
        assert "call.dialing" in d.screen_text()
        await d.press("i")
        assert not d.app._main.detail.display


async def test_filter_shows_one_kind(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        await d.press("f")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press(*"them")
        assert {e.source for e in d.app._main.timeline.entries} == {"them"}
        assert "Timeline: them" in title(d)
        await d.press("enter")
        assert d.app.focused is None
        await d.show("talking", Record(80.0, "call.hold", ID, {"held": True}))
        assert {e.source for e in d.app._main.timeline.entries} == {"them"}
        await d.press("f")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press("escape")
        assert len(d.app._main.timeline.entries) == len(RECORDS) + 1


async def test_the_details_are_never_those_of_an_entry_that_the_filter_hides(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        timeline = d.app._main.timeline
        await d.press("i", "f")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press(*"well", "enter", "l", "up")
        assert [e.text for e in timeline.selected] == ["< well I am not"]
        assert "text  well I am not" in d.text("#detail")
        final = Record(67.0, "agent.transcript", ID, {"role": "user", "text": "No, thanks.", "final": True})
        await d.show("talking", final)
        assert not timeline.entries
        assert not timeline.selected
        assert "well" not in d.text("#detail")
        await d.press("f")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press("escape")
        assert "text  No, thanks." in d.text("#detail")


async def test_lines_of_several_calls_say_whose_they_are(desk: OpenDesk) -> None:
    one, two = replace(UP, number="+79035551122"), replace(UP, id=CallId("c2"), number="ivan@office.example")
    said = Record(70.0, "agent.transcript", ID, {"role": "user", "text": "Hello?", "final": True})
    held = Record(71.0, "call.hold", CallId("c2"), {"held": True})
    async with desk(replace(READY, calls=(one,)), said) as d:
        await d.show(replace(READY, calls=(one, two)), replace(said, t=72.0), held)
        await d.show(replace(READY, calls=(two,)), Record(73.0, "call.closed", ID, {"by": "remote"}))
        await d.show(replace(READY, calls=(two,)), replace(held, fields={"held": False}))
        texts = [e.text for e in d.app._main.timeline.entries]
        assert texts == [
            "< Hello?",
            "…1122 < Hello?",
            "ivan put on hold by the other side",
            "…1122 call ended by the other side: no reason given",
            "taken off hold",
        ]


async def test_filter_offers_the_kinds(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        await d.press("а")
        await d.until(lambda: isinstance(d.app.focused, Input), "the field")
        await d.press("down", "down", "down")
        assert {e.source for e in d.app._main.timeline.entries} == {"AI"}


async def test_a_click_selects_and_the_mouse_selects_text(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS[:3]) as d:
        await d.pilot.click("#log", offset=(20, 1))
        assert d.app._main.timeline.selected[0].text == "ringing (gives up after 60 s)"
        await d.pilot.mouse_down("#log", offset=(17, 0))
        await d.pilot.hover("#log", offset=(24, 0))
        await d.pilot.mouse_up("#log", offset=(24, 0))
        await d.press("ctrl+c")
        assert d.app.clipboard.startswith("dialing")


async def test_a_resize_wraps_again_and_still_follows(desk: OpenDesk) -> None:
    async with desk("talking", *RECORDS) as d:
        await d.pilot.resize_terminal(60, 24)
        await d.pilot.pause()
        assert "< well I am not" in d.screen_text()
        await d.pilot.resize_terminal(200, 60)
        await d.pilot.pause()
        assert "dialing +79123456789" in d.screen_text()
        assert "< well I am not" in d.screen_text()
