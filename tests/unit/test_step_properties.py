"""The rules as properties over random histories: whatever comes in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.core import events as ev
from console.core.effects import (
    AgentClose,
    AgentOpen,
    Effect,
    Keep,
    PhoneDial,
    PhoneHangUp,
    PhoneReject,
)
from console.core.state import AgentPhase, CallPhase, Policy, State
from console.core.step import next_deadline, step

OPENING, LIVE, FINISHING = AgentPhase.OPENING, AgentPhase.LIVE, AgentPhase.FINISHING
CALLS = [ev.CallId(f"c{n}") for n in range(3)]
calls = st.sampled_from([CALLS[0], CALLS[0], CALLS[0], *CALLS])
sessions = st.sampled_from([0, 0, 0, -1])
"""Relative to the session that the call has by then: 0 is the current one, -1 a stale one."""

codes = st.sampled_from([1000, 1001, 1002, 1005, 1006, 1008, 1011, 3000, 3008, 4300])
refusals = st.sampled_from([None, None, *ev.Refusal])

answers = st.none() | st.integers(300, 699)
numbers = st.sampled_from(["89123456789", "+79031112233", "112"])

phone_events = st.one_of(
    st.builds(ev.LineUp, st.just("baresip"), st.just("4.9.0"), st.booleans()),
    st.builds(ev.LineDown, st.just("down"), st.booleans(), st.booleans()),
    st.builds(ev.LineSilent, st.booleans()),
    st.builds(ev.RegistrationChanged, st.sampled_from(ev.RegState), answers),
    st.builds(ev.PhoneRinging, calls),
    st.builds(ev.PhoneEarlyMedia, calls),
    st.builds(ev.PhoneAnswered, calls),
    st.builds(ev.PhoneEstablished, calls),
    st.builds(ev.PhoneRtp, calls),
    st.builds(ev.PhoneHold, calls, st.booleans()),
    st.builds(ev.PhoneConfirmed, calls),
    st.builds(ev.PhoneDigit, calls, st.sampled_from("12#")),
    st.builds(
        ev.PhoneClosed, calls, st.none() | st.integers(300, 699), st.just("r"), st.sampled_from(ev.ClosedBy)
    ),
    st.builds(ev.PhoneIncoming, calls, st.just("sip:a@b"), st.just("A")),
    st.builds(ev.PhoneFound, calls, st.just("sip:a@b"), st.booleans(), st.booleans()),
)
agent_events = st.one_of(
    st.builds(ev.AgentWarm, calls, sessions, st.booleans(), st.booleans()),
    st.builds(ev.AgentPrepareFailed, calls, sessions, st.just("r"), refusals),
    st.builds(ev.AgentUpgraded, calls, sessions),
    st.builds(ev.AgentLive, calls, sessions, st.just("conv"), st.just("pcm_16000"), st.just("pcm_16000")),
    st.builds(ev.AgentFirstAudio, calls, sessions),
    st.builds(ev.AgentQueue, calls, sessions, st.sampled_from(ev.QueueState)),
    st.builds(ev.AgentClosed, calls, sessions, codes, st.just("r"), st.booleans(), refusals),
    st.builds(ev.AgentTrouble, calls, sessions, st.just("r")),
    st.builds(ev.PlayoutDrained, calls, sessions),
    st.builds(
        ev.AgentAsks, calls, sessions, st.just("t1"), st.sampled_from(["hang_up", "note", "send_dtmf"])
    ),
    st.builds(ev.AudioFailed, calls, st.just("r")),
    st.builds(ev.CalleeQuiet, calls, st.booleans()),
)
commands = st.one_of(
    st.builds(ev.Dial, calls, numbers, wants_agent=st.booleans()),
    st.builds(ev.HangUp, calls),
    st.builds(ev.Answer, calls),
    st.builds(ev.Reject, calls),
    st.builds(ev.Extend, calls),
    st.builds(ev.Tell, calls, st.just("be brief"), st.booleans()),
    st.builds(ev.Silence, calls, st.booleans()),
    st.builds(ev.Goodbye, calls),
    st.builds(ev.SendDigits, calls, st.sampled_from(["1#", "x"])),
    st.just(ev.AllowDialing()),
    st.just(ev.Register()),
)
waits = st.sampled_from([0.0, 0.0, 0.1, 1.0, 3.0, 20.0])
histories = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.1, 1.0, 3.0, 20.0]),
        st.one_of(phone_events, phone_events, agent_events, agent_events, commands),
    ),
    max_size=60,
)


History = list[tuple[float, ev.Event]]


@dataclass
class Watch:
    """Looks at every step from outside: what is open, and whether it may be."""

    state: State
    now: float = 0.0
    open: dict[ev.CallId, int] = field(default_factory=dict)

    def take(self, event: ev.Event) -> tuple[Effect, ...]:
        before = self.state
        self.state, effects = step(self.state, event, self.now)
        for effect in effects:
            self._check(effect, before, event)
        self._check_state()
        return effects

    def current(self, event: ev.Event) -> ev.Event:
        """Give a fact about a session the number that is meant by its relative one."""
        if not hasattr(event, "session"):
            return event
        call = self.state.find(event.call)
        if isinstance(event, ev.AgentClosed):
            self.gone(event.call, call.agent.session + event.session if call else 0)
        return replace(event, session=(call.agent.session if call else 1) + event.session)

    def gone(self, call: ev.CallId, session: int) -> None:
        """The socket of this session is gone."""
        if self.open.get(call) == session:
            del self.open[call]

    def _check(self, effect: Effect, before: State, event: ev.Event) -> None:
        if isinstance(effect, AgentOpen):
            call = self.state.find(effect.call)
            assert call is not None
            assert call.phase is CallPhase.UP, "opened without an answer"
            assert effect.call not in self.open, "two sessions of one call"
            self.open[effect.call] = effect.session
        elif isinstance(effect, AgentClose):
            self.open.pop(effect.call, None)
        elif isinstance(effect, Keep):
            assert effect.call.agent.billed >= 0

    def _check_state(self) -> None:
        for call in self.state.calls:
            agent = call.agent
            if agent.phase in (AgentPhase.OPENING, AgentPhase.LIVE):
                assert call.phase is CallPhase.UP
                assert call.wants_agent
            if call.phase is CallPhase.UP and call.wants_agent:
                blind = self.state.line.silent and call.quiet
                waits = blind and agent.phase is AgentPhase.WARM
                assert waits or agent.phase in (OPENING, LIVE, FINISHING), "dead air"
                assert not (blind and agent.phase in (OPENING, LIVE)), "billed, and nobody knows for whom"
            if agent.billed_from is not None:
                assert agent.phase in (AgentPhase.OPENING, AgentPhase.LIVE), "billed while not open"
            if call.over:
                assert agent.phase in (AgentPhase.OFF, AgentPhase.CLOSING)
        for call_id, session in self.open.items():
            call = self.state.find(call_id)
            assert call is not None, "a session outlived its call"
            assert call.agent.session == session
            assert call.agent.phase in (AgentPhase.OPENING, AgentPhase.LIVE), "an open session was forgotten"

    def pass_time(self, until: float) -> list[Effect]:
        effects: list[Effect] = []
        ticks = 0
        while (at := next_deadline(self.state)) is not None and at <= until:
            assert ticks < 200, "deadlines do not come to rest"
            ticks += 1
            self.now = max(self.now, at)
            effects += self.take(ev.Tick())
        self.now = until
        return effects


def ready() -> Watch:
    watch = Watch(State(Policy(domain="sip.example.org", incoming_agent=True, single_call=False)))
    watch.take(ev.LineUp("baresip", "4.9.0", True))
    watch.take(ev.RegistrationChanged(ev.RegState.OK))
    return watch


def replay(history: History) -> Watch:
    watch = ready()
    watch.take(ev.Dial(CALLS[0], "89123456789"))
    for wait, event in history:
        watch.pass_time(watch.now + wait)
        watch.take(watch.current(event))
    return watch


@given(histories)
@settings(max_examples=800, deadline=None)
def test_a_session_only_while_up_and_opens_and_closes_alternate(
    history: list[tuple[float, ev.Event]],
) -> None:
    replay(history)


@given(histories)
@settings(max_examples=200, deadline=None)
def test_after_a_hang_up_deadlines_alone_bring_everything_to_rest(
    history: list[tuple[float, ev.Event]],
) -> None:
    watch = replay(history)
    for call in watch.state.calls:
        watch.take(ev.HangUp(call.id))
    for call in watch.state.calls:
        assert call.agent.phase in (AgentPhase.OFF, AgentPhase.CLOSING)
    watch.pass_time(watch.now + 10)
    assert watch.state.calls == ()
    assert next_deadline(watch.state) is None


@given(histories)
@settings(max_examples=100, deadline=None)
def test_quit_always_stops(history: History) -> None:
    watch = replay(history)
    effects = [*watch.take(ev.Quit()), *watch.pass_time(watch.now + 3.5)]
    assert sum(type(e).__name__ == "Stop" for e in effects) == 1


provisional = st.lists(
    st.tuples(
        st.floats(0, 3),
        st.one_of(
            st.builds(ev.PhoneRinging, st.just(CALLS[0])),
            st.builds(ev.PhoneEarlyMedia, st.just(CALLS[0])),
            st.builds(ev.PhoneRtp, st.just(CALLS[0])),
            st.builds(ev.AgentWarm, st.just(CALLS[0]), st.just(1), st.booleans(), st.booleans()),
        ),
    ),
    max_size=15,
)


@given(provisional, st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_provisional_answer_opens_and_the_2xx_opens_at_once(history: History, answered: bool) -> None:
    watch = ready()
    effects = [*watch.take(ev.Dial(CALLS[0], "89123456789"))]
    for wait, event in history:
        effects += watch.pass_time(watch.now + wait)
        effects += watch.take(event)
    assert not any(isinstance(e, AgentOpen) for e in effects)
    assert sum(isinstance(e, PhoneDial) for e in effects) == 1
    if answered:
        assert any(isinstance(e, AgentOpen) for e in watch.take(ev.PhoneEstablished(CALLS[0])))
    early = sum(1 for _, e in history if isinstance(e, ev.PhoneEarlyMedia))
    call = watch.state.find(CALLS[0])
    assert call is not None
    assert (call.early_media(watch.now) > 0) <= (early > 0)


@pytest.mark.parametrize("kind", [PhoneHangUp, PhoneReject])
def test_every_live_call_can_be_ended(kind: type) -> None:
    watch = ready()
    if kind is PhoneReject:
        watch.take(ev.PhoneIncoming(CALLS[0], "sip:a@b", "A"))
    else:
        watch.take(ev.Dial(CALLS[0], "89123456789"))
    assert any(isinstance(e, kind) for e in watch.take(ev.HangUp(CALLS[0])))
