"""Calls with the real Baresip of this machine against scripted SIP peers on loopback."""

import pytest

from console.core.events import (
    CallId,
    ClosedBy,
    LineDown,
    LineUp,
    PhoneAnswered,
    PhoneClosed,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneIncoming,
    PhoneMissed,
    PhoneRinging,
    PhoneRtp,
    RegistrationChanged,
    RegState,
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]
CALL = CallId("c1")


async def test_answered_and_the_callee_hangs_up(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_bye")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneRinging, call=CALL)
    await phone.told.expect(PhoneEstablished, call=CALL)
    await phone.told.expect(PhoneRtp, call=CALL)
    closed = await phone.told.expect(PhoneClosed, call=CALL)
    assert (closed.code, closed.by) == (None, ClosedBy.REMOTE)
    assert await peer.finished() == 0


async def test_answered_and_we_hang_up(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    await phone.told.expect(PhoneRtp, call=CALL)
    phone.phone.hang_up(CALL)
    closed = await phone.told.expect(PhoneClosed, call=CALL)
    assert (closed.code, closed.by) == (None, ClosedBy.OPERATOR)
    assert await peer.finished() == 0
    assert any(line.startswith("BYE") for line in peer.messages())
