"""200 OK on the wire -> upgrade request on the wire -> the AI's first audio on the RTP wire; BYE on the wire
-> close frame on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from console.demo.conversation.script import Script, Step
from tests.bench.bench import Bench
from tests.bench.line import next_of, running_console, running_line, slow_network
from tests.bench.rows import Row, row

PART = "answer"
GREETING = Script(steps=(Step("say", text="Hello", seconds=0.25, hz=500.0, chunk=0.25),))
"""A short one: it has been played when the callee hangs up."""

GOALS = {
    # after the 200: upgrade request, AI's first sound; after the BYE: close frame
    "embedded": (2.0, 28.0, 1.0),
    "baresip": (10.0, 120.0, 20.0),
}
DELAY = 50.0


@dataclass
class Times:
    """Milliseconds of each call."""

    upgrade: list[float] = field(default_factory=list)
    sound: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)

    def rows(self, bench: Bench, how: str, engine: str, goals: tuple[float | None, ...]) -> list[Row]:
        named = (
            ("200 OK -> upgrade request", self.upgrade, "upgrade"),
            ("200 OK -> the AI's first audio", self.sound, "first audio"),
            ("BYE -> close frame", self.close, "close"),
        )
        return [
            row(PART, f"{what}, {how}" if how else what, engine, values, floor=bench.floors[floor], goal=goal)
            for (what, values, floor), goal in zip(named, goals, strict=True)
        ]


async def measure(bench: Bench) -> list[Row]:
    rows = []
    for engine in bench.engines:
        calls = bench.count(20, 4)
        rows += (await times(bench, engine, calls)).rows(bench, "prepared", engine, GOALS[engine])
        few, none = bench.count(10, 3), (None, None, None)
        unprepared = await times(bench, engine, few, ("--unprepared",))
        rows += unprepared.rows(bench, "nothing prepared", engine, none)
        for how, flags in (("prepared", ()), ("nothing prepared", ("--unprepared",))):
            slow = await delayed(bench, engine, bench.count(6, 2), flags)
            rows += slow.rows(bench, f"{how}, {DELAY:.0f} ms each way to the AI", engine, none)
    return rows


async def times(
    bench: Bench, engine: str, calls: int, flags: tuple[str, ...] = (), script: Script = GREETING
) -> Times:
    """Of calls that last until the callee has heard the AI."""
    found = Times()
    async with running_line(bench.folder, script) as line, running_console(line, engine, *flags) as console:
        for number in range(calls):
            await console.call("Brief")
            told = await line.told()
            upgrades = [entry["mono"] for entry in line.entries("request") if entry["upgrade"]]
            closes = [entry["mono"] for entry in line.entries("close_frame")]
            _note(found, told, upgrades[number], closes[number])
    return found


async def delayed(bench: Bench, engine: str, calls: int, flags: tuple[str, ...] = ()) -> Times:
    """The clock of request and frame is that of the proxy, whose near side is the console's wire."""
    found = Times()
    async with (
        running_line(bench.folder, GREETING, pace=0.9) as line,
        slow_network(line, DELAY) as proxy,
        running_console(line, engine, *flags, ELEVENLABS_BASE_URL=_url(proxy.lines[0]["port"])) as console,
    ):
        for number in range(calls):
            await console.call("Brief")
            told = await line.told()
            upgrade, close = [await next_of(proxy, what, number) for what in ("upgrade", "close")]
            _note(found, told, upgrade["mono"], close["mono"])
    return found


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _note(found: Times, told: dict[str, Any], upgrade: float, close: float) -> None:
    found.upgrade.append(1000 * (upgrade - told["answered"]))
    found.sound.append(1000 * (told["sounds"][0][0] - told["answered"]))
    found.close.append(1000 * (close - told["bye"]))
