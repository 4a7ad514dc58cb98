"""Which keys make sense now, and if not, why not."""

from __future__ import annotations

from dataclasses import dataclass

from console.core.events import CallId
from console.core.state import AgentPhase, Call, CallPhase, State
from console.language import tr

from .line import last_ended, live, lives
from .status import readiness

AFTER_END = 1.0
"""Seconds after the end of a call in which Enter does nothing."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the console. `why`: what to say when it is pressed and makes no sense (`enabled` false).

    `meaning` names what a press would do now and to which call; when it changes, a press is held off for a
    moment. `brief`: `why` where that stands elsewhere too; of an enabled key, what to know beforehand.
    """

    key: str
    label: str
    enabled: bool
    why: str = ""
    meaning: str = ""
    loud: bool = False
    brief: str = ""


def incoming(state: State | None, chosen: CallId | None = None) -> Call | None:
    """The incoming call that `a` and `x` act on: the chosen one, else the oldest."""
    calls = [c for c in (state.calls if state is not None else ()) if c.phase is CallPhase.INCOMING]
    return next((c for c in calls if c.id == chosen), calls[0] if calls else None)


def keys(
    state: State | None, now: float, number: str, broken: str = "", chosen: CallId | None = None
) -> tuple[Key, ...]:
    """Every command key in its fixed place, those of a call that is up first. `number`: what stands in the
    number field. `chosen`: the call on screen when there are several."""
    shown = live(state, chosen)
    return (
        _enter(state, now, number, broken, shown),
        Key(
            "h",
            tr("HANG UP") if shown is not None else tr("hang up"),
            shown is not None,
            tr("no call to hang up"),
            f"hang up {shown.id}" if shown is not None else "hang up",
            loud=shown is not None,
        ),
        *_words_to_agent(shown),
        _digits(shown),
        _extend(shown),
        Key("o", tr("ear"), state is not None and not broken, tr("the phone is not running"), "ear"),
        *_incoming_keys(state, chosen),
        Key("tab", tr("next call"), len(lives(state)) > 1, tr("there is no other call"), "next call"),
        _register(state, broken),
        _never(state, shown, number),
    )


def _words_to_agent(shown: Call | None) -> tuple[Key, Key, Key]:
    """What the operator may have the AI know, or do."""
    why = why_no_words(shown)
    able = not why
    of = f" {shown.id}" if able and shown is not None else ""
    silent = shown is not None and shown.silent_until is not None
    leaving = shown is not None and shown.goodbye_by is not None
    silence, resume = tr("silence"), tr("resume")
    word = (resume if silent else silence).ljust(max(len(silence), len(resume)))  # nothing beside it moves
    already = why or tr("it is saying goodbye already")
    return (
        Key("w", tr("tell"), able, why, "tell"),
        Key("s", word, able, why, f"{'resume' if silent else 'silence'}{of}"),
        Key("g", tr("goodbye"), able and not leaving, already, f"goodbye{of}"),
    )


def why_no_words(call: Call | None) -> str:
    """Why the AI of this call can be told nothing now; empty when it can."""
    if call is None or call.over:
        return tr("no call")
    if not call.wants_agent:
        return tr("this call has no AI")
    if call.phase is CallPhase.CLOSING:
        return tr("the call is ending")
    if call.phase is not CallPhase.UP:
        return tr("the AI is not on the line before the answer")
    if call.agent.phase is AgentPhase.LIVE:
        return ""
    waiting = call.agent.phase in (AgentPhase.WARM, AgentPhase.OPENING)
    return tr("the AI is not LIVE yet") if waiting else tr("the AI has left the line")


def _digits(shown: Call | None) -> Key:
    able = shown is not None and shown.phase in (CallPhase.UP, CallPhase.EARLY)
    return Key("d", tr("digits"), able, tr("no call that takes digits"), "digits")


def _enter(state: State | None, now: float, number: str, broken: str, shown: Call | None) -> Key:
    dial, able = tr("dial"), readiness(state, broken)
    if shown is not None and shown.phase is CallPhase.INCOMING:
        return Key("Enter", dial, False, tr("somebody is calling: a answers, x rejects"), "dial: incoming")
    if shown is not None:
        return Key("Enter", dial, False, tr("a call is up: h hangs up first"), "dial: call up")
    if not able.dials:
        why = tr("not ready: {why}; the number stays", why=able.why)
        return Key("Enter", dial, False, why, "dial: not ready", brief=tr("not ready"))
    last = last_ended(state)
    if last is not None and last.ended_at is not None and 0 <= now - last.ended_at < AFTER_END:
        return Key("Enter", dial, False, tr("a call ended just now: press Enter again"), "dial")
    if not number:
        return Key("Enter", dial, False, tr("type a number first"), "dial")
    return Key("Enter", dial, True, "", "dial", loud=able.ready, brief="" if able.ready else tr("no AI now"))


def _incoming_keys(state: State | None, chosen: CallId | None) -> tuple[Key, Key]:
    call = incoming(state, chosen)
    answer, reject = tr("answer"), tr("reject")
    if state is None or call is None:
        why = tr("nobody is calling")
        return Key("a", answer, False, why, "answer"), Key("x", reject, False, why, "reject")
    able = state.policy.incoming_agent
    why = tr("set ELEVENLABS_INCOMING_AGENT_ID to answer with an AI")
    return (
        Key("a", answer, able, why, f"answer {call.id}", able),
        Key("x", reject, True, "", f"reject {call.id}", loud=True),
    )


def _extend(shown: Call | None) -> Key:
    able = shown is not None and shown.phase is CallPhase.UP
    meaning = f"extend {shown.id}" if able and shown else "extend"
    return Key("k", tr("+5min"), able, tr("no answered call to extend"), meaning)


def _register(state: State | None, broken: str) -> Key:
    word = tr("register")
    if state is None or broken:
        return Key("r", word, False, tr("the phone is not running"), "register")
    if any(not c.over for c in state.calls):
        return Key("r", word, False, tr("not during a call: registering could end it"), "register")
    if state.line.taken_over:
        return Key("r", tr("retake"), True, "", "retake")
    if not state.policy.register:
        return Key("r", word, False, tr("this line does not register (SIP_REGISTER=no)"), "register")
    return Key("r", word, True, "", "register")


def _never(state: State | None, shown: Call | None, number: str) -> Key:
    known = shown is not None or bool(number) or last_ended(state) is not None
    why = tr("no number to put on the never-call list")
    return Key("!", tr("never"), known and state is not None, why, "never call")
