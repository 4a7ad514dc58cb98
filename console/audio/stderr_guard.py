"""Native libraries (ALSA, JACK) write to file descriptor 2, where Textual draws: send that to a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stderr_to(log: Path) -> Iterator[None]:
    """While inside, everything written to descriptor 2 and to `sys.stderr` is appended to `log` (0600), and
    `sys.__stderr__`, on which Textual draws, is a duplicate that still writes to the terminal.

    Raises `OSError` when the file cannot be opened; then nothing has changed.
    """
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    _flush()
    terminal = os.dup(2)
    os.dup2(sink, 2)
    os.close(sink)
    original = sys.__stderr__
    drawing = os.fdopen(terminal, "w", encoding="utf-8", errors="replace")
    sys.__stderr__ = drawing  # type: ignore[misc]  # Textual asks for it by this name when it starts
    try:
        yield
    finally:
        _flush()
        sys.__stderr__ = original  # type: ignore[misc]
        os.dup2(terminal, 2)
        drawing.close()


def _flush() -> None:
    for stream in (sys.stderr, sys.__stderr__):
        if stream is not None and not stream.closed:
            stream.flush()
