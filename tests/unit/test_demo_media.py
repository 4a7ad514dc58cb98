"""The line's SDP, RTP and G.711: pure, and tolerant of what comes in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.audio import pcm
from console.demo import g711, rtp, sdp

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 20000 RTP/AVP 9 96 8 0 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=1\r\n"
    b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
)


def test_an_offer_is_read() -> None:
    audio = sdp.read(OFFER)
    assert audio is not None
    assert (audio.host, audio.port, audio.direction) == ("192.0.2.1", 20000, sdp.Direction.SENDRECV)
    assert [f.name for f in audio.formats] == ["G722", "opus", "PCMA", "PCMU", "telephone-event"]
    assert audio.find("PCMU", "PCMA") == sdp.Format(8, "PCMA", 8000)
    assert audio.voice == sdp.Format(9, "G722", 8000)
    assert audio.formats[1] == sdp.Format(96, "opus", 48000, "2", "stereo=1")
    assert audio.events == sdp.Format(101, "telephone-event", 8000, "", "0-15")


@pytest.mark.parametrize(
    ("direction", "answer"),
    [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive"), ("sendrecv", "sendrecv")],
)
def test_directions_are_mirrored(direction: str, answer: str) -> None:
    audio = sdp.read(OFFER.replace(b"sendrecv", direction.encode()))
    assert audio is not None
    assert audio.direction.mirrored() == answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0\r\n",
        OFFER.replace(b"20000", b"0"),
        OFFER.replace(b"20000", b"99999"),
        OFFER.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP6 ::1"),
        OFFER.replace(b"9 96 8 0 101", b""),
        OFFER.replace(b"m=audio", b"m=video"),
    ],
)
def test_nobody_to_talk_to(body: bytes) -> None:
    assert sdp.read(body) is None


def test_what_is_written_is_read_back() -> None:
    audio = sdp.read(OFFER)
    assert audio is not None
    assert sdp.read(sdp.write(audio, 5)) == audio


@given(st.binary(max_size=300), st.integers(0, len(OFFER)))
def test_damaged_descriptions_never_crash(junk: bytes, at: int) -> None:
    sdp.read(OFFER[:at] + junk + OFFER[at:])


@given(
    st.builds(
        rtp.Packet,
        st.integers(0, 63) | st.integers(96, 127),
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=320),
        st.booleans(),
    )
)
def test_packets_survive_the_wire(packet: rtp.Packet) -> None:
    assert rtp.parse(packet.encode()) == packet


@given(st.binary(max_size=80))
def test_arbitrary_datagrams_never_crash(data: bytes) -> None:
    rtp.parse(data)


def test_rtcp_and_padding_and_extensions() -> None:
    assert rtp.parse(b"\x80\xc8" + bytes(26)) is None
    padded = bytes([0xA0]) + rtp.Packet(0, 1, 2, 3, b"abcd\0\0\3").encode()[1:]
    found = rtp.parse(padded)
    assert found is not None
    assert found.payload == b"abcd"
    extended = bytes([0x90]) + rtp.Packet(0, 1, 2, 3, b"\xbe\xde\0\1xxxxpay").encode()[1:]
    found = rtp.parse(extended)
    assert found is not None
    assert found.payload == b"pay"


def test_a_key_is_found_once_however_often_it_is_repeated() -> None:
    finder, found = rtp.Digits(), ""
    for n, digit in enumerate("15#5"):
        for payload in rtp.digit_payloads(digit):
            found += finder.feed(rtp.Packet(101, 0, 800 * n, 1, payload))
    assert found == "15#5"
    assert finder.feed(rtp.Packet(101, 0, 99999, 1, bytes([40, 0, 0, 0]))) == ""


def test_mu_law_agrees_with_the_console_s_own_codec() -> None:
    assert list(pcm.mulaw_decode(bytes(range(256)))) == g711.SAMPLES["PCMU"]


@pytest.mark.parametrize(
    ("code", "sample"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0x80, 5504)]
)
def test_a_law_values(code: int, sample: int) -> None:
    """ITU-T G.711 table 1a, times 8 (13 to 16 bit)."""
    assert g711.SAMPLES["PCMA"][code] == sample


def test_levels() -> None:
    assert g711.level("PCMU", b"\xff" * 160) == -96.0
    assert g711.level("PCMA", b"\xd5" * 160) < -70
    for name in ("PCMU", "PCMA"):
        assert g711.level(name, g711.tone(name, 1000, 0.5, -12)) == pytest.approx(-15, abs=0.3)


def test_mu_law_becomes_a_law() -> None:
    ulaw = g711.tone("PCMU", 440, 0.5, -6)
    back = [g711.SAMPLES["PCMA"][code] for code in ulaw.translate(g711.ULAW_TO_ALAW)]
    plain = [g711.SAMPLES["PCMU"][code] for code in ulaw]
    error = np.sqrt(np.mean(np.square(np.subtract(back, plain))))
    assert error < 0.02 * np.sqrt(np.mean(np.square(plain)))
