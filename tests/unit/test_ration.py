"""So many in a second, and how many there were beyond."""

from __future__ import annotations

from console.phone.ration import Ration


def test_each_second_has_its_own_ration() -> None:
    ration = Ration(2)
    assert [ration.take(now) for now in (5.0, 5.1, 5.2, 5.99)] == [
        (True, 0),
        (True, 0),
        (False, 0),
        (False, 0),
    ]
    assert [ration.take(now) for now in (6.0, 6.5, 6.9)] == [(True, 2), (True, 0), (False, 0)]
    assert ration.take(90.0) == (True, 1)
    assert ration.take(91.0) == (True, 0)
