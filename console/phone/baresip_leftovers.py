"""What a console that died may have left: a Baresip that still runs, and its folder with the password.

Each run has its own folder `baresip/RANDOM` in the data dir. Its path is on the command line of the Baresip
that uses it, so a process can be told from another that got the same number later.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

_NOTE = "process.json"


def new_run_folder(data_dir: Path) -> Path:
    """A fresh folder (0700) for one run, marked as ours."""
    runs = data_dir / "baresip"
    runs.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(dir=runs)).resolve()
    _write_note(folder, None)
    return folder


def note_child(folder: Path, pid: int) -> None:
    """Remember the Baresip that uses this folder."""
    _write_note(folder, pid)


def leftovers(data_dir: Path) -> list[Path]:
    """The folders of consoles that are gone."""
    return [folder for folder in (data_dir / "baresip").glob("*/") if not _has_owner(_read_note(folder))]


def _has_owner(note: dict[str, object]) -> bool:
    owner = note.get("console")
    return isinstance(owner, int) and _lives(owner, str(note.get("console_command")))


def clear_leftovers(data_dir: Path, patience: float = 1.0) -> list[int]:
    """End the Baresips of consoles that are gone and remove their folders; returns the pids that were ended.

    `patience`: seconds between SIGTERM (it sends BYE) and SIGKILL. Blocks that long at most for each.
    """
    ended = []
    for folder in leftovers(data_dir):
        pid = _read_note(folder).get("baresip")
        if isinstance(pid, int) and _lives(pid, str(folder.resolve())):
            _end(pid, str(folder.resolve()), patience)
            ended.append(pid)
        shutil.rmtree(folder, ignore_errors=True)
    return ended


def _write_note(folder: Path, child: int | None) -> None:
    note = {"console": os.getpid(), "console_command": _command_of(os.getpid()), "baresip": child}
    fresh = folder / f"{_NOTE}.new"
    fresh.write_text(json.dumps(note))
    fresh.chmod(0o600)
    fresh.replace(folder / _NOTE)


def _read_note(folder: Path) -> dict[str, object]:
    try:
        note = json.loads((folder / _NOTE).read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _command_of(pid: int) -> str:
    """The command line of a process; empty when there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    if Path("/proc/self").exists():
        return ""
    found = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def _lives(pid: int, mark: str) -> bool:
    return pid > 1 and bool(mark) and mark in _command_of(pid)


def _end(pid: int, mark: str, patience: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        until = time.monotonic() + patience
        while _lives(pid, mark) and time.monotonic() < until:
            time.sleep(0.02)
