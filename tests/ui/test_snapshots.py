"""Pictures of the screen. After a change that is meant: run with `--snapshot-update`, and look at them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from console.ui.app import ConsoleApp
from console.ui.options import ScreenOptions
from tests.ui.scenes import RECORDS, SCENES, TALK, WALL_ZERO, FakeConsole


@pytest.mark.parametrize(
    ("scene", "size", "records", "key"),
    [
        ("idle", (80, 24), 0, ""),
        ("not-ready", (80, 24), 0, ""),
        ("early", (80, 24), 4, ""),
        ("talking", (80, 24), 10, ""),
        ("refused", (80, 24), 0, ""),
        ("incoming", (100, 30), 0, ""),
        ("talking", (200, 60), 10, ""),
        ("talking", (60, 24), 10, ""),
        ("silenced", (80, 24), 10, ""),
        ("talking", (80, 24), 10, "w"),
        ("several", (80, 24), 10, "tab"),
        ("call-back", (80, 24), 10, ""),
    ],
    ids=[
        "idle",
        "not-ready",
        "early-media",
        "talking",
        "refused",
        "incoming-100",
        "talking-200",
        "talking-60",
        "silenced",
        "tell",
        "several",
        "call-back",
    ],
)
def test_picture(
    snap_compare: Callable[..., bool],
    scene: str,
    size: tuple[int, int],
    records: int,
    key: str,
) -> None:
    console = FakeConsole(level=TALK)
    options = ScreenOptions(
        account="3289@sip.exolve.ru",
        agent="Anna",
        sounds=False,
        clock=lambda: 1000.0,
        wall=lambda: WALL_ZERO + 100.0,
    )
    app = ConsoleApp(console, options)

    async def shown(pilot: Pilot[int]) -> None:
        main, deadline = app._main, time.monotonic() + 20
        await asyncio.to_thread(console.running.wait, 20)
        console.post(SCENES[scene], *RECORDS[:records])
        sounding = scene in ("early", "talking", "silenced", "several")
        while main.state != SCENES[scene] or (sounding and not main.meter_out.words):
            assert time.monotonic() < deadline
            await pilot.pause()
            await asyncio.sleep(0)
        if key:
            await pilot.press(key)
            while main._burst.strokes or (key == "w" and main.focused is not main.prompt):
                assert time.monotonic() < deadline
                await pilot.pause()
            main.prompt.cursor_blink = False
        main.show_words()
        main.refresh(layout=True)
        await pilot.pause()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=shown)
