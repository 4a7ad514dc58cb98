"""A whole console without a screen on the demo exchange and the conversation server, for either engine.

Nothing is faked: SIP and RTP, REST and WebSocket go over sockets of 127.0.0.1, and both far ends are
processes of their own that say what they saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.core.effects import Record
from console.core.events import CallId, Dial, RegState
from console.core.state import Call, State
from console.demo.cast import CAST
from console.demo.child import Child
from console.demo.conversation.process import ConversationProcess
from console.demo.conversation.script import Script, Setup, Step
from console.demo.exchange import PASSWORD_VARIABLE
from console.engine import Engine
from console.ports import Update
from console.settings.loading import load
from console.wiring import build

PASSWORD = "sip-password-for-tests"
KEY = "key-for-tests"
AGENT = "agent_test"
SLOW = float(os.environ.get("TEST_TIME_FACTOR", "1"))
"""Deadlines are multiplied by this on slow machines."""

NUMBERS = {character.name: character.number for character in CAST}


@dataclass
class ConsoleRig:
    """`line`: the exchange. `conversation`: the AI's side. `records`: everything that happened here."""

    engine: Engine
    line: Child
    conversation: ConversationProcess
    folder: Path
    updates: list[Update] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def publish(self, update: Update) -> None:
        self.updates.append(update)
        self._news.set()

    @property
    def state(self) -> State:
        return self.updates[-1].state

    @property
    def records(self) -> list[Record]:
        return [record for update in self.updates for record in update.records]

    def of(self, type_: str, call: CallId | None = None) -> list[Record]:
        return [r for r in self.records if r.type == type_ and call in (None, r.call)]

    async def until(self, wanted: Callable[[], bool], seconds: float = 20.0, what: str = "") -> None:
        try:
            async with asyncio.timeout(seconds * SLOW):
                while not (self.updates and wanted()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"waited in vain for {what or 'a state'}; last records:\n{self.story()}"
            ) from None

    def story(self) -> str:
        """The last records, for the message of a failed test."""
        return "\n".join(f"{r.t:8.3f} {r.type} {dict(r.fields)}" for r in self.records[-40:])

    async def seen(
        self, type_: str, call: CallId | None = None, seconds: float = 20.0, count: int = 1
    ) -> Record:
        await self.until(lambda: len(self.of(type_, call)) >= count, seconds, f"{count} of {type_}")
        return self.of(type_, call)[count - 1]

    async def ready(self) -> None:
        await self.until(lambda: self.state.line.registration is RegState.OK, 30, "a registration")

    def dial(self, who: str, **options: Any) -> CallId:
        """Call a character by name, or a number."""
        call = CallId(f"call{next(self._ids)}")
        self.engine.send(Dial(call, NUMBERS.get(who, who), confirmed=True, **options))
        return call

    async def over(self, call: CallId, seconds: float = 40.0) -> Call:
        """The call when it and its session have ended."""
        await self.until(lambda: any(c.id == call for c in self.state.ended), seconds, f"the end of {call}")
        return next(c for c in self.state.ended if c.id == call)

    async def far(self, event: str, seconds: float = 20.0, count: int = 1) -> dict[str, Any]:
        """What the exchange reported, as its `count`th entry of this kind; `t` in Unix seconds."""

        def found() -> list[dict[str, Any]]:
            return [entry for entry in self.line.lines if entry["event"] == event]

        got = await asyncio.to_thread(self.line.wait_for, lambda: len(found()) >= count, seconds * SLOW)
        assert got, f"the exchange never reported {event}: {self.line.lines[-10:]}"
        return found()[count - 1]

    async def sessions(self) -> list[dict[str, Any]]:
        """The conversations that the server saw; its `t` of opening and closing as Unix seconds."""
        report = await self.conversation.report()
        assert not report["violations"], report["violations"]
        conversations: list[dict[str, Any]] = report["conversations"]
        return conversations

    async def upgrades(self) -> int:
        return len((await self.conversation.report())["upgrades"])


@contextlib.asynccontextmanager
async def running_console(
    folder: Path,
    *,
    engine: str = "embedded",
    script: Script | None = None,
    pace: float = 0.3,
    cast: str = "",
    **settings: str,
) -> AsyncIterator[ConsoleRig]:
    """A registered console; at the end it is stopped as an operator stops it. `cast`: a module of more
    characters."""
    options = ["--report", "--pace", str(pace), *(["--cast", cast] if cast else [])]
    line = Child("console.demo.exchange", *options, environment={PASSWORD_VARIABLE: PASSWORD})
    ready = await asyncio.to_thread(line.start)
    try:
        spoken = script or Script(steps=(Step("say", text="Hello", seconds=1.0, hz=500),))
        async with ConversationProcess(Setup(api_key=KEY, agents={AGENT: spoken})) as conversation:
            environment = {
                "SIP_USER": "console",
                "SIP_PASS": PASSWORD,
                "SIP_DOMAIN": ready["sip"],
                "CONSOLE_ENGINE": engine,
                "ELEVENLABS_BASE_URL": conversation.url,
                "ELEVENLABS_API_KEY": KEY,
                "ELEVENLABS_AGENT_ID": AGENT,
                "CONSOLE_DATA_DIR": str(folder / "data"),
                "PATH": os.environ["PATH"],
                **settings,
            }
            loaded = load(environment, folder)
            assert not loaded.problems, loaded.problems
            assert not loaded.missing, loaded.missing
            rig = ConsoleRig(build(loaded), line, conversation, folder)
            rig.task = asyncio.create_task(rig.engine.run(rig.publish))
            try:
                await rig.ready()
                yield rig
            finally:
                rig.engine.stop()
                await asyncio.wait_for(rig.task, 15 * SLOW)
            report = await conversation.report()
            assert report["open"] == 0, "a session outlived the console"
    finally:
        await asyncio.to_thread(line.stop)
