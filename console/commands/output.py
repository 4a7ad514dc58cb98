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
from ..core.outcome import SILENT_AGENT
from ..core.state import Outcome
from ..core.words import phrase
from ..language import shown, tr
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
        self._lines.put((sys.stderr, shown(sentence)))

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


_RESULTS = {
    Outcome.FINISHED: phrase("finished"),
    Outcome.BUSY: phrase("busy"),
    Outcome.NO_ANSWER: phrase("no answer"),
    Outcome.REFUSED: phrase("refused"),
    Outcome.AGENT_REFUSED: phrase("agent refused"),
    Outcome.AGENT_BUSY: phrase("agent busy"),
    Outcome.AGENT_LOST: phrase("agent lost"),
    Outcome.AGENT_FAILED_START: phrase("agent failed start"),
    Outcome.NO_LINE: phrase("no line"),
    Outcome.LOST: phrase("lost"),
    Outcome.KILLED: phrase("console killed"),
    Outcome.AUDIO_FAILED: phrase("audio failed"),
    Outcome.MISSED: phrase("missed"),
    Outcome.REJECTED: phrase("rejected"),
    Outcome.CANCELLED: phrase("cancelled"),
    SILENT_AGENT: phrase("no agent audio"),
    "stopped": phrase("stopped"),
}


def _worded(record: Record, wall_zero: float) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(wall_zero + record.t))
    if record.type == "summary":
        return f"{at} {_summed_up(record)}"
    line = journal.word(record)
    return f"{at} {shown(line.source):7} {shown(line.text)}"


def _summed_up(record: Record) -> str:
    fields = record.fields
    result = str(fields["result"])
    return tr(
        "result: {result}; AI {seconds} s; exit code {code}",
        result=_RESULTS.get(result, result),
        seconds=fields["agent_seconds"],
        code=fields["exit_code"],
    )
