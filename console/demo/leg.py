"""One call of the line, whoever placed it: its SIP dialog (RFC 3261 section 12), its audio, and what a
character can do in it. `callee.Callee` is a call that reached the line, `caller.Caller` one that it places.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from . import sdp
from .media import Clock, MediaStream
from .sip_messages import Headers, Request, Response, address, parameters, parse_uri, respond
from .transactions import Address, SipSocket

Report = Callable[..., None]
"""Tells whoever watches the line what happened: `report(event, call_id, **fields)`."""

SPEECH = ("PCMU", "PCMA")
"""Codecs the line can speak; preference is the caller's."""

ALLOW: Headers = (("allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, INFO"),)


class Over(Exception):
    """The call ended under the script's hands."""


@dataclass(frozen=True, slots=True)
class House:
    """What all calls of one exchange share. `clips`: mu-law speech by name. `pace`: how long pauses and rings
    last, 1 as in life. `quiet`: after the end of a call its audio port stays open until nothing has come for
    so many seconds, which is then reported; 0 closes it at once."""

    sip: SipSocket
    clock: Clock
    clips: dict[str, bytes]
    report: Report
    pace: float = 1.0
    quiet: float = 0.0


class Leg(ABC):
    """A call with its far end. A script drives it; when the far end ends the call the script is cancelled."""

    def __init__(self, house: House, call_id: str, peer: Address) -> None:
        self.house, self.call_id, self.peer = house, call_id, peer
        self.tag = secrets.token_hex(6)
        self.media: MediaStream | None = None
        self.up = self.over = self.gone = self.held = False
        self.own_uri = self.own_value = self.their_value = self.target = ""
        self.sequence = random.randrange(1, 1000)
        self.ended = asyncio.Event()
        self._parted = asyncio.Event()  # ended, or without a network
        self._session_id, self._version = random.randrange(1 << 31), 0
        self._voice = sdp.Format(0, "PCMU", 8000)
        self._events: sdp.Format | None = None
        self._script: asyncio.Task[None] | None = None

    # ---- what a script can do ----

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.house.pace)

    async def say(self, clip: str) -> None:
        """Speak a clip; returns when its last packet is on the wire."""
        await self.play(self.house.clips[clip])

    async def play(self, ulaw: bytes) -> None:
        media = self._audio()
        media.play(ulaw)
        await media.until(lambda: not media.playing, len(ulaw) / 8000 + 10)

    def begin(self, clip: str) -> None:
        """Start speaking a clip and go on at once."""
        self._audio().play(self.house.clips[clip])

    def shut_up(self) -> None:
        """Stop speaking at once."""
        self._audio().shut_up()

    async def listen_until_silence(self, quiet: float = 0.9, limit: float = 20.0) -> bool:
        """Let the far end talk until it has been quiet for `quiet` s; False when it said nothing within
        `limit` s."""
        media = self._audio()
        media.forget()
        return await media.until(lambda: quiet <= media.quiet_for() < float("inf"), limit)

    async def listen_for(self, seconds: float, limit: float = 20.0) -> bool:
        """Wait until the far end has been talking for so long, and is still at it."""
        media = self._audio()
        media.forget()
        return await media.until(lambda: media.speech_for() >= seconds, limit)

    async def digit(self, limit: float = 10.0) -> str:
        """The next key the far end presses, `""` when there is none within `limit` s."""
        try:
            return await asyncio.wait_for(self._audio().digits.get(), limit)
        except TimeoutError:
            return ""

    def press(self, digits: str) -> None:
        for digit in digits:
            self._audio().press(digit)

    def echo(self, on: bool = True) -> None:
        """Send back every packet as it comes, in whatever codec."""
        self._audio().echo = on

    async def hold(self, on: bool) -> bool:
        """Put the far end on hold or take it back (re-INVITE, RFC 3264 section 8.4)."""
        direction = sdp.Direction.SENDONLY if on else sdp.Direction.SENDRECV
        body = self._describe(self.chosen, direction)
        answer = await self._ask("INVITE", (("content-type", "application/sdp"), self._contact()), body)
        if answer is not None and answer.status < 300:
            self.house.sip.send(self._request("ACK", sequence=answer.cseq[0]), self.peer)
            self.held = on
            return True
        return False

    def vanish(self) -> None:
        """Lose the network: no packet leaves any more, nothing is answered."""
        self.gone = True
        if self.media is not None:
            self.media.mute()
        self._say("vanished")
        self._parted.set()

    @abstractmethod
    async def hang_up(self) -> None:
        """End the call as far as it has come; returns when the far end has confirmed."""

    # ---- its life ----

    def perform(self, script: Callable[[Any], Awaitable[None]]) -> None:
        self._script = asyncio.get_running_loop().create_task(self._run(script))

    async def _run(self, script: Callable[[Any], Awaitable[None]]) -> None:
        with contextlib.suppress(Over):
            await script(self)
        if not self.over and not self.gone:
            await self.hang_up()

    def finish(self, by: str) -> None:
        """The dialog is over: silence, no script, one report."""
        if self.over:
            return
        self.over, self.up = True, False
        media = self.media
        heard = (
            {}
            if media is None
            else {
                "heard_seconds": round(media.heard_seconds, 2),
                "loudest_dbfs": round(media.loudest, 1),
                "packets": media.received,
                "digits": media.pressed,
            }
        )
        if media is not None and self.house.quiet:
            media.mute()
        elif media is not None:
            media.close()
        self._say("ended", by=by, **heard)
        self.ended.set()
        self._parted.set()
        script = self._script
        if script is not None and script is not asyncio.current_task():
            script.cancel()

    async def watch(self, limit: float) -> None:
        """End the call when the far end is up, not held, and has sent no packet for `limit` s."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while not self.over:
            media = self.media
            if not self.up or self.gone or self.held or media is None:
                since = loop.time()
            elif (quiet := loop.time() - max(since, media.last_packet)) >= limit:
                self._lose(quiet)
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), limit / 10)

    async def watch_silence(self) -> None:
        """From the end of the call on (or of our network) listen until nothing has come for `house.quiet` s;
        tells when the last packet came, in Unix seconds, None: there never was one."""
        loop = asyncio.get_running_loop()
        await self._parted.wait()
        media, since = self.media, loop.time()
        if media is None:
            return
        while (wait := max(since, media.last_packet) + self.house.quiet - loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(wait)
        last = time.time() - (loop.time() - media.last_packet) if media.received else None
        if self.over:
            media.close()
        self._say("rtp_over", last=last and round(last, 4), packets=media.received)

    def _lose(self, quiet: float) -> None:
        """Nobody may be there to answer the BYE: it is not waited for."""
        self._say("rtp_timeout", quiet_seconds=round(quiet, 2))
        self.house.sip.ask(self._request("BYE"), self.peer, lambda _: None)
        self.finish("rtp timeout")

    async def stop(self) -> None:
        """The exchange closes: end the call without waiting for long."""
        if self._script is not None:
            self._script.cancel()
            await asyncio.gather(self._script, return_exceptions=True)
        if not self.over and not self.gone:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.hang_up(), 1.0)
        self.finish("exchange")

    # ---- requests of the far end within the dialog ----

    def on_request(self, request: Request, source: Address) -> None:
        if self.gone:
            return
        match request.method:
            case "BYE":
                self._reply(request, 200, source)
                self.finish("phone")
            case "INFO":
                self._reply(request, 200, source)
                self._take_info(request.body)
            case "INVITE":
                self._renegotiate(request, source)
            case "OPTIONS":
                self._reply(request, 200, source, ALLOW)
            case "ACK":
                pass
            case _:
                self._reply(request, 405, source, ALLOW)

    def _take_info(self, body: bytes) -> None:
        for line in body.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip().lower() == "signal" and value.strip() and self.media is not None:
                self.media.hear_digit(value.strip()[0])

    def _renegotiate(self, request: Request, source: Address) -> None:
        offer = sdp.read(request.body)
        if offer is None or self.media is None or not self.agree(offer):
            self._reply(request, 488, source)
            return
        headers: Headers = (("content-type", "application/sdp"), self._contact())
        self._reply(request, 200, source, headers, self._describe(self.chosen, offer.direction.mirrored()))
        self.held = not offer.direction.sends
        self._say("renegotiated", direction=str(offer.direction))

    # ---- pieces for the two kinds ----

    @property
    def chosen(self) -> tuple[sdp.Format, ...]:
        return (self._voice, self._events) if self._events else (self._voice,)

    @property
    def any_codec(self) -> bool:
        """Whether a codec that the line cannot speak will do (it is only sent back)."""
        return False

    def agree(self, theirs: sdp.Audio) -> bool:
        """Take up what the far end offers or answers; False without a codec in common."""
        voice = theirs.voice if self.any_codec else theirs.find(*SPEECH)
        if voice is None or self.media is None:
            return False
        self._voice, self._events = voice, theirs.events
        self.media.connect(theirs, voice, theirs.events)
        return True

    async def open_media(self) -> MediaStream:
        if self.media is None:
            self.media = await MediaStream.open(self.house.clock, self.house.sip.host)
            self.media.on_digit = lambda digit: self._say("digit", digit=digit)
        return self.media

    def _audio(self) -> MediaStream:
        if self.media is None:
            raise RuntimeError("this call has no audio yet")
        return self.media

    def _describe(
        self, formats: tuple[sdp.Format, ...], direction: sdp.Direction = sdp.Direction.SENDRECV
    ) -> bytes:
        self._version += 1
        audio = sdp.Audio(self.house.sip.host, self._audio().port, formats, direction)
        return sdp.write(audio, self._session_id, self._version)

    def _contact(self) -> tuple[str, str]:
        uri = parse_uri(self.own_uri)
        return "contact", f"<sip:{uri.user if uri else ''}@{self.house.sip.host}:{self.house.sip.port}>"

    def learn(self, message: Request | Response, their_header: str) -> None:
        """The dialog's remote half: tag and target (RFC 3261 section 12.1)."""
        self.their_value = message.get(their_header)
        if contact := message.get("contact"):
            self.target = address(contact)
            uri = parse_uri(self.target)
            if uri is not None and uri.host[:1].isdigit():
                self.peer = (uri.host, uri.port)

    def _request(self, method: str, headers: Headers = (), body: bytes = b"", sequence: int = 0) -> Request:
        if not sequence:
            self.sequence += 1
            sequence = self.sequence
        own = self.own_value if "tag" in parameters(self.own_value) else f"{self.own_value};tag={self.tag}"
        start: Headers = (
            self.house.sip.via(),
            ("max-forwards", "70"),
            ("from", own),
            ("to", self.their_value),
            ("call-id", self.call_id),
            ("cseq", f"{sequence} {method}"),
        )
        return Request(method, self.target, start + headers, body)

    async def _ask(self, method: str, headers: Headers = (), body: bytes = b"") -> Response | None:
        """A request within the dialog and its final response; None when nobody answers."""
        future: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()

        def settle(response: Response | None) -> None:
            if not future.done() and (response is None or response.status >= 200):
                future.set_result(response)

        self.house.sip.ask(self._request(method, headers, body), self.peer, settle)
        return await future

    async def _bye(self) -> None:
        self.up = False
        if self.media is not None:
            self.media.mute()
        await self._ask("BYE")
        self.finish("line")

    def _reply(
        self, request: Request, status: int, to: Address, headers: Headers = (), body: bytes = b""
    ) -> None:
        response = respond(request, status, to_tag=self.tag, headers=headers, body=body)
        self.house.sip.answer(request, response, to)

    def _say(self, event: str, **fields: object) -> None:
        self.house.report(event, self.call_id, **fields)
