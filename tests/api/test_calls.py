"""Calls and the line through the API: what the core decides, as statuses and sentences."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from console.core import effects as do
from console.core import events as ev
from console.core.state import CallPhase

pytestmark = pytest.mark.timeout(60)

READY = (ev.LineUp("fake", "4.9", True), ev.RegistrationChanged(ev.RegState.OK, 200, "OK"))


def test_a_call_is_placed_and_its_id_told_at_once(api: Any) -> None:
    answer = api.start()
    assert answer.status_code == 201
    call = answer.json()
    assert call["number"] == "+79123456789"
    assert (call["phase"], call["live"], call["origin"]) == ("dialing", True, "api")
    assert do.PhoneDial(call["id"], "sip:79123456789@h") in api.console.done
    (record,) = [r for _, r in api.console.feed.after(0) if r.type == "call.dialing"]
    assert (record.call, record.fields["origin"]) == (call["id"], "api")


def test_everything_that_is_asked_for_reaches_the_core(api: Any) -> None:
    order = {
        "as_uri": True,
        "confirmed": True,
        "agent": False,
        "ring_seconds": 7,
        "call_seconds": 70,
        "variables": {"name": "Anna", "note": "a=b"},
    }
    call = api.start("sip:100@127.0.0.1:5072", **order).json()
    (dial,) = [event for event in api.console.events if isinstance(event, ev.Dial)]
    assert dial == ev.Dial(
        call["id"],
        "sip:100@127.0.0.1:5072",
        ev.Origin.API,
        as_uri=True,
        confirmed=True,
        wants_agent=False,
        ring_seconds=7,
        call_seconds=70,
        variables=(("name", "Anna"), ("note", "a=b")),
    )


def test_a_taken_line_is_said_in_words(api: Any) -> None:
    assert api.start().status_code == 201
    second = api.start("+79123456780")
    assert api.fault(second) == (409, "line_taken")
    assert "A call is up" in second.json()["error"]["message"]
    assert sum(isinstance(effect, do.PhoneDial) for effect in api.console.done) == 1


def test_an_engine_for_several_calls_takes_several(open_api: Any) -> None:
    api = open_api(single_call=False)
    ids = {api.start(f"+7912345678{n}").json()["id"] for n in range(3)}
    assert len(ids) == 3
    listed = [call["id"] for call in api.client.get("/api/calls").json()["calls"]]
    assert listed == [call.id for call in api.console.state.calls]


@pytest.mark.parametrize(
    ("number", "words"),
    [("112", "emergency"), ("+7912", "missing"), ("hello", "letters"), ("+7912345678901234", "too many")],
)
def test_a_number_that_cannot_be_dialed(api: Any, number: str, words: str) -> None:
    answer = api.start(number)
    assert api.fault(answer) == (422, "number")
    assert words in answer.json()["error"]["message"]


def test_a_doubtful_number_wants_to_be_confirmed(api: Any) -> None:
    answer = api.start("+49 30 1234567")
    assert api.fault(answer) == (422, "needs_confirmation")
    assert "foreign" in answer.json()["error"]["message"]
    assert api.start("+49 30 1234567", confirmed=True).status_code == 201


@pytest.mark.parametrize("confirmed", [False, True])
def test_the_never_call_list_holds_here_too(open_api: Any, confirmed: bool) -> None:
    api = open_api(events=(*READY, ev.NeverCallLoaded(frozenset({"+79123456789"}))))
    assert api.fault(api.start(confirmed=confirmed)) == (403, "never_call")
    assert api.fault(api.start("sip:89123456789@other", as_uri=True)) == (403, "never_call")


@pytest.mark.parametrize(
    ("events", "policy", "words"),
    [
        ((ev.LineDown("baresip died", gone=True),), {}, "baresip died"),
        ((READY[0],), {}, "Not registered"),
        ((READY[0], ev.RegistrationChanged(ev.RegState.FAILED, 403, "No")), {}, "403 No"),
        (READY, {"has_agent": False}, "ELEVENLABS_AGENT_ID"),
        (READY, {"not_ready": "Fill in SIP_DOMAIN in .env."}, "SIP_DOMAIN"),
        ((*READY, ev.Quit()), {}, "closing"),
    ],
)
def test_not_ready_says_why(open_api: Any, events: Any, policy: Any, words: str) -> None:
    api = open_api(events=events, **policy)
    answer = api.start()
    assert api.fault(answer) == (503, "not_ready")
    assert words in answer.json()["error"]["message"]
    status = api.client.get("/api/status").json()
    assert not status["ready"]
    assert words in status["why"]


def test_without_an_agent_a_call_without_one_is_placed(open_api: Any) -> None:
    assert open_api(has_agent=False).start(agent=False).status_code == 201


def test_a_console_that_has_not_begun_yet(open_api: Any) -> None:
    api = open_api(events=())
    for answer in (api.start(), api.client.get("/api/status"), api.client.get("/api/calls")):
        assert api.fault(answer) == (503, "not_ready")


def test_a_console_that_has_ended(api: Any) -> None:
    api.console.feed.close()
    for answer in (api.start(), api.client.get("/api/status"), api.client.post("/api/register")):
        assert api.fault(answer) == (503, "not_ready")


def test_a_call_whose_caller_was_told_nothing_is_not_placed_later(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.api.desk.DECISION_SECONDS", 0.1)
    api.console.deaf = True
    assert api.fault(api.start()) == (503, "no_decision")
    dial, hang_up = api.console.events[-2:]
    assert isinstance(dial, ev.Dial)
    assert hang_up == ev.HangUp(dial.call, ev.Origin.API)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"phone_number": 79123456789},
        {"phone_number": ""},
        {"phone_number": "+79123456789", "agnet": False},
        {"phone_number": "+79123456789", "agent": "no"},
        {"phone_number": "+79123456789", "ring_seconds": 0},
        {"phone_number": "+79123456789", "variables": {"two words": "x"}},
        {"phone_number": "+79123456789", "variables": {"name": 1}},
        {"phone_number": "+7912345\ud800"},
        [],
        None,
    ],
)
def test_a_request_that_is_not_understood_dials_nothing(api: Any, body: Any) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.client.post("/api/calls/start", content=json.dumps(body), headers=headers)
    assert api.fault(answer) == (422, "invalid_request")
    assert not any(isinstance(event, ev.Dial) for event in api.console.events)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 30_000, b'{"phone_number": "+79123456789"'],
    ids=["empty", "open", "no-text", "deep", "cut"],
)
def test_a_body_that_is_no_json(api: Any, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.client.post("/api/calls/start", content=body, headers=headers)
    assert api.fault(answer)[0] in (400, 422)


def test_a_form_is_not_taken_for_json(api: Any) -> None:
    """Any web page may send a form or plain text without asking; JSON it may not."""
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = api.client.post(
            "/api/calls/start", content='{"phone_number": "+79123456789"}', headers={"Content-Type": kind}
        )
        assert api.fault(answer) == (422, "invalid_request")


# ---- calls that there are ----


def test_a_call_is_followed_and_hung_up(api: Any) -> None:
    call = api.start(agent=False).json()["id"]
    api.console.send(ev.PhoneCallBound(call, "sip-id"))
    api.console.send(ev.PhoneEstablished(call))
    seen = api.client.get(f"/api/calls/{call}").json()
    assert (seen["phase"], seen["sip_call_id"]) == ("up", "sip-id")
    assert seen["answered"] >= seen["started"]
    assert seen["seconds_left"] > 0

    answer = api.client.post(f"/api/calls/{call}/hangup")
    assert answer.status_code == 200
    assert answer.json()["phase"] == "closing"
    assert do.PhoneHangUp(call) in api.console.done

    api.console.send(ev.PhoneClosed(call, None, "", ev.ClosedBy.OPERATOR))
    ended = api.client.get(f"/api/calls/{call}").json()
    assert (ended["live"], ended["by"], ended["outcome"]) == (False, "operator", "finished")
    listed = api.client.get("/api/calls").json()
    assert (listed["calls"], [c["id"] for c in listed["ended"]]) == ([], [call])
    assert api.fault(api.client.post(f"/api/calls/{call}/hangup")) == (409, "call_over")


def test_an_incoming_call_is_turned_away_by_hanging_up(api: Any) -> None:
    api.console.send(ev.PhoneIncoming(ev.CallId("in1"), "sip:anna@h", "Anna"))
    assert api.client.post("/api/calls/in1/hangup").status_code == 200
    assert do.PhoneReject(ev.CallId("in1")) in api.console.done


@pytest.mark.parametrize("path", ["nobody", "..", "%00", "a" * 3000, "start"])
def test_a_call_that_there_is_not(api: Any, path: str) -> None:
    assert api.fault(api.client.get(f"/api/calls/{path}"))[0] == 404
    assert api.fault(api.client.post(f"/api/calls/{path}/hangup"))[0] == 404


def test_two_starts_at_once_get_one_line(api: Any) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(api.start(f"+7912345670{n}").status_code))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [409] * 5
    assert [call.phase for call in api.console.state.calls] == [CallPhase.DIALING]


# ---- the line ----


def test_registering_again(api: Any) -> None:
    def phone() -> None:
        """Registers when it is told to."""
        while do.PhoneRegister() not in api.console.done:
            pass
        api.console.send(ev.RegistrationChanged(ev.RegState.REGISTERING))

    thread = threading.Thread(target=phone)
    thread.start()
    answer = api.client.post("/api/register")
    thread.join()
    assert answer.status_code == 202
    assert answer.json()["registration"]["state"] == "registering"


def test_registering_again_is_refused_during_a_call(api: Any) -> None:
    api.start()
    answer = api.client.post("/api/register")
    assert api.fault(answer) == (409, "state")
    assert "during a call" in answer.json()["error"]["message"]


def test_the_status(api: Any) -> None:
    status = api.client.get("/api/status").json()
    assert status["ready"] is True
    assert status["line"]["engine"] == "fake"
    assert status["registration"] == {"state": "ok", "code": 200, "reason": "OK"}
    api.start()
    status = api.client.get("/api/status").json()
    assert (status["ready"], len(status["calls"]), status["totals"]["calls"]) == (False, 1, 1)
