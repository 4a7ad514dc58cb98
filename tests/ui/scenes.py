"""An engine that lives in memory and the states in which the screen is looked at."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from console.core.effects import Record
from console.core.events import CallId, ClosedBy, Event, Origin, Refusal, RegState
from console.core.state import Agent, AgentPhase, Call, CallPhase, Line, Outcome, Policy, State, Totals
from console.ports import Levels, Publish, Update

WALL_ZERO = 1_700_000_000.0
ID = CallId("c1")
NUMBER = "+79123456789"


@dataclass
class FakeConsole:
    """Implements `ports.Console`. `post` publishes from the engine's thread; `time` is engine seconds."""

    time: float = 100.0
    sent: list[Event] = field(default_factory=list)
    level: Levels = field(default_factory=Levels)
    stopped: bool = False
    obeys_stop: bool = True
    ended: bool = False
    breaks_with: Exception | None = None
    publish: Publish | None = None
    running: threading.Event = field(default_factory=threading.Event)
    on_send: Callable[[Event], None] | None = None

    async def run(self, publish: Publish) -> None:
        self.publish = publish
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self.running.set()
        if not self.ended:
            await self._over.wait()
        if self.breaks_with is not None:
            raise self.breaks_with

    def send(self, event: Event) -> None:
        self.sent.append(event)
        if self.on_send is not None:
            self.on_send(event)

    def levels(self, call: CallId) -> Levels:
        return self.level

    def now(self) -> float:
        return self.time

    def stop(self) -> None:
        self.stopped = True
        if self.obeys_stop:
            self.end()

    def end(self, error: Exception | None = None) -> None:
        """The engine ends by itself, or breaks."""
        if self.ended:
            return
        self.ended, self.breaks_with = True, error
        if self.running.is_set():
            self._loop.call_soon_threadsafe(self._over.set)

    def post(self, state: State, *records: Record) -> None:
        self.running.wait(5)
        assert self.publish is not None
        self.publish(Update(state, records, WALL_ZERO))


POLICY = Policy(domain="sip.exolve.ru")
LINE = Line(up=True, engine="baresip", version="1.0.0", registration=RegState.OK)
ENDED = (
    Call(
        CallId("e1"),
        "+79035551122",
        "sip:79035551122@x",
        Origin.KEYS,
        CallPhase.CLOSED,
        10.0,
        ended_at=16.0,
        code=486,
        reason="Busy Here",
        by=ClosedBy.REMOTE,
        outcome=Outcome.BUSY,
    ),
    Call(
        CallId("e2"),
        "+79031112233",
        "sip:79031112233@x",
        Origin.KEYS,
        CallPhase.CLOSED,
        5.0,
        answered_at=9.0,
        ended_at=69.0,
        by=ClosedBy.AGENT,
        outcome=Outcome.FINISHED,
        agent=Agent(billed=59.0),
    ),
    Call(
        CallId("e3"),
        "+74957770011",
        "sip:74957770011@x",
        None,
        CallPhase.CLOSED,
        2.0,
        incoming=True,
        ended_at=27.0,
        outcome=Outcome.MISSED,
    ),
)
TOTALS = Totals(calls=14, answered=6, missed=2, agent_seconds=2290.0)
READY = State(POLICY, LINE, ended=ENDED, totals=TOTALS)


def call(phase: CallPhase, **changes: object) -> Call:
    started = Call(ID, NUMBER, "sip:79123456789@sip.exolve.ru", Origin.KEYS, phase, 49.0, limit_at=109.0)
    return replace(started, **changes)  # type: ignore[arg-type]


def during(shown: Call, **changes: object) -> State:
    return replace(READY, calls=(shown,), **changes)  # type: ignore[arg-type]


UP = call(
    CallPhase.UP,
    early_seconds=4.0,
    answered_at=58.0,
    rtp_seen=True,
    limit_at=658.0,
    agent=Agent(
        AgentPhase.LIVE, 1, ready=True, billed_from=58.03, live_at=58.1, first_audio_at=58.3, spoke=True
    ),
)

LOST = replace(ENDED[1], id=CallId("l1"), number="+79161234567", outcome=Outcome.AGENT_LOST)

HOSTILE = "[/foo][@click=app.quit]Ъ[/] " + "Очень Длинное Имя " * 8
SCENES: dict[str, State] = {
    "idle": READY,
    "starting": State(POLICY),
    "not-ready": replace(
        READY, line=replace(LINE, registration=RegState.FAILED, reg_code=403, reg_reason="Forbidden")
    ),
    "dialing": during(
        call(CallPhase.DIALING, started_at=97.0, limit_at=157.0, agent=Agent(AgentPhase.WARM, 1))
    ),
    "ringing": during(
        call(CallPhase.RINGING, started_at=91.0, limit_at=151.0, agent=Agent(AgentPhase.WARM, 1, ready=True))
    ),
    "early": during(
        call(
            CallPhase.EARLY,
            started_at=91.0,
            limit_at=151.0,
            early_since=96.0,
            rtp_seen=True,
            agent=Agent(AgentPhase.WARM, 1, ready=True),
        )
    ),
    "talking": during(UP, ear=True),
    "silenced": during(replace(UP, silent_until=112.0)),
    "no-rtp": during(replace(UP, started_at=88.0, rtp_seen=False, answered_at=97.0, rtp_by=102.0)),
    "finishing": during(
        replace(UP, agent=replace(UP.agent, phase=AgentPhase.FINISHING, billed=40.0, billed_from=None))
    ),
    "result": READY,
    "refused": replace(
        READY,
        stopped="ElevenLabs refused the API key",
        stopped_by=Refusal.KEY,
        ended=(
            call(
                CallPhase.CLOSED,
                started_at=90.0,
                ended_at=92.0,
                by=ClosedBy.OPERATOR,
                outcome=Outcome.AGENT_REFUSED,
                why="ElevenLabs refused the API key",
                limit_at=None,
                agent=Agent(refusal=Refusal.KEY, trouble="Invalid API key"),
            ),
            *ENDED,
        ),
    ),
    "incoming": during(
        call(
            CallPhase.INCOMING,
            incoming=True,
            name="Иван Петров",
            origin=None,
            started_at=92.0,
            limit_at=117.0,
        ),
        policy=replace(POLICY, incoming_agent=True),
    ),
    "several": replace(
        READY,
        calls=tuple(replace(UP, id=CallId(f"c{n}"), number=f"+7912345678{n}") for n in (1, 2, 3)),
    ),
    "call-back": replace(READY, ended=(LOST, *ENDED)),
    "hostile": during(replace(UP, name=HOSTILE, audio=HOSTILE)),
}

RECORDS = (
    Record(49.0, "call.dialing", ID, {"number": NUMBER, "uri": "sip:79123456789@sip.exolve.ru"}),
    Record(50.2, "call.ringing", ID, {"limit_seconds": 60.0}),
    Record(50.5, "agent.warm", ID, {"signed_url": True, "tls": True}),
    Record(54.0, "call.early_media", ID, {}),
    Record(58.0, "call.answered", ID, {"after_seconds": 9.0}),
    Record(58.1, "agent.live", ID, {"after_answer_ms": 31, "conversation_id": "conv_7f3a"}),
    Record(
        59.0,
        "agent.transcript",
        ID,
        {
            "role": "agent",
            "text": "Hello, this is Anna, an AI assistant of the clinic on the corner. I am calling "
            "about your appointment tomorrow at ten.",
            "final": True,
        },
    ),
    Record(63.0, "agent.transcript", ID, {"role": "user", "text": "Hello, yes, who is this?", "final": True}),
    Record(64.0, "agent.interrupted", ID, {"dropped_ms": 1250}),
    Record(66.0, "agent.transcript", ID, {"role": "user", "text": "well I am not", "final": False}),
)

TALK = Levels(callee=-18.0, agent=-96.0, callee_speaking=False, callee_since=98.2, agent_since=90.0)
