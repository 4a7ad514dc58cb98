"""How long after the 200 OK or the BYE the console knows of it, with real sound devices: nothing may delay
it."""

import asyncio
import statistics
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.audio.devices import DeviceAudio
from console.core.events import CallId, ClosedBy, PhoneClosed, PhoneEstablished, PhoneRinging

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
CALLS = 5


@pytest.fixture
async def devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[DeviceAudio]:
    """The console's own devices on a private sound server, whatever runs on this machine."""
    for name in (
        "PULSE_SERVER",
        "PULSE_RUNTIME_PATH",
        "PULSE_CLIENTCONFIG",
        "XDG_RUNTIME_DIR",
        "ALSA_CONFIG_PATH",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    audio = DeviceAudio()
    await audio.start(lambda event: None)
    yield audio
    await audio.stop()


async def test_no_local_tone_delays_the_report_of_the_answer(start_phone, sipp, devices, capsys) -> None:
    """Baresip's ringback tone makes this 0.2 to 1.3 s (its player drains first). As a ratio: the peer answers
    300 ms after its 180, and that is also how far apart both are told."""
    phone = await start_phone(audio=devices.baresip_side)
    delays, ratios = [], []
    for n in range(CALLS):
        call, peer = CallId(f"c{n}"), await sipp("answer_wait")
        phone.phone.dial(call, peer.uri)
        ringing = await phone.told.expect(PhoneRinging, call=call)
        answered = await phone.told.expect(PhoneEstablished, call=call)
        phone.phone.hang_up(call)
        await phone.told.expect(PhoneClosed, call=call, by=ClosedBy.OPERATOR)
        assert await peer.finished() == 0
        sent = peer.sent_at("SIP/2.0 200 OK")
        delays.append(phone.told.wall_time_of(answered) - sent)
        told = phone.told.wall_time_of(answered) - phone.told.wall_time_of(ringing)
        ratios.append(told / (sent - peer.sent_at("SIP/2.0 180 Ringing")))
    with capsys.disabled():
        shown = ", ".join(f"{1000 * delay:.1f}" for delay in delays)
        print(f"\n200 OK sent -> answer known, ms: {shown} (median {1000 * statistics.median(delays):.1f})")
    assert statistics.median(ratios) < 1.4


async def test_a_bye_is_told_before_the_devices_have_drained(start_phone, sipp, devices) -> None:
    phone = await start_phone(audio=devices.baresip_side)
    call, peer = CallId("c"), await sipp("answer_bye")
    order, over, line = [], asyncio.Event(), phone.phone._line
    message, told = line.message, line._emit

    def reported(frame) -> None:
        if getattr(frame, "type", "") == "CALL_CLOSED":
            order.append("CALL_CLOSED")
            over.set()
        message(frame)

    def emitted(event) -> None:
        if isinstance(event, PhoneClosed):
            order.append("told")
        told(event)

    line.message, line._emit = reported, emitted
    phone.phone.dial(call, peer.uri)
    await phone.told.expect(PhoneClosed, deadline=15.0, call=call, by=ClosedBy.REMOTE)
    assert await peer.finished() == 0
    await asyncio.wait_for(over.wait(), 15)
    assert order == ["told", "CALL_CLOSED"]
