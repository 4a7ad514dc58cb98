"""The embedded phone's pure parts: events of the stack into ours, the account, the configuration."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from console.core.events import (
    CallId,
    ClosedBy,
    Event,
    Ignored,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneDigit,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneHold,
    PhoneRinging,
    PhoneRtp,
)
from console.phone.embedded_account import EmbeddedLine
from console.phone.embedded_calls import EmbeddedCall, caller_name
from console.ports import PhoneError

baresip = pytest.importorskip("baresip", reason="the embedded phone exists for Linux only")

CALL = CallId("c1")
LINE = EmbeddedLine("console", "sip.example.com:5062", "s3cret")


async def tell(*given: str, incoming: bool = False, ending: bool = False) -> list[Event]:
    """What follows from these events, written as `NAME text`."""
    call = EmbeddedCall(CALL, incoming=incoming)
    call.ending = ending
    told: list[Event] = []
    for line in given:
        name, _, text = line.partition(" ")
        event = baresip.StackEvent(event=baresip.Event[name], call=7, text=text or None, call_id="sip-1")
        told += call.receive(event)
    return told[1:] if told and isinstance(told[0], PhoneCallBound) else told


async def test_the_sip_call_id_is_told_once_and_clean() -> None:
    call = EmbeddedCall(CALL, incoming=False)
    assert call.learn(None) == []
    assert call.learn("a\x1b[2Jb") == [PhoneCallBound(CALL, "ab")]
    assert call.learn("c") == []


async def test_an_answered_call() -> None:
    assert await tell(
        "CALL_OUTGOING", "CALL_LOCAL_SDP offer", "CALL_RINGING", "CALL_ANSWERED", "CALL_REMOTE_SDP answer",
        "CALL_ESTABLISHED", "CALL_RTPESTAB audio", "CALL_RTPESTAB audio", "CALL_RINGING",
        "CALL_CLOSED Connection reset by peer [104]",
    ) == [
        PhoneRinging(CALL), PhoneAnswered(CALL), PhoneEstablished(CALL), PhoneRtp(CALL),
        PhoneClosed(CALL, None, "Connection reset by peer", ClosedBy.REMOTE),
    ]  # fmt: skip


async def test_early_media_that_ends() -> None:
    told = await tell("CALL_PROGRESS", "CALL_RTPESTAB audio", 'CALL_CLOSED 480 Gone,Q.850;cause=20;text="x"')
    assert told == [PhoneEarlyMedia(CALL), PhoneRtp(CALL), PhoneClosed(CALL, 480, "Gone", ClosedBy.REMOTE)]


@pytest.mark.parametrize(
    ("text", "ending", "by"),
    [
        ("Rejected by user", True, ClosedBy.OPERATOR),
        ("Connection timed out [110]", False, ClosedBy.TIMEOUT),
        ("rtp stream error", False, ClosedBy.TIMEOUT),
        ("Connection refused [111]", False, ClosedBy.NETWORK),
        ("Destination address required [89]", True, ClosedBy.OPERATOR),
    ],
)
async def test_who_ended_it(text: str, ending: bool, by: ClosedBy) -> None:
    closed = (await tell(f"CALL_CLOSED {text}", ending=ending))[0]
    assert isinstance(closed, PhoneClosed)
    assert (closed.code, closed.by) == (None, by)


async def test_a_bye_is_told_once_and_as_the_stack_will_tell_it() -> None:
    told = await tell("CALL_CLOSED Connection reset by peer [104]")
    call = EmbeddedCall(CALL, incoming=False)
    assert call.hung_up() == told
    late = baresip.StackEvent(event=baresip.Event.CALL_CLOSED, call=7, text="Connection reset by peer [104]")
    assert call.receive(late) == []


async def test_hold_and_digits_and_oddities() -> None:
    told = await tell(
        "CALL_HOLD", "CALL_HOLD", "CALL_RESUME", "CALL_DTMF_START 5", "CALL_DTMF_END", "CALL_DTMF_START xx"
    )
    assert told[:3] == [PhoneHold(CALL, True), PhoneHold(CALL, False), PhoneDigit(CALL, "5")]
    assert isinstance(told[3], Ignored)
    assert await tell("CALL_ANSWERED", "CALL_ESTABLISHED", incoming=True) == [PhoneEstablished(CALL)]


async def test_a_reply_of_the_far_side_is_noticed() -> None:
    call = EmbeddedCall(CALL, incoming=False)
    call.receive(baresip.StackEvent(event=baresip.Event.CALL_LOCAL_SDP, call=7))
    assert not call.replied.is_set()
    call.receive(baresip.StackEvent(event=baresip.Event.CALL_RINGING, call=7))
    assert call.replied.is_set()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('"Olga" <sip:7@h>;tag=1', "Olga"),
        ("Olga P <sip:7@h>", "Olga P"),
        ('"a \\"b\\" [/x]\x1b[31m" <sip:7@h>', 'a "b" [/x]'),
        ("<sip:7@h>", ""),
        ("sip:7@h", ""),
        ("", ""),
    ],
)
def test_names_of_callers(header: str, name: str) -> None:
    assert caller_name(header) == name


def test_the_account_as_the_stack_reads_it() -> None:
    aor = replace(LINE, outbound="sip:192.0.2.9", auth_user="u2", codecs=("opus", "PCMA")).account().aor()
    assert aor.startswith("<sip:console@sip.example.com:5062;transport=udp>;")
    for part in (
        'auth_pass="s3cret"',
        "auth_user=u2",
        "audio_codecs=opus/48000/2,PCMA",
        'outbound="sip:192.0.2.9"',
    ):
        assert part in aor
    assert "100rel=yes" in aor
    assert "regint=0;" in replace(LINE, register=False).account().aor()
    assert "s3cret" not in repr(LINE) + repr(LINE.account())


def test_the_configuration_as_the_stack_reads_it() -> None:
    text = replace(LINE, listen="192.0.2.1:5070", rtp_timeout=30, jitter_ms=(40, 120)).config().render()
    for line in (
        "net_interface 192.0.2.1",
        "sip_listen 192.0.2.1:5070",
        "rtp_timeout 30",
        "audio_jitter_buffer_type fixed",
        "audio_jitter_buffer_ms 40-120",
    ):
        assert line in text.splitlines()
    assert "audio_jitter_buffer_type off" in LINE.config().render().splitlines()


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, None),
        ({"domain": "127.0.0.1:5060"}, ("127.0.0.1", 0)),
        ({"domain": "localhost"}, ("127.0.0.1", 0)),
        ({"outbound": "sip:127.0.0.1:5060;lr"}, ("127.0.0.1", 0)),
        ({"domain": "127.0.0.1", "outbound": "192.0.2.1"}, None),
        ({"listen": "0.0.0.0:5060"}, ("0.0.0.0", 5060)),
    ],
)
def test_where_it_listens(settings: dict[str, str], address: tuple[str, int] | None) -> None:
    assert replace(LINE, **settings).address() == address  # type: ignore[arg-type]


@pytest.mark.parametrize("listen", ["5060", "host:5060", "127.0.0.1:", "127.0.0.1:99999", "[::1]:5060"])
def test_a_listening_place_that_is_none(listen: str) -> None:
    with pytest.raises(PhoneError, match="SIP_LISTEN"):
        replace(LINE, listen=listen).config()
