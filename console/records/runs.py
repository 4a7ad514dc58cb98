"""The runs of the console as `events.jsonl` holds them: each begins with a mark that names its process.

So another console can follow the one that runs, and a later one finds out how an earlier one ended: a run
without its second mark was killed, and so were its calls that are not closed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.effects import Record
from ..core.replay import record_from, replay
from ..core.state import AgentPhase, Call, CallPhase, Outcome, Policy, State
from ..core.words import msgid, phrase
from .last_run import tail_of_last_run
from .tail import Tail

STARTED, ENDED = "console.started", "console.ended"
_OF_A_CALL, _OF_A_RUN = '"call"', '"console.'  # a start need not wait for other lines to be understood
_LATEST = 1e11  # Unix seconds
_WHY_KILLED = msgid("the console was killed (process {pid})")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its first mark tells of it. `wall_zero`: the Unix time of its engine second 0."""

    pid: int
    wall_zero: float


def started(t: float, wall_zero: float) -> Record:
    """The mark with which a run of this process begins."""
    return Record(t, STARTED, None, {"pid": os.getpid(), "wall_zero": round(wall_zero, 3)})


def ended(t: float) -> Record:
    """The mark with which it ends in order."""
    return Record(t, ENDED, None, {"pid": os.getpid()})


def read_mark(record: Record) -> Run | None:
    """The run that begins with this record, if one does."""
    pid, wall_zero = record.fields.get("pid"), record.fields.get("wall_zero")
    if record.type != STARTED or not isinstance(pid, int) or not isinstance(wall_zero, int | float):
        return None
    return Run(pid, float(wall_zero)) if 0 <= wall_zero < _LATEST and 0 < pid < 2**31 else None


def records(lines: Iterable[str]) -> Iterator[Record]:
    """The records in lines of `events.jsonl`; what is none (a full disk, a kill) is passed over."""
    for line in lines:
        try:
            found = json.loads(line)
            if isinstance(found, dict):
                yield record_from(found)
        except (ValueError, RecursionError):
            continue


def _is_mark(record: Record) -> bool:
    """One that begins a run, or ends it."""
    return record.type == ENDED or read_mark(record) is not None


def tail_of_run(path: Path) -> Tail:
    """The lines of the run that is the last to have begun, and what it goes on to write."""
    return tail_of_last_run(path, lambda line: any(read_mark(record) for record in records([line])))


def killed(path: Path) -> tuple[Run, tuple[Call, ...]] | None:
    """The last run and the calls in which it was killed; None when it ended in order, still runs, or was in
    no call. The times of a call are in seconds of that run; it ends with the last sign of life."""
    run, state, last = None, State(Policy(domain="")), 0.0
    tail = tail_of_last_run(path, lambda line: any(_is_mark(record) for record in records([line])))
    for lines in tail.slices():
        telling = (line for line in lines if _OF_A_CALL in line or _OF_A_RUN in line or line is lines[-1])
        for record in records(telling):
            if _is_mark(record):
                run, state = read_mark(record), State(Policy(domain=""))
            state, last = replay(state, record), record.t
    tail.close()
    if run is None or not state.calls or _lives(run.pid):
        return None
    return run, tuple(killed_call(call, last, run.pid) for call in state.calls)


def killed_call(call: Call, last: float, pid: int) -> Call:
    """The call as it is when its console was killed at this second of its run."""
    agent = replace(
        call.agent, billed=call.agent.billed_seconds(last), billed_from=None, phase=AgentPhase.OFF
    )
    if call.over:  # only its session was not closed yet
        return replace(call, agent=agent)
    # Whatever odd times a file holds, nothing lasts less than nothing.
    ended_at = max(last, call.early_since or 0.0, call.answered_at or call.started_at)
    return replace(
        call,
        phase=CallPhase.CLOSED,
        ended_at=ended_at,
        early_seconds=call.early_media(ended_at),
        early_since=None,
        outcome=Outcome.KILLED,
        why=phrase(_WHY_KILLED, pid=pid),
        agent=agent,
    )


def _lives(pid: int) -> bool:
    if pid == os.getpid():
        return False  # the number has come round: the mark is of an earlier process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
