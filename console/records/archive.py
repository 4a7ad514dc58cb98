"""What outlives a run of the console, behind one door: log files, call records, the never-call list."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ..core.caller import known_number
from ..core.effects import Record
from ..core.events import Event, Ignored, NeverCallLoaded, Notice
from ..core.state import ENDED_KEPT, Call, Policy, State
from ..core.system_errors import system_error
from ..core.words import joined, phrase
from . import runs
from .calls import (
    CALLS,
    NEVER_CALL,
    amend_call,
    answered_lately,
    append_private,
    call_from,
    call_line,
    load_calls,
    load_never_call,
    remove_never_call,
    totals_of_today,
)
from .logbook import EVENTS, Logbook


class Archive:
    """Implements `engine.Archive` on two folders, which it makes when they are missing."""

    def __init__(self, data_dir: Path, log_dir: Path, keep_days: int, policy: Policy) -> None:
        self._data = data_dir
        self._logs = log_dir
        self._keep_days = keep_days
        self._policy = policy
        self._never_call_at: int | None = None
        self._send: Callable[[Event], None] = lambda event: None
        self._wall_zero = 0.0
        self._logbook: Logbook | None = None
        self._calls: ThreadPoolExecutor | None = None
        self._killed: tuple[str, ...] = ()

    def initial(self, wall_zero: float, now: float, send: Callable[[Event], None]) -> State:
        """The state that the files tell of: recent calls, the totals of the day, the never-call list. `send`
        takes facts about the files, on any thread."""
        self._wall_zero = wall_zero
        self._send = send
        self._killed = self._find_killed()
        killed = tuple(call_from(json.loads(line), wall_zero) for line in self._killed)
        calls = tuple(map(self._known, (*reversed(killed), *load_calls(self._data / CALLS, wall_zero))))
        state = State(
            policy=self._policy,
            ended=calls[:ENDED_KEPT],
            totals=totals_of_today(calls, wall_zero, now),
            answered_today=answered_lately(calls, now) if self._policy.ask_if_answered else frozenset(),
        )
        edited = self.edited_never_call()
        return replace(state, never_call=edited.numbers) if edited else state

    def _known(self, call: Call) -> Call:
        """Earlier versions wrote the caller's SIP URI in the place of the number."""
        if not call.incoming or not call.number.startswith(("sip:", "sips:")):
            return call
        return replace(call, number=known_number(call.number, self._policy.region))

    def start(self) -> None:
        for folder in (self._data, self._logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._logbook = Logbook(self._logs, self._keep_days, self._wall_zero, self._trouble)
        self._logbook.start()
        self._calls = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._logbook.write(runs.started(0.0, self._wall_zero))
        for line in self._killed:
            self._append(CALLS, line)
            number = json.loads(line)["number"]
            words = phrase("The console was killed in a call with {number}: it is on record.", number=number)
            self._send(Notice(words))

    def _find_killed(self) -> tuple[str, ...]:
        """The records of the calls in which the run before this one was killed, unless they are written."""
        found = runs.killed(self._logs / EVENTS)
        if found is None:
            return ()
        run, calls = found
        known = {call.id for call in load_calls(self._data / CALLS, self._wall_zero)}
        return tuple(call_line(call, run.wall_zero) for call in calls if call.id not in known)

    def write(self, record: Record) -> None:
        if self._logbook:
            self._logbook.write(record)

    def phone_output(self, line: str) -> None:
        if self._logbook:
            self._logbook.phone_output(line)

    def keep(self, call: Call) -> None:
        """Write the record of a finished call; soon, as `amend` does."""
        line = call_line(call, self._wall_zero)
        self._in_turn(lambda: self._append(CALLS, line))

    def amend(self, call: Call) -> None:
        """Replace the record of this call; the file is rewritten whole, or stays as it is."""
        line = call_line(call, self._wall_zero)
        self._in_turn(lambda: self._writing(CALLS, lambda path: amend_call(path, line, call.id)))

    def add_never_call(self, number: str) -> None:
        self._append(NEVER_CALL, f"{number}  # {time.strftime('%Y-%m-%d')}, from the console")

    def remove_never_call(self, number: str) -> None:
        self._writing(NEVER_CALL, lambda path: remove_never_call(path, number, self._policy.region))

    def edited_never_call(self) -> NeverCallLoaded | None:
        path = self._data / NEVER_CALL
        try:
            changed_at = path.stat().st_mtime_ns
        except OSError:
            return None
        if changed_at == self._never_call_at:
            return None
        self._never_call_at = changed_at
        try:
            numbers, problems = load_never_call(path, self._policy.region)
        except OSError as error:  # what was read before holds
            words = phrase("{name} cannot be read: {error}", name=NEVER_CALL, error=system_error(error))
            self._trouble(words)
            return None
        for problem in problems:
            self._trouble(joined(": ", (NEVER_CALL, problem)))
        return NeverCallLoaded(numbers)

    def stop(self) -> None:
        """Write what is left."""
        if self._calls:
            self._calls.shutdown()
            self._calls = None
        if self._logbook:
            self._logbook.write(runs.ended(time.time() - self._wall_zero))
            self._logbook.stop()
            self._logbook = None

    def _in_turn(self, work: Callable[[], None]) -> None:
        """What is done to the records of calls, one after the other on a thread of their own: rewriting those
        of months takes longer than a call can wait."""
        if self._calls:
            self._calls.submit(work)
        else:
            work()

    def _append(self, name: str, line: str) -> None:
        self._writing(name, lambda path: append_private(path, line))

    def _writing(self, name: str, write: Callable[[Path], None]) -> None:
        try:
            write(self._data / name)
        except OSError as error:
            self._trouble(phrase("{name} cannot be written: {error}", name=name, error=system_error(error)))

    def _trouble(self, sentence: str) -> None:
        """Also called on the threads that write."""
        self._send(Ignored("files", sentence))
