"""The WebSocket closed with every code of the architecture: while opening, in speech, at the farewell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from console.core.events import AllowDialing
from console.core.state import Outcome
from console.demo.conversation.script import Script, Step
from console.demo.conversation.server_messages import end_call
from tests.faults.scene import check, staged
from tests.faults.single import EMBEDDED, EXTERNAL

ENDS: tuple[tuple[Step, Outcome], ...] = (
    (Step("close", code=1000), Outcome.FINISHED),
    (Step("close", code=3000, reason="Request error"), Outcome.AGENT_REFUSED),
    (Step("close", code=1008), Outcome.AGENT_REFUSED),
    (Step("close", code=1002, reason="This request exceeds your quota limit."), Outcome.AGENT_REFUSED),
    (Step("close", code=3008), Outcome.AGENT_BUSY),
    (Step("close", code=4300), Outcome.AGENT_BUSY),
    (Step("close", code=1001), Outcome.AGENT_LOST),
    (Step("eof"), Outcome.AGENT_LOST),
    (Step("drop"), Outcome.AGENT_LOST),
    (Step("close", code=1002, reason="LLM timeout"), Outcome.AGENT_LOST),
    (Step("close", code=1011), Outcome.AGENT_LOST),
    (Step("close", code=1012), Outcome.AGENT_LOST),
    (Step("close", code=4999), Outcome.AGENT_LOST),
)
TURN = Step("say", text="Hello", seconds=0.3, hz=500)
PAUSE = Step("wait", seconds=0.1)


def while_opening(end: Step) -> Script:
    return Script(opening=(end,))


def in_speech(end: Step) -> Script:
    return Script(steps=(TURN, PAUSE, end))


def finishing(end: Step) -> Script:
    return Script(steps=(TURN, PAUSE, Step("send", text=end_call(1)), end))


@pytest.mark.parametrize("engine", [EMBEDDED, pytest.param(EXTERNAL, marks=pytest.mark.live)])
@pytest.mark.parametrize("phase", [while_opening, in_speech, finishing])
async def test_every_close(
    phase: Callable[[Step], Script],
    engine: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    session = leg = 0.0
    record_property(
        "fault", f"WebSocket closed with each of {len(ENDS)} codes, {phase.__name__.replace('_', ' ')}"
    )
    record_property("engine", engine)
    async with staged(tmp_path, engine) as scene:
        for end, outcome in ENDS:
            wanted = outcome
            if outcome is Outcome.FINISHED and phase is while_opening:
                wanted = Outcome.AGENT_FAILED_START
            await scene.server.define(phase(end))
            call = scene.dial("Patient")
            after = await scene.aftermath(call)
            assert after.call.outcome is wanted, (end, after.call.outcome, after.call.reason)
            assert len(after.sessions) == (2 if wanted is Outcome.AGENT_LOST else 1)
            check(after)
            assert bool(scene.state.stopped) == ("quota" in end.reason), "only credits stop dialing here"
            scene.engine.send(AllowDialing())
            session = max(session, after.session_seconds)
            leg = max(leg, after.leg_seconds)
        await scene.server.define(Script(steps=(Step("say", text="Hello", seconds=1.0, hz=500),)))
        await scene.works_again()
    record_property("silence", "-")
    record_property("session", round(session, 2))
    record_property("leg", round(leg, 2))
    record_property("left", 0)
