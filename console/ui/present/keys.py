"""Which keys make sense now, and if not, why not."""

from __future__ import annotations

from dataclasses import dataclass

from console.core.state import Call, CallPhase, State

from .line import last_ended, live, readiness

AFTER_END = 1.0
"""Seconds after the end of a call in which Enter does nothing."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the console. `why`: what to say when it is pressed and makes no sense (`enabled` false).

    `meaning` names what a press would do now and to which call; when it changes, a press is held off for a
    moment.
    """

    key: str
    label: str
    enabled: bool
    why: str = ""
    meaning: str = ""
    loud: bool = False


def incoming(state: State | None) -> Call | None:
    """The incoming call that `a` and `x` act on: the oldest."""
    calls = state.calls if state is not None else ()
    return next((c for c in calls if c.phase is CallPhase.INCOMING), None)


def keys(state: State | None, now: float, number: str, broken: str = "") -> tuple[Key, ...]:
    """Every command key in its fixed place. `number`: what stands in the number field."""
    shown = live(state)
    return (
        _enter(state, now, number, broken),
        Key(
            "h",
            "HANG UP" if shown is not None else "hang up",
            shown is not None,
            "no call to hang up",
            f"hang up {shown.id}" if shown is not None else "hang up",
            loud=shown is not None,
        ),
        *_incoming_keys(state),
        Key(
            "o",
            "ear",
            state is not None and not broken,
            "the phone is not running",
            "ear",
        ),
        _extend(shown),
        _register(state, broken),
        _never(state, shown, number),
    )


def _enter(state: State | None, now: float, number: str, broken: str) -> Key:
    shown = live(state)
    able = readiness(state, broken)
    if shown is not None and shown.phase is CallPhase.INCOMING:
        return Key("Enter", "dial", False, "somebody is calling: a answers, x rejects", "dial: incoming")
    if shown is not None:
        return Key("Enter", "dial", False, "a call is up: h hangs up first", "dial: call up")
    if not able.ready:
        return Key("Enter", "dial", False, f"not ready: {able.why}; the number stays", "dial: not ready")
    last = last_ended(state)
    if last is not None and last.ended_at is not None and 0 <= now - last.ended_at < AFTER_END:
        return Key("Enter", "dial", False, "a call ended just now: press Enter again", "dial")
    if not number:
        return Key("Enter", "dial", False, "type a number first", "dial")
    return Key("Enter", "dial", True, "", "dial", loud=True)


def _incoming_keys(state: State | None) -> tuple[Key, Key]:
    call = incoming(state)
    if state is None or call is None:
        return (
            Key("a", "answer", False, "nobody is calling", "answer"),
            Key("x", "reject", False, "nobody is calling", "reject"),
        )
    able = state.policy.incoming_agent
    return (
        Key(
            "a",
            "answer",
            able,
            "set ELEVENLABS_INCOMING_AGENT_ID to answer with an AI",
            f"answer {call.id}",
            able,
        ),
        Key("x", "reject", True, "", f"reject {call.id}", loud=True),
    )


def _extend(shown: Call | None) -> Key:
    able = shown is not None and shown.phase is CallPhase.UP
    return Key(
        "k",
        "+5min",
        able,
        "no answered call to extend",
        f"extend {shown.id}" if able and shown else "extend",
    )


def _register(state: State | None, broken: str) -> Key:
    if state is None or broken:
        return Key("r", "register", False, "the phone is not running", "register")
    if any(not c.over for c in state.calls):
        return Key("r", "register", False, "not during a call: registering could end it", "register")
    if not state.policy.register and not state.line.taken_over:
        return Key("r", "register", False, "this line does not register (SIP_REGISTER=no)", "register")
    word = "retake" if state.line.taken_over else "register"
    return Key("r", word, True, "", word)


def _never(state: State | None, shown: Call | None, number: str) -> Key:
    known = shown is not None or bool(number) or last_ended(state) is not None
    return Key(
        "!",
        "never",
        known and state is not None,
        "no number to put on the never-call list",
        "never call",
    )
