"""A conversation server of our own that speaks the ElevenLabs agent protocol over real sockets.

The demo line talks to it, and the tests measure the client with it: REST and WebSocket on one port, strict
about everything a client sends, and a record of what it saw. As a child process:

    python -m console.demo.conversation_server --setup FILE [--log FILE] [--port N] [--until-eof]

prints `{"port": N}` on its first line. Beside the two paths of ElevenLabs it answers, for whoever started it:

    /_report                            the record, see `conversation.record`
    /_audio?conversation=N              what the caller sent, as S16LE at the rate of the input format
    /_arrivals?conversation=N           when it came, see `CallerAudio.arrivals`
    /_script?agent=ID&script=JSON       define an agent; `like=ID` instead: as that one is
    /_do?step=JSON[&conversation=N]     perform a step in a running conversation (the newest)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import secrets
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, cast
from urllib.parse import parse_qsl, quote, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from .conversation.recognition import recorded
from .conversation.record import Record, Seen
from .conversation.rest_account import AccountScript, RestAccount
from .conversation.script import RestAnswer, Script, Setup, Step
from .conversation.served_connection import ServedConnection, noting
from .conversation.serving import Serving

CONVERSATION_PATH = "/v1/convai/conversation"
SIGNED_URL_PATH = "/v1/convai/conversation/get-signed-url"
NO_SUCH_AGENT = "The AI agent you are trying to reach does not exist."
NOT_AUTHORIZED = "Could not authorize the conversation."

# Expected in tests of failures; what matters is in the record.
_log = logging.getLogger("console.demo.conversation_server")
_log.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class _Signature:
    agent_id: str
    expires: float


class ConversationServer:
    """The server; an async context manager. `tls`: serve `https` and `wss`. `record` is complete once the
    connections are gone."""

    def __init__(
        self,
        setup: Setup,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        record: Record | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.record = record or Record()
        self._setup = setup
        self._account = RestAccount(AccountScript.read(setup.account), self.record)
        self._scripts = dict(setup.agents)
        for script in self._scripts.values():
            recorded(script.hears)
        self._signed_answers = {name: list(script.signed) for name, script in self._scripts.items()}
        self._signatures: dict[str, _Signature] = {}
        self._host = host
        self._port = port
        self._tls = tls
        self._server: Server | None = None
        self._running: dict[int, Serving] = {}

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            self._host,
            self._port,
            process_request=self._process_request,
            open_timeout=self._setup.open_timeout,
            close_timeout=self._setup.close_timeout,
            max_size=2**21,
            compression=None,
            ssl=self._tls,
            logger=_log,
            create_connection=cast(type[ServerConnection], noting(self.record)),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        for connection in self._server.all_connections:
            if cast(ServedConnection, connection).deaf:
                connection.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """What `ELEVENLABS_BASE_URL` is set to."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    def define(self, agent_id: str, script: Script) -> None:
        self._scripts[agent_id] = script
        self._signed_answers[agent_id] = list(script.signed)

    async def do(self, step: Step, conversation: int | None = None) -> None:
        """Perform `step` in this running conversation, or the newest. `LookupError`: there is none."""
        if not self._running:
            raise LookupError("no conversation is running")
        number = max(self._running) if conversation is None else conversation
        with contextlib.suppress(Exception):  # the step may end the conversation
            await self._running[number].perform(step)

    # ---- HTTP ----

    async def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query))
        if parts.path == CONVERSATION_PATH:
            script = self._script(query)
            if script is not None and script.upgrade_delay:
                await _linger(connection, script.upgrade_delay)
            if script is not None and script.upgrade_status:
                return _json(connection, {"detail": "refused"}, script.upgrade_status)
            return None
        if parts.path == SIGNED_URL_PATH:
            return await self._sign(connection, request, query)
        if kind := self._account.kind(parts.path):
            return await self._tell(connection, request, parts.path, kind)
        if parts.path.startswith("/_"):
            return await self._control(connection, parts.path, query)
        return _json(connection, {"detail": "Not Found"}, 404)

    async def _sign(self, connection: ServerConnection, request: Request, query: dict[str, str]) -> Response:
        agent_id = query.get("agent_id", "")
        key = request.headers.get("xi-api-key", "")
        self.record.signed_urls.append({"t": time.time(), "agent_id": agent_id, "key": bool(key)})
        if answers := self._signed_answers.get(agent_id):
            answer = answers.pop(0)
            await _linger(connection, answer.delay)
            if answer.status != 200 or answer.body is not None or answer.text:
                return _scripted(connection, answer)
        if refusal := self._wrong_key(connection, key):
            return refusal
        if agent_id not in self._scripts:
            detail = {"status": "agent_not_found", "message": f"Agent with id {agent_id} not found"}
            return _json(connection, {"detail": detail}, 404)
        host = request.headers.get("Host", "")
        url = self._scripts[agent_id].signed_url or self._signed(agent_id, host)
        return _json(connection, {"signed_url": url})

    async def _tell(self, connection: ServerConnection, request: Request, path: str, kind: str) -> Response:
        """Of the account; see `rest_account`."""
        if answer := self._account.scripted(kind):
            await _linger(connection, answer.delay)
            return _scripted(connection, answer)
        if refusal := self._wrong_key(connection, request.headers.get("xi-api-key", "")):
            return refusal
        return _scripted(connection, self._account.document(path, self._scripts))

    def _wrong_key(self, connection: ServerConnection, key: str) -> Response | None:
        if key and (not self._setup.api_key or key == self._setup.api_key):
            return None
        detail = {"status": "invalid_api_key", "message": "Invalid API key"}
        return _json(connection, {"detail": detail}, 401)

    def _signed(self, agent_id: str, host: str) -> str:
        """A URL good for one conversation, where the client reached us: there may be a proxy."""
        signature = secrets.token_urlsafe(24)
        self._signatures[signature] = _Signature(agent_id, time.monotonic() + self._setup.url_seconds)
        base = f"{'wss' if self._tls else 'ws'}://{host}"
        agent = quote(agent_id, safe="")
        return f"{base}{CONVERSATION_PATH}?agent_id={agent}&conversation_signature={signature}"

    async def _control(self, connection: ServerConnection, path: str, query: dict[str, str]) -> Response:
        try:
            match path:
                case "/_report":
                    return _json(connection, self.record.report())
                case "/_audio":
                    seen = self.record.conversations[int(query["conversation"]) - 1]
                    pcm = seen.audio.pcm().astype("<i2").tobytes() if seen.audio else b""
                    return _respond(connection, pcm, 200, "application/octet-stream")
                case "/_arrivals":
                    seen = self.record.conversations[int(query["conversation"]) - 1]
                    return _json(connection, seen.audio.arrivals if seen.audio else [])
                case "/_script":
                    known = self._scripts[query["like"]] if "like" in query else None
                    self.define(query["agent"], known or Script.read(json.loads(query["script"])))
                case "/_do":
                    number = int(query["conversation"]) if "conversation" in query else None
                    await self.do(Step(**json.loads(query["step"])), number)
                case _:
                    return _json(connection, {"detail": "Not Found"}, 404)
        except (LookupError, ValueError, TypeError) as error:
            return _json(connection, {"detail": f"{type(error).__name__}: {error}"}, 400)
        return _json(connection, {})

    # ---- conversations ----

    def _script(self, query: dict[str, str]) -> Script | None:
        """The script that an upgrade asks for, whether or not it will be allowed."""
        return self._scripts.get(query.get("agent_id", ""))

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ServedConnection)
        assert connection.request is not None
        query = dict(parse_qsl(urlsplit(connection.request.path).query))
        script = self._script(query)
        number = len(self.record.conversations) + 1
        opened = self.record.add("open", conversation=number, connection=connection.noted.number)
        seen = Seen(number, query.get("agent_id", ""), connection.noted.number, opened)
        connection.seen = seen
        self.record.conversations.append(seen)
        if refusal := self._refusal(script, query):
            # The real one lets the socket open first, too.
            await connection.close(3000, refusal)
            return
        assert script is not None
        connection.deaf = not script.answer_close
        connection.lingering = not script.ends_tcp
        self._running[number] = Serving(connection, script, seen, self.record)
        try:
            await self._running[number].run()
        finally:
            del self._running[number]
        if connection.deaf:
            await connection.wait_closed()

    def _refusal(self, script: Script | None, query: dict[str, str]) -> str:
        """Why this upgrade opens no conversation; a signature is good once, and not for ever."""
        if script is None:
            return NO_SUCH_AGENT
        signature = self._signatures.pop(query.get("conversation_signature", ""), None)
        if signature is None:
            return NOT_AUTHORIZED if script.private else ""
        good = signature.agent_id == query.get("agent_id") and time.monotonic() < signature.expires
        return "" if good else NOT_AUTHORIZED


async def _linger(connection: ServerConnection, seconds: float) -> None:
    """Let the client wait; not longer than it does."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await connection.wait_closed()


def _scripted(connection: ServerConnection, answer: RestAnswer) -> Response:
    text = answer.text if answer.body is None else json.dumps(answer.body)
    return _respond(connection, text.encode(), answer.status, "application/json")


def _json(connection: ServerConnection, body: Any, status: int = 200) -> Response:
    return _respond(connection, json.dumps(body).encode(), status, "application/json")


def _respond(connection: ServerConnection, body: bytes, status: int, content_type: str) -> Response:
    response = connection.respond(status, "")
    response.body = body
    for name, value in (("Content-Type", content_type), ("Content-Length", str(len(body)))):
        del response.headers[name]
        response.headers[name] = value
    return response


# ---- as a process ----


async def _run(setup: Setup, port: int, log: TextIO | None, until_eof: bool) -> None:
    async with ConversationServer(setup, port=port, record=Record(log)) as server:
        print(json.dumps({"port": server.port}), flush=True)
        if until_eof:
            await _end_of_input()
        else:
            await asyncio.Event().wait()


async def _end_of_input() -> None:
    """Whoever started this holds the other end of our standard input, and is gone when it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def main() -> None:
    parser = argparse.ArgumentParser(prog="conversation_server", description=__doc__)
    parser.add_argument("--setup", required=True, help="JSON file: a conversation.script.Setup")
    parser.add_argument("--log", default="", help="file that gets every entry of the record as a JSON line")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    # Its record only grows, and looking it through again and again would delay what it says of others.
    gc.set_threshold(50_000, 50, 1000)
    setup = Setup.read(json.loads(Path(options.setup).read_text("utf-8")))
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as files:
        log = files.enter_context(open(options.log, "a", encoding="utf-8")) if options.log else None
        asyncio.run(_run(setup, options.port, log, options.until_eof))


if __name__ == "__main__":
    main()
