"""The conversation server as a child process, so that it does not share our interpreter lock."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np

from ...ports import PCM
from .script import Script, Setup, Step

_START_SECONDS = 20.0
_STOP_SECONDS = 3.0


class ConversationServerError(Exception):
    """The conversation server did not start, or did not understand; the message says why."""


class ConversationProcess:
    """Starts the server on a free port of 127.0.0.1 and asks it what it saw; an async context manager.
    `log`: a file that gets every entry of its record. The child ends when this process does."""

    def __init__(self, setup: Setup, log: Path | None = None) -> None:
        self.url = ""
        self._setup = setup
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._client = httpx.AsyncClient(trust_env=False, timeout=10.0)

    async def __aenter__(self) -> Self:
        descriptor, path = tempfile.mkstemp(prefix="conversation-", suffix=".json")  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(asdict(self._setup), file)
            await self._start(path)
        except BaseException:
            await self._stop()
            raise
        finally:
            os.unlink(path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def pid(self) -> int:
        """Of the process while it runs."""
        assert self._process is not None
        return self._process.pid

    async def report(self) -> dict[str, Any]:
        """The record so far, as `Record.report` gives it."""
        report: dict[str, Any] = (await self._ask("_report")).json()
        return report

    async def caller_audio(self, conversation: int = 1) -> PCM:
        """What the caller of this conversation sent, at the rate of its input format."""
        answer = await self._ask("_audio", conversation=str(conversation))
        return np.frombuffer(answer.content, "<i2").astype(np.int16)

    async def arrivals(self, conversation: int = 1) -> list[tuple[float, int]]:
        """When that audio came: monotonic time, and how many bytes there were then."""
        answer = await self._ask("_arrivals", conversation=str(conversation))
        return [(float(mono), int(size)) for mono, size in answer.json()]

    async def define(self, agent_id: str, script: Script) -> None:
        await self._ask("_script", agent=agent_id, script=json.dumps(script.as_json()))

    async def define_like(self, agent_id: str, other: str) -> None:
        """From now on the agent is as another one of the setup: for scripts too long for a URL."""
        await self._ask("_script", agent=agent_id, like=other)

    async def do(self, step: Step, conversation: int | None = None) -> None:
        """Perform `step` in a running conversation, by default the newest."""
        number = {} if conversation is None else {"conversation": str(conversation)}
        await self._ask("_do", step=json.dumps(asdict(step)), **number)

    async def _start(self, setup: str) -> None:
        log = ["--log", str(self._log)] if self._log else []
        self._process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "console.demo.conversation_server",
                "--until-eof",
                "--setup",
                setup,
                *log,
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await self._process.stdout.readline()
            self.url = f"http://127.0.0.1:{json.loads(line)['port']}"
        except (TimeoutError, ValueError, KeyError):
            raise ConversationServerError("The conversation server of the demo line did not start.") from None

    async def _stop(self) -> None:
        await self._client.aclose()
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, path: str, **query: str) -> httpx.Response:
        answer = await self._client.get(f"{self.url}/{path}", params=query)
        if answer.status_code != 200:
            raise ConversationServerError(f"{path}: {answer.text}")
        return answer
