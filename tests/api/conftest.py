"""A real server on a free port of 127.0.0.1, in front of the real core without a phone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from console.api.limits import Limits
from console.api.server import ApiServer
from console.core import effects as do
from console.core import events as ev
from console.core.state import Policy, State
from console.core.step import step
from console.ports import Levels, Publish, Update
from console.records.feed import Feed
from console.settings.values import Address

SLOW = float(os.environ.get("TEST_TIME_FACTOR", "1"))
WALL_ZERO = 1_800_000_000.0
READY = (ev.LineUp("fake", "4.9", True), ev.RegistrationChanged(ev.RegState.OK, 200, "OK"))


class CoreConsole:
    """Implements `ports.Console`: every event is decided at once by the real core; nothing is performed."""

    def __init__(self, **policy: Any) -> None:
        self.feed = Feed()
        self.state = State(policy=Policy(domain="h", **policy))
        self.events: list[ev.Event] = []
        self.done: list[do.Effect] = []
        self.deaf = False
        self._lock = threading.Lock()
        self._zero = time.monotonic()

    async def run(self, publish: Publish) -> None:
        raise AssertionError("nobody runs this one")

    def send(self, event: ev.Event) -> None:
        with self._lock:
            self.events.append(event)
            if self.deaf:
                return
            self.state, effects = step(self.state, event, self.now())
            self.done += effects
            records = tuple(effect for effect in effects if isinstance(effect, do.Record))
            self.feed.publish(Update(self.state, records, WALL_ZERO))

    def levels(self, call: ev.CallId) -> Levels:
        return Levels()

    def now(self) -> float:
        return time.monotonic() - self._zero

    def stop(self) -> None:
        self.send(ev.Quit())


class Api:
    """`client` speaks to the server; `console` is what stands behind it."""

    def __init__(self, console: CoreConsole, server: ApiServer) -> None:
        self.console = console
        self.server = server
        self.client = httpx.Client(base_url=server.url, timeout=10 * SLOW)

    def start(self, number: str = "+79123456789", **order: Any) -> httpx.Response:
        return self.client.post("/api/calls/start", json={"phone_number": number, **order})

    def fault(self, answer: httpx.Response) -> tuple[int, str]:
        """Status and code of an error, which has the one shape and a sentence."""
        body = answer.json()
        assert set(body) == {"error"}, body
        assert set(body["error"]) == {"code", "message"}
        assert body["error"]["message"].endswith(".")
        return answer.status_code, body["error"]["code"]


OpenApi = Callable[..., Api]


@pytest.fixture
def open_api() -> Iterator[OpenApi]:
    """Starts a server: `open_api(token=..., limits=..., events=(...), single_call=False)`."""
    with ExitStack() as stack:

        def open_one(
            *,
            token: str = "",
            limits: Limits | None = None,
            events: tuple[ev.Event, ...] = READY,
            host: str = "127.0.0.1",
            **policy: Any,
        ) -> Api:
            console = CoreConsole(**policy)
            for event in events:
                console.send(event)
            server = stack.enter_context(
                ApiServer(console, console.feed, Address(host, 0), token, limits or Limits(burst=10_000))
            )
            api = Api(console, server)
            stack.callback(api.client.close)
            return api

        yield open_one


@pytest.fixture
def api(open_api: OpenApi) -> Api:
    return open_api()
