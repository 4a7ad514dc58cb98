"""The server says that the callee broke in -> the last packet with the AI's voice on the RTP wire."""

from __future__ import annotations

import random
from collections.abc import Callable

from console.demo.conversation.script import Script, Step
from tests.bench.bench import Bench
from tests.bench.line import running_console, running_line
from tests.bench.rows import Row, row

PART, WHAT = "interruption", "interruption -> last AI audio"
GOALS = {"embedded": 60.0, "baresip": None}
"""For the external engine none was set."""

_SPOKEN, _BEFORE, _AFTER = 6.0, 0.7, 0.6
"""Seconds: a turn, all of it sent at once; of it until the interruption; until the next turn."""
_STALL = 0.3
"""Seconds that its packets may have been late then, on a machine that does other things too."""


async def measure(bench: Bench) -> list[Row]:
    rows = []
    for engine in bench.engines:
        found = await times(bench, engine)
        rows.append(row(PART, WHAT, engine, found, floor=bench.floors["out"], goal=GOALS[engine]))
    return rows


async def times(
    bench: Bench,
    engine: str,
    each: int = 8,
    after: float = _AFTER,
    adapt: Callable[[Script], Script] = lambda script: script,
) -> list[float]:
    """Milliseconds. `after`: longer than the AI's voice goes on, else it runs into the next turn."""
    calls, each = bench.count(2, 1), bench.count(each, 5)
    steps = []
    for _ in range(each):
        steps += [
            Step("say", text="Let me explain", seconds=_SPOKEN, hz=500.0),
            Step("wait", seconds=_BEFORE + random.uniform(0.0, 0.1)),
            Step("interrupt"),
            Step("wait", seconds=after),
        ]
    seconds = each * (_BEFORE + 0.1 + after) + 1.0
    found = []
    async with (
        running_line(bench.folder, adapt(Script(steps=tuple(steps))), BENCH_SECONDS=str(seconds)) as line,
        running_console(line, engine) as console,
    ):
        for number in range(1, calls + 1):
            await console.call("Listener")
            sounds = (await line.told())["sounds"]
            for entry in line.entries("step"):
                if entry["conversation"] == number and entry["do"] == "interrupt":
                    # 0: the last packet had left before the interruption was sent
                    found.append(max(0.0, 1000 * (_last_of(sounds, entry["mono"]) - entry["mono"])))
    return found


def _last_of(sounds: list[list[float]], at: float) -> float:
    """The last packet of the stretch of the AI's voice in which, or just after which, this moment is."""
    lasts = [last for first, last in sounds if first <= at <= last + _STALL]
    if not lasts:
        raise LookupError("the AI was not heard when it was interrupted")
    return lasts[-1]
