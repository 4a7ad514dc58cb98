"""One console on a line at a time: two would answer each other's calls and hang up each other's."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .core.words import phrase

NAME = "console.lock"
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the line. `log_dir`: where it writes what happens; None when it writes nothing, or has not
    said so yet."""

    pid: int
    log_dir: Path | None


class LineTaken(Exception):
    """Another console holds the line; the message is one sentence that names it. `demo`: the built-in one."""

    def __init__(self, by: Holder | None, demo: bool = False) -> None:
        if by is None:
            words = phrase("Another console holds this line: use it, or quit it first.")
        elif demo:
            words = phrase(
                "A demo console (process {pid}) runs already: use it, or quit it first.", pid=by.pid
            )
        else:
            words = phrase(
                "Another console (process {pid}) holds this line: use it, or quit it first.", pid=by.pid
            )
        super().__init__(words)
        self.by = by


@contextmanager
def line_lock(data_dir: Path, log_dir: Path | None = None) -> Iterator[None]:
    """Hold the line of this data dir; the lock goes with the process, however it ends. `log_dir`: where what
    happens will be written, for who wants to look on. Raises `LineTaken`."""
    descriptor = os.open(data_dir / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LineTaken(_read(descriptor)) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n{log_dir or ''}\n".encode())
        yield
    finally:
        os.close(descriptor)


def holder(data_dir: Path) -> Holder | None:
    """Who holds the line now; None when nobody does."""
    try:
        descriptor = os.open(data_dir / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor) or Holder(0, None)
    finally:
        os.close(descriptor)
    return None


def _read(descriptor: int) -> Holder | None:
    pid, _, rest = os.pread(descriptor, _MOST, 0).decode(errors="replace").partition("\n")
    log_dir = rest.partition("\n")[0]
    return Holder(int(pid), Path(log_dir) if log_dir else None) if pid.isdecimal() else None
