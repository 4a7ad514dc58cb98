"""What is installed is locked by its hash, and an audit that did not happen is not called a pass."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools import audit

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
RUN = (ROOT / "requirements-run.lock").read_text()


def named(requirement: str) -> str:
    return re.split(r"[ <>=;\[~!]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def entries(lock: str) -> dict[str, str]:
    """Each `name==version` and the hashes of its files."""
    found = re.findall(r"^(\S+==\S+)[^\n]*?((?: *\\\n    --hash=sha256:[0-9a-f]{64})+)$", lock, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", hashes) for name, hashes in found}


@pytest.mark.parametrize(("lock", "least"), [(LOCK, 70), (RUN, 40)])
def test_every_file_that_may_be_installed_has_its_hash(lock: str, least: int) -> None:
    pins = re.findall(r"^\S+==", lock, re.MULTILINE)
    assert len(entries(lock)) == len(pins) >= least
    assert "://" not in lock, "where they come from is the business of whoever installs"


def test_what_runs_is_a_part_of_what_is_tested() -> None:
    assert entries(RUN).items() < entries(LOCK).items()


def test_what_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    runs = {named(r) for r in (*project["dependencies"], *extras["api"], *extras["build"])}
    tests = {named(r) for r in extras["test"]}
    run, everything = ({named(name) for name in entries(lock)} for lock in (RUN, LOCK))
    assert runs <= run
    assert runs | tests <= everything
    assert not tests & run, "who only runs the console needs no test tools"


def test_both_files_name_the_same_versions() -> None:
    versions = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    assert versions == re.findall(r"^(\S+==[^ ;\\]+)", LOCK, re.MULTILINE)


def test_make_install_takes_nothing_without_a_hash() -> None:
    script = (ROOT / "tools" / "install.sh").read_text()
    assert re.findall(r"pip install (.*?)(?: &&)?$", script, re.MULTILINE) == [
        '--require-hashes --requirement "$lock"',
        "--no-deps --no-build-isolation --editable .",
    ]


# ---- the audit ----

GOOD = {"name": "anyio", "version": "4.16.0", "vulns": []}
BAD = {"name": "jinja2", "version": "3.1.6", "vulns": [{"id": "CVE-1", "fix_versions": ["3.1.7"]}]}
SKIPPED = {"name": "numpy", "skip_reason": "Dependency not found and could not be audited: numpy (2.0)"}


@pytest.mark.parametrize(
    ("packages", "found", "words"),
    [
        ([GOOD], False, ["audited: 1 packages, 0 of them"]),
        (
            [GOOD, BAD],
            True,
            ["VULNERABLE: jinja2 3.1.6: CVE-1, mended in 3.1.7", "audited: 2 packages, 1 of"],
        ),
        ([GOOD, SKIPPED], False, ["NOT AUDITED: 1 of 2 packages: numpy (", "audited: 1 packages, 0 of them"]),
        ([SKIPPED], False, ["NOT AUDITED: 1 of 1 packages: numpy ("]),
        (
            [SKIPPED] * 9,
            False,
            ["NOT AUDITED: 9 of 9 packages: numpy, numpy, numpy, numpy, numpy and 4 more"],
        ),
    ],
)
def test_a_skipped_package_is_no_pass(packages: list[Any], found: bool, words: list[str]) -> None:
    lines, vulnerable = audit.verdict({"dependencies": packages})
    assert vulnerable is found
    assert len(lines) == len(words)
    for line, start in zip(lines, words, strict=True):
        assert line.startswith(start)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of pip-audit: what a test writes there."""
    monkeypatch.setattr(audit, "FOLDER", tmp_path)
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin" / "pip-audit"
    path.touch(0o700)
    return path


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("echo 'ConnectionError: no route' >&2; exit 1", "did not answer: ConnectionError: no route"),
        ("exit 3", "did not answer: no word of why"),
        ("echo '[]'", "the answer was empty"),
        ("exec sleep 60", "no answer within 1 s"),
    ],
)
def test_a_source_that_does_not_answer_fails_nothing_and_is_said_loudly(
    program: Path, does: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "SECONDS", 1)
    program.write_text(f"#!/bin/sh\n{does}\n")
    assert audit.main() == 0
    said = capsys.readouterr().out
    assert said.startswith("NOT AUDITED: ")
    assert words in said


def test_a_program_that_cannot_be_installed_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(command: list[str], **options: Any) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="ERROR: no matching distribution\n")

    monkeypatch.setattr(audit, "FOLDER", tmp_path)
    monkeypatch.setattr(subprocess, "run", refuse)
    assert audit.main() == 0
    assert "could not be installed: ERROR: no matching distribution" in capsys.readouterr().out


def test_a_known_vulnerability_fails(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program.write_text(f"#!/bin/sh\ncat <<'X'\n{json.dumps({'dependencies': [GOOD, BAD]})}\nX\nexit 1\n")
    assert audit.main() == 1
    assert "VULNERABLE: jinja2" in capsys.readouterr().out
