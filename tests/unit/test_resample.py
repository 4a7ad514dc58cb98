"""The streaming resampler: never an empty 20 ms call, delay, level, images, chunking."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from console.audio.resample import StreamResampler
from console.ports import PCM

RATES = (8000, 16000, 22050, 24000, 44100, 48000)
PAIRS = [pair for pair in itertools.product(RATES, RATES) if pair[0] != pair[1]]


def _sine(rate: int, hertz: float, seconds: float = 1.0, peak: float = 16000.0) -> PCM:
    t = np.arange(int(rate * seconds)) / rate
    return np.round(peak * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def _chunked(source: int, target: int, sound: PCM, size: int) -> list[PCM]:
    stream = StreamResampler(source, target)
    return [stream.process(sound[i : i + size]) for i in range(0, len(sound), size)]


def _spectrum(sound: PCM) -> npt.NDArray[np.float64]:
    """dB against the strongest bin."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return 20 * np.log10(np.maximum(spectrum / spectrum.max(), 1e-9))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_20_ms_give_audio_at_most_6_ms_late(source: int, target: int) -> None:
    calls = _chunked(source, target, _sine(source, 440), source // 50)
    lengths = np.array([len(call) for call in calls])
    assert lengths.min() > 0
    late = np.arange(1, len(calls) + 1) * 0.02 - np.cumsum(lengths) / target
    assert late.max() <= 0.006
    assert late.min() > -0.001


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_click_keeps_its_place(source: int, target: int) -> None:
    sound = np.zeros(source, np.int16)
    sound[source // 2] = 20000
    out = np.concatenate(_chunked(source, target, sound, source // 50))
    assert abs(int(np.abs(out.astype(int)).argmax()) / target - 0.5) < 0.0002


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_level_holds_and_images_stay_away(source: int, target: int) -> None:
    hertz = 1000
    out = np.concatenate(_chunked(source, target, _sine(source, hertz), source // 50))
    middle = out[target // 10 : target // 10 + target // 2].astype(float)
    gain = 20 * np.log10(np.sqrt(np.mean(middle**2)) / (16000 / np.sqrt(2)))
    assert abs(gain) < 0.1
    spectrum = _spectrum(middle.astype(np.int16))
    away = np.abs(np.arange(len(spectrum)) * 2.0 - hertz) > 100
    assert spectrum[away].max() < -60


@pytest.mark.parametrize(
    ("source", "target", "hertz"), [(48000, 8000, 6000), (16000, 8000, 5500), (24000, 16000, 11000)]
)
def test_what_the_target_cannot_carry_is_gone(source: int, target: int, hertz: int) -> None:
    out = np.concatenate(_chunked(source, target, _sine(source, hertz), source // 50))
    middle = out[target // 10 : -target // 10].astype(float)
    assert 20 * np.log10(max(np.sqrt(np.mean(middle**2)), 1e-3) / (16000 / np.sqrt(2))) < -60


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("size", [1, 7, 113, 1021])
def test_chunked_equals_whole(source: int, target: int, size: int) -> None:
    sound = np.random.default_rng(5).integers(-9000, 9000, source // 10).astype(np.int16)
    whole = StreamResampler(source, target).process(sound)
    pieces = np.concatenate(_chunked(source, target, sound, size))
    assert abs(len(pieces) - len(whole)) <= 8
    common = min(len(pieces), len(whole))
    assert np.abs(pieces[:common].astype(int) - whole[:common]).max() <= 1


def test_no_click_at_chunk_edges() -> None:
    calls = _chunked(8000, 16000, _sine(8000, 300), 160)
    sound = np.concatenate(calls).astype(float)
    bend = np.abs(np.diff(sound, 2))[1000:-1000]  # a click is a jump in the second difference
    assert bend.max() < 1.2 * 16000 * (2 * np.pi * 300 / 16000) ** 2


def test_loud_sound_saturates_instead_of_wrapping() -> None:
    square = np.where(np.arange(800) // 20 % 2, -32768, 32767).astype(np.int16)
    out = StreamResampler(8000, 16000).process(square).astype(int)
    assert out.max() == 32767
    assert np.abs(np.diff(out)).max() < 50000


def test_equal_rates_pass_through() -> None:
    sound = _sine(8000, 440)
    assert StreamResampler(8000, 8000).process(sound) is sound


def test_reset_forgets_what_was_held_back() -> None:
    stream = StreamResampler(8000, 16000)
    stream.process(_sine(8000, 440))
    stream.reset()
    assert not stream.process(np.zeros(160, np.int16)).any()
