"""Words that facts of several kinds share."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

CallId = NewType("CallId", str)


class RegState(StrEnum):
    """Registration of the SIP account at its registrar (RFC 3261 section 10)."""

    UNKNOWN = "unknown"
    REGISTERING = "registering"
    OK = "ok"
    FAILED = "failed"
    OFF = "off"


class Origin(StrEnum):
    """Who asked for something."""

    KEYS = "keys"
    COMMAND_LINE = "command line"
    API = "api"


class Refusal(StrEnum):
    """Why ElevenLabs refused; `KEY`, `AGENT` and `CREDITS` stop further dialing."""

    KEY = "key"
    AGENT = "agent"
    CREDITS = "credits"
    CONFIG = "config"
    SAFETY = "safety"
    BUSY = "busy"
    OTHER = "other"
