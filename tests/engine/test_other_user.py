"""Another user of the same machine: reads no secret and nobody's data, and starts no call."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from console.settings import phone_choice

ROOT = Path(__file__).parents[2]
FACTOR = float(os.environ.get("TEST_TIME_FACTOR", "1"))
NOBODY = 65534
TOKEN = "a-token-that-nobody-else-has"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: only root can act as another user"),
    pytest.mark.skipif(
        not phone_choice.embedded_runs_here(), reason="NOT RUN: the embedded engine is for Linux"
    ),
    pytest.mark.timeout(120),
]

# Run as the other user, with no more than what everybody has: tries what an intruder would.
INTRUDER = """
import json, os, sys, urllib.error, urllib.request

def opened(path):
    try:
        open(path, "rb").read(1)
        return True
    except OSError:
        return False

def asked(method, path, headers):
    request = urllib.request.Request(sys.argv[2] + path, method=method, headers=headers)
    request.data = json.dumps({"phone_number": "+79750000001"}).encode() if method == "POST" else None
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code

def environment(pid):
    return opened(f"/proc/{pid}/environ")

read = [path for path in json.loads(sys.argv[1]) if opened(path)]
like = {"Content-Type": "application/json"}
answers = [
    asked("GET", "/api/status", {}),
    asked("GET", "/api/calls", {"Authorization": "Bearer guess"}),
    asked("POST", "/api/calls/start", like),
    asked("POST", "/api/calls/start", like | {"X-Forwarded-For": "127.0.0.1", "Host": "localhost"}),
    asked("POST", "/api/calls/start", like | {"Authorization": "Bearer "}),
]
try:
    os.kill(int(sys.argv[3]), 0)
    signalled = True
except OSError:
    signalled = False
found = {"read": read, "answers": answers, "signal": signalled, "environment": environment(sys.argv[3])}
print(json.dumps(found))
"""


class Served:
    """A console without a screen on the demo line, with its files."""

    def __init__(self, folder: Path) -> None:
        # Everything on the way lets others in: what protects the files is their own.
        folder.chmod(0o755)
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CONSOLE_DATA_DIR": str(folder / "data"),
            "CONSOLE_LOG_DIR": str(folder / "logs"),
            "CONSOLE_API_TOKEN": TOKEN,
        }
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

    def wait_for(self, words: str) -> None:
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if words in line:
                return
        pytest.fail("".join(seen))

    def wait_for_file(self, name: str) -> None:
        """The call is told a moment before it is written down."""
        until = time.monotonic() + 20 * FACTOR
        while not any(self.folder.rglob(name)):
            assert time.monotonic() < until, f"no {name}"
            time.sleep(0.02)


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("console")
    for above in (folder.parent, folder.parent.parent):
        above.chmod(above.stat().st_mode | 0o011)
    console = Served(folder)
    try:
        yield console
    finally:
        console.process.terminate()
        console.process.communicate(timeout=30 * FACTOR)


def test_another_user_reads_nothing_and_starts_no_call(served: Served) -> None:
    served.wait_for("registered")
    with httpx.Client(base_url=served.url, timeout=20 * FACTOR) as own:
        started = own.post("/api/calls/start", json={"phone_number": "+79750000004"})
        assert started.status_code == 201, "our own user needs no token"
        served.wait_for("486 Busy Here")
        served.wait_for_file("calls.jsonl")
        secrets = served.folder / ".env"
        descriptor = os.open(secrets, os.O_WRONLY | os.O_CREAT, 0o600)
        os.close(descriptor)
        files = [str(p) for p in served.folder.rglob("*") if p.is_file() and not p.name.endswith(".ogg")]
        assert {"calls.jsonl", "events.jsonl", "console.log", ".env"} <= {Path(f).name for f in files}
        python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
        done = subprocess.run(
            [python, "-c", INTRUDER, json.dumps(files), served.url, str(served.process.pid)],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60 * FACTOR,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found == {"read": [], "answers": [401] * 5, "environment": False, "signal": False}
        calls = own.get("/api/calls").json()
        assert [c["number"] for c in (*calls["calls"], *calls["ended"])] == ["+79750000004"]


def test_no_secret_is_in_what_everybody_can_see(served: Served) -> None:
    """The command lines of the console and of what it started, as `ps` shows them to all."""
    served.wait_for("registered")
    shown = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            if f"PPid:\t{served.process.pid}\n" in status or folder.name == str(served.process.pid):
                shown.append((folder / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    assert len(shown) > 1
    assert TOKEN not in "".join(shown)
