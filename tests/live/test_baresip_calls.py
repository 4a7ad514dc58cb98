"""Calls with the real Baresip of this machine against scripted SIP peers on loopback."""

import pytest

from console.core.events import (
    CallId,
    ClosedBy,
    Ignored,
    LineUp,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneIncoming,
    PhoneMissed,
    PhoneRinging,
    PhoneRtp,
)
from console.phone.baresip_config import PhoneLimits

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]
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
    assert len(phone.told.of(PhoneCallBound)) == 1
    assert phone.told.of(Ignored) == []


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


async def test_early_media_that_ends_busy_is_no_answer(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("early_busy")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEarlyMedia, call=CALL)
    await phone.told.expect(PhoneRtp, call=CALL)
    closed = await phone.told.expect(PhoneClosed, call=CALL)
    assert (closed.code, closed.reason, closed.by) == (486, "Busy Here", ClosedBy.REMOTE)
    assert phone.told.of(PhoneEstablished, PhoneAnswered) == []
    assert await peer.finished() == 0


async def test_early_media_and_then_an_answer(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("early_answer_bye")
    phone.phone.dial(CALL, peer.uri)
    early = await phone.told.expect(PhoneEarlyMedia, call=CALL)
    answer = await phone.told.expect(PhoneEstablished, call=CALL)
    # The peer answers one second after its 183.
    assert phone.told.time_of(answer) - phone.told.time_of(early) > 0.9
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.REMOTE)
    assert await peer.finished() == 0


async def test_every_provisional_answer_in_a_row_is_no_answer(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("mixed_answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    before = phone.told.events[: phone.told.events.index(PhoneEstablished(CALL))]
    assert sum(isinstance(event, PhoneRinging | PhoneEarlyMedia) for event in before) == 7
    phone.phone.hang_up(CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
    assert await peer.finished() == 0


async def test_early_media_and_we_give_up(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("early_wait_cancel")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneRtp, call=CALL)
    phone.phone.hang_up(CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
    assert phone.told.of(PhoneEstablished, PhoneAnswered) == []
    assert await peer.finished() == 0
    assert any(line.startswith("CANCEL") for line in peer.messages())


@pytest.mark.parametrize(("scenario", "code"), [("busy", 486), ("not_found", 404)])
async def test_a_refusal_has_its_code(start_phone, sipp, scenario: str, code: int) -> None:
    phone, peer = await start_phone(), await sipp(scenario)
    phone.phone.dial(CALL, peer.uri)
    closed = await phone.told.expect(PhoneClosed, call=CALL)
    assert (closed.code, closed.by) == (code, ClosedBy.REMOTE)
    assert await peer.finished() == 0


async def test_no_answer_and_we_give_up(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("ring_cancel")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneRinging, call=CALL)
    phone.phone.hang_up(CALL)
    closed = await phone.told.expect(PhoneClosed, call=CALL)
    assert (closed.code, closed.by) == (None, ClosedBy.OPERATOR)
    assert await peer.finished() == 0


async def test_hanging_up_in_the_moment_of_dialing(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("ring_cancel")
    phone.phone.dial(CALL, peer.uri)
    phone.phone.hang_up(CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
    phone.phone.dial(CallId("c2"), peer.uri)
    await phone.told.expect(PhoneRinging, call="c2")
    assert len(phone.told.of(PhoneClosed)) == 1


async def test_a_peer_that_falls_silent_ends_by_rtp_timeout(start_phone, sipp) -> None:
    phone, peer = await start_phone(limits=PhoneLimits(rtp_timeout=2)), await sipp("vanish")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneRtp, call=CALL)
    closed = await phone.told.expect(PhoneClosed, call=CALL, deadline=15)
    assert (closed.code, closed.by) == (None, ClosedBy.TIMEOUT)


async def test_one_call_after_another(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("busy", times=3)
    for n in range(3):
        call = CallId(f"c{n}")
        phone.phone.dial(call, peer.uri)
        await phone.told.expect(PhoneClosed, call=call, code=486)
    assert await peer.finished() == 0


async def test_an_incoming_call_is_answered_and_hung_up_by_us(start_phone, sipp) -> None:
    phone = await start_phone()
    caller = await sipp("call_wait_bye", calls=phone.sip_port)
    incoming = await phone.told.expect(PhoneIncoming)
    assert incoming.name == "Caller Example"
    assert incoming.peer == f"sip:caller@127.0.0.1:{caller.port}"
    phone.phone.answer(incoming.call)
    await phone.told.expect(PhoneEstablished, call=incoming.call)
    await phone.told.expect(PhoneRtp, call=incoming.call)
    phone.phone.hang_up(incoming.call)
    await phone.told.expect(PhoneClosed, call=incoming.call, by=ClosedBy.OPERATOR)
    assert await caller.finished() == 0


async def test_an_incoming_call_is_rejected_with_486(start_phone, sipp) -> None:
    phone = await start_phone()
    caller = await sipp("call_refused", calls=phone.sip_port)
    incoming = await phone.told.expect(PhoneIncoming)
    phone.phone.reject(incoming.call)
    await phone.told.expect(PhoneClosed, call=incoming.call, by=ClosedBy.OPERATOR)
    assert await caller.finished() == 0


async def test_a_caller_who_gives_up(start_phone, sipp) -> None:
    phone = await start_phone()
    caller = await sipp("call_cancel", calls=phone.sip_port)
    incoming = await phone.told.expect(PhoneIncoming)
    await phone.told.expect(PhoneClosed, call=incoming.call, by=ClosedBy.REMOTE)
    assert phone.told.of(PhoneEstablished) == []
    assert await caller.finished() == 0


async def test_a_caller_during_a_call_is_busy_and_missed(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    up = next(event for event in phone.told.events if isinstance(event, LineUp))
    caller = await sipp("call_refused", calls=phone.sip_port)
    if up.version.startswith("1."):
        missed = await phone.told.expect(PhoneMissed)
    else:  # several calls can be told apart: the console decides
        missed = await phone.told.expect(PhoneIncoming)
        phone.phone.reject(missed.call)
    assert missed.peer == f"sip:caller@127.0.0.1:{caller.port}"
    assert await caller.finished() == 0
    # The call that is up is the one that a hang-up ends.
    phone.phone.hang_up(CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
    assert await peer.finished() == 0


async def test_two_calls_at_once_are_told_apart(start_phone, sipp) -> None:
    """Somebody calls, and we dial all the same: each command hits its own call, also on 1.0.0."""
    phone, peer = await start_phone(), await sipp("answer_wait")
    caller = await sipp("call_refused", calls=phone.sip_port)
    incoming = await phone.told.expect(PhoneIncoming)
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    phone.phone.reject(incoming.call)
    await phone.told.expect(PhoneClosed, call=incoming.call, by=ClosedBy.OPERATOR)
    assert await caller.finished() == 0
    assert peer.process.returncode is None
    phone.phone.hang_up(CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
    assert await peer.finished() == 0


async def test_our_keys_are_sent(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_bye")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    phone.phone.send_digits(CALL, "12#")
    phone.phone.send_digits(CALL, "1\nhangup")
    await phone.told.expect(Ignored, call=CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.REMOTE)


@pytest.mark.parametrize("uri", ["sip:1@127.0.0.1\nhangup", "", "sip:a b@c", '"x" <sip:1@127.0.0.1>'])
async def test_what_is_no_uri_is_never_dialed(start_phone, uri: str) -> None:
    phone = await start_phone()
    phone.phone.dial(CALL, uri)
    closed = await phone.told.expect(PhoneClosed, call=CALL)
    assert closed.by is ClosedBy.NETWORK
    assert "URI" in closed.reason or "control characters" in closed.reason
