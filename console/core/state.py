"""The state of the console: frozen, compared by equality, made only by `core.step.step`.

All times are engine seconds (a monotonic clock that starts near 0).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .events import CallId, ClosedBy, Origin, QueueState, Refusal, RegState

ENDED_KEPT = 50
"""How many ended calls stay in the state."""


class CallPhase(StrEnum):
    DIALING = "dialing"
    RINGING = "ringing"
    EARLY = "early"  # a 1xx with SDP: network audio before the answer
    INCOMING = "incoming"
    UP = "up"  # a 2xx, nothing else
    CLOSING = "closing"  # we asked the phone to end it
    CLOSED = "closed"


class AgentPhase(StrEnum):
    OFF = "off"
    WARM = "warm"  # being prepared or prepared; not billed
    OPENING = "opening"  # upgrade sent
    LIVE = "live"
    FINISHING = "finishing"  # the agent hung up; what it said is being played out
    CLOSING = "closing"  # our close frame is out


class Outcome(StrEnum):
    """How a call ended, for the result card and the exit code."""

    FINISHED = "finished"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"  # any other final SIP answer, a redirection
    AGENT_REFUSED = "agent_refused"  # by ElevenLabs: key, agent, credits, configuration, safety
    AGENT_BUSY = "agent_busy"
    AGENT_LOST = "agent_lost"  # dropped twice, or no audio came of it
    AGENT_FAILED_START = "agent_failed_start"  # closed before its first turn
    NO_LINE = "no_line"
    LOST = "lost"  # the phone died or its link is gone
    AUDIO_FAILED = "audio_failed"
    MISSED = "missed"  # incoming, nobody answered
    REJECTED = "rejected"  # incoming, turned away by the operator
    CANCELLED = "cancelled"  # the operator hung up before the answer
    KILLED = "console_killed"  # found at the next start


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decisions depend on. `domain`: SIP domain with optional port."""

    domain: str
    region: str = "RU"
    e164: bool = False
    register: bool = True
    ring_seconds: float = 60.0
    call_seconds: float = 600.0
    incoming_agent: bool = False
    has_agent: bool = True
    ask_if_answered: bool = True  # a number that answered within the last 24 h is dialed when asked twice
    joined: bool = False  # the phone is somebody else's program: only our own calls are ours to end
    single_call: bool = True  # the phone holds one call at a time
    transfer_to: frozenset[str] = frozenset()  # E.164 numbers and `name@host` that the agent may transfer to
    not_ready: str = ""  # a sentence: what settings are missing, so that nothing can be dialed
    demo: bool = False  # the built-in line: nothing is billed there


@dataclass(frozen=True, slots=True)
class Line:
    """The phone engine and the registration. `failed`: nothing will be retried."""

    up: bool = False
    failed: bool = False
    taken_over: bool = False
    silent: bool = False  # owes an answer to a harmless question
    engine: str = ""
    version: str = ""
    answered_is_2xx: bool = False
    reason: str = ""
    registration: RegState = RegState.UNKNOWN
    reg_code: int | None = None
    reg_reason: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What ElevenLabs told of a finished conversation: cost in credits and US dollars, why it ended."""

    credits: int | None = None
    usd: float | None = None
    termination: str = ""
    summary: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """The account and the agent as last read; `known` is False before that. `resets_at`: Unix seconds."""

    known: bool = False
    agent: str = ""
    credits: int | None = None
    empty: bool = False
    resets_at: float | None = None
    doubts: tuple[str, ...] = ()
    accepted: bool = False  # the operator dials although the credits are used up
    trouble: str = ""  # why ElevenLabs cannot be asked, or does not know key or agent: a sentence


@dataclass(frozen=True, slots=True)
class Agent:
    """The AI session of one call. `session` counts its sessions from 1; 0: none yet."""

    phase: AgentPhase = AgentPhase.OFF
    session: int = 0
    ready: bool = False  # prepared to the upgrade request
    billed_from: float | None = None  # the 101 of the running session
    billed: float = 0.0  # seconds billed by ended sessions and before a queue wait
    live_at: float | None = None
    first_audio_at: float | None = None
    conversation_id: str = ""
    input_format: str = ""
    output_format: str = ""
    spoke: bool = False  # the agent said something in the running session
    drops: int = 0
    queue: QueueState | None = None
    refusal: Refusal | None = None
    trouble: str = ""  # why it is not there, in the far side's words
    deadline: float | None = None

    def billed_seconds(self, now: float) -> float:
        """Seconds billed so far: from the 101 to our close frame or the socket's end, less queue wait."""
        return self.billed + (now - self.billed_from if self.billed_from is not None else 0.0)


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Times are engine seconds; None: has not happened."""

    id: CallId
    number: str  # E.164 where it is one, else what is dialed or who calls (cleaned)
    uri: str
    origin: Origin | None
    phase: CallPhase
    started_at: float
    incoming: bool = False
    name: str = ""
    ours: bool = True  # this console dialed or answered it; others' calls are only shown
    wants_agent: bool = True
    variables: tuple[tuple[str, str], ...] = ()
    ring_seconds: float = 60.0
    call_seconds: float = 600.0
    sip_call_id: str = ""
    early_since: float | None = None
    early_seconds: float = 0.0
    picked_up: bool = False  # CALL_ANSWERED was seen, whatever it is worth
    answered_at: float | None = None
    ended_at: float | None = None
    rtp_seen: bool = False
    held: bool = False
    quiet: bool = False  # not a sound comes from the callee, not even noise
    unconfirmed: bool = False  # control link lost; the phone may still hold it
    limit_at: float | None = None  # ring limit, later call limit: shown counting down
    rtp_by: float | None = None  # without RTP from the callee by then, the call is ended
    deadline: float | None = None  # for the phone to confirm the call, or to end it
    silent_until: float | None = None  # the operator has silenced the AI
    resumed_at: float | None = None  # the operator's last silence ended
    goodbye_by: float | None = None  # the AI was asked to say goodbye; then the call ends
    digits: str = ""  # keys the callee pressed, not yet told to the agent
    digits_by: float | None = None
    notes: tuple[str, ...] = ()  # what the agent noted
    asked_by: ClosedBy | None = None  # who made us hang up
    asked_from: Origin | None = None  # from where, when somebody asked for it
    why: str = ""  # why we hang up, one sentence
    code: int | None = None
    reason: str = ""
    by: ClosedBy | None = None
    outcome: Outcome | None = None
    audio: str = ""  # trouble with the audio path
    glitches: int = 0
    redirected_to: str = ""
    agent: Agent = field(default_factory=Agent)
    review: Review | None = None

    @property
    def over(self) -> bool:
        return self.phase is CallPhase.CLOSED

    def seconds(self, now: float) -> float:
        """Seconds since the answer, 0 if there was none."""
        if self.answered_at is None:
            return 0.0
        return (self.ended_at if self.ended_at is not None else now) - self.answered_at

    def early_media(self, now: float) -> float:
        """Seconds of network audio before the answer."""
        return self.early_seconds + (now - self.early_since if self.early_since is not None else 0.0)


@dataclass(frozen=True, slots=True)
class Totals:
    """Of the day on which the console was started, earlier runs included."""

    calls: int = 0
    answered: int = 0
    missed: int = 0
    agent_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """`calls`: live ones, oldest first. `ended`: the last closed ones, newest first, at most `ENDED_KEPT`."""

    policy: Policy
    line: Line = field(default_factory=Line)
    calls: tuple[Call, ...] = ()
    ended: tuple[Call, ...] = ()
    totals: Totals = field(default_factory=Totals)
    account: Account = field(default_factory=Account)
    never_call: frozenset[str] = frozenset()
    answered_today: frozenset[str] = frozenset()
    stopped: str = ""  # dialing is stopped: why, until the operator confirms
    stopped_by: Refusal | None = None
    ear: bool = False
    ear_reason: str = ""
    ignored: int = 0
    quitting: bool = False
    quit_deadline: float | None = None

    def find(self, call: CallId | None) -> Call | None:
        """The live call with this id."""
        return next((c for c in self.calls if c.id == call), None)

    @property
    def shown(self) -> Call | None:
        """The call that a screen for one call shows: the newest live one, else an incoming or ending one."""
        order = sorted(self.calls, key=lambda c: (not c.over, not c.incoming or c.answered_at is not None))
        return order[-1] if order else None
