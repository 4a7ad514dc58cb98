"""Which SIP dialog is which of our calls: Baresip's call events become ours, with our ids. Sans-I/O.

How a dialog is recognised (Baresip's own ids are SIP Call-IDs):

- since 1.1 by the id in the response to `dial`; events of unknown ids that overtake the response wait for it;
- in 1.0.0, which gives no id there, by the peer URI of the first event after `dial` (it has no id either):
  the next event with an unknown id and that peer belongs to it. So one `dial` at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..core.events import (
    AudioFailed,
    CallId,
    ClosedBy,
    Event,
    Ignored,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneConfirmed,
    PhoneDigit,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneFound,
    PhoneHold,
    PhoneIncoming,
    PhoneRedirected,
    PhoneRinging,
    PhoneRtp,
    PhoneTransferFailed,
)
from ..core.text import clean
from ..core.words import phrase
from .baresip_version import Version
from .ctrl_listings import ListedCall, parse_dialed
from .ctrl_messages import PhoneMessage, Response, parse_cause


@dataclass(slots=True)
class Dialog:
    """A call on the phone. `peer_uri`: as Baresip reports it; `ours`: this console dialed it."""

    call: CallId
    peer_uri: str
    outgoing: bool
    ours: bool
    sip_call_id: str = ""
    seen: bool = False  # Baresip has told of it at all
    answered: bool = False
    established: bool = False
    rtp: bool = False
    held: bool = False
    hanging_up: bool = False
    last: str = ""


class Dialogs:
    """The calls on one phone. Every method returns what follows for the console, oldest first."""

    def __init__(self, version: Version, new_call: Callable[[], CallId]) -> None:
        self._version = version
        self._new_call = new_call
        self._dialogs: dict[CallId, Dialog] = {}
        self._dialing: Dialog | None = None
        self._waiting: list[PhoneMessage] = []
        self._redirects: set[str] = set()
        self._over: deque[str] = deque(maxlen=64)

    def __iter__(self) -> Iterator[Dialog]:
        return iter(tuple(self._dialogs.values()))

    def __len__(self) -> int:
        return len(self._dialogs)

    def find(self, call: CallId) -> Dialog | None:
        """The dialog of this call, if it is not over."""
        return self._dialogs.get(call)

    def knows(self, message: PhoneMessage) -> bool:
        """Whether this event is about a call that is here, or that was."""
        return message.sip_call_id in self._over or self._by_sip_call_id(message.sip_call_id) is not None

    # ---- dialing ----

    def dial(self, call: CallId, uri: str) -> None:
        """`dial` is about to be sent."""
        self._dialing = self._dialogs[call] = Dialog(call, uri, outgoing=True, ours=True)

    def dialed(self, call: CallId, response: Response | None) -> list[Event]:
        """The response to `dial` came; None: it never did (the call is then found by its peer)."""
        dialog, self._dialing = self._dialogs.get(call), None
        waiting, self._waiting = self._waiting, []
        events: list[Event] = []
        if dialog is not None and response is not None:
            if not response.ok:
                events += self.close(call, _failure(response.data), ClosedBy.NETWORK)
            elif sip_call_id := parse_dialed(response.data):
                events += self._bind(dialog, sip_call_id)
        for message in waiting:
            events += self.receive(message)
        return events

    # ---- events of Baresip ----

    def receive(self, message: PhoneMessage) -> list[Event]:
        """A call event; other events must not come here."""
        if message.sip_call_id in self._over:
            return []
        if self._overtakes_response(message):
            self._waiting.append(message)
            return []
        dialog, events = self._recognise(message)
        if dialog is None:
            return events
        dialog.seen = True
        events += self._tell(dialog, message)
        dialog.last = message.type
        return events

    def _overtakes_response(self, message: PhoneMessage) -> bool:
        return (
            self._dialing is not None
            and self._version.has_call_ids
            and message.direction == "outgoing"
            and self._by_sip_call_id(message.sip_call_id) is None
        )

    def _recognise(self, message: PhoneMessage) -> tuple[Dialog | None, list[Event]]:
        outgoing = message.direction == "outgoing"
        if not message.sip_call_id:
            if outgoing and self._dialing is not None:
                # 1.0.0: the first event of the call, with the URI as Baresip completed it.
                self._dialing.peer_uri, self._dialing.seen = message.peer_uri, True
            return None, []
        if dialog := self._by_sip_call_id(message.sip_call_id):
            return dialog, []
        if dialog := self._unbound(message.peer_uri, outgoing):
            return dialog, self._bind(dialog, message.sip_call_id)
        if message.type == "CALL_CLOSED":
            return None, []
        return self._meet(message, outgoing)

    def _meet(self, message: PhoneMessage, outgoing: bool) -> tuple[Dialog, list[Event]]:
        """A call that we did not make: somebody calls, or another program dialed."""
        redirected = message.peer_uri in self._redirects
        dialog = Dialog(self._new_call(), message.peer_uri, outgoing, ours=outgoing and redirected)
        self._dialogs[dialog.call] = dialog
        first: Event = PhoneIncoming(dialog.call, message.peer_uri, message.peer_name)
        if outgoing:
            # A redirection that this Baresip follows: nobody asked for it, so it is ours to hang up.
            first = PhoneFound(dialog.call, message.peer_uri, established=False, ours=redirected)
        return dialog, [first, *self._bind(dialog, message.sip_call_id)]

    def _tell(self, dialog: Dialog, message: PhoneMessage) -> list[Event]:
        call = dialog.call
        match message.type:
            case "CALL_RINGING" if not dialog.established:
                return [PhoneRinging(call)]
            case "CALL_PROGRESS" if not dialog.established:
                return [PhoneEarlyMedia(call)]
            case "CALL_ANSWERED" if dialog.outgoing and not (dialog.answered or dialog.established):
                dialog.answered = True
                return [PhoneAnswered(call)]
            case "CALL_ESTABLISHED" if not dialog.established:
                dialog.established = True
                return [PhoneEstablished(call)]
            case "CALL_RTPESTAB" if message.param in ("", "audio") and not dialog.rtp:
                dialog.rtp = True
                return [PhoneRtp(call)]
            case "CALL_HOLD" | "CALL_RESUME":
                return self._hold(dialog, message.type == "CALL_HOLD")
            case "CALL_REMOTE_SDP" if message.remote_direction and not self._version.reports_hold:
                inactive = message.remote_direction in ("recvonly", "inactive")
                return self._hold(dialog, inactive) if dialog.established else []
            case "CALL_DTMF_START":
                return [_digit(call, message.param)]
            case "CALL_REDIRECT":
                target = message.param.partition(",")[2]
                self._redirects.add(target)
                return [PhoneRedirected(call, target)]
            case "TRANSFER_FAILED":
                return [PhoneTransferFailed(call, message.param or phrase("no reason given"))]
            case "TRANSFER":
                return [
                    Ignored(
                        "baresip",
                        phrase("the far side asked for a transfer to {target}", target=message.param),
                        call,
                    )
                ]
            case "AUDIO_ERROR":
                return [AudioFailed(call, _audio_failure(message.param.partition(",")[2]))]
            case "CALL_CLOSED":
                return self.closed(dialog, message.param)
        return []

    def _hold(self, dialog: Dialog, held: bool) -> list[Event]:
        if dialog.held == held:
            return []
        dialog.held = held
        return [PhoneHold(dialog.call, held)]

    def closed(self, dialog: Dialog, param: str) -> list[Event]:
        """The call is over, with what CALL_CLOSED says of it; a later CALL_CLOSED tells nothing more."""
        cause = parse_cause(param)
        by = cause.by
        if dialog.hanging_up and by is ClosedBy.NETWORK:
            by = ClosedBy.OPERATOR
        events: list[Event] = []
        if by is ClosedBy.NETWORK and self._answered_without_audio(dialog):
            events.append(AudioFailed(dialog.call, _audio_failure(cause.phrase)))
        self._forget(dialog)
        return [*events, PhoneClosed(dialog.call, cause.code, cause.phrase, by)]

    def _answered_without_audio(self, dialog: Dialog) -> bool:
        """Answered, and our audio device failed. 1.0.0 knows no CALL_ANSWERED: it shows only as this pair."""
        if self._version.has_call_ids:
            return dialog.answered and not dialog.established
        return dialog.last == "CALL_REMOTE_SDP"

    # ---- what is not told by events ----

    def established_with(self, peer_uri: str) -> Dialog | None:
        """The one established call with this peer; None when there is none, or more than one."""
        same = [dialog for dialog in self if dialog.peer_uri == peer_uri]
        return same[0] if len(same) == 1 and same[0].established else None

    def hang_up(self, call: CallId) -> None:
        """`hangup` is about to be sent for this call."""
        if dialog := self._dialogs.get(call):
            dialog.hanging_up = True

    def close(self, call: CallId, reason: str, by: ClosedBy) -> list[Event]:
        """The call turned out to be over without a CALL_CLOSED."""
        dialog = self._dialogs.get(call)
        if dialog is None:
            return []
        self._forget(dialog)
        return [PhoneClosed(call, None, reason, by)]

    def clear(self) -> None:
        """The phone is gone, and all calls with it."""
        self._dialogs.clear()
        self._dialing = None
        self._waiting.clear()

    def resync(self, listed: Iterable[ListedCall], is_ours: Callable[[ListedCall], bool]) -> list[Event]:
        """What Baresip holds after events may have been lost. `is_ours`: an earlier console dialed it."""
        self._dialing, self._waiting = None, []
        events: list[Event] = []
        missing = dict(self._dialogs)
        for call in listed:
            dialog = self._match(call, missing)
            if dialog is None:
                events += self._find(call, is_ours(call))
                continue
            del missing[dialog.call]
            events += self._confirm(dialog, call)
        for dialog in missing.values():
            by = ClosedBy.OPERATOR if dialog.hanging_up else ClosedBy.NETWORK
            events += self.close(dialog.call, phrase("ended while the control link was lost"), by)
        return events

    def _match(self, call: ListedCall, among: dict[CallId, Dialog]) -> Dialog | None:
        for dialog in among.values():
            if call.sip_call_id and dialog.sip_call_id:
                if call.sip_call_id == dialog.sip_call_id:
                    return dialog
            elif call.peer_uri == dialog.peer_uri:
                return dialog
        return None

    def _confirm(self, dialog: Dialog, call: ListedCall) -> list[Event]:
        dialog.seen = True
        events: list[Event] = [PhoneConfirmed(dialog.call)]
        if call.sip_call_id and not dialog.sip_call_id:
            events += self._bind(dialog, call.sip_call_id)
        if call.established and not dialog.established:
            dialog.established = True
            events.append(PhoneEstablished(dialog.call))
        return events

    def _find(self, call: ListedCall, ours: bool) -> list[Event]:
        ringing_here = call.state == "INCOMING"
        dialog = Dialog(self._new_call(), call.peer_uri, not (ringing_here or call.incoming), ours, seen=True)
        dialog.established = call.established
        self._dialogs[dialog.call] = dialog
        first: Event = PhoneFound(dialog.call, call.peer_uri, call.established, ours)
        if ringing_here:
            first = PhoneIncoming(dialog.call, call.peer_uri, "")
        return [first, *(self._bind(dialog, call.sip_call_id) if call.sip_call_id else [])]

    # ---- ids ----

    def _by_sip_call_id(self, sip_call_id: str) -> Dialog | None:
        if not sip_call_id:
            return None
        return next((d for d in self._dialogs.values() if d.sip_call_id == sip_call_id), None)

    def _unbound(self, peer_uri: str, outgoing: bool) -> Dialog | None:
        return next(
            (
                d
                for d in self._dialogs.values()
                if not d.sip_call_id and d.peer_uri == peer_uri and d.outgoing == outgoing
            ),
            None,
        )

    def _bind(self, dialog: Dialog, sip_call_id: str) -> list[Event]:
        dialog.sip_call_id, dialog.seen = sip_call_id, True
        return [PhoneCallBound(dialog.call, sip_call_id)]

    def _forget(self, dialog: Dialog) -> None:
        del self._dialogs[dialog.call]
        if dialog.sip_call_id:
            self._over.append(dialog.sip_call_id)


def _digit(call: CallId, param: str) -> Event:
    if len(param) == 1 and param in "0123456789*#ABCDabcd":
        return PhoneDigit(call, param.upper())
    return Ignored("baresip", phrase("an unknown key was pressed: {key}", key=param), call)


def _failure(data: str) -> str:
    lines = [line for line in data.splitlines() if line.strip() and not line.startswith("call uri:")]
    text = parse_cause(lines[-1]).phrase if lines else ""
    return clean(text.removeprefix("ua_connect failed: ")) or phrase("baresip could not place the call")


def _audio_failure(text: str) -> str:
    return phrase(
        "The phone's audio device failed: {text}. See `call-console devices`.",
        text=text or phrase("no reason given"),
    )
