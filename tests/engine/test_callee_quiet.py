"""The bridge tells when not even noise comes from the callee: one of two signs of a phone that is gone."""

import numpy as np
import pytest

from console.audio.bridge import QUIET_SECONDS
from console.core.events import CalleeQuiet
from tests.engine.test_bridge import CALL, Rig

NOISE = np.array([0, 1, 0, -1] * 40, np.int16)
SILENCE = np.zeros(160, np.int16)
NONE = np.zeros(0, np.int16)


@pytest.mark.parametrize("nothing", [SILENCE, NONE], ids=["digital silence", "no audio"])
def test_nothing_for_a_while_is_told_once_and_so_is_its_end(nothing: np.ndarray) -> None:
    rig = Rig()
    rig.go_live()
    rig.pass_time(1.0, lambda _: NOISE)
    rig.pass_time(QUIET_SECONDS - 0.1, lambda _: nothing)
    assert rig.of(CalleeQuiet) == []
    rig.pass_time(2.0, lambda _: nothing)
    assert rig.of(CalleeQuiet) == [CalleeQuiet(CALL, True)]
    rig.pass_time(2.0, lambda _: NOISE)
    assert rig.of(CalleeQuiet) == [CalleeQuiet(CALL, True), CalleeQuiet(CALL, False)]


def test_before_the_answer_nothing_is_missed() -> None:
    rig = Rig()
    rig.pass_time(5.0, lambda _: SILENCE)
    assert rig.of(CalleeQuiet) == []
    rig.go_live()
    rig.pass_time(QUIET_SECONDS - 0.1, lambda _: SILENCE)
    assert rig.of(CalleeQuiet) == []


def test_a_line_with_a_little_noise_is_never_quiet() -> None:
    rig = Rig()
    rig.go_live()
    rig.pass_time(10.0, lambda number: NOISE if number % 50 == 0 else SILENCE)
    assert rig.of(CalleeQuiet) == []
