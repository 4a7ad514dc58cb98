"""The line of the benchmark: exchange, conversation server, perhaps a slow network, and a console, each in a
process of its own. What passed a socket is in the far ends' own words; this process only waits meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.demo.child import Child
from console.demo.conversation.process import ConversationProcess
from console.demo.conversation.script import Script, Setup
from console.demo.exchange import PASSWORD_VARIABLE
from tests.bench.bench import limit
from tests.bench.cast import NUMBERS

PASSWORD = "a-password-for-the-benchmark"
KEY = "a-key-for-the-benchmark"
AGENT = "agent_bench"
ROOT = Path(__file__).parents[2]
SDK_PYTHON = ROOT / "build" / "bench-sdk" / "bin" / "python"
"""The environment of the official SDK."""

_PATIENCE = 60.0


@dataclass
class Line:
    """The far ends. `log`: the record of the conversation server as JSON lines."""

    exchange: Child
    sip: str
    conversation: ConversationProcess
    log: Path
    folder: Path
    seen: int = 0

    def entries(self, event: str) -> list[dict[str, Any]]:
        """What the server noted of this kind; `mono`: when."""
        lines = (json.loads(text) for text in self.log.read_text("utf-8").splitlines())
        return [line for line in lines if line["event"] == event]

    async def told(self) -> dict[str, Any]:
        """What the callee tells of the next call that is over, see `cast.Wire`."""
        found = await next_of(self.exchange, "bench", self.seen)
        self.seen += 1
        if found["error"]:
            raise RuntimeError(f"the callee: {found['error']}")
        return found

    def environment(self, engine: str, folder: Path) -> dict[str, str]:
        """Settings that lead a console here."""
        return {
            "SIP_USER": "console",
            "SIP_PASS": PASSWORD,
            "SIP_DOMAIN": self.sip,
            "CONSOLE_ENGINE": engine,
            "ELEVENLABS_BASE_URL": self.conversation.url,
            "ELEVENLABS_API_KEY": KEY,
            "ELEVENLABS_AGENT_ID": AGENT,
            "CONSOLE_API": "off",
            "CONSOLE_DATA_DIR": str(folder),
        }


async def next_of(child: Child, event: str, number: int) -> dict[str, Any]:
    """The line number `number` (from 0) of this kind that it printed."""

    def found() -> list[dict[str, Any]]:
        return [line for line in child.lines if line.get("event") == event]

    if not await asyncio.to_thread(child.wait_for, lambda: len(found()) > number, _PATIENCE):
        raise RuntimeError(f"no {event} within {_PATIENCE:g} s; {' '.join(child.complaints)[-300:]}")
    return found()[number]


@contextlib.asynccontextmanager
async def running_line(
    folder: Path, script: Script, *, pace: float = 0.3, cast: str = "tests.bench.cast", **environment: str
) -> AsyncIterator[Line]:
    """Exchange and conversation server. `pace`: how long the callees of `cast.CAST` ring, in seconds."""
    given = {PASSWORD_VARIABLE: PASSWORD, **environment}
    options = ("--report", "--pace", str(pace), "--cast", cast)
    own = Path(tempfile.mkdtemp(dir=folder))
    exchange = Child("console.demo.exchange", *options, environment=given)
    ready = await asyncio.to_thread(exchange.start)
    try:
        log = own / "server.jsonl"
        async with ConversationProcess(Setup(api_key=KEY, agents={AGENT: script}), log) as conversation:
            yield Line(exchange, ready["sip"], conversation, log, own)
            report = await conversation.report()
            if report["violations"] or report["open"]:
                raise RuntimeError(f"the server saw {report['violations']}, {report['open']} left open")
    finally:
        await asyncio.to_thread(exchange.stop)


@contextlib.asynccontextmanager
async def slow_network(line: Line, milliseconds: float) -> AsyncIterator[Child]:
    """A proxy in front of the conversation server; its first line has its `port`, see `proxy`."""
    proxy = Child("tests.bench.proxy", line.conversation.url.removeprefix("http://"), str(milliseconds))
    await asyncio.to_thread(proxy.start)
    try:
        yield proxy
    finally:
        await asyncio.to_thread(proxy.stop)


@dataclass
class Console:
    """A console at work. `lines`: what it told."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def call(self, who: str, seconds: float = _PATIENCE) -> None:
        """Call one of `cast.CAST`, until it is over."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"dial": NUMBERS.get(who, who)}).encode() + b"\n")
        async with limit(seconds, f"a call to {who}"):
            await self.until("over")

    async def until(self, event: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        while text := await self.process.stdout.readline():
            self.lines.append(json.loads(text))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise RuntimeError("the console ended")

    async def stop(self) -> dict[str, Any]:
        """Its last words, see `trace`."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with limit(20, "the end of the console"):
            return await self.until("trace")


@contextlib.asynccontextmanager
async def running_console(line: Line, engine: str, *flags: str, **settings: str) -> AsyncIterator[Console]:
    """A console that is registered, on devices of its own whatever this machine has. The engine `sdk`: the
    official SDK in its place, see `sdk_line`."""
    folder = Path(tempfile.mkdtemp(dir=line.folder))
    sdk = engine == "sdk"
    process = await asyncio.create_subprocess_exec(
        *(
            (SDK_PYTHON, "-m", "tests.bench.sdk_line")
            if sdk
            else (sys.executable, "-m", "tests.bench.console")
        ),
        *flags,
        cwd=ROOT,
        env={
            **line.environment("baresip" if sdk else engine, folder),
            **bare_environment(folder),
            **settings,
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # PyAudio's search for devices says much
        stderr=asyncio.subprocess.DEVNULL if sdk else None,
        limit=2**24,
    )
    console = Console(process)
    try:
        async with limit(30, f"the registration of the console ({engine})"):
            await console.until("ready")
        yield console
        if not process.stdin.is_closing():  # type: ignore[union-attr]
            await console.stop()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def bare_environment(home: Path) -> dict[str, str]:
    """Without the settings and the sound server of whoever runs the benchmark."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }
