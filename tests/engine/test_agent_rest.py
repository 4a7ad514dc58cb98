"""Conformance check 22: the signed URL over HTTP, with every error shape of the document, and worse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from console.agent.rest import ElevenLabsRest, RestError
from console.core.events import Refusal
from console.demo.conversation.script import RestAnswer, Script, Setup
from console.demo.conversation_server import ConversationServer

KEY = "a-key-that-must-never-be-shown"
TLS = httpx.create_ssl_context()
HTML = "<html><body>It works!</body></html>"


@pytest.fixture
def ask() -> Callable[..., Any]:
    """The error (or URL) that one request for a signed URL gives when the server answers like this."""

    async def ask(answer: RestAnswer | None = None, key: str = KEY, **script: Any) -> RestError | str:
        scripts = {"agent": Script(signed=(answer,) if answer else (), **script)}
        async with ConversationServer(Setup(api_key=KEY, agents=scripts)) as server:
            rest = ElevenLabsRest(server.url, key, tls=TLS, limit=1.0)
            try:
                return await rest.conversation_url("agent")
            except RestError as error:
                return error
            finally:
                await rest.aclose()

    return ask


@pytest.mark.parametrize(
    ("answer", "refusal", "words"),
    [
        (
            RestAnswer(401, {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}}),
            Refusal.KEY,
            "invalid_api_key: Invalid API key",
        ),
        (
            RestAnswer(401, {"detail": {"status": "missing_permissions", "message": "no convai_read"}}),
            Refusal.KEY,
            "missing_permissions",
        ),
        (
            RestAnswer(401, {"detail": {"type": "x", "code": "quota_exceeded", "message": "no credits"}}),
            Refusal.CREDITS,
            "out of credits",
        ),
        (
            RestAnswer(400, {"detail": {"type": "x", "code": "invalid_api_key", "message": "bad"}}),
            Refusal.KEY,
            "ELEVENLABS_API_KEY",
        ),
        (RestAnswer(403, {"detail": "Forbidden"}), Refusal.KEY, "Forbidden"),
        (RestAnswer(404, {"detail": "Agent not found"}), Refusal.AGENT, "ELEVENLABS_AGENT_ID"),
        (RestAnswer(404, text=HTML), Refusal.AGENT, "ELEVENLABS_AGENT_ID"),
        (
            RestAnswer(422, {"detail": [{"loc": ["query", "agent_id"], "msg": "too short", "type": "v"}]}),
            Refusal.CONFIG,
            "query.agent_id: too short",
        ),
        (RestAnswer(422, {"detail": [{"loc": 5}]}), Refusal.CONFIG, "422"),
        (RestAnswer(422, {"detail": []}), Refusal.CONFIG, "422"),
        (RestAnswer(302, text=HTML), Refusal.OTHER, "ELEVENLABS_BASE_URL"),
        (RestAnswer(418, {"detail": {"status": 7, "message": None}}), Refusal.OTHER, "418"),
        (RestAnswer(429, {"detail": {"status": "too_many_concurrent_requests"}}), None, "429"),
        (RestAnswer(429, {"detail": {"status": "quota_exceeded"}}), Refusal.CREDITS, "credits"),
        (RestAnswer(429, {"detail": {"status": "system_busy"}}), None, "busy"),
        (RestAnswer(500, text=HTML), None, "500"),
        (RestAnswer(503, {"detail": "down"}), None, "down"),
        (RestAnswer(200, text=HTML), None, "JSON"),
        (RestAnswer(200, text="[" * 100_000), None, "JSON"),
        (RestAnswer(200, {"url": "x"}), None, "without a signed URL"),
        (RestAnswer(200, ["x"]), None, "without a signed URL"),
        (RestAnswer(200, {"signed_url": None}), None, "without a signed URL"),
        (RestAnswer(200, {"signed_url": "x"}, delay=60.0), None, "within 1 s"),
    ],
)
async def test_check_22_every_error_is_one_sentence(
    ask: Any, answer: RestAnswer, refusal: Refusal | None, words: str
) -> None:
    error = await ask(answer)
    assert isinstance(error, RestError)
    assert error.refusal is refusal
    assert words in str(error)
    assert str(error).endswith(".")
    assert "\n" not in str(error)


async def test_check_22_a_signed_url_is_given(ask: Any) -> None:
    url = await ask()
    assert url.startswith("ws://127.0.0.1:")
    assert "conversation_signature=" in url


@pytest.mark.parametrize(
    "url",
    [
        "wss://evil.example/v1/convai/conversation?conversation_signature=s",
        "ws://127.0.0.1:1/v1/convai/conversation?conversation_signature=s",
        "ws://127.0.0.1/x",
        "https://127.0.0.1/x",
        "ws://[broken/x",
        "ws://127.0.0.1:99999/x",
        "not a url",
        "\x1b[2Jws://x",
    ],
)
async def test_check_22_a_signed_url_for_another_host_is_refused(ask: Any, url: str) -> None:
    error = await ask(signed_url=url)
    assert isinstance(error, RestError)
    assert error.refusal is Refusal.CONFIG
    assert "another host" in str(error)
    assert "signature=s" not in str(error)
    assert "\x1b" not in str(error)


async def test_check_22_a_signed_url_with_a_user_in_it_is_refused() -> None:
    async with ConversationServer(Setup(agents={"agent": Script()})) as server:
        url = server.url.replace("http://", "ws://someone@") + "/x"
        server.define("agent", Script(signed_url=url))
        rest = ElevenLabsRest(server.url, KEY, tls=TLS, limit=1.0)
        with pytest.raises(RestError, match="another host"):
            await rest.conversation_url("agent")
        await rest.aclose()


async def test_check_22_secrets_that_come_back_are_not_shown(ask: Any) -> None:
    error = await ask(RestAnswer(400, {"detail": {"code": KEY, "message": f"your key {KEY} is odd"}}))
    assert KEY not in str(error)


async def test_check_22_nobody_there() -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    rest = ElevenLabsRest(f"http://127.0.0.1:{port}", KEY, tls=TLS, limit=1.0)
    with pytest.raises(RestError, match=r"127\.0\.0\.1 cannot be reached") as raised:
        await rest.conversation_url("agent")
    assert raised.value.refusal is None
    await rest.aclose()


@pytest.mark.parametrize("garbage", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
async def test_check_22_something_that_is_no_web_server(garbage: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(garbage)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    rest = ElevenLabsRest(f"http://127.0.0.1:{port}", KEY, tls=TLS, limit=1.0)
    with pytest.raises(RestError, match="cannot be reached") as raised:
        await rest.conversation_url("agent")
    assert raised.value.refusal is None
    await rest.aclose()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://api.elevenlabs.io", "wss://api.elevenlabs.io/v1/convai/conversation?agent_id=a%20b"),
        (
            "https://api.eu.residency.elevenlabs.io/",
            "wss://api.eu.residency.elevenlabs.io/v1/convai/conversation?agent_id=a%20b",
        ),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/convai/conversation?agent_id=a%20b"),
    ],
)
async def test_the_public_url_follows_from_the_base(base: str, expected: str) -> None:
    rest = ElevenLabsRest(base, "", tls=TLS, limit=1.0)
    assert await rest.conversation_url("a b") == expected
    await rest.aclose()


@pytest.mark.parametrize("host", ["api.elevenlabs.io", "API.ElevenLabs.io", "api.elevenlabs.io:443"])
async def test_the_same_host_may_be_written_in_other_ways(host: str) -> None:
    rest = ElevenLabsRest("https://api.elevenlabs.io", KEY, tls=TLS, limit=1.0)
    rest._check_signed(f"wss://{host}/v1/convai/conversation?conversation_signature=s")
    await rest.aclose()
