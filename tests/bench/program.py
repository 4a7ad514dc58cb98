"""The program itself for the parts that look at it from outside: `call-console`, with its screen in a
pseudo-terminal or as `serve`, on far ends in processes of their own, driven by its HTTP API."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx

from console.demo.child import Child
from console.demo.conversation.process import ConversationProcess
from console.demo.conversation.script import Script, Setup
from console.demo.exchange import PASSWORD_VARIABLE
from console.settings.loading import VARIABLES
from tests.bench import steady
from tests.console_rig import AGENT, KEY, PASSWORD, SLOW

ROOT = Path(__file__).parents[2]
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

    def processor_seconds(self) -> dict[str, float]:
        pids = {"callees": self.line.pid, "conversation server": self.conversation.pid}
        return {name: processor_seconds(pid) for name, pid in pids.items()}


@contextlib.asynccontextmanager
async def far_ends(folder: Path, script: Script) -> AsyncIterator[FarEnds]:
    """`script`: what the agent does until it is defined anew."""
    packets = Path(tempfile.mkdtemp(prefix="packets-", dir=folder))
    environment = {PASSWORD_VARIABLE: PASSWORD, steady.FOLDER: str(packets)}
    line = Child("console.demo.exchange", "--report", "--cast", "tests.bench.steady", environment=environment)
    await asyncio.to_thread(line.start)
    try:
        async with ConversationProcess(Setup(api_key=KEY, agents={AGENT: script})) as conversation:
            yield FarEnds(line, conversation, packets)
    finally:
        await asyncio.to_thread(line.stop, 10.0)


class Program:
    """`call-console`. `drawn`: what it has written to its terminal, each piece with its time (monotonic)."""

    def __init__(self, far: FarEnds, folder: Path, *, screen: bool, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="program-", dir=folder))
        self.drawn: list[tuple[float, bytes]] = []
        self.started = 0.0
        self._screen = screen
        self._api = f"127.0.0.1:{_free_port()}"
        self._log = self.folder / "data" / "logs" / "events.jsonl"
        self._settings = {
            **far.settings(),
            "CONSOLE_API": self._api,
            "CONSOLE_DATA_DIR": str(self.folder / "data"),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._master = -1
        self._news = asyncio.Event()
        self._client = httpx.AsyncClient(base_url=f"http://{self._api}", trust_env=False, timeout=10.0)
        self._events: list[dict[str, Any]] = []
        self._read_to = 0

    async def __aenter__(self) -> Program:
        self._start()
        try:
            await self.seen("registration", state="ok")
            await self._until_the_api_answers()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    # ---- its life ----

    def _start(self) -> None:
        known = {name for v in VARIABLES for name in (v.name, v.alias)}
        inherited = {name: value for name, value in os.environ.items() if name not in known}
        environment = {
            **inherited,
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            **self._settings,
        }
        self._master, slave = pty.openpty()
        self.resize(80, 24)
        arguments = (*_PYTHON, *(() if self._screen else ("serve",)))
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            arguments,
            cwd=self.folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    async def _end(self) -> None:
        await self._client.aclose()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, 12 * SLOW)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    async def _until_the_api_answers(self) -> None:
        async with asyncio.timeout(15 * SLOW):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await self._client.get("/api/status")).json().get("ready"):
                        return
                await asyncio.sleep(0.05)

    # ---- its terminal ----

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self.drawn.append((time.monotonic(), data))
        self._news.set()

    def type(self, keys: str) -> float:
        """Press keys; returns when (monotonic)."""
        at = time.monotonic()
        os.write(self._master, keys.encode())
        return at

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def drawn_with(self, words: str, since: int = 0, seconds: float = 10.0) -> float:
        """When these words stood in what was written after piece `since`, in one go."""
        wanted, seen, place = words.encode(), b"", since
        async with asyncio.timeout(seconds * SLOW):
            while True:
                while place < len(self.drawn):
                    at, data = self.drawn[place]
                    seen, place = (seen + data)[-20_000:], place + 1
                    if wanted in seen:
                        return at
                self._news.clear()
                await self._news.wait()

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
        await self._client.post(f"/api/calls/{call}/hangup")
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


_PYTHON = (sys.executable, "-m", "console")


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
