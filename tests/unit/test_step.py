"""The state machine, case by case: what an operator and a carrier can do to one call."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from console.core.effects import (
    AgentClose,
    AgentOpen,
    AgentPrepare,
    AudioAnswered,
    AudioFinish,
    AudioStop,
    Effect,
    Keep,
    NeverCallAdd,
    PhoneDial,
    PhoneHangUp,
    PhoneReject,
    PhoneRestart,
    Record,
    Stop,
)
from console.core.events import (
    AgentClosed,
    AgentFirstAudio,
    AgentLive,
    AgentPrepareFailed,
    AgentQueue,
    AgentUpgraded,
    AgentWarm,
    AllowDialing,
    Answer,
    AudioDevicesRenewed,
    AudioFailed,
    CalleeQuiet,
    CallId,
    ClosedBy,
    Dial,
    Event,
    Extend,
    HangUp,
    LineDown,
    LineSilent,
    LineUp,
    NeverCall,
    Origin,
    PhoneAnswered,
    PhoneClosed,
    PhoneConfirmed,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneFound,
    PhoneHold,
    PhoneIncoming,
    PhoneRinging,
    PhoneRtp,
    PlayoutDrained,
    QueueState,
    Quit,
    Refusal,
    Register,
    RegistrationChanged,
    RegState,
    Reject,
    Tick,
)
from console.core.state import AgentPhase, Call, CallPhase, Outcome, Policy, State
from console.core.step import next_deadline, step

C = CallId("c1")
NUMBER = "8 912 345-67-89"


@dataclass
class Console:
    """Drives `step` like the engine does, with a clock that the test moves."""

    state: State = field(default_factory=lambda: State(Policy(domain="sip.example.org")))
    now: float = 100.0
    effects: list[Effect] = field(default_factory=list)

    def __call__(self, *events: Event) -> list[Effect]:
        done: list[Effect] = []
        for event in events:
            self.state, effects = step(self.state, event, self.now)
            done += effects
        self.effects += done
        return done

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass, waking `step` at its deadlines as the engine does."""
        until, done = self.now + seconds, []
        while (at := next_deadline(self.state)) is not None and at <= until:
            self.now = max(at, self.now)
            done += self(Tick())
        self.now = until
        return done

    @property
    def call(self) -> Call:
        calls = self.state.calls or self.state.ended
        return calls[0]

    def records(self, type_: str) -> list[Record]:
        return [e for e in self.effects if isinstance(e, Record) and e.type == type_]

    def of(self, kind: type) -> list[Effect]:
        return [e for e in self.effects if isinstance(e, kind)]


@pytest.fixture
def console() -> Console:
    console = Console()
    console(LineUp("baresip", "4.9.0", True), RegistrationChanged(RegState.OK, 200, "OK"))
    return console


def dial(console: Console, **options: object) -> None:
    console(Dial(C, NUMBER, **options))  # type: ignore[arg-type]
    assert console.of(PhoneDial) == [PhoneDial(C, "sip:79123456789@sip.example.org")]


def live(console: Console) -> None:
    """Dialed, answered, and the AI is on the line."""
    dial(console)
    console(AgentWarm(C, 1, True, True), PhoneRinging(C), PhoneAnswered(C), PhoneEstablished(C), PhoneRtp(C))
    console(AgentUpgraded(C, 1), AgentLive(C, 1, "conv_1", "pcm_16000", "pcm_16000"))
    console(AgentFirstAudio(C, 1))
    assert console.call.agent.phase is AgentPhase.LIVE


def hung_up(console: Console, by: ClosedBy = ClosedBy.OPERATOR) -> None:
    """The phone confirms our hang-up, the session our close."""
    session = console.call.agent.session
    console(PhoneClosed(C, None, "Rejected by user", by), AgentClosed(C, session, 1000, "", True))


def test_warms_while_ringing_and_opens_at_the_answer(console: Console) -> None:
    dial(console)
    assert console.of(AgentPrepare) == [AgentPrepare(C, 1, False, "+79123456789")]
    console(
        AgentWarm(C, 1, True, True), PhoneRinging(C), PhoneEarlyMedia(C), PhoneRinging(C), PhoneEarlyMedia(C)
    )
    assert console.of(AgentOpen) == []
    effects = console(PhoneAnswered(C))
    assert [type(e) for e in effects if not isinstance(e, Record)] == [AudioAnswered, AgentOpen]
    assert console.call.phase is CallPhase.UP
    assert not console(PhoneEstablished(C)), "the second report of the answer changes nothing"


def test_call_answered_of_an_old_baresip_is_no_answer() -> None:
    console = Console()
    console(LineUp("baresip", "2.0.0", False), RegistrationChanged(RegState.OK))
    dial(console)
    console(PhoneAnswered(C))
    assert console.of(AgentOpen) == []
    console(PhoneEstablished(C))
    assert len(console.of(AgentOpen)) == 1


def test_early_media_is_counted_and_never_opens(console: Console) -> None:
    dial(console)
    console.wait(2)
    console(PhoneEarlyMedia(C), PhoneRtp(C))
    console.wait(4)
    console(PhoneClosed(C, 486, "Busy Here", ClosedBy.REMOTE))
    console(AgentClosed(C, 1, 1000, "", True))
    assert console.of(AgentOpen) == []
    assert console.call.early_seconds == pytest.approx(4)
    assert console.call.outcome is Outcome.BUSY
    assert len(console.of(Keep)) == 1
    assert len(console.of(AudioStop)) == 1


@pytest.mark.parametrize(
    ("code", "by", "outcome"),
    [
        (486, ClosedBy.REMOTE, Outcome.BUSY),
        (600, ClosedBy.REMOTE, Outcome.BUSY),
        (480, ClosedBy.REMOTE, Outcome.NO_ANSWER),
        (408, ClosedBy.REMOTE, Outcome.NO_ANSWER),
        (None, ClosedBy.TIMEOUT, Outcome.NO_ANSWER),
        (404, ClosedBy.REMOTE, Outcome.REFUSED),
        (302, ClosedBy.REMOTE, Outcome.REFUSED),
        (503, ClosedBy.REMOTE, Outcome.REFUSED),
        (None, ClosedBy.NETWORK, Outcome.REFUSED),
    ],
)
def test_outcome_of_a_call_that_was_not_answered(
    console: Console, code: int | None, by: ClosedBy, outcome: Outcome
) -> None:
    dial(console)
    console(PhoneClosed(C, code, "text", by))
    assert console.call.outcome is outcome
    assert console.of(AgentOpen) == []


def test_the_other_side_hangs_up(console: Console) -> None:
    live(console)
    console.wait(42)
    effects = console(PhoneClosed(C, None, "Connection reset by peer", ClosedBy.REMOTE))
    assert AgentClose(C, 1, "call ended") in effects
    console.wait(0.2)
    console(AgentClosed(C, 1, 1000, "", True))
    (closed,) = console.records("agent.closed")
    assert closed.fields["seconds"] == pytest.approx(42), "billed to our close frame, not to its answer"
    assert closed.fields["by"] == "call"
    assert console.state.totals.agent_seconds == pytest.approx(42)
    assert console.call.outcome is Outcome.FINISHED
    assert console.state.calls == ()


def test_our_hang_up_closes_the_session_with_the_command(console: Console) -> None:
    live(console)
    effects = console(HangUp(C))
    assert [type(e) for e in effects if not isinstance(e, Record)] == [PhoneHangUp, AgentClose]
    hung_up(console)
    assert console.call.by is ClosedBy.OPERATOR
    assert console.records("agent.closed")[0].fields["by"] == "operator"


def test_hang_up_while_ringing_never_opens_even_if_the_200_crosses(console: Console) -> None:
    dial(console)
    console(HangUp(C))
    console(PhoneAnswered(C), PhoneEstablished(C))
    assert console.of(AgentOpen) == []
    hung_up(console)
    assert console.call.outcome is Outcome.CANCELLED


def test_a_second_hang_up_is_passed_on(console: Console) -> None:
    live(console)
    console(HangUp(C))
    assert console(HangUp(C)) == [PhoneHangUp(C)]


def test_a_phone_that_never_confirms_the_hang_up_is_restarted(console: Console) -> None:
    live(console)
    console(HangUp(C))
    effects = console.wait(6)
    assert any(isinstance(e, PhoneRestart) for e in effects)
    assert console.state.calls == ()
    assert console.call.outcome is Outcome.FINISHED


def test_ring_limit(console: Console) -> None:
    dial(console, ring_seconds=20)
    console(PhoneRinging(C))
    assert console.wait(19.9) == []
    assert PhoneHangUp(C) in console.wait(0.2)
    hung_up(console)
    assert console.call.outcome is Outcome.NO_ANSWER
    assert console.call.by is ClosedBy.TIMEOUT


def test_call_limit_and_its_extension(console: Console) -> None:
    live(console)
    console.wait(590)
    console(Extend(C))
    assert PhoneHangUp(C) not in console.wait(300)
    assert PhoneHangUp(C) in console.wait(11)
    hung_up(console)
    assert console.call.outcome is Outcome.FINISHED


def test_no_rtp_ends_the_call(console: Console) -> None:
    dial(console)
    console(AgentWarm(C, 1, True, True), PhoneEstablished(C))
    console(AgentUpgraded(C, 1), AgentLive(C, 1, "conv", "pcm_16000", "pcm_16000"))
    effects = console.wait(5.1)
    assert PhoneHangUp(C) in effects
    assert AgentClose(C, 1, "call ended") in effects
    hung_up(console)
    assert console.call.outcome is Outcome.AUDIO_FAILED


def test_no_rtp_on_hold_is_no_fault(console: Console) -> None:
    dial(console)
    console(PhoneEstablished(C), PhoneHold(C, True))
    console(AgentUpgraded(C, 1), AgentLive(C, 1, "conv", "pcm_16000", "pcm_16000"))
    console(AgentFirstAudio(C, 1))
    assert PhoneHangUp(C) not in console.wait(30)
    console(PhoneHold(C, False))
    assert PhoneHangUp(C) in console.wait(5.1)


# ---- the AI's side ----


def test_a_session_that_closed_unasked_leaves_nobody_in_silence(console: Console) -> None:
    live(console)
    assert PhoneHangUp(C) in console(AgentClosed(C, 1, 1000, "", True))
    hung_up(console)
    assert console.call.outcome is Outcome.AGENT_LOST


@pytest.mark.parametrize("refusal", list(Refusal))
def test_refused_while_ringing_cancels_the_call(console: Console, refusal: Refusal) -> None:
    dial(console)
    console(PhoneRinging(C))
    effects = console(AgentPrepareFailed(C, 1, "no", refusal))
    assert PhoneHangUp(C) in effects
    hung_up(console)
    expected = Outcome.AGENT_BUSY if refusal is Refusal.BUSY else Outcome.AGENT_REFUSED
    assert console.call.outcome is expected
    stops = refusal in (Refusal.KEY, Refusal.AGENT, Refusal.CREDITS)
    assert bool(console.state.stopped) is stops
    console(Dial(CallId("c2"), NUMBER))
    assert (len(console.of(PhoneDial)) == 1) is stops
    if stops:
        console(AllowDialing(), Dial(CallId("c3"), NUMBER))
        assert len(console.of(PhoneDial)) == 2


def test_a_server_that_is_down_ends_the_call_3_s_after_the_answer(console: Console) -> None:
    dial(console)
    console(AgentPrepareFailed(C, 1, "503", None), PhoneRinging(C))
    console.wait(20)
    assert console.of(PhoneHangUp) == []
    console(PhoneEstablished(C), PhoneRtp(C))
    assert PhoneHangUp(C) not in console.wait(2.9)
    assert PhoneHangUp(C) in console.wait(0.2)
    hung_up(console)
    assert console.call.outcome is Outcome.AGENT_LOST


def test_the_agent_says_goodbye(console: Console) -> None:
    live(console)
    effects = console(AgentClosed(C, 1, 1000, "", False))
    assert AudioFinish(C, 1) in effects
    assert PhoneHangUp(C) not in effects
    console.wait(3)
    assert PhoneHangUp(C) in console(PlayoutDrained(C, 1))
    hung_up(console)
    assert console.call.outcome is Outcome.FINISHED
    assert console.call.by is ClosedBy.AGENT
    assert console.records("agent.closed")[0].fields["by"] == "agent"
    assert len(console.records("agent.closed")) == 1


def test_closed_before_its_first_turn_is_a_failed_start(console: Console) -> None:
    dial(console)
    console(PhoneEstablished(C), AgentUpgraded(C, 1))
    assert PhoneHangUp(C) in console(AgentClosed(C, 1, 1000, "", False))
    hung_up(console)
    assert console.call.outcome is Outcome.AGENT_FAILED_START


def test_a_drop_gets_one_fresh_session_and_a_second_hangs_up(console: Console) -> None:
    live(console)
    effects = console(AgentClosed(C, 1, 1006, "reset", False))
    assert next(e for e in effects if isinstance(e, AgentPrepare)).session == 2
    (opened,) = [e for e in effects if isinstance(e, AgentOpen)]
    assert opened.session == 2
    assert opened.context
    console(AgentUpgraded(C, 2), AgentLive(C, 2, "conv_2", "pcm_16000", "pcm_16000"))
    assert PhoneHangUp(C) not in console.effects
    assert PhoneHangUp(C) in console(AgentClosed(C, 2, 1011, "", False))
    hung_up(console)
    assert console.call.outcome is Outcome.AGENT_LOST


def test_dropped_while_opening_is_retried_too(console: Console) -> None:
    dial(console)
    console(AgentWarm(C, 1, True, True), PhoneEstablished(C), PhoneRtp(C))
    effects = console.wait(4.1)
    assert AgentClose(C, 1, "too late") in effects
    assert any(isinstance(e, AgentOpen) and e.session == 2 for e in effects)
    assert PhoneHangUp(C) in console.wait(3.1)


def test_facts_about_an_earlier_session_change_nothing(console: Console) -> None:
    live(console)
    console(AgentClosed(C, 1, 1006, "", False))
    before = console.state
    console(AgentClosed(C, 1, 3000, "late", False, Refusal.KEY), AgentLive(C, 1, "x", "y", "z"))
    assert console.state == before


def test_refused_after_the_answer_stops_dialing_and_hangs_up(console: Console) -> None:
    dial(console)
    console(PhoneEstablished(C), AgentUpgraded(C, 1))
    reason = "[quota_exceeded] no credits"
    assert PhoneHangUp(C) in console(AgentClosed(C, 1, 3000, reason, False, Refusal.CREDITS))
    assert console.state.stopped
    hung_up(console)
    assert console.call.outcome is Outcome.AGENT_REFUSED


def test_queue_time_is_not_billed_and_bounded(console: Console) -> None:
    dial(console)
    console(AgentWarm(C, 1, True, True), PhoneEstablished(C), PhoneRtp(C))
    console(AgentUpgraded(C, 1), AgentLive(C, 1, "conv", "pcm_16000", "pcm_16000"))
    console(AgentQueue(C, 1, QueueState.WAITING))
    console.wait(10)
    assert console.call.agent.billed_seconds(console.now) == pytest.approx(0)
    console(AgentQueue(C, 1, QueueState.ADMITTED))
    console.wait(7)
    assert console.call.agent.billed_seconds(console.now) == pytest.approx(7)
    console(AgentQueue(C, 1, QueueState.WAITING))
    assert PhoneHangUp(C) in console.wait(31)


def test_an_ai_that_never_speaks_is_ended(console: Console) -> None:
    dial(console)
    console(PhoneEstablished(C), PhoneRtp(C), AgentUpgraded(C, 1))
    console(AgentLive(C, 1, "conv", "pcm_16000", "pcm_16000"))
    assert PhoneHangUp(C) not in console.wait(19)
    assert PhoneHangUp(C) in console.wait(1.5)
    hung_up(console)
    assert console.call.outcome is Outcome.AGENT_LOST


def test_without_an_agent_nothing_is_prepared(console: Console) -> None:
    dial(console, wants_agent=False)
    console(PhoneEstablished(C), PhoneRtp(C))
    console.wait(60)
    assert console.of(AgentPrepare) == []
    assert console.of(PhoneHangUp) == []


def test_broken_audio_ends_the_call_in_words(console: Console) -> None:
    dial(console)
    assert PhoneHangUp(C) in console(AudioFailed(C, "no such device"))
    hung_up(console)
    assert console.call.outcome is Outcome.AUDIO_FAILED
    assert console.call.why == "no such device"


def test_a_phone_that_lost_its_sound_server_is_restarted_unless_a_call_goes_on(console: Console) -> None:
    assert [type(e) for e in console(AudioDevicesRenewed())] == [PhoneRestart]
    dial(console)
    assert console(AudioDevicesRenewed()) == []


@pytest.mark.parametrize("number", ["+79123456789", "100", "anna@pbx.example"])
def test_what_stands_on_the_never_call_list_reads_back(console: Console, number: str) -> None:
    assert NeverCallAdd(number) in console(NeverCall(number))


@pytest.mark.parametrize("number", ["*100#@pbx.example", "john doe@x.example", "a@b@h"])
def test_what_would_not_read_back_is_refused_in_words(console: Console, number: str) -> None:
    (refused,) = [e for e in console(NeverCall(number)) if isinstance(e, Record)]
    assert refused.type == "refused"
    assert number in str(refused.fields["why"])
    assert console.of(NeverCallAdd) == []


def test_answered_without_established_is_local_audio(console: Console) -> None:
    console.state, _ = step(console.state, LineUp("baresip", "2.0.0", False), console.now)
    dial(console)
    console(PhoneAnswered(C), PhoneClosed(C, None, "No such file or directory", ClosedBy.NETWORK))
    assert console.call.outcome is Outcome.AUDIO_FAILED


# ---- the line ----


def test_the_end_of_the_phone_closes_the_session_at_once(console: Console) -> None:
    live(console)
    effects = console(LineDown("baresip ended", gone=True))
    assert AgentClose(C, 1, "call ended") in effects
    assert console.call.outcome is Outcome.LOST


def test_a_lost_link_waits_2_s_for_the_call(console: Console) -> None:
    live(console)
    console(LineDown("link lost", gone=False))
    console.wait(1)
    console(LineUp("baresip", "4.9.0", True), PhoneConfirmed(C))
    assert AgentClose(C, 1, "call ended") not in console.wait(10)
    console(LineDown("link lost", gone=False))
    effects = console.wait(2.1)
    assert AgentClose(C, 1, "call ended") in effects
    assert any(isinstance(e, PhoneRestart) for e in effects)


def test_hanging_up_while_the_link_is_lost_does_not_prolong_the_call(console: Console) -> None:
    live(console)
    console(LineDown("link lost", gone=False))
    console.wait(1)
    console(HangUp(C))
    assert any(isinstance(e, PhoneRestart) for e in console.wait(1.1))


# ---- nobody can say that the call still lives ----


def blind(console: Console) -> list[Effect]:
    return console(LineSilent(True), CalleeQuiet(C, True))


@pytest.mark.parametrize("sign", [LineSilent(True), CalleeQuiet(C, True)])
def test_one_sign_alone_ends_nothing(console: Console, sign: Event) -> None:
    live(console)
    assert console(sign) == []
    assert console.call.agent.phase is AgentPhase.LIVE


def test_a_blind_session_is_closed_and_the_call_left_alone(console: Console) -> None:
    live(console)
    done = blind(console)
    assert [e for e in done if isinstance(e, AgentClose)] == [AgentClose(C, 1, "the phone does not answer")]
    assert not console.of(PhoneHangUp)
    console(AgentClosed(C, 1, 1000, "", True), AgentWarm(C, 2, True, True))
    billed = console.call.agent.billed_seconds(console.now)
    console.wait(4)
    assert console.call.agent.phase is AgentPhase.WARM
    assert console.call.agent.billed_seconds(console.now) == billed
    assert console.call.phase is CallPhase.UP


@pytest.mark.parametrize("sign", [LineSilent(False), CalleeQuiet(C, False)])
def test_the_first_sign_of_life_opens_a_fresh_session_that_counts_as_no_drop(
    console: Console, sign: Event
) -> None:
    live(console)
    blind(console)
    console(AgentClosed(C, 1, 1000, "", True), AgentWarm(C, 2, True, True))
    opened = [e for e in console(sign) if isinstance(e, AgentOpen)]
    assert [(e.session, bool(e.context)) for e in opened] == [(2, True)]
    console(AgentUpgraded(C, 2), AgentLive(C, 2, "conv_2", "pcm_16000", "pcm_16000"))
    console(AgentClosed(C, 2, 1006, "lost", False))
    assert console.call.phase is CallPhase.UP, "one real drop is still allowed"


def test_the_far_end_hung_up_meanwhile(console: Console) -> None:
    live(console)
    blind(console)
    console(LineDown("silence", gone=True))
    assert console.call.over
    assert len(console.of(AgentOpen)) == 1
    console(AgentClosed(C, 2, 1000, "", True))
    assert console.state.calls == ()


def test_a_link_that_is_made_again_is_not_silent(console: Console) -> None:
    live(console)
    console(LineSilent(True), LineDown("cut", gone=False), LineUp("baresip", "4.9.0", True))
    assert not console.state.line.silent


def test_calls_found_at_connect(console: Console) -> None:
    console(PhoneFound(CallId("f2"), "sip:c@d", established=True, ours=True))
    assert console.of(PhoneHangUp) == [PhoneHangUp(CallId("f2"))]
    assert console.of(AgentPrepare) == []


def test_a_call_that_nobody_here_asked_for_is_ended_on_a_phone_of_our_own(console: Console) -> None:
    """Its control port takes orders from every user of this machine."""
    console(PhoneFound(CallId("f1"), "sip:a@b", established=False, ours=False))
    assert console.of(PhoneHangUp) == [PhoneHangUp(CallId("f1"))]
    assert "nobody here asked" in console.call.why
    assert console.of(AgentPrepare) == []


def test_incoming_call_offered_rejected_missed(console: Console) -> None:
    console(PhoneIncoming(C, "sip:a@b", "Ann"))
    console(Answer(C))
    assert "ELEVENLABS_INCOMING_AGENT_ID" in str(console.records("refused")[0].fields["why"])
    assert PhoneReject(C) in console(Reject(C))
    console(PhoneClosed(C, None, "Rejected by user", ClosedBy.OPERATOR))
    assert console.call.outcome is Outcome.REJECTED
    console(PhoneIncoming(CallId("c2"), "sip:a@b", "Ann"))
    assert PhoneReject(CallId("c2")) in console.wait(25.1)
    console(PhoneClosed(CallId("c2"), None, "Rejected by user", ClosedBy.OPERATOR))
    assert console.call.outcome is Outcome.MISSED
    assert console.state.totals.missed == 1


def test_incoming_call_during_a_call_is_missed_and_harms_nothing(console: Console) -> None:
    live(console)
    effects = console(PhoneIncoming(CallId("c2"), "sip:a@b", "Ann"))
    assert PhoneReject(CallId("c2")) in effects
    assert PhoneHangUp(C) not in effects
    assert console.state.shown is not None
    assert console.state.shown.id == C


def test_answering_with_the_agent_for_incoming_calls() -> None:
    console = Console(State(Policy(domain="sip.example.org", incoming_agent=True)))
    console(LineUp("baresip", "4.9.0", True), RegistrationChanged(RegState.OK))
    console(PhoneIncoming(C, "sip:a@b", "Ann"), Answer(C), PhoneEstablished(C))
    assert console.of(AgentPrepare) == [AgentPrepare(C, 1, True, "a@b")]
    assert len(console.of(AgentOpen)) == 1


def test_an_incoming_call_that_somebody_else_answers_gets_no_session() -> None:
    console = Console(State(Policy(domain="sip.example.org", incoming_agent=True)))
    console(LineUp("baresip", "4.9.0", True), RegistrationChanged(RegState.OK))
    console(PhoneIncoming(C, "sip:a@b", "Ann"), PhoneEstablished(C), PhoneRtp(C))
    console.wait(60)
    assert console.of(AgentOpen) == []
    assert console.call.agent.phase in (AgentPhase.CLOSING, AgentPhase.OFF), "what was prepared is let go"


def joined() -> Console:
    console = Console(State(Policy(domain="sip.example.org", joined=True)))
    console(LineUp("baresip", "4.9.0", True), RegistrationChanged(RegState.OK))
    return console


def test_calls_of_others_on_a_joined_phone_are_only_shown() -> None:
    console = joined()
    console(PhoneFound(C, "sip:a@b", established=False, ours=False), PhoneEstablished(C))
    console(PhoneIncoming(CallId("c2"), "sip:c@d", "Ann"))
    console.wait(1200)
    console(Quit())
    assert console.of(PhoneHangUp) == console.of(PhoneReject) == []
    assert console.of(Stop) == [Stop()]
    assert console.state.totals.answered == 0


def test_our_call_on_a_joined_phone_is_hung_up_at_the_end() -> None:
    console = joined()
    dial(console)
    console(PhoneEstablished(C), Quit())
    assert PhoneHangUp(C) in console.effects


def test_the_reason_of_our_own_hang_up_is_ours(console: Console) -> None:
    live(console)
    console(HangUp(C))
    hung_up(console)
    assert console.call.reason == "hung up by the operator"


# ---- what is refused ----


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ((LineDown("no baresip", gone=True),), "no baresip"),
        ((LineDown("x", gone=False, taken_over=True),), "taken"),
        ((RegistrationChanged(RegState.FAILED, 403, "Forbidden"),), "403 Forbidden"),
        ((RegistrationChanged(RegState.FAILED),), "Not registered (no answer)"),
        ((RegistrationChanged(RegState.REGISTERING),), "Not registered yet"),
        ((LineSilent(True),), "does not answer at the moment"),
        ((Dial(CallId("c0"), NUMBER),), "A call is up"),
        ((NeverCall("+79123456789"),), "never-call list"),
    ],
)
def test_what_cannot_be_dialed_says_why(console: Console, events: tuple[Event, ...], word: str) -> None:
    console(*events)
    console(Dial(C, NUMBER))
    assert PhoneDial(C, "sip:79123456789@sip.example.org") not in console.effects
    assert word in str(console.records("refused")[-1].fields["why"])


def test_a_number_that_answered_today_needs_a_second_word_but_not_on_the_demo_line() -> None:
    for asks in (True, False):
        console = Console(State(Policy(domain="sip.example.org", ask_if_answered=asks)))
        console(LineUp("baresip", "4.9.0", True), RegistrationChanged(RegState.OK))
        live(console)
        console(HangUp(C))
        hung_up(console)
        console(Dial(CallId("c2"), NUMBER))
        assert (len(console.of(PhoneDial)) == 1) is asks


def test_foreign_numbers_need_a_second_word(console: Console) -> None:
    console(Dial(C, "+49 30 901820"))
    assert console.records("refused")[0].fields["confirm"] is True
    console(Dial(C, "+49 30 901820", confirmed=True))
    assert console.of(PhoneDial) == [PhoneDial(C, "sip:4930901820@sip.example.org")]


def test_register_is_refused_during_a_call(console: Console) -> None:
    live(console)
    effects = console(Register())
    assert [type(e) for e in effects] == [Record]


def test_quit_hangs_up_and_then_stops(console: Console) -> None:
    live(console)
    effects = console(Quit())
    assert PhoneHangUp(C) in effects
    assert Stop() not in effects
    hung_up(console)
    assert console.of(Stop) == [Stop()]


def test_quit_does_not_wait_for_a_broken_phone(console: Console) -> None:
    live(console)
    console(Quit())
    assert Stop() in console.wait(3.1)


@pytest.mark.parametrize("uri", ["sips:anna@h", "sip:anna@h;transport=tls", "anna@h;transport=TLS"])
@pytest.mark.parametrize(
    ("engine", "version", "dialed"),
    [
        ("baresip", "1.0.0", False),
        ("baresip", "1.1.0", True),
        ("baresip", "10.0.1", True),
        ("embedded", "0.5", True),
    ],
)
def test_over_tls_only_a_phone_that_verifies_dials(uri: str, engine: str, version: str, dialed: bool) -> None:
    console = Console(State(Policy(domain="h", register=False)))
    console(LineUp(engine, version, True), Dial(C, uri, as_uri=True, confirmed=True))
    assert bool(console.of(PhoneDial)) is dialed
    refused = console.records("refused")
    assert dialed or "cannot verify who answers over TLS" in str(refused[0].fields["why"])
    console(Dial(CallId("c9"), "sip:anna@h", as_uri=True))
    assert dialed or console.of(PhoneDial)


@pytest.mark.parametrize(
    ("uri", "dialed"),
    [
        ("sips:anna@192.0.2.1", False),
        ("sip:anna@[2001:db8::1]:5061;transport=tls", False),
        ("sip:anna@192.0.2.1", True),
        ("sips:anna@127.0.0.1:5061", True),
    ],
)
def test_over_tls_an_address_cannot_be_verified(uri: str, dialed: bool) -> None:
    console = Console(State(Policy(domain="h", register=False)))
    console(LineUp("embedded", "0.5", True), Dial(C, uri, as_uri=True, confirmed=True))
    assert bool(console.of(PhoneDial)) is dialed
    assert dialed or "only a name can be verified" in str(console.records("refused")[0].fields["why"])


# ---- who asked ----


@pytest.mark.parametrize("origin", list(Origin))
def test_what_is_refused_says_from_where_it_was_asked(console: Console, origin: Origin) -> None:
    live(console)
    console(Register(origin))
    assert console.records("refused")[0].fields["origin"] == origin.value


@pytest.mark.parametrize("origin", list(Origin))
def test_a_hang_up_says_from_where_it_was_asked(console: Console, origin: Origin) -> None:
    live(console)
    console(HangUp(C, origin))
    hung_up(console)
    assert console.records("call.closed")[0].fields["origin"] == origin.value


def test_an_end_that_nobody_asked_for_has_no_origin(console: Console) -> None:
    live(console)
    hung_up(console)
    assert console.records("call.closed")[0].fields["origin"] is None
