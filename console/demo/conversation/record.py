"""What a conversation server saw, with times, for assertions and for people.

Every entry has `t` (Unix seconds, to compare with other programs' logs) and `mono` (the monotonic clock of
this machine). No entry holds a secret.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np

from ...audio.pcm import FORMATS, decode
from ...ports import PCM

GAP_SECONDS = 0.2
"""A longer pause between two audio messages of the caller is noted."""


@dataclass(slots=True)
class CallerAudio:
    """Audio that a client sent: bytes in `format`, when, and the pauses over `GAP_SECONDS`. `arrivals`: for
    each message the monotonic time and how many bytes there were with it."""

    format: str
    payload: bytearray = field(default_factory=bytearray)
    messages: int = 0
    first: float | None = None
    last: float | None = None
    gaps: list[float] = field(default_factory=list)
    arrivals: list[tuple[float, int]] = field(default_factory=list)

    def add(self, payload: bytes, mono: float) -> None:
        if self.last is not None and mono - self.last > GAP_SECONDS:
            self.gaps.append(round(mono - self.last, 3))
        self.first = mono if self.first is None else self.first
        self.last = mono
        self.messages += 1
        self.payload += payload
        self.arrivals.append((mono, len(self.payload)))

    @property
    def seconds(self) -> float:
        fmt = FORMATS[self.format]
        return len(self.payload) / (fmt.rate * fmt.width)

    @property
    def rate_ratio(self) -> float | None:
        """Seconds of audio in a second, without the first message; None while there is too little to say."""
        if self.first is None or self.last is None or self.last - self.first < 1.0:
            return None
        return self.seconds * (1 - 1 / self.messages) / (self.last - self.first)

    def pcm(self) -> PCM:
        return decode(bytes(self.payload), FORMATS[self.format])

    def summary(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "seconds": round(self.seconds, 4),
            "messages": self.messages,
            "gaps": self.gaps,
            "rate_ratio": self.rate_ratio,
            "peak": int(np.max(np.abs(self.pcm().astype(np.int32)), initial=0)),
        }


@dataclass(slots=True)
class Seen:
    """One conversation. Times are Unix seconds. `closed_by`: `client`, `server`, `network`.

    `frames`: every frame of the client as (monotonic time, type, characters); `audio` for caller audio.
    `steps`: what the script did: `do`, `at` (seconds of the script's own time since the metadata) and `heard`
    (seconds of caller audio that had come by then).
    """

    number: int
    agent_id: str
    connection: int
    opened: float
    conversation_id: str = ""
    initiation: dict[str, Any] = field(default_factory=dict)
    audio: CallerAudio | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    frames: list[tuple[float, str, int]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    pings: int = 0
    pong_ms: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    close_seen: float | None = None
    closed: float | None = None
    close_code: int | None = None
    close_reason: str = ""
    closed_by: str = ""

    def summary(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "agent_id": self.agent_id,
            "connection": self.connection,
            "conversation_id": self.conversation_id,
            "opened": self.opened,
            "close_seen": self.close_seen,
            "closed": self.closed,
            "close_code": self.close_code,
            "close_reason": self.close_reason,
            "closed_by": self.closed_by,
            "initiation": self.initiation,
            "audio": self.audio.summary() if self.audio else None,
            "messages": self.messages,
            "frames": len(self.frames),
            "steps": self.steps,
            "pings": self.pings,
            "pong_ms": self.pong_ms,
            "violations": self.violations,
        }


@dataclass(slots=True)
class Connection:
    """One TCP connection; `asked`: `upgrade`, `rest`, `control` (questions about this record), or empty while
    (or because) nothing was asked."""

    number: int
    opened: float
    closed: float | None = None
    asked: str = ""

    def summary(self) -> dict[str, Any]:
        return {"number": self.number, "opened": self.opened, "closed": self.closed, "asked": self.asked}


class Record:
    """Everything in the order it happened; each entry is also a line of JSON in `log`."""

    def __init__(self, log: TextIO | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self.connections: list[Connection] = []
        self.conversations: list[Seen] = []
        self.upgrades: list[float] = []
        self.signed_urls: list[dict[str, Any]] = []
        self._log = log

    def add(self, event: str, **fields: Any) -> float:
        """Note it; returns the Unix time of the entry."""
        entry = {"t": time.time(), "mono": time.monotonic(), "event": event, **fields}
        self.entries.append(entry)
        if self._log is not None:
            self._log.write(json.dumps(entry) + "\n")
            self._log.flush()
        return float(entry["t"])

    def report(self) -> dict[str, Any]:
        return {
            "connections": [c.summary() for c in self.connections],
            "upgrades": self.upgrades,
            "signed_urls": self.signed_urls,
            "conversations": [c.summary() for c in self.conversations],
            "open": sum(c.closed is None for c in self.conversations),
            "violations": [v for c in self.conversations for v in c.violations],
        }
