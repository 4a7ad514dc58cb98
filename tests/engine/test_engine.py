"""The engine against fakes of its ports: order, threads, files, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console.core.effects import Record
from console.core.events import (
    AccountRead,
    AgentAsks,
    AgentClosed,
    AgentLive,
    AgentUpgraded,
    AudioStarted,
    CallId,
    CallReviewed,
    ClosedBy,
    Dial,
    HangUp,
    Ignored,
    LineFailed,
    LineUp,
    MayCall,
    PhoneClosed,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneRtp,
    RegistrationChanged,
    RegState,
    SendDigits,
    Silence,
    Tell,
)
from console.core.state import CallPhase, Outcome, Policy, State
from console.engine import Engine
from console.ports import (
    PCM,
    AgentMedia,
    AgentSession,
    AudioError,
    AudioPath,
    Emit,
    Levels,
    SessionRequest,
    Update,
)
from console.records.archive import Archive

C = CallId("c1")
NUMBER = "89123456789"
PATIENCE = 10.0


@dataclass
class FakePhone:
    log: list[str]
    fail: Exception | None = None
    emit: Emit = lambda event: None

    async def run(self, emit: Emit) -> None:
        self.emit = emit
        emit(LineUp("fake", "4.9.0", True))
        emit(RegistrationChanged(RegState.OK))
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append("phone stopped")

    def dial(self, call: CallId, uri: str) -> None:
        if self.fail:
            raise self.fail
        self.log.append(f"dial {uri}")

    def hang_up(self, call: CallId) -> None:
        self.log.append(f"hang up {call}")
        self.emit(PhoneClosed(call, None, "Rejected by user", ClosedBy.OPERATOR))

    def answer(self, call: CallId) -> None: ...

    def reject(self, call: CallId) -> None: ...

    def register(self) -> None: ...

    def restart(self, reason: str) -> None: ...

    def send_digits(self, call: CallId, digits: str) -> None:
        self.log.append(f"press {digits}")

    def transfer(self, call: CallId, uri: str) -> None:
        self.log.append(f"transfer {uri}")


@dataclass
class FakeSession:
    log: list[str]
    request: SessionRequest
    emit: Emit

    def prepare(self) -> None:
        self.log.append("prepare")

    def open(self, context: str) -> None:
        self.log.append("open")

    def close(self, reason: str) -> None:
        self.log.append("close")
        self.emit(AgentClosed(self.request.call, self.request.session, 1000, "", True))

    def send_audio(self, payload: bytes) -> None: ...

    def backlog(self) -> int:
        return 0

    def tell(self, text: str, as_turn: bool) -> None:
        self.log.append(f"tell {text} {as_turn}")

    def answer(self, request: str, text: str, is_error: bool) -> None:
        self.log.append(f"answer {request} {text} {is_error}")


@dataclass
class FakeAgents:
    log: list[str]
    closed: bool = False

    def session(self, request: SessionRequest, media: AgentMedia, emit: Emit) -> AgentSession:
        return FakeSession(self.log, request, emit)

    async def account(self) -> AccountRead | None:
        return AccountRead("Anna", 41_200)

    async def review(self, call: CallId, conversation_id: str) -> CallReviewed | None:
        return CallReviewed(call, conversation_id, 455, 0.12, "end_call tool", "They agreed.")

    async def aclose(self) -> None:
        self.closed = True


class SilentPath:
    rate = 8000
    period = 0.02

    def read(self) -> PCM:
        return np.zeros(0, np.int16)

    def write(self, pcm: PCM) -> None: ...

    def queued(self) -> float:
        return 0.0

    def flush(self) -> float:
        return 0.0


@dataclass
class FakePaths:
    log: list[str]
    broken: str = ""
    open_calls: set[CallId] = field(default_factory=set)

    async def start(self, emit: Emit) -> None:
        self.emit = emit

    async def stop(self) -> None:
        self.log.append("audio stopped")

    async def open(self, call: CallId) -> AudioPath:
        if self.broken:
            raise AudioError(self.broken)
        self.open_calls.add(call)
        self.emit(AudioStarted(call, "memory", "memory", 8000))
        return SilentPath()

    async def close(self, call: CallId) -> None:
        self.open_calls.discard(call)

    def listen(self, on: bool) -> None: ...

    def hear(self, callee: PCM, agent: PCM, rate: int) -> None: ...


class FakeBridge:
    def __init__(self, log: list[str]) -> None:
        self.log = log
        self._over = asyncio.Event()

    async def run(self) -> None:
        await self._over.wait()

    def connect(self, path: AudioPath) -> None: ...

    def attach(self, session: AgentSession, number: int) -> None: ...

    def detach(self) -> None: ...

    def answered(self) -> None:
        self.log.append("answered")

    def silence(self, on: bool) -> None:
        self.log.append(f"silence {on}")

    def finish(self, session: int) -> None: ...

    def levels(self) -> Levels:
        return Levels(callee=-20.0)

    def stop(self) -> None:
        self._over.set()

    def live(self, input_format: str, output_format: str) -> None: ...

    def play(self, payload: bytes) -> None: ...

    def interrupt(self) -> int:
        return 0


@dataclass
class Rig:
    """An engine that runs in the test's own loop, and what it did and published."""

    engine: Engine
    phone: FakePhone
    agents: FakeAgents
    paths: FakePaths
    log: list[str]
    data: Path
    updates: list[Update] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def publish(self, update: Update) -> None:
        self.updates.append(update)
        self.changed.set()

    @property
    def state(self) -> State:
        return self.updates[-1].state

    @property
    def records(self) -> list[Record]:
        return [record for update in self.updates for record in update.records]

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Until it holds; what only the fakes know is looked at 50 times a second."""
        async with asyncio.timeout(PATIENCE):
            while not wanted():
                self.changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.02)

    def kept(self) -> dict[str, Any]:
        """The record of the only call, as far as it is written."""
        path = self.data / "data" / "calls.jsonl"
        return json.loads(path.read_text() or "{}") if path.exists() else {}

    async def ready(self) -> None:
        await self.until(lambda: bool(self.updates) and self.state.line.registration is RegState.OK)

    async def stopped(self) -> None:
        assert self.task
        async with asyncio.timeout(PATIENCE):
            await self.task


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    log: list[str] = []
    phone, agents, paths = FakePhone(log), FakeAgents(log), FakePaths(log)
    archive = Archive(tmp_path / "data", tmp_path / "logs", 90, Policy(domain="sip.example.org"))
    engine = Engine(phone, agents, paths, lambda call, emit, clock: FakeBridge(log), archive)
    rig = Rig(engine, phone, agents, paths, log, tmp_path)
    rig.task = asyncio.create_task(engine.run(rig.publish))
    yield rig
    engine.stop()
    await rig.stopped()


async def test_a_call_from_dial_to_record(rig: Rig) -> None:
    await rig.ready()
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: "prepare" in rig.log)
    rig.phone.emit(PhoneEarlyMedia(C))
    assert "open" not in rig.log
    rig.phone.emit(PhoneEstablished(C))
    assert rig.log[-2:] == ["answered", "open"], "in the very callback that brought the answer"
    rig.phone.emit(PhoneRtp(C))
    rig.phone.emit(AgentUpgraded(C, 1))
    rig.phone.emit(AgentLive(C, 1, "conv_1", "pcm_16000", "pcm_16000"))
    assert rig.engine.levels(C).callee == -20.0
    rig.phone.emit(PhoneClosed(C, None, "Connection reset by peer", ClosedBy.REMOTE))
    assert rig.log[-1] == "close"
    await rig.until(lambda: not rig.state.calls and bool(rig.state.ended))
    await rig.until(lambda: not rig.paths.open_calls)
    await rig.until(lambda: rig.state.ended[0].review is not None)
    await rig.until(lambda: bool(rig.kept().get("review")))
    kept = rig.kept()
    assert kept["outcome"] == "finished"
    assert kept["review"]["credits"] == 455
    assert rig.state.account.credits == 41_200
    assert kept["conversation_id"] == "conv_1"
    assert kept["number"] == "+79123456789"


async def test_words_tools_and_digits_reach_their_parts(rig: Rig) -> None:
    await rig.ready()
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: "prepare" in rig.log)
    for event in (
        PhoneEstablished(C),
        AgentUpgraded(C, 1),
        AgentLive(C, 1, "conv", "pcm_16000", "pcm_16000"),
    ):
        rig.phone.emit(event)
    rig.engine.send(Tell(C, "be brief", as_turn=True))
    rig.engine.send(Silence(C, True))
    rig.engine.send(SendDigits(C, "1w2"))
    rig.phone.emit(AgentAsks(C, 1, "t1", "note", (("text", "call back"),)))
    await rig.until(lambda: "press 2" in rig.log)
    for word in ("tell be brief True", "silence True", "press 1", "answer t1 noted False"):
        assert word in rig.log


async def test_stop_hangs_up_closes_and_then_ends_the_parts(rig: Rig) -> None:
    await rig.ready()
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: "prepare" in rig.log)
    rig.phone.emit(PhoneEstablished(C))
    rig.engine.stop()
    await rig.stopped()
    ends = [word for word in rig.log if word in ("hang up c1", "close", "phone stopped", "audio stopped")]
    assert ends == ["hang up c1", "close", "phone stopped", "audio stopped"]
    assert rig.agents.closed


async def test_commands_from_another_thread(rig: Rig) -> None:
    await rig.ready()
    thread = threading.Thread(target=lambda: rig.engine.send(Dial(C, NUMBER)))
    thread.start()
    await rig.until(lambda: bool(rig.state.calls))
    thread.join()
    assert rig.state.calls[0].phase is CallPhase.DIALING


async def test_a_deadline_wakes_it(rig: Rig) -> None:
    await rig.ready()
    rig.engine.send(Dial(C, NUMBER, ring_seconds=0.2))
    await rig.until(lambda: bool(rig.state.ended))
    assert rig.state.ended[0].outcome is Outcome.NO_ANSWER


async def test_audio_that_cannot_be_opened_ends_the_call_in_words(rig: Rig) -> None:
    await rig.ready()
    rig.paths.broken = "No audio device is called X: correct AUDIO_INPUT."
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: bool(rig.state.ended))
    assert rig.state.ended[0].outcome is Outcome.AUDIO_FAILED
    assert "AUDIO_INPUT" in rig.state.ended[0].why


async def test_a_bug_ends_the_console_in_order(rig: Rig) -> None:
    await rig.ready()
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: "prepare" in rig.log)
    rig.phone.emit(PhoneEstablished(C))
    rig.phone.fail = RuntimeError("secret")
    rig.phone.emit(PhoneClosed(C, 486, "Busy", ClosedBy.REMOTE))
    rig.engine.send(Dial(CallId("c2"), NUMBER, confirmed=True))
    await rig.stopped()
    crash = next(r for r in rig.records if r.type == "crash")
    assert crash.fields["error"] == "RuntimeError"
    assert "secret" not in str(crash.fields)
    assert "phone stopped" in rig.log
    assert rig.agents.closed


async def test_a_flood_is_folded_into_few_updates_and_loses_nothing(rig: Rig) -> None:
    await rig.ready()
    before = len(rig.updates)
    for n in range(1000):
        rig.phone.emit(Ignored("test", str(n)))
    await rig.until(lambda: rig.state.ignored == 1000)
    assert len([r for r in rig.records if r.type == "ignored"]) == 1000
    assert len(rig.updates) - before < 500


async def test_a_number_that_a_person_adds_to_the_list_is_never_called(rig: Rig) -> None:
    await rig.ready()
    (rig.data / "data" / "never-call.txt").write_text("8 (912) 345-67-89  # asked not to be called\n")
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: any(r.type == "refused" for r in rig.records))
    assert not any(word.startswith("dial") for word in rig.log)


async def test_a_number_is_taken_off_the_list_again(rig: Rig) -> None:
    listed = rig.data / "data" / "never-call.txt"
    listed.write_text("8 (912) 345-67-89  # a slip\n# kept\n+79035551122\n")
    await rig.ready()
    rig.engine.send(Dial(CallId("c0"), NUMBER))
    await rig.until(lambda: any(r.type == "refused" for r in rig.records))
    rig.engine.send(MayCall("+79123456789"))
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: any(word.startswith("dial") for word in rig.log))
    assert listed.read_text() == "# kept\n+79035551122\n"
    assert listed.stat().st_mode & 0o777 == 0o600
    assert rig.state.never_call == {"+79035551122"}


async def test_files_are_private_and_say_the_same(rig: Rig) -> None:
    await rig.ready()
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: "prepare" in rig.log)
    rig.engine.send(HangUp(C))
    await rig.until(lambda: bool(rig.state.ended))
    rig.engine.stop()
    await rig.stopped()
    for path in (
        rig.data / "logs" / "events.jsonl",
        rig.data / "logs" / "console.log",
        rig.data / "data" / "calls.jsonl",
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    events = [json.loads(line) for line in (rig.data / "logs" / "events.jsonl").read_text().splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["console.started", "console.ended"]
    assert [e["type"] for e in events[1:-1]] == [r.type for r in rig.records]
    assert "dialing +79123456789" in (rig.data / "logs" / "console.log").read_text()


async def test_recent_calls_and_totals_come_back_at_the_next_start(rig: Rig) -> None:
    await rig.ready()
    rig.engine.send(Dial(C, NUMBER))
    await rig.until(lambda: "prepare" in rig.log)
    rig.phone.emit(PhoneEstablished(C))
    rig.engine.send(HangUp(C))
    await rig.until(lambda: bool(rig.kept()))
    archive = Archive(rig.data / "data", rig.data / "logs", 90, Policy(domain="x"))
    again = Engine(rig.phone, rig.agents, rig.paths, lambda *_: FakeBridge([]), archive)
    state = again._state
    assert state.totals.calls == 1
    assert state.ended[0].number == "+79123456789"
    assert "+79123456789" in state.answered_today


async def test_a_phone_that_can_never_work_is_said(rig: Rig) -> None:
    await rig.ready()
    rig.phone.emit(LineFailed("No baresip: install baresip-core."))
    await rig.until(lambda: rig.state.line.failed)
    assert "baresip-core" in rig.state.line.reason
