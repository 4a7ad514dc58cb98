"""The screen of who only looks on: nothing looks as if it could be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.replay import CONSOLE_ENDED
from console.core.state import Line
from tests.ui.conftest import OpenDesk
from tests.ui.scenes import READY

WHY = "you only look on: the other console has the line"


async def test_only_keys_that_work_are_drawn(desk: OpenDesk) -> None:
    async with desk("talking", size=(120, 40), watching=True) as d:
        assert d.text("#keys") == "tab next call"
        assert d.word == "? help   ctrl+p everything   ctrl+q quit"
        assert "nothing is dialed from here" in d.text("#number")
        assert not d.app._main.query_one("#dialpad").display


@pytest.mark.parametrize(
    ("key", "named"),
    [("enter", "Enter"), ("h", "h"), ("s", "s"), ("w", "w"), ("u", "u"), ("8", "8"), ("up", "Up, Down")],
)
async def test_a_key_that_does_nothing_says_why(desk: OpenDesk, key: str, named: str) -> None:
    async with desk("talking", watching=True) as d:
        await d.press(key)
        assert d.word == f"{named}: {WHY}"
        assert d.console.sent == []
        assert not d.app._main.prompt.is_open


async def test_the_palette_has_only_what_can_be_done(desk: OpenDesk) -> None:
    async with desk("talking", watching=True) as d:
        titles = [command.title for command in d.app.get_system_commands(d.app.screen)]
        assert titles == [
            "Next call",
            "Filter the timeline",
            "Go to the timeline",
            "Details of an entry",
            "Copy",
            "Copy the whole timeline",
            "Help",
            "Theme",
            "Quit",
        ]


async def test_a_result_offers_no_redial(desk: OpenDesk) -> None:
    async with desk("result", watching=True) as d:
        assert "486 Busy Here after 6 s" in d.text("#call-words")
        assert "redials" not in d.text("#call-words")


async def test_after_the_other_console_has_ended_the_next_step_is_said(desk: OpenDesk) -> None:
    ended = replace(READY, line=Line(reason=CONSOLE_ENDED))
    async with desk(ended, size=(120, 30), watching=True, demo=True) as d:
        top = d.text("#line")
        assert CONSOLE_ENDED in top
        assert "ctrl+q, then start without --watch" in top
        assert "DEMO LINE" in top
