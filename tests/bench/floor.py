"""The floor: the same exchange as a call with an AI, in a few lines that do nothing else. Two processes,
blocking sockets of 127.0.0.1: INVITE, 200, ACK, BYE over UDP; an upgrade, frames and a close frame over a TCP
connection that stands already; RTP over UDP. What the console needs is told as a multiple of this.

`python -m tests.bench.floor SIP_PORT WS_PORT ROUNDS` is the near end.
"""

from __future__ import annotations

import asyncio
import select
import socket
import statistics
import struct
import sys
import time
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.rows import Row, row

FLOORS = {
    "upgrade": "200 OK sent -> upgrade request there",
    "first audio": "200 OK sent -> first RTP packet of the answer there",
    "in": "RTP packet sent -> WebSocket frame there",
    "out": "WebSocket frame sent -> RTP packet there",
    "close": "BYE sent -> close frame there",
}
_LOCAL = "127.0.0.1"
_SIP = "{} SIP/2.0\r\nCall-ID: floor\r\nCSeq: 1 {}\r\nContent-Length: 0\r\n\r\n"
_INVITE, _ACK, _BYE = (_SIP.format(f"{m} sip:floor@{_LOCAL}", m).encode() for m in ("INVITE", "ACK", "BYE"))
_OK = b"SIP/2.0 200 OK\r\nCall-ID: floor\r\nContent-Length: 0\r\n\r\n"
_UPGRADE = (
    b"GET /floor HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_SPEECH = bytes(range(160))
_RTP = struct.pack("!BBHII", 0x80, 0, 1, 160, 7) + _SPEECH
_FRAME = struct.pack("!BBH", 0x82, 126, len(_SPEECH)) + _SPEECH
_CLOSE = b"\x88\x82\x00\x00\x00\x00\x03\xe8"
_PACKETS = 5
_PATIENCE = 10.0


def udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((_LOCAL, 0))
    made.settimeout(_PATIENCE)
    return made


def near_end(sip_port: int, ws_port: int, rounds: int) -> None:
    """Dial, upgrade at the 200, carry sound both ways, close at the BYE."""
    for _ in range(rounds):
        with udp() as sip, socket.create_connection((_LOCAL, ws_port), _PATIENCE) as tcp:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sip.connect((_LOCAL, sip_port))
            sip.send(_INVITE)
            sip.recv(2048)
            tcp.send(_UPGRADE)
            sip.send(_ACK)
            tcp.recv(len(_SWITCHING))
            _carry(sip, tcp)
            sip.send(_OK)
            tcp.recv(64)


def _carry(sip: socket.socket, tcp: socket.socket) -> None:
    """Until the BYE. One socket is enough: RTP begins with 0x80."""
    while True:
        for ready in select.select((sip, tcp), (), ())[0]:
            if ready is tcp:
                tcp.recv(2048)
                sip.send(_RTP)
                continue
            data = sip.recv(2048)
            if data[:1] != b"\x80":
                tcp.send(_CLOSE)
                return
            tcp.send(_FRAME)


class FarEnd:
    """The callee and the AI's side, with the only clock: before each sending, after each receiving."""

    def __init__(self) -> None:
        self.sip = udp()
        self.server = socket.create_server((_LOCAL, 0))
        self.server.settimeout(_PATIENCE)
        self.seconds: dict[str, list[float]] = {name: [] for name in FLOORS}

    def close(self) -> None:
        self.sip.close()
        self.server.close()

    def one_call(self) -> None:
        tcp, _ = self.server.accept()
        with tcp:
            tcp.settimeout(_PATIENCE)
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = self._until(b"INVITE")
            answered = time.perf_counter()
            self.sip.sendto(_OK, peer)
            tcp.recv(2048)
            self.seconds["upgrade"].append(time.perf_counter() - answered)
            tcp.send(_SWITCHING)
            tcp.send(_FRAME)
            self._until(b"\x80")
            self.seconds["first audio"].append(time.perf_counter() - answered)
            for _ in range(_PACKETS):
                self._both_ways(tcp, peer)
            left = time.perf_counter()
            self.sip.sendto(_BYE, peer)
            tcp.recv(64)
            self.seconds["close"].append(time.perf_counter() - left)
            tcp.send(_CLOSE)

    def _both_ways(self, tcp: socket.socket, peer: tuple[str, int]) -> None:
        began = time.perf_counter()
        self.sip.sendto(_RTP, peer)
        tcp.recv(2048)
        self.seconds["in"].append(time.perf_counter() - began)
        began = time.perf_counter()
        tcp.send(_FRAME)
        self._until(b"\x80")
        self.seconds["out"].append(time.perf_counter() - began)

    def _until(self, start: bytes) -> tuple[str, int]:
        """Who sent the next datagram that begins so; an ACK, the 200 of the call before may come first."""
        while True:
            data, peer = self.sip.recvfrom(2048)
            if data.startswith(start):
                return peer


async def measure(bench: Bench) -> list[Row]:
    """The rows of the floor; its medians go into `bench.floors`."""
    rounds = bench.count(200, 40)
    far = FarEnd()
    ports = str(far.sip.getsockname()[1]), str(far.server.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.floor", *ports, str(rounds)), cwd=Path(__file__).parents[2]
    )
    try:
        for _ in range(rounds):
            await asyncio.to_thread(far.one_call)
    finally:
        far.close()
        if process.returncode is None and sys.exc_info()[0] is not None:
            process.kill()
        await process.wait()
    milliseconds = {name: [1000 * s for s in found] for name, found in far.seconds.items()}
    bench.floors.update({name: statistics.median(found) for name, found in milliseconds.items()})
    return [row("floor", FLOORS[name], "", found) for name, found in milliseconds.items()]


if __name__ == "__main__":
    near_end(*(int(argument) for argument in sys.argv[1:4]))
