"""State, now and levels to words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.core.events import CallId, ClosedBy, Origin, QueueState, Refusal, RegState
from console.core.on_command import why_not_dial
from console.core.state import (
    Agent,
    AgentPhase,
    Call,
    CallPhase,
    Line,
    Outcome,
    Policy,
    Review,
    State,
    Totals,
)
from console.ports import Levels
from console.ui.present import agent, call, line, status, words
from console.ui.present.keys import incoming, keys, why_no_words
from console.ui.present.number import number_rows, record_rows
from console.ui.present.words import Row

ID = CallId("c1")
READY = State(Policy("sip.exolve.ru"), Line(up=True, registration=RegState.OK))
NOW = 100.0


def made(phase: CallPhase, **changes: object) -> Call:
    base = Call(ID, "+79123456789", "sip:79123456789@sip.exolve.ru", Origin.KEYS, phase, 49.0, limit_at=109.0)
    return replace(base, **changes)  # type: ignore[arg-type]


def up(**changes: object) -> Call:
    live = Agent(AgentPhase.LIVE, 1, billed_from=58.1, first_audio_at=58.3)
    return made(
        CallPhase.UP, **{"answered_at": 58.0, "limit_at": 658.0, "rtp_seen": True, "agent": live, **changes}
    )


def with_call(shown: Call, **changes: object) -> State:
    return replace(READY, calls=(shown,), **changes)  # type: ignore[arg-type]


def text(rows: tuple[Row, ...] | list[Row]) -> str:
    return "\n".join(" ".join(s.text for s in (*r.left, *r.right)) for r in rows)


# ---- words ----


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "0:00"), (0, "0:00"), (59.99, "0:59"), (60, "1:00"), (3599, "59:59"), (3661, "1:01:01")],
)
def test_clock(seconds: float, shown: str) -> None:
    assert words.clock(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(60.0, "1:00"), (59.1, "1:00"), (0.1, "0:01"), (0.0, "0:00"), (-5, "0:00")]
)
def test_a_countdown_reaches_zero_only_at_the_end(seconds: float, shown: str) -> None:
    assert words.left_over(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.31, "0.3 s"), (9.94, "9.9 s"), (9.96, "10 s"), (61, "61 s"), (-1, "0.0 s")]
)
def test_short(seconds: float, shown: str) -> None:
    assert words.short(seconds) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, "0 s"), (8.6, "9 s"), (59.4, "59 s"), (65, "1:05")])
def test_whole(seconds: float, shown: str) -> None:
    assert words.whole(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+79123456789", "+7 912 345-67-89"),
        ("+493012345678", "+49 30 12345678"),
        ("anna@example.org", "anna@example.org"),
        ("+", "+"),
        ("+9999999999999", "+9999999999999"),
    ],
)
def test_numbers_in_groups(number: str, shown: str) -> None:
    assert line.spaced(number) == shown


def test_near_numbers_lose_the_country_code_only_at_home() -> None:
    assert line.near("+79123456789") == "912 345-67-89"
    assert line.near("+79123456789", "DE") == "+7 912 345-67-89"
    assert line.near("+493012345678") == "+49 30 12345678"


# ---- readiness ----


@pytest.mark.parametrize(
    ("state", "why", "press"),
    [
        (None, "the phone is starting", "wait"),
        (
            replace(READY, policy=Policy("x", not_ready="SIP_USER is not set.")),
            "SIP_USER is not set",
            "ctrl+q",
        ),
        (replace(READY, policy=Policy("x", has_agent=False)), "no AI agent is set", "ELEVENLABS_AGENT_ID"),
        (replace(READY, quitting=True), "quitting", "wait"),
        (replace(READY, line=Line(failed=True, reason="no baresip")), "no baresip", "ctrl+q"),
        (replace(READY, line=Line(up=True, taken_over=True)), "another program", "r takes it back"),
        (replace(READY, line=Line()), "the phone is starting", "wait"),
        (replace(READY, line=Line(reason="baresip died")), "baresip died", "tried again"),
        (replace(READY, line=Line(up=True)), "registering", "r registers again"),
        (replace(READY, line=Line(up=True, registration=RegState.REGISTERING)), "registering", "wait"),
        (replace(READY, line=Line(up=True, registration=RegState.OFF)), "not registered", "r registers"),
        (
            replace(
                READY, line=Line(up=True, registration=RegState.FAILED, reg_code=403, reg_reason="Forbidden")
            ),
            "not registered: 403 Forbidden",
            "r registers again",
        ),
        (replace(READY, line=Line(up=True, registration=RegState.FAILED)), "not registered: no answer", "r "),
        (replace(READY, stopped="wrong key."), "dialing stopped: wrong key", "Allow dialing"),
    ],
)
def test_not_ready_says_why_and_what_to_press(state: State | None, why: str, press: str) -> None:
    able = status.readiness(state)
    assert not able.ready
    assert why in able.why
    assert press in able.press
    assert status.status(state).head[0].text == " NOT READY "
    if state is not None:
        assert why_not_dial(state, True, Origin.KEYS)


@pytest.mark.parametrize(
    "state", [READY, replace(READY, policy=Policy("x", register=False), line=Line(up=True))]
)
def test_ready_is_what_the_core_calls_ready(state: State) -> None:
    assert status.readiness(state).ready
    assert status.status(state).head[0].text == " READY "
    assert not why_not_dial(state, True, Origin.KEYS)


def test_a_broken_engine_comes_before_everything() -> None:
    able = status.readiness(READY, "the engine broke")
    assert (able.ready, able.why, able.press) == (False, "the engine broke", "ctrl+q quits")


@pytest.mark.parametrize(
    ("of", "word"),
    [
        (Line(), "line down"),
        (Line(up=True, failed=True), "line failed"),
        (Line(up=True, taken_over=True), "line taken"),
        (Line(up=True), "line registering"),
        (Line(up=True, registration=RegState.OK), "line ok"),
        (Line(up=True, registration=RegState.OFF), "line not registered"),
        (Line(up=True, registration=RegState.FAILED, reg_code=403), "line 403"),
        (Line(up=True, registration=RegState.FAILED), "line failed"),
    ],
)
def test_the_line_in_a_word(of: Line, word: str) -> None:
    assert status.line_word(replace(READY, line=of)).text == word


def test_status_names_account_agent_ear_and_engine() -> None:
    state = replace(READY, ear=True, line=replace(READY.line, engine="baresip", version="4.9.0"))
    shown = text(status.status(state, account="3289@x", agent="Anna", demo=True).rows(200, 1)[0])
    for part in ("DEMO LINE", "line ok 3289@x", "agent Anna", "ear ON", "baresip 4.9.0"):
        assert part in shown
    assert [s.text for s in status.agent_words(replace(READY, stopped_by=Refusal.KEY), "Anna")] == [
        "agent refused"
    ]
    assert [s.text for s in status.agent_words(READY, "")] == ["agent set"]
    assert status.ear_word(replace(READY, ear_reason="no device")).text == "ear off: no device"


def test_totals() -> None:
    assert (
        line.totals(replace(READY, totals=Totals(1, 1, 0, 61.0)))
        == "TODAY 1 call  1 answered  0 missed  AI 1:01"
    )
    assert line.totals(None).startswith("TODAY")


def test_totals_count_what_goes_on_now() -> None:
    state = with_call(up(), totals=Totals(2, 2, 0, 61.0))
    assert line.totals(state, NOW).endswith("AI 1:42")
    closing = made(CallPhase.CLOSED, agent=Agent(AgentPhase.CLOSING, billed=9.0))
    assert line.totals(replace(state, calls=(closing, *state.calls)), NOW).endswith("AI 1:51")


# ---- several calls ----


def test_the_call_on_screen_is_the_chosen_one_while_it_lasts() -> None:
    first, second = up(id="c1"), up(id="c2")
    state = replace(READY, calls=(first, second))
    assert line.live(state) == second
    assert line.live(state, CallId("c1")) == first
    assert line.live(replace(state, calls=(second,)), CallId("c1")) == second
    over = replace(state, calls=(replace(first, phase=CallPhase.CLOSED), second))
    assert line.live(over, CallId("c1")) == second
    assert "c1" not in str(line.lives(over)[0].id)


def test_other_calls_are_counted_in_the_heading() -> None:
    three = replace(READY, calls=(up(id="c1"), up(id="c2"), up(id="c3")))
    assert line.call_heading(three, three.calls[1]) == ("Call 2 of 3", "+2 other calls", "tab: next")
    rings = replace(READY, calls=(up(id="c1"), made(CallPhase.INCOMING, id="i")))
    assert line.call_heading(rings, rings.calls[0])[1] == "+1 other call INCOMING"
    assert line.call_heading(with_call(up()), up()) == ("Call",)
    assert line.call_heading(READY, None) == ("Call",)


# ---- the call ----


@pytest.mark.parametrize(
    ("shown", "word", "parts"),
    [
        (made(CallPhase.DIALING), "DIALING", ["no answer from the network yet", "gives up in 0:09"]),
        (made(CallPhase.RINGING), "RINGING", ["phone rings", "gives up in 0:09"]),
        (made(CallPhase.RINGING, early_seconds=3.0), "RINGING", ["network audio 3 s so far, AI not opened"]),
        (made(CallPhase.EARLY, early_since=96.0), "NETWORK AUDIO", ["not answered: 4 s of", "AI not opened"]),
        (
            made(CallPhase.INCOMING, incoming=True),
            "INCOMING",
            ["a answers with the AI, x rejects", "0:09 left"],
        ),
        (up(), "ANSWERED", ["answered after 9 s", "person or machine unknown", "ends in 9:18, k +5"]),
        (up(early_seconds=4.0), "ANSWERED", ["after 9 s; network audio 4 s before it, AI not opened"]),
        (up(incoming=True), "ANSWERED", ["you answered after 9 s"]),
        (up(held=True), "ANSWERED, ON HOLD", []),
        (up(ours=False), "ANSWERED", ["of another program on this phone: only shown"]),
        (up(unconfirmed=True), "IN DOUBT", ["whether the call still stands is being checked"]),
        (made(CallPhase.CLOSING), "HANGING UP", ["waiting for the network"]),
        (made(CallPhase.CLOSING, why="no answer within 60 s"), "HANGING UP", ["no answer within 60 s"]),
    ],
)
def test_a_call_in_words(shown: Call, word: str, parts: list[str]) -> None:
    card = call.card(with_call(shown), NOW)
    assert card.word == word
    for part in parts:
        assert part in text(card.rows)


def test_early_media_is_never_called_saved() -> None:
    assert "saved" not in text(call.card(with_call(up(early_seconds=4.0)), NOW).rows)


def test_the_timer_counts_from_the_start_and_then_from_the_answer() -> None:
    assert call.timer(made(CallPhase.RINGING), NOW) == "0:51"
    assert call.timer(up(), NOW) == "0:42"


def test_details() -> None:
    card = call.card(
        replace(with_call(up(sip_call_id="abc")), calls=(up(id="c0"), up(id="c2"), up(sip_call_id="abc"))),
        NOW,
        details=True,
    )
    assert "sip:79123456789@sip.exolve.ru abc" in text(card.rows)


def test_no_call_and_a_call_that_is_over_but_still_closing_its_session() -> None:
    assert call.card(None, NOW).word == "NO CALL"
    over = made(CallPhase.CLOSED, ended_at=60.0, outcome=Outcome.BUSY, code=486)
    assert call.card(with_call(over), NOW).word == "BUSY"


@pytest.mark.parametrize(
    ("shown", "levels", "part"),
    [
        (up(rtp_seen=False, answered_at=97.9), None, "No sound from the callee for 2 s (no RTP)."),
        (up(rtp_seen=False, answered_at=97.0, rtp_by=102.0), None, "the call ends in 2 s."),
        (up(), Levels(callee_since=94.0, agent_since=90.0), "The AI has not answered for 6 s"),
        (up(audio="the device is gone"), None, "Audio: the device is gone"),
        (up(redirected_to="sip:other@x"), None, "now talking to sip:other@x"),
    ],
)
def test_alarms(shown: Call, levels: Levels | None, part: str) -> None:
    assert part in "\n".join(call.alarms(shown, levels, NOW))
    assert part in text(call.card(with_call(shown), NOW, levels).rows)


@pytest.mark.parametrize(
    ("shown", "levels"),
    [
        (up(), None),
        (up(rtp_seen=False, answered_at=98.5), None),
        (up(rtp_seen=False, held=True), None),
        (up(), Levels(callee_since=94.1, agent_since=90.0)),
        (up(), Levels(callee_since=90.0, agent_since=91.0)),
        (up(), Levels(callee_since=90.0, callee_speaking=True)),
        (up(), Levels(callee_since=90.0, agent_since=80.0, agent_speaking=True)),
        (up(agent=Agent(AgentPhase.OPENING)), Levels(callee_since=90.0)),
        (up(silent_until=110.0), Levels(callee_since=90.0, agent_since=80.0)),
        (made(CallPhase.EARLY), Levels(callee_since=90.0)),
    ],
)
def test_no_alarm_when_all_is_well(shown: Call, levels: Levels | None) -> None:
    assert call.alarms(shown, levels, NOW) == ()


# ---- the result ----


@pytest.mark.parametrize(
    ("ended", "word", "sentence"),
    [
        (
            made(
                CallPhase.CLOSED,
                ended_at=55.0,
                outcome=Outcome.BUSY,
                code=486,
                reason="Busy Here",
                by=ClosedBy.REMOTE,
            ),
            "BUSY",
            "486 Busy Here after 6 s, AI never opened.",
        ),
        (
            made(
                CallPhase.CLOSED,
                ended_at=109.0,
                outcome=Outcome.NO_ANSWER,
                why="no answer within 60 s",
                by=ClosedBy.TIMEOUT,
            ),
            "NO ANSWER",
            "after 1:00, no answer within 60 s, AI never opened.",
        ),
        (
            made(
                CallPhase.CLOSED,
                ended_at=69.0,
                early_seconds=7.0,
                outcome=Outcome.REFUSED,
                code=480,
                reason="Gone",
            ),
            "REFUSED",
            "480 Gone after 20 s, network audio 7 s before, AI never opened.",
        ),
        (
            made(
                CallPhase.CLOSED,
                answered_at=58.0,
                ended_at=188.0,
                outcome=Outcome.FINISHED,
                by=ClosedBy.AGENT,
                agent=Agent(billed=129.0),
            ),
            "ENDED",
            "the AI hung up after 2:10, AI 2:09 billed.",
        ),
        (
            made(
                CallPhase.CLOSED,
                answered_at=58.0,
                ended_at=188.0,
                outcome=Outcome.FINISHED,
                by=ClosedBy.OPERATOR,
                wants_agent=False,
            ),
            "ENDED",
            "you hung up after 2:10, no AI wanted.",
        ),
        (
            made(CallPhase.CLOSED, ended_at=52.0, outcome=Outcome.CANCELLED, by=ClosedBy.OPERATOR),
            "CANCELLED",
            "after 3 s, AI never opened.",
        ),
        (
            made(CallPhase.CLOSED, ended_at=74.0, incoming=True, outcome=Outcome.MISSED),
            "MISSED",
            "after 25 s.",
        ),
    ],
)
def test_result_card(ended: Call, word: str, sentence: str) -> None:
    card = call.result_card(ended)
    assert card.word == word
    assert call.result(ended) == sentence


def test_the_result_card_tells_the_price_and_the_summary_once_known() -> None:
    talked = made(
        CallPhase.CLOSED, answered_at=58.0, ended_at=188.0, outcome=Outcome.FINISHED, by=ClosedBy.REMOTE
    )
    talked = replace(talked, agent=Agent(billed=130.0), review=Review(455, 0.12, "end_call", "They agreed."))
    card = call.result_card(talked)
    assert "AI 2:10 billed (455 credits, $0.12)." in call.result(talked)
    assert "They agreed." in "".join(span.text for span in card.rows[-1].left)


def test_a_lost_call_says_what_was_lost() -> None:
    lost = made(CallPhase.CLOSED, answered_at=58.0, ended_at=60.0, outcome=Outcome.LOST, by=ClosedBy.NETWORK)
    assert "ended by SIGKILL" in call.result(replace(lost, reason="baresip was ended by SIGKILL"))


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("answered", [None, 58.0])
def test_every_outcome_has_words(outcome: Outcome, answered: float | None) -> None:
    ended = made(CallPhase.CLOSED, answered_at=answered, ended_at=60.0, outcome=outcome, by=ClosedBy.NETWORK)
    assert call.result_card(ended).word.isupper() or call.result_card(ended).word.startswith("AI")
    assert call.result(ended).endswith(".")
    [recent] = line.recents(replace(READY, ended=(ended,)), 1_700_000_000.0)
    assert recent.number == "+79123456789"
    assert 0 < len(recent.row.right[0].text) <= 9


def test_a_call_that_can_be_dialed_again_says_how() -> None:
    busy = made(CallPhase.CLOSED, ended_at=55.0, outcome=Outcome.BUSY)
    assert "Up, Enter redials." in text(call.result_card(busy).rows)
    assert "Up, Enter calls back." in text(call.result_card(replace(busy, incoming=True)).rows)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_result_ends_with_the_next_step(outcome: Outcome) -> None:
    ended = made(CallPhase.CLOSED, answered_at=58.0, ended_at=60.0, outcome=outcome)
    last = call.result_card(ended, replace(READY, ended=(ended,))).rows[-1]
    assert "Up, Enter redials" in text([last])


@pytest.mark.parametrize(
    ("ended", "changes", "step"),
    [
        ({}, {"answered_today": frozenset({"+79123456789"})}, "Up, Enter, Enter redials."),
        ({}, {"never_call": frozenset({"+79123456789"})}, "On the never-call list: it is not dialed again."),
        ({}, {"stopped": "no credits"}, "ctrl+p, Allow dialing; then Up, Enter redials."),
        ({"number": "anonymous", "incoming": True}, {}, "No number to call back."),
        ({"name": "Ivan"}, {}, "CALL BACK Ivan: Up, Enter redials."),
        ({}, {}, "CALL BACK +7 912 345-67-89: Up, Enter redials."),
    ],
)
def test_the_next_step(ended: dict[str, object], changes: dict[str, object], step: str) -> None:
    lost = Outcome.AGENT_LOST if step.startswith("CALL BACK") else Outcome.FINISHED
    over = made(CallPhase.CLOSED, answered_at=58.0, ended_at=60.0, outcome=lost, **ended)
    state = replace(READY, ended=(over,), **changes)  # type: ignore[arg-type]
    assert text([call.next_step(over, state)]) == step


def test_who_is_to_be_called_back_is_said_until_they_are_reached() -> None:
    lost = made(CallPhase.CLOSED, answered_at=58.0, ended_at=60.0, outcome=Outcome.AGENT_LOST)
    busy = made(CallPhase.CLOSED, id="c2", number="+79035551122", ended_at=70.0, outcome=Outcome.BUSY)
    state = replace(READY, ended=(busy, lost))
    assert text([call.next_step(busy, state)]) == "Up, Enter redials. To call back: 912 345-67-89."
    assert [r.row.right[0].text for r in line.recents(state, 0.0)] == ["busy", "CALL BACK"]
    assert line.totals(state).endswith("1 TO CALL BACK")
    reached = replace(lost, id=CallId("c3"), outcome=Outcome.FINISHED)
    state = replace(READY, ended=(reached, busy, lost))
    assert "call back" not in text([call.next_step(reached, state)])
    assert [r.row.right[0].text for r in line.recents(state, 0.0)] == ["0:02", "busy", "AI lost"]
    assert "CALL BACK" not in line.totals(state)


def test_the_callee_that_fell_silent_is_worded() -> None:
    ended = made(
        CallPhase.CLOSED,
        answered_at=58.0,
        ended_at=100.0,
        outcome=Outcome.AUDIO_FAILED,
        reason="rtp stream error",
        by=ClosedBy.TIMEOUT,
    )
    assert "after 0:42, nothing was heard from the callee any more, AI never opened." in call.result(ended)


def test_terminal_title() -> None:
    assert call.terminal_title(with_call(up()), NOW) == "ANSWERED 0:42 +7 912 345-67-89 - Call Console"
    assert call.terminal_title(READY, NOW) == "Call Console"
    assert call.terminal_title(READY, NOW, "broken") == "STOPPED - Call Console"


# ---- the AI session ----


@pytest.mark.parametrize(
    ("shown", "head", "foot"),
    [
        (made(CallPhase.RINGING), "OFF", ""),
        (made(CallPhase.RINGING, wants_agent=False), "OFF", "this call has no AI"),
        (made(CallPhase.INCOMING), "OFF", "opens when you answer"),
        (
            made(CallPhase.RINGING, agent=Agent(AgentPhase.WARM)),
            "PREPARING    not billed",
            "opens at the answer, not before",
        ),
        (
            made(CallPhase.RINGING, agent=Agent(AgentPhase.WARM, ready=True)),
            "PREPARED    not billed",
            "opens at the answer",
        ),
        (
            made(CallPhase.RINGING, agent=Agent(AgentPhase.WARM, trouble="timeout")),
            "PREPARING",
            "trying again: timeout",
        ),
        (up(agent=Agent(AgentPhase.OPENING)), "OPENING    0:00 billed", ""),
        (up(agent=Agent(AgentPhase.OPENING, queue=QueueState.WAITING)), "QUEUED", "not billed"),
        (up(), "LIVE    0:41 billed first word 0.3 s", ""),
        (up(agent=Agent(AgentPhase.LIVE, drops=1)), "LIVE", "dropped once"),
        (up(silent_until=111.2), "LIVE", "SILENCED by you for 12 s more; s lets it speak again"),
        (up(goodbye_by=107.5), "LIVE", "saying goodbye, ends within 8 s"),
        (up(agent=Agent(AgentPhase.FINISHING, billed=40.0)), "FINISHING    0:40 billed", "goodbye"),
        (up(agent=Agent(AgentPhase.CLOSING, billed=40.0)), "CLOSING    0:40 billed", ""),
        (up(agent=Agent(AgentPhase.OFF, trouble="dropped twice")), "FAILED", "dropped twice"),
        (up(agent=Agent(AgentPhase.OFF, billed=40.0)), "OFF    0:40 billed", ""),
        (
            up(agent=Agent(refusal=Refusal.CREDITS, trouble="quota.")),
            "REFUSED",
            "quota. Top up at elevenlabs.io",
        ),
    ],
)
def test_the_session_in_words(shown: Call, head: str, foot: str) -> None:
    top, bottom = agent.card_rows(with_call(shown), NOW)
    assert head in text([top])
    assert foot in text([bottom])


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_says_what_to_do_and_stays_after_the_call(refusal: Refusal) -> None:
    ended = made(CallPhase.CLOSED, agent=Agent(refusal=refusal))
    top, bottom = agent.card_rows(replace(READY, ended=(ended,)), NOW)
    assert "REFUSED" in text([top])
    assert text([bottom]) == agent.remedy(refusal)


def test_no_call_no_session() -> None:
    assert "OFF" in text([agent.card_rows(None, NOW)[0]])


@pytest.mark.parametrize(
    ("shown", "levels", "callee", "ai"),
    [
        (up(), Levels(callee_speaking=True, callee_since=99.0, agent_since=95.0), "speaking", "listening"),
        (up(), Levels(callee_since=98.2, agent_since=95.0), "silent 1.8 s", "thinking 1.8 s"),
        (up(), Levels(agent_speaking=True, callee_since=98.0, agent_since=99.0), "silent 2.0 s", "speaking"),
        (up(), Levels(callee_since=90.0, agent_since=98.8), "silent 10 s", "listening 1.2 s"),
        (up(), Levels(), "silent", "listening"),
        (up(rtp_seen=False), Levels(), "no sound yet", "listening"),
        (up(held=True), Levels(), "on hold", "listening"),
        (up(silent_until=110.0), Levels(agent_speaking=True), "silent", "silenced"),
        (made(CallPhase.EARLY), Levels(callee_speaking=True), "network audio", "not open"),
        (up(agent=Agent(AgentPhase.OPENING)), Levels(), "silent", "not open"),
        (up(agent=Agent(AgentPhase.FINISHING)), Levels(agent_speaking=True), "silent", "last words"),
        (up(agent=Agent(AgentPhase.FINISHING)), Levels(), "silent", "done"),
    ],
)
def test_who_speaks(shown: Call, levels: Levels, callee: str, ai: str) -> None:
    assert agent.callee_doing(shown, levels, NOW) == callee
    assert agent.agent_doing(shown, levels, NOW) == ai


# ---- keys and number ----


def enabled(state: State | None, number: str = "", now: float = NOW) -> str:
    return "".join(key.key[0] for key in keys(state, now, number) if key.enabled)


def test_which_keys_make_sense() -> None:
    assert enabled(None) == ""
    assert enabled(READY) == "or"
    assert enabled(READY, "8912") == "Eor!"
    assert enabled(with_call(made(CallPhase.RINGING)), "8912") == "ho!"
    assert enabled(with_call(made(CallPhase.EARLY)), "8912") == "hdo!"
    assert enabled(with_call(up())) == "hwsgdko!"
    assert enabled(with_call(up(agent=Agent(AgentPhase.OPENING)))) == "hdko!"
    assert enabled(with_call(up(goodbye_by=105.0))) == "hwsdko!"
    assert enabled(replace(READY, calls=(made(CallPhase.RINGING), up(id="c2")))) == "hwsgdkot!"
    calling = with_call(made(CallPhase.INCOMING), policy=Policy("x", incoming_agent=True))
    assert enabled(calling, "8912") == "hoax!"
    assert enabled(replace(calling, policy=Policy("x")), "8912") == "hox!"
    assert enabled(replace(READY, policy=Policy("x", register=False))) == "o"
    assert (
        enabled(replace(READY, line=replace(READY.line, taken_over=True), policy=Policy("x", register=False)))
        == "or"
    )


def test_a_refused_key_always_says_why_and_places_never_change() -> None:
    order = [key.key for key in keys(READY, NOW, "")]
    for state in (None, READY, with_call(up()), with_call(made(CallPhase.INCOMING))):
        shown = keys(state, NOW, "")
        assert [key.key for key in shown] == order
        assert all(key.why for key in shown if not key.enabled)


def test_a_call_that_is_over_does_not_hold_keys_back() -> None:
    over = made(CallPhase.CLOSED, ended_at=60.0)
    assert enabled(with_call(over), "8912") == "Eor!"
    assert enabled(with_call(over), "8912", now=60.9) == "or!"


def test_meanings_change_with_the_call() -> None:
    first, second = (keys(with_call(up(id=i)), NOW, "") for i in ("c1", "c2"))
    changed = {a.key for a, b in zip(first, second, strict=True) if a.meaning != b.meaning}
    assert changed == {"h", "k", "s", "g"}


def test_the_incoming_call_that_keys_act_on_is_the_oldest() -> None:
    state = replace(READY, calls=(up(), made(CallPhase.INCOMING, id="i1"), made(CallPhase.INCOMING, id="i2")))
    shown = incoming(state)
    assert shown is not None
    assert shown.id == "i1"


def test_the_incoming_call_on_screen_is_the_one_meant() -> None:
    state = replace(READY, calls=(made(CallPhase.INCOMING, id="i1"), made(CallPhase.INCOMING, id="i2")))
    shown = incoming(state, CallId("i2"))
    assert shown is not None
    assert shown.id == "i2"
    assert {k.meaning for k in keys(state, NOW, "", chosen=CallId("i2"))} >= {"reject i2", "hang up i2"}


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (None, "no call"),
        (made(CallPhase.CLOSED), "no call"),
        (up(wants_agent=False, agent=Agent()), "this call has no AI"),
        (made(CallPhase.CLOSING, agent=Agent(AgentPhase.CLOSING)), "the call is ending"),
        (
            made(CallPhase.RINGING, agent=Agent(AgentPhase.WARM)),
            "the AI is not on the line before the answer",
        ),
        (up(agent=Agent(AgentPhase.OPENING)), "the AI is not LIVE yet"),
        (up(agent=Agent(AgentPhase.FINISHING)), "the AI has left the line"),
        (up(), ""),
    ],
)
def test_why_the_ai_can_be_told_nothing(shown: Call | None, why: str) -> None:
    assert why_no_words(shown) == why


def test_number_rows() -> None:
    from console.core.numbers import judge

    enter = keys(READY, NOW, "8")[0]

    def shown(typed: str) -> str:
        return text(number_rows(typed, judge(typed, "RU", "x.ru"), enter))

    assert "type a number, or Up" in shown("")
    assert "1 digit missing" in shown("8912345678")
    assert "+7 912 345-67-89  mobile RU" in shown("89123456789")
    assert "Enter dials" in shown("89123456789")
    assert "Enter, Enter dials" in shown("+493012345678")
    assert "emergency" in shown("112")
    busy = keys(with_call(up()), NOW, "8")[0]
    assert "a call is up" in text(number_rows("89123456789", judge("89123456789", "RU", "x.ru"), busy))


def test_record_rows() -> None:
    from console.core.effects import Record

    rows = record_rows(
        Record(61.5, "call.closed", ID, {"code": 486, "reason": "Busy", "why": ""}), "12:03:49"
    )
    assert text(rows).split("\n") == [
        "time   12:03:49  (t 61.500 s)",
        "type   call.closed",
        "call   c1",
        "code   486",
        "reason   Busy",
    ]
    assert "Up and Down" in text(record_rows(None, ""))
