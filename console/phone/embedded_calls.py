"""One call of the embedded stack: its events become ours. No I/O."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.events import (
    CallId,
    ClosedBy,
    Event,
    Ignored,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneDigit,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneHold,
    PhoneRedirected,
    PhoneRinging,
    PhoneRtp,
)
from ..core.text import clean
from ..core.words import phrase
from .ctrl_messages import parse_cause

if TYPE_CHECKING:
    from baresip import Call, StackEvent

_REPLIES = ("CALL_RINGING", "CALL_PROGRESS", "CALL_ANSWERED", "CALL_ESTABLISHED", "CALL_CLOSED")


@dataclass(slots=True)
class EmbeddedCall:
    """`native` is unknown until the stack has taken our `dial`. `ending`: we asked for the end. `replied`:
    the far side has been heard of, or the call is over. `closed`: the end has been told. `over`: the stack
    has let go of the call. `born`: loop time."""

    call: CallId
    incoming: bool
    native: Call | None = None
    ending: bool = False
    born: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    replied: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    bound: bool = False
    answered: bool = False
    established: bool = False
    rtp: bool = False
    held: bool = False
    closed: bool = False

    def receive(self, event: StackEvent) -> list[Event]:
        """What follows for the console, oldest first."""
        if name_of(event) in _REPLIES:
            self.replied.set()
        return self.learn(event.call_id) + self._tell(name_of(event), event.text or "")

    def hung_up(self) -> list[Event]:
        """The far side's BYE has been answered; the stack says so later."""
        return self._closed("Connection reset by peer")

    def learn(self, sip_call_id: str | None) -> list[Event]:
        """The SIP Call-ID, told once."""
        if self.bound or not sip_call_id:
            return []
        self.bound = True
        return [PhoneCallBound(self.call, clean(sip_call_id, 255))]

    def _tell(self, name: str, text: str) -> list[Event]:
        call = self.call
        match name:
            case "CALL_RINGING" if not self.established:
                return [PhoneRinging(call)]
            case "CALL_PROGRESS" if not self.established:
                return [PhoneEarlyMedia(call)]
            case "CALL_ANSWERED" if not (self.incoming or self.answered or self.established):
                self.answered = True
                return [PhoneAnswered(call)]
            case "CALL_ESTABLISHED" if not self.established:
                self.established = True
                return [PhoneEstablished(call)]
            case "CALL_RTPESTAB" if text in ("", "audio") and not self.rtp:
                self.rtp = True
                return [PhoneRtp(call)]
            case "CALL_HOLD" | "CALL_RESUME" if self.held != (name == "CALL_HOLD"):
                self.held = name == "CALL_HOLD"
                return [PhoneHold(call, self.held)]
            case "CALL_DTMF_START":
                return [_digit(call, text)]
            case "CALL_REDIRECT":
                return [PhoneRedirected(call, clean(text.partition(",")[2], 300))]
            case "CALL_TRANSFER":
                why = phrase("the far side asked for a transfer to {target}", target=clean(text))
                return [Ignored("embedded phone", why, call)]
            case "CALL_CLOSED":
                return self._closed(text)
        return []

    def _closed(self, text: str) -> list[Event]:
        if self.closed:
            return []
        self.closed = True
        cause = parse_cause(text)
        by = cause.by
        if self.ending and by is ClosedBy.NETWORK:
            by = ClosedBy.OPERATOR
        return [PhoneClosed(self.call, cause.code, cause.phrase, by)]


def name_of(event: StackEvent) -> str:
    """The name that Baresip's remote control gives this event."""
    return str(event.event.name)


def caller_name(from_header: str) -> str:
    """The display name in a From header (RFC 3261 section 20.20), `""` when it has none."""
    name = re.match(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*))\s*<', from_header)
    return clean((name[1] or name[2] or "").replace("\\", ""), 80) if name else ""


def _digit(call: CallId, text: str) -> Event:
    if len(text) == 1 and text in "0123456789*#ABCDabcd":
        return PhoneDigit(call, text.upper())
    return Ignored("embedded phone", phrase("an unknown key was pressed: {key}", key=clean(text)), call)
