"""Every single fault, on every engine where it can exist: no orphan, no dead air, and the next call works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console_rig import SLOW
from tests.faults.scene import RTP_SECONDS, SESSION_SECONDS, Aftermath, check, record_end, staged
from tests.faults.single import EMBEDDED, EXTERNAL, SINGLE, Fault

CASES = [
    pytest.param(
        fault, engine, id=f"{engine}: {fault.name}", marks=pytest.mark.live if engine == EXTERNAL else ()
    )
    for fault in SINGLE
    for engine in (EMBEDDED, EXTERNAL)
    if engine in fault.engines
]


@pytest.mark.parametrize(("fault", "engine"), CASES)
async def test_fault(
    fault: Fault, engine: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("fault", fault.name)
    record_property("engine", engine)
    async with staged(
        tmp_path,
        engine,
        script=fault.script,
        ctrl_proxy=fault.ctrl_proxy,
        far_timeout=fault.far_timeout,
        agent_host=fault.agent_host,
        **fault.settings,
    ) as scene:
        call, at = await fault.strike(scene)
        end = await scene.aftermath(call, leg=fault.leg)
        record_end(record_property, end, at)
        record_property("stack_killed", fault.stack_killed)
        assert end.call.outcome in fault.outcomes, (end.call.outcome, end.call.reason, end.call.why)
        if end.leg is not None and end.leg.get("by") == "rtp timeout":
            record_property("note", "the far end's RTP timeout ended its leg")
        if fault.stack_killed:
            check_stack_killed(scene.line.lines, end, at)
        else:
            check(end)
        if fault.heal is not None:
            await fault.heal(scene)
        await scene.works_again()


def check_stack_killed(lines: list[dict[str, object]], end: Aftermath, at: float) -> None:
    """No BYE can be sent: the session goes, RTP stops, and the peer finds out by its RTP timeout."""
    assert end.left == 0
    assert max(s["closed"] for s in end.sessions) - at <= SESSION_SECONDS * SLOW
    assert end.rtp_at is not None
    assert end.rtp_at - at <= RTP_SECONDS * SLOW, f"RTP went on for {end.rtp_at - at:.2f} s"
    assert any(line["event"] == "rtp_timeout" for line in lines)
