"""The marked sound tells what became of it: checked with sound that was damaged on purpose."""

import numpy as np
import pytest

from tests.bench import marked, quality

SECONDS = 12


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
def test_whole_sound_is_whole(rate: int) -> None:
    heard = marked.follow(marked.piece(rate, 15.0, SECONDS), rate)  # across the end of the period
    assert heard.seconds > SECONDS - 0.2
    assert (heard.lost, heard.doubled, heard.gaps) == (0.0, 0.0, [])
    assert abs(heard.drift) < 0.5


def damaged(how: str, rate: int = 16000) -> marked.Heard:
    whole = marked.piece(rate, 2.0, SECONDS)
    half, ms = len(whole) // 2, rate // 1000
    cuts = {
        "lost": (whole[:half], whole[half + 60 * ms :]),
        "doubled": (whole[:half], whole[half - 40 * ms :]),
        "late": (whole[:half], np.zeros(160 * ms, np.int16), whole[half:]),
        "lost and silent": (whole[:half], np.zeros(20 * ms, np.int16), whole[half + 20 * ms :]),
        "far ahead": (whole[:half], whole[half + 1500 * ms :]),
        "other": (whole[:half], whole[half:][::-1]),
    }
    return marked.follow(np.concatenate(cuts[how]), rate)


def test_what_is_missing_was_lost() -> None:
    heard = damaged("lost")
    assert heard.lost == pytest.approx(60, abs=0.5)
    assert (heard.doubled, heard.gaps) == (0.0, [])
    assert damaged("far ahead").lost == pytest.approx(1500, abs=0.5)


def test_what_comes_twice_was_doubled() -> None:
    heard = damaged("doubled")
    assert heard.doubled == pytest.approx(40, abs=0.5)
    assert (heard.lost, heard.gaps) == (0.0, [])


def test_silence_in_between_is_late() -> None:
    heard = damaged("late")
    assert heard.gaps == [pytest.approx(160, abs=10)]
    assert (heard.longer(20), heard.longer(150)) == (1, 1)
    assert heard.lost == 0.0
    assert damaged("lost and silent").longer(20) == 1


def test_another_sound_is_not_recognised() -> None:
    assert marked.follow(marked.as_pcm(marked.tone(440, 8000, 3.0)), 8000).seconds == 0.0
    assert damaged("other").found < 0.6


@pytest.mark.parametrize("ppm", [-60, 30])
def test_a_faster_clock_is_drift(ppm: int) -> None:
    whole = marked.piece(48000, 0.0, SECONDS).astype(float)
    places = np.arange(0, len(whole) - 1, 1 + ppm / 1e6)
    stretched = np.interp(places, np.arange(len(whole)), whole)
    assert marked.follow(marked.as_pcm(stretched), 48000).drift == pytest.approx(ppm, abs=2)


@pytest.mark.parametrize(("source", "target"), [(8000, 16000), (16000, 8000), (48000, 16000), (22050, 48000)])
def test_images_of_a_conversion_are_not_heard(source: int, target: int) -> None:
    assert quality.images(source, target) < quality.IMAGES_GOAL


def test_an_image_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversion that only repeats samples."""

    class Repeats:
        def __init__(self, source: int, target: int) -> None:
            self._times = target // source

        def process(self, pcm: marked.PCM) -> marked.PCM:
            return np.repeat(pcm, self._times)

    monkeypatch.setattr(quality, "StreamResampler", Repeats)
    assert quality.images(8000, 16000) > -30
