"""The embedded phone over TLS: only to a proxy that is verified."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.core.events import Event, RegistrationChanged, RegState
from console.phone.embedded import EmbeddedPhone
from console.phone.embedded_account import EmbeddedLine
from console.phone.embedded_audio import MemoryPaths
from console.ports import PhoneError
from tests.phone_rig import SLOW

pytest.importorskip("baresip", reason="the embedded phone exists for Linux only")

TLS = Path(__file__).parent.parent / "fixtures" / "tls"
PASSWORD = "a password that must not leak"


class Proxy:
    """Takes TLS connections with the certificate of the tests, which is for 127.0.0.1."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[bytes] = asyncio.Queue()
        self.port = 0

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            self.got.put_nowait(await reader.read(4000))
        writer.close()


@contextlib.asynccontextmanager
async def proxy(host: str) -> AsyncIterator[Proxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    found = Proxy()
    server = await asyncio.start_server(found.meet, host, 0, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


@contextlib.asynccontextmanager
async def phone(outbound: str) -> AsyncIterator[asyncio.Queue[Event]]:
    """Registers over this proxy; what comes of it."""
    line = EmbeddedLine("u", "sip.example.org", PASSWORD, outbound=outbound, listen="127.0.0.1:0")
    told: asyncio.Queue[Event] = asyncio.Queue()
    task = asyncio.create_task(EmbeddedPhone(line, MemoryPaths()).run(told.put_nowait))
    yield told
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def failure(told: asyncio.Queue[Event]) -> str:
    """Why the registration failed, in the words of the console."""
    async with asyncio.timeout(20 * SLOW):
        while True:
            event = await told.get()
            if (
                isinstance(event, RegistrationChanged)
                and event.state is RegState.FAILED
                and "TLS" in event.reason
            ):
                return event.reason


async def test_a_certificate_that_is_not_trusted_gets_nothing() -> None:
    async with proxy("127.0.0.1") as far, phone(f"sip:127.0.0.1:{far.port};transport=tls") as told:
        assert "certificate of the server is not valid, or not trusted" in await failure(told)
        assert far.got.empty()


async def test_a_trusted_one_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "cert.pem"))
    async with proxy("127.0.0.1") as far, phone(f"sip:127.0.0.1:{far.port};transport=tls"):
        async with asyncio.timeout(20 * SLOW):
            assert (await far.got.get()).startswith(b"REGISTER sip:sip.example.org")


def test_an_address_is_refused_because_only_names_are_verified() -> None:
    line = EmbeddedLine("u", "sip.example.org", PASSWORD, outbound="sip:192.0.2.1;transport=tls")
    with pytest.raises(PhoneError, match="verifies only names"):
        line.account()
