"""Single faults as data: what breaks, on which engine it can break, and how the call must end.

Each `strike` places a call, breaks something and returns the call and the moment of the fault (Unix s).
Everything that must hold after any fault is in `scene.check` and `Scene.works_again`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from console.core.events import CallId, HangUp, Reject
from console.core.state import AgentPhase, CallPhase, Outcome
from console.demo.conversation.process import ConversationServerError
from console.demo.conversation.script import RestAnswer, Script, Step
from tests.console_rig import SLOW
from tests.faults.scene import HELLO, SESSION_SECONDS, SPEAKS, Scene, baresip, children, sound_server

Struck = tuple[CallId, float]

EMBEDDED, EXTERNAL = "embedded", "baresip"

NO_PROCESS = "the stack is part of the console's process: see the console killed"
NO_LINK = "there is no control link"
NO_DEVICES = "there are no audio devices"

LOST = frozenset({Outcome.LOST})
ENDED = frozenset({Outcome.FINISHED})
NO_AUDIO = frozenset({Outcome.AUDIO_FAILED})
NO_AGENT = frozenset({Outcome.AGENT_LOST})


@dataclass(frozen=True)
class Fault:
    """`not_on`: engines on which it cannot exist, and why. `leg`: the far end lives and can tell when its leg
    was over. `stack_killed`: no BYE can be sent, so the leg ends by the peer's own RTP timeout.
    `heal`: what is repaired before the next call."""

    name: str
    strike: Callable[[Scene], Awaitable[Struck]]
    outcomes: frozenset[Outcome]
    not_on: Mapping[str, str] = field(default_factory=dict)
    script: Script = SPEAKS
    settings: Mapping[str, str] = field(default_factory=dict)
    ctrl_proxy: bool = False
    far_timeout: float = 3.0
    agent_host: str = "127.0.0.1"
    leg: bool = True
    stack_killed: bool = False
    heal: Callable[[Scene], Awaitable[None]] | None = None

    @property
    def engines(self) -> tuple[str, ...]:
        return tuple(engine for engine in (EMBEDDED, EXTERNAL) if engine not in self.not_on)


# ---- the SIP stack's process ----


def signalled(number: signal.Signals, pid: Callable[[], int]) -> Callable[[Scene], Awaitable[Struck]]:
    async def strike(s: Scene) -> Struck:
        call = await s.talking()
        os.kill(pid(), number)
        return call, time.time()

    return strike


async def restarted(s: Scene) -> Struck:
    """It ends, and its successor is killed as soon as it is there; the third one works."""
    call = await s.talking()
    first = baresip()
    os.kill(first, signal.SIGTERM)
    at = time.time()
    async with asyncio.timeout(20 * SLOW):
        while not (others := [pid for pid in children("baresip") if pid != first]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    os.kill(others[0], signal.SIGKILL)
    return call, at


# ---- the far end hangs up while the console is blind ----


async def session_closed(s: Scene, since: float) -> float:
    """When the newest session was closed; at most 2 s after `since` (Unix s)."""
    while (newest := (await s.report())["conversations"][-1])["closed"] is None:
        late = time.time() - since
        assert late <= SESSION_SECONDS * SLOW, f"billed for {late:.1f} s after the call"
        await asyncio.sleep(0.02)
    return float(newest["closed"])


def hangs_up_unseen(blind: Callable[[Scene], None]) -> Callable[[Scene], Awaitable[Struck]]:
    async def strike(s: Scene) -> Struck:
        call = s.dial("Hangs up")
        await s.seen("agent.live", call)
        blind(s)
        hung_up = (await s.far("answered"))["t"] + 1.2
        assert time.time() < hung_up, "too late to be blind"
        assert await session_closed(s, hung_up) <= hung_up + SESSION_SECONDS * SLOW
        return call, hung_up

    return strike


def stop_baresip(s: Scene) -> None:
    os.kill(baresip(), signal.SIGSTOP)


def freeze_link(s: Scene) -> None:
    assert s.ctrl is not None
    s.ctrl.freeze()


async def line_given_up(s: Scene) -> None:
    """The call is over at once (Baresip's own words tell), the link only after 5 s: a call that is dialed in
    between is lost with it."""
    dialed = s.of("call.dialing")[-1].t
    await s.until(lambda: any(down.t > dialed for down in s.of("line.down")), what="the end of the link")


async def stopped_for_a_moment(s: Scene) -> Struck:
    """The session is closed while nobody can be heard; a fresh one takes over when the phone is back."""
    call, stopped = await s.talking(), baresip()
    os.kill(stopped, signal.SIGSTOP)
    at = time.time()
    await session_closed(s, at + 1.0)
    os.kill(stopped, signal.SIGCONT)
    await s.seen("agent.live", call, count=2)
    await goes_on(s, call)
    await hang_up(s, call)
    return call, at


# ---- the clock ----


def wall_clock(jump: float) -> Callable[[Scene], Awaitable[Struck]]:
    """`jump` seconds in mid-call, as when a clock is set; what runs, is billed and recorded is not moved."""

    async def strike(s: Scene) -> Struck:
        call = await s.talking()
        plain, at = time.time, time.time()
        time.time = lambda: plain() + jump
        try:
            await goes_on(s, call)
            await hang_up(s, call)
            end = await s.over(call)
        finally:
            time.time = plain
        took = plain() - at
        ran = end.seconds(0.0)
        assert 0.0 < ran < took + 60.0 * SLOW, ran
        assert 0.0 < end.agent.billed <= ran + 2.0 * SLOW, (end.agent.billed, ran)
        moments = [record.t for record in s.records]
        assert moments == sorted(moments)
        assert 0.0 <= moments[-1] - moments[0] < took + 60.0 * SLOW
        assert abs(await _written(s) - at) < 60.0 * SLOW
        return call, at

    return strike


async def _written(s: Scene) -> float:
    """When the call began that is on disk, as soon as it is, in Unix seconds."""
    path = s.folder / "data" / "calls.jsonl"
    async with asyncio.timeout(10.0 * SLOW):
        while not (path.exists() and path.read_text().endswith("\n")):  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.02)
    return datetime.fromisoformat(json.loads(path.read_text().splitlines()[-1])["started"]).timestamp()


# ---- the control link ----


async def goes_on(s: Scene, call: CallId) -> None:
    """The call lives and the AI still hears: more of the caller's audio arrives there."""
    await s.until(lambda: s.state.line.up, 15, "the line")
    found = s.state.find(call)
    assert found is not None, [(c.outcome, c.reason, c.why) for c in s.state.ended]
    await s.until(
        lambda: (c := s.state.find(call)) is not None and c.agent.phase is AgentPhase.LIVE,
        15,
        "a live session",
    )
    before = await s.heard()
    async with asyncio.timeout(10 * SLOW):
        while await s.heard() < before + 0.4:  # noqa: ASYNC110 - the server has to be asked
            await asyncio.sleep(0.05)
    found = s.state.find(call)
    assert found is not None
    assert not found.unconfirmed


async def hang_up(s: Scene, call: CallId) -> None:
    s.engine.send(HangUp(call))


async def link_cut(s: Scene) -> Struck:
    call = await s.talking()
    assert s.ctrl is not None
    s.ctrl.reset()
    at = time.time()
    await s.until(lambda: s.ctrl is not None and s.ctrl.accepted > 1, what="a new link")
    await goes_on(s, call)
    await hang_up(s, call)
    return call, at


async def link_half_open(s: Scene) -> Struck:
    call = await s.talking()
    assert s.ctrl is not None
    s.ctrl.freeze()
    return call, time.time()


async def link_visited(s: Scene) -> Struck:
    call = await s.talking()
    assert s.ctrl is not None
    at = time.time()
    _, stranger = await asyncio.open_connection(*s.ctrl.target)
    await s.until(lambda: s.ctrl is not None and s.ctrl.accepted > 1, what="a new link")
    await goes_on(s, call)
    stranger.close()
    await stranger.wait_closed()
    await hang_up(s, call)
    return call, at


async def link_taken_over(s: Scene) -> Struck:
    """A second controller that connects again each time it is thrown out."""
    call = await s.talking()
    assert s.ctrl is not None
    target, at = s.ctrl.target, time.time()

    async def insist() -> None:
        while True:
            reader, writer = await asyncio.open_connection(*target)
            try:
                while await reader.read(4096):
                    pass
            except OSError:
                pass
            finally:
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    stranger = asyncio.create_task(insist())
    try:
        await s.until(lambda: not s.state.line.up, 15, "a lost line")
        await s.over(call)
    finally:
        stranger.cancel()
        await asyncio.gather(stranger, return_exceptions=True)
    return call, at


async def link_slow(s: Scene) -> Struck:
    assert s.ctrl is not None
    s.ctrl.delay = 0.3
    call, at = await s.talking(), time.time()
    await goes_on(s, call)
    await hang_up(s, call)
    return call, at


def netstring(message: Mapping[str, object]) -> bytes:
    body = json.dumps(message).encode()
    return b"%d:%s," % (len(body), body)


NOISE = [
    {"event": True, "class": "VU_REPORT", "type": "VU_RX", "param": "-20"},
    {"event": True, "class": "call", "type": "CALL_RTCP", "peeruri": "sip:x@127.0.0.1", "id": "no-such-call"},
    {"event": True, "class": "other", "type": "SOMETHING_NEW", "param": "\u001b[2J[@click=app.quit]x[/]"},
    {"response": True, "ok": True, "data": "for nobody", "token": "stray"},
    {"event": True, "class": "call", "type": "CALL_CLOSED", "id": "no-such-call", "direction": "outgoing"},
]


async def link_flooded(s: Scene) -> Struck:
    call = await s.talking()
    assert s.ctrl is not None
    at = time.time()
    burst = b"".join(netstring(message) for message in NOISE) * 20
    for _ in range(50):
        s.ctrl.inject(burst)
        await asyncio.sleep(0.02)
    await goes_on(s, call)
    await hang_up(s, call)
    return call, at


# ---- the AI's side ----


async def dropped_once(s: Scene) -> Struck:
    call = await s.talking()
    await s.conversation.do(Step("drop"))
    at = time.time()
    await s.until(lambda: bool(s.of("agent.live", call)[1:]), what="a successor")
    await goes_on(s, call)
    await hang_up(s, call)
    return call, at


async def dropped_twice(s: Scene) -> Struck:
    call = await s.talking()
    await s.conversation.do(Step("drop"))
    await s.seen("agent.live", call, count=2)
    await s.conversation.do(Step("drop"))
    return call, time.time()


async def socket_silent(s: Scene) -> Struck:
    """Both directions of the WebSocket lead nowhere; a new connection works."""
    call = await s.talking()
    s.server.proxy.freeze()
    at = time.time()
    await s.seen("agent.live", call, seconds=30, count=2)
    await goes_on(s, call)
    await hang_up(s, call)
    return call, at


async def we_hang_up(s: Scene) -> Struck:
    call = await s.talking()
    await hang_up(s, call)
    return call, time.time()


async def server_killed(s: Scene) -> Struck:
    call = await s.talking()
    await s.server.proxy.refuse()
    await s.server.kill()
    at = time.time()
    await s.over(call)
    assert not s.server.proxy.links, "a connection to the AI's host outlived the call"
    # Its memory is lost with it: what counts is that no connection is left.
    await s.renew_server()
    return call, at


async def server_back(s: Scene) -> None:
    await s.server.proxy.open()


async def unprepared(s: Scene) -> Struck:
    at = time.time()
    call = s.dial("Patient")
    return call, at


async def rest_gone(s: Scene) -> Struck:
    await s.server.proxy.refuse()
    return await unprepared(s)


async def names_fail(s: Scene) -> Struck:
    def no_names(*args: object, **options: object) -> object:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    plain = socket.getaddrinfo
    socket.getaddrinfo = no_names  # type: ignore[assignment]
    try:
        call, at = await unprepared(s)
        end = await s.over(call)
    finally:
        socket.getaddrinfo = plain
    assert end.why.endswith("localhost cannot be reached: DNS does not answer; check the network."), end.why
    return call, at


async def talks_again(s: Scene) -> None:
    await s.server.define(SPEAKS)


async def sessions_none(s: Scene) -> None:
    assert not (await s.report())["upgrades"]


# ---- audio devices ----


async def sound_server_stopped(s: Scene) -> Struck:
    call = await s.talking()
    os.kill(sound_server(), signal.SIGSTOP)
    at = time.time()
    await s.over(call)
    return call, at


async def sound_server_goes_on(s: Scene) -> None:
    os.kill(sound_server(), signal.SIGCONT)


def device_vanishes(which: str) -> Callable[[Scene], Awaitable[Struck]]:
    async def strike(s: Scene) -> Struck:
        call = await s.talking()
        server = s.engine._paths._server  # type: ignore[attr-defined]
        name = f"sink_name={getattr(server.sinks, which)}"
        index = next(index for index, arguments in await server._modules() if name in arguments.split())
        await server._pactl("unload-module", index)
        return call, time.time()

    return strike


# ---- the telephone network ----


async def tunnel(s: Scene) -> Struck:
    call = s.dial("Tunnel")
    vanished = await s.far("vanished")
    return call, vanished["t"]


def called(who: str) -> Callable[[Scene], Awaitable[Struck]]:
    """The far end itself is the fault."""

    async def strike(s: Scene) -> Struck:
        call = s.dial(who)
        answered = await s.far("answered")
        return call, answered["t"]

    return strike


async def cancel_crosses_200(s: Scene) -> Struck:
    call = s.dial("Answers the CANCEL")
    await s.seen("call.ringing", call)
    await hang_up(s, call)
    at = time.time()
    await s.far("answered")
    return call, at


async def bye_crosses_bye(s: Scene) -> Struck:
    call = await s.talking("Crosses the BYE")
    await hang_up(s, call)
    return call, time.time()


async def incoming_during_call(s: Scene) -> Struck:
    first = s.dial("Olga")
    await s.aftermath(first)
    call = await s.talking()
    at = time.time()
    await s.until(lambda: s.state.totals.missed == 1, what="a missed call")
    await goes_on(s, call)
    own = s.state.find(call)
    assert own is not None
    assert own.phase is CallPhase.UP
    await hang_up(s, call)
    return call, at


async def cancelled_at_reject(s: Scene) -> Struck:
    await s.aftermath(s.dial("Cancels"))
    incoming = await s.seen("call.incoming")
    assert incoming.call is not None
    s.engine.send(Reject(incoming.call))
    return incoming.call, time.time()


async def agent_crosses_operator(s: Scene) -> Struck:
    """The AI ends the call at the moment of the key."""
    call = await s.talking()
    ends = asyncio.create_task(s.conversation.do(Step("end")))
    await asyncio.sleep(0)
    await hang_up(s, call)
    at = time.time()
    with contextlib.suppress(ConversationServerError):  # our close was faster
        await ends
    return call, at


async def agent_crosses_callee(s: Scene) -> Struck:
    """The AI ends the call; the far end's BYE crosses ours."""
    call = await s.talking("Crosses the BYE")
    await s.conversation.do(Step("end"))
    return call, time.time()


async def exchange_killed(s: Scene) -> Struck:
    call = await s.talking()
    os.kill(s.line.pid, signal.SIGKILL)
    return call, time.time()


async def exchange_back(s: Scene) -> None:
    registered = len(s.of("registration"))
    await s.restart_exchange()
    s.register()
    await s.until(lambda: len(s.of("registration")) > registered, what="a registration")


GOODBYE = (HELLO, Step("wait", seconds=0.05))

SINGLE: tuple[Fault, ...] = (
    Fault(
        "baresip killed (-9)",
        signalled(signal.SIGKILL, baresip),
        LOST,
        not_on={EMBEDDED: NO_PROCESS},
        stack_killed=True,
    ),
    Fault("baresip terminated", signalled(signal.SIGTERM, baresip), LOST, not_on={EMBEDDED: NO_PROCESS}),
    Fault(
        "baresip stopped (SIGSTOP)",
        signalled(signal.SIGSTOP, baresip),
        LOST,
        not_on={EMBEDDED: NO_PROCESS},
        far_timeout=20.0,
    ),
    Fault("baresip stopped for 2 s, continued", stopped_for_a_moment, ENDED, not_on={EMBEDDED: NO_PROCESS}),
    Fault(
        "far end hangs up while baresip is stopped",
        hangs_up_unseen(stop_baresip),
        LOST | ENDED,
        not_on={EMBEDDED: NO_PROCESS},
        far_timeout=20.0,
    ),
    Fault(
        "far end hangs up while ctrl_tcp is half-open",
        hangs_up_unseen(freeze_link),
        LOST | ENDED,
        not_on={EMBEDDED: NO_LINK},
        ctrl_proxy=True,
        far_timeout=20.0,
        heal=line_given_up,
    ),
    Fault("baresip restarted, and killed as it starts", restarted, LOST, not_on={EMBEDDED: NO_PROCESS}),
    Fault("ctrl_tcp cut", link_cut, ENDED, not_on={EMBEDDED: NO_LINK}, ctrl_proxy=True),
    Fault("ctrl_tcp half-open", link_half_open, LOST, not_on={EMBEDDED: NO_LINK}, ctrl_proxy=True),
    Fault("ctrl_tcp: a second client", link_visited, ENDED, not_on={EMBEDDED: NO_LINK}, ctrl_proxy=True),
    Fault("ctrl_tcp taken over", link_taken_over, LOST, not_on={EMBEDDED: NO_LINK}, ctrl_proxy=True),
    Fault("ctrl_tcp slow (0.3 s each way)", link_slow, ENDED, not_on={EMBEDDED: NO_LINK}, ctrl_proxy=True),
    Fault("ctrl_tcp flooded", link_flooded, ENDED, not_on={EMBEDDED: NO_LINK}, ctrl_proxy=True),
    Fault("WebSocket reset", dropped_once, ENDED),
    Fault("WebSocket reset twice", dropped_twice, NO_AGENT),
    Fault("WebSocket silent", socket_silent, ENDED),
    Fault(
        "WebSocket: our close never answered",
        we_hang_up,
        ENDED,
        script=Script(steps=(HELLO,), private=False, answer_close=False),
    ),
    Fault("conversation server killed", server_killed, NO_AGENT, heal=server_back),
    Fault(
        "REST slow",
        unprepared,
        NO_AGENT,
        script=Script(steps=(HELLO,), signed=(RestAnswer(delay=30.0),) * 9),
        heal=talks_again,
    ),
    Fault(
        "REST 500",
        unprepared,
        NO_AGENT,
        script=Script(steps=(HELLO,), signed=(RestAnswer(500, text="oops"),) * 90),
        heal=talks_again,
    ),
    Fault("REST gone", rest_gone, NO_AGENT, heal=server_back),
    Fault(
        "DNS failing",
        names_fail,
        NO_AGENT,
        agent_host="localhost",
    ),
    Fault(
        "sound server killed",
        signalled(signal.SIGKILL, sound_server),
        NO_AUDIO,
        not_on={EMBEDDED: NO_DEVICES},
    ),
    Fault(
        "sound server stopped (capture stalled)",
        sound_server_stopped,
        NO_AUDIO,
        not_on={EMBEDDED: NO_DEVICES},
        heal=sound_server_goes_on,
    ),
    Fault("input device vanished", device_vanishes("callee"), NO_AUDIO, not_on={EMBEDDED: NO_DEVICES}),
    Fault("output device vanished", device_vanishes("agent"), NO_AUDIO, not_on={EMBEDDED: NO_DEVICES}),
    Fault("RTP stops without BYE", tunnel, NO_AUDIO, settings={"RTP_TIMEOUT": "2"}),
    Fault("no RTP at all after the answer", called("Mute"), NO_AUDIO),
    Fault(
        "no common codec in the answer",
        called("Foreign"),
        # Baresip 1.0.0 takes the answer and sends nothing: there the far end's RTP timeout ends it.
        NO_AUDIO | {Outcome.REFUSED} | ENDED,
        far_timeout=8.0,
    ),
    Fault("SIP peer gone before ACK", called("Gone before ACK"), NO_AUDIO),
    Fault("CANCEL crossing the 200", cancel_crosses_200, frozenset({Outcome.CANCELLED})),
    Fault("BYE crossing ours", bye_crosses_bye, ENDED),
    Fault("agent's hang-up crossing the operator's", agent_crosses_operator, ENDED),
    Fault("agent's hang-up crossing the far end's", agent_crosses_callee, ENDED),
    Fault("wall clock set back by an hour", wall_clock(-3600.0), ENDED),
    Fault("wall clock set ahead by an hour", wall_clock(3600.0), ENDED),
    Fault("incoming call during a call", incoming_during_call, ENDED),
    Fault(
        "incoming call cancelled at the moment of x",
        cancelled_at_reject,
        frozenset({Outcome.MISSED, Outcome.REJECTED}),
        leg=False,
    ),
    Fault(
        "exchange killed (-9)",
        exchange_killed,
        NO_AUDIO,
        leg=False,
        settings={"RTP_TIMEOUT": "2"},
        heal=exchange_back,
    ),
)
