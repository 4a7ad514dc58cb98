"""What commands print: events for programs on stdout, words for people. A thread of its own writes, so that a
slow or vanished reader never holds up a call."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import IO

from ..core import journal
from ..core.effects import Record
from ..records.logbook import record_json


class Output:
    """Prints records. `as_json`: one JSON object a line on stdout and the words on stderr, else the words on
    stdout. `on_gone` is called once, on the printing thread, when stdout has no reader any more."""

    def __init__(self, as_json: bool, on_gone: Callable[[], None]) -> None:
        self._as_json = as_json
        self._on_gone = on_gone
        self._lines: queue.SimpleQueue[tuple[IO[str], str] | None] = queue.SimpleQueue()
        self._gone = False
        self._thread = threading.Thread(target=self._print, name="output", daemon=True)
        self._thread.start()

    def records(self, records: Iterable[Record], wall_zero: float) -> None:
        """`wall_zero`: Unix time of engine second 0."""
        for record in records:
            if self._as_json:
                self._lines.put((sys.stdout, record_json(record)))
            words = sys.stderr if self._as_json else sys.stdout
            self._lines.put((words, _worded(record, wall_zero)))

    def say(self, sentence: str) -> None:
        """A sentence for people, on stderr."""
        self._lines.put((sys.stderr, sentence))

    def close(self) -> None:
        """Print what is left; a reader that takes nothing for 2 s is left behind."""
        self._lines.put(None)
        self._thread.join(2.0)

    def _print(self) -> None:
        while (entry := self._lines.get()) is not None:
            stream, line = entry
            if self._gone and stream is sys.stdout:
                continue
            try:
                print(line, file=stream, flush=True)
            except (OSError, ValueError):
                self._lose(stream)

    def _lose(self, stream: IO[str]) -> None:
        if self._gone or stream is not sys.stdout:
            return
        self._gone = True
        # The interpreter flushes stdout once more at exit and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        self._on_gone()


def _worded(record: Record, wall_zero: float) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(wall_zero + record.t))
    if record.type == "summary":
        return f"{at} {_summed_up(record)}"
    line = journal.word(record)
    return f"{at} {line.source:7} {line.text}"


def _summed_up(record: Record) -> str:
    fields = record.fields
    result = str(fields["result"]).replace("_", " ")
    return f"result: {result}; AI {fields['agent_seconds']} s; exit code {fields['exit_code']}"
