"""`calls.jsonl` read back: whatever stands in it, the console starts, and what is a record is kept."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.api.views import call_view
from console.records.calls import call_from, call_line, load_calls, totals_of_today

GOOD: dict[str, Any] = {
    "id": "c1",
    "started": "2026-11-22T10:00:00+00:00",
    "incoming": False,
    "number": "+79123456789",
    "uri": "sip:79123456789@example.org",
    "answered_after": 3.5,
    "seconds": 20.0,
    "early_media_seconds": 0.0,
    "outcome": "finished",
    "code": None,
    "reason": "",
    "by": "remote",
    "why": "",
    "conversation_id": "conv_1",
    "agent_seconds": 16.0,
    "notes": [],
    "review": None,
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=20),
    st.just("\ud800"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    st.sampled_from(["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "NaN"]),
)


def test_a_record_is_read_as_it_was_written() -> None:
    call = call_from(GOOD, 1_000.0)
    assert call_from(json.loads(call_line(call, 1_000.0)), 1_000.0) == call


def test_how_long_an_unanswered_call_rang_is_read_back() -> None:
    rang = replace(call_from({**GOOD, "answered_after": None, "seconds": 0.0}, 1_000.0), started_at=5.0)
    rang = replace(rang, ended_at=21.5)
    again = call_from(json.loads(call_line(rang, 1_000.0)), 1_000.0)
    assert (again.started_at, again.ended_at) == (5.0, 21.5)
    assert again.seconds(0.0) == 0.0


@pytest.mark.parametrize("answered", [None, 3.5])
def test_a_call_that_ended_before_it_began_is_still_a_record(answered: float | None) -> None:
    """As an odd event file may tell of the call in which a console was killed."""
    call = call_from({**GOOD, "answered_after": answered}, 0.0)
    odd = replace(call, ended_at=-5.0, early_seconds=-1.0, agent=replace(call.agent, billed=-1.0))
    again = call_from(json.loads(call_line(odd, 0.0)), 0.0)
    assert again.ended_at == (again.started_at if answered is None else again.answered_at)
    assert (again.early_seconds, again.agent.billed) == (0.0, 0.0)


def test_a_line_of_an_earlier_version_is_read() -> None:
    assert "ended_after" not in GOOD
    call = call_from(GOOD, 0.0)
    assert call.seconds(call.ended_at or 0.0) == 20.0


@given(st.dictionaries(st.sampled_from([*GOOD, "ended_after"]), ODD, min_size=1, max_size=3))
def test_an_odd_line_is_passed_over(tmp_path_factory: pytest.TempPathFactory, odd: dict[str, Any]) -> None:
    path: Path = tmp_path_factory.mktemp("data") / "calls.jsonl"
    path.write_text("\n".join((json.dumps({**GOOD, **odd}), "[" * 50_000, "5", json.dumps(GOOD))))
    calls = load_calls(path, 0.0)
    assert calls[0] == call_from(GOOD, 0.0)
    assert all(call_view(call, 0.0, 0.0).model_dump_json() for call in calls)
    totals = totals_of_today(calls, 0.0, calls[0].started_at)
    assert totals.agent_seconds >= 16.0
