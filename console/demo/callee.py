"""A call that reached the line: it can ring, send early media, be answered, refused or left alone."""

from __future__ import annotations

import asyncio

from . import sdp
from .leg import House, Leg, Over
from .sip_messages import Headers, Request, address, respond
from .transactions import Address, Repeat


class Callee(Leg):
    """The UAS side of an INVITE (RFC 3261 section 13.3, RFC 3262 for reliable provisional answers)."""

    def __init__(self, house: House, invite: Request, source: Address, *, any_codec: bool = False) -> None:
        super().__init__(house, invite.get("call-id"), source)
        self.invite, self.source = invite, source
        self.own_uri, self.own_value = address(invite.get("to")), invite.get("to")
        self.learn(invite, "from")
        self.offer = sdp.read(invite.body)
        self._any_codec = any_codec
        self._described = False
        self._final: Repeat | None = None
        self._reliable: Repeat | None = None
        self._acked, self._pracked = asyncio.Event(), asyncio.Event()
        self._rseq = 0

    @property
    def any_codec(self) -> bool:
        return self._any_codec

    # ---- what a script can do before the answer ----

    async def ring(self, seconds: float = 0.0) -> None:
        """180 without a description, then wait."""
        self._provisional(180)
        await self.pause(seconds)

    async def progress(self) -> None:
        """183 without a description."""
        self._provisional(183)

    async def early_media(self, *, reliable: bool = False, status: int = 183) -> None:
        """A provisional answer with a description: from here the caller hears us. `reliable` waits for its
        PRACK; a caller that knows no 100rel gets a plain one."""
        await self._negotiate()
        wanted = self.invite.every("supported") + self.invite.every("require")
        able = any("100rel" in value for value in wanted)
        body = self._describe(self.chosen)
        if not (reliable and able):
            self._provisional(status, (("content-type", "application/sdp"),), body)
            return
        self._described = True
        self._rseq += 1
        extra = (("require", "100rel"), ("rseq", str(self._rseq)), ("content-type", "application/sdp"))
        response = respond(self.invite, status, to_tag=self.tag, headers=(*extra, self._contact()), body=body)
        self._reliable = Repeat(
            lambda: self.house.sip.answer(self.invite, response, self.source), lambda: None
        )
        self._say("early_media", reliable=True)
        await self._pracked.wait()

    async def answer(self) -> None:
        """200; returns with the ACK. Never acknowledged: the call is given up (RFC 3261 section 13.3.1.4)."""
        await self._negotiate()
        headers: Headers = (self._contact(),)
        body = b""
        if not self._described:
            headers, body = (*headers, ("content-type", "application/sdp")), self._describe(self.chosen)
        response = respond(self.invite, 200, to_tag=self.tag, headers=headers, body=body)
        self.up = True
        self._say("answered")  # before it is sent: nobody can have seen it earlier than we say
        self._final = Repeat(
            lambda: self.house.sip.answer(self.invite, response, self.source), self._acked.set
        )
        await self._acked.wait()

    async def reject(self, status: int, reason: str = "") -> None:
        """A final answer above 299."""
        response = respond(self.invite, status, to_tag=self.tag, reason=reason)
        self._final = Repeat(
            lambda: self.house.sip.answer(self.invite, response, self.source), self._acked.set
        )
        self._say("rejected", status=status)
        self.finish("line")

    async def hang_up(self) -> None:
        if self.up:
            await self._bye()
        else:
            await self.reject(480)

    # ---- the caller's requests ----

    def on_request(self, request: Request, source: Address) -> None:
        match request.method:
            case "ACK":
                self._take_ack(request)
            case "CANCEL" if not self.gone:
                self._reply(request, 200, source)
                if not self.up and not self.over:
                    self._cancelled()
            case "PRACK" if not self.gone:
                self._reply(request, 200, source)
                if self._reliable is not None:
                    self._reliable.stop()
                self._say("prack")
                self._pracked.set()
            case _:
                super().on_request(request, source)

    def finish(self, by: str) -> None:
        if self._reliable is not None:
            self._reliable.stop()
        super().finish(by)

    def _cancelled(self) -> None:
        response = respond(self.invite, 487, to_tag=self.tag)
        self._final = Repeat(lambda: self.house.sip.answer(self.invite, response, self.source), lambda: None)
        self.finish("cancel")

    def _take_ack(self, request: Request) -> None:
        if self._final is not None:
            self._final.stop()
        if self.up and self.offer is None and (answer := sdp.read(request.body)):
            self.offer = answer
            self.agree(answer)
        self._acked.set()

    def _provisional(self, status: int, headers: Headers = (), body: bytes = b"") -> None:
        response = respond(
            self.invite, status, to_tag=self.tag, headers=(self._contact(), *headers), body=body
        )
        self.house.sip.answer(self.invite, response, self.source)
        self._say("early_media" if body else "ringing", status=status)

    async def _negotiate(self) -> None:
        """Open our side of the audio; a caller without a codec in common is refused."""
        if self.media is not None:
            return
        await self.open_media()
        if self.offer is not None and not self.agree(self.offer):
            await self.reject(488)
            raise Over
