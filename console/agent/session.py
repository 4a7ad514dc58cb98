"""An AI session from being prepared (unbilled) to its end.

`prepare` gets everything ready short of the upgrade request, which alone opens a billed conversation;
`open` sends it; `close` ends whatever there is. Each session is one task; exactly one `AgentClosed` is its
last word.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from ..core import events as ev
from ..core.events import AgentAsks, Refusal
from ..core.text import clean
from ..core.tools import TOOLS
from ..core.words import foreign_parts, phrase
from ..ports import AgentMedia, Emit, SessionRequest
from . import messages as m
from .conversation import Conversation, UnsupportedFormat
from .outbox import Outbox
from .preparation import Preparation
from .refusals import classify_close
from .rest import ElevenLabsRest, RestError, classify_status
from .tools import CallContext, ToolResult, Tools
from .wire import AgentConnection, Timing, WireError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_ARGUMENT_LIMIT = 1000
_LOST = CloseCode.ABNORMAL_CLOSURE


@dataclass(frozen=True, slots=True)
class _End:
    """How a session ended, as in `AgentClosed`."""

    code: int
    reason: str
    ours: bool = False
    refusal: Refusal | None = None


class ElevenLabsSession:
    """Implements `ports.AgentSession`. Made by `agents.ElevenLabsAgents`; on its loop only."""

    def __init__(
        self,
        request: SessionRequest,
        media: AgentMedia,
        emit: Emit,
        *,
        agent_id: str,
        rest: ElevenLabsRest,
        tls: ssl.SSLContext,
        tools: Tools,
        timing: Timing,
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self._request = request
        self._media = media
        self._emit = emit
        self._tools = tools
        self._timing = timing
        self._signed = rest.signs
        self._preparation = Preparation(agent_id, rest, tls, timing, self._ready, self._trouble)
        self._closing = asyncio.Event()
        self._close_reason = ""
        self._context = ""
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._connection: AgentConnection | None = None
        self._conversation: Conversation | None = None
        self._group: asyncio.TaskGroup | None = None
        self._tool_tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<ElevenLabsSession {self._request.call}/{self._request.session}>"

    # ---- ports.AgentSession ----

    def prepare(self) -> None:
        self._start()

    def open(self, context: str) -> None:
        if self._closing.is_set():
            return
        self._context = context
        self._preparation.open()
        self._start()

    def close(self, reason: str) -> None:
        if not self._closing.is_set():
            self._close_reason = reason
            self._closing.set()
            if self._conversation is not None and self._connection is not None:
                self._connection.bid_farewell(CloseCode.NORMAL_CLOSURE, reason)
            self._start()

    def send_audio(self, payload: bytes) -> None:
        if self._conversation is not None and not self._closing.is_set():
            self._conversation.hear(payload)
            self._wake.set()

    def tell(self, text: str, as_turn: bool) -> None:
        if self._conversation is not None and self._conversation.live and not self._closing.is_set():
            self._put(m.user_message(text) if as_turn else m.contextual_update(text))

    def answer(self, request: str, text: str, is_error: bool) -> None:
        if self._conversation is not None and not self._closing.is_set():
            self._put(m.tool_result(request, text, is_error))

    def backlog(self) -> int:
        written = self._connection.transport.get_write_buffer_size() if self._connection is not None else 0
        return self._outbox.audio_bytes + written

    # ---- the task ----

    def _start(self) -> None:
        if self.task is None:
            name = f"agent session {self._request.call}/{self._request.session}"
            self.task = asyncio.get_running_loop().create_task(self._run(), name=name)

    async def _run(self) -> None:
        end = _End(_LOST, phrase("the AI session failed"))
        try:
            end = await self._live()
        except Exception:
            _log.exception("An AI session failed")
        finally:
            self._conversation = None
            self._preparation.release()
            if self._connection is not None:
                self._connection.transport.abort()
            request = self._request
            self._emit(
                ev.AgentClosed(
                    request.call, request.session, int(end.code), end.reason, end.ours, end.refusal
                )
            )

    async def _live(self) -> _End:
        """From nothing to the end."""
        try:
            connection = await self._unless_closed(self._reach())
        except RestError as error:
            return _End(_LOST, self._say(str(error), 400), refusal=error.refusal)
        except WireError as error:
            refusal = classify_status(error.status) if error.status is not None else None
            return _End(_LOST, self._say(str(error)), refusal=refusal)
        if connection is None:
            return self._ours()
        return await self._converse(connection)

    async def _reach(self) -> AgentConnection:
        """Be prepared, wait for `open`, upgrade."""
        await self._preparation.hold()
        self._connection = await self._preparation.upgraded()
        self._emit(ev.AgentUpgraded(self._request.call, self._request.session))
        return self._connection

    async def _unless_closed(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """What `work` gives, or None when `close` comes first; then `work` is cancelled."""
        task = asyncio.ensure_future(work)
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({task, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() or (self._closing.is_set() and task.exception() is not None):
                return None
            return task.result()
        finally:
            task.cancel()
            closing.cancel()
            await asyncio.gather(task, closing, return_exceptions=True)

    def _ours(self) -> _End:
        return _End(CloseCode.NORMAL_CLOSURE, self._close_reason, ours=True)

    def _ready(self, tls: bool) -> None:
        self._emit(ev.AgentWarm(self._request.call, self._request.session, self._signed, tls))

    def _trouble(self, why: str, refusal: Refusal | None) -> None:
        why = self._say(why, 400)
        self._emit(ev.AgentPrepareFailed(self._request.call, self._request.session, why, refusal))

    def _say(self, text: str, limit: int = 200) -> str:
        """Foreign text without our secrets, fit to be shown."""
        return foreign_parts(text, lambda said: clean(self._preparation.redact(said), limit))

    # ---- the conversation ----

    async def _converse(self, connection: AgentConnection) -> _End:
        self._put(self._initiation())
        conversation = Conversation(
            self._request,
            self._context,
            self._media,
            self._emit,
            self._outbox,
            self._call_tool,
            self._preparation.redact,
        )
        self._conversation = conversation
        async with asyncio.TaskGroup() as group:
            self._group = group
            aside = [
                group.create_task(self._write(connection, conversation)),
                group.create_task(self._close_when_asked(connection)),
            ]
            try:
                return await self._read(connection, conversation)
            finally:
                aside += self._tool_tasks
                for task in aside:
                    task.cancel()

    def _initiation(self) -> str:
        request = self._request
        variables = {"phone_number": request.number, **dict(request.variables)}
        return m.initiation({name: value for name, value in variables.items() if value}, request.number)

    def _put(self, message: str) -> None:
        self._outbox.put(message)
        self._wake.set()

    async def _write(self, connection: AgentConnection, conversation: Conversation) -> None:
        """The only writer: control messages ahead of audio."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while (item := self._outbox.take()) is not None:
                    await connection.send(item if isinstance(item, str) else m.user_audio(item))
                conversation.sent_audio()
        except ConnectionClosed:
            pass  # the reader tells how

    async def _close_when_asked(self, connection: AgentConnection) -> None:
        await self._closing.wait()
        await connection.shut(CloseCode.NORMAL_CLOSURE, self._close_reason)

    async def _read(self, connection: AgentConnection, conversation: Conversation) -> _End:
        """Take every frame until the end, and tell it."""
        limit = self._timing.metadata
        try:
            async with asyncio.timeout(limit) as deadline:
                while True:
                    frame = await connection.recv()
                    if self._closing.is_set():
                        continue
                    conversation.take(frame)
                    self._wake.set()
                    if conversation.live:
                        deadline.reschedule(None)
        except ConnectionClosed as closed:
            return self._end(closed, conversation)
        except TimeoutError:
            await connection.shut(CloseCode.NORMAL_CLOSURE, "no metadata")
            return self._own_end(
                _End(
                    _LOST, phrase("ElevenLabs did not start the conversation within {limit:g} s", limit=limit)
                )
            )
        except UnsupportedFormat as error:
            await connection.shut(CloseCode.UNSUPPORTED_DATA, "unsupported audio format")
            return self._own_end(_End(CloseCode.UNSUPPORTED_DATA, str(error), refusal=Refusal.CONFIG))

    def _own_end(self, end: _End) -> _End:
        return self._ours() if self._closing.is_set() else end

    def _end(self, closed: ConnectionClosed, conversation: Conversation) -> _End:
        if self._closing.is_set():
            return self._ours()
        error = conversation.last_error
        if closed.rcvd is not None and closed.rcvd_then_sent is not False:
            code, reason = closed.rcvd.code, closed.rcvd.reason
        elif closed.sent is not None and closed.sent.code != CloseCode.INTERNAL_ERROR:
            # Our side had to fail the connection: a frame too big, or against RFC 6455.
            code = closed.sent.code
            reason = _FAILED.get(code, phrase("ElevenLabs broke the protocol"))
        else:
            silent = closed.sent is not None
            lost = phrase("ElevenLabs stopped answering") if silent else phrase("the connection was lost")
            code, reason = _LOST, (error.text or error.name) if error is not None else lost
        refusal = conversation.refusal(code, classify_close(code, reason, error))
        if not reason and error is not None:
            reason = error.text or error.name
        return _End(code, self._say(reason), refusal=refusal)

    # ---- tools ----

    def _call_tool(self, call: m.ToolCall) -> None:
        """The console's own tools are decided by the core, which answers through `answer`."""
        if call.name in TOOLS:
            given = tuple((str(k), self._say(str(v), _ARGUMENT_LIMIT)) for k, v in call.parameters.items())
            request = self._request
            self._emit(AgentAsks(request.call, request.session, call.call_id, call.name, given))
            return
        assert self._group is not None
        task = self._group.create_task(self._run_tool(call))
        self._tool_tasks.add(task)
        task.add_done_callback(self._tool_tasks.discard)

    async def _run_tool(self, call: m.ToolCall) -> None:
        """Exactly one result, whatever the tool does."""
        try:
            result = await self._tools.run(self._context_of_call(), call.name, call.parameters)
        except Exception as error:
            _log.warning("Tool %s failed: %s", self._say(call.name, 60), type(error).__name__)
            result = ToolResult(phrase("the tool failed: {error}", error=type(error).__name__), is_error=True)
        self._put(m.tool_result(call.call_id, result.text, result.is_error))
        if self._conversation is not None:
            self._conversation.tool_used(call.name, not result.is_error)

    def _context_of_call(self) -> CallContext:
        request = self._request
        return CallContext(request.call, request.number, request.incoming, dict(request.variables))


_FAILED: dict[int, str] = {CloseCode.MESSAGE_TOO_BIG: phrase("ElevenLabs sent a message of over 16 MiB")}
