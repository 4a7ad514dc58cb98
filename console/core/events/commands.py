"""What the operator, the API and the command line ask for."""

from __future__ import annotations

from dataclasses import dataclass

from .vocabulary import CallId, Origin


@dataclass(frozen=True, slots=True)
class Dial:
    """Call `text`: a number as typed, or a `sip:` URI when `as_uri`.

    `call` is a fresh id made by whoever asks. `confirmed`: the operator has seen the warning that
    `numbers.judge` gave. `ring_seconds`, `call_seconds`: limits for this call instead of the settings'.
    """

    call: CallId
    text: str
    origin: Origin = Origin.KEYS
    as_uri: bool = False
    confirmed: bool = False
    wants_agent: bool = True
    ring_seconds: float | None = None
    call_seconds: float | None = None
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HangUp:
    """End this call, at whatever stage."""

    call: CallId
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Register:
    """Register again."""

    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer this incoming call with the agent for incoming calls."""

    call: CallId
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Reject:
    """Turn this incoming call away."""

    call: CallId
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Extend:
    """Five more minutes for this call."""

    call: CallId
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the agent something that the callee does not hear; `as_turn`: as if the callee had said it, so
    that the agent answers."""

    call: CallId
    text: str
    as_turn: bool = False
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Silence:
    """Silence the AI for a while, or let it speak again; its session is kept."""

    call: CallId
    on: bool
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Have the AI say goodbye and end the call."""

    call: CallId
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Press these keys on the line: `0-9 * # A-D`, `w` waits half a second, `W` one second."""

    call: CallId
    digits: str
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class NeverCall:
    """Put this number on the never-call list, hanging up `call` if it is up."""

    number: str
    call: CallId | None = None
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class MayCall:
    """Take this number off the never-call list."""

    number: str
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class NeverCallLoaded:
    """The never-call list as it stands on disk: E.164 numbers."""

    numbers: frozenset[str]


@dataclass(frozen=True, slots=True)
class SetEar:
    """Listen in on the operator's own device, or stop."""

    on: bool
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class AllowDialing:
    """The operator confirms that dialing may go on after a refusal that stopped it."""

    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Quit:
    """End the program: hang up everything, then stop."""

    origin: Origin = Origin.KEYS


Command = (
    Dial
    | HangUp
    | Register
    | Answer
    | Reject
    | Extend
    | Tell
    | Silence
    | Goodbye
    | SendDigits
    | NeverCall
    | MayCall
    | NeverCallLoaded
    | SetEar
    | AllowDialing
    | Quit
)
