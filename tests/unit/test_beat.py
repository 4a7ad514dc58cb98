"""When the bridge looks for the phone's next block, on a virtual clock."""

import pytest

from console.audio.beat import Beat


def looks(period: float, seconds: float, phase: float, overshoot: float = 0.0012) -> tuple[list[float], int]:
    """How long each block waited (blocks come every `period` from `phase` on), and how often was looked.
    `overshoot`: how late the loop wakes."""
    beat, now, taken, count, waits = Beat(), 0.0, 0, 0, []
    while now < seconds:
        count += 1
        came = int((now - phase) / period) + 1 if now >= phase else 0
        waits += [now - (phase + number * period) for number in range(taken, came)]
        now += beat.wait(came > taken, now, period) + overshoot
        taken = came
    return waits, count


@pytest.mark.parametrize("period", [0.01, 0.02])
@pytest.mark.parametrize("phase", [0.0, 0.003, 0.0071, 0.0199])
def test_it_finds_the_moment_within_some_blocks_and_keeps_it(period: float, phase: float) -> None:
    waits, count = looks(period, 5.0, phase)
    settled = waits[20:]
    assert max(settled) < 0.005
    assert sum(settled) / len(settled) < 0.0025
    assert count < 2.5 * 5.0 / period


def test_where_nothing_comes_it_looks_every_20_ms() -> None:
    waits, count = looks(0.02, 5.0, phase=10.0)
    assert waits == []
    assert count <= 5.0 / 0.02


def test_a_late_block_is_looked_for_and_a_missing_one_given_up() -> None:
    beat = Beat()
    beat.wait(True, 1.0, 0.02)
    assert beat.wait(False, 1.02, 0.02) < 0.005
    assert not beat.missed(1.02)
    assert beat.missed(1.04)
    assert beat.wait(False, 1.04, 0.02) == 0.02
