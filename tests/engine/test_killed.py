"""The console killed (-9) in mid-call: the call is on record after the next start, once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.settings import phone_choice

ROOT = Path(__file__).parents[2]
FACTOR = float(os.environ.get("TEST_TIME_FACTOR", "1"))

pytestmark = [
    pytest.mark.skipif(
        not phone_choice.embedded_runs_here(), reason="NOT RUN: the embedded engine is for Linux"
    ),
    pytest.mark.timeout(120),
]


class Served:
    """A console without a screen on the demo line."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CONSOLE_DATA_DIR": str(folder)}
        command = [
            sys.executable,
            "-m",
            "console",
            "serve",
            "--demo",
            "--api",
            self.url.removeprefix("http://"),
        ]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = self.wait_for("registered")

    def wait_for(self, words: str) -> list[str]:
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if words in line:
                return seen
        pytest.fail("".join(seen))

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.communicate(timeout=30 * FACTOR)


def records(folder: Path) -> list[dict[str, Any]]:
    path = folder / "demo" / "calls.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_call_in_which_the_console_was_killed_is_on_record(tmp_path: Path) -> None:
    killed = Served(tmp_path)
    before = time.time()
    answer = httpx.post(
        f"{killed.url}/api/calls/start", json={"phone_number": "+79750000003"}, timeout=20 * FACTOR
    )
    killed.wait_for("first word")
    killed.end(signal.SIGKILL)
    assert records(tmp_path) == []
    for start in range(2):
        again = Served(tmp_path)
        again.end(signal.SIGTERM)
        assert any("was killed in a call with +79750000003" in line for line in again.said) == (start == 0)
    (record,) = records(tmp_path)
    assert record["id"] == answer.json()["id"]
    assert (record["outcome"], record["origin"], record["by"]) == ("console_killed", "api", None)
    assert f"process {killed.process.pid}" in record["why"]
    assert record["conversation_id"]
    assert 0 < record["agent_seconds"] <= record["seconds"] + 0.5 < time.time() - before
