"""Measure what stands between the answer and the AI: real SIP, RTP, REST and WebSocket on 127.0.0.1.

    .venv/bin/python tools/measure_answer.py [CALLS]

For each phone engine: the 200 OK leaves the exchange -> the upgrade request reaches the conversation server,
and the BYE leaves the exchange -> the session's close frame reaches it. All clocks are this machine's.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.console_rig import ConsoleRig, running_console

ENGINES = ("embedded", "baresip")


async def one_call(console: ConsoleRig, number: int) -> tuple[float, float]:
    """Milliseconds from the 200 OK to the upgrade request, and from the BYE to the close frame."""
    call = console.dial("Cut off")
    await console.over(call)
    answered = await console.far("answered", count=number)
    left = await console.far("ended", count=number)
    sessions = await console.sessions()
    upgrades = (await console.conversation.report())["upgrades"]
    return 1000 * (upgrades[-1] - answered["t"]), 1000 * (sessions[-1]["close_seen"] - left["t"])


async def measure(engine: str, calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running_console(Path(folder), engine=engine, pace=0.2) as console:
            line = console.state.line
            figures = [await one_call(console, number + 1) for number in range(calls)]
    print(f"{engine} {line.version}, {calls} calls, milliseconds")
    for name, values in zip(("200 OK -> upgrade", "BYE -> close"), zip(*figures, strict=True), strict=True):
        ranked = sorted(values)
        p95 = ranked[min(len(ranked) - 1, round(0.95 * len(ranked)))]
        print(f"  {name:18} median {statistics.median(ranked):6.1f}   p95 {p95:6.1f}   max {ranked[-1]:6.1f}")


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}")
    for engine in ENGINES:
        if engine == "baresip" and not shutil.which("baresip"):
            print("baresip: not installed, not measured")
            continue
        asyncio.run(measure(engine, calls))


if __name__ == "__main__":
    main()
