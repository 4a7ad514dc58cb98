"""How long the bridge takes, each way: a click in the callee's RTP -> its arrival at the conversation server;
a click in the agent's audio -> its RTP packet. Split by stage in calls of their own, see `trace`."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator

from console.audio.pcm import FORMATS
from console.demo.conversation.script import Script, Step
from tests.bench.bench import Bench
from tests.bench.clicks import agent_click, onsets, pairs
from tests.bench.line import Console, Line, running_console, running_line
from tests.bench.rows import Row, row

PART = "delay"
FORMAT = "pcm_16000"
IN, OUT = "callee -> conversation server", "agent -> callee"
GOALS = {"embedded": {IN: 45.0, OUT: 22.0}, "baresip": {IN: 100.0, OUT: 60.0}}
GOAL_JITTER = "20-120"
"""The goal toward the server was reached with a jitter buffer that begins at 20 ms."""

STAGES = {
    IN: (
        ("read", "RTP packet -> the bridge has read it (phone, jitter buffer, devices)"),
        ("sent", "read -> given to the session (bridge)"),
        ("", "given to the session -> at the server (encoding, sockets)"),
    ),
    OUT: (
        ("played", "sent -> in the bridge (sockets, decoding)"),
        ("written", "in the bridge -> given to the phone"),
        ("device", "given to the phone -> given to the sound server"),
        ("", "then -> RTP packet (phone, packet time, devices)"),
    ),
}
Clicks = dict[str, list[tuple[float, float]]]
"""For each way: when it left and when it came, monotonic seconds."""
Stages = dict[tuple[str, str], list[float]]
"""Seconds by way and stage."""


async def measure(bench: Bench) -> list[Row]:
    rows = []
    for engine in bench.engines:
        calls, clicks = bench.count(4, 2), bench.count(8, 5)
        found = await totals(bench, engine, calls, clicks)
        rows += [_row(bench, way, engine, found, GOALS[engine][way]) for way in (IN, OUT)]
        if engine == "embedded":
            found = await totals(bench, engine, calls, clicks, JITTER_MS=GOAL_JITTER)
            rows.append(_row(bench, IN, engine, found, GOALS[engine][IN], note=f"JITTER_MS={GOAL_JITTER}"))
        _, stages = await traced(bench, engine, bench.count(2, 1), clicks)
        rows += [
            row(PART, f"of {way}: {what}", engine, [1000 * s for s in seconds])
            for (way, what), seconds in stages.items()
        ]
    return rows


def _row(bench: Bench, way: str, engine: str, found: Clicks, goal: float, note: str = "") -> Row:
    floor = bench.floors["in" if way == IN else "out"]
    return row(PART, way, engine, milliseconds(found[way]), floor=floor, goal=goal, note=note)


def milliseconds(clicks: list[tuple[float, float]]) -> list[float]:
    return [1000 * (came - left) for left, came in clicks]


async def totals(
    bench: Bench,
    engine: str,
    calls: int,
    clicks: int,
    adapt: Callable[[Script], Script] = lambda script: script,
    **settings: str,
) -> Clicks:
    """Several calls: in each the clocks of both ends stand otherwise to each other."""
    async with (
        running_line(bench.folder, adapt(_script(clicks)), BENCH_CLICKS=str(clicks)) as line,
        running_console(line, engine, **settings) as console,
    ):
        return await _call(line, console, calls)


async def _call(line: Line, console: Console, calls: int) -> Clicks:
    found: Clicks = {IN: [], OUT: []}
    for number in range(1, calls + 1):
        await console.call("Clicks")
        for way, some in (await clicks_of(line, number)).items():
            found[way] += some
    return found


def _script(clicks: int) -> Script:
    steps = [Step("say", text="Hello", seconds=0.25, hz=500.0, chunk=0.25)]
    for _ in range(clicks):
        steps += [Step("wait", seconds=random.uniform(0.62, 0.8)), agent_click()]
    return Script(steps=tuple(steps))


async def clicks_of(line: Line, number: int) -> Clicks:
    """Of this conversation (from 1), which is the newest call: what both far ends say of it."""
    told = await line.told()
    rate, width = FORMATS[FORMAT].rate, FORMATS[FORMAT].width
    arrivals = await line.conversation.arrivals(number)
    heard = [at * width for at in onsets(await line.conversation.caller_audio(number), rate)]
    came = [next(mono for mono, size in arrivals if size > at) for at in heard]
    said = [
        entry["mono"]
        for entry in line.entries("step")
        if entry["conversation"] == number and entry["do"] == "send"
    ]
    sounds = [first for first, _ in told["sounds"]]
    return {IN: pairs(told["clicks"], came, IN), OUT: pairs(said, sounds[1:], OUT)}


async def traced(bench: Bench, engine: str, calls: int, clicks: int) -> tuple[Clicks, Stages]:
    """The clicks of some calls, and how long each stage took them. One console for all calls, so that its
    clicks are in the order of ours."""
    async with (
        running_line(bench.folder, _script(clicks), BENCH_CLICKS=str(clicks)) as line,
        running_console(line, engine, "--trace") as console,
    ):
        found = await _call(line, console, calls)
        passed = (await console.stop())["stages"]
    stages: Stages = defaultdict(list)
    for way, some in found.items():
        for left, came in some:
            for what, seconds in _split(way, left, came, passed):
                stages[way, what].append(seconds)
    return found, stages


def _split(way: str, left: float, came: float, passed: dict[str, list[float]]) -> Iterator[tuple[str, float]]:
    """The stages of one click, as far as this engine has them; none after one that did not see it."""
    at = left
    for stage, what in STAGES[way]:
        if stage and stage not in passed:
            continue
        seen = came if not stage else next((t for t in passed[stage] if at <= t <= came), None)
        if seen is None:
            return
        yield what, seen - at
        at = seen
