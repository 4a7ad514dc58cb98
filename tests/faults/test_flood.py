"""10,000 phone events and 1,000 transcript messages in 10 s while the AI talks."""

from __future__ import annotations

import asyncio
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from console.core.events import HangUp, Ignored, PhoneHold, PhoneRinging, RegistrationChanged, RegState
from console.demo.conversation.script import Script, Step
from tests.console_rig import SLOW
from tests.faults.scene import Scene, check, record_end, staged
from tests.faults.single import EMBEDDED, EXTERNAL, NOISE, netstring

SECONDS, EVENTS, MESSAGES = 10, 10_000, 1_000
MEGABYTES = 60
LATE = 2 if SLOW == 1 else 10
"""Of 500 frames: none on a quiet machine; a busy one may take the processor away without any flood."""


def talk_and_write() -> Script:
    """One long turn, and meanwhile a transcript message every 10 ms."""
    told = []
    for number in range(MESSAGES):
        event = {"agent_response": f"sentence {number} [bold]\u001b[31m", "event_id": 1}
        told.append(Step("send", body={"type": "agent_response", "agent_response_event": event}))
        told.append(Step("wait", seconds=SECONDS / MESSAGES - 0.001))
    turn = Step("say", text="A long turn", seconds=SECONDS + 5.0, hz=500)
    return Script(steps=(turn, *told, Step("hold")))


async def flood(s: Scene, call: Any) -> None:
    """In bursts of 100, a burst every 0.1 s, by the road that the engine's own events take."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for _ in range(EVENTS // 100):
        if s.ctrl is not None:
            s.ctrl.inject(b"".join(netstring(message) for message in NOISE) * (100 // len(NOISE)))
        else:
            take = s.engine._phone._emit  # type: ignore[attr-defined]
            for _ in range(25):
                take(PhoneRinging(call))
                take(RegistrationChanged(RegState.OK, 200, "OK"))
                take(PhoneHold(call, False))
                take(Ignored("flood", "something that nobody understands", call))
        due += SECONDS / (EVENTS // 100)
        await asyncio.sleep(max(0.0, due - loop.time()))


@pytest.mark.parametrize("engine", [EMBEDDED, pytest.param(EXTERNAL, marks=pytest.mark.live)])
async def test_flood(engine: str, tmp_path: Path, record_property: Any) -> None:
    record_property("fault", "flood: 10,000 phone events and 1,000 transcripts in 10 s")
    record_property("engine", engine)
    async with staged(tmp_path, engine, script=talk_and_write(), ctrl_proxy=engine == EXTERNAL) as scene:
        call = await scene.talking("Echo")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.monotonic()
        await flood(scene, call)
        took = time.monotonic() - began
        underruns = scene.engine.levels(call).underruns
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
        scene.engine.send(HangUp(call))
        at = time.time()
        end = await scene.aftermath(call)
        transcripts = len(scene.of("agent.transcript", call))
        print(f"{engine}: {took:.1f} s, {underruns} underruns, {transcripts} transcripts, {grown:+.0f} MB")
        assert took < 1.5 * SECONDS * SLOW, "the engine does not keep up"
        assert transcripts > 0.8 * MESSAGES / SLOW
        record_property("note", f"{underruns} of {SECONDS * 50} frames late")
        assert underruns <= LATE, "audio frames came later than the playout buffer lasts"
        assert grown < MEGABYTES
        assert end.ended - at < 2 * SLOW, "the keys do not act any more"
        check(end)
        record_end(record_property, end, at)
        await scene.server.define(Script(steps=(Step("say", text="Hello", seconds=1.0, hz=500),)))
        await scene.works_again()
