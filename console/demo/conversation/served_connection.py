"""A server-side connection that notes what happens on it when it happens."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import Server, ServerConnection
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Event
from websockets.server import ServerProtocol

from .record import Connection, Record, Seen


class ServedConnection(ServerConnection):
    """`data_frames`: received so far. `deaf` True: a close frame of the client is never answered, and the
    TCP connection stays until the client ends it. `lingering` True: it stays after the close frames, too.
    `seen` is filled in when a conversation begins."""

    seen: Seen | None = None
    deaf = False
    lingering = False
    data_frames = 0
    record: Record
    noted: Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        number = len(self.record.connections) + 1
        self.noted = Connection(number, self.record.add("tcp_open", connection=number))
        self.record.connections.append(self.noted)
        super().connection_made(transport)

    def process_event(self, event: Event) -> None:
        if isinstance(event, Request):
            self._note_request(event)
        elif isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self.data_frames += 1
        elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE and self.seen is not None:
            self.seen.close_seen = self.record.add("close_frame", conversation=self.seen.number)
        super().process_event(event)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.noted.closed = self.record.add("tcp_close", connection=self.noted.number)
        if self.seen is not None:
            self._note_end(self.seen)

    def send_data(self) -> None:
        if self.deaf and self.protocol.close_rcvd is not None:
            self.protocol.data_to_send()
        elif self.lingering:
            for data in filter(None, self.protocol.data_to_send()):
                self.transport.write(data)
        else:
            super().send_data()

    def _note_request(self, request: Request) -> None:
        upgrade = "websocket" in request.headers.get("Upgrade", "").lower()
        path = request.path.partition("?")[0]
        self.noted.asked = "upgrade" if upgrade else "control" if path.startswith("/_") else "rest"
        t = self.record.add("request", connection=self.noted.number, upgrade=upgrade, path=path)
        if upgrade:
            self.record.upgrades.append(t)

    def _note_end(self, seen: Seen) -> None:
        protocol = self.protocol
        seen.closed = time.time()
        ours_first = protocol.close_sent is not None and protocol.close_rcvd_then_sent is not True
        if protocol.close_rcvd is None and not ours_first:
            seen.close_code, seen.closed_by = 1006, "network"
        else:
            close = protocol.close_sent if ours_first else protocol.close_rcvd
            assert close is not None
            seen.close_code, seen.close_reason = close.code, close.reason
            seen.closed_by = "server" if ours_first else "client"
        self.record.add("closed", conversation=seen.number, code=seen.close_code, by=seen.closed_by)


def noting(record: Record) -> Callable[..., ServedConnection]:
    """A factory for `websockets.asyncio.server.serve`."""

    def make(protocol: ServerProtocol, server: Server, **options: Any) -> ServedConnection:
        connection = ServedConnection(protocol, server, **options)
        connection.record = record
        return connection

    return make


def reset(connection: ServedConnection) -> None:
    """RST instead of FIN: no close frame, nothing more is read."""
    raw = connection.transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()
