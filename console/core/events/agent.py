"""What the AI session reports, and ElevenLabs of account and price.

`session` counts the sessions of one call from 1; facts about an earlier one are stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .vocabulary import CallId, Refusal


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
    used up. `resets_at`: Unix seconds. `doubts`: one sentence each, with what to do. `trouble`: the same, why
    a call would find no AI as things are."""

    agent: str = ""
    credits: int | None = None
    empty: bool = False
    resets_at: float | None = None
    doubts: tuple[str, ...] = ()
    trouble: str = ""


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
