"""The log files: `events.jsonl` (every record), `console.log` (the same in plain words) and `baresip.log`
(what the phone program prints).

Written by a thread of its own, so that a slow or full disk never delays a call; rotated at midnight, kept
`keep_days`, readable by their owner only.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import queue
from collections.abc import Callable
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path

from ..core import journal
from ..core.effects import JsonValue, Record
from ..core.words import phrase

EVENTS = "events.jsonl"
WORDS = "console.log"
PHONE = "baresip.log"


def record_json(record: Record) -> str:
    """A record as the JSON object that `interface.md` describes, on one line."""
    return json.dumps(record_object(record), ensure_ascii=False)


def record_object(record: Record) -> dict[str, JsonValue]:
    """`t` (engine seconds), `type`, `call` where it belongs to one, and the fields of the type."""
    head: dict[str, JsonValue] = {"t": round(record.t, 4), "type": record.type}
    if record.call is not None:
        head["call"] = record.call
    return {**head, **record.fields}


class _PrivateFile(logging.handlers.TimedRotatingFileHandler):
    """A file of the owner's only. Trouble is told once, through `on_trouble`, and never raised."""

    def __init__(self, path: Path, keep_days: int, on_trouble: Callable[[str], None]) -> None:
        self._on_trouble = on_trouble
        self._told = False
        super().__init__(path, when="midnight", backupCount=keep_days, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")

    def close(self) -> None:
        try:
            super().close()
        except OSError:
            pass  # the disk is full: what waited is lost, and the console still ends in order

    def handleError(self, record: logging.LogRecord) -> None:
        if not self._told:
            self._told = True
            self._on_trouble(
                phrase("{name} cannot be written: free or mend the disk", name=Path(self.baseFilename).name)
            )


class _Words(logging.Formatter):
    def __init__(self, wall_zero: float) -> None:
        super().__init__()
        self._wall_zero = wall_zero

    def format(self, record: logging.LogRecord) -> str:
        entry: Record = record.__dict__["entry"]
        at = datetime.fromtimestamp(self._wall_zero + entry.t).isoformat(" ", "milliseconds")
        line = journal.word(entry)
        return f"{at} {entry.call or '-':8} {line.source:7} {line.text}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return record_json(record.__dict__["entry"])


class _PhoneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).isoformat(" ", "milliseconds")
        return f"{at} {record.__dict__['line']}"


class Logbook:
    """Takes records and lines on any thread, writes them on its own."""

    def __init__(
        self, folder: Path, keep_days: int, wall_zero: float, on_trouble: Callable[[str], None]
    ) -> None:
        self._files = [
            self._file(folder / EVENTS, keep_days, on_trouble, _Json(), "entry"),
            self._file(folder / WORDS, keep_days, on_trouble, _Words(wall_zero), "entry"),
            self._file(folder / PHONE, keep_days, on_trouble, _PhoneLine(), "line"),
        ]
        self._queue: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()
        self._listener = logging.handlers.QueueListener(self._queue, *self._files)

    def start(self) -> None:
        self._listener.start()

    def write(self, record: Record) -> None:
        self._put("entry", record)

    def phone_output(self, line: str) -> None:
        """One line of the phone program, without secrets."""
        self._put("line", line)

    def _put(self, what: str, value: object) -> None:
        entry = logging.LogRecord("console", logging.INFO, "", 0, "", None, None)
        entry.__dict__[what] = value
        self._queue.put(entry)

    @staticmethod
    def _file(
        path: Path, keep_days: int, on_trouble: Callable[[str], None], words: logging.Formatter, takes: str
    ) -> _PrivateFile:
        file = _PrivateFile(path, keep_days, on_trouble)
        file.setFormatter(words)
        file.addFilter(lambda record: takes in record.__dict__)
        return file

    def stop(self) -> None:
        """Write what is left and close the files."""
        self._listener.stop()
        for file in self._files:
            file.close()
