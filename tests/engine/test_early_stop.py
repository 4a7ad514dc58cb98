"""A signal whose exception Python drops, as any that is raised in `__del__`: a command that then
takes the signals over still ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.core.outcome import STOPPED
from console.phone.free_port import free_tcp_port
from console.settings import phone_choice
from tests.console_rig import NUMBERS, SLOW

pytestmark = pytest.mark.skipif(
    not phone_choice.embedded_runs_here(), reason="NOT RUN: the embedded engine is for Linux"
)

PROGRAM = """
from tests.dropped_signal import drop_a_signal
drop_a_signal()
from console.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("call", NUMBERS["Echo"], "--demo", "--json"), STOPPED),
        (("serve", "--demo", "--api"), 0),
    ],
)
def test_a_command_ends_on_a_signal_whose_exception_was_dropped(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    address = [f"127.0.0.1:{free_tcp_port('127.0.0.1')}"] if arguments[-1] == "--api" else []
    root = str(Path(__file__).parents[2])
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": root, "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, *address],
        env={**environment, "CONSOLE_DATA_DIR": str(tmp_path / "data")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30 * SLOW,
    )
    assert "Exception ignored" in program.stderr
    assert program.returncode == code, program.stderr
    assert "call.dialing" not in program.stdout
