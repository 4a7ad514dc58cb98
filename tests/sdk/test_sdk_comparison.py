"""The console's client in every scenario of the comparison with the official SDK (`make compare-sdk`). Runs
where the extra `sdk` is installed."""

from __future__ import annotations

import pytest

from tests.sdk.compare import play
from tests.sdk.scenarios import SCENARIOS, Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"check {s.check}: {s.what}")
async def test_the_console_is_right_where_it_is_compared(scenario: Scenario) -> None:
    verdict = await play(scenario, "ours")
    assert verdict.right, verdict.observed
