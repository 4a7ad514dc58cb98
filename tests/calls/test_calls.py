"""Calls from end to end, the same suite for both phone engines: what the AI's side saw decides.

`baresip` is the Debian program over ctrl_tcp with real audio devices (marked live); `embedded` needs nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console.core.events import ClosedBy, HangUp, Register, Reject
from console.core.state import AgentPhase, CallPhase, Outcome
from console.demo.conversation.script import RestAnswer, Script, Step
from console.ports import PCM
from tests.console_rig import SLOW, ConsoleRig, running_console
from tests.phone_rig import tone_share

Start = Callable[..., AbstractAsyncContextManager[ConsoleRig]]

FAREWELL = (Step("say", text="Goodbye", seconds=2.0, hz=600), Step("wait", seconds=0.2), Step("end"))


@pytest.fixture(params=["embedded", pytest.param("baresip", marks=pytest.mark.live)])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Starts a console on this engine: `async with start(script=...) as console`."""

    def starter(**options: Any) -> AbstractAsyncContextManager[ConsoleRig]:
        return running_console(tmp_path, engine=request.param, **options)

    return starter


@pytest.fixture
async def console(start: Start) -> AsyncIterator[ConsoleRig]:
    async with start() as rig:
        yield rig


async def test_answered_and_the_callee_hangs_up(console: ConsoleRig) -> None:
    call = console.dial("Cut off")
    ended = await console.over(call)
    assert ended.outcome is Outcome.FINISHED
    assert ended.by is ClosedBy.REMOTE
    answered, left = await console.far("answered"), await console.far("ended")
    (session,) = await console.sessions()
    assert answered["t"] - 0.01 <= session["opened"] <= answered["t"] + 0.5 * SLOW, "something plays or waits"
    assert session["close_code"] == 1000
    assert session["closed"] <= left["t"] + 2 * SLOW
    assert ended.agent.billed == pytest.approx(session["closed"] - session["opened"], abs=0.5)


async def test_answered_and_the_operator_hangs_up(console: ConsoleRig) -> None:
    call = console.dial("Echo")
    await console.seen("agent.first_audio")
    console.engine.send(HangUp(call))
    ended = await console.over(call)
    assert (ended.outcome, ended.by) == (Outcome.FINISHED, ClosedBy.OPERATOR)
    (session,) = await console.sessions()
    assert session["closed_by"] == "client"
    assert (await console.far("ended"))["by"] != "line"
    assert console.of("agent.closed")[0].fields["by"] == "operator"


async def test_sound_crosses_in_both_directions(start: Start) -> None:
    """The agent's tone goes out, the callee sends it back, and the agent's side finds it in what it heard."""
    steps = (Step("say", text="A tone", seconds=3.0, hz=700), Step("hear", seconds=5.0), Step("end"))
    async with start(script=Script(steps=steps)) as console:
        ended = await console.over(console.dial("Echo"))
        heard = await console.conversation.caller_audio()
        lost = sum(int(str(r.fields["ms"])) for r in console.of("audio.glitch"))
        assert lost < 0.1 * 1000 * ended.seconds(0.0), "a tenth of the audio was lost"
        assert loudest_second(heard, 16000, 700) > 0.9


def loudest_second(heard: PCM, rate: int, hz: float) -> float:
    """The share of this frequency in the loudest second."""
    seconds = [heard[at : at + rate] for at in range(0, len(heard) - rate, rate // 4)]
    loudest = max(seconds, key=lambda second: float(np.square(second.astype(float)).sum()))
    return tone_share(loudest, hz, rate)


async def test_183_with_media_then_480_opens_nothing(console: ConsoleRig) -> None:
    call = console.dial("Announcement")
    await console.seen("call.early_media")
    ended = await console.over(call)
    assert ended.outcome is Outcome.NO_ANSWER
    assert ended.code == 480
    assert ended.early_seconds > 0
    assert ended.agent.billed == 0
    assert await console.upgrades() == 0


async def test_183_then_200_opens_once_and_after_the_200(console: ConsoleRig) -> None:
    call = console.dial("Melody")
    await console.seen("call.early_media")
    assert await console.upgrades() == 0
    await console.seen("agent.live")
    answered = await console.far("answered")
    (session,) = await console.sessions()
    assert session["opened"] >= answered["t"] - 0.01
    assert console.state.calls[0].early_seconds > 0
    console.engine.send(HangUp(call))
    await console.over(call)
    assert await console.upgrades() == 1


@pytest.mark.parametrize(
    ("who", "outcome", "code"),
    [("Busy", Outcome.BUSY, 486), ("Wrong number", Outcome.REFUSED, 404)],
)
async def test_refused_calls_open_nothing(console: ConsoleRig, who: str, outcome: Outcome, code: int) -> None:
    ended = await console.over(console.dial(who))
    assert (ended.outcome, ended.code) == (outcome, code)
    assert await console.upgrades() == 0


async def test_nobody_answers(console: ConsoleRig) -> None:
    call = console.dial("Nobody home", ring_seconds=2.0)
    ended = await console.over(call)
    assert (ended.outcome, ended.by) == (Outcome.NO_ANSWER, ClosedBy.TIMEOUT)
    assert (await console.far("ended"))["by"] == "cancel"
    assert await console.upgrades() == 0


async def test_the_agent_says_goodbye_and_is_heard_to_the_end(start: Start) -> None:
    async with start(script=Script(steps=FAREWELL)) as console:
        ended = await console.over(console.dial("Mr Hm"))
        assert (ended.outcome, ended.by) == (Outcome.FINISHED, ClosedBy.AGENT)
        heard = (await console.far("ended"))["heard_seconds"]
        assert heard >= 1.8, "the farewell was cut"


async def test_a_dropped_session_gets_one_successor(start: Start) -> None:
    script = Script(
        steps=(Step("say", text="Hello", seconds=0.5, hz=500), Step("wait", seconds=0.5), Step("drop"))
    )
    async with start(script=script) as console:
        ended = await console.over(console.dial("Echo"))
        assert ended.outcome is Outcome.AGENT_LOST
        sessions = await console.sessions()
        assert len(sessions) == 2
        assert sessions[0]["closed"] <= sessions[1]["opened"], "two sessions at once"


async def test_refused_at_elevenlabs_while_it_rings(start: Start) -> None:
    refusal = RestAnswer(401, {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}})
    async with start(script=Script(signed=(refusal,) * 5)) as console:
        ended = await console.over(console.dial("Nobody home"))
        assert ended.outcome is Outcome.AGENT_REFUSED
        reached = [entry for entry in console.line.lines if entry["event"] == "invite"]
        if reached:  # else it was taken back before it was dialed
            assert (await console.far("ended"))["by"] == "cancel"
        assert not [entry for entry in console.line.lines if entry["event"] == "answered"]
        assert await console.upgrades() == 0
        assert console.state.stopped
        second = console.dial("Echo")
        await console.until(lambda: bool(console.of("refused", second)))


async def test_an_incoming_call_is_offered_and_rejected(console: ConsoleRig) -> None:
    await console.over(console.dial("Olga"))
    incoming = await console.seen("call.incoming")
    assert incoming.call is not None
    assert console.state.calls[0].phase is CallPhase.INCOMING
    assert (console.state.calls[0].number, console.state.calls[0].name) == ("+79750000015", "Olga")
    console.engine.send(Reject(incoming.call))
    assert (await console.over(incoming.call)).outcome is Outcome.REJECTED


async def test_an_incoming_call_during_a_call_disturbs_nothing(console: ConsoleRig) -> None:
    await console.over(console.dial("Olga"))
    call = console.dial("Echo")
    await console.seen("agent.live", call)
    await console.until(lambda: console.state.totals.missed == 1, what="a missed call")
    live = console.state.find(call)
    assert live is not None
    assert (live.phase, live.agent.phase) == (CallPhase.UP, AgentPhase.LIVE)
    console.engine.send(HangUp(call))
    await console.over(call)


async def test_register_again_is_refused_during_a_call_and_works_after(console: ConsoleRig) -> None:
    call = console.dial("Echo")
    await console.seen("agent.live")
    console.engine.send(Register())
    await console.seen("refused")
    assert console.state.calls[0].agent.phase is AgentPhase.LIVE
    console.engine.send(HangUp(call))
    await console.over(call)
    before = len(console.of("registration"))
    console.engine.send(Register())
    await console.until(lambda: len(console.of("registration")) > before, what="a new registration")
    await console.ready()


async def test_no_agent_means_no_session(console: ConsoleRig) -> None:
    call = console.dial("Echo", wants_agent=False)
    await console.seen("call.answered")
    console.engine.send(HangUp(call))
    await console.over(call)
    assert await console.upgrades() == 0


@pytest.mark.live
async def test_baresip_killed_in_a_call_ends_the_session_and_comes_back(tmp_path: Path) -> None:
    async with running_console(tmp_path, engine="baresip") as console:
        call = console.dial("Echo")
        await console.seen("agent.first_audio")
        (pid,) = children("baresip")
        os.kill(pid, signal.SIGKILL)
        killed = time.time()
        ended = await console.over(call)
        assert ended.outcome is Outcome.LOST
        (session,) = await console.sessions()
        assert session["closed"] <= killed + 2 * SLOW
        await console.seen("line.up", count=2)
        await console.ready()
        again = console.dial("Cut off")
        assert (await console.over(again)).outcome is Outcome.FINISHED


def children(name: str) -> list[int]:
    """The processes of this name that this process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, rest = stat.read_text().split(" ", 1)
            command, parent = rest.rsplit(")", 1)[0].lstrip("("), int(rest.rsplit(")", 1)[1].split()[1])
            if command == name and parent == os.getpid():
                found.append(int(pid))
    return found
