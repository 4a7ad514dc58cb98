"""The whole console on the built-in line, without a screen: real SIP, RTP and WebSockets, no apt package."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("baresip", reason="the embedded phone exists for Linux only")

from console.core.events import Answer, CallId, Dial, HangUp, Origin, RegState
from console.core.state import Call, CallPhase, Outcome, State
from console.demo.cast import CAST
from console.demo.line import DemoLine
from console.engine import Engine
from console.ports import Update
from console.settings.loading import load
from console.wiring import build
from tests.phone_rig import SLOW

NUMBERS = {character.name: character.number for character in CAST}


@pytest.fixture(scope="module")
def line() -> Iterator[DemoLine]:
    with DemoLine(pace=0.3) as demo:
        yield demo
    assert not demo.exchange.complaints


class Operator:
    """Dials and watches; `state` is the newest that the engine published."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.state: State | None = None
        self._published = asyncio.Event()

    def publish(self, update: Update) -> None:
        self.state = update.state
        self._published.set()

    async def until(self, condition: Callable[[State], bool], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds * SLOW):
            while self.state is None or not condition(self.state):
                self._published.clear()
                await self._published.wait()

    def dial(self, name: str, call: str = "") -> CallId:
        mine = CallId(call or name)
        self.engine.send(Dial(mine, NUMBERS[name], Origin.API, confirmed=True))
        return mine

    async def ended(self, call: CallId, seconds: float = 60) -> Call:
        await self.until(lambda state: any(c.id == call for c in state.ended), seconds)
        assert self.state is not None
        return next(c for c in self.state.ended if c.id == call)


@pytest.fixture
async def operator(line: DemoLine, tmp_path: Path) -> AsyncIterator[Operator]:
    environment = {"CONSOLE_ENGINE": "embedded", "CONSOLE_DATA_DIR": str(tmp_path), **line.settings()}
    loaded = load(environment, tmp_path)
    assert not loaded.problems + loaded.missing
    operator = Operator(build(loaded))
    running = asyncio.create_task(operator.engine.run(operator.publish))
    await operator.until(lambda state: state.line.registration is RegState.OK)
    yield operator
    operator.engine.stop()
    await asyncio.wait_for(running, 10 * SLOW)
    _assert_no_secrets(line, tmp_path)


def _assert_no_secrets(line: DemoLine, folder: Path) -> None:
    settings = line.settings()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text("utf-8", "replace")
        assert settings["SIP_PASS"] not in text
        assert settings["ELEVENLABS_API_KEY"] not in text


async def conversations(line: DemoLine) -> dict[str, dict[str, Any]]:
    """What the conversation server saw, by conversation id."""

    def ask() -> Any:
        with urllib.request.urlopen(
            line.settings()["ELEVENLABS_BASE_URL"] + "/_report", timeout=10
        ) as answer:
            return json.load(answer)

    report = await asyncio.to_thread(ask)
    assert not report["violations"]
    return {seen["conversation_id"]: seen for seen in report["conversations"]}


def answered_at(line: DemoLine, call: Call) -> float | None:
    """When the far end sent its 200, in Unix seconds."""
    times = [
        x["t"] for x in line.exchange.lines if x["event"] == "answered" and x["call_id"] == call.sip_call_id
    ]
    return float(times[0]) if times else None


async def test_a_person_talks_with_the_agent(line: DemoLine, operator: Operator) -> None:
    call = await operator.ended(operator.dial("Anna"))
    assert call.outcome is Outcome.FINISHED
    seen = (await conversations(line))[call.agent.conversation_id]
    opened = answered_at(line, call)
    assert opened is not None
    assert opened <= seen["opened"] < opened + 1.0 * SLOW
    assert seen["audio"]["peak"] > 3000  # the person was heard by the agent
    far = next(x for x in line.exchange.lines if x["event"] == "ended" and x["call_id"] == call.sip_call_id)
    assert far["heard_seconds"] > 2  # and the agent by the person


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("Busy", Outcome.BUSY),
        ("Wrong number", Outcome.REFUSED),
        ("Announcement", Outcome.NO_ANSWER),
    ],
)
async def test_no_session_without_an_answer(
    line: DemoLine, operator: Operator, name: str, outcome: Outcome
) -> None:
    before = await conversations(line)
    call = await operator.ended(operator.dial(name))
    assert call.outcome is outcome
    assert call.agent.billed_seconds(1e9) == 0.0
    assert await conversations(line) == before


async def test_the_agent_answers_who_calls_back(line: DemoLine, operator: Operator) -> None:
    await operator.ended(operator.dial("Olga"))
    await operator.until(lambda state: any(c.phase is CallPhase.INCOMING for c in state.calls))
    assert operator.state is not None
    incoming = next(c for c in operator.state.calls if c.phase is CallPhase.INCOMING)
    assert incoming.name == "Olga"
    operator.engine.send(Answer(incoming.id, Origin.API))
    await operator.until(
        lambda state: any(c.id == incoming.id and c.agent.conversation_id for c in state.calls)
    )
    operator.engine.send(HangUp(incoming.id, Origin.API))
    call = await operator.ended(incoming.id)
    assert (await conversations(line))[call.agent.conversation_id]["closed_by"] == "client"


@pytest.mark.timeout(300)
async def test_twenty_calls_with_a_session_each(line: DemoLine, operator: Operator) -> None:
    names = [name for name in ("Voicemail", "Melody", "Reliable", "Cut off", "Screener") for _ in range(4)]
    ids = [operator.dial(name, f"{name} {n}") for n, name in enumerate(names)]
    await operator.until(lambda state: len(state.calls) == 20)
    calls = [await operator.ended(call, 120) for call in ids]
    assert not [
        (c.id, c.outcome, c.why, c.reason, c.audio) for c in calls if c.outcome is not Outcome.FINISHED
    ]
    seen = await conversations(line)
    sessions = [seen[call.agent.conversation_id] for call in calls]
    assert len({session["number"] for session in sessions}) == 20
    for call, session in zip(calls, sessions, strict=True):
        opened = answered_at(line, call)
        assert opened is not None
        assert opened <= session["opened"]
        assert session["closed"] is not None
        assert session["audio"]["peak"] > 2000, call.id
    assert operator.state is not None
    assert not operator.state.calls
    legs = {call.sip_call_id for call in calls}
    assert legs <= {x["call_id"] for x in line.exchange.lines if x["event"] == "ended"}
