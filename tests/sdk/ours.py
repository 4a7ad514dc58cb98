"""One scenario with the console's client and its audio bridge: `python -m tests.sdk.ours TASK`."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from console.agent.agents import ElevenLabsAgents
from console.agent.own_tools import OwnTool, OwnTools
from console.agent.tools import CallContext
from console.audio.bridge import Bridge
from console.core import events as ev
from console.ports import SessionRequest
from tests.sdk.sound_card import Card, CardPath
from tests.sdk.task import KEY, USER, Task, Told, read_task, tell

CALL = ev.CallId("call")


class Client:
    """A session on a bridge, played out at its end as the engine has it."""

    def __init__(self, task: Task) -> None:
        self.told = Told()
        self._task = task
        self._card = Card(task.mic_pause)
        self._digest = hashlib.sha256()
        self._over = asyncio.Event()
        self._closed = asyncio.Event()
        self._spoke = False
        self._bridge: Bridge

    async def run(self) -> Told:
        before = threading.active_count()
        for _ in range(self._task.starts):
            await self._session()
        self.told.digest = self._digest.hexdigest()
        self.told.played, self.told.played_until = self._card.seconds, self._card.until
        await asyncio.sleep(0.3)
        self.told.threads = threading.active_count() - before
        return self.told

    async def _session(self) -> None:
        self._over.clear()
        self._closed.clear()
        self._bridge = Bridge(CALL, CardPath(self._card), self._take, time.monotonic)
        agents = ElevenLabsAgents(
            base_url=self._task.url, api_key=KEY, agent_id="agent", tools=OwnTools((self._lookup(),))
        )
        session = agents.session(SessionRequest(CALL, 1, USER, False), self, self._take)
        self._bridge.attach(session, 1)
        running = asyncio.create_task(self._bridge.run())
        if self._task.ring:
            session.prepare()
            await asyncio.sleep(self._task.ring)
        self.told.answered = time.monotonic()
        self._bridge.answered()
        session.open("")
        try:
            async with asyncio.timeout(self._task.seconds or 15.0):
                await self._over.wait()
        except TimeoutError:
            pass
        self.told.asked = time.monotonic()
        session.close("done")
        await self._closed.wait()
        self._bridge.stop()
        await running
        await agents.aclose()

    def _lookup(self) -> OwnTool:
        results: dict[str, Any] = {"text": "seven", "empty": "", "object": {"n": 7}, "raises": None}

        def lookup(call: CallContext, parameters: Mapping[str, Any]) -> str:
            result: str = results[self._task.tool]
            return result

        return OwnTool("lookup", "Looks up.", lookup, is_async=False)

    # ---- ports.AgentMedia ----

    def live(self, input_format: str, output_format: str) -> None:
        self.told.formats = [input_format, output_format]
        self._bridge.live(input_format, output_format)

    def play(self, payload: bytes) -> None:
        self.told.handed += len(payload)
        self._digest.update(payload)
        self._bridge.play(payload)

    def interrupt(self) -> int:
        return self._bridge.interrupt()

    # ---- events ----

    def _take(self, event: ev.Event) -> None:
        match event:
            case ev.AgentTranscript(_, _, ev.Role.AGENT, text, _, corrected):
                self._spoke = True
                (self.told.corrections if corrected else self.told.texts).append(text)
            case ev.AgentTrouble(_, _, text) | ev.AgentPrepareFailed(_, _, text):
                self._say(text)
                if isinstance(event, ev.AgentPrepareFailed):
                    self.told.failed_after = time.monotonic() - self.told.answered
            case ev.AgentQueue(_, _, state):
                self.told.queue.append(state.value)
            case ev.PlayoutDrained():
                self._over.set()
            case ev.AgentClosed():
                self._end(event)

    def _end(self, event: ev.AgentClosed) -> None:
        self.told.ended = not event.ours
        self._say(f"{event.code} {event.reason} {event.refusal.value if event.refusal else ''}")
        self._closed.set()
        if event.code == 1000 and not event.ours and self._spoke:
            self._bridge.finish(1)
        else:
            self._over.set()

    def _say(self, text: str) -> None:
        self.told.said += text.strip() + ". "


async def main(task: Task) -> None:
    tell(await Client(task).run())


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(read_task()))
    sys.stdin.read()
