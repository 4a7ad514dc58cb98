"""One WebSocket connection to the agent host whose upgrade request can be held back.

Dialing opens TCP and TLS and sends nothing of HTTP: only the upgrade opens a conversation that is billed.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import USER_AGENT
from websockets.protocol import Event, State
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from ..core.words import phrase
from . import unreachable
from .rest import is_loopback

MAX_MESSAGE = 2**24
"""Bytes; what both official Python clients accept. The library's 1 MiB is too small for a long burst."""

CLOSE_REASON_BYTES = 123
"""RFC 6455 section 5.5: a control frame carries 125 bytes, two of them the code."""

# At level DEBUG the library logs request lines, and with them the signed URL.
_quiet = logging.getLogger("console.agent.websocket")
_quiet.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `hold`: a prepared connection is renewed before it is older, since servers close idle ones
    (a `websockets` server after 10 s). `retry`: first pause after a failure, doubled up to `retry_most`."""

    signed_url: float = 3.0
    opening: float = 10.0
    metadata: float = 10.0
    close: float = 0.9
    hold: float = 8.0
    url_age: float = 600.0
    retry: float = 0.25
    retry_most: float = 5.0
    ping_interval: float = 5.0
    ping_timeout: float = 8.0


class WireError(Exception):
    """The agent host cannot be reached, or refused the upgrade. The message is one sentence.

    `status`: HTTP status of a refused upgrade. `silent`: the connection broke without any answer.
    """

    def __init__(self, sentence: str, status: int | None = None, silent: bool = False) -> None:
        super().__init__(sentence)
        self.status = status
        self.silent = silent


class AgentConnection(ClientConnection):
    """A connection that never outlives the far side's close frame by more than the close timeout."""

    _abort: asyncio.TimerHandle | None = None
    _asked = False

    @property
    def held(self) -> bool:
        """TCP (and TLS) is up and nothing has been sent."""
        return (
            self.state is State.CONNECTING
            and not self.transport.is_closing()
            and not self.connection_lost_waiter.done()
        )

    @property
    def asked(self) -> bool:
        """The upgrade request has been sent."""
        return self._asked

    def process_event(self, event: Event) -> None:
        super().process_event(event)
        if isinstance(event, Frame) and event.opcode is Opcode.CLOSE and self._abort is None:
            self._abort = self.loop.call_later(self.close_timeout or 0.0, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._abort is not None:
            self._abort.cancel()
        super().connection_lost(exc)

    def ask(self) -> None:
        """Send the upgrade request, now and not when a task gets its turn. Only while `held`."""
        self._asked = True
        self.request = self.protocol.connect()
        self.request.headers["User-Agent"] = USER_AGENT
        self.protocol.send_request(self.request)
        self.send_data()

    async def upgraded(self) -> None:
        """Wait for the 101 to what was asked; raises `WireError`, then the socket is gone."""
        try:
            answers = [self.response_rcvd, self.connection_lost_waiter]
            await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
            if self.protocol.handshake_exc is not None:
                raise self.protocol.handshake_exc
            self.start_keepalive()
        except InvalidStatus as refused:
            self.transport.abort()
            status = refused.response.status_code
            raise WireError(
                phrase("ElevenLabs refused to open the conversation ({status})", status=status), status
            ) from None
        except (InvalidHandshake, OSError, EOFError) as error:
            self.transport.abort()
            silent = self.response is None
            raise WireError(
                phrase("the upgrade failed: {error}", error=unreachable.why(error)), silent=silent
            ) from None
        except BaseException:
            self.transport.abort()
            raise

    def bid_farewell(self, code: int, reason: str) -> None:
        """Send the close frame, now and not when a task gets its turn; `shut` follows."""
        if self.state is State.OPEN:
            self.protocol.send_close(code, _cut(reason))
            self.send_data()

    async def shut(self, code: int, reason: str) -> None:
        """Send the close frame if that is still to be done; the socket is gone when this returns, answered or
        not."""
        limit = self.close_timeout or 0.0
        try:
            async with asyncio.timeout(limit):
                await self.close(code, _cut(reason))
        except TimeoutError:
            pass
        finally:
            self.transport.abort()
        await self.wait_closed()


async def dial(url: str, tls: ssl.SSLContext, timing: Timing) -> AgentConnection:
    """Open DNS, TCP and TLS to the host of `url` (which may hold a secret) and send nothing more.
    Raises `WireError`."""
    try:
        place = parse_uri(url)
        local = is_loopback(place.host)
        proxy = None if local else get_proxy(place)
        options: dict[str, Any] = {} if local or proxy else {"happy_eyeballs_delay": 0.25}
        if place.secure:
            options["ssl"] = tls
        connector = connect(
            url,
            compression=None,
            proxy=proxy,
            ping_interval=timing.ping_interval,
            ping_timeout=timing.ping_timeout,
            close_timeout=timing.close,
            max_size=MAX_MESSAGE,
            # What waits in the socket cannot be overtaken by a pong.
            write_limit=4096,
            logger=_quiet,
            create_connection=AgentConnection,
            **options,
        )
        async with asyncio.timeout(timing.opening):
            return cast(AgentConnection, await connector.open_tcp_connection())
    except InvalidURI:
        raise WireError(phrase("ElevenLabs gave an address that is not a WebSocket URL")) from None
    except TimeoutError:
        raise WireError(
            phrase(
                "{host} did not accept a connection within {seconds:g} s",
                host=place.host,
                seconds=timing.opening,
            )
        ) from None
    except (OSError, EOFError, WebSocketException) as error:
        raise WireError(
            phrase("{host} cannot be reached: {error}", host=place.host, error=unreachable.why(error))
        ) from None


def _cut(reason: str) -> str:
    return reason.encode()[:CLOSE_REASON_BYTES].decode(errors="ignore")
