"""Netstrings, the framing of ctrl_tcp (https://cr.yp.to/proto/netstrings.txt): decimal length, `:`, that many
bytes, `,`. Pure: bytes in, frames out.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..core.words import phrase

MAX_FRAME = 1 << 20
"""Bytes. Baresip's longest answers are a few KiB; a longer announced length means a broken stream."""

_MAX_DIGITS = len(str(MAX_FRAME))


class NetstringError(ValueError):
    """The stream is not a sequence of netstrings; only a new connection mends it."""


def encode(payload: bytes) -> bytes:
    """One frame around `payload`; raises `NetstringError` above `MAX_FRAME` bytes."""
    if len(payload) > MAX_FRAME:
        raise NetstringError(phrase("a frame of {count} bytes is too long", count=len(payload)))
    return b"%d:%b," % (len(payload), payload)


class Decoder:
    """Collects bytes and gives back complete frames, however the bytes were cut.

    After a `NetstringError` the decoder stays broken: it raises the same again.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes as they arrived."""
        self._buffer += data

    def frames(self) -> Iterator[bytes]:
        """Payloads of all complete frames; raises `NetstringError` at the first byte that cannot be right."""
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> bytes | None:
        colon = self._buffer.find(b":", 0, _MAX_DIGITS + 1)
        digits = bytes(self._buffer[: colon if colon >= 0 else _MAX_DIGITS + 1])
        _check_length(digits, complete=colon >= 0)
        if colon < 0:
            return None
        end = colon + 1 + int(digits)
        if len(self._buffer) <= end:
            return None
        if self._buffer[end] != ord(","):
            raise NetstringError(phrase("the frame does not end with a comma"))
        frame = bytes(self._buffer[colon + 1 : end])
        del self._buffer[: end + 1]
        return frame


def _check_length(digits: bytes, complete: bool) -> None:
    if digits and not digits.isdigit():
        raise NetstringError(phrase("the frame length is not a number"))
    if digits.startswith(b"0") and len(digits) > 1:
        raise NetstringError(phrase("the frame length has a leading zero"))
    if complete and not digits:
        raise NetstringError(phrase("the frame length is missing"))
    if len(digits) > _MAX_DIGITS or (digits and int(digits) > MAX_FRAME):
        raise NetstringError(phrase("the frame is longer than {count} bytes", count=MAX_FRAME))
