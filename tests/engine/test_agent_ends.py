"""How sessions end (conformance checks 16, 17, 18, 19, 21, 23, 24, 26; the architecture's table of ends)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from console.agent.wire import Timing
from console.core import events as ev
from console.core.events import Refusal
from console.demo.conversation.script import RestAnswer, Script, Step

Bench = Any
QUOTA = "[quota_exceeded] You've run out of credits."


async def opened(agent: Bench, *steps: Step, timing: Timing | None = None, **script: Any) -> Any:
    await agent.serve(Script(steps=steps, **script))
    session = agent.session(timing=timing)
    session.open("")
    return session


async def sockets_gone(agent: Bench) -> None:
    await agent.until(lambda: all(c.closed for c in agent.record.connections), "no socket left")


async def test_check_16_everything_said_before_the_agents_end_is_handed_on_first(agent: Bench) -> None:
    await opened(agent, Step("say", "Goodbye!", seconds=5.0), Step("end"))
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (1000, False, None)
    assert len(agent.media.played) == 5 * 32_000
    assert agent.media.interruptions == 0
    assert ev.AgentToolUsed("call", 1, "end_call", True) in agent.events
    await asyncio.sleep(0.2)
    assert len(agent.record.upgrades) == 1


@pytest.mark.parametrize("answer_close", [True, False])
async def test_check_17_close_is_sent_at_once_and_the_socket_gone_within_a_second(
    agent: Bench, answer_close: bool
) -> None:
    session = await opened(agent, Step("say", seconds=20.0), answer_close=answer_close)
    await agent.until(lambda: len(agent.media.played) > 0)
    asked = time.time()
    session.close("the callee hung up")
    closed = await agent.closed()
    seen = agent.seen_by_server()
    await agent.until(lambda: seen.closed is not None)
    assert (closed.code, closed.ours, closed.reason) == (1000, True, "the callee hung up")
    assert (seen.close_code, seen.closed_by) == (1000, "client")
    assert seen.close_reason == "the callee hung up"
    # 100 ms and 1 s, with what a busy machine may add.
    assert seen.close_seen - asked < 0.5
    assert seen.closed - asked < 2.0
    played = len(agent.media.played)
    await asyncio.sleep(0.1)
    assert len(agent.media.played) == played


async def test_check_17_what_is_on_its_way_when_we_close_is_not_played(agent: Bench) -> None:
    await agent.serve(Script(steps=(Step("say", "A word too many", seconds=60.0),)))
    session = agent.session()
    agent.media.on_live = lambda: session.close("hung up")
    session.open("")
    await agent.closed()
    assert len(agent.media.played) == 0
    assert agent.all(ev.AgentTranscript) == []


async def test_check_17_a_far_side_that_reads_nothing_cannot_hold_the_socket(agent: Bench) -> None:
    session = await opened(agent, Step("stall", seconds=3600.0))
    await agent.seen(ev.AgentLive)
    asked = time.monotonic()
    stuck = asyncio.get_running_loop().time() + 1.0
    while asyncio.get_running_loop().time() < stuck and session.backlog() < 8000:
        for _ in range(50):
            session.send_audio(bytes(64_000))
        await asyncio.sleep(0)
    asked = time.monotonic()
    session.close("bye")
    await agent.closed()
    assert time.monotonic() - asked < 2.0


async def test_a_very_long_reason_still_fits_a_close_frame(agent: Bench) -> None:
    session = await opened(agent)
    await agent.seen(ev.AgentLive)
    session.close("ё" * 500)
    assert (await agent.closed()).ours
    assert agent.seen_by_server().close_reason == "ё" * 61


TABLE = [
    (1000, "", None),
    (1001, "going away", None),
    (1002, "This request exceeds your quota limit.", Refusal.CREDITS),
    (1002, "The AI agent you are trying to reach appears to be misconfigured", Refusal.CONFIG),
    (1002, "LLM timeout", None),
    (1008, "Override for field 'prompt' is not allowed by config.", Refusal.CONFIG),
    (1011, "unexpected error", None),
    (1012, "service restart", None),
    (3000, "The AI agent you are trying to reach does not exist.", Refusal.AGENT),
    (3000, "Could not authorize the conversation.", Refusal.KEY),
    (3000, QUOTA, Refusal.CREDITS),
    (3000, "Request error", Refusal.OTHER),
    (3008, "too many concurrent connections", Refusal.BUSY),
    (4300, "", Refusal.BUSY),
    (4999, "\x1b[31mred", None),
]


@pytest.mark.parametrize("moment", ["opening", "steps"])
@pytest.mark.parametrize(("code", "reason", "refusal"), TABLE)
async def test_check_18_every_close_at_the_start_and_in_speech(
    agent: Bench, code: int, reason: str, refusal: Refusal | None, moment: str
) -> None:
    close = Step("close", code=code, reason=reason)
    steps = (Step("say", "One", seconds=1.0), close) if moment == "steps" else (close,)
    await agent.serve(Script(**{moment: steps}))
    agent.session().open("")
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (code, False, refusal)
    assert closed.reason == reason.replace("\x1b[31m", "")
    assert len(agent.all(ev.AgentLive)) == (moment == "steps")
    assert len(agent.record.upgrades) == 1
    await sockets_gone(agent)


@pytest.mark.parametrize("how", ["drop", "eof"])
@pytest.mark.parametrize("moment", ["opening", "steps"])
async def test_check_18_and_23_a_connection_that_breaks_is_1006_and_nothing_is_opened_again(
    agent: Bench, how: str, moment: str
) -> None:
    await agent.serve(Script(**{moment: (Step(how),)}))
    agent.session().open("")
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (1006, False, None)
    assert closed.reason == "the connection was lost"
    await asyncio.sleep(0.3)
    assert len(agent.record.upgrades) == 1


async def test_check_18_a_close_without_a_code_is_1005(agent: Bench) -> None:
    await opened(agent)
    await agent.seen(ev.AgentLive)
    (connection,) = agent.server._server.connections
    connection.protocol.send_close()
    connection.send_data()
    closed = await agent.closed()
    assert (closed.code, closed.refusal) == (1005, None)


async def test_a_far_side_that_closes_but_never_ends_tcp_is_cut(agent: Bench) -> None:
    await opened(agent, Step("close", reason="bye"), ends_tcp=False, timing=Timing(close=0.2))
    closed = await agent.closed()
    assert (closed.code, closed.reason, closed.ours) == (1000, "bye", False)
    seen = agent.seen_by_server()
    await agent.until(lambda: seen.closed is not None)
    assert seen.closed - seen.close_seen < 2.0  # the server itself waits for 3 s


async def test_a_far_side_that_has_died_silently_is_noticed(agent: Bench) -> None:
    await opened(agent, Step("stall", seconds=3600.0), timing=Timing(ping_interval=0.1, ping_timeout=0.2))
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (1006, False, None)
    assert closed.reason == "ElevenLabs stopped answering"


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(401, Refusal.KEY), (403, Refusal.KEY), (404, Refusal.AGENT), (429, None), (500, None), (503, None)],
)
async def test_a_refused_upgrade(agent: Bench, status: int, refusal: Refusal | None) -> None:
    await opened(agent, upgrade_status=status)
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (1006, False, refusal)
    assert str(status) in closed.reason
    assert len(agent.record.upgrades) == 1
    await sockets_gone(agent)


@pytest.mark.parametrize(
    ("error", "code", "refusal", "reason"),
    [
        ({"code": 1002, "error_type": "safety_violation"}, 1002, Refusal.SAFETY, "safety_violation"),
        (
            {"code": 1002, "message": "exceeds your quota limit"},
            1002,
            Refusal.CREDITS,
            "exceeds your quota limit",
        ),
        (
            {"code": 1008, "error_type": "missing_dynamic_variable"},
            1006,
            Refusal.CONFIG,
            "missing_dynamic_var",
        ),
        ({"code": 1002, "message": "\x1b[1mbold"}, 1011, None, "bold"),
    ],
)
async def test_check_19_an_error_explains_the_bare_close_after_it(
    agent: Bench, error: dict[str, object], code: int, refusal: Refusal | None, reason: str
) -> None:
    close = Step("eof") if code == 1006 else Step("close", code=code)
    await opened(agent, Step("error", body=error), close)
    closed = await agent.closed()
    assert (closed.code, closed.refusal) == (code, refusal)
    assert closed.reason.startswith(reason)


async def test_an_error_that_the_conversation_survived_explains_nothing_later(agent: Bench) -> None:
    error = Step("error", body={"message": "exceeds your quota limit"})
    await opened(agent, error, Step("say", "I am back"), Step("close", code=1011))
    closed = await agent.closed()
    assert (closed.refusal, closed.reason) == (None, "")


async def test_check_21_a_refusal_before_the_first_turn_comes_as_a_refusal(agent: Bench) -> None:
    await opened(agent, Step("close", code=3000, reason=QUOTA))
    closed = await agent.closed()
    assert closed.refusal is Refusal.CREDITS
    assert agent.all(ev.AgentTranscript) == []
    assert len(agent.media.played) == 0


async def test_check_26_the_maximum_duration_is_a_normal_end_that_says_so(agent: Bench) -> None:
    error = Step("error", body={"code": 1000, "error_type": "max_duration_exceeded"})
    await opened(agent, Step("say", "And then"), error, Step("close", code=1000))
    closed = await agent.closed()
    assert (closed.code, closed.refusal, closed.reason) == (1000, None, "max_duration_exceeded")


# ---- our own end, at every stage ----

STAGES = ["never started", "preparing", "warm", "opening", "before metadata", "live"]


@pytest.mark.parametrize("stage", STAGES)
async def test_close_at_every_stage_gives_one_closed_and_leaves_nothing(agent: Bench, stage: str) -> None:
    slow_url = (RestAnswer(delay=60.0),) if stage == "preparing" else ()
    script = Script(
        signed=slow_url,
        upgrade_delay=60.0 if stage == "opening" else 0.0,
        metadata=stage != "before metadata",
    )
    await agent.serve(script, open_timeout=120.0)
    session = agent.session()
    if stage == "preparing":
        session.prepare()
        await agent.until(lambda: agent.record.signed_urls != [])
    elif stage == "warm":
        session.prepare()
        await agent.seen(ev.AgentWarm)
    elif stage != "never started":
        session.open("")
        await agent.until(lambda: agent.record.upgrades != [])
    if stage == "before metadata":
        await agent.seen(ev.AgentUpgraded)
    if stage == "live":
        await agent.seen(ev.AgentLive)
    session.close("the operator hung up")
    session.close("again")
    session.open("too late")
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.reason) == (1000, True, "the operator hung up")
    await sockets_gone(agent)
    session.close("and again")
    session.send_audio(bytes(640))
    await asyncio.sleep(0.05)
    assert agent.events[-1] == closed
    assert len(agent.all(ev.AgentClosed)) == 1
    live = stage in ("opening", "before metadata", "live")
    assert len(agent.record.upgrades) == live


async def test_closing_the_account_closes_every_session(agent: Bench) -> None:
    await agent.serve(Script(answer_close=False))
    account = agent.account(timing=Timing(close=0.3))
    sessions = [agent.session(account) for _ in range(4)]
    sessions[0].prepare()
    for session in sessions[1:3]:
        session.open("")
    await agent.seen(ev.AgentLive, 2)
    await agent.seen(ev.AgentWarm)
    await account.aclose()
    assert len(agent.all(ev.AgentClosed)) == 3  # the fourth never began
    assert all(closed.ours for closed in agent.all(ev.AgentClosed))
    await sockets_gone(agent)


def held() -> list[str]:
    """The tasks, threads and open files of this process."""
    files = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            files.append(os.readlink(entry))
    return [*map(repr, asyncio.all_tasks()), *map(repr, threading.enumerate()), *files]


async def test_check_24_a_hundred_sessions_leave_nothing_behind(agent: Bench) -> None:
    await agent.serve()
    define = agent.server.define
    define("refused", Script(opening=(Step("close", code=3000, reason=QUOTA),)))
    define("dropped", Script(steps=(Step("say", "Hi"), Step("drop"))))
    define("finished", Script(steps=(Step("say", "Bye"), Step("end"))))
    names = ["agent", "refused", "dropped", "finished", "nobody"]
    accounts = {name: agent.account(agent_id=name, timing=Timing(close=0.3)) for name in names}

    async def one(number: int) -> None:
        before = len(agent.all(ev.AgentClosed))
        name = names[number % len(names)]
        session = agent.session(accounts[name])
        session.prepare()
        if number % 3:
            session.open("")
        if name == "agent":
            await asyncio.sleep(0.005 * (number % 7))
            session.close("done")
        elif name == "nobody" or not number % 3:
            await asyncio.sleep(0.01)
            session.close("done")
        await agent.until(lambda: len(agent.all(ev.AgentClosed)) > before)

    def left() -> tuple[int, int, int]:
        gc.collect()
        return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd")), threading.active_count()

    for number in range(15):
        await one(number)
    await sockets_gone(agent)
    # The loop's own pool, which looks names up, grows to its full size and stays there.
    await asyncio.gather(*[asyncio.to_thread(time.sleep, 0.1) for _ in range(40)])
    await asyncio.sleep(0.2)
    tasks, files, threads = left()
    # The client for REST of each account keeps one idle connection, which it looks at when it is used again.
    baseline = tasks, files + len(accounts), threads
    for number in range(100):
        await one(number)
    await sockets_gone(agent)
    # Our own ends of sockets close a moment after the far side's.
    await agent.until(
        lambda: all(now <= then for now, then in zip(left(), baseline, strict=True)),
        lambda: f"{baseline} tasks, files and threads; {left()} are left: {held()}",
    )
    assert len(agent.all(ev.AgentClosed)) == 115
