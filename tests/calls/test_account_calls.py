"""Credits and prices over real REST: what the conversation server says reaches the state and the file."""

from __future__ import annotations

import json
from pathlib import Path

from console.core.events import HangUp
from tests.console_rig import running_console


async def test_the_price_of_a_call_is_kept_with_it(tmp_path: Path) -> None:
    async with running_console(tmp_path) as console:
        await console.seen("account")
        assert console.state.account.known
        call = console.dial("Echo")
        await console.seen("agent.first_audio")
        console.engine.send(HangUp(call))
        await console.over(call)
        await console.seen("call.review", call, seconds=40)
        review = console.state.ended[0].review
        assert review is not None
        assert review.credits is not None
    kept = json.loads((tmp_path / "data" / "calls.jsonl").read_text().splitlines()[-1])
    assert kept["review"]["credits"] == review.credits
