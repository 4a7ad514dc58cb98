"""A live conversation from the client's side (conformance checks 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20,
25 as far as they need no telephone)."""

from __future__ import annotations

import asyncio
import base64
import statistics
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from console.agent.tools import CallContext, ToolResult
from console.core import events as ev
from console.core.events import QueueState, Role
from console.demo.conversation.script import Script, Step

SECOND = 32_000
"""Bytes of a second in pcm_16000."""

Bench = Any


def ramp(samples: int, start: int = 0) -> bytes:
    """Samples that are all different, so that what is lost or moved shows."""
    return (np.arange(start, start + samples) % 30_000).astype("<i2").tobytes()


def audio(payload: bytes, event_id: int, **more: object) -> Step:
    event = {"audio_base_64": base64.b64encode(payload).decode(), "event_id": event_id, **more}
    return Step("send", body={"type": "audio", "audio_event": event})


def event(kind: str, **fields: object) -> Step:
    keys = {"user_transcript": "user_transcription_event"}
    return Step("send", body={"type": kind, keys.get(kind, f"{kind}_event"): fields})


async def live(agent: Bench, *steps: Step, **script: Any) -> Any:
    """A session whose conversation runs these steps."""
    tools = script.pop("tools", None)
    await agent.serve(Script(steps=steps, **script))
    session = agent.session(tools=tools)
    session.open("")
    await agent.seen(ev.AgentLive)
    return session


# ---- audio to the agent ----


@pytest.mark.parametrize("name", ["pcm_16000", "ulaw_8000", "pcm_48000"])
async def test_check_4_what_is_sent_is_what_arrives(agent: Bench, name: str) -> None:
    session = await live(agent, input_format=name)
    frame = 160 if name == "ulaw_8000" else int(name[4:]) // 50 * 2
    sent = b"".join(ramp(frame // 2, i * 7) for i in range(25))
    for start in range(0, len(sent), frame):
        session.send_audio(sent[start : start + frame])
    seen = agent.seen_by_server()
    await agent.until(lambda: len(seen.audio.payload) == len(sent))
    assert bytes(seen.audio.payload) == sent
    assert seen.audio.messages == 25
    assert seen.violations == []
    assert session.backlog() == 0


async def test_check_4_audio_keeps_real_time(agent: Bench) -> None:
    """A client that is given a frame each 20 ms passes each on at once: the server finds real time and no
    gap. (What is in the frames while the callee is silent is the bridge's part.)"""
    session = await live(agent, pings=0.2)
    due = time.monotonic()
    for _ in range(150):
        session.send_audio(bytes(640))
        due += 0.02
        await asyncio.sleep(due - time.monotonic())
    seen = agent.seen_by_server()
    await agent.until(lambda: seen.audio.messages == 150)
    assert seen.audio.rate_ratio == pytest.approx(1.0, rel=0.05)


async def test_a_burst_is_bounded_the_newest_stays_and_the_loss_is_told(agent: Bench) -> None:
    session = await live(agent)
    for number in range(500):  # 10 s at once
        session.send_audio(ramp(320, number * 320))
    assert session.backlog() <= 1.5 * SECOND
    seen = agent.seen_by_server()
    await agent.until(lambda: seen.audio.messages == 75)
    assert bytes(seen.audio.payload) == b"".join(ramp(320, n * 320) for n in range(425, 500))
    glitch = await agent.seen(ev.AudioGlitch)
    assert (glitch.direction, glitch.ms) == (ev.Direction.IN, 8500)


# ---- pings ----


async def test_check_7_pings_are_answered_at_once_whatever_else_happens(agent: Bench) -> None:
    class Slow:
        def close(self) -> None:
            pass

        async def run(self, call: CallContext, name: str, parameters: Mapping[str, Any]) -> ToolResult:
            await asyncio.sleep(3600)
            return ToolResult("never")

    long_turn = Step("say", seconds=30.0)
    session = await live(agent, Step("tool", name="slow"), long_turn, pings=0.05, tools=Slow())
    seen = agent.seen_by_server()
    while len(seen.pong_ms) < 40:
        session.send_audio(bytes(640))
        await asyncio.sleep(0.01)
    assert statistics.median(seen.pong_ms) < 50
    assert seen.violations == []
    session.close("done")
    await agent.closed()


async def test_check_7_a_ping_of_any_shape_with_its_own_id(agent: Bench) -> None:
    await live(
        agent,
        Step("ping", event_id=1_000_000),
        Step("ping", event_id=3),
        Step("send", body={"type": "ping"}),
        pings=0,
    )
    await agent.until(lambda: len(agent.seen_by_server().pong_ms) == 2)
    assert agent.seen_by_server().violations == []
    assert "event_id" in (await agent.seen(ev.Ignored)).why


# ---- audio from the agent ----


async def test_check_8_a_long_turn_faster_than_real_time_arrives_whole(agent: Bench) -> None:
    session = await live(agent, Step("say", seconds=60.0, chunk=2.4))
    await agent.until(lambda: len(agent.media.played) == 60 * SECOND)
    assert agent.media.interruptions == 0
    session.close("done")
    assert (await agent.closed()).ours


async def test_check_9_a_message_of_8_mib_is_taken(agent: Bench) -> None:
    await live(agent, Step("huge", size=8 * 2**20))
    await agent.until(lambda: len(agent.media.played) == 6 * 2**20)


async def test_check_9_a_message_of_over_16_mib_ends_it_cleanly(agent: Bench) -> None:
    await live(agent, Step("huge", size=17 * 2**20))
    closed = await agent.closed()
    assert (closed.code, closed.ours, closed.refusal) == (1009, False, None)
    assert "16 MiB" in closed.reason


async def test_check_10_an_interruption_empties_playout_and_stale_audio_never_plays(agent: Bench) -> None:
    await live(
        agent,
        audio(ramp(16_000), 5),
        Step("interrupt", event_id=5),
        audio(ramp(1000), 5),
        audio(ramp(1000), 4),
        audio(ramp(320, 77), 6),
        event("agent_response", agent_response="end", event_id=6),
    )
    await agent.seen(ev.AgentTranscript)
    assert (await agent.seen(ev.AgentInterrupted)).dropped_ms == 1000
    assert bytes(agent.media.played) == ramp(320, 77)


async def test_check_11_lower_or_repeated_interruptions_change_nothing(agent: Bench) -> None:
    await live(
        agent,
        audio(ramp(320), 8),
        Step("interrupt", event_id=8),
        Step("interrupt", event_id=3),
        Step("interrupt", event_id=8),
        audio(ramp(320), 8),
        audio(ramp(320, 5), 9),
        Step("interrupt", event_id=2),
        audio(ramp(320, 9), 9),
        event("agent_response", agent_response="end", event_id=9),
    )
    await agent.seen(ev.AgentTranscript)
    assert len(agent.all(ev.AgentInterrupted)) == 1
    assert bytes(agent.media.played) == ramp(320, 5) + ramp(320, 9)


async def test_check_11_an_interruption_without_id_means_the_running_turn(agent: Bench) -> None:
    await live(
        agent,
        audio(ramp(320), 4),
        event("interruption"),
        audio(ramp(320), 4),
        audio(ramp(160), 5),
        event("agent_response", agent_response="end", event_id=5),
    )
    await agent.seen(ev.AgentTranscript)
    assert bytes(agent.media.played) == ramp(160)


async def test_check_11_a_new_conversation_starts_counting_afresh(agent: Bench) -> None:
    await agent.serve(Script(steps=(audio(ramp(320), 9), Step("interrupt", event_id=9), Step("hold"))))
    account = agent.account()
    first = agent.session(account)
    first.open("")
    await agent.seen(ev.AgentInterrupted)
    first.close("next")
    await agent.closed()
    agent.server.define("agent", Script(steps=(audio(ramp(320), 1),)))
    agent.session(account).open("")
    await agent.until(lambda: bytes(agent.media.played) == ramp(320))


async def test_check_12_odd_lengths_empty_final_and_broken_audio(agent: Bench) -> None:
    whole = ramp(1000)
    await live(
        agent,
        audio(whole[:333], 1),
        audio(whole[333:1000], 1),
        audio(b"", 1),
        audio(whole[1000:1001], 1),
        event("audio", audio_base_64="*** not base64 ***", event_id=1),
        audio(whole[1001:], 1),
        event("audio", event_id=1, is_final=True),
        Step("send", body={"type": "audio"}),
        audio(b"\x55", 2),  # a spare byte that never gets its other half ...
        audio(ramp(100, 9), 3),  # ... must not shift the next turn
        event("agent_response", agent_response="end", event_id=3),
    )
    await agent.seen(ev.AgentTranscript)
    assert bytes(agent.media.played) == whole + ramp(100, 9)
    assert [i.why for i in agent.all(ev.Ignored)] == ["audio that is not base64"]


# ---- what is not understood ----


async def test_check_13_broken_and_unknown_frames_are_shown_and_end_nothing(agent: Bench) -> None:
    await live(
        agent,
        Step("send", text="{"),
        Step("send", text="[]"),
        Step("send", text="\x1b[2J"),
        Step("send", body={"type": "brand_new\x1b]0;x\x07"}),
        Step("send", binary="00ff"),
        event("agent_response", agent_response="still here", event_id=1),
    )
    assert (await agent.seen(ev.AgentTranscript)).text == "still here"
    ignored = agent.all(ev.Ignored)
    assert len(ignored) == 5
    assert all(i.source == "agent" and i.call == "call" and i.why.isprintable() for i in ignored)


async def test_a_flood_of_garbage_is_counted_not_shown_one_by_one(agent: Bench) -> None:
    end = event("agent_response", agent_response="end", event_id=1)
    await live(agent, *[Step("send", text="?")] * 500, end)
    await agent.seen(ev.AgentTranscript)
    ignored = agent.all(ev.Ignored)
    assert len(ignored) == 50 + 5
    assert "500 in all" in ignored[-1].why


# ---- words ----


async def test_check_14_corrections_may_come_before_or_after_and_be_empty(agent: Bench) -> None:
    def correction(text: str) -> Step:
        return event(
            "agent_response_correction",
            original_agent_response="Good morning, madam",
            corrected_agent_response=text,
            event_id=1,
        )

    said = event("agent_response", agent_response="Good morning, madam", event_id=1)
    await live(
        agent,
        said,
        correction("Good morn"),
        Step("interrupt", event_id=1),
        event("user_transcript", user_transcript="Who is \x1b[31mthat?", event_id=2),
        event("agent_response", agent_response="It is me", event_id=3),
        Step("interrupt", event_id=3),
        correction(""),
    )
    await agent.seen(ev.AgentTranscript, 5)
    words = [(t.role, t.text, t.corrected) for t in agent.all(ev.AgentTranscript)]
    assert words == [
        (Role.AGENT, "Good morning, madam", False),
        (Role.AGENT, "Good morn", True),
        (Role.USER, "Who is that?", False),
        (Role.AGENT, "It is me", False),
        (Role.AGENT, "", True),
    ]


async def test_interim_words_of_the_callee_are_not_final(agent: Bench) -> None:
    body = {
        "type": "tentative_user_transcript",
        "tentative_user_transcription_event": {"user_transcript": "I wou", "event_id": 1},
    }
    await live(agent, Step("send", body=body))
    transcript = await agent.seen(ev.AgentTranscript)
    assert (transcript.role, transcript.text, transcript.final) == (Role.USER, "I wou", False)


# ---- tools ----


class Toolbox:
    """`slow` waits until it is let go, `broken` raises, `weather` answers."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    def close(self) -> None:
        pass

    async def run(self, call: CallContext, name: str, parameters: Mapping[str, Any]) -> ToolResult:
        if name == "slow":
            await self.go.wait()
        if name == "broken":
            raise RuntimeError("secret details")
        return ToolResult(f'{{"{name}": {parameters.get("n", 0)}}}')


async def test_check_15_exactly_one_result_for_each_call_always_a_text(agent: Bench) -> None:
    tools = Toolbox()
    call = {"tool_name": "weather", "tool_call_id": "w2", "parameters": None, "expects_response": False}
    await live(
        agent,
        Step("tool", name="slow", text="s"),
        Step("tool", name="weather", text="w", body={"n": 7}, wait=True),
        Step("tool", name="broken", text="b", wait=True),
        Step("send", body={"type": "client_tool_call", "client_tool_call": {"tool_name": "x"}}),
        Step("tool", name="weather", text="w"),  # the same id again: no second answer
        audio(ramp(320), 1),
        tools=tools,
    )
    await agent.until(lambda: bytes(agent.media.played) == ramp(320), "audio beside a slow tool")
    tools.go.set()
    seen = agent.seen_by_server()
    await agent.until(lambda: len(seen.messages) == 3)
    results = {m["tool_call_id"]: (m["result"], m["is_error"]) for m in seen.messages}
    assert results == {
        "w": ('{"weather": 7}', False),
        "b": ("the tool failed: RuntimeError", True),
        "s": ('{"slow": 0}', False),
    }
    used = {(u.name, u.ok) for u in agent.all(ev.AgentToolUsed)}
    assert used == {("weather", True), ("broken", False), ("slow", True)}
    assert seen.violations == []
    del call


async def test_check_15_an_unknown_tool_is_answered_with_an_error(agent: Bench) -> None:
    await live(agent, Step("tool", name="transfer", text="t", wait=True))
    used = await agent.seen(ev.AgentToolUsed)
    assert (used.name, used.ok) == ("transfer", False)
    await agent.until(lambda: agent.seen_by_server().messages != [])
    (result,) = agent.seen_by_server().messages
    assert (result["result"], result["is_error"]) == ("unknown tool: transfer", True)


async def test_a_tool_of_the_agents_own_is_told(agent: Bench) -> None:
    body = {"tool_name": "skip_turn", "tool_call_id": "x", "tool_type": "system", "is_error": False}
    await live(agent, Step("send", body={"type": "agent_tool_response", "agent_tool_response": body}))
    assert await agent.seen(ev.AgentToolUsed) == ev.AgentToolUsed("call", 1, "skip_turn", True)


# ---- errors and the queue ----


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            Step("error", body={"code": 1002, "error_type": "llm_timeout", "message": "slow"}),
            "1002 llm_timeout",
        ),
        (Step("error", body={"message": "flat words"}, flat=True), "flat words"),
        (Step("error", body={"code": 1002}), "1002"),
        (Step("error"), "no details"),
        (event("client_error", code=1008, error_name="odd"), "odd"),
    ],
)
async def test_check_19_errors_are_shown_and_alone_end_nothing(agent: Bench, step: Step, words: str) -> None:
    if step.do == "send":
        step = Step("send", body={"type": "client_error", "error_event": {"code": 1008, "error_name": "odd"}})
    await live(agent, step, event("agent_response", agent_response="go on", event_id=1))
    await agent.seen(ev.AgentTranscript)
    assert words in (await agent.seen(ev.AgentTrouble)).text
    assert agent.all(ev.Ignored) == []
    assert agent.all(ev.AgentClosed) == []


async def test_a_flood_of_errors_is_bounded(agent: Bench) -> None:
    end = event("agent_response", agent_response="end", event_id=1)
    await live(agent, *[Step("error", body={"message": "again\x1b[2J"})] * 300, end)
    await agent.seen(ev.AgentTranscript)
    assert len(agent.all(ev.AgentTrouble)) == 20
    assert len(agent.all(ev.Ignored)) < 60
    assert agent.all(ev.AgentTrouble)[0].text == "again"


async def test_check_20_waiting_in_the_queue_and_admitted(agent: Bench) -> None:
    await live(
        agent, Step("queue", text="waiting"), Step("queue", text="admitted"), Step("say", text="Hello")
    )
    await agent.seen(ev.AgentTranscript)
    assert [q.state for q in agent.all(ev.AgentQueue)] == [QueueState.WAITING, QueueState.ADMITTED]


@pytest.mark.parametrize("code", [3008, 4300, 1008, 1011])
async def test_check_20_waiting_in_vain_is_busy(agent: Bench, code: int) -> None:
    waiting, timed_out = Step("queue", text="waiting"), Step("queue", text="timed_out")
    await live(agent, waiting, timed_out, Step("close", code=code))
    closed = await agent.closed()
    assert (closed.code, closed.refusal) == (code, ev.Refusal.BUSY)


async def test_check_25_a_burst_costs_little_of_the_event_loop(agent: Bench) -> None:
    """In CPU time of this thread, so that a busy machine does not matter: far below real time."""
    session = await live(agent, input_format="pcm_16000")
    conversation = session._conversation
    payload = base64.b64encode(ramp(38_400)).decode()
    frame = f'{{"type":"audio","audio_event":{{"audio_base_64":"{payload}","event_id":1}}}}'
    began = time.thread_time()
    for _ in range(50):
        conversation.take(frame)
    spent = (time.thread_time() - began) / 50
    assert len(agent.media.played) == 50 * len(ramp(38_400))
    assert spent < 0.01, f"{spent * 1000:.1f} ms for a chunk of 2.4 s"
