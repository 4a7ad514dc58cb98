"""Where the last run begins in `events.jsonl` and in what midnight has made of it: searched from the end, so
that days of events delay nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .tail import Tail

BLOCK = 1 << 20
FURTHEST = 64 << 20
"""So many bytes are searched for a mark; a run that has written more is taken up in yesterday's file."""

_NEEDLE = b'"console.'
_LONGEST = 4 * BLOCK


def kept(path: Path) -> list[Path]:
    """The file and what midnight has made of it, oldest first."""
    return [*sorted(path.parent.glob(f"{path.name}.????-??-??")), *([path] if path.exists() else [])]


def tail_of_last_run(path: Path, is_mark: Callable[[str], bool]) -> Tail:
    """The lines from the last mark on, and what is added; without one those since yesterday."""
    for _ in range(3):  # midnight may come in between
        files = kept(path)
        opened = _open_from_mark(files, is_mark)
        if files == kept(path):
            break
        for file in opened:
            file.close()
        opened = []
    return Tail(path, opened)


def _open_from_mark(files: list[Path], is_mark: Callable[[str], bool]) -> list[BinaryIO]:
    opened: list[BinaryIO] = []
    left = FURTHEST
    for path in reversed(files):
        if left <= 0:
            break
        try:
            file = path.open("rb", buffering=0)
        except OSError:
            continue
        opened.insert(0, file)
        try:
            place, size = _place_of_mark(file, is_mark, left), file.seek(0, 2)
            file.seek(place or 0)
        except OSError:
            opened.remove(file)
            file.close()
            continue
        if place is not None:
            return opened
        left -= size
    for older in opened[:-2]:
        older.close()
    return opened[-2:]


def _place_of_mark(file: BinaryIO, is_mark: Callable[[str], bool], most: int) -> int | None:
    """Where the last line begins that is a mark, within the last `most` bytes."""
    end = file.seek(0, 2)
    last, carried = max(0, end - most), b""
    while end > last:
        start = max(0, end - BLOCK)
        file.seek(start)
        data = file.read(end - start) + carried
        end = start
        first = data.find(b"\n") + 1 if start else 0  # of what stands before, the beginning is not here yet
        if start and not first:
            carried = data if len(data) < _LONGEST else b""
            continue
        found = _mark_in(data, first, is_mark)
        if found is not None:
            return start + found
        carried = data[:first]
    return None


def _mark_in(data: bytes, first: int, is_mark: Callable[[str], bool]) -> int | None:
    at = data.rfind(_NEEDLE, first)
    while at >= 0:
        begin, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        if is_mark(data[begin : end if end >= 0 else None].decode("utf-8", "replace")):
            return begin
        at = data.rfind(_NEEDLE, first, begin) if begin > first else -1
    return None
