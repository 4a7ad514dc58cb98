"""What outlives a run: records are written in turn beside the loop, and rewritten one at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.core.events import CallId, Event, Ignored
from console.core.state import Call, CallPhase, Outcome, Policy, Review
from console.records import archive as module
from console.records.archive import Archive
from console.records.calls import CALLS, NEVER_CALL, amend_call

CALL = Call(
    id=CallId("c1"),
    number="+79123456789",
    uri="sip:79123456789@h",
    origin=None,
    phase=CallPhase.CLOSED,
    started_at=1.0,
    ended_at=9.0,
    outcome=Outcome.FINISHED,
)


def named(name: str, credits: int | None = None) -> Call:
    review = Review(credits=credits) if credits is not None else None
    return replace(CALL, id=CallId(name), review=review)


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def archive(tmp_path: Path, told: list[Event]) -> Iterator[Archive]:
    archive = Archive(tmp_path, tmp_path / "logs", 9, Policy(domain="h"))
    archive.initial(1.8e9, 0.0, told.append)
    archive.start()
    yield archive
    archive.stop()


def written(folder: Path) -> dict[str, int | None]:
    """The records in their order: id and credits."""
    lines = [json.loads(line) for line in (folder / CALLS).read_text().splitlines()]
    return {line["id"]: line["review"] and line["review"]["credits"] for line in lines}


def test_amendments_at_once_are_all_kept(archive: Archive, tmp_path: Path) -> None:
    for number in range(50):
        archive.keep(named(f"c{number}"))
    for number in range(50):
        archive.amend(named(f"c{number}", credits=number))
        archive.keep(named(f"d{number}"))
    archive.stop()
    expected = {f"c{n}": n for n in range(50)} | {f"d{n}": None for n in range(50)}
    assert written(tmp_path) == expected
    assert [*written(tmp_path)] == [*expected]
    assert (tmp_path / CALLS).stat().st_mode & 0o777 == 0o600


def test_nobody_waits_for_a_record(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.keep(named("c1"))
    slow, threads = threading.Event(), []

    def amend(path: Path, line: str, call_id: str) -> None:
        assert slow.wait(10)
        threads.append(threading.current_thread())
        amend_call(path, line, call_id)

    monkeypatch.setattr(module, "amend_call", amend)
    archive.amend(named("c1", credits=1))
    archive.keep(named("c2"))
    slow.set()  # reached: neither of them waited
    archive.stop()
    assert written(tmp_path) == {"c1": 1, "c2": None}
    assert threads != [threading.current_thread()]


def test_what_cannot_be_rewritten_stays_as_it_is_and_is_said(
    archive: Archive, tmp_path: Path, told: list[Event]
) -> None:
    archive.keep(named("c1"))
    archive.stop()
    archive.start()
    (tmp_path / CALLS).with_suffix(".new").mkdir()  # in the way of the fresh file
    archive.amend(named("c1", credits=1))
    archive.stop()
    assert written(tmp_path) == {"c1": None}
    (said,) = told
    assert isinstance(said, Ignored)
    assert said.why.startswith("calls.jsonl cannot be written: ")


def test_what_is_kept_before_the_start_and_after_the_end_is_written_at_once(tmp_path: Path) -> None:
    archive = Archive(tmp_path, tmp_path / "logs", 9, Policy(domain="h"))
    archive.keep(named("c1"))
    assert written(tmp_path) == {"c1": None}
    archive.start()
    archive.stop()
    archive.amend(named("c1", credits=1))
    assert written(tmp_path) == {"c1": 1}


def test_callers_of_earlier_versions_are_known_by_their_number(tmp_path: Path) -> None:
    archive = Archive(tmp_path, tmp_path / "logs", 9, Policy(domain="h"))
    archive.keep(replace(CALL, incoming=True, number="sip:+79750000015@127.0.0.1:41234"))
    archive.keep(replace(CALL, number="sip:anna@h"))
    state = archive.initial(1.8e9, 10.0, lambda event: None)
    assert [call.number for call in state.ended] == ["sip:anna@h", "+79750000015"]


def test_what_is_added_behind_a_line_without_its_end_is_a_line_of_its_own(tmp_path: Path) -> None:
    """As an editor leaves the never-call list, and a kill the records."""
    (tmp_path / NEVER_CALL).write_text("+79123456789")
    archive = Archive(tmp_path, tmp_path / "logs", 9, Policy(domain="h"))
    archive.add_never_call("+79234567890")
    (tmp_path / CALLS).write_text('{"id": "c0", "numb')
    archive.keep(CALL)
    state = archive.initial(1.8e9, 10.0, lambda event: None)
    assert state.never_call == {"+79123456789", "+79234567890"}
    assert [call.id for call in state.ended] == ["c1"]


def test_a_never_call_list_that_cannot_be_read_any_more_still_holds(
    archive: Archive, tmp_path: Path, told: list[Event]
) -> None:
    archive.add_never_call("+79123456789")
    assert archive.edited_never_call() is not None
    (tmp_path / NEVER_CALL).unlink()
    (tmp_path / NEVER_CALL).mkdir()
    assert archive.edited_never_call() is None
    assert archive.edited_never_call() is None
    (said,) = told
    assert isinstance(said, Ignored)
    assert said.why == "never-call.txt cannot be read: Is a directory"
