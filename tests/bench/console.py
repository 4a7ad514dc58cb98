"""The console as the benchmark runs it: a process of its own, without a screen, settings in the environment.

    python -m tests.bench.console [--unprepared] [--trace]

Prints JSON lines: `{"event": "ready"}` when it is registered, `{"event": "over"}` for each call that ended.
Reads `{"dial": NUMBER}`. `--unprepared`: no connection is held before the answer. `--trace`: the last line
has when clicks passed the seams inside, see `trace`. Ends when its input does."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from console.agent.session import ElevenLabsSession
from console.core.events import CallId, Dial, RegState
from console.engine import Engine
from console.ports import Update
from console.settings.loading import load
from console.wiring import build
from tests.bench.trace import trace


class Told:
    """Tells what the engine publishes, as far as it matters."""

    def __init__(self) -> None:
        self.ready = False
        self.over: set[str] = set()

    def __call__(self, update: Update) -> None:
        state = update.state
        if not self.ready and state.line.registration is RegState.OK:
            self.ready = True
            tell(event="ready", version=state.line.version)
        for call in state.ended:
            if call.id not in self.over:
                self.over.add(call.id)
                tell(event="over", call=call.id)


def tell(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


async def run(engine: Engine) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    running = asyncio.create_task(engine.run(Told()))
    calls = 0
    while line := await reader.readline():
        calls += 1
        engine.send(Dial(CallId(f"call{calls}"), json.loads(line)["dial"], confirmed=True))
    engine.stop()
    await running


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.console", description=__doc__)
    parser.add_argument("--unprepared", action="store_true")
    parser.add_argument("--trace", action="store_true")
    options = parser.parse_args()
    if options.unprepared:
        ElevenLabsSession.prepare = lambda self: None  # type: ignore[method-assign]
    loaded = load(os.environ, Path.cwd())
    if loaded.problems or loaded.missing:
        sys.exit(" ".join((*loaded.problems, *loaded.missing)))
    stages = trace(loaded.settings.engine) if options.trace else {}
    asyncio.run(run(build(loaded)))
    tell(event="trace", stages={name: onset.at for name, onset in stages.items()})


if __name__ == "__main__":
    main()
