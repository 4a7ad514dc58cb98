"""What became of a call, for scripts: the exit code and the `summary` of `interface.md`."""

from __future__ import annotations

from .effects import JsonValue, Record
from .state import Call, Outcome, State

SETTINGS_WRONG = 2
NO_LINE = 14
AUDIO_FAILED = 15
STOPPED = 130

SILENT_AGENT = "no_agent_audio"
"""The result of an answered call in which the AI was never heard."""

_CODES = {
    Outcome.FINISHED: 0,
    Outcome.BUSY: 10,
    Outcome.NO_ANSWER: 11,
    Outcome.MISSED: 11,
    Outcome.REFUSED: 12,
    Outcome.REJECTED: 12,
    Outcome.AGENT_REFUSED: 13,
    Outcome.AGENT_BUSY: 13,
    Outcome.AGENT_LOST: 13,
    Outcome.AGENT_FAILED_START: 13,
    Outcome.NO_LINE: NO_LINE,
    Outcome.LOST: NO_LINE,
    Outcome.KILLED: NO_LINE,
    Outcome.AUDIO_FAILED: AUDIO_FAILED,
    Outcome.CANCELLED: STOPPED,
}


def exit_code(call: Call, stopped: bool = False) -> int:
    """The exit code of `call`. `stopped`: a signal ended the program."""
    if stopped or call.outcome is None:
        return STOPPED if stopped else NO_LINE
    if result(call) == SILENT_AGENT:
        return 13
    return _CODES[call.outcome]


def result(call: Call) -> str:
    """The outcome in one word; a call that ended in order counts only if the AI was heard in it."""
    unheard = call.wants_agent and call.agent.first_audio_at is None
    if call.outcome is Outcome.FINISHED and unheard:
        return SILENT_AGENT
    return call.outcome.value if call.outcome else Outcome.LOST.value


_DROPPED = (
    Outcome.AGENT_REFUSED,
    Outcome.AGENT_BUSY,
    Outcome.AGENT_LOST,
    Outcome.AGENT_FAILED_START,
)


def wants_call_back(call: Call) -> bool:
    """Whether a person was on the line and was dropped because there was no AI to talk to."""
    return call.answered_at is not None and call.outcome in _DROPPED


def to_call_back(state: State) -> tuple[Call, ...]:
    """The last call of each person who is to be called back, newest first: not of those who were reached
    since, are on the line now, or must never be called."""
    settled = {call.number for call in state.calls} | state.never_call
    listed = []
    for call in state.ended:
        if call.number in settled or call.answered_at is None:
            continue
        settled.add(call.number)
        if wants_call_back(call):
            listed.append(call)
    return tuple(listed)


def summary(call: Call | None, t: float, code: int, otherwise: str = "") -> Record:
    """The last line of `call`. `t`: engine seconds. `otherwise`: the result when no call came to be."""
    if call is None:
        fields: dict[str, JsonValue] = {"answered": False, "agent_seconds": 0.0, "early_media_seconds": 0.0}
        return Record(t, "summary", None, {**fields, "result": otherwise, "exit_code": code})
    return Record(
        t,
        "summary",
        call.id,
        {
            "answered": call.answered_at is not None,
            "seconds": round(call.seconds(t), 3),
            "agent_seconds": round(call.agent.billed_seconds(t), 3),
            "early_media_seconds": round(call.early_media(t), 3),
            "result": "stopped" if code == STOPPED else result(call),
            "exit_code": code,
        },
    )
