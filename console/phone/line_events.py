"""Baresip's events that belong to no call: registration, refused callers, and what is not understood."""

from __future__ import annotations

from ..core.events import Event, Ignored, PhoneMissed, RegistrationChanged, RegState
from ..core.words import phrase
from .ctrl_messages import PhoneMessage, parse_cause

_SILENT = {
    "APPLICATION",
    "CREATE",
    "CUSTOM",
    "END_OF_FILE",
    "EXIT",
    "FALLBACK_FAIL",
    "FALLBACK_OK",
    "MESSAGE",
    "MODULE",
    "MWI_NOTIFY",
    "REFER",
    "SHUTDOWN",
    "SIPSESS_CONN",
    "UNREGISTERING",
    "VU_RX_REPORT",
    "VU_TX_REPORT",
}


class LineEvents:
    """Reads them for one account. An unknown type is reported once, so that a chatty one cannot flood."""

    def __init__(self) -> None:
        self.account = ""
        self._unknown: set[str] = set()

    def receive(self, message: PhoneMessage) -> list[Event]:
        """What follows for the console."""
        match message.type:
            case "REGISTERING" | "REGISTER_OK" | "REGISTER_FAIL" if self._is_ours(message.account):
                return [_registration(message)]
            case "REGISTERING" | "REGISTER_OK" | "REGISTER_FAIL":
                return []
            case "SIPSESS_FAILED":
                # 4.9: a caller was refused by Baresip itself. Only "line taken" is a missed call.
                return [PhoneMissed(message.peer_uri)] if message.param.startswith("486") else []
            case kind if kind in _SILENT or kind in self._unknown:
                return []
        if len(self._unknown) < 100:
            self._unknown.add(message.type)
            return [Ignored("baresip", phrase("unknown event {type}", type=message.type))]
        return []

    def _is_ours(self, account: str) -> bool:
        return not self.account or not account or account == self.account


def _registration(message: PhoneMessage) -> RegistrationChanged:
    if message.type == "REGISTERING":
        return RegistrationChanged(RegState.REGISTERING)
    cause = parse_cause(message.param)
    state = RegState.OK if message.type == "REGISTER_OK" else RegState.FAILED
    return RegistrationChanged(state, cause.code, cause.phrase)
