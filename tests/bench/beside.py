"""The official ElevenLabs SDK with its own audio interface, wired to the same Baresip over the same virtual
devices, with the same server, callee and clicks; beside it the console's figures of the same run, if its
parts were measured. The SDK lives in an environment of its own, which `make bench` makes."""

from __future__ import annotations

import subprocess
from dataclasses import replace

from console.demo.conversation.script import Script
from tests.bench import answer, delay, interruption
from tests.bench.bench import Bench
from tests.bench.line import ROOT, SDK_PYTHON
from tests.bench.rows import Row, row

PART = "beside"
_AFTER = 2.5
"""Seconds between two turns: the SDK's output goes on for more than a second."""


async def measure(bench: Bench) -> list[Row]:
    if not SDK_PYTHON.exists():
        raise RuntimeError("the official SDK is not installed: `make bench` does it")
    bench.versions |= _versions()
    times = await answer.times(bench, "sdk", bench.count(10, 3), script=_lenient(answer.GREETING))
    calls, clicks = bench.count(4, 1), bench.count(8, 5)
    found = await delay.totals(bench, "sdk", calls, clicks, adapt=_lenient)
    silence = await interruption.times(bench, "sdk", 6, _AFTER, _lenient)
    floors = bench.floors
    rows = [
        *times.rows(bench, "", "sdk", (None, None, None)),
        row(PART, delay.IN, "sdk", delay.milliseconds(found[delay.IN]), floor=floors["in"]),
        row(PART, delay.OUT, "sdk", delay.milliseconds(found[delay.OUT]), floor=floors["out"]),
        row(PART, interruption.WHAT, "sdk", silence, floor=floors["out"]),
    ]
    for engine in ("sdk", *bench.engines):
        rows += await _first_calls(bench, engine)
    return [replace(one, part=PART) for one in rows]


async def _first_calls(bench: Bench, engine: str) -> list[Row]:
    """What a program meets that is started for one call: nothing has been loaded or connected yet."""
    script = _lenient(answer.GREETING)
    firsts = [await answer.times(bench, engine, 1, script=script) for _ in range(bench.count(3, 1))]
    both = answer.Times(
        [t.upgrade[0] for t in firsts], [t.sound[0] for t in firsts], [t.close[0] for t in firsts]
    )
    return both.rows(bench, "first call of a process", engine, (None, None, None))


def _lenient(script: Script) -> Script:
    """The SDK sends audio before the metadata."""
    return replace(script, early_audio=True)


def _versions() -> dict[str, str]:
    """Of what only that environment has."""
    asked = "from importlib.metadata import version as v; print(v('elevenlabs'), v('pyaudio'))"
    ran = subprocess.run((SDK_PYTHON, "-c", asked), capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(zip(("elevenlabs", "pyaudio"), ran.stdout.split(), strict=True))
