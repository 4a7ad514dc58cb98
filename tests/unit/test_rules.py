"""Rules of the architecture that no type checker sees."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted(
    f"console.core.{p.stem}" for p in (ROOT / "console" / "core").glob("*.py") if p.stem != "__init__"
)


def imported_by(*modules: str) -> set[str]:
    """What a fresh interpreter has loaded after importing these modules."""
    code = f"import sys\nimport {', '.join(modules)}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_core_is_pure() -> None:
    loaded = imported_by(*CORE)
    assert not loaded & {
        "textual",
        "rich",
        "sounddevice",
        "websockets",
        "httpx",
        "asyncio",
        "socket",
        "numpy",
    }
    assert "phonenumbers" in loaded  # the rule is really about what was imported


def test_engine_knows_no_screen_device_or_socket_library() -> None:
    assert not imported_by("console.engine") & {"textual", "sounddevice", "websockets", "httpx"}


def test_commands_without_a_line_load_no_screen_or_device() -> None:
    assert not imported_by("console.cli", "console.commands.one_call") & {
        "textual",
        "sounddevice",
        "websockets",
    }


def test_the_screen_knows_no_phone_device_or_socket() -> None:
    ui = sorted(
        ".".join(p.relative_to(ROOT).with_suffix("").parts)
        for p in (ROOT / "console" / "ui").rglob("*.py")
        if p.stem != "__init__"
    )
    assert not imported_by(*ui) & {"sounddevice", "websockets", "httpx", "baresip"}


def test_the_core_reads_no_clock_and_does_no_input_or_output() -> None:
    forbidden = re.compile(
        r"^\s*(import|from) (time|datetime|random|logging|threading|os|pathlib|subprocess)\b", re.M
    )
    for path in (ROOT / "console" / "core").glob("*.py"):
        assert not forbidden.search(path.read_text()), path.name


def tracked() -> list[Path]:
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name]


def test_tracked_files_name_no_machine() -> None:
    place = re.compile(rb"(?<![\w.])/(?:root|work|home/\w+|Users/\w+|tmp/bash_jobs)/")
    found = [path.name for path in tracked() if path.is_file() and place.search(path.read_bytes())]
    assert found == []
