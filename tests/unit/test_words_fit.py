"""What people read fits a terminal of 80 columns, in both languages, and the log can be read in both."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from console.commands.log_words import reworded
from console.core.finding import Severity
from console.core.journal import money
from console.core.journal_texts import SOURCES, TEMPLATES
from console.core.words import Words, in_language, phrase
from console.doctor import view
from console.language import LANGUAGES, catalogue, speaking, texts
from console.settings.loading import VARIABLES

ROOT = Path(__file__).parents[2]
COMMANDS = ("", "call", "events", "check", "check dial", "serve", "devices", "log", "doctor", "config")
BEFORE = len("10:00:00 ") + max(len(source) for source in SOURCES) + 1
"""Columns in front of the text of a line of `call` and `events`."""

TYPICAL: dict[str, object] = {
    "after_answer_ms": 412,
    "after_seconds": 9.2,
    "agent": "Anna",
    "because": "",
    "conversation_id": "conv_5310097656b3340c",
    "cost": money(330, 0.05),
    "credits": phrase("credits unknown"),
    "destination": "+79123456789",
    "digit": "5",
    "doubts": "",
    "engine": "baresip",
    "error": "RuntimeError",
    "input": phrase("memory"),
    "length": "1:02:03",
    "limit_seconds": 60.0,
    "minutes": 5.0,
    "ms": 140,
    "name": "transfer_call",
    "number": "+79123456789",
    "output": phrase("memory"),
    "peer": "+79123456789",
    "pid": 4194304,
    "rate": 16000,
    "said": "",
    "seconds": 123.4,
    "sip_call_id": "53631c0da7b39a53",
    "source": phrase("embedded phone"),
    "state": phrase("waiting"),
    "termination": "",
    "version": "4.9.0",
    "way": phrase("toward the callee"),
    "where": "engine.py:342",
    "who": "+79123456789",
}
OPEN = {"reason": 20, "trouble": 20, "why": 20, "text": 20, "answer": 20, "said": 0, "because": 0}
"""What may be of any length, and how many columns it has at least."""


def filled(template: str, **more: object) -> str:
    typical = {**TYPICAL, **more}
    names = {name for _, name, _, _ in Formatter().parse(template) if name}
    values = {name: typical.get(name, "x" * OPEN.get(name, 0)) for name in names}
    assert names <= {*TYPICAL, *OPEN}
    return phrase(template, **values)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message", TEMPLATES)
def test_lines_of_the_event_log_fit(message: str, language: str) -> None:
    source, template = TEMPLATES[message]
    line = in_language(filled(template), catalogue(language))
    assert len(in_language(SOURCES[source], catalogue(language))) <= 7
    assert BEFORE + len(line) <= 80, line


@pytest.mark.parametrize("message", TEMPLATES)
def test_the_log_is_read_in_russian_as_it_would_have_been_worded(message: str) -> None:
    source, template = TEMPLATES[message]
    if template == "{text}":
        return
    words = filled(template, termination=phrase("; ended: {termination}", termination="end_call"))
    line = f"2026-11-22 10:00:00.000 a24e1740 {SOURCES[source]:7} {words}"
    shown = in_language(words, catalogue("ru"))
    with speaking("ru"):
        head = f"2026-11-22 10:00:00.000 a24e1740 {in_language(SOURCES[source], catalogue('ru')):7} "
        assert reworded(line, "ru") == head + shown
    assert reworded(line, "en") == line


def test_what_was_said_stays_in_the_log_as_it_was_said() -> None:
    with speaking("ru"):
        for said in ("> registered", "< none", "* no answer"):
            assert reworded(f"2026-11-22 10:00:00.000 a24e1740 them    {said}", "ru").endswith(said)
    assert reworded("a line that an editor has spoilt", "ru") == "a line that an editor has spoilt"


def help_lines(language: str) -> Iterator[str]:
    environ = {**os.environ, "CONSOLE_LANG": language, "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    program = f"from console import language; language.choose({language!r}); from console.cli import app\n"
    for command in COMMANDS:
        program += f"try: app({[*command.split(), '--help']!r}, prog_name='call-console')\n"
        program += "except SystemExit: pass\n"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    yield from done.stdout.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_fits_and_is_not_cut(language: str) -> None:
    lines = list(help_lines(language))
    assert len(lines) > 60
    assert not [line for line in lines if len(line) > 80]
    assert not [line for line in lines if line.endswith("...") and "]..." not in line]


def test_help_is_whole_in_russian() -> None:
    """Every line has Russian words, but those that only go on with one, and the usage of commands."""
    words = [line for line in help_lines("ru") if line.strip() and not any("а" <= c <= "я" for c in line)]
    assert words == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_of_the_doctor_fit(language: str) -> None:
    with speaking(language):
        for mark in view._MARKS.values():
            assert len(in_language(mark, catalogue(language))) <= view._MARK
        for name in view._NAMES.values():
            assert len(in_language(name, catalogue(language))) <= view._NAME
        assert set(view._MARKS) == set(Severity)
        for text in texts("ru"):
            lines = view._wrapped("settings", "warning", Words(text))
            assert all(len(line) <= 80 for line in lines if " " in line.strip())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_settings_fit(language: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console", "config"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CONSOLE_LANG": language,
            "CONSOLE_DATA_DIR": "data",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(VARIABLES) + 1
    assert not [line for line in lines if len(line) > 80 and str(tmp_path) not in line]
