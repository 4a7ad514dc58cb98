"""The clock jumps: nobody wakes the console for an hour, as when its process was stopped.

The core's clock is monotonic and never goes back; what the wall clock does is tested in `tests/faults`, on a
real console.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from console.core.effects import AgentClose, Keep, PhoneHangUp, PhoneReject, PhoneRestart, Record
from console.core.events import (
    AgentClosed,
    AgentLive,
    AgentUpgraded,
    AgentWarm,
    ClosedBy,
    Dial,
    Event,
    HangUp,
    LineDown,
    LineUp,
    PhoneClosed,
    PhoneEstablished,
    PhoneIncoming,
    PhoneRinging,
    PhoneRtp,
    RegistrationChanged,
    RegState,
    Tick,
)
from console.core.state import AgentPhase, CallPhase, Outcome
from console.core.step import next_deadline
from console.records.calls import call_line
from tests.unit.test_step import NUMBER, C, Console
from tests.unit.test_step_properties import Watch, histories, ready, replay

HOUR = 3600.0

RINGING: tuple[Event, ...] = (Dial(C, NUMBER), AgentWarm(C, 1, True, True), PhoneRinging(C))
MUTE = (*RINGING, PhoneEstablished(C))
OPENING = (*MUTE, PhoneRtp(C), AgentUpgraded(C, 1))
LIVE = (*OPENING, AgentLive(C, 1, "conv_1", "pcm_16000", "pcm_16000"))


def console_with(*events: Event) -> Console:
    console = Console()
    console(LineUp("baresip", "4.9.0", True), RegistrationChanged(RegState.OK, 200, "OK"), *events)
    return console


def jump(console: Console, *events: Event) -> list[object]:
    """An hour passes in which `step` is not called; then this happens, as the engine would tell it."""
    console.now += HOUR
    return list(console(*events, Tick()))


def settled(console: Console) -> None:
    """Whatever was due was done in that one step: nothing else is due now, so no timer spins."""
    at = next_deadline(console.state)
    assert at is None or at > console.now


@pytest.mark.parametrize(
    ("before", "outcome", "said"),
    [
        (RINGING, Outcome.NO_ANSWER, "no answer within 60 s"),
        (MUTE, Outcome.FINISHED, "the call limit"),
        (OPENING, Outcome.FINISHED, "the call limit"),
        (LIVE, Outcome.FINISHED, "the call limit"),
    ],
    ids=["ringing", "without RTP", "while the session opens", "live"],
)
def test_a_call_that_was_slept_over_is_ended_in_one_step(
    before: tuple[Event, ...], outcome: Outcome, said: str
) -> None:
    console = console_with(*before)
    done = jump(console)
    assert [e for e in done if isinstance(e, PhoneHangUp)] == [PhoneHangUp(C)]
    assert len([e for e in done if isinstance(e, AgentClose)]) == 1
    assert console.call.outcome is outcome
    assert said in console.call.why
    settled(console)
    console(PhoneClosed(C, None, "", ClosedBy.OPERATOR), AgentClosed(C, 1, 1000, "", True))
    assert console.state.calls == ()
    assert next_deadline(console.state) is None


def test_what_came_meanwhile_counts_before_the_deadline() -> None:
    """The answer waited in a socket while nobody ran: the ring limit, long past, must not end the call."""
    console = console_with(*RINGING)
    jump(console, PhoneEstablished(C))
    assert console.call.phase is CallPhase.UP
    assert console.call.agent.phase is AgentPhase.OPENING
    settled(console)


def test_an_incoming_call_is_not_offered_for_an_hour() -> None:
    console = console_with(PhoneIncoming(C, "sip:a@b", "A"))
    assert [e for e in jump(console) if isinstance(e, PhoneReject)] == [PhoneReject(C)]
    settled(console)


def test_a_phone_that_had_an_hour_to_confirm_the_end_is_broken() -> None:
    console = console_with(*LIVE, HangUp(C), AgentClosed(C, 1, 1000, "", True))
    jump(console)
    assert console.state.calls == ()
    assert console.call.outcome is Outcome.FINISHED
    settled(console)


def test_a_lost_link_is_no_longer_waited_for() -> None:
    console = console_with(*LIVE, LineDown("cut", gone=False))
    done = jump(console)
    assert len([e for e in done if isinstance(e, AgentClose)]) == 1
    assert len([e for e in done if isinstance(e, PhoneRestart)]) == 1
    assert console.call.over
    settled(console)


def test_billing_and_records_count_the_hour_once() -> None:
    """For all we know the session was open, and billed, all that time."""
    console = console_with(*LIVE)
    jump(console)
    console(PhoneClosed(C, None, "", ClosedBy.OPERATOR), AgentClosed(C, 1, 1000, "", True))
    (kept,) = [e.call for e in console.effects if isinstance(e, Keep)]
    assert kept.agent.billed == HOUR
    assert console.state.totals.agent_seconds == HOUR
    record = json.loads(call_line(kept, 1_700_000_000.0))
    assert record["seconds"] == record["agent_seconds"] == HOUR
    assert record["answered_after"] == 0.0
    times = [e.t for e in console.effects if isinstance(e, Record)]
    assert times == sorted(times)


def jumped(watch: Watch) -> Watch:
    """Without ticks in between: only the rules hold, whatever is overdue."""
    watch.now += HOUR
    watch.take(Tick())
    return watch


@given(histories)
@settings(max_examples=200, deadline=None)
def test_a_jump_after_any_history_breaks_no_rule_and_leaves_nothing_due(history: list) -> None:
    watch = jumped(replay(history))
    at = next_deadline(watch.state)
    assert at is None or at > watch.now
    for call in watch.state.calls:
        watch.take(HangUp(call.id))
    watch.pass_time(watch.now + 10)
    assert watch.state.calls == ()


@given(histories)
@settings(max_examples=200, deadline=None)
def test_any_history_after_a_jump(history: list) -> None:
    watch = ready()
    watch.take(Dial(C, "89123456789"))
    jumped(watch)
    for wait, event in history:
        watch.now += wait  # late ticks: whatever was due is due still
        watch.take(watch.current(event))
