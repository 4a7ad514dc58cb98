"""The ElevenLabs account that sessions are made on."""

from __future__ import annotations

import asyncio
import ssl

import httpx

from ..core.events import AccountRead, CallId, CallReviewed
from ..core.finding import Severity
from ..core.words import joined
from ..ports import AgentMedia, Emit, SessionRequest
from .account import Subscription, no_agent_there, read_account
from .account_findings import agent_findings, subscription_findings
from .aftercall import after_call
from .rest import ElevenLabsRest
from .session import ElevenLabsSession
from .tools import NoTools, Tools
from .wire import Timing


class ElevenLabsAgents:
    """Implements `ports.Agents` for one ElevenLabs account; made on the engine's loop.

    `base_url`: REST base, the WebSocket host follows from it. `api_key` may be empty for public agents.
    `incoming_agent_id`: the agent for incoming calls. `tls`: another trust store, for tests.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        agent_id: str,
        incoming_agent_id: str = "",
        call_seconds: float = 600.0,
        tools: Tools | None = None,
        timing: Timing | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._agent_id = agent_id
        self._incoming_agent_id = incoming_agent_id
        self._call_seconds = call_seconds
        self._tools = tools or NoTools()
        self._timing = timing or Timing()
        self._tls = tls or httpx.create_ssl_context()
        self._rest = ElevenLabsRest(base_url, api_key, tls=self._tls, limit=self._timing.signed_url)
        self._sessions: list[ElevenLabsSession] = []

    def session(self, request: SessionRequest, media: AgentMedia, emit: Emit) -> ElevenLabsSession:
        session = ElevenLabsSession(
            request,
            media,
            emit,
            agent_id=self._incoming_agent_id if request.incoming else self._agent_id,
            rest=self._rest,
            tls=self._tls,
            tools=self._tools,
            timing=self._timing,
        )
        self._sessions = [s for s in self._sessions if s.task is None or not s.task.done()]
        self._sessions.append(session)
        return session

    async def account(self) -> AccountRead | None:
        if not self._rest.signs or not self._agent_id:
            return None
        read = await read_account(self._rest, self._agent_id)
        if trouble := no_agent_there(read):
            return AccountRead(trouble=trouble)
        subscription = read.subscription or Subscription()
        findings = (
            *(agent_findings(read.agent, call_seconds=self._call_seconds) if read.agent else ()),
            *subscription_findings(subscription),
        )
        return AccountRead(
            agent=read.agent.name if read.agent else "",
            credits=subscription.remaining,
            empty=subscription.known_empty,
            resets_at=subscription.resets_at,
            doubts=tuple(
                joined(" ", (f.text, f.remedy)) for f in findings if f.severity is not Severity.NOTE
            ),
        )

    async def review(self, call: CallId, conversation_id: str) -> CallReviewed | None:
        if not self._rest.signs:
            return None
        seen = await after_call(self._rest, conversation_id)
        return CallReviewed(
            call, conversation_id, seen.credits, seen.usd, seen.termination, seen.summary, seen.why
        )

    async def aclose(self) -> None:
        running = [s for s in self._sessions if s.task is not None and not s.task.done()]
        for session in running:
            session.close("the console ends")
        tasks = [session.task for session in running if session.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=2 * self._timing.close)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tools.close()
        await self._rest.aclose()
