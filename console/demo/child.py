"""Parts of the demo line that run in processes of their own, and end with us.

`Child` starts `python -m console.demo.child MODULE ...`; that runs the module, and ends it when its stdin
closes, which happens when whoever started it is gone, however it went. (The parent-death signal of Linux
would fire when the starting *thread* ends, and exists nowhere else.)
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..core.words import phrase

START_SECONDS = 15.0
_ROOT = Path(__file__).parents[2]


class ChildFailed(Exception):
    """The program did not come up; the message is one sentence with its last words."""


class Child:
    """One program that prints JSON lines, the first one when it is ready. Usable from any thread, with or
    without asyncio: a thread of its own reads what it prints, and gives each line to `on_line`."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[dict[str, Any]], None] = lambda line: None,
    ) -> None:
        self._module, self._arguments = module, arguments
        self._environment = dict(environment or {})
        self._on_line = on_line
        self._process: subprocess.Popen[str] | None = None
        self._changed = threading.Condition()
        self._closed = False
        self.lines: list[dict[str, Any]] = []
        self.complaints: deque[str] = deque(maxlen=20)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> dict[str, Any]:
        """Start it in its own process group and return its first line; raises `ChildFailed`."""
        self.launch()
        return self.ready()

    def launch(self) -> None:
        """The first half of `start`: does not wait."""
        self._process = subprocess.Popen(
            (sys.executable, "-m", "console.demo.child", self._module, *self._arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            env={**os.environ, **self._environment, "PYTHONPATH": _import_path()},
        )
        threading.Thread(target=self._read, name=f"{self._module} output", daemon=True).start()

    def ready(self) -> dict[str, Any]:
        """The second half of `start`."""
        if not self.wait_for(lambda: bool(self.lines) or self._closed, START_SECONDS) or not self.lines:
            self.stop()
            raise ChildFailed(
                phrase(
                    "{module} did not start: {complaints}",
                    module=self._module,
                    complaints=" ".join(self.complaints) or phrase("no output"),
                )
            )
        return self.lines[0]

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until this holds, looked at after each line; False when the time is up first."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def stop(self, seconds: float = 2.0) -> None:
        """SIGTERM, later SIGKILL; returns when it is gone."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        if process.poll() is None:
            process.kill()
            process.wait()
        self.wait_for(lambda: self._closed, 1.0)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for text in self._process.stdout:
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            with self._changed:
                if isinstance(line, dict):
                    self.lines.append(line)
                else:
                    self.complaints.append(text.strip())
                self._changed.notify_all()
            if isinstance(line, dict):
                self._on_line(line)
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _import_path() -> str:
    inherited = os.environ.get("PYTHONPATH", "")
    return f"{_ROOT}{os.pathsep}{inherited}" if inherited else str(_ROOT)


def _end_with_parent() -> None:
    while os.read(sys.__stdin__.fileno() if sys.__stdin__ else 0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(3)
    os._exit(1)


def main() -> None:
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    threading.Thread(target=_end_with_parent, name="parent watch", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
