"""Blows that a running call can take at any moment, alone or two at once, and calls that take random ones."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from console.core.events import AllowDialing, HangUp, RegState, Reject
from console.core.state import CallPhase
from console.demo.conversation.process import ConversationServerError
from console.demo.conversation.script import RestAnswer, Script, Step
from tests.console_rig import SLOW
from tests.faults.scene import LEG_SECONDS, RTP_SECONDS, SESSION_SECONDS, Aftermath, Scene, children
from tests.faults.single import EMBEDDED, EXTERNAL, NOISE, netstring

BOTH = frozenset({EMBEDDED, EXTERNAL})
ONLY_EXTERNAL = frozenset({EXTERNAL})

BLIND_SECONDS = 1.0
"""A phone that does not answer is noticed by two signs (see `core.rules`) within 2 s in all; this is for what
else is going on."""


@dataclass(frozen=True)
class Blow:
    """`blind`: seconds for which the console cannot know that the far end has ended the call. `kills`: the
    SIP stack is gone without a BYE or a CANCEL, so that a far end that rings goes on to ring."""

    name: str
    strike: Callable[[Scene], Awaitable[None]]
    engines: frozenset[str] = BOTH
    blind: float = 0.0
    kills: bool = False


def session(step: Step) -> Callable[[Scene], Awaitable[None]]:
    async def strike(s: Scene) -> None:
        with contextlib.suppress(ConversationServerError):  # there is no session at this moment
            await s.conversation.do(step)

    return strike


def kill(name: str, number: signal.Signals) -> Callable[[Scene], Awaitable[None]]:
    async def strike(s: Scene) -> None:
        for pid in children(name):
            os.kill(pid, number)

    return strike


async def reset_sockets(s: Scene) -> None:
    s.server.proxy.reset()


async def host_gone(s: Scene) -> None:
    await s.server.proxy.refuse()


async def rest_fails(s: Scene) -> None:
    await s.server.define(Script(steps=s.server.steps, signed=(RestAnswer(500, text="oops"),) * 40))


async def cut_link(s: Scene) -> None:
    if s.ctrl is not None:
        s.ctrl.reset()


async def freeze_link(s: Scene) -> None:
    if s.ctrl is not None:
        s.ctrl.freeze()


async def slow_link(s: Scene) -> None:
    if s.ctrl is not None:
        s.ctrl.delay = 0.2


async def visit_link(s: Scene) -> None:
    if s.ctrl is not None:
        with contextlib.suppress(OSError):
            _, stranger = await asyncio.open_connection(*s.ctrl.target)
            stranger.close()
            await stranger.wait_closed()


async def flood_link(s: Scene) -> None:
    if s.ctrl is not None:
        s.ctrl.inject(b"".join(netstring(message) for message in NOISE) * 200)


async def operator(s: Scene) -> None:
    for call in s.state.calls:
        s.engine.send(HangUp(call.id))


BLOWS: tuple[Blow, ...] = (
    Blow("WebSocket dropped", session(Step("drop"))),
    Blow("WebSocket ended without a close frame", session(Step("eof"))),
    Blow("agent ends", session(Step("end"))),
    Blow("closed 1011", session(Step("close", code=1011))),
    Blow("closed 3008", session(Step("close", code=3008))),
    Blow("closed 1008", session(Step("close", code=1008))),
    Blow("agent's server stalls", session(Step("stall", seconds=2.0))),
    Blow("all connections to the AI reset", reset_sockets),
    Blow("AI's host gone", host_gone),
    Blow("REST 500", rest_fails),
    Blow("operator hangs up", operator),
    Blow("ctrl_tcp cut", cut_link, ONLY_EXTERNAL),
    Blow("ctrl_tcp half-open", freeze_link, ONLY_EXTERNAL, BLIND_SECONDS),
    Blow("ctrl_tcp slow", slow_link, ONLY_EXTERNAL, 1.0),
    Blow("ctrl_tcp visited", visit_link, ONLY_EXTERNAL),
    Blow("ctrl_tcp flooded", flood_link, ONLY_EXTERNAL),
    Blow("baresip killed", kill("baresip", signal.SIGKILL), ONLY_EXTERNAL, kills=True),
    Blow("baresip terminated", kill("baresip", signal.SIGTERM), ONLY_EXTERNAL),
    Blow("baresip stopped", kill("baresip", signal.SIGSTOP), ONLY_EXTERNAL, BLIND_SECONDS),
    Blow("sound server killed", kill("pulseaudio", signal.SIGKILL), ONLY_EXTERNAL),
)

CALLEES = (
    *("Patient", "Patient", "Echo", "Brief", "Hangs up", "Cut off", "Mr Hm", "Crosses the BYE"),
    *("Answers the CANCEL", "Busy", "Wrong number", "Announcement", "Melody", "Mute", "Gone before ACK"),
    *("Nobody home", "Reliable", "On hold", "Tunnel"),
)

HANG_UP = frozenset({"Brief", "Hangs up", "Mr Hm", "Crosses the BYE"})
"""Callees that end the call by themselves."""

TURN = Step("say", text="Hello", seconds=0.6, hz=500)


def blows_on(engine: str) -> list[Blow]:
    return [blow for blow in BLOWS if engine in blow.engines]


@dataclass(frozen=True)
class Struck:
    """A call to place: `at` seconds after the dialing each blow strikes; the operator ends it `until`."""

    who: str
    blows: tuple[tuple[float, Blow], ...]
    until: float

    def __str__(self) -> str:
        struck = ", ".join(f"{blow.name} at {at:.2f}" for at, blow in self.blows)
        return f"{self.who}: {struck or 'nothing'}; hang-up at {self.until:.2f}"


def pairs(engine: str, count: int, rng: random.Random) -> list[Struck]:
    """Two different blows within half a second of each other, into a call that talks."""
    every = [(a, b) for a in blows_on(engine) for b in blows_on(engine) if a is not b]
    chosen = rng.sample(every, min(count, len(every)))
    return [
        Struck("Patient", ((0.4, first), (0.4 + rng.uniform(0.0, 0.5), second)), 1.2)
        for first, second in chosen
    ]


def random_calls(engine: str, count: int, rng: random.Random) -> list[Struck]:
    """Any callee, none to two blows at any time from the dialing on, a hang-up at any time."""
    calls = []
    for _ in range(count):
        blows = rng.choices(blows_on(engine), k=rng.choice((0, 1, 1, 2)))
        timed = sorted(((rng.uniform(0.0, 1.0), blow) for blow in blows), key=lambda pair: pair[0])
        calls.append(Struck(rng.choice(CALLEES), tuple(timed), rng.uniform(0.05, 1.5)))
    return calls


async def place(s: Scene, struck: Struck) -> Aftermath | None:
    """Place the call, strike, hang up, check what is left, mend what was broken. None: it was refused."""
    began = time.monotonic()
    invites = len(s.invites())
    call = s.dial(struck.who)
    await s.until(lambda: bool(s.of("refused", call) or s.of("call.dialing", call)), what="an answer")
    if s.of("refused", call):
        return None
    for at, blow in struck.blows:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        await blow.strike(s)
    await asyncio.sleep(max(0.0, began + struck.until - time.monotonic()))
    if any(c.id == call and c.phase is not CallPhase.CLOSED for c in s.state.calls):
        s.engine.send(HangUp(call))
    ended = await s.over(call, 30)
    reached = len(s.invites()) > invites
    killed = any(blow.kills for _, blow in struck.blows)
    # A far end that rings goes on to ring, and one that has hung up waits for an answer to its BYE.
    rings_on = killed and (ended.answered_at is None or struck.who in HANG_UP)
    try:
        end = await s.aftermath(call, leg=reached and not rings_on, rtp=False)
        _judge(end, struck)
    finally:
        await mend(s)
    return end


def _judge(end: Aftermath, struck: Struck) -> None:
    blind = sum(blow.blind for _, blow in struck.blows)
    told = f"{struck}: {end.call.outcome}, {end.call.reason!r}, {end.call.why!r}"
    assert end.left == 0, f"a session outlived its call: {told}"
    assert end.session_seconds <= (SESSION_SECONDS + blind) * SLOW, f"{end.session_seconds:.1f} s: {told}"
    assert end.leg_seconds <= LEG_SECONDS * SLOW, f"{end.leg_seconds:.1f} s: {told}"
    assert end.call.answered_at is not None or not end.sessions, f"a session without an answer: {told}"


def _rtp_limit(end: Aftermath) -> float:
    """One that vanished cannot tell when its leg ended: that may have taken as long as a leg may take."""
    told = end.leg is not None and end.leg["event"] == "ended"
    return RTP_SECONDS if told else LEG_SECONDS + RTP_SECONDS


async def mend(s: Scene) -> None:
    """Everything that a blow may have left broken; incoming calls are turned away."""
    if s.ctrl is not None:
        s.ctrl.delay = 0.0
    await s.server.proxy.close()
    await s.server.proxy.open()
    await s.server.define(Script(steps=s.server.steps))
    s.engine.send(AllowDialing())
    for call in s.state.calls:
        if call.phase is CallPhase.INCOMING:
            s.engine.send(Reject(call.id))


async def free(s: Scene, seconds: float = 40.0) -> None:
    """The line is up again and registered, and no call is left. A control link that two blows have cut counts
    as taken over by somebody else: there the operator takes it back."""

    def waited_for() -> bool:
        line = s.state.line
        ready = line.taken_over or (line.up and not line.silent and line.registration is RegState.OK)
        return ready and not s.state.calls

    await s.until(waited_for, seconds, "a free line")
    if s.state.line.taken_over:
        s.register()
        await s.until(lambda: not s.state.line.taken_over, what="the control link back")
        await free(s, seconds)


@dataclass(frozen=True)
class Placed:
    """`placed` of the calls were taken, `answered` of those were answered; a session was open for at most
    `longest` s after its call, and RTP came for at most `rtp` s after the end of its leg. `broken`: a
    sentence for each promise that was not kept."""

    placed: int
    answered: int
    longest: float
    rtp: float
    broken: tuple[str, ...] = ()


async def place_all(s: Scene, calls: list[Struck], seconds: float) -> Placed:
    """One after the other, for at most so long; a broken promise does not end it."""
    until = time.monotonic() + seconds
    ends: list[tuple[Struck, Aftermath]] = []
    broken = []
    for struck in calls:
        if time.monotonic() > until:
            break
        await free(s)
        print(f"{len(ends):3} {struck}", flush=True)
        try:
            end = await place(s, struck)
        except AssertionError as error:
            broken.append(f"{struck}: {error}")
            print(f"    BROKEN: {error}", flush=True)
            continue
        if end is not None:
            ends.append((struck, end))
    for struck, end in ends:
        await s.hear_out(end)
        if end.rtp_seconds > _rtp_limit(end) * SLOW:
            broken.append(f"{struck}: RTP went on for {end.rtp_seconds:.2f} s")
    return Placed(
        len(ends),
        sum(end.call.answered_at is not None for _, end in ends),
        max((end.session_seconds for _, end in ends), default=0.0),
        max((end.rtp_seconds for _, end in ends), default=0.0),
        tuple(broken),
    )
