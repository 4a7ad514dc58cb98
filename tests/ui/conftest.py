"""The screen on an engine in memory, with clocks that stand still until a test moves them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest
from textual import events
from textual.pilot import Pilot

from console.core.effects import Record
from console.core.events import Event
from console.core.state import State
from console.ui.app import ConsoleApp
from console.ui.options import ScreenOptions
from tests.ui.scenes import SCENES, TALK, WALL_ZERO, FakeConsole

E = TypeVar("E", bound=Event)


@dataclass
class Desk:
    """An operator in front of the screen. `clock` is what the screen takes for monotonic seconds."""

    console: FakeConsole = field(default_factory=FakeConsole)
    clock: float = 1000.0
    app: ConsoleApp = field(init=False)
    pilot: Pilot[int] = field(init=False)

    def text(self, selector: str) -> str:
        """What a widget says; panels, sheets, meters and key bars have `words`."""
        return str(self.app.screen_stack[0].query_one(selector).words)  # type: ignore[attr-defined]

    def screen_text(self) -> str:
        """The whole terminal."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Let the screen work until something is so."""
        deadline = time.monotonic() + 20
        while not true():
            assert time.monotonic() < deadline, f"never came: {what or true}\n{self.screen_text()}"
            await self.pilot.pause()
            await asyncio.sleep(0)

    async def show(self, state: State | str, *records: Record) -> None:
        """Publish from the engine's thread and wait until it is on screen."""
        wanted = SCENES[state] if isinstance(state, str) else state
        self.console.post(wanted, *records)
        main = self.app._main
        await self.until(lambda: main.state == wanted and self.app._mailbox._last is None, "the update")
        self.clock += 1.0
        main.show_words()
        await self.pilot.pause()

    async def press(self, *keys: str, after: float = 1.0) -> None:
        """Keys by hand: `after` seconds pass on the screen's clock before each, and each settles."""
        for key in keys:
            self.clock += after
            await self.pilot.press(key)
            await self.settle()

    async def settle(self) -> None:
        """Until no stroke waits for its gap to pass, and no answer for its key to be let go."""
        burst, asked = self.app._main._burst, self.app._main.operator.asked
        await self.until(lambda: not burst.strokes, "the end of a burst")
        await self.until(lambda: not asked.answering, "the release of a key")
        await self.pilot.pause()

    async def burst(self, text: str) -> None:
        """Keys faster than a hand, as a terminal without bracketed paste delivers a paste."""
        for character in text:
            key = {"\n": "enter", " ": "space", "+": "plus"}.get(character, character)
            self.app.post_message(events.Key(key, "\r" if character == "\n" else character))
        await self.pilot.pause()
        await self.settle()

    def sent(self, kind: type[E]) -> list[E]:
        """The commands of this kind that reached the engine."""
        return [event for event in self.console.sent if isinstance(event, kind)]

    @property
    def word(self) -> str:
        """The answer to the last key."""
        return self.text("#word")


OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture(autouse=True)
def still_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wall times as in Moscow, and colours as they are."""
    monkeypatch.setenv("TZ", "Europe/Moscow")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def desk() -> OpenDesk:
    """`async with desk("talking", size=(80, 24)) as d:` opens the screen on that scene."""

    @asynccontextmanager
    async def open_desk(
        scene: State | str | None = "idle",
        *records: Record,
        size: tuple[int, int] = (80, 24),
        **options: Any,
    ) -> AsyncIterator[Desk]:
        d = Desk()
        d.console.level = replace(TALK)
        shown = {"account": "3289@sip.exolve.ru", "agent": "Anna", "sounds": False, **options}
        d.app = ConsoleApp(
            d.console, ScreenOptions(**shown, clock=lambda: d.clock, wall=lambda: WALL_ZERO + 100.0)
        )
        async with d.app.run_test(size=size) as pilot:
            d.pilot = pilot
            if scene is not None:
                await d.show(scene, *records)
            try:
                yield d
            finally:
                d.console.end()
                await asyncio.to_thread(d.app.engine_over.wait, 10)

    return open_desk
