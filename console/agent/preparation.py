"""Everything of a session up to the 101: the signed URL and a connection that holds back its upgrade request.

Nothing here is billed until `upgraded` sends the request.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..core.events import Refusal
from ..core.words import phrase
from .rest import ElevenLabsRest, RestError
from .wire import AgentConnection, Timing, WireError, dial

Ready = Callable[[bool], None]
Trouble = Callable[[str, Refusal | None], None]


class Preparation:
    """Gets ready for one session. `ready(tls)` is called when everything unbilled is there, `trouble(why,
    refusal)` for each attempt that failed; attempts go on with back-off unless there is a refusal."""

    def __init__(
        self,
        agent_id: str,
        rest: ElevenLabsRest,
        tls: ssl.SSLContext,
        timing: Timing,
        ready: Ready,
        trouble: Trouble,
    ) -> None:
        self.opening = asyncio.Event()
        self._agent_id = agent_id
        self._rest = rest
        self._tls = tls
        self._timing = timing
        self._ready = ready
        self._trouble = trouble
        self._url = ""
        self._url_made = 0.0
        self._held: AgentConnection | None = None
        self._is_ready = False

    def redact(self, text: str) -> str:
        """`text` without the secrets of this session."""
        signed = [value for name, value in parse_qsl(urlsplit(self._url).query) if name != "agent_id"]
        for secret in (self._url, *signed, *self._rest.secrets):
            if len(secret) > 3:
                text = text.replace(secret, "***")
        return text

    def open(self) -> None:
        """From now on the session may be billed: the upgrade request leaves at once where a connection is
        held, else as soon as there is one."""
        self.opening.set()
        if self._is_usable():
            assert self._held is not None
            self._held.ask()

    def release(self) -> None:
        """Let go of the connection that is held."""
        if self._held is not None:
            self._held.transport.abort()
            self._held = None

    async def hold(self) -> None:
        """Until `opening`: keep a connection, replaced before it grows old and whenever the far side closes
        it. Raises `RestError` at `opening` after a definite refusal."""
        pause = self._timing.retry
        while not self.opening.is_set():
            began = time.monotonic()
            if await self._unless_asked(self._attempt()):
                assert self._held is not None
                await self._until_opening(self._timing.hold, self._held.wait_closed())
                if self._held.held:
                    pause = self._timing.retry
                    continue
            if time.monotonic() - began > self._timing.retry_most:
                pause = self._timing.retry
            await self._until_opening(pause)
            pause = min(2 * pause, self._timing.retry_most)

    async def upgraded(self) -> AgentConnection:
        """The open WebSocket, after `open`: over the connection that is held, at once over a new one where
        that is dead or dies without an answer. Raises `RestError` (a refusal) or `WireError`."""
        try:
            async with asyncio.timeout(self._timing.opening):
                return await self._upgrade()
        except TimeoutError:
            limit = f"{self._timing.opening:g}"
            raise WireError(
                phrase("ElevenLabs did not open the conversation within {limit} s", limit=limit)
            ) from None

    async def _upgrade(self) -> AgentConnection:
        connection = await self._asked()
        try:
            await connection.upgraded()
            return connection
        except WireError as error:
            if not error.silent:
                raise
        connection = await self._asked()
        await connection.upgraded()
        return connection

    async def _asked(self) -> AgentConnection:
        """The connection that has been asked for the upgrade, else the held one or a new one, asked now."""
        pause = self._timing.retry
        while self._held is None or not (self._held.asked or self._is_usable()):
            if not await self._attempt():
                await asyncio.sleep(pause)
                pause = min(2 * pause, self._timing.retry_most)
        connection, self._held = self._held, None
        if not connection.asked:
            connection.ask()
        return connection

    def _is_usable(self) -> bool:
        """The held connection lives and its URL is young enough."""
        return self._held is not None and self._held.held and not self._url_is_old()

    async def _attempt(self) -> bool:
        """Try once to get ready. After a definite refusal, which no other attempt will change, it waits for
        `opening` and raises it."""
        try:
            await self._renew()
        except (RestError, WireError) as error:
            refusal = error.refusal if isinstance(error, RestError) else None
            self._is_ready = False
            self._trouble(str(error), refusal)
            if refusal is None:
                return False
            await self.opening.wait()
            raise
        if not self._is_ready:
            self._is_ready = True
            self._ready(self._url.startswith("wss:"))
        return True

    async def _renew(self) -> None:
        """A fresh connection; the old one is let go only when the new one is there."""
        if not self._url or self._url_is_old():
            url = await self._rest.conversation_url(self._agent_id)
            self._url, self._url_made = url, time.monotonic()
        fresh = await dial(self._url, self._tls, self._timing)
        if self._held is not None and self._held.asked:
            fresh.transport.abort()  # never two requests
            return
        self.release()
        self._held = fresh

    def _url_is_old(self) -> bool:
        return time.monotonic() - self._url_made > self._timing.url_age

    async def _unless_asked(self, attempt: Coroutine[Any, Any, bool]) -> bool:
        """What `attempt` gives; dropped when `open` comes and the connection that is held serves."""
        task = asyncio.ensure_future(attempt)
        opening = asyncio.ensure_future(self.opening.wait())
        try:
            await asyncio.wait({task, opening}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and self._held is not None and self._held.asked:
                return True
            return await task
        finally:
            task.cancel()
            opening.cancel()
            await asyncio.gather(task, opening, return_exceptions=True)

    async def _until_opening(self, seconds: float, sooner: Coroutine[Any, Any, None] | None = None) -> None:
        """Until `opening`, the end of `sooner`, or for so many seconds."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self.opening.wait())]
        if sooner is not None:
            waits.append(asyncio.ensure_future(sooner))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
