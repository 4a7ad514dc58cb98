"""The audio of one call at the line: an RTP socket pair, a paced sender and an ear for the far end.

Everything runs on one asyncio loop. Speech inside the line is mu-law at 8 kHz; a PCMA caller gets it through
a table. The 20 ms clock is shared by all calls of the exchange.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections import deque
from collections.abc import Callable

from . import g711, rtp
from .sdp import Audio, Direction, Format

FRAME = 160
"""Samples in 20 ms at 8 kHz."""

LOUD = -42.0
"""dBFS above which a packet counts as speech."""


class Clock:
    """Calls every stream each 20 ms; after a stall it catches up, after a long one it starts anew."""

    def __init__(self) -> None:
        self._streams: list[MediaStream] = []

    def add(self, stream: MediaStream) -> None:
        self._streams.append(stream)

    def remove(self, stream: MediaStream) -> None:
        if stream in self._streams:
            self._streams.remove(stream)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += 0.02
            if loop.time() - due > 0.5:
                due = loop.time()
            await asyncio.sleep(max(0.0, due - loop.time()))
            for stream in tuple(self._streams):
                stream.tick()


class MediaStream(asyncio.DatagramProtocol):
    """One audio stream. Make it with `open`, give it the peer with `connect`, end it with `close`."""

    def __init__(self, clock: Clock) -> None:
        self.port = 0
        self.digits: asyncio.Queue[str] = asyncio.Queue()
        self.pressed = ""
        self.heard_seconds = 0.0
        self.loudest = -96.0
        self.received = 0
        self.last_packet = 0.0
        self.echo = False
        self.on_digit: Callable[[str], None] = lambda digit: None
        self._clock = clock
        self._sockets: list[asyncio.DatagramTransport] = []
        self._peer: tuple[str, int] | None = None
        self._voice = Format(0, "PCMU", 8000)
        self._events: Format | None = None
        self._sends = False
        self._queue: deque[tuple[int, bytes, bool]] = deque()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._finder = rtp.Digits()
        self._sequence = random.randrange(1 << 16)
        self._timestamp = random.randrange(1 << 32)
        self._event_start = 0
        self._echo_shift: int | None = None
        self._ssrc = random.randrange(1 << 32)
        self._last_loud: float | None = None
        self._speech_start: float | None = None

    @classmethod
    async def open(cls, clock: Clock, host: str) -> MediaStream:
        """Bind an even port and the odd one above it (RTP and RTCP, RFC 3550 section 11)."""
        loop = asyncio.get_running_loop()
        stream = cls(clock)
        media, control = _port_pair(host)
        for sock, protocol in ((media, stream), (control, asyncio.DatagramProtocol())):
            transport, _ = await loop.create_datagram_endpoint(lambda p=protocol: p, sock=sock)  # type: ignore[misc]
            stream._sockets.append(transport)
        stream.port = media.getsockname()[1]
        return stream

    def connect(self, remote: Audio, voice: Format, events: Format | None) -> None:
        """Start (or change) sending to the peer's address in this format."""
        self._peer = (remote.host, remote.port)
        self._voice, self._events = voice, events
        self.direct(remote.direction.mirrored())
        self._clock.remove(self)
        self._clock.add(self)

    def direct(self, ours: Direction) -> None:
        """Whether we send, as the last offer and answer left it."""
        self._sends = ours.sends

    def mute(self) -> None:
        """Stop sending for good, as a peer does that lost its network."""
        self._sends = False
        self._clock.remove(self)

    def close(self) -> None:
        self._clock.remove(self)
        for transport in self._sockets:
            transport.close()
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    # ---- sending ----

    def play(self, ulaw: bytes) -> None:
        """Queue speech (mu-law, 8 kHz); the last frame is filled up with silence."""
        silence = bytes([g711.SILENCE["PCMU"]])
        for at in range(0, len(ulaw), FRAME):
            self._queue.append((self._voice.payload_type, ulaw[at : at + FRAME].ljust(FRAME, silence), False))

    def press(self, digit: str) -> None:
        """Queue one key press (RFC 4733) of 120 ms; nothing when the peer takes no events."""
        if self._events is not None:
            for n, payload in enumerate(rtp.digit_payloads(digit)):
                self._queue.append((self._events.payload_type, payload, n == 0))

    def shut_up(self) -> None:
        """Drop what is queued."""
        self._queue.clear()

    @property
    def playing(self) -> bool:
        return bool(self._queue)

    def tick(self) -> None:
        """20 ms have passed."""
        if self._sends and not self.echo:
            self._send_next()
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        for entry in tuple(self._waiting):
            predicate, future = entry
            if future.done() or predicate():
                self._waiting.remove(entry)
                if not future.done():
                    future.set_result(None)

    def _send_next(self) -> None:
        kind, payload, marker = self._voice.payload_type, bytes([g711.SILENCE["PCMU"]]) * FRAME, False
        if self._queue:
            kind, payload, marker = self._queue.popleft()
        event = self._events is not None and kind == self._events.payload_type
        if marker:
            self._event_start = self._timestamp
        if not event and self._voice.name.upper() == "PCMA":
            payload = payload.translate(g711.ULAW_TO_ALAW)
        self._send(kind, payload, self._event_start if event else self._timestamp, marker)

    def _send(self, kind: int, payload: bytes, timestamp: int, marker: bool) -> None:
        if self._peer is None or not self._sockets or self._sockets[0].is_closing():
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet = rtp.Packet(kind, self._sequence, timestamp, self._ssrc, payload, marker)
        self._sockets[0].sendto(packet.encode(), self._peer)

    # ---- hearing ----

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = rtp.parse(data)
        if packet is None:
            return
        self.received += 1
        self.last_packet = asyncio.get_running_loop().time()
        if self.echo and self._sends:
            self._send_back(packet)
        if self._events is not None and packet.payload_type == self._events.payload_type:
            if digit := self._finder.feed(packet):
                self.hear_digit(digit)
        elif packet.payload_type == self._voice.payload_type:
            self._hear(packet.payload)

    def _send_back(self, packet: rtp.Packet) -> None:
        # One stream keeps one time line (RFC 3550 section 5.1), also when it has begun with silence of ours.
        if self._echo_shift is None:
            self._echo_shift = self._timestamp - packet.timestamp
        timestamp = (packet.timestamp + self._echo_shift) & 0xFFFFFFFF
        self._send(packet.payload_type, packet.payload, timestamp, packet.marker)

    def hear_digit(self, digit: str) -> None:
        """A key was pressed at the far end, by event or by INFO."""
        self.pressed += digit
        self.on_digit(digit)
        self.digits.put_nowait(digit)

    def _hear(self, payload: bytes) -> None:
        name = self._voice.name.upper()
        if name not in g711.SILENCE:
            return
        level = g711.level(name, payload)
        self.loudest = max(self.loudest, level)
        if level < LOUD:
            return
        now = asyncio.get_running_loop().time()
        self.heard_seconds += len(payload) / 8000
        if self._last_loud is None or now - self._last_loud > 0.4:
            self._speech_start = now
        self._last_loud = now

    def quiet_for(self) -> float:
        """Seconds since the far end was last heard to speak; infinite when it never was."""
        now = asyncio.get_running_loop().time()
        return float("inf") if self._last_loud is None else now - self._last_loud

    def speech_for(self) -> float:
        """Seconds the far end has been speaking now; short gaps count as speech."""
        if self._speech_start is None or self._last_loud is None or self.quiet_for() > 0.4:
            return 0.0
        return self._last_loud - self._speech_start

    def forget(self) -> None:
        """Only what is said from now on counts as heard."""
        self._last_loud = self._speech_start = None

    async def until(self, predicate: Callable[[], bool], limit: float) -> bool:
        """Wait until this holds at a tick; False when the limit (s) passes first."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((predicate, future))
        try:
            await asyncio.wait_for(future, limit)
        except TimeoutError:
            return False
        return True


def _port_pair(host: str) -> tuple[socket.socket, socket.socket]:
    for _ in range(200):
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        try:
            pair[0].bind((host, 0))
            port = pair[0].getsockname()[1]
            if port % 2 == 0:
                pair[1].bind((host, port + 1))
                return pair[0], pair[1]
        except OSError:
            pass
        for sock in pair:
            sock.close()
    raise OSError("no free pair of UDP ports on " + host)
