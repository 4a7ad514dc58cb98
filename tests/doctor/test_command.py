"""`call-console doctor` as a program: what it prints, how it exits, what it mends."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.core.finding import note, problem, warning
from console.doctor import view
from console.doctor.checking import Check, Context, Outcome, Result, all_checks, carry_out
from console.doctor.command import Doctor
from console.line_lock import line_lock
from console.settings import phone_choice
from console.settings.loading import VARIABLES, Loaded, Settings, load

ROOT = Path(__file__).parents[2]
DEADLINE = 90.0 * float(os.environ.get("TEST_TIME_FACTOR", "1"))
KNOWN = {name for v in VARIABLES for name in (v.name, v.alias)}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*arguments: str, answers: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k not in KNOWN}
        environment |= {"PYTHONPATH": str(ROOT), "CONSOLE_DATA_DIR": str(tmp_path / "data")}
        environment |= {"CONSOLE_API": "off", "ELEVENLABS_BASE_URL": "http://127.0.0.1:9", **settings}
        return subprocess.run(
            [sys.executable, "-m", "console", "doctor", *arguments],
            cwd=tmp_path,
            env=environment,
            input=answers,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    return run


LINE = {
    "SIP_USER": "console",
    "SIP_REGISTER": "no",
    "SIP_DOMAIN": "127.0.0.1:9",
    "CONSOLE_ENGINE": "embedded",
    "ELEVENLABS_AGENT_ID": "agent",
}


@pytest.mark.skipif(not phone_choice.embedded_runs_here(), reason="NOT RUN: the embedded engine is for Linux")
def test_the_demo_line_is_in_order(run: Run) -> None:
    done = run("--demo", "--json", ELEVENLABS_BASE_URL="")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line for line in lines if line["type"] == "doctor.finding"] == []
    assert {line["state"] for line in lines if line["type"] == "doctor.check"} == {"ok"}
    assert lines[-1]["type"] == "doctor.summary"
    assert lines[-1]["text"] == "All is well."
    assert all({"t", "type"} <= line.keys() for line in lines)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


def test_problems_exit_1_in_words(run: Run) -> None:
    done = run()
    assert done.returncode == 1
    assert "PROBLEM" in done.stdout
    assert "-> Fill in EXOLVE_SIP_USER" in done.stdout
    assert done.stdout.splitlines()[-1] == "3 problems."
    assert done.stderr == ""


def test_settings_that_are_wrong_do_not_stop_it(run: Run) -> None:
    done = run("--json", RING_SECONDS="soon", SIP_PASS='a"b')
    assert done.returncode == 1
    codes = [line.get("code") for line in map(json.loads, done.stdout.splitlines())]
    assert codes.count("settings.wrong") == 2
    assert 'a"b' not in done.stdout + done.stderr


def test_fix_asks_mends_and_looks_again(run: Run, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("SIP_PASS=hidden-word\n")
    env.chmod(0o644)
    kept = run("--fix", answers="n\n", **LINE)
    assert "Let only you read" in kept.stderr
    assert stat.S_IMODE(env.stat().st_mode) == 0o644
    mended = run("--fix", answers="y\n", **LINE)
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert "settings    ok" in mended.stdout
    assert "hidden-word" not in kept.stdout + kept.stderr + mended.stdout + mended.stderr


def test_fix_without_anybody_to_answer_changes_nothing(run: Run, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("SIP_PASS=x\n")
    env.chmod(0o644)
    done = run("--fix", answers="", **LINE)
    assert done.returncode == 1
    assert stat.S_IMODE(env.stat().st_mode) == 0o644


@pytest.mark.parametrize(("engine", "severity"), [("embedded", "warning"), ("baresip", "problem")])
def test_portaudio_is_missing(run: Run, tmp_path: Path, engine: str, severity: str) -> None:
    """The library that carries PortAudio says so in this way where the system has none."""
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    path = os.pathsep.join((str(shadow), str(ROOT)))
    done = run("--json", **LINE | {"CONSOLE_ENGINE": engine, "PYTHONPATH": path})
    found = [line for line in map(json.loads, done.stdout.splitlines()) if line.get("check") == "audio"]
    assert [line.get("code") for line in found[1:]] == ["audio.portaudio"]
    assert found[1]["severity"] == severity
    assert "libportaudio2" in found[1]["remedy"]


def test_another_console_keeps_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    with line_lock(tmp_path / "data"):
        done = run(**LINE)
    assert f"The console that runs (process {os.getpid()}) has the line" in done.stdout


# ---- one check at a time ----


def context(folder: Path) -> Context:
    return Context(load({"CONSOLE_DATA_DIR": str(folder)}, folder, lambda s: "embedded"), {})


async def test_a_slow_check_is_cut_off(tmp_path: Path) -> None:
    import asyncio
    import threading

    async def hangs(context: Context) -> Result:
        await asyncio.Event().wait()
        return Result()

    ending = threading.Event()

    def blocks(context: Context) -> Result:
        ending.wait()
        return Result()

    for look in (hangs, blocks):
        outcome = await carry_out(Check("x", 0.05, look), context(tmp_path))
        assert [f.code for f in outcome.result.findings] == ["x.slow"]
    ending.set()


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_check_that_breaks_breaks_nothing_else(tmp_path: Path, asynchronous: bool) -> None:
    def breaks(context: Context) -> Result:
        raise ZeroDivisionError("secret")

    async def breaks_too(context: Context) -> Result:
        raise ZeroDivisionError("secret")

    outcome = await carry_out(Check("x", 5.0, breaks_too if asynchronous else breaks), context(tmp_path))
    assert outcome.result.unknown == ("The check itself failed (ZeroDivisionError): tell its makers.",)


def test_every_check_is_bounded_and_named_once() -> None:
    checks = all_checks()
    assert len({check.name for check in checks}) == len(checks) >= 10
    assert all(0 < check.seconds <= 30 for check in checks)
    assert checks[0].name == "settings"


def test_a_fix_that_fails_is_told(tmp_path: Path, capsys: Any) -> None:
    told: list[str] = []
    doctor = Doctor(lambda: Loaded(Settings()), {}, told.append, told.append, lambda question: True)
    from console.doctor.checking import Fix

    def fails() -> None:
        raise PermissionError(13, "Permission denied")

    outcome = Outcome(Check("x", 1.0, lambda c: Result()), Result(fixes=(Fix("x.y", "Mend it?", fails),)))
    assert not doctor._mended(outcome)
    assert told == ["That did not work: Permission denied."]


def outcome(*findings: Any, **more: Any) -> Outcome:
    return Outcome(Check("x", 1.0, lambda c: Result()), Result(findings, **more))


def test_the_exit_code_counts_problems() -> None:
    assert view.exit_code([outcome(note("a", "A.", "B."))]) == 0
    assert view.exit_code([outcome(warning("a", "A.", "B."))]) == 0
    assert view.exit_code([outcome(), outcome(problem("a", "A.", "B."))]) == 1


def test_the_summary() -> None:
    assert view.summary([outcome(note("a", "A.", "B."))]) == "All is well."
    assert view.summary([outcome(warning("a", "A.", "B."))]) == "1 warning. Calls can be made."
    two = [outcome(problem("a", "A.", "B.")), outcome(problem("a", "A.", "B."), warning("b", "A.", "B."))]
    assert view.summary(two) == "2 problems and 1 warning."


def test_words() -> None:
    told = outcome(problem("a", "It is wrong.", "Mend it."), facts=("seen",), unknown=("Not known.",))
    assert list(view.words(told)) == [
        "x           PROBLEM  It is wrong.",
        "                     -> Mend it.",
        "x           unclear  Not known.",
    ]
    assert list(view.words(outcome(facts=("seen", "and well")))) == ["x           ok       seen; and well"]
    assert list(view.words(outcome())) == []
