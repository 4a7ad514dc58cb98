"""Where and with what was measured."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("baresip-python", "textual", "websockets", "sounddevice", "numpy", "samplerate", "elevenlabs")


def about() -> dict[str, Any]:
    """Machine, versions, commit, and the load before the run. A commit with `+` had changes in the tree."""
    return {
        "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory()}",
        "system": f"{platform.system()} {platform.release()}",
        "load": f"{os.getloadavg()[0]:.2f}",
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    for name, command in (("baresip", ("baresip", "-h")), ("pulseaudio", ("pulseaudio", "--version"))):
        if said := _ask(*command):
            found[name] = said
    return found


def _ask(program: str, argument: str) -> str:
    """The first number like 1.2.3 or 16.1 that it prints."""
    if shutil.which(program) is None:
        return ""
    ran = subprocess.run((program, argument), capture_output=True, text=True, timeout=10, check=False)
    numbers = re.search(r"\d+\.\d+(?:\.\d+)?", ran.stdout + ran.stderr)
    return numbers[0] if numbers else ""


def _commit() -> str:
    def git(*arguments: str) -> str:
        ran = subprocess.run(
            ("git", *arguments), cwd=_ROOT, capture_output=True, text=True, timeout=10, check=False
        )
        return ran.stdout.strip()

    if shutil.which("git") is None:
        return "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no", "console", "config", "tests/bench")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _memory() -> str:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{pages * size / 2**30:.0f} GiB"
