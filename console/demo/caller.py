"""A call that the line places to a registered phone."""

from __future__ import annotations

import asyncio
import secrets

from . import sdp
from .leg import House, Leg
from .sip_messages import Headers, Request, Response
from .transactions import Address

_OFFER = (
    sdp.Format(8, "PCMA", 8000),
    sdp.Format(0, "PCMU", 8000),
    sdp.Format(101, sdp.EVENTS, 8000, fmtp="0-15"),
)


class Caller(Leg):
    """The UAC side of an INVITE (RFC 3261 section 13.2)."""

    def __init__(self, house: House, number: str, name: str, target: str, peer: Address) -> None:
        super().__init__(house, secrets.token_hex(10), peer)
        here = f"{house.sip.host}:{house.sip.port}"
        self.own_uri = f"sip:{number}@{here}"
        self.own_value = f'"{name}" <{self.own_uri}>;tag={self.tag}'
        self.target, self.their_value = target, f"<{target}>"
        self._invite: Request | None = None
        self._outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._provisional = asyncio.Event()

    async def place(self, limit: float = 25.0) -> bool:
        """Ring the phone for at most `limit` s; True when it answered."""
        await self.open_media()
        headers: Headers = (self._contact(), ("content-type", "application/sdp"))
        self._invite = self._request("INVITE", headers, self._describe(_OFFER))
        self.house.sip.ask(self._invite, self.peer, self._take)
        self._say("calling", target=self.target)
        try:
            return await asyncio.wait_for(asyncio.shield(self._outcome), limit)
        except TimeoutError:
            await self.hang_up()
            return False

    async def hang_up(self) -> None:
        if self.up:
            await self._bye()
        elif self._invite is not None and not self._outcome.done():
            # CANCEL may only follow a provisional answer (RFC 3261 section 9.1).
            await self._provisional.wait()
            self.house.sip.ask(_cancel(self._invite), self.peer, lambda _: None)
            await self._outcome
            self.finish("line")
        else:
            self.finish("line")

    def _take(self, response: Response | None) -> None:
        if response is not None and response.status < 200:
            self._provisional.set()
            return
        if response is not None and response.status < 300:
            self._accepted(response)
            return
        self._provisional.set()
        if not self._outcome.done():
            self._outcome.set_result(False)
            self._say("refused", status=response.status if response else 408)
            self.finish("phone")

    def _accepted(self, response: Response) -> None:
        self.learn(response, "to")
        self.house.sip.send(self._request("ACK", sequence=response.cseq[0]), self.peer)
        if self._outcome.done():
            return  # a repeated 200
        answer = sdp.read(response.body)
        self.up = True
        self._outcome.set_result(answer is not None and self.agree(answer))
        self._provisional.set()
        self._say("answered")


def _cancel(invite: Request) -> Request:
    """RFC 3261 section 9.1: branch, From, To, Call-ID and number of the INVITE."""
    headers: Headers = (
        ("via", invite.get("via")),
        ("max-forwards", "70"),
        ("from", invite.get("from")),
        ("to", invite.get("to")),
        ("call-id", invite.get("call-id")),
        ("cseq", f"{invite.cseq[0]} CANCEL"),
    )
    return Request("CANCEL", invite.uri, headers)
