"""Looks on while another console works: follows its event file and shows what it tells on the same screen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from . import language
from .commands.log_words import remembered
from .core.effects import Record
from .core.events import CallId, Event
from .core.replay import CONSOLE_ENDED, replay
from .core.state import Policy, State
from .ports import Levels, Publish, Update
from .records import runs
from .records.calls import (
    CALLS,
    NEVER_CALL,
    answered_lately,
    load_calls,
    load_never_call,
    totals_of_today,
)
from .records.logbook import EVENTS
from .records.tail import Tail
from .settings.loading import Loaded

LOOK_SECONDS = 0.2


class WatchedConsole:
    """Implements `ports.Console` on the files of the console that holds the line. It takes no commands.

    `alive` tells whether that console still runs; another one that follows it is followed in turn.
    """

    def __init__(self, data_dir: Path, log_dir: Path, policy: Policy, alive: Callable[[], bool]) -> None:
        self._calls = data_dir / CALLS
        self._events = log_dir / EVENTS
        self._policy = policy
        self._alive = alive
        self._lives = True
        self._run = runs.Run(0, time.time())
        self._last = 0.0
        self._state = State(policy)
        self._stop = threading.Event()

    async def run(self, publish: Publish) -> None:
        """Reads beside the loop, slice by slice: days of events hold no key up."""
        tail = await asyncio.to_thread(runs.tail_of_run, self._events)
        try:
            publish(self._update(await self._read(tail)))
            while not self._stop.is_set():
                await asyncio.sleep(LOOK_SECONDS)
                fresh = await self._read(tail)
                fresh += self._look_for_its_end()
                if fresh:
                    publish(self._update(fresh))
        finally:
            tail.close()

    async def _read(self, tail: Tail) -> list[Record]:
        slices, shown = tail.slices(), list[Record]()
        while not self._stop.is_set():
            lines = await asyncio.to_thread(next, slices, None)
            if lines is None:
                break
            shown = await asyncio.to_thread(self._take, shown, lines)
        return shown

    def _update(self, shown: list[Record]) -> Update:
        return Update(self._state, tuple(shown), self._run.wall_zero)

    def send(self, event: Event) -> None:
        """Nothing: who looks on does nothing."""

    def levels(self, call: CallId) -> Levels:
        return Levels()

    def now(self) -> float:
        return time.time() - self._run.wall_zero

    def stop(self) -> None:
        self._stop.set()

    def _take(self, shown: list[Record], lines: Iterable[str]) -> list[Record]:
        """Bring the state up to date; returns what belongs to the run that is followed."""
        for told in runs.records(lines):
            record = remembered(told, language.spoken())
            run = runs.read_mark(record)
            if run is not None:
                self._begin(run)
                shown = []
            elif not self._run.pid and record.t > self.now():
                self._run = runs.Run(0, self._written_at() - record.t)
            self._last = record.t
            self._state = replay(self._state, record)
            shown.append(record)
        return shown

    def _written_at(self) -> float:
        """When the file was last added to (Unix seconds): without a mark, its last record is of then."""
        try:
            return self._events.stat().st_mtime
        except OSError:
            return time.time()

    def _begin(self, run: runs.Run) -> None:
        """A run begins: what its records do not tell is what was on disk."""
        self._run, self._lives = run, True
        earlier = tuple(call for call in load_calls(self._calls, run.wall_zero) if call.started_at < 0)
        never_call, _ = load_never_call(self._calls.with_name(NEVER_CALL), self._policy.region)
        self._state = State(
            self._policy,
            ended=earlier,
            totals=totals_of_today(earlier, run.wall_zero, 0.0),
            never_call=never_call,
            answered_today=answered_lately(earlier, 0.0) if self._policy.ask_if_answered else frozenset(),
        )

    def _look_for_its_end(self) -> list[Record]:
        if self._alive() == self._lives:
            return []
        self._lives = not self._lives
        if self._lives:
            return []
        reason = CONSOLE_ENDED
        killed = tuple(runs.killed_call(call, self._last, self._run.pid) for call in self._state.calls)
        line = replace(self._state.line, up=False, reason=reason)
        self._state = replace(self._state, line=line, calls=(), ended=(*killed, *self._state.ended))
        return [Record(self.now(), "notice", None, {"text": reason})]


def watch(loaded: Loaded, log_dir: Path) -> int:
    """Open the screen on what the console that holds the line writes to `log_dir`; returns the exit code."""
    from .audio.stderr_guard import stderr_to
    from .line_lock import holder
    from .opening import STDERR_LOG
    from .ui.options import ScreenOptions
    from .ui.run import run_screen

    settings = loaded.settings
    account = f"{settings.sip_user}@{settings.sip_domain}" if settings.sip_user else settings.sip_domain
    data_dir = settings.data_dir
    # What is missing here says nothing of theirs.
    policy = replace(loaded.policy, not_ready="", has_agent=True)
    console = WatchedConsole(data_dir, log_dir, policy, lambda: holder(data_dir) is not None)
    options = ScreenOptions(account=account, demo=loaded.demo, sounds=False, watching=True)
    with stderr_to(log_dir / STDERR_LOG):
        return run_screen(console, options)
