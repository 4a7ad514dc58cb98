"""What the event file tells of a run: its line and calls for who looks on, and how it ended for who comes
after it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from console.core.effects import Record
from console.core.events import (
    AgentClosed,
    AgentFirstAudio,
    AgentLive,
    AgentUpgraded,
    AgentWarm,
    CallId,
    ClosedBy,
    Dial,
    Event,
    HangUp,
    LineUp,
    Origin,
    PhoneAnswered,
    PhoneClosed,
    PhoneEarlyMedia,
    PhoneIncoming,
    PhoneRinging,
    RegistrationChanged,
    RegState,
)
from console.core.replay import record_from, replay
from console.core.state import AgentPhase, CallPhase, Outcome, Policy, State
from console.core.step import step
from console.records import last_run, runs
from console.records.archive import Archive
from console.records.calls import CALLS
from console.records.logbook import EVENTS, record_json

C = CallId("c1")
READY = (LineUp("baresip", "4.9.0", True), RegistrationChanged(RegState.OK, 200, "OK"))
TALK = (
    Dial(C, "+79123456789", Origin.API),
    PhoneRinging(C),
    PhoneEarlyMedia(C),
    AgentWarm(C, 1, True, True),
    PhoneAnswered(C),
    AgentUpgraded(C, 1),
    AgentLive(C, 1, "conv_7", "pcm_16000", "pcm_16000"),
    AgentFirstAudio(C, 1),
)
END = (PhoneClosed(C, None, "", ClosedBy.REMOTE), AgentClosed(C, 1, 1000, "", False))


def played(*events: Event) -> tuple[State, list[Record]]:
    """What the core makes of these events, one a second."""
    state, kept = State(Policy(domain="h")), []
    for second, event in enumerate(events):
        state, effects = step(state, event, float(second))
        kept += [effect for effect in effects if isinstance(effect, Record)]
    return state, kept


def again(records: Iterable[Record]) -> State:
    """The same as who reads the file has it."""
    state = State(Policy(domain=""))
    for record in records:
        state = replay(state, record_from(json.loads(record_json(record))))
    return state


@pytest.mark.parametrize("upto", range(len(READY + TALK + END) + 1))
def test_who_looks_on_sees_the_same_line_and_calls(upto: int) -> None:
    state, records = played(*(*READY, *TALK, *END)[:upto])
    seen = again(records)
    assert (seen.line.up, seen.line.registration) == (state.line.up, state.line.registration)
    assert seen.totals.calls == state.totals.calls
    assert seen.totals.answered == state.totals.answered

    def shown(of: State) -> list[object]:
        return [
            (c.id, c.number, c.uri, c.origin, c.phase, c.answered_at, c.ended_at, c.outcome, c.by)
            for c in (*of.calls, *of.ended)
        ]

    assert shown(seen) == shown(state)


def test_the_session_is_seen_too() -> None:
    state, records = played(*READY, *TALK)
    (call,), (seen,) = state.calls, again(records).calls
    assert seen.agent.phase is AgentPhase.LIVE
    assert seen.agent.conversation_id == "conv_7"
    assert seen.agent.billed_seconds(20.0) == pytest.approx(call.agent.billed_seconds(20.0), abs=1.01)
    ended = again(played(*READY, *TALK, *END)[1]).ended[0]
    assert ended.agent.billed == played(*READY, *TALK, *END)[0].ended[0].agent.billed


def test_an_incoming_call_and_a_hang_up_over_the_api() -> None:
    state, records = played(*READY, PhoneIncoming(C, "sip:a@b", "Anna"), HangUp(C, Origin.API))
    assert again(records).calls[0].incoming
    assert again(records).totals.missed == state.totals.missed


@pytest.mark.parametrize(
    "line",
    [
        {"t": 1.0, "type": "registration", "state": "upside down"},
        {"t": 1.0, "type": "call.closed", "call": "c1", "by": "nobody known", "outcome": "new"},
        {"t": 1.0, "type": "call.answered", "call": "never dialed"},
        {"t": 1.0, "type": "call.ringing", "call": "c1", "limit_seconds": [1]},
        {"t": 1.0, "type": "account", "credits": "many"},
        {"t": 1.0, "type": "of a newer version", "call": "c1"},
    ],
)
def test_odd_records_break_nothing(line: dict[str, object]) -> None:
    state = again(played(*READY, *TALK)[1])
    replay(state, record_from(line))  # type: ignore[arg-type]


# ---- a run that was killed ----


def gone() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def mark(pid: int) -> Record:
    return Record(0.0, runs.STARTED, None, {"pid": pid, "wall_zero": 1_800_000_000.0})


def write(folder: Path, *records: Record, name: str = EVENTS) -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / name).open("a") as file:
        file.writelines(f"{record_json(record)}\n" for record in records)
    return folder / EVENTS


def test_the_calls_of_a_killed_run_are_found(tmp_path: Path) -> None:
    path = write(tmp_path, mark(gone()), *played(*READY, *TALK)[1])
    with path.open("a") as file:
        file.write('{"t": 12.0, "type": "agent.tr')  # killed in mid-line
    found = runs.killed(path)
    assert found is not None
    run, (call,) = found
    assert run.wall_zero == 1_800_000_000.0
    assert (call.id, call.phase, call.outcome) == (C, CallPhase.CLOSED, Outcome.KILLED)
    assert call.ended_at == 9.0
    assert call.agent.billed == pytest.approx(2.0, abs=1.01)
    assert "killed (process" in call.why


def test_a_run_from_before_midnight(tmp_path: Path) -> None:
    records = played(*READY, *TALK)[1]
    write(tmp_path, mark(gone()), *records[:4], name=f"{EVENTS}.2026-11-22")
    path = write(tmp_path, *records[4:])
    found = runs.killed(path)
    assert found is not None
    assert found[1][0].answered_at is not None


def test_a_run_of_many_days_and_what_was_before_it(tmp_path: Path) -> None:
    records = played(*READY, *TALK)[1]
    write(tmp_path, mark(1), *records, name=f"{EVENTS}.2026-11-18")  # another run
    write(tmp_path, mark(gone()), *records[:4], name=f"{EVENTS}.2026-11-19")
    quiet = [Record(5.0, "notice", None, {"text": f'not a mark: "{runs.STARTED}"'})] * 5
    for day in ("2026-11-20", "2026-11-21"):
        write(tmp_path, *quiet, name=f"{EVENTS}.{day}")
    found = runs.killed(write(tmp_path, *records[4:]))
    assert found is not None
    assert found[1][0].answered_at is not None


@pytest.mark.parametrize("block", [7, 100, 333])
def test_a_mark_is_found_wherever_blocks_end(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_run, "BLOCK", block)
    talk = played(*READY, *TALK)[1]
    found = runs.killed(write(tmp_path, mark(1), *talk, mark(gone()), *talk))
    assert found is not None
    assert len(found[1]) == 1


def test_only_the_last_run_of_a_big_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = played(*READY, *TALK)[1]
    path = write(tmp_path, *[mark(gone()), *talk, runs.ended(9.0)] * 50)
    seen: list[Record] = []
    real = runs.replay
    monkeypatch.setattr(runs, "replay", lambda state, record: seen.append(record) or real(state, record))
    assert runs.killed(path) is None
    assert [record.type for record in seen] == [runs.ENDED]


@pytest.mark.parametrize("pid", [0, -1, 10**40])
def test_a_mark_with_a_number_that_no_process_has(tmp_path: Path, pid: int) -> None:
    assert runs.killed(write(tmp_path, mark(pid), *played(*READY, *TALK)[1])) is None


@pytest.mark.parametrize("how", ["in order", "no call", "call over", "still runs", "no mark", "no file"])
def test_where_nobody_was_killed_in_a_call(tmp_path: Path, how: str) -> None:
    talk = played(*READY, *TALK)[1]
    path = tmp_path / EVENTS
    match how:
        case "in order":
            write(tmp_path, mark(gone()), *talk, runs.ended(10.0))
        case "no call":
            write(tmp_path, mark(gone()), *played(*READY)[1])
        case "call over":
            write(tmp_path, mark(gone()), *played(*READY, *TALK, *END)[1])
        case "still runs":
            write(tmp_path, mark(1), *talk)
        case "no mark":
            write(tmp_path, *talk)
    assert runs.killed(path) is None


def test_the_next_start_writes_the_record_once_and_says_so(tmp_path: Path) -> None:
    data, logs = tmp_path / "data", tmp_path / "logs"
    data.mkdir()
    write(logs, mark(gone()), *played(*READY, *TALK)[1])
    for start in range(2):
        archive = Archive(data, logs, 90, Policy(domain="h"))
        told: list[Event] = []
        state = archive.initial(1_800_001_000.0, 0.0, told.append)
        archive.start()
        archive.stop()
        (call,) = state.ended
        assert len(told) == (start == 0), "only the first start says so"
        assert (call.id, call.outcome, call.number) == (C, Outcome.KILLED, "+79123456789")
        assert call.started_at == pytest.approx(-998.0)
    (line,) = (data / CALLS).read_text().splitlines()
    assert json.loads(line)["outcome"] == "console_killed"
    words = (logs / "console.log").read_text()
    assert "console started (process" in words
    assert "console ended (process" in words
