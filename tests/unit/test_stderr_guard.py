"""Descriptor 2 goes to a file, Textual's stream stays on the terminal. In a process of its own: pytest holds
descriptor 2 here."""

import stat
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import ctypes, os, subprocess, sys
from pathlib import Path
from console.audio.stderr_guard import stderr_to

print("before", file=sys.stderr)
try:
    with stderr_to(Path(sys.argv[1])):
        ctypes.CDLL(None).perror(b"native noise")
        print("python noise", file=sys.stderr)
        subprocess.run(["sh", "-c", "echo child noise >&2"], check=True)
        print("drawing", file=sys.__stderr__, flush=True)
        raise KeyError("leaves in order")
except KeyError:
    pass
assert sys.__stderr__ is sys.stderr
print("after", file=sys.stderr)
os.write(2, b"native after\\n")
"""


def test_native_noise_goes_to_the_log_and_drawing_to_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "noise.log"
    log.write_text("earlier\n")
    log.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(log)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.splitlines() == ["before", "drawing", "after", "native after"]
    noise = log.read_text().splitlines()
    assert noise[0] == "earlier"
    assert noise[1].startswith("native noise")
    assert noise[2:] == ["python noise", "child noise"]


def test_a_new_log_is_private_and_an_impossible_one_changes_nothing(tmp_path: Path) -> None:
    log = tmp_path / "noise.log"
    subprocess.run([sys.executable, "-c", SCRIPT, str(log)], capture_output=True, timeout=60, check=True)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "missing" / "noise.log")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.startswith("before\n")
    assert "FileNotFoundError" in done.stderr  # sys.stderr still reaches the terminal
