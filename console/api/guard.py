"""Stands in front of the app: nothing reaches it that may not, or that is too much."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import Access
from .errors import HEADERS, ApiError, internal, place
from .limits import Limits, RateLimit

OPEN = ("/", "/docs", "/openapi.json")
"""What says nothing of this console: anybody who reaches the port may read it, so that a browser can open the
page and the token be typed there."""


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits, on_crash: Callable[[str], None]) -> None:
        self._app = app
        self._on_crash = on_crash
        self._access = access
        self._limits = limits
        self._rate = RateLimit(limits.burst, limits.rate)
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        guarded = _with_headers(send)
        try:
            receive = await self._let_in(scope, receive)
        except ApiError as error:
            # Whatever else it sends is not waited for.
            error.headers["Connection"] = "close"
            await error.response()(scope, receive, guarded)
            return
        self._busy += 1
        try:
            await self._app(scope, receive, guarded)
        finally:
            self._busy -= 1

    async def _let_in(self, scope: Scope, receive: Receive) -> Receive:
        """The request with its body read; raises `ApiError`, also for a bug of our own in here."""
        try:
            self._check(scope)
            return await self._body(scope, receive)
        except ApiError:
            raise
        except Exception as error:
            self._on_crash(place(error))
            raise internal() from None

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        caller = self._access.caller(scope.get("client"), scope.get("server"))
        wait = self._rate.wait(caller.name)
        if wait:
            after = {"Retry-After": str(math.ceil(wait))}
            raise ApiError(429, "too_many_requests", "Too many requests: slow down.", after)
        self._access.check_site(scope["method"], headers)
        path = scope["path"]
        if path not in OPEN and not path.startswith("/docs/"):
            self._access.check_caller(caller, headers)
        if self._busy >= self._limits.requests:
            raise ApiError(503, "too_busy", "Too many requests at once.", {"Retry-After": "1"})

    async def _body(self, scope: Scope, receive: Receive) -> Receive:
        """Read the body, as far as it may go, before the app sees anything of the request."""
        too_large = ApiError(413, "too_large", f"A request may carry {self._limits.body // 1024} kB at most.")
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.body:
            raise too_large
        body = b""
        more = True
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return _replay(message, receive)
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > self._limits.body:
                        raise too_large
        except TimeoutError:
            raise ApiError(408, "too_slow", "The request did not arrive in time.") from None
        return _replay({"type": "http.request", "body": body, "more_body": False}, receive)


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded
