"""A signal before there is anything to hang up: an end in order, with a word."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys
from console import early_stop
{before}
early_stop.watch()
try:
    print("ready", flush=True)
    sys.stdin.read()
finally:
    print("unwound", flush=True)
"""

NOTHING_IGNORED = "signal.signal(signal.SIGHUP, signal.SIG_DFL)"
"""The tests themselves may run under nohup."""


def stopped(by: signal.Signals, before: str = "") -> subprocess.CompletedProcess[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(by)
    if "SIG_IGN" in before:
        out, err = process.communicate("", timeout=60)  # nobody stops it: its stdin ends
    else:
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP])
def test_it_says_by_what_and_unwinds(by: signal.Signals) -> None:
    done = stopped(by, before=NOTHING_IGNORED)
    assert (done.returncode, done.stdout, done.stderr) == (130, "unwound\n", f"Stopped by {by.name}.\n")


LOST = """
import time
class Slow:
    def __del__(self):
        print("ready", flush=True)
        while not early_stop.asked():
            time.sleep(0.001)
early_stop.watch()
slow = Slow()
del slow
print("asked", early_stop.asked(), flush=True)
sys.exit(0)
"""


def test_what_python_swallows_is_not_forgotten() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(before=LOST)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert out == "asked True\n"
    assert "Stopped by SIGTERM." in err


def test_what_nohup_ignores_stays_ignored() -> None:
    done = stopped(signal.SIGHUP, before="signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "unwound\n", "")
