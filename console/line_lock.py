"""One console on a line at a time: two would answer each other's calls and hang up each other's."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "console.lock"


class LineTaken(Exception):
    """Another console holds the line; the message is one sentence that names it."""


@contextmanager
def line_lock(data_dir: Path) -> Iterator[None]:
    """Hold the line of this data dir; the lock goes with the process, however it ends. Raises `LineTaken`."""
    descriptor = os.open(data_dir / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace")
            pid = f" (process {holder})" if holder.isdecimal() else ""
            raise LineTaken(f"Another console{pid} holds this line: use it, or quit it first.") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
