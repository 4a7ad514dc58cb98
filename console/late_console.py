"""A console that is built when it is run: libraries for the line and the AI load while the screen is there
already."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from .core.events import CallId, Event, Quit
from .ports import Console, Levels, Publish


class LateConsole:
    """Implements `ports.Console` by the one that `build` makes in `run`. What is sent before waits for it;
    time stands at 0 until then."""

    def __init__(self, build: Callable[[], Console]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._console: Console | None = None
        self._waiting: deque[Event] = deque()

    async def run(self, publish: Publish) -> None:
        console = self._build()
        with self._lock:
            self._console = console
            while self._waiting:
                console.send(self._waiting.popleft())
        await console.run(publish)

    def send(self, event: Event) -> None:
        with self._lock:
            if self._console is None:
                self._waiting.append(event)
                return
        self._console.send(event)

    def levels(self, call: CallId) -> Levels:
        return self._console.levels(call) if self._console is not None else Levels()

    def now(self) -> float:
        return self._console.now() if self._console is not None else 0.0

    def stop(self) -> None:
        console = self._console
        if console is not None:
            console.stop()
        else:
            self.send(Quit())
