"""A client of ctrl_tcp: one connection at a time, one command at a time, and a watch over both.

Nothing that passes here is logged: responses to account commands echo the SIP password.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from ..core.system_errors import system_error
from ..core.words import phrase
from .ctrl_messages import PhoneMessage, Response, Unreadable, encode_command, parse
from .free_port import is_free
from .netstring import Decoder, NetstringError

_SETTLE = 0.2
"""Seconds within which a program that ends has closed its port, too."""


class Loss(Enum):
    """How the link was lost, or could not be made."""

    CLOSED = auto()  # the far side closed it: the program ended, or another controller connected
    TAKEN_OVER = auto()  # again right after reconnecting: another controller wants it; we stopped
    SILENT = auto()  # a command was not answered in time
    BROKEN = auto()  # what came is not the protocol
    REFUSED = auto()  # nobody listens
    UNREACHABLE = auto()


class LinkLost(Exception):
    """The command could not be answered: no link, or it was lost meanwhile."""


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """Seconds. `hesitation`: an answer that takes longer is told as silence, one that takes longer than
    `answer` ends the link. `contested`: a second end of it this soon after connecting is a take-over."""

    answer: float = 5.0
    hesitation: float = 0.8
    heartbeat: float = 0.8
    connect: float = 5.0
    contested: float = 10.0
    first_retry: float = 0.25
    longest_retry: float = 5.0


class LinkListener(Protocol):
    """Who uses the link. Called on the loop; `message` in the order of arrival."""

    async def link_up(self) -> None:
        """Connected. May send requests; cancelled when the link is lost meanwhile."""

    def message(self, message: PhoneMessage | Unreadable) -> None: ...

    def link_silent(self, silent: bool) -> None:
        """An answer takes long; or it has come after all. The end of the link ends the silence untold."""

    def link_down(self, loss: Loss, reason: str) -> None:
        """The link is lost or could not be made; it is tried again unless taken over."""


@dataclass(slots=True)
class _Pending:
    token: str
    answer: asyncio.Future[Response]
    then: Callable[[Response], None] | None


class CtrlClient:
    """Keeps a link to the ctrl_tcp at `host:port`, reconnecting until `run` is cancelled."""

    def __init__(self, host: str, port: int, listener: LinkListener, times: LinkTimes | None = None) -> None:
        self._address = (host, port)
        self._listener = listener
        self._times = times or LinkTimes()
        self._connection: _Connection | None = None
        self._turn = asyncio.Lock()
        self._tokens = itertools.count(1)
        self._again = asyncio.Event()
        self._silent = False

    async def run(self) -> None:
        """Connect, serve, reconnect: at once after a loss, then ever more slowly."""
        delay, contested = 0.0, False
        while True:
            await self._pause(delay)
            connection = await self._connect()
            if connection is None:
                delay = min(max(delay * 2, self._times.first_retry), self._times.longest_retry)
                contested = False
                continue
            loss, reason, lived = await self._serve(connection)
            delay = 0.0
            soon = loss is Loss.CLOSED and lived < self._times.contested
            if soon and contested and await self._still_listens():
                self._listener.link_down(
                    Loss.TAKEN_OVER, phrase("another program took over the control link")
                )
                self._again.clear()
                await self._again.wait()
                contested = False
                continue
            # One end alone is no contest: a program that ends closes its links too.
            contested = loss is Loss.CLOSED
            self._listener.link_down(loss, reason)

    def take_back(self) -> None:
        """Connect again now: after a take-over (which throws the other controller out), or while waiting."""
        self._again.set()

    async def request(
        self, command: str, params: str = "", then: Callable[[Response], None] | None = None
    ) -> Response:
        """Send one command and wait for its answer.

        `then` gets the answer before any later message is delivered. Raises `CommandRefused` (nothing was
        sent) and `LinkLost`; a command that is not answered in time ends the link.
        """
        token = str(next(self._tokens))
        frame = encode_command(command, params, token)
        async with self._turn:
            connection = self._connection
            if connection is None:
                raise LinkLost(phrase("no link to send {command}", command=command))
            pending = _Pending(token, asyncio.get_running_loop().create_future(), then)
            connection.send(frame, pending)
            try:
                async with asyncio.timeout(self._times.answer):
                    return await self._answer(pending)
            except TimeoutError:
                silence = phrase(
                    "baresip did not answer {command} for {seconds:g} s",
                    command=command,
                    seconds=self._times.answer,
                )
                connection.end(Loss.SILENT, silence)
                raise LinkLost(silence) from None
            finally:
                connection.settle(pending)

    async def _answer(self, pending: _Pending) -> Response:
        await asyncio.wait({pending.answer}, timeout=self._times.hesitation)
        if not pending.answer.done() and not self._silent:
            self._silent = True
            self._listener.link_silent(True)
        answer = await pending.answer
        if self._silent:
            self._silent = False
            self._listener.link_silent(False)
        return answer

    async def _pause(self, delay: float) -> None:
        self._again.clear()
        if delay:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._again.wait()

    async def _still_listens(self) -> bool:
        """Whether the far side lives on. One that ends may accept once more while it does; connecting to find
        out would throw the other controller out."""
        await asyncio.sleep(_SETTLE)
        return not is_free(*self._address)

    async def _connect(self) -> _Connection | None:
        host, port = self._address
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._times.connect):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._listener), host, port, family=socket.AF_UNSPEC
                )
        except ConnectionRefusedError:
            self._listener.link_down(
                Loss.REFUSED, phrase("nobody listens at {host}:{port}", host=host, port=port)
            )
        except (OSError, TimeoutError) as error:
            reason = system_error(error) if getattr(error, "strerror", None) else phrase("no answer")
            self._listener.link_down(
                Loss.UNREACHABLE,
                phrase("cannot reach {host}:{port}: {reason}", host=host, port=port, reason=reason),
            )
        else:
            return connection
        return None

    async def _serve(self, connection: _Connection) -> tuple[Loss, str, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._connection, self._silent = connection, False
        watch = asyncio.create_task(self._watch())
        try:
            both: set[asyncio.Future[Any]] = {connection.over, watch}
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if watch in done:
                watch.result()  # a bug in the listener must not pass for a quiet link
            loss, reason = await connection.over
            return loss, reason, loop.time() - began
        finally:
            self._connection = None
            connection.end(Loss.CLOSED, "closed by us")
            watch.cancel()
            await asyncio.wait({watch})

    async def _watch(self) -> None:
        try:
            await self._listener.link_up()
            while True:
                await asyncio.sleep(self._times.heartbeat)
                await self.request("reginfo")
        except LinkLost:
            pass


class _Connection(asyncio.Protocol):
    """One TCP connection. `over` gives how it ended."""

    def __init__(self, listener: LinkListener) -> None:
        self.over: asyncio.Future[tuple[Loss, str]] = asyncio.get_running_loop().create_future()
        self._listener = listener
        self._decoder = Decoder()
        self._pending: _Pending | None = None
        self._transport: asyncio.Transport | None = None

    def send(self, frame: bytes, pending: _Pending) -> None:
        # One write a frame: Baresip loses a frame of which only a part arrives behind a complete one.
        self._pending = pending
        if self._transport is not None and not self.over.done():
            self._transport.write(frame)
        else:
            self._fail_pending()

    def settle(self, pending: _Pending) -> None:
        """This command is done with; a late answer to it is dropped."""
        if self._pending is pending:
            self._pending = None

    def end(self, loss: Loss, reason: str) -> None:
        """Close now, whatever is still to be sent."""
        if not self.over.done():
            self.over.set_result((loss, reason))
        if self._transport is not None:
            self._transport.abort()
        self._fail_pending()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._acknowledge_at_once()

    def data_received(self, data: bytes) -> None:
        self._acknowledge_at_once()
        if self.over.done():
            return
        self._decoder.feed(data)
        try:
            for frame in self._decoder.frames():
                self._deliver(frame)
        except NetstringError as error:
            self.end(Loss.BROKEN, phrase("the control link is broken: {error}", error=error))

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(Loss.CLOSED, phrase("baresip closed the control link"))

    def _acknowledge_at_once(self) -> None:
        # Baresip leaves Nagle on: a delayed acknowledgement would hold its events back for up to 40 ms. The
        # kernel forgets this option after some segments.
        option = getattr(socket, "TCP_QUICKACK", None)
        if option is not None and self._transport is not None:
            sock = self._transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, 1)

    def _deliver(self, frame: bytes) -> None:
        message = parse(frame)
        if not isinstance(message, Response):
            self._listener.message(message)
            return
        pending = self._pending
        # Answers without a token belong to the one command that is out (1.0.0 after odd input).
        if pending is None or message.token not in (None, pending.token) or pending.answer.done():
            return
        if pending.then is not None:
            pending.then(message)
        pending.answer.set_result(message)

    def _fail_pending(self) -> None:
        if self._pending is not None and not self._pending.answer.done():
            self._pending.answer.set_exception(LinkLost(phrase("the control link was lost")))
            # Whoever asked may have been cancelled meanwhile: nobody is left to look at it.
            self._pending.answer.exception()
