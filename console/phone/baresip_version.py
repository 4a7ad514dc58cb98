"""Baresip versions: reading them, and what each can do over ctrl_tcp."""

from __future__ import annotations

import re
from typing import NamedTuple

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_VERSION = re.compile(r"baresip\s+v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", re.IGNORECASE)


class Version(NamedTuple):
    """A release of Baresip, ordered."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return ".".join(str(part) for part in self)

    @property
    def answered_is_2xx(self) -> bool:
        """CALL_ANSWERED is proof of a 2xx. From 1.1 to 2.6 it was also sent for answers that were no 200."""
        return self >= (3, 0)

    @property
    def has_call_ids(self) -> bool:
        """Every event of a call carries its id, and so does the response to `dial`."""
        return self >= (1, 1)

    @property
    def verifies_tls(self) -> bool:
        """`sip_verify_server` exists; before, any certificate was good enough."""
        return self >= (1, 1)

    @property
    def hangs_up_by_id(self) -> bool:
        """`hangup ID`; before, the command ended the current call whatever its parameter."""
        return self >= (3, 19)

    @property
    def reports_hold(self) -> bool:
        """CALL_HOLD and CALL_RESUME exist; before, only the SDP direction tells."""
        return self >= (3, 7)

    @property
    def has_uareg(self) -> bool:
        """`uareg INTERVAL INDEX` registers again; before, the account is deleted and made anew."""
        return self >= (2, 0)


def without_ansi(text: str) -> str:
    """The text without colour sequences."""
    return _ANSI.sub("", text)


def parse_version(text: str) -> Version | None:
    """The version named in the output of `about` or `baresip -h`."""
    match = _VERSION.search(without_ansi(text))
    return Version(*(int(part or 0) for part in match.groups())) if match else None
