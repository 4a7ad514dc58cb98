"""`call-console log`: the past, one call of it, and what comes while it is watched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from console.commands import log_view
from console.core.effects import Record
from console.core.events import CallId
from console.records.logbook import Logbook
from console.records.tail import Tail

ROOT = Path(__file__).parents[2]


def entry(text: str, call: str = "-") -> str:
    return f"2026-11-22 10:00:00.000 {call:8} phone   {text}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "console.log.2026-11-20").write_text(entry("oldest", "a1") + "\n")
    (tmp_path / "console.log.2026-11-21").write_text(entry("older", "b2") + "\n")
    (tmp_path / "console.log").write_text(entry("new", "a1") + "\n" + entry("newest") + "\n")
    (tmp_path / "console.log.new").write_text("not ours\n")
    return tmp_path


def test_everything_in_order(folder: Path) -> None:
    assert [line.split()[-1] for line in log_view.lines(folder)] == ["oldest", "older", "new", "newest"]


def test_one_call(folder: Path) -> None:
    assert [line.split()[-1] for line in log_view.lines(folder, "a1")] == ["oldest", "new"]
    assert list(log_view.lines(folder, "a")) == []


def test_nothing_yet(tmp_path: Path) -> None:
    assert list(log_view.lines(tmp_path / "none")) == []


def test_it_reads_what_the_logbook_writes(tmp_path: Path) -> None:
    book = Logbook(tmp_path, 5, time.time(), lambda trouble: None)
    book.start()
    book.write(Record(1.0, "call.digit", CallId("c0ffee01"), {"digit": "1"}))
    book.write(Record(2.0, "call.digit", CallId("c0ffee02"), {"digit": "2"}))
    book.stop()
    (line,) = log_view.lines(tmp_path, "c0ffee02")
    assert "c0ffee02" in line


@pytest.fixture
def opened() -> Iterator[Callable[[Tail], Tail]]:
    with ExitStack() as stack:
        yield lambda tail: stack.enter_context(closing(tail))


def test_a_tail_gives_whole_lines_once(tmp_path: Path, opened: Callable[[Tail], Tail]) -> None:
    path = tmp_path / "console.log"
    tail = opened(Tail(path))
    assert tail.new() == []
    path.write_bytes(b"one\ntw")
    assert tail.new() == ["one"]
    with path.open("ab") as file:
        file.write("o\nthr\u00e9".encode()[:-1])
    assert tail.new() == ["two"]
    with path.open("ab") as file:
        file.write("\u00e9".encode()[-1:] + b"e\n")
    assert tail.new() == ["thr\u00e9e"]
    assert tail.new() == []


def test_a_tail_survives_midnight(tmp_path: Path, opened: Callable[[Tail], Tail]) -> None:
    path = tmp_path / "console.log"
    path.write_text("one\n")
    tail = opened(Tail(path))
    assert tail.new() == ["one"]
    with path.open("a") as file:
        file.write("late\n")
    path.rename(tmp_path / "console.log.2026-11-22")
    assert tail.new() == ["late"]
    with (tmp_path / "console.log.2026-11-22").open("a") as file:
        file.write("later\n")
    path.write_text("today\n")
    assert tail.new() == ["later", "today"]


def test_a_tail_reads_on_in_a_file_that_was_emptied(tmp_path: Path, opened: Callable[[Tail], Tail]) -> None:
    path = tmp_path / "console.log"
    path.write_text("one\ntwo\nha")
    tail = opened(Tail(path))
    assert tail.new() == ["one", "two"]
    path.write_text("c\n")
    assert tail.new() == ["c"]


def test_follow_begins_with_the_last_lines_and_filters(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_text("".join(entry(str(n), "a1") + "\n" for n in range(100)))
    rounds: Iterator[list[str]] = iter([[entry("x", "b2")], [entry("y", "a1")]])

    def pause(seconds: float) -> None:
        with path.open("a") as file:
            file.writelines(line + "\n" for line in next(rounds))

    lines = log_view.followed(tmp_path, "a1", pause)
    seen = [next(lines).split()[-1] for _ in range(log_view.LAST_LINES + 1)]
    assert seen == [*map(str, range(80, 100)), "y"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CONSOLE_DATA_DIR": str(tmp_path / "data")}


def test_as_a_program(tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "console", "log"]
    empty = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert "Nothing has been logged" in empty.stderr
    path = tmp_path / "data" / "logs" / "console.log"
    path.write_text(entry("first") + "\n")
    follower = subprocess.Popen(
        [*command, "-f"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert follower.stdout is not None
        assert follower.stdout.readline().endswith("first\n")
        with path.open("a") as file:
            file.write(entry("second") + "\n")
        assert follower.stdout.readline().endswith("second\n")
        follower.send_signal(signal.SIGINT)
        assert follower.wait(30) == 130
    finally:
        follower.kill()
        follower.communicate()
