"""The callees of the benchmark, for `console.demo.exchange --cast tests.bench.cast`: they note when something
passes their sockets (before it is sent, after it is received; monotonic seconds) and tell it when the call is
over, as `{"event": "bench", ...}`. The exchange does nothing else meanwhile.

`BENCH_CLICKS`: how many clicks "Clicks" sends. `BENCH_SECONDS`: how long "Listener" stays.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from console.demo import g711, rtp
from console.demo.callee import Callee
from console.demo.cast import Character
from console.demo.media import MediaStream
from tests.bench.clicks import CALLEE_CLICK, LOUD, QUIET_SECONDS

_LOUD_CODES = {
    name: frozenset(code for code, value in enumerate(table) if abs(value) >= LOUD)
    for name, table in g711.SAMPLES.items()
}
_CLICKS = {CALLEE_CLICK, CALLEE_CLICK.translate(g711.ULAW_TO_ALAW)}
_AI_LIMIT = 8.0


class Wire:
    """What passes the sockets of one call. `sounds`: [first, last] packet of each stretch of the AI's voice;
    `clicks`: ours; `packets`: of the far end, with their RTP time and sequence number."""

    def __init__(self, call: Callee) -> None:
        self.call = call
        self.answered = self.bye = 0.0
        self.clicks: list[float] = []
        self.sounds: list[list[float]] = []
        self.heard = asyncio.Event()
        sip = call.house.sip
        if not isinstance(sip._transport, _NotedTransport):
            sip._transport = _NotedTransport(sip._transport)  # type: ignore[assignment, arg-type]
        sip._transport.wire = self  # type: ignore[union-attr]

    async def answer(self) -> None:
        await self.call._negotiate()
        self._note_packets(self.call._audio())
        await self.call.answer()

    def _note_packets(self, media: MediaStream) -> None:
        receive, send = media.datagram_received, media._send

        def received(data: bytes, addr: tuple[str, int]) -> None:
            now = time.monotonic()
            packet = rtp.parse(data)
            if packet is not None and packet.payload_type == media._voice.payload_type:
                self._hear(packet.payload, _LOUD_CODES[media._voice.name.upper()], now)
            receive(data, addr)

        def sent(kind: int, payload: bytes, timestamp: int, marker: bool) -> None:
            if payload in _CLICKS:
                self.clicks.append(time.monotonic())
            send(kind, payload, timestamp, marker)

        media.datagram_received, media._send = received, sent  # type: ignore[method-assign]

    def _hear(self, payload: bytes, loud: frozenset[int], now: float) -> None:
        if loud.isdisjoint(payload):
            return
        if self.sounds and now - self.sounds[-1][1] <= QUIET_SECONDS:
            self.sounds[-1][1] = now
        else:
            self.sounds.append([now, now])
            self.heard.set()

    async def end(self, error: str = "") -> None:
        await self.call.hang_up()
        told = {name: getattr(self, name) for name in ("answered", "bye", "clicks", "sounds")}
        self.call.house.report("bench", self.call.call_id, error=error, **told)


class _NotedTransport:
    """Notes when the 200 of an INVITE and a BYE are sent; otherwise the transport that it is made of."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport
        self.wire: Wire | None = None

    def sendto(self, data: bytes, addr: Any = None) -> None:
        wire = self.wire
        if wire is not None and data.startswith(b"BYE ") and not wire.bye:
            wire.bye = time.monotonic()
        elif (
            wire is not None
            and data.startswith(b"SIP/2.0 200")
            and not wire.answered
            and b" INVITE\r" in data
        ):
            wire.answered = time.monotonic()
        self._transport.sendto(data, addr)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _measured(then: Callable[[Wire], Awaitable[None]]) -> Callable[[Callee], Awaitable[None]]:
    """Ring, answer, hear the AI, do something, hang up, tell."""

    async def script(call: Callee) -> None:
        wire = Wire(call)
        await call.ring(1.0)
        await wire.answer()
        try:
            async with asyncio.timeout(_AI_LIMIT):
                await wire.heard.wait()
        except TimeoutError:
            await wire.end("the AI was not heard")
            return
        await then(wire)
        await wire.end()

    return script


async def _wait(wire: Wire) -> None:
    await asyncio.sleep(random.uniform(0.3, 0.32))


async def _click(wire: Wire) -> None:
    for _ in range(int(os.environ["BENCH_CLICKS"])):
        await asyncio.sleep(random.uniform(0.6, 0.8))
        wire.call._audio().play(CALLEE_CLICK)
    await asyncio.sleep(2.0)


async def _listen(wire: Wire) -> None:
    await asyncio.sleep(float(os.environ["BENCH_SECONDS"]))


CAST: tuple[Character, ...] = (
    Character("+79750000201", "Brief", "hangs up when it has heard the AI", _measured(_wait)),
    Character("+79750000202", "Clicks", "clicks", _measured(_click)),
    Character("+79750000203", "Listener", "listens for a while", _measured(_listen)),
)
NUMBERS = {character.name: character.number for character in CAST}
