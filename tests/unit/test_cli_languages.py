"""The command line in the language of whoever reads it, and in English for programs and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.commands.output import Output
from console.core import journal, outcome
from console.core.effects import Record
from console.core.events import CallId
from console.core.words import phrase
from console.language import speaking
from console.records.logbook import record_json
from console.settings import spoken

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "console", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CONSOLE_DATA_DIR": str(folder / "data"),
            "PYTHONUTF8": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("environment", "in_file", "russian"),
    [
        ({}, "", False),
        ({"LANG": "ru_RU.UTF-8"}, "", True),
        ({"LANG": "ru_RU.UTF-8"}, "CONSOLE_LANG=en", False),
        ({"CONSOLE_LANG": "ru"}, "CONSOLE_LANG=en", True),
        ({}, "CONSOLE_LANG=ru", True),
        ({"CONSOLE_LANG": "de"}, "", False),
    ],
)
def test_the_language_is_known_before_anything_is_said(
    tmp_path: Path, environment: dict[str, str], in_file: str, russian: bool
) -> None:
    (tmp_path / ".env").write_text(in_file + "\n")
    (tmp_path / ".env").chmod(0o600)
    assert (spoken.chosen({**environment, "CONSOLE_DATA_DIR": "data"}, tmp_path) == "ru") is russian
    done = run(tmp_path, "call", **environment)
    assert done.returncode == 2
    assert ("Ошибка: не указан аргумент 'НОМЕР'." in done.stderr) is russian
    assert ("Error: Missing argument 'NUMBER'." in done.stderr) is not russian


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("check", "dial", "112"), 2, "отказ: 112 — номер экстренной службы"),
        (("check", "dial", "8912345678"), 2, "не хватает 1 цифры"),
        (("call", "+79123456789", "--var", "x"), 2, "--var ждёт имя=значение"),
        (("call", "+79123456789"), 2, "Заполните EXOLVE_SIP_USER"),
        (("cal",), 2, "Ошибка: нет команды 'cal'. Может быть, 'call'?"),
        (("call", "1", "--jsn"), 2, "Ошибка: нет параметра --jsn (возможны: --json)"),
        (("call", "1", "2"), 2, "Ошибка: лишние аргументы (2)"),
        (("call", "1", "--max-seconds", "x"), 2, "неверное значение '--max-seconds': нужно целое число"),
        (("call", "1", "--max-seconds", "0"), 2, "нужно не меньше 1"),
        (("call", "1", "--var"), 2, "Ошибка: параметру '--var' нужно значение."),
        (("check",), 2, "Ошибка: не указана команда."),
        ((), 2, "Экрану нужен терминал"),
        (("log",), 0, "журнала ещё нет"),
        (("config", "--import", "."), 2, "нет прежних настроек"),
    ],
)
def test_what_is_said_in_russian(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = run(tmp_path, *arguments, CONSOLE_LANG="ru")
    assert done.returncode == code
    assert words in done.stdout + done.stderr


def test_wrong_settings_are_told_in_russian(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CONSOLE_LANG=ru\nRING_SECONDS=x\nSIP_REGSTER=no\nKEEP_DAYS=0\n")
    (tmp_path / ".env").chmod(0o600)
    said = run(tmp_path, "config").stderr.splitlines()
    assert said[0].startswith("RING_SECONDS (.env, строка 2) — нужно целое число секунд от 1 до 600")
    assert said[1].startswith("KEEP_DAYS (.env, строка 4) — нужно целое число дней")
    assert said[-1] == "SIP_REGSTER — нет такой настройки: может быть, SIP_REGISTER?"


def test_programs_and_files_get_english(capfd: Any) -> None:
    why = phrase("no answer within {seconds:.0f} s", seconds=60.0)
    record = Record(
        3.0,
        "call.closed",
        CallId("a24e1740"),
        {"by": "timeout", "code": None, "reason": why, "why": why, "seconds": 0.0},
    )
    with speaking("ru"):
        assert journal.word(record).text == "call ended by a time limit: no answer within 60 s"
        assert json.loads(record_json(record))["why"] == "no answer within 60 s"
        output = Output(as_json=True, on_gone=lambda: None)
        output.records([record, outcome.summary(None, 4.0, 14, "no_line")], wall_zero=0.0)
        output.close()
    out, err = capfd.readouterr()
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["call.closed", "summary"]
    assert not any("а" <= letter <= "я" for letter in out)
    assert "телефон звонок завершён (предел времени): нет ответа за 60 с" in err
    assert "итог: нет линии; ИИ 0,0 с; код завершения 14" in err
