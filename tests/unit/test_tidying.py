"""Python looks for unreachable objects when nobody is on the line, and never in a call."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from console import tidying
from console.tidying import Tidying


class Seen:
    """What has happened so far, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._more = asyncio.Event()

    def add(self, name: str) -> None:
        self.names.append(name)
        self._more.set()

    async def until(self, name: str) -> None:
        async with asyncio.timeout(30):
            while name not in self.names:
                self._more.clear()
                await self._more.wait()


class Ring:
    """Unreachable but for a full collection: it holds itself."""

    def __init__(self, freed: Seen, name: str) -> None:
        self.itself = self
        self._freed, self._name = freed, name

    def __del__(self) -> None:
        self._freed.add(self._name)


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only what is asked for is collected, and the process is afterwards as it was."""
    monkeypatch.setattr(tidying, "QUIET_SECONDS", 0.01)
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    yield
    assert gc.get_threshold() == before
    gc.unfreeze()
    assert frozen == 0


def looks(of: Tidying, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Told each time its moment has come, whatever it then does."""
    seen = Seen()
    plain = of._tidy

    def tidy() -> None:
        plain()
        seen.add("looked")

    monkeypatch.setattr(of, "_tidy", tidy)
    return seen


async def test_when_it_is_quiet_everything_is_looked_through_once_and_settled() -> None:
    freed = Seen()
    mine = Tidying(lambda: False)
    mine.start()
    try:
        assert gc.get_threshold() == (5000, 10, 1000)
        Ring(freed, "early")
        await freed.until("early")
        assert gc.get_freeze_count() > 1000, "what is there from the start is never looked at again"
        settled = gc.get_freeze_count()
        Ring(freed, "late")
        mine.soon()
        await freed.until("late")
        assert gc.get_freeze_count() <= settled, "settled once: what calls leave behind is no part of it"
    finally:
        mine.stop()
    assert gc.get_freeze_count() == 0


async def test_nothing_is_looked_through_during_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = Seen()
    busy = True
    mine = Tidying(lambda: busy)
    seen = looks(mine, monkeypatch)
    mine.start()
    try:
        Ring(freed, "in the call")
        await seen.until("looked")
        assert freed.names == []
        assert gc.get_freeze_count() == 0
        busy = False
        mine.soon()
        await freed.until("in the call")
    finally:
        mine.stop()


async def test_one_end_after_the_other_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Tidying(lambda: False)
    seen = looks(mine, monkeypatch)
    mine.start()
    for _ in range(20):
        mine.soon()
    await seen.until("looked")
    mine.soon()
    mine.stop()
    await asyncio.sleep(0.05)  # five times what it waits
    assert seen.names == ["looked"], "and not after its end"
