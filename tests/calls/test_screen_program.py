"""The program as an operator runs it: `call-console` on a terminal of 80x24, against the demo exchange.

However it ends, the call is hung up and the session closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from console.demo.child import Child
from console.demo.conversation.process import ConversationProcess
from console.demo.conversation.script import Script, Setup, Step
from console.demo.exchange import PASSWORD_VARIABLE
from tests.console_rig import AGENT, KEY, NUMBERS, PASSWORD, SLOW

A_KEY = 0.05
"""Between the keys of a person, in seconds: a burst would be taken for a paste."""


class Terminal:
    """The program on a pseudo-terminal; what it writes is read all the time, and thrown away."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.log = folder / "data" / "logs" / "events.jsonl"
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._starting = asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "console",
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "HOME": str(folder), **environment},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._slave = slave

    async def start(self) -> None:
        self.process = await self._starting
        os.close(self._slave)
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            if os.read(self.master, 65536):
                return
        asyncio.get_running_loop().remove_reader(self.master)

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def hang_up_terminal(self) -> None:
        """Close the window."""
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        self.master = -1

    def events(self) -> list[dict[str, Any]]:
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    async def seen(self, type_: str, **fields: object) -> dict[str, Any]:
        """The first such event in the log file, which is looked at 20 times a second."""
        async with asyncio.timeout(30 * SLOW):
            while True:
                for event in self.events():
                    if event["type"] == type_ and fields.items() <= event.items():
                        return event
                await asyncio.sleep(0.05)

    async def exit_code(self) -> int:
        async with asyncio.timeout(15 * SLOW):
            return await self.process.wait()

    async def close(self) -> None:
        if self.master >= 0:
            asyncio.get_running_loop().remove_reader(self.master)
            os.close(self.master)
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest.fixture
async def far_ends() -> AsyncIterator[tuple[Child, ConversationProcess]]:
    line = Child(
        "console.demo.exchange", "--report", "--pace", "0.3", environment={PASSWORD_VARIABLE: PASSWORD}
    )
    await asyncio.to_thread(line.start)
    script = Script(steps=(Step("say", text="Hello", seconds=2.0, hz=500),))
    async with ConversationProcess(Setup(api_key=KEY, agents={AGENT: script})) as conversation:
        yield line, conversation
    await asyncio.to_thread(line.stop)


@pytest.fixture
async def terminal(far_ends: tuple[Child, ConversationProcess], tmp_path: Path) -> AsyncIterator[Terminal]:
    line, conversation = far_ends
    terminal = Terminal(
        {
            "SIP_USER": "console",
            "SIP_PASS": PASSWORD,
            "SIP_DOMAIN": line.lines[0]["sip"],
            "CONSOLE_ENGINE": "embedded",
            "ELEVENLABS_BASE_URL": conversation.url,
            "ELEVENLABS_API_KEY": KEY,
            "ELEVENLABS_AGENT_ID": AGENT,
            "CONSOLE_DATA_DIR": str(tmp_path / "data"),
            "CONSOLE_API": "off",
        },
        tmp_path,
    )
    await terminal.start()
    yield terminal
    await terminal.close()


async def in_a_call(terminal: Terminal) -> None:
    """Type a number, dial it with Enter, and be answered by the AI's own audio."""
    await terminal.seen("registration", state="ok")
    for digit in NUMBERS["Echo"]:
        terminal.type(digit)
        await asyncio.sleep(A_KEY)
    await press_enter_until_it_dials(terminal)
    await terminal.seen("agent.first_audio")


async def press_enter_until_it_dials(terminal: Terminal) -> None:
    """A program that is late reads number and Enter as one paste and only fills the field: press again."""
    for _ in range(5):
        await asyncio.sleep(6 * A_KEY)
        terminal.type("\r")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3 * SLOW):
                await terminal.seen("call.dialing")
                return
    raise AssertionError("Enter never dialed")


async def check_over(terminal: Terminal, far_ends: tuple[Child, ConversationProcess]) -> None:
    line, conversation = far_ends
    report = await conversation.report()
    assert report["open"] == 0
    assert len(report["upgrades"]) == 1
    ended = [entry for entry in line.lines if entry["event"] == "ended"]
    assert len(ended) == 1, "the callee is still on the line"
    types = [event["type"] for event in terminal.events()]
    assert types.count("call.closed") == types.count("agent.closed") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_signals_hang_up(
    terminal: Terminal, far_ends: tuple[Child, ConversationProcess], number: signal.Signals
) -> None:
    await in_a_call(terminal)
    os.kill(terminal.process.pid, number)
    await terminal.exit_code()
    await check_over(terminal, far_ends)


async def test_a_closed_terminal_hangs_up(
    terminal: Terminal, far_ends: tuple[Child, ConversationProcess]
) -> None:
    await in_a_call(terminal)
    terminal.hang_up_terminal()
    await terminal.exit_code()
    await check_over(terminal, far_ends)


async def test_the_keys_hang_up_and_quit(
    terminal: Terminal, far_ends: tuple[Child, ConversationProcess]
) -> None:
    await in_a_call(terminal)
    terminal.type("h")
    closed = await terminal.seen("call.closed")
    assert closed["by"] == "operator"
    await terminal.seen("agent.closed")
    terminal.type("\x11")
    assert await terminal.exit_code() == 0
    await check_over(terminal, far_ends)
