"""The SIP socket of the line: transactions over UDP (RFC 3261 section 17), as much as a far end needs.

A request that comes again gets its last answer again. Our own requests are repeated until answered. Final
answers to INVITE and reliable provisional ones are repeated until acknowledged.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable

from .sip_messages import Headers, MalformedSip, Request, Response, parse

Address = tuple[str, int]
T1, T2, LIFE = 0.5, 4.0, 32.0
"""RFC 3261 section 17.1.1.1: first interval, longest interval, 64 * T1; seconds."""


class Repeat:
    """Sends the same bytes at growing intervals until stopped or 32 s old."""

    def __init__(self, send: Callable[[], None], on_give_up: Callable[[], None], longest: float = T2) -> None:
        self._send, self._give_up, self._longest = send, on_give_up, longest
        self._loop = asyncio.get_running_loop()
        self._born, self._interval = self._loop.time(), T1
        self._timer: asyncio.TimerHandle | None = None
        send()
        self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = self._loop.call_later(self._interval, self._fire)

    def _fire(self) -> None:
        if self._loop.time() - self._born >= LIFE:
            self._timer = None
            self._give_up()
            return
        self._send()
        self._interval = min(self._interval * 2, self._longest)
        self._arm()


class SipSocket(asyncio.DatagramProtocol):
    """`on_request` gets each new request once, and every ACK. `ignored` counts what was no SIP."""

    def __init__(self, on_request: Callable[[Request, Address], None]) -> None:
        self.host, self.port, self.ignored = "", 0, 0
        self._on_request = on_request
        self._transport: asyncio.DatagramTransport | None = None
        self._answered: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._asked: dict[tuple[str, str], _Asked] = {}

    async def open(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        self.host, self.port = self._transport.get_extra_info("sockname")[:2]

    def close(self) -> None:
        for asked in self._asked.values():
            asked.repeat.stop()
        if self._transport is not None:
            self._transport.close()

    def send(self, message: Request | Response, to: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(message.encode(), to)

    def via(self) -> tuple[str, str]:
        """A fresh topmost Via with its branch."""
        return "via", f"SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport"

    def answer(self, request: Request, response: Response, to: Address) -> None:
        """Send a response and keep it for the case that the request comes again."""
        key = (request.branch, request.method)
        self._answered[key] = response.encode()
        self._answered.move_to_end(key)
        while len(self._answered) > 2000:
            self._answered.popitem(last=False)
        self.send(response, to)

    def ask(self, request: Request, to: Address, on_response: Callable[[Response | None], None]) -> None:
        """Send a request; every response is reported, None when there is none for 32 s.

        A refused INVITE is acknowledged here (section 17.1.1.3), an accepted one by the caller.
        """
        key = (request.branch, request.method)
        longest = LIFE if request.method == "INVITE" else T2
        repeat = Repeat(lambda: self.send(request, to), lambda: self._lost(key), longest)
        self._asked[key] = _Asked(request, to, on_response, repeat)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if not data.strip():
            return  # a keep-alive (RFC 5626 section 3.5.1)
        try:
            message = parse(data)
        except MalformedSip:
            self.ignored += 1
            return
        if isinstance(message, Response):
            self._take_response(message)
        elif message.method != "ACK" and (old := self._answered.get((message.branch, message.method))):
            if self._transport is not None:
                self._transport.sendto(old, addr)
        else:
            self._on_request(message, addr)

    def _take_response(self, response: Response) -> None:
        key = (response.branch, response.cseq[1])
        asked = self._asked.get(key)
        if asked is None:
            return
        invite = asked.request.method == "INVITE"
        if invite or response.status >= 200:
            asked.repeat.stop()
        if invite and response.status >= 300:
            self.send(_ack_of_refusal(asked.request, response), asked.to)
        if response.status >= 200:
            # The entry stays for a while: a 2xx that comes again must be acknowledged again.
            asyncio.get_running_loop().call_later(LIFE, self._asked.pop, key, None)
        asked.on_response(response)

    def _lost(self, key: tuple[str, str]) -> None:
        asked = self._asked.pop(key, None)
        if asked is not None:
            asked.on_response(None)


class _Asked:
    __slots__ = ("on_response", "repeat", "request", "to")

    def __init__(
        self, request: Request, to: Address, on_response: Callable[[Response | None], None], repeat: Repeat
    ) -> None:
        self.request, self.to, self.on_response, self.repeat = request, to, on_response, repeat


def _ack_of_refusal(invite: Request, response: Response) -> Request:
    """The ACK of a final answer above 299: same branch, To of the response."""
    headers: Headers = (
        ("via", invite.get("via")),
        ("max-forwards", "70"),
        ("from", invite.get("from")),
        ("to", response.get("to")),
        ("call-id", invite.get("call-id")),
        ("cseq", f"{invite.cseq[0]} ACK"),
    )
    return Request("ACK", invite.uri, headers)
