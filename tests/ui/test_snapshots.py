"""Pictures of the screen. After a change that is meant: run with `--snapshot-update`, and look at them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from textual.command import CommandList
from textual.pilot import Pilot
from textual.widgets import Input

from console import language
from console.ui.app import ConsoleApp
from console.ui.options import ScreenOptions
from console.ui.widgets.timeline import Timeline
from tests.ui.scenes import RECORDS, SCENES, TALK, WALL_ZERO, FakeConsole

RUSSIAN = [
    (scene, size, 10 if scene == "talking" else 0, "")
    for scene in ("idle", "ringing", "talking", "call-back", "not-ready")
    for size in ((80, 24), (200, 60))
] + [("talking", (80, 24), 10, key) for key in ("w", "ctrl+q", "ctrl+p", "question_mark")]


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
        *RUSSIAN,
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
        *(f"ru-{scene}-{size[0]}{'-' + key if key else ''}" for scene, size, _, key in RUSSIAN),
    ],
)
def test_picture(
    snap_compare: Callable[..., bool],
    scene: str,
    size: tuple[int, int],
    records: int,
    key: str,
    request: pytest.FixtureRequest,
) -> None:
    russian = request.node.callspec.id.startswith("ru-")
    with language.speaking("ru" if russian else "en"):
        _compare(snap_compare, scene, size, records, key)


def _scroll_bar_follows(timeline: Timeline) -> bool:
    """It takes its place with a message of its own, which a busy machine brings later."""
    bar = timeline.vertical_scrollbar
    height = timeline.scrollable_content_region.height
    shown = (timeline.virtual_size.height, height, timeline.max_scroll_y)
    is_so = (bar.window_virtual_size, bar.window_size, bar.position) == shown
    return is_so or not timeline.show_vertical_scrollbar


def _compare(
    snap_compare: Callable[..., bool], scene: str, size: tuple[int, int], records: int, key: str
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
            while main._burst.strokes or (key == "w" and app.focused is not main.prompt):
                assert time.monotonic() < deadline
                await pilot.pause()
            for field in app.screen.query(Input):
                field.cursor_blink = False
            if key == "ctrl+p":
                while not app.screen.query_one(CommandList).option_count:
                    assert time.monotonic() < deadline
                    await pilot.pause()
        main.show_words()
        main.refresh(layout=True)
        await pilot.pause()
        while not _scroll_bar_follows(main.timeline):
            assert time.monotonic() < deadline
            await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=shown)
