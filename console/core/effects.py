"""What `core.step.step` asks the engine to do, as plain frozen facts. The engine performs them in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .events import CallId
from .state import Call

JsonValue = str | int | float | bool | None


class Hindrance(StrEnum):
    """What stands in the way of a refused command, for programs; people read the record's `why`."""

    LINE_TAKEN = "line_taken"
    NOT_READY = "not_ready"  # line, registration, agent or settings
    NUMBER = "number"
    NEVER_CALL = "never_call"
    STATE = "state"  # it does not fit what is going on


@dataclass(frozen=True, slots=True)
class PhoneDial:
    """Send an INVITE to `uri` (a complete, checked SIP URI)."""

    call: CallId
    uri: str


@dataclass(frozen=True, slots=True)
class PhoneHangUp:
    """End the call at whatever stage (CANCEL, BYE or a refusal)."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneAnswer:
    """Accept an incoming call."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneReject:
    """Refuse an incoming call with 486."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneDigits:
    """Press these keys on the line (`core.tools.DIGITS`), pauses included."""

    call: CallId
    digits: str


@dataclass(frozen=True, slots=True)
class PhoneTransfer:
    """Have the callee's phone call `uri` instead of us (REFER, RFC 3515)."""

    call: CallId
    uri: str


@dataclass(frozen=True, slots=True)
class PhoneRegister:
    """Register the account again; after a take-over, also take the control link back."""


@dataclass(frozen=True, slots=True)
class PhoneRestart:
    """The calls on the phone are in doubt: end the phone program that we started (it sends BYE) and start
    it again. A joined one is left alone."""

    reason: str


@dataclass(frozen=True, slots=True)
class AgentPrepare:
    """Prepare session number `session` of the call: everything unbilled, nothing billed."""

    call: CallId
    session: int
    incoming: bool
    number: str
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AgentOpen:
    """Send the upgrade request now. `context`: told to the agent as a contextual update once live."""

    call: CallId
    session: int
    context: str = ""


@dataclass(frozen=True, slots=True)
class AgentClose:
    """Close the session now: close frame at once, socket gone within 1 s."""

    call: CallId
    session: int
    reason: str


@dataclass(frozen=True, slots=True)
class AgentTell:
    """Send the agent this text: as background, or (`as_turn`) as a turn that it answers."""

    call: CallId
    session: int
    text: str
    as_turn: bool


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """The one result of a tool that the agent called."""

    call: CallId
    session: int
    request: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class AudioStart:
    """Open the audio path of the call (levels and ear; nothing goes to the AI yet)."""

    call: CallId


@dataclass(frozen=True, slots=True)
class AudioAnswered:
    """The call is UP: from now on what the callee says is kept (1 s at most) until the AI is live."""

    call: CallId


@dataclass(frozen=True, slots=True)
class AudioFinish:
    """The agent said its last: play out what is buffered, then report `PlayoutDrained`."""

    call: CallId
    session: int


@dataclass(frozen=True, slots=True)
class AudioSilence:
    """Drop what the agent says, beginning with what waits, until it may speak again."""

    call: CallId
    on: bool


@dataclass(frozen=True, slots=True)
class AudioStop:
    """Close the audio path of the call."""

    call: CallId


@dataclass(frozen=True, slots=True)
class EarSwitch:
    """Play both sides on the operator's device, or stop."""

    on: bool


@dataclass(frozen=True, slots=True)
class NeverCallAdd:
    """Append this E.164 number to `never-call.txt`."""

    number: str


@dataclass(frozen=True, slots=True)
class NeverCallRemove:
    """Remove the lines with this number from `never-call.txt`."""

    number: str


@dataclass(frozen=True, slots=True)
class Keep:
    """The call and its session are over for good: keep its record."""

    call: Call


@dataclass(frozen=True, slots=True)
class Amend:
    """More is known of a call whose record is kept."""

    call: Call


@dataclass(frozen=True, slots=True)
class Stop:
    """Everything is at rest (or its time is up): end the program."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the record: an event as in `interface.md` (`type` and `fields`), worded for people by
    `core.journal`. `t`: engine seconds."""

    t: float
    type: str
    call: CallId | None = None
    fields: Mapping[str, JsonValue] = field(default_factory=dict)


Effect = (
    PhoneDial
    | PhoneHangUp
    | PhoneAnswer
    | PhoneReject
    | PhoneDigits
    | PhoneTransfer
    | PhoneRegister
    | PhoneRestart
    | AgentPrepare
    | AgentOpen
    | AgentClose
    | AgentTell
    | AgentAnswer
    | AudioStart
    | AudioAnswered
    | AudioFinish
    | AudioSilence
    | AudioStop
    | EarSwitch
    | NeverCallAdd
    | NeverCallRemove
    | Keep
    | Amend
    | Stop
    | Record
)
