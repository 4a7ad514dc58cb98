"""When the demo agent takes the caller for talking."""

from __future__ import annotations

import numpy as np
import pytest

from console.demo.conversation.listening import Listening

RATE = 8000


def sound(seconds: float, peak: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.tile(np.array([peak, -peak], np.int16), round(seconds * RATE / 2))


def test_speech_then_silence() -> None:
    listening = Listening(RATE)
    listening.feed(sound(1.0, 20))
    assert (listening.heard, listening.speech) == (False, 0.0)
    listening.feed(sound(0.5, 4000))
    assert listening.heard
    assert listening.speech == pytest.approx(0.5)
    assert listening.silence == 0.0
    listening.feed(sound(0.7, 0))
    assert listening.silence == pytest.approx(0.7)
    assert listening.speech == 0.0
    assert listening.heard
    listening.forget()
    assert not listening.heard


def test_a_short_pause_belongs_to_the_speech() -> None:
    listening = Listening(RATE)
    for part in (sound(0.2, 4000), sound(0.2, 0), sound(0.2, 4000)):
        listening.feed(part)
    assert listening.speech == pytest.approx(0.6)


def test_a_click_is_nothing() -> None:
    listening = Listening(RATE)
    listening.feed(sound(0.02, 20_000))
    listening.feed(sound(0.5, 0))
    assert not listening.heard
