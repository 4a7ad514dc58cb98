"""The AI side of tests over real sockets: a conversation server in this process or as a child, sessions
against it, and what they emit.

    async def test_it(agent: AgentBench) -> None:
        await agent.serve(Script(steps=(Step("say", "Hello", hz=440),)))
        session = agent.session()
        session.open("")
        await agent.seen(ev.AgentLive)
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from console.agent.agents import ElevenLabsAgents
from console.agent.session import ElevenLabsSession
from console.agent.tools import Tools
from console.agent.wire import Timing
from console.audio.pcm import FORMATS
from console.core.events import AgentClosed, CallId, Event
from console.demo.conversation.record import Seen
from console.demo.conversation.script import Script, Setup
from console.demo.conversation_server import ConversationServer
from console.ports import SessionRequest

KEY = "test-key-that-must-never-be-shown"
DEADLINE = 15.0
"""Seconds in which anything that is waited for happens, also on a busy machine."""

E = TypeVar("E")


@dataclass
class HeardMedia:
    """Records what a session does with audio. `held_ms`: what each interruption finds unplayed."""

    formats: tuple[str, str] | None = None
    played: bytearray = field(default_factory=bytearray)
    chunks: list[bytes] = field(default_factory=list)
    interruptions: int = 0
    on_live: Callable[[], None] = lambda: None

    def live(self, input_format: str, output_format: str) -> None:
        self.formats = (input_format, output_format)
        self.on_live()

    def play(self, payload: bytes) -> None:
        self.played += payload
        self.chunks.append(payload)

    def interrupt(self) -> int:
        self.interruptions += 1
        assert self.formats is not None
        fmt = FORMATS[self.formats[1]]
        ms = round(1000 * len(self.played) / (fmt.rate * fmt.width))
        self.played.clear()
        return ms


class AgentBench:
    """One conversation server, sessions against it, and the events they emitted (`events`, with monotonic
    times in `times`)."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.times: list[float] = []
        self.media = HeardMedia()
        self.server: ConversationServer | None = None
        self._agents: list[ElevenLabsAgents] = []
        self._news = asyncio.Event()
        self._count = 0

    async def serve(
        self, script: Script | None = None, tls: ssl.SSLContext | None = None, **setup: Any
    ) -> None:
        setup.setdefault("api_key", KEY)
        agents = {"agent": script or Script()}
        self.server = await ConversationServer(Setup(agents=agents, **setup), tls=tls).__aenter__()

    @property
    def record(self) -> Any:
        assert self.server is not None
        return self.server.record

    def seen_by_server(self, number: int = 1) -> Seen:
        seen: Seen = self.record.conversations[number - 1]
        return seen

    def account(
        self,
        *,
        key: str = KEY,
        agent_id: str = "agent",
        timing: Timing | None = None,
        tools: Tools | None = None,
        url: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> ElevenLabsAgents:
        assert self.server is not None or url
        agents = ElevenLabsAgents(
            base_url=url or (self.server.url if self.server else ""),
            api_key=key,
            agent_id=agent_id,
            timing=timing,
            tools=tools,
            tls=tls,
        )
        self._agents.append(agents)
        return agents

    def session(self, agents: ElevenLabsAgents | None = None, **account: Any) -> ElevenLabsSession:
        """A session of its own call; number 1, 2, ... in events."""
        self._count += 1
        request = SessionRequest(CallId("call"), self._count, "+79123456789", incoming=False)
        return (agents or self.account(**account)).session(request, self.media, self.emit)

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.times.append(time.monotonic())
        self._news.set()

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def time_of(self, kind: type[E]) -> float:
        return next(t for t, event in zip(self.times, self.events, strict=True) if isinstance(event, kind))

    async def seen(self, kind: type[E], count: int = 1) -> E:
        """The `count`th event of this kind, waited for."""
        await self.until(lambda: len(self.all(kind)) >= count, f"{count} of {kind.__name__}")
        return self.all(kind)[count - 1]

    async def closed(self) -> AgentClosed:
        return await self.seen(AgentClosed)

    async def until(self, condition: Callable[[], bool], what: str | Callable[[], str] = "") -> None:
        """Until it holds; what no event tells (the server's record) is looked at 100 times a second."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not condition():
                    self._news.clear()
                    try:
                        async with asyncio.timeout(0.01):
                            await self._news.wait()
                    except TimeoutError:
                        pass
        except TimeoutError:
            missed = what() if callable(what) else what
            pytest.fail(f"waited in vain for {missed or 'a condition'}; events: {self.events}")

    async def aclose(self) -> None:
        for agents in self._agents:
            await agents.aclose()
        if self.server is not None:
            await self.server.__aexit__(None, None, None)


@pytest.fixture
async def agent() -> AsyncIterator[AgentBench]:
    bench = AgentBench()
    try:
        yield bench
    finally:
        await bench.aclose()
