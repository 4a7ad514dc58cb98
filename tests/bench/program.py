"""The program itself for the parts that look at it from outside: `call-console`, with its screen in a
pseudo-terminal or as `serve`, on far ends in processes of their own, driven by its HTTP API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self

import httpx

from console.demo.child import Child
from console.demo.conversation.process import ConversationProcess
from console.demo.conversation.script import Script, Setup
from console.demo.exchange import PASSWORD_VARIABLE
from console.settings.loading import VARIABLES
from tests.bench import steady
from tests.bench.terminal import Terminal
from tests.console_rig import AGENT, KEY, PASSWORD, SLOW

_TICKS = os.sysconf("SC_CLK_TCK")


class FarEnds:
    """The exchange with the steady callees, and the conversation server."""

    def __init__(self, line: Child, conversation: ConversationProcess, packets: Path) -> None:
        self.line, self.conversation, self.packets = line, conversation, packets

    def settings(self) -> dict[str, str]:
        return {
            "SIP_USER": "console",
            "SIP_PASS": PASSWORD,
            "SIP_DOMAIN": self.line.lines[0]["sip"],
            "CONSOLE_ENGINE": "embedded",
            "ELEVENLABS_BASE_URL": self.conversation.url,
            "ELEVENLABS_API_KEY": KEY,
            "ELEVENLABS_AGENT_ID": AGENT,
            "CALL_SECONDS": "3600",
        }

    async def talk(self, script: str) -> None:
        """From the next call on the agent follows this one of the scripts."""
        await self.conversation.define_like(AGENT, script)

    def processor_seconds(self) -> dict[str, float]:
        pids = {"callees": self.line.pid, "conversation server": self.conversation.pid}
        return {name: processor_seconds(pid) for name, pid in pids.items()}


@contextlib.asynccontextmanager
async def far_ends(folder: Path, **scripts: Script) -> AsyncIterator[FarEnds]:
    """The agent does what the first of `scripts` says, until `FarEnds.talk`."""
    agents = {AGENT: next(iter(scripts.values())), **scripts}
    packets = Path(tempfile.mkdtemp(prefix="packets-", dir=folder))
    environment = {PASSWORD_VARIABLE: PASSWORD, steady.FOLDER: str(packets)}
    line = Child("console.demo.exchange", "--report", "--cast", "tests.bench.steady", environment=environment)
    await asyncio.to_thread(line.start)
    try:
        async with ConversationProcess(Setup(api_key=KEY, agents=agents)) as conversation:
            yield FarEnds(line, conversation, packets)
    finally:
        await asyncio.to_thread(line.stop, 10.0)


class Program:
    """`call-console` in a terminal, an async context manager: inside, its line is registered and its API
    answers. `watched`: with `watched.Watch` in it."""

    def __init__(
        self, far: FarEnds, folder: Path, *, screen: bool, watched: bool = False, **settings: str
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="program-", dir=folder))
        api = f"127.0.0.1:{_free_port()}"
        module = ("tests.bench.watched", str(self._watch_file)) if watched else ("console",)
        self.terminal = Terminal(
            (sys.executable, "-m", *module, *(() if screen else ("serve",))),
            self.folder,
            {
                **{name: "" for v in VARIABLES for name in (v.name, v.alias) if name},
                **far.settings(),
                "CONSOLE_API": api,
                "CONSOLE_DATA_DIR": str(self.folder / "data"),
                "CONSOLE_LANG": "en",
                **settings,
            },
        )
        self._client = httpx.AsyncClient(base_url=f"http://{api}", trust_env=False, timeout=10.0)
        self._log = self.folder / "data" / "logs" / "events.jsonl"
        self._few = asyncio.Semaphore(4)
        self._events: list[dict[str, Any]] = []
        self._read_to = 0

    async def __aenter__(self) -> Self:
        await self.terminal.__aenter__()
        try:
            await self.seen("registration", state="ok")
            await self._until_the_api_answers()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self.terminal.__aexit__()

    @property
    def pid(self) -> int:
        return self.terminal.pid

    async def _until_the_api_answers(self) -> None:
        async with asyncio.timeout(15 * SLOW):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await self._client.get("/api/status")).json().get("ready"):
                        return
                await asyncio.sleep(0.05)

    # ---- the watch inside ----

    @property
    def _watch_file(self) -> Path:
        return self.folder / "watch.json"

    @contextlib.asynccontextmanager
    async def watching(self, told: dict[str, Any]) -> AsyncIterator[None]:
        """Fill `told` with what the watch saw meanwhile."""
        self._watch_file.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        yield
        os.kill(self.pid, signal.SIGUSR2)
        await _until(lambda: {} if self._watch_file.exists() else None, 10.0, "what the watch saw")
        told.update(json.loads(self._watch_file.read_text()))

    # ---- its calls ----

    async def dial(self, number: str) -> str:
        """Place a call; returns its id when the callee hears the AI."""
        answer = await self._client.post("/api/calls/start", json={"phone_number": number, "confirmed": True})
        if answer.status_code != 201:
            raise RuntimeError(f"the console refused to dial {number}: {answer.text}")
        call: str = answer.json()["id"]
        await self.seen("agent.first_audio", call=call)
        return call

    async def hang_up(self, call: str) -> None:
        async with self._few:
            for _ in range(50):
                if (await self._client.post(f"/api/calls/{call}/hangup")).status_code != 429:
                    break
                await asyncio.sleep(0.2)  # its API serves one client only so fast
        await self.seen("agent.closed", call=call)

    def events(self) -> list[dict[str, Any]]:
        """What its log file holds."""
        if self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._read_to)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._read_to += len(line)
                    self._events.append(json.loads(line))
        return self._events

    async def seen(self, type_: str, seconds: float = 30.0, **fields: object) -> dict[str, Any]:
        """The first such event."""

        def found() -> dict[str, Any] | None:
            known = (event for event in self.events() if event["type"] == type_)
            return next((event for event in known if fields.items() <= event.items()), None)

        return await _until(found, seconds, f"{type_} {fields}")

    # ---- its cost ----

    def processor_seconds(self) -> float:
        return processor_seconds(self.pid)

    def memory(self) -> float:
        """Megabytes that are its own or shared with somebody (RSS)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def threads(self) -> dict[int, float]:
        """Processor seconds of each of its threads, in hundredths."""
        found = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                found[int(task.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
        return found


def processor_seconds(pid: int) -> float:
    """User and system time of a process of ours so far, exact (`clock_getcpuclockid(3)`)."""
    return time.clock_gettime((~pid << 3) | 2)


async def _until(found: Callable[[], dict[str, Any] | None], seconds: float, what: str) -> dict[str, Any]:
    end = time.monotonic() + seconds * SLOW
    while (result := found()) is None:
        if time.monotonic() > end:
            raise RuntimeError(f"the console never reported {what}")
        await asyncio.sleep(0.02)
    return result


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
