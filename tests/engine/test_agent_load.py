"""Conformance check 25: many conversations at once never hold up the event loop.

Sessions, bridges, resampling, G.711 and base64 are the real ones; the far side is a process of its own. What
counts is the processor time that each callback takes in one go, so that other programs do not matter.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from console.agent.agents import ElevenLabsAgents
from console.audio.bridge import Bridge
from console.core.events import AgentClosed, AgentLive, CallId, Event
from console.demo.conversation.process import ConversationProcess
from console.demo.conversation.script import Script, Setup, Step
from console.ports import PCM, SessionRequest

CALLS = 20
SECONDS = 4.0
KEY = "a-key"
SLOW = float(os.environ.get("TEST_TIME_FACTOR", "1"))


class Talker:
    """An audio path: somebody who talks all the time, at the telephone's rate."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.period = 0.02
        self._clock = clock
        self._read_to = clock()
        self._played_to = clock()
        self._noise = np.random.default_rng(1).normal(0, 3000, rate * 20).astype(np.int16)
        self._at = 0
        self.written = 0

    def read(self) -> PCM:
        now = self._clock()
        due = int((now - self._read_to) * self.rate)
        self._read_to += due / self.rate
        self._at += due
        return np.take(self._noise, np.arange(self._at - due, self._at), mode="wrap")

    def write(self, pcm: PCM) -> None:
        self.written += len(pcm)
        self._played_to = max(self._played_to, self._clock()) + len(pcm) / self.rate

    def queued(self) -> float:
        return max(0.0, self._played_to - self._clock())

    def flush(self) -> float:
        dropped, self._played_to = self.queued(), self._clock()
        return dropped


@contextmanager
def timed_callbacks() -> Iterator[list[tuple[float, str]]]:
    """Processor seconds of every callback that the event loop runs meanwhile, and what it was."""
    times: list[tuple[float, str]] = []
    run = asyncio.Handle._run

    def timed(handle: Any) -> None:
        began = time.thread_time()
        run(handle)
        times.append((time.thread_time() - began, repr(handle._callback)[:300]))

    asyncio.Handle._run = timed  # type: ignore[method-assign]
    try:
        yield times
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]


async def test_check_25_twenty_conversations_never_hold_up_the_loop() -> None:
    formats = itertools.cycle(
        [("ulaw_8000", "ulaw_8000"), ("pcm_16000", "pcm_16000"), ("pcm_48000", "pcm_44100")]
    )
    scripts = {}
    for number in range(CALLS):
        heard, spoken = next(formats)
        burst = (Step("say", seconds=4.0, chunk=2.4), Step("wait", seconds=0.7), Step("interrupt"))
        scripts[f"agent{number}"] = Script(heard, spoken, steps=burst * 4)
    events: list[Event] = []
    news = asyncio.Event()

    def emit(event: Event) -> None:
        events.append(event)
        news.set()

    async def all_of(kind: type[Event]) -> None:
        async with asyncio.timeout(30 * SLOW):
            while sum(isinstance(event, kind) for event in events) < CALLS:
                news.clear()
                await news.wait()

    async with ConversationProcess(Setup(api_key=KEY, agents=scripts)) as server:
        accounts, bridges, running, sessions = [], [], [], []
        for number in range(CALLS):
            call = CallId(f"c{number}")
            agents = ElevenLabsAgents(base_url=server.url, api_key=KEY, agent_id=f"agent{number}")
            bridge = Bridge(
                call, Talker((8000, 16000, 48000)[number % 3], time.monotonic), emit, time.monotonic
            )
            session = agents.session(SessionRequest(call, 1, "+79123456789", False), bridge, emit)
            bridge.attach(session, 1)
            bridge.answered()
            running.append(asyncio.create_task(bridge.run()))
            session.open("")
            accounts.append(agents)
            bridges.append(bridge)
            sessions.append(session)
        await all_of(AgentLive)
        gc.collect()
        with timed_callbacks() as times:
            await asyncio.sleep(SECONDS)
        for session in sessions:
            session.close("done")
        await all_of(AgentClosed)
        for bridge in bridges:
            bridge.stop()
        await asyncio.gather(*running)
        report = await server.report()
        for agents in accounts:
            await agents.aclose()
    assert report["violations"] == []
    assert all(seen["audio"]["seconds"] > 0.7 * SECONDS for seen in report["conversations"]), (
        "too busy to listen"
    )
    assert len(times) > CALLS * SECONDS * 50
    longest = sorted(times, reverse=True)[:5]
    busy = sum(took for took, _ in times) / SECONDS
    print(
        f"{len(times)} callbacks, {busy:.2f} of a core, longest {[f'{1000 * t:.1f} ms' for t, _ in longest]}"
    )
    assert longest[0][0] < 0.010 * SLOW, longest
