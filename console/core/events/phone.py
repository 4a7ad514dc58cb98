"""What the phone reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .vocabulary import CallId, RegState


@dataclass(frozen=True, slots=True)
class LineUp:
    """The phone engine answers commands. `answered_is_2xx`: its CALL_ANSWERED is proof of a 2xx (>= 3.0)."""

    engine: str
    version: str
    answered_is_2xx: bool


@dataclass(frozen=True, slots=True)
class LineDown:
    """The phone engine is out of reach.

    `gone`: its SIP stack has ended, so every call on it is over. Otherwise only the control link is lost and
    the calls may live on. `taken_over`: another controller has the link, reconnecting has stopped.
    """

    reason: str
    gone: bool
    taken_over: bool = False


@dataclass(frozen=True, slots=True)
class LineSilent:
    """The phone takes longer to answer a harmless question than one that works (`silent`); or it has."""

    silent: bool


@dataclass(frozen=True, slots=True)
class LineFailed:
    """The phone engine cannot work at all (no program, no port, bad account); nothing will be retried."""

    reason: str


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    """`code` is the SIP status when the registrar gave one, `reason` its phrase or the local error."""

    state: RegState
    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PhoneCallBound:
    """The SIP Call-ID of one of our calls is known."""

    call: CallId
    sip_call_id: str


@dataclass(frozen=True, slots=True)
class PhoneRinging:
    """A 1xx without SDP (180, 181, 182, 183 without SDP)."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneEarlyMedia:
    """A 1xx with SDP: the network sends audio before an answer. Never an answer."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneAnswered:
    """CALL_ANSWERED: proof of a 2xx only where `LineUp.answered_is_2xx` says so."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneEstablished:
    """CALL_ESTABLISHED: a 2xx to the INVITE (or the ACK of ours), local media set up without error."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneRtp:
    """The first RTP packet of the call's audio stream arrived (also in early media)."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneHold:
    """The peer put the call on hold or took it off."""

    call: CallId
    held: bool


@dataclass(frozen=True, slots=True)
class PhoneDigit:
    """The peer pressed a key (RFC 4733 or INFO)."""

    call: CallId
    digit: str


@dataclass(frozen=True, slots=True)
class PhoneTransferFailed:
    """The far side could not or would not do the transfer; the call goes on."""

    call: CallId
    reason: str


class ClosedBy(StrEnum):
    """Who ended a call, as in the `by` field of `call.closed`."""

    REMOTE = "remote"
    OPERATOR = "operator"
    AGENT = "agent"
    NETWORK = "network"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class PhoneClosed:
    """The call is over. `code`: final SIP status if there was one. `local`: we asked for it.

    `by`: REMOTE (BYE, CANCEL, a final refusal), NETWORK (local or transport error), TIMEOUT (RTP timeout, no
    SIP reply); OPERATOR stands for our own hang-up command, whoever was behind it (the core knows).
    """

    call: CallId
    code: int | None
    reason: str
    by: ClosedBy


@dataclass(frozen=True, slots=True)
class PhoneIncoming:
    """Somebody calls. `peer` is the SIP URI, `name` the display name; both untrusted."""

    call: CallId
    peer: str
    name: str


@dataclass(frozen=True, slots=True)
class PhoneMissed:
    """The phone itself turned an incoming call away because the line was taken."""

    peer: str


@dataclass(frozen=True, slots=True)
class PhoneFound:
    """A call that the console did not make in this connection was found at (re)connecting.

    `ours`: an earlier console on this data dir started it (it will be hung up).
    """

    call: CallId
    peer: str
    established: bool
    ours: bool


@dataclass(frozen=True, slots=True)
class PhoneConfirmed:
    """After a lost control link: this call of ours is still there."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneRedirected:
    """The remote party changed without being asked (a silently followed 302)."""

    call: CallId
    peer: str


PhoneEvent = (
    LineUp
    | LineDown
    | LineSilent
    | LineFailed
    | RegistrationChanged
    | PhoneCallBound
    | PhoneRinging
    | PhoneEarlyMedia
    | PhoneAnswered
    | PhoneEstablished
    | PhoneRtp
    | PhoneHold
    | PhoneDigit
    | PhoneTransferFailed
    | PhoneClosed
    | PhoneIncoming
    | PhoneMissed
    | PhoneFound
    | PhoneConfirmed
    | PhoneRedirected
)
