"""What is asked of ElevenLabs beside the calls: the credits that are left, and what a finished call cost.

Nothing waits for it, and nothing stops when it cannot be asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from .core.state import Call
from .ports import Agents, Emit

ACCOUNT_SECONDS = 60.0
"""Between two looks at the account."""

TROUBLE_SECONDS = 10.0
"""The same while it cannot be looked at."""


class Billing:
    """On the engine's loop."""

    def __init__(self, agents: Agents, emit: Emit) -> None:
        self._agents = agents
        self._emit = emit
        self._account_due = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Look at the account now, every minute, and after each call."""
        self._spawn(self._watch_account())

    def review(self, call: Call) -> None:
        """Find out what this finished call cost, and after trouble at once whether there is an AI at all."""
        if call.agent.trouble:
            self._account_due.set()
        if call.agent.conversation_id:
            self._spawn(self._review(call))

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch_account(self) -> None:
        while True:
            account = await self._agents.account()
            if account is not None:
                self._emit(account)
            self._account_due.clear()
            troubled = account is not None and bool(account.trouble)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TROUBLE_SECONDS if troubled else ACCOUNT_SECONDS):
                    await self._account_due.wait()

    async def _review(self, call: Call) -> None:
        review = await self._agents.review(call.id, call.agent.conversation_id)
        if review is not None:
            self._emit(review)
            self._account_due.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
