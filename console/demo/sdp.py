"""Session descriptions with one audio stream: read theirs, write ours (RFC 8866, RFC 3264). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

EVENTS = "telephone-event"
STATIC = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000)}
"""Payload types that need no rtpmap (RFC 3551 table 4)."""


class Direction(StrEnum):
    """Seen from the side that wrote it."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    def mirrored(self) -> Direction:
        """What the other side may answer at most (RFC 3264 section 6.1)."""
        swap = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}
        return swap.get(self, self)


@dataclass(frozen=True, slots=True)
class Format:
    """One codec: payload type, name, RTP clock rate in Hz, channels and `fmtp` as written."""

    payload_type: int
    name: str
    rate: int
    channels: str = ""
    fmtp: str = ""


@dataclass(frozen=True, slots=True)
class Audio:
    """The audio stream of a description: where its writer receives, and in which formats, best first."""

    host: str
    port: int
    formats: tuple[Format, ...]
    direction: Direction = Direction.SENDRECV

    def find(self, *names: str) -> Format | None:
        """The writer's most preferred format among these names."""
        wanted = {name.upper() for name in names}
        return next((f for f in self.formats if f.name.upper() in wanted), None)

    @property
    def events(self) -> Format | None:
        """The format of RFC 4733 digits, when offered."""
        return self.find(EVENTS)

    @property
    def voice(self) -> Format | None:
        """The writer's first format that carries speech."""
        return next((f for f in self.formats if f.name.lower() not in (EVENTS, "cn", "red")), None)


def read(body: bytes) -> Audio | None:
    """The first audio stream of a description, None when there is none to talk to."""
    session: list[str] = []
    media: list[list[str]] = []
    for line in body.decode("utf-8", "replace").splitlines():
        if line.startswith("m="):
            media.append([])
        (media[-1] if media else session).append(line.strip())
    audio = next((lines for lines in media if lines[0].startswith("m=audio ")), None)
    return _read_audio(session, audio) if audio else None


def write(audio: Audio, session_id: int, version: int = 1) -> bytes:
    """A whole description with one audio stream, 20 ms packets."""
    kinds = " ".join(str(f.payload_type) for f in audio.formats)
    lines = [
        "v=0",
        f"o=line {session_id} {version} IN IP4 {audio.host}",
        "s=-",
        f"c=IN IP4 {audio.host}",
        "t=0 0",
        f"m=audio {audio.port} RTP/AVP {kinds}",
    ]
    for f in audio.formats:
        channels = f"/{f.channels}" if f.channels else ""
        lines.append(f"a=rtpmap:{f.payload_type} {f.name}/{f.rate}{channels}")
        if f.fmtp:
            lines.append(f"a=fmtp:{f.payload_type} {f.fmtp}")
    lines += ["a=ptime:20", f"a={audio.direction}"]
    return ("\r\n".join(lines) + "\r\n").encode()


def _read_audio(session: list[str], lines: list[str]) -> Audio | None:
    head = re.fullmatch(r"m=audio\s+(\d{1,5})(?:/\d+)?\s+\S+\s*(.*)", lines[0])
    if head is None or not 0 < int(head[1]) < 65536:
        return None
    host = _first(r"c=IN IP4 ([^\s/]+)", lines) or _first(r"c=IN IP4 ([^\s/]+)", session)
    formats = tuple(f for word in head[2].split() if (f := _format(word, lines)))
    if not host or not formats:
        return None
    direction = _first(r"a=(sendrecv|sendonly|recvonly|inactive)", lines + session) or "sendrecv"
    return Audio(host, int(head[1]), formats, Direction(direction))


def _format(word: str, lines: list[str]) -> Format | None:
    if not word.isascii() or not word.isdigit() or int(word) > 127:
        return None
    kind = int(word)
    fmtp = _first(rf"a=fmtp:{kind}\s+(.*)", lines)
    for line in lines:
        if match := re.fullmatch(rf"a=rtpmap:{kind}\s+([^/\s]+)/(\d{{1,6}})(?:/(\d))?\s*", line):
            return Format(kind, match[1], int(match[2]), match[3] or "", fmtp)
    name, rate = STATIC.get(kind, ("", 0))
    return Format(kind, name, rate, "", fmtp) if name else None


def _first(pattern: str, lines: list[str]) -> str:
    return next((m[1].strip() for line in lines if (m := re.fullmatch(pattern, line.rstrip()))), "")
