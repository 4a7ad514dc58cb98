"""What Baresip prints for people in its answers, as far as it must be read: `dial`, `reginfo`, `listcalls`,
`callstat`. Pure, for 1.0.0 to 4.x; lines that are not understood are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..core.events import RegState
from ..core.text import clean
from .baresip_version import without_ansi


@dataclass(frozen=True, slots=True)
class ListedCall:
    """A call that Baresip holds. `listcalls` of 1.0.0 has no `sip_call_id`; `callstat` has no `line` (0)."""

    peer_uri: str
    state: str
    sip_call_id: str = ""
    current: bool = False
    incoming: bool = False
    line: int = 0

    @property
    def established(self) -> bool:
        return self.state == "ESTABLISHED"


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account: its address of record, its place in the list and its registration.

    `expires`: seconds, 0 when not registered.
    """

    aor: str
    index: int
    state: RegState
    expires: int = 0


_DIALED = re.compile(r"^call id: (\S+)$", re.MULTILINE)
_CALL = re.compile(
    r"^(?P<current>[> ]) \[line (?P<line>\d{1,4})(?:, id (?P<id>[^\]\s]+))?\]\s+[\d:]+\s+(?P<state>[A-Z]+)"
    r"\s+(?:\(on hold\)\s+)?(?P<peer>\S.*)$"
)
_ACCOUNT = re.compile(
    r"^(?:[> ]|\d+ -) (?P<aor>sips?:\S+)\s*(?P<state>OK|ERR|zzz)?(?:\s+Expires (?P<expires>\d{1,9})s)?"
)
_REG_STATES = {
    "OK": RegState.OK,
    "ERR": RegState.FAILED,
    "zzz": RegState.REGISTERING,
    None: RegState.OFF,
}


def parse_dialed(data: str) -> str:
    """The SIP Call-ID in a response to `dial`; empty before 1.1."""
    match = _DIALED.search(data)
    return clean(match[1], 255) if match else ""


def parse_calls(data: str) -> tuple[ListedCall, ...]:
    """Response to `listcalls`."""
    matches = (_CALL.match(line.rstrip()) for line in data.splitlines())
    return tuple(
        ListedCall(
            clean(m["peer"], 300),
            m["state"],
            clean(m["id"] or "", 255),
            m["current"] == ">",
            line=int(m["line"]),
        )
        for m in matches
        if m
    )


def parse_accounts(data: str) -> tuple[ListedAccount, ...]:
    """Response to `reginfo`, in Baresip's order."""
    matches = [m for m in map(_ACCOUNT.match, without_ansi(data).splitlines()) if m]
    return tuple(
        ListedAccount(clean(m["aor"], 300), index, _REG_STATES[m["state"]], int(m["expires"] or 0))
        for index, m in enumerate(matches)
    )


# Each at the start of its line: the line with the peer begins with a name that the peer chose.
_CALLSTAT = {
    "state": re.compile(r"^=+ Call debug \(([A-Z]+)\)", re.MULTILINE),
    "peer": re.compile(r"^ *peer_uri: [^\n]*<([^<>\n]*)>$", re.MULTILINE),
    "id": re.compile(r"^ *af=\S+ id=(\S+)", re.MULTILINE),
    "incoming": re.compile(r"^ *direction: Incoming$", re.MULTILINE),
}


def parse_current_call(data: str) -> ListedCall | None:
    """Response to `callstat`: the current call, with its id in every version."""
    found = {name: pattern.search(data) for name, pattern in _CALLSTAT.items()}
    state, peer, sip_call_id = found["state"], found["peer"], found["id"]
    if not (state and peer and sip_call_id):
        return None
    incoming = found["incoming"] is not None
    return ListedCall(clean(peer[1], 300), state[1], clean(sip_call_id[1], 255), True, incoming)
