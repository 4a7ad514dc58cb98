"""Who calls: the number the operator knows, whatever the network wrote around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core.caller import WITHHELD, dialed_as_uri, known_name, known_number
from console.core.events import CallId, ClosedBy, LineUp, PhoneClosed, PhoneIncoming, PhoneMissed, RegState
from console.core.events import RegistrationChanged as Registered
from console.core.journal import word
from console.core.numbers import judge, judge_uri
from console.core.state import Outcome, Policy, State
from console.core.step import step
from console.core.text import clean
from console.ui.present.call import card
from console.ui.present.result import next_step
from console.ui.workplace import Workplace

C = CallId("c1")
NUMBER = "+79123456789"


@pytest.mark.parametrize(
    "peer",
    [
        "sip:+79123456789@host",
        "sip:79123456789@host:5060",
        "sip:89123456789@host;user=phone",
        "sip:9123456789@80.75.130.100",
        "sips:+79123456789@host",
        "SIP:+7-912-345-67-89@host",
        "sip:%2B79123456789@host",
        "sip:+79123456789;npdi;rn=1@host;user=phone",
        "sip:+79123456789:secret@host",
        "sip:+79123456789@[::1]:5060?a=b",
        '"Anna" <sip:+79123456789@host;transport=tcp>;tag=1',
        "tel:+7-912-345-67-89",
        "tel:8(912)345-67-89;phone-context=+7",
    ],
)
def test_a_caller_has_the_number_that_the_operator_knows(peer: str) -> None:
    assert known_number(peer, "RU") == NUMBER
    assert not dialed_as_uri(NUMBER)


@pytest.mark.parametrize(
    ("peer", "number"),
    [
        ("sip:anna@host", "anna@host"),
        ("sip:anna@Host:5061;transport=tls", "anna@host"),
        ("sip:101@pbx.example.org", "101@pbx.example.org"),
        ("sip:112@host", "112@host"),
        ("sip:anonymous@anonymous.invalid", WITHHELD),
        ("sip:Anonymous@192.0.2.1", WITHHELD),
        ("sip:unknown@unknown.invalid", WITHHELD),
        ("sip:host", "host"),
        ("no URI at all", "no URI at all"),
        ("", ""),
        ("sip:", "sip:"),
    ],
)
def test_other_callers_have_their_name_and_host(peer: str, number: str) -> None:
    assert known_number(peer, "RU") == number


def test_national_numbers_are_those_of_the_region() -> None:
    assert known_number("sip:02079460000@host", "GB") == "+442079460000"
    assert known_number("sip:02079460000@host", "RU") == "02079460000@host"


@given(st.text(), st.sampled_from(["sip:", "tel:", "sip:%1b[2J", ""]))
def test_any_peer_has_one_line_of_printable_text(text: str, start: str) -> None:
    peer = clean(start + text, 300)
    assert known_number(peer, "RU") == clean(known_number(peer, "RU"), 300)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Anna", "Anna"), ("+7 912 345-67-89", ""), ("89123456789", ""), ("8", "8"), ("112", "112"), ("", "")],
)
def test_a_name_that_is_only_the_number_says_nothing(name: str, shown: str) -> None:
    assert known_name(name, NUMBER, "RU") == shown


def rung(peer: str, name: str = "Anna") -> State:
    state = State(Policy(domain="127.0.0.1:41234"))
    for event in (LineUp("baresip", "4.9.0", True), Registered(RegState.OK), PhoneIncoming(C, peer, name)):
        state, _ = step(state, event, 1.0)
    return state


def test_an_incoming_call_is_shown_by_number_and_name() -> None:
    state = rung("sip:89123456789@127.0.0.1:5999")
    assert card(state, 2.0).beside == "+7 912 345-67-89  Anna"


def test_a_missed_call_is_called_back_by_its_number_on_our_line() -> None:
    state = rung("sip:89123456789@127.0.0.1:5999")
    state, _ = step(state, PhoneClosed(C, None, "gone", ClosedBy.REMOTE), 9.0)
    assert state.ended[0].outcome is Outcome.MISSED
    assert "Up, Enter calls back" in str(next_step(state.ended[0], state))
    place = Workplace()
    place.see(state, 9.0, 9.0)
    place.recall(1, 9.0)
    assert place.judgement().uri == "sip:79123456789@127.0.0.1:41234"


def test_a_caller_without_a_number_is_not_called_back() -> None:
    state = rung("sip:anonymous@anonymous.invalid", "Anonymous")
    assert (state.calls[0].number, state.calls[0].name) == (WITHHELD, "")
    state, _ = step(state, PhoneClosed(C, None, "gone", ClosedBy.REMOTE), 9.0)
    assert "No number to call back" in str(next_step(state.ended[0], state))
    place = Workplace()
    place.see(state, 9.0, 9.0)
    assert place.history() == []


def test_a_caller_on_the_never_call_list_is_known_as_such() -> None:
    state = rung("sip:89123456789@127.0.0.1:5999")
    number = state.calls[0].number
    assert not judge(number, "RU", "host", never_call=frozenset({NUMBER})).may_dial


def test_a_name_is_called_back_as_one() -> None:
    number = rung("sip:anna@pbx.example.org:5999").calls[0].number
    assert dialed_as_uri(number)
    assert judge_uri(number, "host").uri == "sip:anna@pbx.example.org"


def test_the_log_names_callers_by_number_and_keeps_their_uri() -> None:
    state = State(Policy(domain="d"))
    for event in (PhoneMissed("sip:89123456789@h"), PhoneIncoming(C, "sip:89123456789@h", "Anna")):
        state, effects = step(state, event, 1.0)
        record = next(e for e in effects if getattr(e, "type", "").startswith("call."))  # type: ignore[attr-defined]
        assert NUMBER in word(record).text  # type: ignore[arg-type]
        assert "sip:" not in word(record).text  # type: ignore[arg-type]
        assert record.fields["peer"] == "sip:89123456789@h"  # type: ignore[union-attr]
