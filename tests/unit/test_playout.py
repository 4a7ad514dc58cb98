"""The agent's audio: any chunks in, 20 ms frames out, nothing lost, nothing doubled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.audio.pcm import decode, parse_format
from console.audio.playout import Playout

PCM16 = parse_format("pcm_16000")
ULAW = parse_format("ulaw_8000")


def _frames(playout: Playout) -> list[np.ndarray]:
    frames = []
    while (frame := playout.frame(pad=True)) is not None:
        frames.append(frame)
    return frames


@given(st.binary(max_size=4000), st.lists(st.integers(0, 700), max_size=30), st.sampled_from([PCM16, ULAW]))
def test_any_chunking_gives_the_same_frames(data: bytes, cuts: list[int], fmt: object) -> None:
    assert fmt in (PCM16, ULAW)
    fmt = PCM16 if fmt == PCM16 else ULAW
    playout, position = Playout(fmt), 0
    for cut in cuts:
        playout.push(data[position : position + cut])
        position += cut
    playout.push(data[position:])
    frames = _frames(playout)
    assert all(len(frame) == fmt.frame_samples for frame in frames)
    whole = decode(data[: len(data) - len(data) % fmt.width], fmt)
    played = np.concatenate(frames) if frames else np.zeros(0, np.int16)
    assert 0 <= len(played) - len(whole) < fmt.frame_samples
    assert np.array_equal(played[: len(whole)], whole)
    assert not played[len(whole) :].any()


def test_an_incomplete_frame_waits_until_it_may_be_padded() -> None:
    playout = Playout(PCM16)
    playout.push(b"\x01\x00" * 100)
    assert playout.frame() is None
    assert not playout.empty
    playout.push(b"\x01\x00" * 220)
    frame = playout.frame()
    assert frame is not None
    assert frame.all()
    assert playout.frame(pad=True) is None


def test_interruption_counts_what_was_not_played_and_leaves_no_byte() -> None:
    playout = Playout(PCM16)
    playout.push(b"\x55" * (16000 * 2 * 3 + 1))
    playout.frame()
    assert playout.interrupt() == 2980
    assert playout.empty
    assert playout.frame(pad=True) is None
    playout.push(b"\x07\x00" * 320)
    frame = playout.frame()
    assert frame is not None
    assert set(frame.tolist()) == {7}


def test_minutes_arrive_at_once_and_memory_stays_bounded() -> None:
    playout = Playout(ULAW, capacity_seconds=60)
    for _ in range(70):
        playout.push(b"\x10" * 8000)
    assert playout.seconds == pytest.approx(60)
    assert playout.overflow_ms == pytest.approx(10_000)
    assert len(_frames(playout)) == 3000
    assert playout.played_ms == pytest.approx(60_000)
    assert playout.received_ms == pytest.approx(70_000)


def test_tail_of_a_mulaw_utterance_is_padded_with_silence() -> None:
    playout = Playout(ULAW)
    playout.push(b"\x00" * 10)
    frame = playout.frame(pad=True)
    assert frame is not None
    assert frame.tolist() == [-32124] * 10 + [0] * 150
