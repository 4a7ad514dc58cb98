"""One connection to the server, bounded: what a stranger can open must never use up the program's sockets."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from .stream import ABORT

CONNECTIONS = 64
FIRST_REQUEST_SECONDS = 10.0


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 connection with a limit on their number and on the wait for the first request."""

    _first_request: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app_state = {**self.app_state, ABORT: self.abort}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        crowded = len(self.connections) >= CONNECTIONS
        super().connection_made(transport)
        if crowded:
            self.abort()
        else:
            self._first_request = self.loop.call_later(FIRST_REQUEST_SECONDS, self._look_for_request)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._first_request is not None:
            self._first_request.cancel()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close now, whatever is unsent."""
        self.transport.abort()

    def _look_for_request(self) -> None:
        if self.cycle is None:
            self.abort()
