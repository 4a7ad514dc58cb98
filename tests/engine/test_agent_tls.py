"""REST and WebSocket over TLS as the console opens them: a server that cannot be verified gets nothing, not
even the key."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from console.agent.agents import ElevenLabsAgents
from console.agent.rest import ElevenLabsRest, RestError
from console.agent.wire import Timing, WireError, dial

TLS = Path(__file__).parent.parent / "fixtures" / "tls"
KEY = "sk_must_not_leak"

Got = list[bytes]


@contextlib.asynccontextmanager
async def server(host: str = "127.0.0.1") -> AsyncIterator[tuple[int, Got]]:
    """Speaks TLS with the certificate of the tests, which is for 127.0.0.1; yields its port and what came."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    got: Got = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            got.append(await reader.read(4000))
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(meet, host, 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1], got


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=TLS / "cert.pem")


async def asked(base_url: str, tls: ssl.SSLContext) -> RestError:
    rest = ElevenLabsRest(base_url, KEY, tls=tls, limit=10.0)
    try:
        with pytest.raises(RestError) as refused:
            await rest.conversation_url("agent")
    finally:
        await rest.aclose()
    return refused.value


@pytest.mark.parametrize(
    ("host", "trusted"), [("127.0.0.1", False), ("127.0.0.2", True)], ids=["not trusted", "of another host"]
)
async def test_a_server_that_cannot_be_verified_gets_nothing(host: str, trusted: bool) -> None:
    """Self-signed; and trusted, but for another address than the one that was asked."""
    tls = trusting() if trusted else httpx.create_ssl_context()
    async with server(host) as (port, got):
        error = await asked(f"https://{host}:{port}", tls)
        assert "certificate" in str(error).lower()
        assert str(error).endswith(".")
        with pytest.raises(WireError, match="certificate"):
            await dial(f"wss://{host}:{port}/v1/convai/conversation?agent_id=a", tls, Timing())
        assert b"".join(got) == b""


async def test_one_that_is_verified_is_spoken_to() -> None:
    async with server() as (port, got):
        assert (await asked(f"https://127.0.0.1:{port}", trusting())).status == 404
        assert KEY.encode() in got[0]


async def test_what_the_program_uses_verifies() -> None:
    agents = ElevenLabsAgents(
        base_url="https://127.0.0.1:1", api_key=KEY, agent_id="a", incoming_agent_id="", call_seconds=1.0
    )
    assert agents._tls.verify_mode is ssl.CERT_REQUIRED
    assert agents._tls.check_hostname
    assert agents._tls.minimum_version >= ssl.TLSVersion.TLSv1_2
    await agents.aclose()
