"""Whole lines as they are added to a file that is written by somebody else: it may come late, be renamed at
midnight and come anew, or be emptied in its place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

SLICE = 1 << 18  # bytes: some 20 ms of records
_LONGEST = 1 << 22  # bytes of one line


class Tail:
    """Follows the file at `path`. `begun`: files that are read first, oldest first, each from its place on;
    the last of them may be the file itself."""

    def __init__(self, path: Path, begun: Iterable[BinaryIO] = ()) -> None:
        self._path = path
        self._ahead = [*begun]
        self._file: BinaryIO | None = None
        self._rest = b""

    def new(self) -> list[str]:
        """The lines since the last time."""
        return [line for lines in self.slices() for line in lines]

    def slices(self) -> Iterator[list[str]]:
        """The same in pieces of at most `SLICE` bytes."""
        try:
            while self._file is not None or self._next():
                yield from self._read()
                if not self._ahead and not self._another():
                    return
                yield from self._read()  # what came before the new file was there
                self._close()
        except OSError:
            return

    def _read(self) -> Iterator[list[str]]:
        file = self._file
        assert file is not None
        if os.fstat(file.fileno()).st_size < file.tell():
            file.seek(0)
            self._rest = b""
        while data := file.read(SLICE):
            *whole, rest = (self._rest + data).split(b"\n")
            self._rest = rest if len(rest) < _LONGEST else b""
            yield [line.decode("utf-8", "replace") for line in whole]

    def _another(self) -> bool:
        """Whether another file has the name now."""
        assert self._file is not None
        try:
            return not os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except OSError:
            return False

    def _next(self) -> bool:
        if self._ahead:
            self._file = self._ahead.pop(0)
            return True
        try:
            self._file = self._path.open("rb", buffering=0)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of the files."""
        self._close()
        while self._ahead:
            self._ahead.pop().close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self._rest = b""
