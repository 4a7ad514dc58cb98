"""Far ends that break the rules: they live on the exchange of the fault tests only (`--cast`)."""

from __future__ import annotations

import asyncio
from typing import Any

from console.demo import sdp
from console.demo.callee import Callee
from console.demo.caller import Caller
from console.demo.cast import Character
from console.demo.sip_messages import Request
from console.demo.transactions import Address


async def brief(call: Callee) -> None:
    """Answers at once, hears the far end out and hangs up."""
    await call.ring(0.1)
    await call.answer()
    await call.listen_until_silence(quiet=0.3, limit=6)


async def _stay() -> None:
    """Until the call ends, which cancels this."""
    await asyncio.Event().wait()


async def patient(call: Callee) -> None:
    """Answers at once, sends silence and stays."""
    await call.ring(0.1)
    await call.answer()
    await _stay()


async def mute(call: Callee) -> None:
    """Answers and never sends a packet."""
    await call.ring(0.1)
    await _be_mute(call)
    await call.answer()
    await _stay()


async def _be_mute(call: Callee) -> None:
    media = await call.open_media()
    if call.offer is not None:
        call.agree(call.offer)
    media.mute()


async def foreign(call: Callee) -> None:
    """Answers with a codec that nobody offered."""
    answer = sdp.Format(18, "G729", 8000)

    def describe(formats: object, direction: sdp.Direction = sdp.Direction.SENDRECV) -> bytes:
        audio = sdp.Audio(call.house.sip.host, call._audio().port, (answer,), direction)
        return sdp.write(audio, 1, 1)

    setattr(call, "_describe", describe)  # noqa: B010
    await call.ring(0.1)
    await call.answer()
    await _stay()


async def gone_before_ack(call: Callee) -> None:
    """Loses its network with the 200 on the wire."""
    await call.ring(0.1)
    await _be_mute(call)
    answering = asyncio.ensure_future(call.answer())
    await asyncio.sleep(0.05)
    if call._final is not None:
        call._final.stop()
    call.vanish()
    answering.cancel()
    await _stay()


async def answers_the_cancel(call: Callee) -> None:
    """Has picked up before the CANCEL arrives: the two cross."""
    picked_up = asyncio.Event()
    setattr(call, "_cancelled", picked_up.set)  # noqa: B010
    await call.ring()
    await picked_up.wait()
    await call.answer()
    await _stay()


async def crosses_the_bye(call: Callee) -> None:
    """Hangs up too before it looks at the BYE."""
    plain = call.on_request

    def on_request(request: Request, source: Address) -> None:
        if request.method == "BYE" and not call.over:
            call.house.sip.ask(call._request("BYE"), call.peer, lambda _: None)
        plain(request, source)

    setattr(call, "on_request", on_request)  # noqa: B010
    await call.ring(0.1)
    await call.answer()
    await _stay()


async def hangs_up_after(call: Callee) -> None:
    """Hangs up 1.2 s after the answer, whoever is speaking."""
    await call.ring(0.1)
    await call.answer()
    await asyncio.sleep(1.2)


async def rings_back(call: Callee) -> None:
    await call.ring(0.1)
    await call.reject(486)


async def cancels_at_once(call: Caller) -> None:
    """Gives up the moment the phone rings: whatever the phone does then crosses the CANCEL."""
    placing = asyncio.ensure_future(call.place(limit=20))
    await call._provisional.wait()
    await call.hang_up()
    placing.cancel()


def _someone(number: int, name: str, does: str, script: Any, **more: Any) -> Character:
    return Character(f"+797500009{number:02}", name, does, script, **more)


CAST: tuple[Character, ...] = (
    _someone(1, "Brief", "answers, hears one turn, hangs up", brief),
    _someone(2, "Patient", "answers, sends silence, stays", patient),
    _someone(3, "Mute", "answers, sends no RTP", mute),
    _someone(4, "Foreign", "answers with a codec that was not offered", foreign),
    _someone(5, "Gone before ACK", "vanishes with the 200", gone_before_ack),
    _someone(6, "Answers the CANCEL", "its 200 crosses our CANCEL", answers_the_cancel),
    _someone(7, "Crosses the BYE", "its BYE crosses ours", crosses_the_bye),
    _someone(8, "Hangs up", "hangs up 1.2 s after the answer", hangs_up_after),
    _someone(
        9, "Cancels", "calls back and cancels at the first ring", rings_back, calls_back=cancels_at_once
    ),
)
