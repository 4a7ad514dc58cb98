"""A folder for what lives as long as the console (socket and log of a private sound server, generated sound
configuration), and the clean-up of such folders that consoles left which were killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

_PREFIX = "call-console-audio-"
_SERVER = "pulseaudio.pid"


def make_run_folder(base: Path | None = None) -> Path:
    """A new private folder (0700) with this process in its name. Its path is short enough for a socket."""
    parent = base or Path(tempfile.gettempdir())
    clear_leftovers(parent)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))


def clear_leftovers(parent: Path) -> None:
    """Remove the folders of this user's consoles that are gone, and end the sound servers in them."""
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid() or _runs(owner):
                continue
            _end_server(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _end_server(folder: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        pid = int((folder / _SERVER).read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if str(folder / "native").encode() in command:
            os.kill(pid, signal.SIGTERM)


def _runs(pid: str) -> bool:
    if not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
