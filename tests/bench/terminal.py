"""A program in a pseudo-terminal of 80 by 24: what it draws and when, and keys for it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.console_rig import SLOW

ROOT = Path(__file__).parents[2]


class Terminal:
    """An async context manager: the program runs inside, and gets SIGTERM at the end. `drawn`: what it has
    written, each piece with its time (monotonic). `started`, `started_unix`: when it was started."""

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.drawn: list[tuple[float, bytes]] = []
        self.started = self.started_unix = 0.0
        self._arguments = tuple(arguments)
        self._folder = folder
        self._environment = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        self._environment |= environment
        self._process: subprocess.Popen[bytes] | None = None
        self._master = -1
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._master, slave = pty.openpty()
        self.resize(80, 24)
        self.started, self.started_unix = time.monotonic(), time.time()
        self._process = subprocess.Popen(  # noqa: ASYNC220 (its start is in what is measured)
            self._arguments,
            cwd=self._folder,
            env={**os.environ, **self._environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, 12 * SLOW)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def type(self, keys: str) -> float:
        """Press keys; returns when (monotonic)."""
        at = time.monotonic()
        os.write(self._master, keys.encode())
        return at

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def drawn_with(self, words: str, since: int = 0, seconds: float = 10.0) -> float:
        """When these words, without a change of style in them, stood in what was written from piece `since`
        on. `TimeoutError`."""
        wanted, seen, place = words.encode(), b"", since
        async with asyncio.timeout(seconds * SLOW):
            while True:
                while place < len(self.drawn):
                    at, data = self.drawn[place]
                    seen, place = (seen + data)[-20_000:], place + 1
                    if wanted in seen:
                        return at
                self._news.clear()
                await self._news.wait()

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self.drawn.append((time.monotonic(), data))
        self._news.set()
