"""One connection to the server, bounded: what a stranger can open must never use up the program's sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from .errors import HEADERS, ApiError
from .stream import ABORT

CONNECTIONS = 64
HEAD_SECONDS = 10.0
"""For the head of a request, from its first byte; of the first one from the beginning of the connection."""


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 connection, with limits on their number and on the time for a request's head, and
    with the API's own shape for what is no HTTP."""

    _head_timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app_state = {**self.app_state, ABORT: self.abort}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        crowded = len(self.connections) >= CONNECTIONS
        super().connection_made(transport)
        if crowded:
            self.abort()
        else:
            self._expect_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_timer is None and self._between_requests():
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        try:
            super().handle_events()
        except UnicodeDecodeError:  # a path in bytes that no path may have
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn for what is no HTTP/1.1, whose own answer would be plain text."""
        words = "The request is no HTTP/1.1 request, or its head is larger than 32 kB."
        answer = ApiError(400, "bad_request", words, {**HEADERS, "Connection": "close"}).response()
        try:
            for event in (
                h11.Response(status_code=400, reason=b"Bad Request", headers=answer.raw_headers),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:  # in the middle of another answer
            self.abort()
        self.transport.close()

    def abort(self) -> None:
        """Close now, whatever is unsent."""
        self.transport.abort()

    def _between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect_request(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._look_for_request, self.cycle)

    def _look_for_request(self, before: RequestResponseCycle | None) -> None:
        self._head_timer = None
        if self.cycle is before and self._between_requests():
            self.abort()
