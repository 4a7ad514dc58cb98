"""The messages of ctrl_tcp, Baresip's remote control, in the dialects of 1.0.0 to 4.x. Pure.

JSON inside netstrings, as in the recorded sessions of `tests/fixtures/transcripts`. Text that a peer wrote is
cleaned here, where it enters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.events import ClosedBy
from ..core.text import clean
from ..core.words import phrase
from . import netstring

MAX_COMMAND = 900
"""Bytes of `command params`. Baresip cuts at 1024 without telling."""


class CommandRefused(ValueError):
    """This command must not be sent; the message says why, without its parameters."""


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a command. `data` is text for people; the one of `uanew` holds the password, so it stays
    out of `repr`."""

    ok: bool
    data: str = field(repr=False)
    token: str | None


@dataclass(frozen=True, slots=True)
class PhoneMessage:
    """An event as Baresip tells it. Empty strings: the field was not there.

    `sip_call_id`: the SIP Call-ID. `remote_direction`: SDP direction of the far side's audio, since 1.1.
    """

    type: str
    param: str = ""
    account: str = ""
    direction: str = ""
    peer_uri: str = ""
    peer_name: str = ""
    sip_call_id: str = ""
    remote_direction: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A frame that is no message we know; `why` is safe to show."""

    why: str


Message = Response | PhoneMessage | Unreadable

_COMMAND = re.compile(r"[a-z0-9_]{1,32}\Z")
_URI = re.compile(r"[A-Za-z0-9.!%*_+~'()&=$,;?/:@\[\]-]{1,800}\Z")


def encode_command(command: str, params: str, token: str) -> bytes:
    """The frame of one command; raises `CommandRefused`.

    Baresip joins command and parameters into one line, so nothing that could end or start a line passes.
    The token must be a string: a number crashes 1.0.0.
    """
    if not _COMMAND.match(command):
        raise CommandRefused(phrase("the command name is not one"))
    if not params.isprintable():
        raise CommandRefused(phrase("the parameters of {command} hold control characters", command=command))
    if command in ("dial", "transfer") and not _URI.match(params):
        raise CommandRefused(
            phrase(
                "{command} takes only a complete SIP URI without spaces, quotes or brackets", command=command
            )
        )
    if len(f"{command} {params}".encode()) > MAX_COMMAND:
        raise CommandRefused(
            phrase("the parameters of {command} are longer than Baresip takes", command=command)
        )
    message = {"command": command, "params": params, "token": token}
    if not params:
        del message["params"]
    return netstring.encode(json.dumps(message, ensure_ascii=False).encode())


def parse(frame: bytes) -> Message:
    """One frame's payload as a message; never raises."""
    try:
        # Nested JSON from a hostile far side can exhaust the recursion limit.
        value = json.loads(frame.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return Unreadable(phrase("a frame was not JSON"))
    if not isinstance(value, dict):
        return Unreadable(phrase("a frame was not a JSON object"))
    if value.get("response") in (True, "true"):
        return _response(value)
    if "event" in value or "type" in value:
        return _event(value)
    if "message" in value:
        return PhoneMessage("MESSAGE", peer_uri=clean(_text(value, "from"), 300))
    return Unreadable(phrase("a frame was neither an event nor a response"))


def _response(value: Mapping[str, object]) -> Response:
    token = value.get("token")
    return Response(
        ok=value.get("ok") in (True, "true"),
        data=_text(value, "data"),
        token=token if isinstance(token, str) else None,
    )


def _event(value: Mapping[str, object]) -> Message:
    kind = _text(value, "type")
    if not kind:
        return Unreadable(phrase("an event had no type"))
    return PhoneMessage(
        type=clean(kind, 40),
        param=clean(_text(value, "param"), 300),
        account=clean(_text(value, "accountaor"), 300),
        direction=_text(value, "direction"),
        # Only class "sip" events (3.18 and newer) have "from", and they have no "peeruri".
        peer_uri=clean(_text(value, "peeruri") or _text(value, "from"), 300),
        peer_name=clean(_text(value, "peerdisplayname") or _text(value, "display"), 80),
        sip_call_id=clean(_text(value, "id"), 255),
        remote_direction=_text(value, "remoteaudiodir"),
    )


def _text(value: Mapping[str, object], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


# ---- the parameter of CALL_CLOSED and REGISTER_FAIL ----


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something ended: SIP status if there was one, its phrase or the local error, and who did it."""

    code: int | None
    phrase: str
    by: ClosedBy


_STATUS = re.compile(r"([1-6]\d\d) ([^,]*)(?:,.*)?\Z", re.DOTALL)
_ERRNO = re.compile(r" \[\d+\]\Z")
_LOCAL_CAUSES = {
    "connection reset by peer": ClosedBy.REMOTE,  # a BYE, or a CANCEL of an incoming call
    "connection reset by user": ClosedBy.OPERATOR,
    "rejected by user": ClosedBy.OPERATOR,
    "connection timed out": ClosedBy.TIMEOUT,  # no SIP answer for 32 s
    "operation timed out": ClosedBy.TIMEOUT,  # the same in other C libraries
    "rtp stream error": ClosedBy.TIMEOUT,
    "local timeout": ClosedBy.TIMEOUT,
    "call transfered": ClosedBy.REMOTE,
}


def parse_cause(param: str) -> Cause:
    """`486 Busy Here`, `603 Decline,Q.850;...`, `Connection reset by peer [104]` and the like.

    A peer may send any phrase with any code: the code decides, the phrase is only shown.
    """
    if match := _STATUS.match(param):
        return Cause(int(match[1]), clean(match[2]), ClosedBy.REMOTE)
    text = _ERRNO.sub("", clean(param))
    return Cause(None, text, _LOCAL_CAUSES.get(text.lower(), ClosedBy.NETWORK))
