"""The agent's tools and the operator's words, on the pure core."""

from __future__ import annotations

import pytest

from console.core.effects import (
    AgentAnswer,
    AgentTell,
    AudioFinish,
    AudioSilence,
    Effect,
    PhoneDigits,
    PhoneHangUp,
    PhoneTransfer,
    Record,
)
from console.core.events import (
    AgentAsks,
    AgentLive,
    AgentTranscript,
    AgentUpgraded,
    AgentWarm,
    CallId,
    Dial,
    Event,
    Goodbye,
    LineUp,
    PhoneDigit,
    PhoneEstablished,
    PhoneRtp,
    PlayoutDrained,
    RegistrationChanged,
    RegState,
    Role,
    SendDigits,
    Silence,
    Tell,
    Tick,
)
from console.core.on_agent import MUTE_SECONDS
from console.core.state import Outcome, Policy, State
from console.core.step import next_deadline, step
from console.core.tools import SILENCE_SECONDS

C = CallId("c1")
ALLOWED = "+74957770011"


class LiveCall:
    """A call with its AI on the line, at engine second 0."""

    def __init__(self) -> None:
        self.now = 0.0
        self.state = State(
            Policy(domain="sip.example.org", transfer_to=frozenset({ALLOWED, "desk@pbx.example"}))
        )
        for event in (
            LineUp("baresip", "4.9.0", True),
            RegistrationChanged(RegState.OK),
            Dial(C, "89123456789"),
        ):
            self.take(event)

    def take(self, event: Event) -> list[Effect]:
        self.state, effects = step(self.state, event, self.now)
        return list(effects)

    def up(self) -> LiveCall:
        for event in (AgentWarm(C, 1, True, True), PhoneEstablished(C), PhoneRtp(C), AgentUpgraded(C, 1)):
            self.take(event)
        self.take(AgentLive(C, 1, "conv", "pcm_16000", "pcm_16000"))
        return self

    def wait(self, seconds: float) -> list[Effect]:
        until, effects = self.now + seconds, []
        while (at := next_deadline(self.state)) is not None and at <= until:
            self.now = max(at, self.now)
            effects += self.take(Tick())
        self.now = until
        return effects

    def ask(self, tool: str, **arguments: str) -> list[Effect]:
        return self.take(AgentAsks(C, 1, "t1", tool, tuple(arguments.items())))


@pytest.fixture
def call() -> LiveCall:
    return LiveCall().up()


def answer(effects: list[Effect]) -> AgentAnswer:
    (only,) = [e for e in effects if isinstance(e, AgentAnswer)]
    return only


def why(effects: list[Effect]) -> str:
    return next(str(e.fields["why"]) for e in effects if isinstance(e, Record) and e.type == "refused")


# ---- the operator ----


def test_a_word_to_the_agent_is_told_and_on_record(call: LiveCall) -> None:
    effects = call.take(Tell(C, "  he is  hard of hearing\x1b[2J "))
    assert AgentTell(C, 1, "he is hard of hearing", False) in effects
    (record,) = [e for e in effects if isinstance(e, Record)]
    assert (record.type, record.fields["role"]) == ("agent.transcript", "operator")


@pytest.mark.parametrize("event", [Tell(C, "x"), Silence(C, True), Goodbye(C)])
def test_words_before_the_session_is_live_are_refused(event: Event) -> None:
    effects = LiveCall().take(event)
    assert "LIVE" in why(effects)
    assert len(effects) == 1


def test_silence_ends_by_itself_after_15_s(call: LiveCall) -> None:
    assert AudioSilence(C, True) in call.take(Silence(C, True))
    assert call.take(Silence(C, True)) == []
    assert AudioSilence(C, False) not in call.wait(14.9)
    assert AudioSilence(C, False) in call.wait(0.2)


def test_what_a_silenced_ai_says_is_marked(call: LiveCall) -> None:
    def marked() -> bool:
        effects = call.take(AgentTranscript(C, 1, Role.AGENT, "It takes half an hour.", True))
        (record,) = [e for e in effects if isinstance(e, Record)]
        return record.fields.get("silenced", False) is True

    call.take(Silence(C, True))
    assert marked()
    call.take(Silence(C, False))
    assert not marked()


def test_an_ai_that_is_silenced_before_its_first_word_has_its_20_s_after_the_silence(call: LiveCall) -> None:
    call.take(Silence(C, True))
    call.wait(SILENCE_SECONDS)
    assert call.state.calls[0].resumed_at == SILENCE_SECONDS
    call.take(Silence(C, True))
    assert PhoneHangUp(C) not in call.wait(SILENCE_SECONDS + MUTE_SECONDS - 1)
    assert PhoneHangUp(C) in call.wait(2)


def test_silence_is_lifted_by_hand(call: LiveCall) -> None:
    call.take(Silence(C, True))
    assert AudioSilence(C, False) in call.take(Silence(C, False))
    assert not [e for e in call.wait(20) if isinstance(e, AudioSilence)]


def test_goodbye_ends_the_call_after_8_s_at_the_latest(call: LiveCall) -> None:
    call.take(Silence(C, True))
    effects = call.take(Goodbye(C))
    assert any(isinstance(e, AgentTell) and e.as_turn for e in effects)
    assert AudioSilence(C, False) in effects, "a silenced AI cannot say goodbye"
    assert PhoneHangUp(C) not in call.wait(7.9)
    assert PhoneHangUp(C) in call.wait(0.2)


@pytest.mark.parametrize("digits", ["", "12a b", "1\n2", "9" * 65])
def test_odd_digits_are_refused(call: LiveCall, digits: str) -> None:
    effects = call.take(SendDigits(C, digits))
    assert not [e for e in effects if isinstance(e, PhoneDigits)]
    assert why(effects)


def test_digits_go_to_the_line(call: LiveCall) -> None:
    assert PhoneDigits(C, "12w#") in call.take(SendDigits(C, "12w#"))


# ---- the callee's keys ----


def test_keys_are_gathered_until_hash(call: LiveCall) -> None:
    effects = [e for digit in "407#" for e in call.take(PhoneDigit(C, digit))]
    told = [e for e in effects if isinstance(e, AgentTell)]
    assert len(told) == 1
    assert "407#" in told[0].text
    assert not [e for e in call.wait(3) if isinstance(e, AgentTell)]


def test_keys_are_gathered_until_a_pause(call: LiveCall) -> None:
    call.take(PhoneDigit(C, "4"))
    assert not [e for e in call.wait(1.5) if isinstance(e, AgentTell)]
    call.take(PhoneDigit(C, "2"))
    (told,) = [e for e in call.wait(2.1) if isinstance(e, AgentTell)]
    assert "42" in told.text


# ---- the agent ----


def test_send_dtmf(call: LiveCall) -> None:
    effects = call.ask("send_dtmf", digits="1w2")
    assert PhoneDigits(C, "1w2") in effects
    assert answer(effects) == AgentAnswer(C, 1, "t1", "pressed 1w2", False)


@pytest.mark.parametrize(
    ("destination", "uri"),
    [
        ("8 (495) 777-00-11", "sip:74957770011@sip.example.org"),
        ("sip:desk@pbx.example", "sip:desk@pbx.example"),
    ],
)
def test_transfer_to_who_is_on_the_list(call: LiveCall, destination: str, uri: str) -> None:
    effects = call.ask("transfer_call", destination=destination)
    assert PhoneTransfer(C, uri) in effects
    assert not answer(effects).is_error


@pytest.mark.parametrize("destination", ["+74957770012", "112", "sip:x@evil.example", "", "sip:a@b?Header=x"])
def test_transfer_to_others_is_refused(call: LiveCall, destination: str) -> None:
    effects = call.ask("transfer_call", destination=destination)
    assert not [e for e in effects if isinstance(e, PhoneTransfer)]
    assert answer(effects).is_error


def test_hang_up_waits_for_the_last_words(call: LiveCall) -> None:
    effects = call.ask("hang_up", reason="all is said")
    assert AudioFinish(C, 1) in effects
    assert PhoneHangUp(C) not in effects
    assert PhoneHangUp(C) in call.take(PlayoutDrained(C, 1))
    assert call.state.calls[0].outcome is Outcome.FINISHED


def test_hang_up_does_not_wait_for_ever(call: LiveCall) -> None:
    call.ask("hang_up")
    assert PhoneHangUp(C) in call.wait(20.1)


def test_notes_are_kept_with_the_call(call: LiveCall) -> None:
    assert not answer(call.ask("note", text="call back on Monday")).is_error
    assert call.state.calls[0].notes == ("call back on Monday",)
    assert answer(call.ask("note", text="")).is_error


@pytest.mark.parametrize("tool", ["", "rm", "Hang_Up"])
def test_unknown_tools_get_an_answer_too(call: LiveCall, tool: str) -> None:
    assert answer(call.ask(tool)).is_error
