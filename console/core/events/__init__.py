"""Everything that can happen, as plain frozen facts; the only input of `core.step.step`.

Text in these facts that strangers wrote (SIP reasons, caller names, transcripts, close reasons) has passed
`core.text.clean` where it entered the program. Calls carry our own ids (`CallId`), never SIP Call-IDs.
"""

from __future__ import annotations

from dataclasses import dataclass

from .agent import (
    AccountEvent,
    AccountRead,
    AgentAsks,
    AgentClosed,
    AgentEvent,
    AgentFirstAudio,
    AgentInterrupted,
    AgentLive,
    AgentPrepareFailed,
    AgentQueue,
    AgentToolUsed,
    AgentTranscript,
    AgentTrouble,
    AgentUpgraded,
    AgentWarm,
    CallReviewed,
    QueueState,
    Role,
)
from .audio import (
    AudioDevicesRenewed,
    AudioEvent,
    AudioFailed,
    AudioGlitch,
    AudioStarted,
    CalleeQuiet,
    Direction,
    EarChanged,
    PlayoutDrained,
)
from .commands import (
    AllowDialing,
    Answer,
    Command,
    Dial,
    Extend,
    Goodbye,
    HangUp,
    MayCall,
    NeverCall,
    NeverCallLoaded,
    Quit,
    Register,
    Reject,
    SendDigits,
    SetEar,
    Silence,
    Tell,
)
from .phone import (
    ClosedBy,
    LineDown,
    LineFailed,
    LineSilent,
    LineUp,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneConfirmed,
    PhoneDigit,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneEvent,
    PhoneFound,
    PhoneHold,
    PhoneIncoming,
    PhoneMissed,
    PhoneRedirected,
    PhoneRinging,
    PhoneRtp,
    PhoneTransferFailed,
    RegistrationChanged,
)
from .vocabulary import (
    CallId,
    Origin,
    Refusal,
    RegState,
)

__all__ = [
    "AccountEvent",
    "AccountRead",
    "AgentAsks",
    "AgentClosed",
    "AgentEvent",
    "AgentFirstAudio",
    "AgentInterrupted",
    "AgentLive",
    "AgentPrepareFailed",
    "AgentQueue",
    "AgentToolUsed",
    "AgentTranscript",
    "AgentTrouble",
    "AgentUpgraded",
    "AgentWarm",
    "AllowDialing",
    "Answer",
    "AudioDevicesRenewed",
    "AudioEvent",
    "AudioFailed",
    "AudioGlitch",
    "AudioStarted",
    "CallId",
    "CallReviewed",
    "CalleeQuiet",
    "ClosedBy",
    "Command",
    "Dial",
    "Direction",
    "EarChanged",
    "Event",
    "Extend",
    "Goodbye",
    "HangUp",
    "Ignored",
    "LineDown",
    "LineFailed",
    "LineSilent",
    "LineUp",
    "MayCall",
    "NeverCall",
    "NeverCallLoaded",
    "Notice",
    "Origin",
    "PhoneAnswered",
    "PhoneCallBound",
    "PhoneClosed",
    "PhoneConfirmed",
    "PhoneDigit",
    "PhoneEarlyMedia",
    "PhoneEstablished",
    "PhoneEvent",
    "PhoneFound",
    "PhoneHold",
    "PhoneIncoming",
    "PhoneMissed",
    "PhoneRedirected",
    "PhoneRinging",
    "PhoneRtp",
    "PhoneTransferFailed",
    "PlayoutDrained",
    "QueueState",
    "Quit",
    "Refusal",
    "RegState",
    "Register",
    "RegistrationChanged",
    "Reject",
    "Role",
    "SendDigits",
    "SetEar",
    "Silence",
    "Tell",
    "Tick",
]


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


Event = PhoneEvent | AgentEvent | AccountEvent | AudioEvent | Command | Ignored | Notice | Tick
