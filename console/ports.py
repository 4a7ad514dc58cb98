"""The seams of the program: what the engine needs of a phone, of an AI agent and of audio, and what a screen
needs of the engine. Implementations live in `phone/`, `agent/`, `audio/` and `engine.py`.

Everything here is called on the engine's asyncio loop unless it says otherwise, and never blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .core.effects import Record
from .core.events import AccountRead, CallId, CallReviewed, Event
from .core.state import State

PCM = npt.NDArray[np.int16]
"""Mono signed 16-bit samples, shape (n,)."""

Emit = Callable[[Event], None]
"""Puts a fact into the engine's inbox. On the engine's loop only."""


class PhoneError(Exception):
    """The phone engine cannot start; the message is one sentence that says how to mend it."""


class AudioError(Exception):
    """An audio path cannot be opened; the message is one sentence that says how to mend it."""


class Phone(Protocol):
    """A SIP phone. Commands return at once; what comes of them arrives as events with our call ids."""

    async def run(self, emit: Emit) -> None:
        """Start, supervise and restart the phone until cancelled; then hang up everything and leave nothing
        behind within 3 s. Emits `LineFailed` and returns when it can never work."""

    def dial(self, call: CallId, uri: str) -> None:
        """Send an INVITE. A failure arrives as `PhoneClosed`."""

    def hang_up(self, call: CallId) -> None: ...

    def answer(self, call: CallId) -> None: ...

    def reject(self, call: CallId) -> None: ...

    def register(self) -> None: ...

    def restart(self, reason: str) -> None:
        """End the phone program (it sends BYE) and start it again; a joined one is left alone."""

    def send_digits(self, call: CallId, digits: str) -> None:
        """Press these keys (`0-9 * # A-D`) on the line."""

    def transfer(self, call: CallId, uri: str) -> None:
        """Have the far side call `uri` instead (REFER); done, the call closes, else `PhoneTransferFailed`."""


class AudioPath(Protocol):
    """The sound of one call at the phone: a reader and a writer of `PCM` at `rate`."""

    @property
    def rate(self) -> int:
        """Hz; may change after a renegotiation."""

    @property
    def period(self) -> float:
        """Seconds between two blocks of what the callee says; about so often `read` has something."""

    def read(self) -> PCM:
        """What the callee said since the last read (early media included); empty when there is nothing."""

    def write(self, pcm: PCM) -> None:
        """Hand audio on toward the callee. It is played without gaps as long as `queued() > 0`."""

    def queued(self) -> float:
        """Seconds handed on and not yet taken by the phone."""

    def flush(self) -> float:
        """Drop what was handed on and can still be recalled; returns the seconds dropped."""


class AudioPaths(Protocol):
    """Gives each call its audio path."""

    async def start(self, emit: Emit) -> None:
        """Prepare what all calls share (virtual devices); raises `AudioError`."""

    async def stop(self) -> None:
        """Remove everything `start` made."""

    async def open(self, call: CallId) -> AudioPath:
        """Open the path of this call and emit `AudioStarted`; raises `AudioError`."""

    async def close(self, call: CallId) -> None: ...

    def listen(self, on: bool) -> None:
        """The ear: play both sides on the operator's device. Answered by `EarChanged`."""

    def hear(self, callee: PCM, agent: PCM, rate: int) -> None:
        """Both sides for the ear, about every 20 ms."""


class AgentMedia(Protocol):
    """What a session does with audio; implemented by `audio.bridge.Bridge`."""

    def live(self, input_format: str, output_format: str) -> None:
        """The metadata arrived: feed `AgentSession.send_audio`, first what was kept, then what comes."""

    def play(self, payload: bytes) -> None:
        """Agent audio in the output format, any length, faster than real time."""

    def interrupt(self) -> int:
        """Drop everything not yet on the wire; returns the milliseconds dropped."""


class AgentSession(Protocol):
    """One conversation with an agent: prepared unbilled, opened once, closed once."""

    def prepare(self) -> None: ...

    def open(self, context: str) -> None:
        """Send the upgrade request now, over the prepared connection if it is alive, else a new one."""

    def close(self, reason: str) -> None:
        """At any stage; `AgentClosed` follows within about 1 s, even if the far side never answers."""

    def send_audio(self, payload: bytes) -> None:
        """Callee audio in the input format as it comes, any length; never blocks, catch-up is bounded."""

    def backlog(self) -> int:
        """Bytes of audio waiting for the socket."""

    def tell(self, text: str, as_turn: bool) -> None:
        """Background for the agent, or a turn that it answers. Nothing when the session is not live."""

    def answer(self, request: str, text: str, is_error: bool) -> None:
        """The one result of a tool call that came as `AgentAsks`."""


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a conversation is started with. `number`: E.164 of the callee. `incoming`: use the agent for
    incoming calls."""

    call: CallId
    session: int
    number: str
    incoming: bool
    variables: tuple[tuple[str, str], ...] = ()


class Agents(Protocol):
    """Makes sessions; owns the HTTP client that they share."""

    def session(self, request: SessionRequest, media: AgentMedia, emit: Emit) -> AgentSession: ...

    async def account(self) -> AccountRead | None:
        """What ElevenLabs says of account and agent now; None when it cannot be asked. Takes 3 s at most."""

    async def review(self, call: CallId, conversation_id: str) -> CallReviewed | None:
        """Ask until the finished conversation is final, two minutes at most; None when it cannot be asked."""

    async def aclose(self) -> None:
        """Close every session that is left (at once) and the HTTP client."""


@dataclass(frozen=True, slots=True)
class Levels:
    """A call's audio right now, for meters: dBFS of the last 20 ms (-inf is shown as -60 and below), peaks
    held by the reader. `*_since`: engine time at which callee or AI last began (or stopped) being audible."""

    callee: float = -96.0
    agent: float = -96.0
    callee_speaking: bool = False
    agent_speaking: bool = False
    callee_since: float = 0.0
    agent_since: float = 0.0
    playout_ms: int = 0
    underruns: int = 0


@dataclass(frozen=True, slots=True)
class Update:
    """What the engine publishes after each event. Wall time of a record: `wall_zero + record.t` (Unix s)."""

    state: State
    records: tuple[Record, ...]
    wall_zero: float


Publish = Callable[[Update], None]


class Console(Protocol):
    """The engine as a screen, the command line and the API see it. `send`, `levels`, `now` and `stop` may be
    called from any thread; `publish` is called on the engine's thread."""

    async def run(self, publish: Publish) -> None:
        """Run until stopped; raises nothing that is not a bug."""

    def send(self, event: Event) -> None: ...

    def levels(self, call: CallId) -> Levels: ...

    def now(self) -> float:
        """Engine seconds."""

    def stop(self) -> None:
        """Hang up everything, close everything, then `run` returns; within 5 s whatever is broken."""
