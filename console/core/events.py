"""Everything that can happen, as plain frozen facts; the only input of `core.step.step`.

Text in these facts that strangers wrote (SIP reasons, caller names, transcripts, close reasons) has passed
`core.text.clean` where it entered the program. Calls carry our own ids (`CallId`), never SIP Call-IDs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

CallId = NewType("CallId", str)


class RegState(StrEnum):
    """Registration of the SIP account at its registrar (RFC 3261 section 10)."""

    UNKNOWN = "unknown"
    REGISTERING = "registering"
    OK = "ok"
    FAILED = "failed"
    OFF = "off"


class Origin(StrEnum):
    """Who asked for something."""

    KEYS = "keys"
    COMMAND_LINE = "command line"
    API = "api"


class Refusal(StrEnum):
    """Why ElevenLabs refused; `KEY`, `AGENT` and `CREDITS` stop further dialing."""

    KEY = "key"
    AGENT = "agent"
    CREDITS = "credits"
    CONFIG = "config"
    SAFETY = "safety"
    BUSY = "busy"
    OTHER = "other"


# ---- the phone ----


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


# ---- the AI session ----
# `session` counts the sessions of one call from 1; facts about an earlier one are stale.


@dataclass(frozen=True, slots=True)
class AgentWarm:
    """Everything that is not billed is ready: a signed URL, and a connection (TLS if `tls`) that holds back
    its upgrade request."""

    call: CallId
    session: int
    signed_url: bool
    tls: bool


@dataclass(frozen=True, slots=True)
class AgentPrepareFailed:
    """Preparing failed. `refusal` set: a definite no (wrong key, no such agent, no credits), never retried.
    Otherwise a time-out or 5xx; the session keeps retrying by itself until it is closed."""

    call: CallId
    session: int
    reason: str
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class AgentUpgraded:
    """The 101 arrived: from here the session is billed."""

    call: CallId
    session: int


@dataclass(frozen=True, slots=True)
class AgentLive:
    """The metadata arrived; audio flows in these formats (`pcm_16000`, `ulaw_8000`, ...)."""

    call: CallId
    session: int
    conversation_id: str
    input_format: str
    output_format: str


@dataclass(frozen=True, slots=True)
class AgentFirstAudio:
    """The first AI audio of this session was handed to the phone."""

    call: CallId
    session: int


class Role(StrEnum):
    """Whose words a transcript line holds."""

    USER = "user"
    AGENT = "agent"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class AgentTranscript:
    """One line of the conversation. `corrected`: what was really heard of an interrupted agent turn."""

    call: CallId
    session: int
    role: Role
    text: str
    final: bool = True
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class AgentInterrupted:
    """Barge-in: `dropped_ms` of AI audio were not played."""

    call: CallId
    session: int
    dropped_ms: int


@dataclass(frozen=True, slots=True)
class AgentToolUsed:
    """A tool of the agent ran."""

    call: CallId
    session: int
    name: str
    ok: bool


@dataclass(frozen=True, slots=True)
class AgentAsks:
    """The agent calls one of the console's own tools (`core.tools`); `request` is the id of its call, which
    gets exactly one answer. `arguments`: name and text, cleaned."""

    call: CallId
    session: int
    request: str
    tool: str
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AgentTrouble:
    """ElevenLabs sent an error that (so far) has not ended the conversation: code, name and text as one
    line."""

    call: CallId
    session: int
    text: str


class QueueState(StrEnum):
    """The concurrency queue of the agent."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class AgentQueue:
    """The agent's workspace is at its limit; queue time is not billed."""

    call: CallId
    session: int
    state: QueueState


@dataclass(frozen=True, slots=True)
class AgentClosed:
    """The session's socket is gone, or never came to be.

    `code`: WebSocket close code (RFC 6455 section 7.4), 1006 without a close frame or upgrade. `reason`: the
    server's close reason, or of the last `error` message. `ours`: we closed it. `refusal`: read from code and
    reason by `agent.refusals`; None when the end was normal or a drop.
    """

    call: CallId
    session: int
    code: int
    reason: str
    ours: bool
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class AccountRead:
    """What ElevenLabs says of the account and the agent. `credits`: left, None: unknown. `empty`: known to be
    used up. `resets_at`: Unix seconds. `doubts`: one sentence each, with what to do."""

    agent: str = ""
    credits: int | None = None
    empty: bool = False
    resets_at: float | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallReviewed:
    """What ElevenLabs says of a finished conversation. None and empty: not told; `why`: why not more."""

    call: CallId
    conversation_id: str
    credits: int | None = None
    usd: float | None = None
    termination: str = ""
    summary: str = ""
    why: str = ""


# ---- audio ----


class Direction(StrEnum):
    """`IN` is what the callee says, `OUT` what the AI says."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class AudioStarted:
    """The audio path of a call is open; `rate` in Hz, names of devices or `memory`."""

    call: CallId
    input: str
    output: str
    rate: int


@dataclass(frozen=True, slots=True)
class AudioFailed:
    """The audio path of a call cannot be opened or broke; `reason` is one sentence with the remedy."""

    call: CallId
    reason: str


@dataclass(frozen=True, slots=True)
class AudioGlitch:
    """Audio was lost: `ms` of it."""

    call: CallId
    direction: Direction
    ms: int


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """Everything the agent said has been handed to the phone and played, and no more will come."""

    call: CallId
    session: int


# ---- the operator, the API, the command line ----


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
class NeverCallLoaded:
    """The never-call list as it stands on disk: E.164 numbers."""

    numbers: frozenset[str]


@dataclass(frozen=True, slots=True)
class SetEar:
    """Listen in on the operator's own device, or stop."""

    on: bool
    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class EarChanged:
    """The ear is on or off; `reason` when it could not be switched on."""

    on: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AllowDialing:
    """The operator confirms that dialing may go on after a refusal that stopped it."""

    origin: Origin = Origin.KEYS


@dataclass(frozen=True, slots=True)
class Quit:
    """End the program: hang up everything, then stop."""

    origin: Origin = Origin.KEYS


# ---- the rest ----


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something on a wire that was not understood: counted and shown, never fatal."""

    source: str
    why: str
    call: CallId | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the set-up that the operator should know, in one sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline has been reached."""


PhoneEvent = (
    LineUp
    | LineDown
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
AgentEvent = (
    AgentWarm
    | AgentPrepareFailed
    | AgentUpgraded
    | AgentLive
    | AgentFirstAudio
    | AgentTranscript
    | AgentInterrupted
    | AgentToolUsed
    | AgentAsks
    | AgentTrouble
    | AgentQueue
    | AgentClosed
)
AccountEvent = AccountRead | CallReviewed
AudioEvent = AudioStarted | AudioFailed | AudioGlitch | PlayoutDrained | EarChanged
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
    | NeverCallLoaded
    | SetEar
    | AllowDialing
    | Quit
)
Event = PhoneEvent | AgentEvent | AccountEvent | AudioEvent | Command | Ignored | Notice | Tick
