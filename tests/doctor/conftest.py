"""A set-up in order, into which a test puts one fault: the demo exchange as the line, a conversation server
as ElevenLabs, and the checks of the doctor on the settings that lead there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from console.core.finding import Finding
from console.demo.child import Child
from console.demo.conversation.rest_account import AccountScript
from console.demo.conversation.script import Script, Setup
from console.demo.conversation_server import ConversationServer
from console.demo.exchange import PASSWORD_VARIABLE
from console.doctor.checking import Context, Fix, Outcome, all_checks, carry_out
from console.settings import phone_choice
from console.settings.loading import load

PASSWORD = "sip-password-for-tests"
KEY = "key-for-tests"
AGENT = "agent_test"


@dataclass
class Seen:
    """What the doctor said."""

    outcomes: list[Outcome]

    @property
    def findings(self) -> list[Finding]:
        return [finding for outcome in self.outcomes for finding in outcome.result.findings]

    @property
    def codes(self) -> list[str]:
        return sorted(finding.code for finding in self.findings)

    @property
    def fixes(self) -> list[Fix]:
        return [fix for outcome in self.outcomes for fix in outcome.result.fixes]

    @property
    def unknown(self) -> list[str]:
        return [sentence for outcome in self.outcomes for sentence in outcome.result.unknown]

    @property
    def facts(self) -> list[str]:
        return [fact for outcome in self.outcomes for fact in outcome.result.facts]

    def only(self, code: str) -> Finding:
        """The one finding there is."""
        assert self.codes == [code], self.findings
        finding = self.findings[0]
        for sentence in (finding.text, finding.remedy):
            assert sentence.endswith((".", "?")), sentence
            assert not sentence[:1].islower(), sentence
            assert PASSWORD not in sentence
            assert KEY not in sentence
        return finding


@dataclass
class Bench:
    """`settings`: laid over those of a set-up in order; an empty value takes one away."""

    folder: Path
    exchange: Child
    settings: dict[str, str] = field(default_factory=dict)
    env_file: str = ""
    proc: Path = Path("/proc")
    held_by: str = ""

    @property
    def temp(self) -> Path:
        folder = self.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def data(self) -> Path:
        folder = self.folder / "data"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    async def look(self, *names: str, script: Script | None = None, **account: Any) -> Seen:
        """Carry out these checks (all of them without a name). `account`: an `AccountScript`."""
        setup = Setup(
            api_key=KEY, agents={AGENT: script or Script()}, account=asdict(AccountScript(**account))
        )
        async with ConversationServer(setup) as server:
            context = self.context(server.url)
            checks = [check for check in all_checks() if not names or check.name in names]
            assert len(checks) >= len(names)
            return Seen(list(await asyncio.gather(*(carry_out(check, context) for check in checks))))

    def context(self, url: str) -> Context:
        environ = {
            "PATH": os.environ["PATH"],
            "SIP_USER": "console",
            "SIP_PASS": PASSWORD,
            "SIP_DOMAIN": self.exchange.lines[0]["sip"],
            "CONSOLE_ENGINE": "embedded",
            "CONSOLE_API": "off",
            "ELEVENLABS_BASE_URL": url,
            "ELEVENLABS_API_KEY": KEY,
            "ELEVENLABS_AGENT_ID": AGENT,
            "CONSOLE_DATA_DIR": str(self.data),
            **self.settings,
        }
        if self.env_file:
            path = self.folder / ".env"
            path.write_text(self.env_file)
            path.chmod(0o600)
        loaded = load(environ, self.folder)
        return Context(loaded, environ, self.held_by, self.temp, self.proc)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Child]:
    line = Child("console.demo.exchange", "--report", environment={PASSWORD_VARIABLE: PASSWORD})
    line.start()
    yield line
    line.stop()


@pytest.fixture
def bench(tmp_path: Path, exchange: Child) -> Bench:
    if not phone_choice.embedded_runs_here():
        pytest.skip("NOT RUN: the embedded engine is for Linux")
    return Bench(tmp_path, exchange)


@pytest.fixture
def serving() -> Callable[[bytes], AbstractAsyncContextManager[int]]:
    """A port of 127.0.0.1 on which every request gets this answer: `async with serving(answer) as port`."""
    return _serving


@asynccontextmanager
async def _serving(answer: bytes) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
