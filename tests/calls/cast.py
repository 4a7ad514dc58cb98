"""Far ends for the conformance checks on the wire (`running_console(cast="tests.calls.cast")`)."""

from __future__ import annotations

import asyncio
from typing import Any

from console.demo import sdp
from console.demo.callee import Callee
from console.demo.cast import Character
from console.demo.sip_messages import Request
from console.demo.transactions import Address

LOSS_SECONDS = 3.0
HOLD_SECONDS = 3.0


async def breaks_off(call: Callee) -> None:
    """Says hello, is lost for 3 s, comes back, puts the far end on hold for 3 s, comes back, hangs up."""
    await call.ring(0.1)
    await call.answer()
    await call.say("en_hello")
    await asyncio.sleep(1.5)
    media = await call.open_media()
    media.direct(sdp.Direction.INACTIVE)
    await asyncio.sleep(LOSS_SECONDS)
    media.direct(sdp.Direction.SENDRECV)
    await call.say("en_hello")
    await call.hold(True)
    await asyncio.sleep(HOLD_SECONDS)
    await call.hold(False)
    await call.say("en_hello")
    await asyncio.sleep(2.0)


async def presser(call: Callee) -> None:
    """Hears the greeting, presses `407#`, then `12`, and waits."""
    await call.ring(0.1)
    await call.answer()
    await call.listen_until_silence(quiet=0.3, limit=10)
    call.press("407#")
    await asyncio.sleep(2.0)
    call.press("12")
    await asyncio.sleep(5.0)


async def transferable(call: Callee) -> None:
    """Goes where it is sent: accepts a REFER, reports success (RFC 3515) and hangs up."""
    referred = asyncio.Event()
    usual = call.on_request

    def on_request(request: Request, source: Address) -> None:
        if request.method != "REFER":
            usual(request, source)
            return
        call._reply(request, 202, source)
        call._say("refer", to=request.get("refer-to"))
        referred.set()

    setattr(call, "on_request", on_request)  # noqa: B010
    await call.ring(0.1)
    await call.answer()
    await referred.wait()
    headers: Any = (
        ("event", "refer"),
        ("subscription-state", "terminated;reason=noresource"),
        ("content-type", "message/sipfrag"),
    )
    await call._ask("NOTIFY", headers, b"SIP/2.0 200 OK\r\n")
    await asyncio.sleep(0.3)


CAST: tuple[Character, ...] = (
    Character("+79750000101", "Breaks off", "is lost, comes back, holds, comes back", breaks_off),
    Character("+79750000102", "Presser", "presses 407# and 12", presser),
    Character("+79750000103", "Transferable", "goes where it is sent", transferable),
)
NUMBERS = {character.name: character.number for character in CAST}
