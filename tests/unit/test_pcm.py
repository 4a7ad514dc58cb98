"""G.711 against a search through the decision values of ITU-T G.711, formats, levels, mixing."""

import math

import numpy as np
import pytest

from console.audio import pcm


def _reference_mulaw(sample: int) -> int:
    """ITU-T G.711 table 2a by search: decision values 0, 1, 3, ... 31, 35, ... in 14-bit units."""
    decisions, value = [1], 1
    for segment in range(8):
        for _ in range(15 if segment == 0 else 16):
            value += 2 << segment
            decisions.append(value)
    magnitude = abs(sample) / 4
    if sample < 0:  # exactly on a decision value either way is right; G.191 takes the lower interval
        number = sum(magnitude > d for d in decisions[:127])
    else:
        number = sum(magnitude >= d for d in decisions[:127])
    return (0x7F - number) | (0x80 if sample >= 0 else 0)


def _reference_decoded(code: int) -> int:
    """ITU-T G.711 table 2a, column 8: y = (2 * step + 33) * 2^segment - 33, in 14-bit units."""
    segment, step = (~code >> 4) & 7, ~code & 15
    value = ((2 * step + 33) * 2**segment - 33) * 4
    return value if code & 0x80 else -value


def test_mulaw_encodes_every_sample_as_g711() -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    codes = pcm.mulaw_encode(samples)
    chosen = [*range(-32768, 32768, 37), *range(-140, 141), -32768, 32767, -32124, 32124]
    assert [codes[s + 32768] for s in chosen] == [_reference_mulaw(s) for s in chosen]


def test_mulaw_decodes_every_code_as_g711() -> None:
    assert pcm.mulaw_decode(bytes(range(256))).tolist() == [_reference_decoded(c) for c in range(256)]


def test_mulaw_codes_survive_a_round_trip() -> None:
    codes = bytes(c for c in range(256) if c != 0x7F)  # negative zero comes back as zero
    assert pcm.mulaw_encode(pcm.mulaw_decode(codes)) == codes


def test_silence_is_0xff_in_mulaw_and_zero_in_pcm() -> None:
    assert pcm.silence(pcm.parse_format("ulaw_8000")) == b"\xff" * 160
    assert pcm.silence(pcm.parse_format("pcm_22050")) == b"\x00" * 882


@pytest.mark.parametrize("name", pcm.FORMATS)
def test_every_format_has_whole_frames_and_keeps_samples(name: str) -> None:
    fmt = pcm.parse_format(name)
    assert fmt.frame_samples * pcm.FRAMES_PER_SECOND == fmt.rate
    sound = (8000 * np.sin(np.arange(fmt.frame_samples) / 5)).astype(np.int16)
    back = pcm.decode(pcm.encode(sound, fmt), fmt)
    assert len(pcm.encode(sound, fmt)) == fmt.frame_bytes
    tolerance = 0 if fmt.encoding is pcm.Encoding.S16LE else 260  # half a mu-law step at 8,000
    assert np.abs(back.astype(int) - sound).max() <= tolerance


def test_pcm_is_little_endian() -> None:
    assert pcm.encode(np.array([1, -2], np.int16), pcm.parse_format("pcm_8000")) == b"\x01\x00\xfe\xff"


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(ValueError, match=r"'opus_48000'.*pcm_16000"):
        pcm.parse_format("opus_48000")


def test_levels() -> None:
    t = np.arange(16000) / 16000
    sine = np.round(32767 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)
    assert pcm.level(sine) == pytest.approx(-3.01, abs=0.01)
    assert pcm.level(np.full(160, -32768, np.int16)) == pytest.approx(0.0)
    assert pcm.level((sine / 10).astype(np.int16)) == pytest.approx(-23.01, abs=0.05)
    assert pcm.level(np.zeros(160, np.int16)) == pcm.FLOOR_DBFS
    assert pcm.level(np.zeros(0, np.int16)) == pcm.FLOOR_DBFS
    assert math.isfinite(pcm.level(np.array([1] + [0] * 100_000, np.int16)))


def test_mixing_saturates_and_takes_unequal_lengths() -> None:
    one, other = np.array([30000, -30000, 5], np.int16), np.array([30000, -30000], np.int16)
    assert pcm.mix(one, other).tolist() == [32767, -32768, 5]
    assert pcm.mix(other, one).tolist() == [32767, -32768, 5]
    assert one.tolist() == [30000, -30000, 5]
