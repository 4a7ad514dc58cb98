"""Exit codes and the summary, over every way in which a call can end."""

from dataclasses import replace

import pytest

from console.core import outcome
from console.core.events import CallId
from console.core.state import Agent, Call, CallPhase, Outcome, Policy, State

CALL = Call(
    CallId("c1"), "+79123456789", "sip:79123456789@h", None, CallPhase.CLOSED, started_at=1.0, ended_at=20.0
)
HEARD = replace(CALL, answered_at=10.0, agent=Agent(first_audio_at=10.4, billed=9.5), early_seconds=4.0)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (Outcome.BUSY, 10),
        (Outcome.NO_ANSWER, 11),
        (Outcome.MISSED, 11),
        (Outcome.REFUSED, 12),
        (Outcome.REJECTED, 12),
        (Outcome.AGENT_REFUSED, 13),
        (Outcome.AGENT_BUSY, 13),
        (Outcome.AGENT_LOST, 13),
        (Outcome.AGENT_FAILED_START, 13),
        (Outcome.NO_LINE, 14),
        (Outcome.LOST, 14),
        (Outcome.AUDIO_FAILED, 15),
        (Outcome.CANCELLED, 130),
    ],
)
def test_codes(ended: Outcome, code: int) -> None:
    assert outcome.exit_code(replace(CALL, outcome=ended)) == code
    assert outcome.exit_code(replace(CALL, outcome=ended), stopped=True) == 130


def test_every_outcome_has_a_code() -> None:
    for ended in Outcome:
        assert outcome.exit_code(replace(HEARD, outcome=ended)) in {0, 10, 11, 12, 13, 14, 15, 130}


def test_success_is_a_call_in_which_the_ai_was_heard() -> None:
    finished = replace(HEARD, outcome=Outcome.FINISHED)
    assert outcome.exit_code(finished) == 0
    silent = replace(finished, agent=Agent())
    assert outcome.exit_code(silent) == 13
    assert outcome.summary(silent, 30.0, 13).fields["result"] == "no_agent_audio"
    assert outcome.exit_code(replace(silent, wants_agent=False)) == 0


def test_a_call_that_never_ended_is_a_lost_line() -> None:
    assert outcome.exit_code(CALL) == 14


def test_summary() -> None:
    record = outcome.summary(replace(HEARD, outcome=Outcome.FINISHED), 30.0, 0)
    assert (record.type, record.call, record.t) == ("summary", "c1", 30.0)
    assert record.fields == {
        "answered": True,
        "seconds": 10.0,
        "agent_seconds": 9.5,
        "early_media_seconds": 4.0,
        "result": "finished",
        "exit_code": 0,
    }
    assert outcome.summary(None, 1.0, 14, "no_line").fields["result"] == "no_line"


@pytest.mark.parametrize("ended", list(Outcome))
def test_who_was_dropped_for_want_of_an_ai_wants_a_call_back(ended: Outcome) -> None:
    dropped = {Outcome.AGENT_REFUSED, Outcome.AGENT_BUSY, Outcome.AGENT_LOST, Outcome.AGENT_FAILED_START}
    assert outcome.wants_call_back(replace(HEARD, outcome=ended)) is (ended in dropped)
    assert not outcome.wants_call_back(replace(CALL, outcome=ended)), "nobody had picked up"


def test_the_list_has_each_person_once_until_they_are_reached() -> None:
    dropped = replace(HEARD, outcome=Outcome.AGENT_LOST)

    def call(number: str, ended: Outcome = Outcome.AGENT_LOST) -> Call:
        answered = None if ended is Outcome.NO_ANSWER else 10.0
        return replace(dropped, number=number, outcome=ended, answered_at=answered)

    newest_first = (
        call("+1", Outcome.NO_ANSWER),  # tried again in vain: still to be called
        call("+1"),
        call("+2"),
        call("+1"),
        call("+3", Outcome.FINISHED),  # reached since
        call("+3"),
        call("+4"),
        call("+5"),
    )
    state = State(
        Policy("h"),
        calls=(replace(CALL, number="+4", phase=CallPhase.RINGING),),
        ended=newest_first,
        never_call=frozenset({"+5"}),
    )
    assert [c.number for c in outcome.to_call_back(state)] == ["+1", "+2"]
    assert outcome.to_call_back(State(Policy("h"))) == ()
