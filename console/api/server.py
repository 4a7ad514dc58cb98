"""The HTTP server beside a console, in a thread and on a loop of its own.

Why a thread of its own: on the engine's loop, parsing a request would stand between a 2xx and the AI session,
and on the screen's between a key and its answer; and the engine may be over while the server still has to say
so. Only plain values cross: commands through `Console.send`, what happened through the `Feed`. Why no
process: the feed would have to be copied into it, and it could outlive the console.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import threading
from importlib.metadata import version
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any

from console.core.events import Ignored
from console.core.system_errors import system_error
from console.core.words import msgid, phrase
from console.ports import Console
from console.records.feed import Feed
from console.settings.values import Address

if TYPE_CHECKING:
    from uvicorn import Server

    from .limits import Limits
    from .news import News

STOP_SECONDS = 3.0
GRACE_SECONDS = 1
BACKLOG = 64
_NOT_AT = msgid("No HTTP API at CONSOLE_API={address}: {error}.")

_BUILDING = threading.Lock()
"""FastAPI silences warnings while it builds an app, which holds for all threads: one at a time."""


class ApiUnavailable(Exception):
    """The API cannot be offered; the message is one sentence that says how to mend it."""


class ApiServer:
    """Holds its port from the start, so that trouble is known at once; answers from `start` to `stop`.

    The libraries are loaded by its thread, so that a screen never waits for them.
    """

    def __init__(
        self, console: Console, feed: Feed, address: Address, token: str = "", limits: Limits | None = None
    ) -> None:
        if find_spec("fastapi") is None or find_spec("uvicorn") is None:
            raise ApiUnavailable(phrase("The HTTP API is not installed: pip install 'call-console[api]'."))
        self._console = console
        self._feed = feed
        self._token = token
        self._limits = limits
        self._socket = _bound(address, bool(token))
        host, port = self._socket.getsockname()[:2]
        self._loopback = Address(host, port).is_loopback
        self.address = Address(address.host, port)
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)
        self._lock = threading.Lock()
        self._stopping = False
        self._running: tuple[asyncio.AbstractEventLoop, Server, News] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every stream and every connection, and the thread. From any thread, any number of times."""
        with self._lock:
            self._stopping = True
            running = self._running
            if running is not None:
                loop, server, news = running
                server.should_exit = True
                with contextlib.suppress(RuntimeError):  # it has just ended by itself
                    loop.call_soon_threadsafe(news.stop)
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        self._socket.close()

    def __enter__(self) -> ApiServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- its thread ----

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            from .errors import place

            self._crashed(place(error))

    async def _serve(self) -> None:
        from uvicorn import Config, Server

        from .access import Access
        from .app import make_app
        from .connection import Connection
        from .desk import Desk
        from .guard import Guard
        from .limits import Limits
        from .news import News
        from .stream import Streams

        limits = self._limits or Limits()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_trouble)
        news = News(self._feed)
        streams = Streams(news, limits.streams)
        with _BUILDING:
            app = make_app(Desk(self._console, news), streams, version("call-console"), self._crashed)
        access = Access(self.address, self._loopback, os.geteuid(), self._token)
        config = Config(
            Guard(app, access, limits, self._crashed),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # a word of its on stderr would be on the screen
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=32 * 1024,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = Server(config)
        with self._lock:
            self._running = loop, server, news
            server.should_exit = self._stopping
        try:
            await server.serve(sockets=[self._socket])
        finally:
            with self._lock:
                self._running = None
            news.stop()
            for connection in list(server.server_state.connections):
                if isinstance(connection, Connection):
                    connection.abort()
            await asyncio.sleep(0)

    def _loop_trouble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        from .errors import place

        error = context.get("exception")
        self._crashed(place(error) if error else str(context.get("message", "trouble")))

    def _crashed(self, where: str) -> None:
        self._console.send(Ignored("api", where))


def _bound(address: Address, has_token: bool) -> socket.socket:
    """A listening socket; raises `ApiUnavailable`. Requests that come before `start` wait in it."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ApiUnavailable(phrase(_NOT_AT, address=address, error=system_error(error))) from None
    if not has_token and not Address(str(where[0]), 0).is_loopback:
        raise ApiUnavailable(
            phrase("CONSOLE_API={api} can be reached from outside: set CONSOLE_API_TOKEN too.", api=address)
        )
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ApiUnavailable(_why_not_bound(address, error)) from None
    return listening


def _why_not_bound(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return phrase(
            "No HTTP API: another program has port {port}; set CONSOLE_API to another, or to off.",
            port=address.port,
        )
    return phrase(_NOT_AT, address=address, error=system_error(error))
