"""The commands as a shell sees them: arguments, settings, words, exit codes."""

import ctypes.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console import cli
from console.commands.one_call import OneCall, Order
from console.settings.loading import VARIABLES

FULL = {
    "ELEVENLABS_API_KEY": "sk_hidden_key",
    "ELEVENLABS_AGENT_ID": "agent_7f3a",
    "EXOLVE_SIP_USER": "3289",
    "EXOLVE_SIP_PASS": "hidden_pass",
    "EXOLVE_SIP_DOMAIN": "sip.exolve.ru",
    "CONSOLE_ENGINE": "baresip",
}


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command with these settings, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name in {n for v in VARIABLES for n in (v.name, v.alias)}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("CONSOLE_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str, **settings: str) -> Result:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(cli.app, arguments)

    return run


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Order | None, bool]]:
    """What would be run on an engine; running it gives exit code 10."""
    taken: list[tuple[Order | None, bool]] = []

    async def run(self: OneCall) -> int:
        taken.append((self._order, self._as_json))
        return 10

    monkeypatch.setattr(OneCall, "run", run)
    monkeypatch.setattr(cli, "build_console", lambda settings: None)
    return taken


def test_call_passes_everything_on(shell: Any, orders: list[Any]) -> None:
    done = shell(
        *("call", "8 912 345-67-89", "--json", "--max-seconds", "30", "--answer-timeout", "20"),
        *("--no-agent", "--var", "name=Anna", "--var", "note=a=b "),
        **FULL,
    )
    assert done.exit_code == 10
    variables = (("name", "Anna"), ("note", "a=b "))
    assert orders == [(Order("8 912 345-67-89", False, False, 20, 30, variables), True)]


def test_a_uri_is_dialed_as_one(shell: Any, orders: list[Any]) -> None:
    assert shell("call", "sip:100@127.0.0.1:5072", **FULL).exit_code == 10
    assert orders[0][0] == Order("sip:100@127.0.0.1:5072", as_uri=True)


def test_events_with_and_without_a_call(shell: Any, orders: list[Any]) -> None:
    shell("events", "--json", **FULL)
    shell("events", "--dial", "89123456789", "--no-agent", **FULL)
    assert orders == [(None, True), (Order("89123456789", wants_agent=False), False)]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["call", "8 912 345-67-8"], "1 digit missing"),
        (["call", "112"], "emergency"),
        (["call", "+79123456789;ext=5"], "extension"),
        (["call", "8-800-FLOWERS"], "letters"),
        (["call", "sip:a@b?x=y"], "headers"),
        (["call", "89123456789", "--var", "oops"], "name=value"),
        (["call", "89123456789", "--var", "a b=c"], "name=value"),
        (["call", "89123456789", "--max-seconds", "0"], "max-seconds"),
        (["call"], "number"),
        (["events", "--dial", "112"], "emergency"),
        (["check", "dial", "+7912\r\nhangup"], ""),
    ],
)
def test_wrong_arguments_exit_2_and_dial_nothing(
    shell: Any, orders: list[Any], arguments: list[str], part: str
) -> None:
    done = shell(*arguments, **FULL)
    assert done.exit_code == 2
    assert part in done.output.lower()
    assert orders == []


def test_never_call_list_holds_on_the_command_line(shell: Any, orders: list[Any], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "never-call.txt").write_text("8 (912) 345-67-89 # no\n")
    done = shell("call", "+79123456789", **FULL)
    assert done.exit_code == 2
    assert "never-call" in done.stderr
    assert orders == []


def test_foreign_numbers_are_dialed_with_a_note(shell: Any, orders: list[Any]) -> None:
    done = shell("call", "+49301234567", **FULL)
    assert done.exit_code == 10
    assert "foreign" in done.stderr


def test_every_problem_at_once_on_stderr(shell: Any, orders: list[Any]) -> None:
    done = shell("call", "89123456789", **{**FULL, "RING_SECONDS": "x", "SIP_CODECS": "g729"})
    assert done.exit_code == 2
    assert "RING_SECONDS" in done.stderr
    assert "SIP_CODECS" in done.stderr
    assert done.stdout == ""


def test_what_is_not_filled_in_is_named(shell: Any, orders: list[Any]) -> None:
    done = shell("call", "89123456789")
    assert done.exit_code == 2
    assert "EXOLVE_SIP_DOMAIN" in done.stderr
    assert "ELEVENLABS_AGENT_ID" in done.stderr
    without = shell("call", "89123456789", "--no-agent", **{**FULL, "ELEVENLABS_AGENT_ID": ""})
    assert without.exit_code == 10


def test_check_dial_needs_no_line(shell: Any) -> None:
    done = shell("check", "dial", "8 912 345-67-89", EXOLVE_SIP_DOMAIN="sip.exolve.ru")
    assert done.exit_code == 0
    assert "sip:79123456789@sip.exolve.ru" in done.stdout
    assert "mobile RU" in done.stdout
    assert "Nothing was dialed" in done.stdout
    other = shell("check", "dial", "8 912 345-67-89", DIAL_FORMAT="e164")
    assert "sip:+79123456789@sip.exolve.ru" in other.stdout
    foreign = shell("check", "dial", "+49 30 1234567")
    assert foreign.exit_code == 0
    assert "asks twice" in foreign.stdout


def test_check_dial_place_opens_no_agent(shell: Any, orders: list[Any]) -> None:
    done = shell("check", "dial", "89123456789", "--place", **FULL)
    assert done.exit_code == 10
    assert "Nothing was dialed" not in done.stdout
    assert orders[0][0] == Order("89123456789", wants_agent=False, first_response=True)


def test_check_dial_on_the_demo_line(shell: Any, orders: list[Any]) -> None:
    done = shell("check", "dial", "+79750000001", "--demo")
    assert done.exit_code == 0
    assert re.search(r"sip:79750000001@127\.0\.0\.1:\d+$", done.stdout, re.MULTILINE)
    assert orders == []
    assert shell("check", "dial", "+79750000001", "--demo", "--place").exit_code == 10
    assert orders[0][0] == Order("+79750000001", wants_agent=False, first_response=True)


@pytest.mark.parametrize(
    "arguments", [["call", "89123456789"], ["events"], ["check", "dial", "89123456789", "--place"]]
)
def test_a_line_that_another_console_holds_is_left_alone(
    shell: Any, orders: list[Any], tmp_path: Path, arguments: list[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        done = shell(*arguments, **FULL)
        assert done.exit_code == 14
        assert f"process {holder.pid}" in done.stderr
        assert orders == []
        assert shell("config").exit_code == 0
    finally:
        holder.communicate("")  # closes its stdin: it ends
    assert shell(*arguments, **FULL).exit_code == 10


def test_the_screen_needs_a_terminal(shell: Any, orders: list[Any]) -> None:
    done = shell(**FULL)
    assert done.exit_code == 2
    assert "needs a terminal" in done.stderr


HOLDER = """
import sys
from pathlib import Path
from console.line_lock import line_lock
with line_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_config_tells_values_and_sources_and_no_secret(shell: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RING_SECONDS=45\nSIP_REGSTER=no\n")
    (tmp_path / ".env").chmod(0o600)
    done = shell("config", **FULL)
    assert done.exit_code == 0
    assert f"settings file: {tmp_path / '.env'}" in done.stdout
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in done.stdout.splitlines()}
    assert lines["RING_SECONDS"] == "45 (.env line 1)"
    assert lines["SIP_USER"] == "3289 (environment as EXOLVE_SIP_USER)"
    assert lines["SIP_PASS"] == "set, hidden (environment as EXOLVE_SIP_PASS)"
    assert lines["CALL_SECONDS"] == "600 (default)"
    assert lines["JITTER_MS"] == "0 (default)"
    assert {v.name for v in VARIABLES} <= set(lines)
    assert "did you mean SIP_REGISTER?" in done.stderr
    assert "hidden_" not in done.output


def test_config_shows_even_what_is_wrong(shell: Any) -> None:
    done = shell("config", RING_SECONDS="x")
    assert done.exit_code == 2
    assert "RING_SECONDS" in done.stdout
    assert "whole number" in done.stderr


def test_the_module_and_the_help_work_from_another_folder(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "console", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    for command in ("call", "events", "check", "devices", "config"):
        assert f"\n  {command}" in done.stdout


def test_devices_lists_or_says_what_is_missing(shell: Any) -> None:
    done = shell("devices", **FULL)
    if ctypes.util.find_library("portaudio") is None:
        assert done.exit_code == 15
        assert "PortAudio is missing" in done.stderr
        return
    assert done.exit_code == 0
    assert "callee: the console's own virtual device" in done.stdout
    other = shell("devices", AUDIO_INPUT="no such device")
    assert other.exit_code == 15
    assert "AUDIO_INPUT=no such device is no input device" in other.stderr
    embedded = shell("devices", CONSOLE_ENGINE="embedded", AUDIO_INPUT="")
    assert "callee: in memory" in embedded.stdout
