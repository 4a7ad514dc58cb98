"""Callees for the benchmark: they answer at once and send the marked sound, or send back what they hear, and
keep every packet that comes, with the kernel's own time of its arrival.

They live on the exchange of the benchmark (`--cast tests.bench.steady`). When a call ends, its packets are
written to `BENCH_FOLDER/NUMBER.npz`, see `packets`.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
import time
from array import array
from functools import cache, partial
from pathlib import Path

import numpy as np

from console.demo import g711, sdp
from console.demo.callee import Callee
from console.demo.cast import Character
from console.demo.media import FRAME, Clock, MediaStream, _port_pair
from console.demo.sip_messages import parse_uri
from tests.bench import marked
from tests.bench.packets import Packets

FOLDER = "BENCH_FOLDER"
SPEAK, ECHO = ("PCMU", "PCMA"), ("G722", "opus")
"""Codecs that the callees speak, and those that they only send back."""

CODECS = (*SPEAK, *ECHO)
EACH = 200
"""Callees for each codec."""

TONE_HZ = 3000.0
"""What a callee that speaks sends before the noise."""

_TIMESTAMPNS = 35  # SO_TIMESTAMPNS of Linux: when the datagram was sent to us, in ns
_HEAD = struct.Struct("!BBHII")
_STAMP = struct.Struct("qq")


def number(codec: str, index: int = 0) -> str:
    """The callee number `index` who insists on this codec."""
    return f"+7975{CODECS.index(codec) + 1:02}{index:05}"


@cache
def speech(codec: str) -> tuple[list[bytes], int]:
    """The payloads to send, and the one to go on with after the last."""
    tone = marked.as_pcm(marked.tone(TONE_HZ, 8000))
    codes = encode(codec, np.concatenate([tone, marked.piece(8000, 0.0, marked.PERIOD)]))
    payloads = [codes[at : at + FRAME] for at in range(0, len(codes), FRAME)]
    return payloads, len(tone) // FRAME


def encode(codec: str, pcm: marked.PCM) -> bytes:
    """G.711 by the far end's own tables."""
    table = np.array(g711.SAMPLES[codec])
    order = np.argsort(table, kind="stable")
    ranked = table[order]
    above = np.clip(np.searchsorted(ranked, pcm), 1, 255)
    nearer = np.where(pcm - ranked[above - 1] < ranked[above] - pcm, above - 1, above)
    return order[nearer].astype(np.uint8).tobytes()


class Tap(MediaStream):
    """The audio of one call: as cheap as it can be, since it shares the machine with what it measures."""

    def __init__(self, clock: Clock, who: str) -> None:
        super().__init__(clock)
        self._who = who
        self._raw: socket.socket | None = None
        self._at, self._late_at, self._late = array("d"), array("d"), array("d")
        self._heads = array("Q")
        self._payloads = bytearray()
        self._payloads_of: list[bytes] = []
        self._next, self._again = 0, 0
        self._due = 0.0

    @classmethod
    async def tap(cls, clock: Clock, host: str, who: str) -> Tap:
        """Bind a pair of ports; packets are read with their times."""
        stream = cls(clock, who)
        media, control = _port_pair(host)
        media.setblocking(False)
        media.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        media.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=control)
        stream._sockets.append(transport)
        stream._raw, stream.port = media, media.getsockname()[1]
        loop.add_reader(media, stream._read, media)
        return stream

    def connect(self, remote: sdp.Audio, voice: sdp.Format, events: sdp.Format | None) -> None:
        self.echo = voice.name not in SPEAK
        if not self.echo:
            self._payloads_of, self._again = speech(voice.name)
        super().connect(remote, voice, events)

    def tick(self) -> None:
        """Send the next 20 ms, and note by how much they are late."""
        if self.echo or not self._sends or self._raw is None or self._peer is None:
            return
        now = time.time()
        self._due = self._due + 0.02 if self._due else now
        if now - self._due > 0.5:
            self._due = now
        self._late_at.append(now)
        self._late.append((now - self._due) * 1000)
        payload = self._payloads_of[self._next]
        self._next = self._next + 1 if self._next + 1 < len(self._payloads_of) else self._again
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        head = _HEAD.pack(0x80, self._voice.payload_type, self._sequence, self._timestamp, self._ssrc)
        self._raw.sendto(head + payload, self._peer)

    def _read(self, media: socket.socket) -> None:
        voice, now = self._voice.payload_type, asyncio.get_running_loop().time()
        while True:
            try:
                data, notes, _, _ = media.recvmsg(2048, 64)
            except OSError:  # nothing more (or the far end has closed its port)
                return
            if len(data) < 12 or data[1] & 0x7F != voice or 200 <= data[1] <= 207:
                continue
            seconds, nanoseconds = _STAMP.unpack_from(notes[0][2])
            self.received += 1
            self.last_packet = now
            self._at.append(seconds + nanoseconds * 1e-9)
            self._heads.append(int.from_bytes(data[2:8]))
            if self.echo:
                self._raw.sendto(data, self._peer) if self._raw and self._peer else None
            else:
                self._payloads += data[12 : 12 + FRAME].ljust(FRAME, b"\xff")

    def close(self) -> None:
        super().close()
        if self._raw is None:
            return
        asyncio.get_running_loop().remove_reader(self._raw)
        self._raw.close()
        self._raw = None
        self._packets().write(Path(os.environ[FOLDER]), self._who)

    def _packets(self) -> Packets:
        heads = np.frombuffer(self._heads, np.uint64).astype(np.int64)
        payloads = np.frombuffer(bytes(self._payloads), np.uint8).reshape(-1, FRAME)
        return Packets(
            self._voice.name,
            np.array(self._at),
            np.unwrap(heads >> 32, period=1 << 16).astype(np.int64),
            np.unwrap(heads & 0xFFFFFFFF, period=1 << 32).astype(np.int64),
            payloads,
            np.array(self._late_at),
            np.array(self._late),
        )


async def steady(call: Callee, codec: str) -> None:
    """Insist on the codec, answer at once, and stay."""
    uri = parse_uri(call.own_uri)
    call.media = await Tap.tap(call.house.clock, call.house.sip.host, uri.user if uri else "")

    def agree(theirs: sdp.Audio) -> bool:
        chosen = theirs.find(codec)
        if chosen is None or call.media is None:
            return False
        call._voice, call._events = chosen, None
        call.media.connect(theirs, chosen, None)
        return True

    setattr(call, "agree", agree)  # noqa: B010
    await asyncio.sleep(random.uniform(0.0, 0.02))  # a hundred callees do not speak in step
    if call.offer is not None and not agree(call.offer):
        await call.reject(488)
        return
    await call.answer()
    await asyncio.Event().wait()


CAST: tuple[Character, ...] = tuple(
    Character(
        number(codec, index), f"Steady {codec} {index}", "speaks without end", partial(steady, codec=codec)
    )
    for codec in CODECS
    for index in range(EACH)
)
