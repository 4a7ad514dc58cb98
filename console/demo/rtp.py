"""RTP packets and the digits in them (RFC 3550 section 5.1, RFC 4733 section 2.3). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

DIGITS = "0123456789*#ABCD"
_HEAD = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet without header extension. `sequence`: 16 bit, `timestamp` and `ssrc`: 32 bit."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        return _HEAD.pack(0x80, second, self.sequence, self.timestamp, self.ssrc) + self.payload


def parse(data: bytes) -> Packet | None:
    """A datagram into a packet; None for RTCP, STUN, other versions and broken ones."""
    if len(data) < _HEAD.size or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
        return None
    first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(data)
    start = _HEAD.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end:
        return None
    return Packet(second & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(second & 0x80))


@dataclass(slots=True)
class Digits:
    """Finds the keys pressed in a stream of telephone events, each once, however often it is repeated."""

    _seen: int | None = field(default=None)

    def feed(self, packet: Packet) -> str:
        """The digit that begins with this packet, `""` when it repeats or is no key."""
        if len(packet.payload) < 4 or packet.timestamp == self._seen:
            return ""
        self._seen = packet.timestamp
        event = packet.payload[0]
        return DIGITS[event] if event < len(DIGITS) else ""


def digit_payloads(digit: str, frames: int = 6, step: int = 160) -> list[bytes]:
    """The payloads that make up one key press: `frames` growing ones, the last one three times with its end
    bit set. They all carry one timestamp."""
    event = DIGITS.index(digit)
    growing = [struct.pack("!BBH", event, 10, step * n) for n in range(1, frames)]
    return growing + [struct.pack("!BBH", event, 0x80 | 10, step * frames)] * 3
