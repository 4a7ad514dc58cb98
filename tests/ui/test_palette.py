"""The palette and the help name everything that keys do."""

from __future__ import annotations

from console.core.events import AllowDialing, Extend, SetEar
from console.ui.widgets.help import KEYS
from tests.ui.conftest import OpenDesk


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


async def test_the_help_says_how_it_is_closed(desk: OpenDesk) -> None:
    async with desk("idle") as d:
        await d.press("?")
        assert "Esc closes" in d.screen_text()
        await d.press("escape")
        assert len(d.app.screen_stack) == 1


async def test_every_key_stands_in_the_help_and_the_palette(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        offered = " ".join(c.help for c in d.app.get_system_commands(d.app.screen))
        first_words = " ".join(key for _, entries in KEYS for key, _ in entries).replace(",", " ").split()
        keys = d.app._main.operator.keys()
        for key in keys:
            assert key.key in first_words, key
            assert f"({key.key})" in offered, key


async def test_ctrl_c_says_which_key_does_what(desk: OpenDesk) -> None:
    async with desk("talking") as d:
        await d.press("ctrl+c")
        assert d.word == "ctrl+c copies a selection; h or F8 hangs up, ctrl+q quits"
        assert d.app.return_code is None
