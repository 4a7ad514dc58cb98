"""Who looks on reads the same as the operator: words made of the records against words made of the state."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from console.core import events as ev
from console.core.effects import Record
from console.core.replay import record_from
from console.core.replay import replay as replayed
from console.core.state import AgentPhase, CallPhase, Policy, State
from console.records.logbook import record_json
from console.ui.present import agent, call, line, status
from tests.unit.present_states import text
from tests.unit.test_step_properties import CALLS, Watch, histories

C = CALLS[0]
POLICY = Policy(domain="sip.example.org", incoming_agent=True, single_call=False)


class Watched(Watch):
    """The core, and what its records make of an empty state."""

    seen = State(POLICY)

    def take(self, event: ev.Event) -> tuple[object, ...]:  # type: ignore[override]
        effects = super().take(event)
        for effect in effects:
            if isinstance(effect, Record):
                self.seen = replayed(self.seen, record_from(json.loads(record_json(effect))))
        return effects


def said(state: State, now: float) -> str:
    """The boxes of the screen, the calls that go on one after the other."""
    parts = [line.totals(state, now), text([r.row for r in line.recents(state, 0.0)])]
    parts += [part.text for part in status.status(state).parts]
    for chosen in [c.id for c in line.lives(state)] or [None]:
        card = call.card(state, now, chosen=chosen)
        parts += [card.word, card.beside, card.timer, text(card.rows)]
        parts.append(text(agent.card_rows(state, now, chosen)))
    return "\n".join(parts)


def settled(state: State) -> bool:
    """Whether nothing is on its way that no record tells of: a hang-up, a close, an answer about a call."""
    return not any(
        c.phase is CallPhase.CLOSING or c.agent.phase is AgentPhase.CLOSING or c.unconfirmed
        for c in state.calls
    )


def as_heard(state: State) -> State:
    """No record tells when the first sound of the callee came."""
    return replace(state, calls=tuple(replace(c, rtp_seen=True) for c in state.calls))


def possible(state: State, event: ev.Event) -> bool:
    """One call is looked at; a session that is not there tells nothing, one that is open is prepared."""
    if isinstance(event, ev.Dial | ev.PhoneIncoming | ev.PhoneFound) or getattr(event, "call", C) != C:
        return False
    if isinstance(event, ev.PhoneConfirmed) and not state.line.up:
        return False
    found = state.find(C)
    phase = found.agent.phase if found is not None else AgentPhase.OFF
    if isinstance(event, ev.AgentWarm | ev.AgentPrepareFailed):
        return phase in (AgentPhase.WARM, AgentPhase.OPENING)
    if isinstance(event, ev.AgentClosed) and event.ours:
        return phase is AgentPhase.CLOSING
    return not hasattr(event, "session") or phase is not AgentPhase.OFF


begins = st.sampled_from(
    [
        ev.Dial(C, "89123456789"),
        ev.Dial(C, "89123456789", wants_agent=False),
        ev.Dial(C, "89123456789", origin=ev.Origin.API, ring_seconds=7.0, call_seconds=25.0),
        ev.PhoneIncoming(C, "sip:a@b", "A"),
        ev.PhoneFound(C, "sip:a@b", False, True),
        ev.PhoneFound(C, "sip:a@b", False, False),
    ]
)


MINUTE_IN_FLOATS = [
    (20.0, ev.LineSilent(False)),
    (0.1, ev.PhoneAnswered(C)),
    *[(20.0, ev.LineUp("baresip", "4.9.0", True))] * 2,
]
"""Three times 20 s, which come out a little short of 60 when one clock reading is taken from another."""


@example(
    ev.Dial(C, "89123456789", wants_agent=False),
    [*MINUTE_IN_FLOATS, (20.0, ev.PhoneClosed(C, None, "r", ev.ClosedBy.REMOTE))],
)
@example(
    ev.Dial(C, "89123456789"),
    [(0.0, ev.PhoneAnswered(C)), (0.0, ev.AgentUpgraded(C, 0)), (1.0, ev.LineUp("baresip", "4.9.0", True))],
)
@given(begins, histories)
@settings(max_examples=400, deadline=None)
def test_both_screens_say_the_same(begin: ev.Event, history: list[tuple[float, ev.Event]]) -> None:
    watch = Watched(State(POLICY))
    watch.take(ev.LineUp("baresip", "4.9.0", True))
    watch.take(ev.RegistrationChanged(ev.RegState.OK))
    watch.take(begin)
    for wait, event in history:
        watch.pass_time(watch.now + (0.103 if wait == 0.1 else wait))  # no sum of them is half a second
        event = watch.current(event)
        if not possible(watch.state, event):
            continue
        watch.take(event)
        if settled(watch.state):
            now = watch.now + 0.01  # records tell times in milliseconds
            assert said(watch.seen, now) == said(as_heard(watch.state), now)
