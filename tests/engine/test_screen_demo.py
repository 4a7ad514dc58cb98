"""The program as a newcomer meets it: no settings, a terminal of 80 by 24, Enter."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.settings import phone_choice
from console.settings.loading import VARIABLES

ROOT = Path(__file__).parents[2]
FACTOR = float(os.environ.get("TEST_TIME_FACTOR", "1"))
ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")

pytestmark = pytest.mark.skipif(
    not phone_choice.embedded_runs_here(), reason="NOT RUN: the embedded engine is for Linux"
)


class Terminal:
    """A pseudo-terminal with the console in it."""

    def __init__(self, folder: Path) -> None:
        self._side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        known = {name for v in VARIABLES for name in (v.name, v.alias)}
        environment = {k: v for k, v in os.environ.items() if k not in known}
        environment |= {
            "PYTHONPATH": str(ROOT),
            "CONSOLE_DATA_DIR": str(folder / "data"),
            "CONSOLE_API": "off",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }
        self.program = subprocess.Popen(
            [sys.executable, "-m", "console"],
            cwd=folder,
            env=environment,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(other)
        self.shown = b""

    def wait_for(self, words: str, keys: bytes = b"", seconds: float = 30.0) -> None:
        """Until `words` have been drawn; meanwhile press `keys` every second."""
        end = time.monotonic() + seconds * FACTOR
        press_at = 0.0
        while words.encode() not in self.shown:
            now = time.monotonic()
            if now > end or not self._read():
                pytest.fail(f"{words!r} was not shown; the end of what was: {self.shown[-1500:].decode()}")
            if keys and now >= press_at:
                os.write(self._side, keys)
                press_at = now + 1.0

    def close(self) -> None:
        os.close(self._side)

    def wait_for_end(self, seconds: float = 20.0) -> int:
        end = time.monotonic() + seconds * FACTOR
        while self.program.poll() is None and time.monotonic() < end:
            self._read()
        return self.program.wait(1.0)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._side], [], [], 0.1)
        if not ready:
            return self.program.poll() is None
        try:
            self.shown += ESCAPES.sub(b"", os.read(self._side, 65536))
        except OSError:
            return False
        return True


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()
    if terminal.program.poll() is None:
        terminal.program.kill()
        terminal.program.wait()


def last_call(folder: Path) -> str:
    return (folder / "data" / "demo" / "calls.jsonl").read_text().splitlines()[-1]


def test_enter_leads_to_an_answered_ai_call(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for("DEMO LINE")
    terminal.wait_for("registered")
    terminal.wait_for("ANSWERED", keys=b"\r")
    terminal.wait_for("This is the assistant")
    terminal.program.send_signal(signal.SIGTERM)
    assert terminal.wait_for_end() == 130
    assert '"outcome": "finished"' in last_call(tmp_path)
