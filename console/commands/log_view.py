"""The log in plain words as `log` prints it: `console.log` and what midnight has made of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from .. import language
from ..core import outcome
from ..core.words import phrase
from ..records.logbook import WORDS
from ..records.tail import Tail
from .log_words import reworded
from .talking import tell

LAST_LINES = 20
"""How much of the past `followed` begins with."""

_LOOK_SECONDS = 0.2


def kept(folder: Path) -> list[Path]:
    """The files, oldest first; rotated ones carry their day in the name."""
    return [
        *sorted(folder.glob(f"{WORDS}.????-??-??")),
        *(path for path in [folder / WORDS] if path.exists()),
    ]


def show(folder: Path, call: str, *, follow: bool) -> int:
    """Print the log, until stopped with `follow`; returns the exit code."""
    try:
        for line in followed(folder, call) if follow else lines(folder, call):
            print(reworded(line, language.spoken()), flush=follow)
    except KeyboardInterrupt:
        return outcome.STOPPED
    except BrokenPipeError:  # whoever read it has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not follow and not kept(folder):
        what = phrase(
            "Nothing has been logged in {folder} yet; --demo shows the demo line's log.", folder=folder
        )
        tell(what)
    return 0


def lines(folder: Path, call: str = "") -> Iterator[str]:
    """Everything that is kept, or what belongs to one call (by our id)."""
    for path in kept(folder):
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from (line.rstrip("\n") for line in file if _belongs(line, call))
        except FileNotFoundError:  # midnight came in between
            continue


def followed(folder: Path, call: str = "", pause: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """The last lines, then each new one as it is written; for ever. `pause` waits so many seconds."""
    path = folder / WORDS
    with closing(Tail(path)) as tail:
        past = [line for line in tail.new() if _belongs(line, call)]
        yield from past[-LAST_LINES:]
        while True:
            pause(_LOOK_SECONDS)
            yield from (line for line in tail.new() if _belongs(line, call))


def _belongs(line: str, call: str) -> bool:
    """`2026-11-22 10:00:00.000 CALL source text`."""
    return not call or line.split(None, 3)[2:3] == [call]
