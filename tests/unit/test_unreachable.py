"""Why a host cannot be reached: words for what the system and the libraries raise."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl

import httpx
import pytest

from console.agent import unreachable


def failed(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "DNS knows no such name"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "DNS does not answer"),
        (failed(errno.ECONNREFUSED), "nothing listens there"),
        (failed(errno.ECONNRESET), "the connection was cut"),
        (failed(errno.ENETUNREACH), "no way to it from here"),
        (failed(errno.EDESTADDRREQ), "Destination address required"),
        (EOFError(), "EOFError"),
        (OSError("multiple exceptions:\x1b[2J"), "multiple exceptions:"),
    ],
)
def test_words(error: Exception, words: str) -> None:
    said = unreachable.why(error)
    assert words in said
    assert "Errno" not in said
    assert said.isprintable()


def test_a_certificate_that_does_not_fit() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: x")
    error.verify_message = "self-signed certificate"
    assert unreachable.why(error) == "its certificate is not valid (self-signed certificate)"


def test_the_last_of_several_attempts() -> None:
    group = ExceptionGroup("multiple", [failed(errno.ENETUNREACH), failed(errno.ECONNREFUSED)])
    error = OSError("All connection attempts failed")
    error.__cause__ = group
    assert "nothing listens there" in unreachable.why(error)


async def test_what_the_http_client_raises_for_a_port_where_nobody_listens() -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError) as raised:
            await client.get(f"http://127.0.0.1:{port}/")
    assert "nothing listens there" in unreachable.why(raised.value)
