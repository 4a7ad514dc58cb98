"""A scripted ctrl_tcp server on 127.0.0.1 that speaks the dialects of Baresip 1.0.0 and 4.9.0."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from console.core.events import Event
from console.phone.ctrl_client import LinkTimes
from console.phone.netstring import Decoder, encode

TIME_FACTOR = float(os.environ.get("TEST_TIME_FACTOR", "1"))
QUICK = LinkTimes(answer=0.6 * TIME_FACTOR, heartbeat=0.1, connect=1.0, first_retry=0.02, longest_retry=0.1)
"""Times of the link, short enough for a test and long enough for a busy machine."""


@dataclass
class ScriptedBaresip:
    """Answers like a Baresip; a new client throws the old one out. Change `answers` to misbehave."""

    version: str = "4.9.0"
    account: str = "sip:console@127.0.0.1:5099"
    calls: list[dict[str, str]] = field(default_factory=list)
    commands: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[object] = field(default_factory=list)
    connections: int = 0
    silent: set[str] = field(default_factory=set)
    answers: dict[str, Callable[[str], tuple[bool, str]]] = field(default_factory=dict)
    closes_calls: bool = True
    port: int = 0
    _writer: asyncio.StreamWriter | None = None
    _server: asyncio.Server | None = None
    _serving: set[asyncio.Task[None]] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_ids(self) -> bool:
        return self.version != "1.0.0"

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """The program ends: nobody listens any more."""
        assert self._server is not None
        self._server.close()
        self.drop()
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    def drop(self) -> None:
        """Close the control link."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def send_raw(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    def event(self, kind: str, call: dict[str, str] | None = None, **more: object) -> None:
        """Emit an event; for a call with its fields."""
        message: dict[str, object] = {"event": True, "type": kind, "accountaor": self.account}
        if call is not None:
            message |= {"direction": "outgoing", "peeruri": call["peer"], "id": call["id"]}
        self.send_raw(encode(json.dumps(message | more).encode()))

    async def got(self, command: str, times: int = 1, deadline: float = 5.0) -> list[str]:
        """Wait until this command has come `times` times; the parameters of each."""
        try:
            async with asyncio.timeout(deadline * TIME_FACTOR):
                while True:
                    params = [p for c, p in self.commands if c == command]
                    if len(params) >= times:
                        return params
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(f"no {command} ({times} times) among {self.commands}")

    async def connected(self, times: int, deadline: float = 5.0) -> None:
        """Wait for the connection number `times`."""
        async with asyncio.timeout(deadline * TIME_FACTOR):
            while self.connections < times:
                self._changed.clear()
                await self._changed.wait()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.drop()
        self._writer = writer
        self.connections += 1
        self._changed.set()
        decoder = Decoder()
        try:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65536):
                    decoder.feed(data)
                    for frame in decoder.frames():
                        self._command(json.loads(frame))
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            self._serving.discard(task)

    def _command(self, message: dict[str, str]) -> None:
        command, params = message["command"], message.get("params", "")
        self.commands.append((command, params))
        self.tokens.append(message.get("token"))
        self._changed.set()
        if command in self.silent:
            return
        answer = self.answers.get(command) or getattr(self, f"_{command}", lambda params: (True, ""))
        ok, data = answer(params)
        self.respond(message.get("token"), ok, data)

    def respond(self, token: object, ok: bool, data: str) -> None:
        if self._writer is not None:
            answer = {"response": True, "ok": ok, "data": data, "token": token}
            self.send_raw(encode(json.dumps(answer).encode()))

    def _about(self, params: str) -> tuple[bool, str]:
        return True, f"|   \x1b[34;1mbare\x1b[31;1msip\x1b[;m {self.version}   |\n"

    def _reginfo(self, params: str) -> tuple[bool, str]:
        mark = "0 -" if self.has_ids else ">"
        return (
            True,
            f"\n--- User Agents (1) ---\n{mark} {self.account}   \x1b[32mOK \x1b[;m  Expires 600s\n\n",
        )

    def _listcalls(self, params: str) -> tuple[bool, str]:
        lines = [
            f"> [line {n}{', id ' + call['id'] if self.has_ids else ''}]  0:00:02  "
            f"{call.get('state', 'ESTABLISHED')}             {call['peer']}"
            for n, call in enumerate(self.calls, 1)
        ]
        return True, "\n".join(["", f"--- Active calls ({len(lines)}) ---", *lines, "", ""])

    def _callstat(self, params: str) -> tuple[bool, str]:
        if not self.calls:
            return True, "\n(no active calls)\n"
        call = self.calls[-1]
        return True, (
            f"\n===== Call debug ({call.get('state', 'ESTABLISHED')}) =====\n"
            f" local_uri:  <{self.account}>\n peer_uri:   <{call['peer']}>\n"
            f" af=AF_INET id={call['id']}\n direction: Outgoing\n"
        )

    def _callfind(self, params: str) -> tuple[bool, str]:
        self.calls.sort(key=lambda call: call["id"] == params)
        return True, ""

    def _line(self, params: str) -> tuple[bool, str]:
        self.calls.append(self.calls.pop(int(params) - 1))
        return True, ""

    def _dial(self, params: str) -> tuple[bool, str]:
        call = {"id": f"id{len(self.commands)}", "peer": params, "state": "RINGING"}
        self.calls.append(call)
        if self.has_ids:
            self.event("CALL_OUTGOING", call)
            return True, f"call uri: {params}\ncall id: {call['id']}\n"
        self.event("CALL_LOCAL_SDP", call, id="", param="offer")
        return True, ""

    def _hangup(self, params: str) -> tuple[bool, str]:
        if not self.calls:
            return not self.has_ids, "no active call\n"
        wanted = [call for call in self.calls if call["id"] == params] or self.calls[-1:]
        if self.closes_calls:
            self.calls.remove(wanted[0])
            self.event("CALL_CLOSED", wanted[0], param="Connection reset by user")
        return True, ""

    def _quit(self, params: str) -> tuple[bool, str]:
        self.event("EXIT")
        return True, "Quit\n"


@asynccontextmanager
async def scripted_baresip(**more: object) -> AsyncIterator[ScriptedBaresip]:
    """A listening `ScriptedBaresip`."""
    server = ScriptedBaresip(**more)  # type: ignore[arg-type]
    await server.listen()
    try:
        yield server
    finally:
        await server.stop()


@dataclass
class Told:
    """Events in the order of arrival; `expect` walks forward through them."""

    events: list[Event] = field(default_factory=list)
    _next: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def expect(self, kind: type, deadline: float = 5.0, **fields: object) -> Event:
        """The next event of this kind with these fields, skipping others."""
        try:
            async with asyncio.timeout(deadline * TIME_FACTOR):
                while True:
                    while self._next < len(self.events):
                        event = self.events[self._next]
                        self._next += 1
                        wanted = all(getattr(event, name, None) == value for name, value in fields.items())
                        if isinstance(event, kind) and wanted:
                            return event
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(f"no {kind.__name__} {fields or ''}; got {self.events}")

    def of(self, *kinds: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kinds)]
