"""What the audio paths report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .vocabulary import CallId


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
class CalleeQuiet:
    """Not a sound has come from the callee for a while, not even noise (`quiet`); or one comes again."""

    call: CallId
    quiet: bool


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """Everything the agent said has been handed to the phone and played, and no more will come."""

    call: CallId
    session: int


@dataclass(frozen=True, slots=True)
class AudioDevicesRenewed:
    """The virtual devices were lost, with whatever the phone had on them, and have been made again."""


@dataclass(frozen=True, slots=True)
class EarChanged:
    """The ear is on or off; `reason` when it could not be switched on."""

    on: bool
    reason: str = ""


AudioEvent = (
    AudioStarted | AudioFailed | AudioGlitch | CalleeQuiet | PlayoutDrained | AudioDevicesRenewed | EarChanged
)
