"""A network of a given delay between the console and the conversation server, in a process of its own:

    python -m tests.bench.proxy HOST:PORT MILLISECONDS

Every piece of data arrives so much later, each way; a new connection's first data after another round trip,
as its handshake would have cost. Prints `{"event": "ready", "port": N}`, then a line when an upgrade request
and when a close frame of the console has come in: `{"event": "upgrade" | "close", "mono": ...}`, taken when
the bytes were read."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable


class ClientFrames:
    """Finds the upgrade request and the close frame in what a client sends (RFC 6455 section 5.2)."""

    def __init__(self, told: Callable[[str, float], None]) -> None:
        self._told = told
        self._data = bytearray()
        self._frames = False

    def feed(self, data: bytes, mono: float) -> None:
        self._data += data
        if not self._frames:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end or b"websocket" not in head.lower():
                self._data = bytearray(rest) if end else self._data
                return
            self._frames, self._data = True, bytearray(rest)
            self._told("upgrade", mono)
        while (size := self._size()) and len(self._data) >= size:
            if self._data[0] & 0x0F == 0x8:
                self._told("close", mono)
            del self._data[:size]

    def _size(self) -> int:
        """Of the frame that has begun, 0 when that cannot be said yet."""
        data = self._data
        if len(data) < 2:
            return 0
        short = data[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(data) < 2 + extra:
            return 0
        payload = int.from_bytes(data[2 : 2 + extra]) if extra else short
        return 2 + extra + 4 + payload


class Network:
    def __init__(self, target: tuple[str, int], delay: float) -> None:
        self._target, self._delay = target, delay
        self._tasks: set[asyncio.Task[None]] = set()

    async def carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, on = await asyncio.open_connection(*self._target)
        frames = ClientFrames(lambda event, mono: _tell(event=event, mono=mono))
        opened = asyncio.get_running_loop().time()
        shaken = opened + 2 * self._delay
        await asyncio.gather(self._pump(near, on, frames, shaken), self._pump(far, back, None, opened))

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        frames: ClientFrames | None,
        earliest: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        due = 0.0
        while data := await reader.read(65536):
            if frames is not None:
                frames.feed(data, time.monotonic())
            # never overtaking: the timers of one direction fire in the order of their times
            due = max(due + 1e-6, max(loop.time(), earliest) + self._delay)
            loop.call_at(due, writer.write, data)
        await asyncio.sleep(max(0.0, due - loop.time()) + self._delay)
        writer.close()


def _tell(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


async def main(target: str, milliseconds: str) -> None:
    host, _, port = target.rpartition(":")
    network = Network((host, int(port)), float(milliseconds) / 1000)
    server = await asyncio.start_server(network.carry, "127.0.0.1", 0)
    _tell(event="ready", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
