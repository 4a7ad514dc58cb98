"""Levels and speaking, with hysteresis, on a clock that is a number."""

import numpy as np

from console.audio.meter import Meter
from console.ports import PCM

LOUD = np.full(160, 3000, np.int16)  # -20.8 dBFS
SOFT = np.full(160, 150, np.int16)  # -46.8 dBFS: between the thresholds
NONE = np.zeros(0, np.int16)


def _feed(meter: Meter, start: float, *blocks: PCM) -> float:
    for block in blocks:
        meter.feed(block, start)
        start += 0.02
    return start


def test_a_click_is_not_speech() -> None:
    meter = Meter()
    _feed(meter, 0.0, SOFT, LOUD, SOFT, SOFT)
    assert not meter.speaking


def test_speech_begins_where_it_was_first_loud_and_ends_where_it_was_last_audible() -> None:
    meter = Meter()
    now = _feed(meter, 5.0, *[LOUD] * 10)
    assert (meter.speaking, meter.since) == (True, 5.0)
    now = _feed(meter, now, *[SOFT] * 10)  # fading is still speech
    last = now - 0.02
    now = _feed(meter, now, *[LOUD * 0] * 19)
    assert meter.speaking
    _feed(meter, now, *[LOUD * 0] * 3)
    assert not meter.speaking
    assert abs(meter.since - last) < 1e-9


def test_one_late_block_does_not_drop_the_level_and_real_silence_does() -> None:
    meter = Meter()
    now = _feed(meter, 0.0, LOUD, NONE, NONE)
    assert meter.dbfs > -21
    _feed(meter, now, NONE, NONE)
    assert meter.dbfs == -96.0
