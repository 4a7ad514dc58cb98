"""The instrument of "RTP stopped": a phone that goes on sending after its BYE is found out."""

from __future__ import annotations

import asyncio
import socket

from console.demo import rtp, sdp
from console.demo.child import Child
from console.demo.g711 import SILENCE
from tests.console_rig import SLOW
from tests.engine.test_exchange import OFFERED, BareClient
from tests.faults.scene import NUMBERS, last_rtp

GOES_ON_SECONDS = 0.6


async def test_packets_after_the_bye_are_counted() -> None:
    line = Child("console.demo.exchange", "--report", "--cast", "tests.faults.cast", "--quiet", "0.3")
    await asyncio.to_thread(line.start)
    client = BareClient(line)
    await client.open()
    sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sound.bind(("127.0.0.1", 0))
    try:
        await _talk(client, sound)
    finally:
        sound.close()
        client.close()
        await asyncio.to_thread(line.stop)


async def _talk(client: BareClient, sound: socket.socket) -> None:
    body = sdp.write(sdp.Audio("127.0.0.1", sound.getsockname()[1], OFFERED), 1)
    client.request("INVITE", NUMBERS["Patient"], body=body)
    answer = await client.response(200)
    client.request("ACK", to=answer.get("to"))
    audio = sdp.read(answer.body)
    assert audio is not None
    payload = bytes([SILENCE["PCMU"]]) * 160
    bye = 10
    for number in range(bye + round(GOES_ON_SECONDS / 0.02)):
        if number == bye:
            client.request("BYE", sequence=2, to=answer.get("to"))
        sound.sendto(rtp.Packet(0, number, 160 * number, 1, payload).encode(), (audio.host, audio.port))
        await asyncio.sleep(0.02)
    last = await asyncio.to_thread(last_rtp, client.line, client.call_id)
    ended = next(entry["t"] for entry in client.line.lines if entry["event"] == "ended")
    assert last is not None
    assert 0.8 * GOES_ON_SECONDS < last - ended < (GOES_ON_SECONDS + 1.0) * SLOW * 2
