"""An installed wheel works as well as the checkout: the program runs from it, its data files are inside."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = (".tcss", ".template", ".wav", ".ogg", ".opus", ".flac", ".mo", ".json")


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The wheel, built from this checkout and unpacked as pip would."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site"


def test_a_wheel_is_whole(unpacked: Path, tmp_path: Path) -> None:
    for source, inside in (
        (ROOT / "console", "console"),
        (ROOT / "config" / "baresip", "console/config/baresip"),
    ):
        for path in source.rglob("*"):
            if path.suffix in DATA:
                assert (unpacked / inside / path.relative_to(source)).is_file(), path
    assert list(unpacked.glob("console/config/baresip/*"))
    assert not list(unpacked.rglob(".env"))

    def run(*arguments: str) -> str:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(unpacked),
            "CONSOLE_DATA_DIR": str(elsewhere / "data"),
            "EXOLVE_SIP_DOMAIN": "sip.exolve.ru",
        }
        command = [sys.executable, "-P", "-m", "console", *arguments]
        done = subprocess.run(
            command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "check" in run("--help")
    assert "CONSOLE_DATA_DIR" in run("config")
    assert "sip:79123456789@sip.exolve.ru" in run("check", "dial", "89123456789")
