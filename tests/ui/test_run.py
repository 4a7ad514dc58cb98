"""The whole program in a terminal of its own: every way to end it stops the engine first."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PROGRAM = """
import signal, sys, threading, time
from pathlib import Path
from console.ui.options import ScreenOptions
from console.ui import run
from console.ui.run import run_screen
from tests.dropped_signal import drop_a_signal
from tests.ui.scenes import SCENES, FakeConsole

mark = Path(sys.argv[1])

class Marked(FakeConsole):
    def stop(self):
        if not mark.exists():
            mark.write_text("stopped")
        super().stop()

console = Marked(obeys_stop="stuck" not in sys.argv)
if "crash" in sys.argv:
    console.levels = None
def block(call):
    mark.with_suffix(".blocked").touch()
    time.sleep(120)
if "blocked" in sys.argv:
    console.levels = block
if "early" in sys.argv:
    drop_a_signal()
if "at once" in sys.argv:  # between the taking over of the signals and the first turn of the loop
    hold = run.Lifeline.hold
    run.Lifeline.hold = lambda self: (hold(self), signal.raise_signal(signal.SIGTERM))
def show():
    console.running.wait()
    console.post(SCENES["idle" if sys.argv[2:] in ([], ["stuck"]) else "talking"])
threading.Thread(target=show, daemon=True).start()
sys.exit(run_screen(console, ScreenOptions(sounds=False)))
"""


class Program:
    def __init__(self, process: subprocess.Popen[bytes], terminal: int, mark: Path) -> None:
        self.process, self.terminal, self.mark = process, terminal, mark
        self.seen = b""

    def read(self, seconds: float = 0.1) -> None:
        if self.terminal >= 0 and select.select([self.terminal], [], [], seconds)[0]:
            with suppress(OSError):  # EIO: the other end is closed
                self.seen += os.read(self.terminal, 65536)

    def until_shows(self, words: bytes) -> None:
        deadline = time.monotonic() + 40
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen[-2000:]
            self.read()

    def close_terminal(self) -> None:
        os.close(self.terminal)
        self.terminal = -1

    def exit_code(self) -> int:
        deadline = time.monotonic() + 40
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self.read(0.1)
            if self.terminal < 0:
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.1)
        return self.process.returncode


@contextmanager
def running(tmp_path: Path, *how: str, own_session: bool = True) -> Iterator[Program]:
    terminal, theirs = pty.openpty()
    os.set_inheritable(theirs, True)
    mark = tmp_path / "mark"
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(mark), *how],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=root,
        env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(root), "COLUMNS": "80", "LINES": "24"},
        start_new_session=own_session,
    )
    os.close(theirs)
    program = Program(process, terminal, mark)
    try:
        yield program
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if program.terminal >= 0:
            os.close(program.terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_stops_the_engine_and_restores_the_terminal(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as p:
        p.until_shows(b"line ok")
        p.process.send_signal(number)
        assert p.exit_code() == 130
        assert p.mark.read_text() == "stopped"
        p.read()
        assert b"\x1b[?1049l" in p.seen


@pytest.mark.parametrize("when", ["early", "at once"])
def test_a_signal_that_comes_before_the_screen_is_not_forgotten(tmp_path: Path, when: str) -> None:
    with running(tmp_path, when) as p:
        assert p.exit_code() == 130
        p.read()
        assert b"line ok" not in p.seen


def test_a_closed_terminal_stops_the_engine(tmp_path: Path) -> None:
    with running(tmp_path) as p:
        p.until_shows(b"line ok")
        p.close_terminal()
        p.exit_code()
        assert p.mark.read_text() == "stopped"


def test_quitting(tmp_path: Path) -> None:
    with running(tmp_path) as p:
        p.until_shows(b"line ok")
        os.write(p.terminal, b"\x11")
        assert p.exit_code() == 0
        assert p.mark.read_text() == "stopped"


def test_a_crash_of_the_screen_stops_the_engine(tmp_path: Path) -> None:
    with running(tmp_path, "crash") as p:
        assert p.exit_code() == 1
        assert p.mark.read_text() == "stopped"


def test_a_signal_stops_the_engine_of_a_screen_that_is_stuck(tmp_path: Path) -> None:
    with running(tmp_path, "blocked") as p:
        deadline = time.monotonic() + 40
        while not p.mark.with_suffix(".blocked").exists():
            assert time.monotonic() < deadline
            p.read()
        p.process.send_signal(signal.SIGTERM)
        assert p.exit_code() == 130
        assert p.mark.read_text() == "stopped"


@pytest.mark.parametrize(("key", "code"), [(b"\x11", 1), (b"", 130)])
def test_an_engine_that_does_not_stop_cannot_hold_the_program(tmp_path: Path, key: bytes, code: int) -> None:
    with running(tmp_path, "stuck") as p:
        p.until_shows(b"line ok")
        if key:
            os.write(p.terminal, key)
        else:
            p.process.send_signal(signal.SIGTERM)
        assert p.exit_code() == code
        assert p.mark.read_text() == "stopped"
