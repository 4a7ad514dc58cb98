"""The set-up scripts behind `make run` and `make test`, on machines that are faked program by program."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools"

Machine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Run a script where these programs are what these shell lines make of them."""

    def run(script: str, **programs: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, lines in programs.items():
            path = folder / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{lines}\n")
            path.chmod(0o700)
        return subprocess.run(
            ["sh", str(TOOLS / script)],
            cwd=ROOT,
            env={"PATH": f"{folder}:/usr/bin:/bin", "PYTHON": "fakepython", "LOG": str(tmp_path / "log")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_python_that_is_too_old_or_missing_is_named(machine: Machine) -> None:
    done = machine("find_python.sh", fakepython="exit 1")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Python 3.11 or newer" in done.stderr


def test_a_python_without_venv_names_the_debian_package(machine: Machine) -> None:
    done = machine("find_python.sh", fakepython='case "$2" in *version_info*) exit 0;; esac; exit 1')
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_a_good_python_is_printed(machine: Machine, tmp_path: Path) -> None:
    done = machine("find_python.sh", fakepython="exit 0")
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "bin" / "fakepython"))


def install(folder: Path, pip: str) -> subprocess.CompletedProcess[str]:
    """Run install.sh where pip is what these shell lines make of it."""
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{pip}\n")
    python.chmod(0o700)
    return subprocess.run(
        ["sh", str(TOOLS / "install.sh"), "some.lock", "the console"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "BIN": str(folder / "bin")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_installing_says_one_line(tmp_path: Path) -> None:
    done = install(tmp_path, 'echo "Collecting $*"; echo "WARNING: you are root" >&2')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Installing the console (about a minute)... done."]
    said = (tmp_path / "build" / "install.log").read_text()
    assert "Collecting -m pip install --require-hashes --requirement some.lock" in said
    assert "--editable ." in said
    assert "you are root" in said


def test_an_environment_that_was_cut_short_gets_its_pip(tmp_path: Path) -> None:
    done = install(tmp_path, 'case "$*" in "-m ensurepip") : >has-pip;; esac; echo "$*"; test -e has-pip')
    assert (done.returncode, done.stderr) == (0, "")
    assert "-m ensurepip\n-m pip install" in (tmp_path / "build" / "install.log").read_text()


def test_a_failed_installation_shows_all_and_says_what_to_do(tmp_path: Path) -> None:
    done = install(tmp_path, 'echo "ERROR: no route to host ($4)"; exit 1')
    assert done.returncode == 1
    assert done.stdout.count("ERROR: no route to host") == 1, "nothing goes on behind it"
    last = done.stdout.splitlines()[-1]
    assert last.startswith("NOT INSTALLED: pip failed")
    assert "build/install.log" in last
    assert "run the same command again" in last


NOTHING_INSTALLED = "echo 'un '"
ALL_INSTALLED = "echo 'ii '"
APT = 'echo "$DEBIAN_FRONTEND $*" >> "$LOG"'


def test_nothing_is_done_when_all_is_there(machine: Machine, tmp_path: Path) -> None:
    done = machine("test_packages.sh", fakepython="exit 0", dpkg_query=ALL_INSTALLED, apt_get=APT)
    assert (done.returncode, done.stdout) == (0, "")
    assert not (tmp_path / "log").exists()


def test_root_installs_without_being_asked_anything(machine: Machine, tmp_path: Path) -> None:
    done = machine(
        "test_packages.sh", fakepython="exit 1", dpkg_query=NOTHING_INSTALLED, apt_get=APT, id="echo 0"
    )
    assert done.returncode == 0
    update, install = (tmp_path / "log").read_text().splitlines()
    assert update.startswith("noninteractive update")
    assert install.startswith("noninteractive install --yes")
    assert {"baresip-core", "sip-tester", "pulseaudio", "python3-venv"} <= set(install.split())


@pytest.mark.parametrize("sudo", ["exit 1", "exit 127"])
def test_without_the_right_to_install_what_is_missing_is_named(
    machine: Machine, tmp_path: Path, sudo: str
) -> None:
    programs = {"dpkg_query": NOTHING_INSTALLED, "apt_get": APT, "id": "echo 1000", "sudo": sudo}
    done = machine("test_packages.sh", fakepython="exit 0", **programs)
    assert done.returncode == 0
    assert "NOT INSTALLED" in done.stdout
    assert "sudo apt install baresip-core" in done.stdout
    assert not (tmp_path / "log").exists()


def test_a_failing_apt_is_said_and_not_fatal(machine: Machine) -> None:
    done = machine(
        "test_packages.sh", fakepython="exit 0", dpkg_query=NOTHING_INSTALLED, apt_get="exit 100", id="echo 0"
    )
    assert done.returncode == 0
    assert "will not run" in done.stdout


def test_the_ci_script_calls_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "exec make test" in script.read_text()
    assert "make test " in (ROOT / "README.md").read_text()
