"""The screen, as the program draws it on a terminal of 80 by 24: how soon it is there, how soon a key acts,
what painting costs while events pour in, what the sound of a call notices of it, and what an idle screen
costs."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

from console.demo.conversation.script import Script, Step
from tests.bench import marked, steady
from tests.bench.agent_voice import script
from tests.bench.bench import Bench
from tests.bench.packets import Packets
from tests.bench.program import FarEnds, Program, far_ends
from tests.bench.rows import Row, row, single
from tests.bench.terminal import Terminal

PART = "screen"
IDLE_GOAL = 2.0
_CODEC, _FORMAT = "PCMU", "pcm_16000"
_A_SECOND = 400
"""Transcripts in a flood."""

_F8 = "\x1b[19~"
_WORDS = "AI session"
"""They are in the first painting and nowhere before it."""

_A_KEY = 0.08
"""Between two keys of a quick hand, in seconds."""

_BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("AI session")
Bare().run()
"""


async def measure(bench: Bench) -> list[Row]:
    rows: list[Row] = []
    seconds = bench.count(10, 4)
    scripts = {
        "steady": script(bench.folder, _FORMAT, _FORMAT, 120.0),
        "flood": _talk(seconds, _A_SECOND),
    }
    rows += await starts(bench, bench.count(6, 2))
    async with far_ends(bench.folder, **scripts) as far:
        async with Program(far, bench.folder, screen=True) as program:
            rows += await _idle(bench, program)
            rows += await _keys(bench, far, program)
        async with Program(far, bench.folder, screen=True, watched=True) as program:
            rows += await _flood(far, program, seconds)
        async with Program(far, bench.folder, screen=True) as program:
            rows += await _disturbed(bench, far, program)
    return rows


# ---- start ----


async def starts(bench: Bench, count: int) -> list[Row]:
    painted, ready, bare = [], [], []
    async with far_ends(bench.folder, steady=script(bench.folder, _FORMAT, _FORMAT, 2.0)) as far:
        for _ in range(count):
            known = len(far.line.lines)
            async with Program(far, bench.folder, screen=True) as program:
                terminal = program.terminal
                painted.append(1000 * (await terminal.drawn_with(_WORDS) - terminal.started))
                registered = await _far(far, "register", known, status=200)
                ready.append(1000 * (registered - terminal.started_unix))
            bare.append(await _bare_start(bench.folder))
    floor = float(np.median(bare))
    note = "floor: a Textual program with one line of text"
    return [
        row(PART, "start to first painting", "embedded", painted, floor=floor, note=note),
        row(PART, "start to a registered line", "embedded", ready),
    ]


async def _bare_start(folder: Path) -> float:
    async with Terminal((sys.executable, "-c", _BARE), folder, {}) as terminal:
        return 1000 * (await terminal.drawn_with(_WORDS) - terminal.started)


# ---- idle ----


async def _idle(bench: Bench, program: Program) -> list[Row]:
    await asyncio.sleep(3.0)
    seconds = bench.count(15, 5)
    before, drawn = program.processor_seconds(), sum(len(data) for _, data in program.terminal.drawn)
    await asyncio.sleep(seconds)
    share = 100 * (program.processor_seconds() - before) / seconds
    wrote = (sum(len(data) for _, data in program.terminal.drawn) - drawn) / seconds
    note = f"registered, no call, {seconds} s; {wrote:.0f} bytes a second to the terminal"
    return [single(PART, "idle screen", "embedded", share, "% of a core", goal=IDLE_GOAL, note=note)]


# ---- keys ----


async def _keys(bench: Bench, far: FarEnds, program: Program) -> list[Row]:
    shown = []
    for index in range(bench.count(30, 5)):
        digit = "3579"[index % 4]
        place = len(program.terminal.drawn)
        at = program.terminal.type(digit)
        shown.append(1000 * (await program.terminal.drawn_with(digit, place) - at))
        await asyncio.sleep(_A_KEY)
        program.terminal.type("\x7f")
        await asyncio.sleep(2 * _A_KEY)
    hung_up = {"h": [], _F8: []}  # type: dict[str, list[float]]
    for index in range(bench.count(10, 2)):
        key = list(hung_up)[index % 2]
        await program.dial(steady.number(_CODEC, index))
        await asyncio.sleep(0.3)
        known = len(far.line.lines)
        at = time.time()
        program.terminal.type(key)
        hung_up[key].append(1000 * (await _far(far, "ended", known) - at))
        await asyncio.sleep(0.3)
    gap = "20 ms of it wait whether it is a paste"
    return [
        row(PART, "a digit pressed -> it is drawn", "embedded", shown, note=gap),
        row(PART, "h pressed -> BYE at the callee", "embedded", hung_up["h"], note=gap),
        row(PART, "F8 pressed -> BYE at the callee", "embedded", hung_up[_F8]),
    ]


async def _far(far: FarEnds, event: str, since: int, **fields: object) -> float:
    """When (Unix seconds) the exchange saw this."""

    def found() -> list[dict[str, Any]]:
        lines = far.line.lines[since:]
        return [line for line in lines if line["event"] == event and fields.items() <= line.items()]

    if not await asyncio.to_thread(far.line.wait_for, lambda: bool(found()), 10.0):
        raise RuntimeError(f"the exchange never reported {event}")
    return float(found()[0]["t"])


# ---- flood ----


async def _flood(far: FarEnds, program: Program, seconds: int) -> list[Row]:
    await far.talk("flood")
    call = await program.dial(steady.number(_CODEC, 50))
    told: dict[str, Any] = {}
    shown = []
    async with program.watching(told):
        end = time.monotonic() + seconds
        while time.monotonic() < end - 1.0:
            place = len(program.terminal.drawn)
            at = program.terminal.type("7")
            with contextlib.suppress(TimeoutError):
                shown.append(1000 * (await program.terminal.drawn_with("7", place) - at))
            await asyncio.sleep(0.3)
    written = sum(event["type"] == "agent.transcript" for event in program.events())
    await program.hang_up(call)
    note = f"{written} transcripts in {seconds} s"
    return [
        row(PART, "painting under a flood", "embedded", told["frames"], note=note),
        row(
            PART,
            "steps of the screen's loop under a flood (over 1 ms)",
            "embedded",
            told["held"],
            note=f"{len(told['frames']) / seconds:.0f} paintings a second",
        ),
        row(PART, "a digit pressed -> something is drawn, under a flood", "embedded", shown),
    ]


def _talk(seconds: float, a_second: int) -> Script:
    told = []
    for number in range(round(seconds * a_second)):
        event = {"agent_response": f"sentence {number}: what the AI says, in a few words", "event_id": 1}
        told.append(Step("send", body={"type": "agent_response", "agent_response_event": event}))
        if number % 4 == 3:
            told.append(Step("wait", seconds=4 / a_second - 0.001))
    turn = Step("say", text="A long turn", seconds=seconds + 5.0, hz=500)
    return Script(steps=(turn, *told, Step("hold")))


# ---- the sound meanwhile ----


async def _disturbed(bench: Bench, far: FarEnds, program: Program) -> list[Row]:
    await far.talk("steady")
    number = steady.number(_CODEC, 60)
    call = await program.dial(number)
    await asyncio.sleep(3.0)
    spans = {}
    for name, disturb in _DISTURBANCES.items():
        begin = time.time()
        async with _meanwhile(program, disturb):
            await asyncio.sleep(bench.count(8, 3))
        spans[name] = (begin, time.time())
        program.terminal.resize(80, 24)
        await asyncio.sleep(0.5)
    if any(event["type"] == "agent.closed" and event["call"] == call for event in program.events()):
        raise RuntimeError(f"the call ended while the screen was disturbed: {program.events()[-6:]}")
    await program.hang_up(call)
    await asyncio.sleep(0.5)
    conversation = len((await far.conversation.report())["conversations"])
    audio = await far.conversation.caller_audio(conversation)
    arrivals = np.array(await far.conversation.arrivals(conversation))
    when = arrivals[:, 0] + time.time() - time.monotonic()
    packets = Packets.read(far.packets, number)
    rows = []
    for name, span in spans.items():
        first, last = np.searchsorted(when, span)
        cut = audio[int(arrivals[first, 1]) // 2 : int(arrivals[last - 1, 1]) // 2]
        to_ai = marked.follow(cut, 16000)
        heard = packets.between(*span)
        to_callee = marked.follow(heard.pcm(), 8000)
        if not to_ai.seconds or not to_callee.seconds:
            raise RuntimeError(f"the sound was not recognised while {name}")
        late = np.maximum(0.0, np.diff(when[first:last]) * 1000 - 20.0)
        rows += [
            row(PART, f"sound to the AI late, {name}", "embedded", list(map(float, late))),
            single(
                PART,
                f"late frames, both ways, {name}",
                "embedded",
                round((sum(to_ai.gaps) + sum(to_callee.gaps)) / 20),
                "",
                goal=0.0,
                note=f"of {2 * round(50 * (span[1] - span[0]))}; {heard.missing} RTP packets missing",
            ),
        ]
    return rows


@contextlib.asynccontextmanager
async def _meanwhile(program: Program, disturb: Callable[[Program], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(disturb(program))
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        program.terminal.type("\x1b")
        await asyncio.sleep(0.3)
        program.terminal.type("\x1b")


async def _nothing(program: Program) -> None:
    await asyncio.Event().wait()


async def _palette(program: Program) -> None:
    while True:
        await _open(program, "\x10", "earch for a command")
        program.terminal.type("\x1b")
        await asyncio.sleep(0.2)


async def _themes(program: Program) -> None:
    """By the palette, as an operator does it. A letter that comes before the palette is a command."""
    while True:
        for theme in ("nord", "gruvbox", "dracula"):
            await _open(program, "\x10", "earch for a command")
            program.terminal.type("Theme")
            await asyncio.sleep(0.4)
            await _open(program, "\r", "earch for a theme")
            program.terminal.type(theme)
            await asyncio.sleep(0.4)
            program.terminal.type("\r")
            await asyncio.sleep(0.3)


async def _open(program: Program, key: str, words: str) -> None:
    """Press the key and wait until a field stands there."""
    place = len(program.terminal.drawn)
    program.terminal.type(key)
    await program.terminal.drawn_with(words, place)
    await asyncio.sleep(0.1)


async def _sizes(program: Program) -> None:
    while True:
        for columns in (*range(80, 161, 10), *range(150, 80, -10)):
            program.terminal.resize(columns, columns // 3)
            await asyncio.sleep(0.05)


_DISTURBANCES: dict[str, Callable[[Program], Awaitable[None]]] = {
    "nothing else happening": _nothing,
    "the palette opening": _palette,
    "themes changing": _themes,
    "the terminal resized 20 times a second": _sizes,
}
