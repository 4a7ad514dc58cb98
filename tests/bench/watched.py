"""The console with a watch inside, for what cannot be seen from outside:

    python -m tests.bench.watched FILE [arguments of call-console]

SIGUSR1 begins to watch, SIGUSR2 ends it and writes FILE: `frames`, milliseconds that each painting took;
`held`, milliseconds of each step of the main loop that took more than one; `samples`, how often each kind of
work was found at the main thread when 10 ms of processor time had passed (see `KINDS`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

KINDS = (
    # the first that fits the innermost frame that any fits
    ("resampling", ("console/audio/resample.py",)),
    ("RTP audio in and out of the stack", ("console/phone/", "/baresip/")),
    ("meters", ("console/audio/meter.py",)),
    ("bridge, buffers and formats", ("console/audio/", "console/call_audio.py")),
    ("WebSocket frames", ("/websockets/", "asyncio/selector_events.py", "asyncio/streams.py")),
    ("the AI's messages: JSON, base64, queue", ("console/agent/", "/base64.py", "/json/")),
    ("events, log, API", ("console/core/", "console/engine.py", "console/records/", "console/api/")),
    ("painting", ("/textual/", "/rich/", "console/ui/")),
    ("event loop and timers", ("/asyncio/",)),
)


class Watch:
    """On from `begin` to `end`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._on = False
        self._main = threading.get_ident()
        self.frames: list[float] = []
        self.held: list[float] = []
        self.samples: Counter[str] = Counter()

    def begin(self, *_: object) -> None:
        self._on = True
        signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)

    def end(self, *_: object) -> None:
        self._on = False
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        told = {"frames": self.frames, "held": self.held, "samples": dict(self.samples)}
        partial = self._file.with_suffix(".part")
        partial.write_text(json.dumps(told))
        partial.rename(self._file)
        self.frames, self.held, self.samples = [], [], Counter()

    def sample(self, _: int, frame: FrameType | None) -> None:
        self.samples[_kind(frame)] += 1

    def install(self) -> None:
        """Wrap one step of any loop, and the painting of the screen."""
        step, watch = asyncio.Handle._run, self

        def timed(handle: Any) -> None:
            began = time.perf_counter()
            step(handle)
            took = (time.perf_counter() - began) * 1000
            if watch._on and took > 1.0 and threading.get_ident() == watch._main:
                watch.held.append(took)

        setattr(asyncio.Handle, "_run", timed)  # noqa: B010
        for number, act in (
            (signal.SIGUSR1, self.begin),
            (signal.SIGUSR2, self.end),
            (signal.SIGPROF, self.sample),
        ):
            signal.signal(number, act)

    def install_on_screen(self) -> None:
        from textual.app import App

        paint, watch = App._display, self

        def timed(app: Any, *arguments: Any) -> None:
            began = time.perf_counter()
            paint(app, *arguments)
            if watch._on:
                watch.frames.append((time.perf_counter() - began) * 1000)

        setattr(App, "_display", timed)  # noqa: B010


def _kind(frame: FrameType | None) -> str:
    while frame is not None:
        place = frame.f_code.co_filename
        for kind, parts in KINDS:
            if any(part in place for part in parts):
                return kind
        frame = frame.f_back
    return "other"


def main() -> None:
    watch = Watch(Path(sys.argv[1]))
    sys.argv = ["call-console", *sys.argv[2:]]
    watch.install()
    if len(sys.argv) == 1:
        watch.install_on_screen()
    from console.cli import main as run

    run()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
