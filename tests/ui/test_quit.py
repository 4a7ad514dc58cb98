"""Quitting: at once, when the call ends, or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.state import CallPhase
from tests.ui.conftest import OpenDesk
from tests.ui.scenes import ENDED, READY, UP


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
