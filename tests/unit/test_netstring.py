"""Framing of ctrl_tcp: frames survive any cut, and a broken stream is noticed at once."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.phone.netstring import MAX_FRAME, Decoder, NetstringError, encode


def decode(*pieces: bytes) -> list[bytes]:
    decoder = Decoder()
    found: list[bytes] = []
    for piece in pieces:
        decoder.feed(piece)
        found += decoder.frames()
    return found


@given(st.lists(st.binary(max_size=40), max_size=6), st.data())
def test_frames_come_back_however_the_stream_is_cut(frames: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(encode(frame) for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    assert decode(*(stream[a:b] for a, b in pairwise(edges))) == frames


def test_frames_come_back_when_split_at_every_byte() -> None:
    stream = encode(b'{"event":true}') + encode(b"") + encode("привет".encode())
    whole = decode(stream)
    assert whole == [b'{"event":true}', b"", "привет".encode()]
    for at in range(len(stream) + 1):
        assert decode(stream[:at], stream[at:]) == whole
    assert decode(*(bytes([byte]) for byte in stream)) == whole


@pytest.mark.parametrize(
    ("stream", "complaint"),
    [
        (b"x", "not a number"),
        (b"-1:a,", "not a number"),
        (b"1 :a,", "not a number"),
        (b":,", "missing"),
        (b"01:a,", "leading zero"),
        (b"00:,", "leading zero"),
        (b"3:abc;", "comma"),
        (b"3:abcd", "comma"),
        (b"1048577:", "longer"),
        (b"99999999", "longer"),
        ("٣:abc,".encode(), "not a number"),
    ],
)
def test_a_broken_stream_raises(stream: bytes, complaint: str) -> None:
    with pytest.raises(NetstringError, match=complaint):
        decode(stream)


def test_frames_before_the_defect_are_delivered_and_the_decoder_stays_broken() -> None:
    decoder = Decoder()
    decoder.feed(encode(b"good") + b"bad" + encode(b"good"))
    frames = decoder.frames()
    assert next(frames) == b"good"
    with pytest.raises(NetstringError):
        next(frames)
    decoder.feed(encode(b"more"))
    with pytest.raises(NetstringError):
        next(decoder.frames())


def test_the_longest_frame_passes_and_one_more_byte_does_not() -> None:
    assert decode(encode(bytes(MAX_FRAME))) == [bytes(MAX_FRAME)]
    with pytest.raises(NetstringError):
        encode(bytes(MAX_FRAME + 1))


@given(st.binary(max_size=200))
def test_hostile_bytes_give_frames_or_the_one_error(stream: bytes) -> None:
    try:
        frames = decode(stream)
    except NetstringError:
        return
    assert stream.startswith(b"".join(encode(frame) for frame in frames))
