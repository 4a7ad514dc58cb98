"""The command line on the built-in line: real programs, real SIP, RTP and WebSockets on 127.0.0.1."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.settings import phone_choice
from console.settings.loading import VARIABLES

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0 * float(os.environ.get("TEST_TIME_FACTOR", "1"))

pytestmark = pytest.mark.skipif(
    not phone_choice.embedded_runs_here(), reason="NOT RUN: the embedded engine is for Linux"
)

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the program in a folder of its own, without settings but these; whatever is left is ended."""
    running: list[subprocess.Popen[str]] = []
    known = {name for v in VARIABLES for name in (v.name, v.alias)}

    def run(*arguments: str, **settings: str) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if k not in known}
        environment |= {"PYTHONPATH": str(ROOT), "CONSOLE_DATA_DIR": str(tmp_path / "data"), **settings}
        program = subprocess.Popen(
            [sys.executable, "-m", "console", *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(program)
        return program

    yield run
    for program in running:
        if program.poll() is None:
            program.kill()
        program.communicate()


def finish(program: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], str]:
    out, err = program.communicate(timeout=DEADLINE)
    return [json.loads(line) for line in out.splitlines()], err


@pytest.mark.parametrize(("number", "code"), [("+79750000004", 10), ("8 975 000-00-06", 12)])
def test_refused_calls_never_open_a_session(start: Start, number: str, code: int) -> None:
    program = start("call", "--demo", number, "--json")
    events, err = finish(program)
    assert program.returncode == code, err
    assert events[-1]["exit_code"] == code
    assert "agent.opening" not in [e["type"] for e in events]


def test_an_answered_call_has_the_ai_heard(start: Start) -> None:
    program = start("call", "--demo", "+79750000001", "--json", "--max-seconds", "3")
    events, err = finish(program)
    assert program.returncode == 0, err
    kinds = [e["type"] for e in events]
    assert kinds.index("call.answered") < kinds.index("agent.opening") < kinds.index("agent.first_audio")
    assert kinds[-1] == "summary"
    summary = events[-1]
    assert summary["answered"] is True
    assert 2.0 < summary["agent_seconds"] < 6.0
    assert "ANSWERED" in err


def test_what_the_callee_says_is_told_in_words(start: Start) -> None:
    program = start("call", "--demo", "+79750000002", "--json")
    assert program.stdout is not None
    said = []
    for line in program.stdout:
        event = json.loads(line)
        if event["type"] == "agent.transcript" and event["role"] == "user":
            said.append(event["text"])
            if len(said) == 2:
                program.send_signal(signal.SIGTERM)
    program.communicate(timeout=DEADLINE)
    assert said == ["Алло, слушаю вас.", "Простите, а кто это говорит?"]


@pytest.mark.live
def test_the_same_with_a_baresip_of_its_own(start: Start) -> None:
    missing = [name for name in ("baresip", "pulseaudio") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"NOT RUN: {', '.join(missing)} not installed (`make test` installs it on Debian)")
    program = start(
        *("call", "--demo", "+79750000001", "--json", "--max-seconds", "3"), CONSOLE_ENGINE="baresip"
    )
    events, err = finish(program)
    assert program.returncode == 0, err
    assert next(e for e in events if e["type"] == "line.up")["engine"] == "baresip"
    assert events[-1]["agent_seconds"] > 2.0


def test_a_call_without_agent(start: Start) -> None:
    program = start("events", "--demo", "--dial", "+79750000007", "--no-agent", "--json")
    events, err = finish(program)
    assert program.returncode == 11, err
    assert not [e for e in events if e["type"].startswith("agent.")]
    assert events[-1]["early_media_seconds"] > 0.5


def test_a_call_beside_another_demo_console_leaves_its_records_alone(start: Start, tmp_path: Path) -> None:
    first = start("events", "--demo", "--json")
    assert first.stdout is not None
    for line in first.stdout:
        if json.loads(line)["type"] == "registration":
            break
    second = start("call", "--demo", "+79750000004", "--json")
    events, err = finish(second)
    assert second.returncode == 10, err
    assert [e["type"] for e in events if e["type"] == "call.dialing"]
    folder = tmp_path / "data" / "demo"
    assert "call.dialing" not in (folder / "logs" / "events.jsonl").read_text()
    assert not (folder / "calls.jsonl").exists()
    first.terminate()
    first.communicate(timeout=DEADLINE)


def test_a_signal_while_it_rings_cancels_the_call(start: Start) -> None:
    program = start("call", "--demo", "+79750000005", "--json")
    assert program.stdout is not None
    for line in program.stdout:
        if json.loads(line)["type"] == "call.ringing":
            program.send_signal(signal.SIGTERM)
            break
    events, err = finish(program)
    assert program.returncode == 130, err
    assert "call.closed" in [e["type"] for e in events]
    assert events[-1]["result"] == "stopped"


def test_settings_of_ones_own_stay_out_of_the_demo_line(start: Start) -> None:
    own = {"EXOLVE_SIP_DOMAIN": "sip.example.org", "SIP_OUTBOUND": "sip:192.0.2.1", "ELEVENLABS_API_KEY": "k"}
    program = start("call", "--demo", "+79750000004", "--json", **own)
    finish(program)
    assert program.returncode == 10
