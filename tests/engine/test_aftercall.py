"""Conformance check 28: after a call the conversation is fetched until it is final, over real sockets."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

import httpx
import pytest
from websockets.asyncio.client import connect

from console.agent.aftercall import AfterCall, Polling, after_call, read_conversation
from console.agent.rest import ElevenLabsRest
from console.demo.conversation.rest_account import AccountScript
from console.demo.conversation.script import RestAnswer, Script, Setup
from console.demo.conversation_server import ConversationServer

KEY = "a-key-that-must-never-be-shown"
QUICK = Polling(first=0.01, most=0.05, total=10.0, cost=10.0)
TLS = httpx.create_ssl_context()


@asynccontextmanager
async def talked(key: str = KEY, **account: object) -> AsyncIterator[tuple[ElevenLabsRest, str]]:
    """A conversation that has just ended, and REST of its account."""
    setup = Setup(
        api_key=KEY,
        agents={"agent": Script(private=False, pings=0)},
        account=asdict(AccountScript(**account)),  # type: ignore[arg-type]
    )
    async with ConversationServer(setup) as server:
        url = f"{server.url.replace('http', 'ws')}/v1/convai/conversation?agent_id=agent"
        async with connect(url, proxy=None) as socket:
            await socket.send('{"type":"conversation_initiation_client_data"}')
            await socket.recv()
        rest = ElevenLabsRest(server.url, key, tls=TLS, limit=5.0)
        try:
            yield rest, server.record.conversations[0].conversation_id
        finally:
            await rest.aclose()


async def test_check_28_it_is_asked_until_it_is_done() -> None:
    async with talked(processing=3) as (rest, conversation_id):
        known = await after_call(rest, conversation_id, QUICK)
    assert known.final
    assert known.status == "done"
    assert known.credits is not None
    assert known.usd is not None
    assert known.summary == "The agent and the callee talked."
    assert known.termination == "Client disconnected: 1000"
    assert known.why == ""


async def test_check_28_a_cost_that_comes_late_is_waited_for() -> None:
    async with talked(processing=0, costless=3) as (rest, conversation_id):
        known = await after_call(rest, conversation_id, QUICK)
    assert known.credits is not None


async def test_check_28_a_cost_that_never_comes_is_not_waited_for_longer_than_said() -> None:
    async with talked(processing=0, costless=10**6) as (rest, conversation_id):
        began = time.monotonic()
        known = await after_call(rest, conversation_id, Polling(0.01, 0.05, total=600.0, cost=0.2))
    assert time.monotonic() - began < 30
    assert known.final
    assert known.credits is None
    assert known.summary


async def test_check_28_what_is_never_done_is_told_as_unknown() -> None:
    async with talked(processing=10**6) as (rest, conversation_id):
        known = await after_call(rest, conversation_id, Polling(0.01, 0.05, total=0.3))
    assert not known.final
    assert "has not finished" in known.why
    assert "processing" in known.why


async def test_check_28_errors_on_the_way_are_outlived() -> None:
    answers = (
        RestAnswer(404, {"detail": {"status": "conversation_not_found"}}),
        RestAnswer(503, text="<html>"),
        RestAnswer(200, text="not json"),
        RestAnswer(200, ["a list"]),
        RestAnswer(429, {"detail": {"status": "system_busy"}}),
    )
    async with talked(answers={"conversation": answers}) as (rest, conversation_id):
        known = await after_call(rest, conversation_id, QUICK)
    assert known.final


async def test_check_28_an_error_after_the_end_loses_nothing() -> None:
    done = {"status": "done", "metadata": {"termination_reason": "over", "cost": None}}
    answers = (RestAnswer(200, done), RestAnswer(503, text=""))
    async with talked(answers={"conversation": answers}, always=True) as (rest, conversation_id):
        known = await after_call(rest, conversation_id, Polling(0.01, 0.02, total=5.0, cost=0.2))
    assert known.final
    assert known.termination == "over"
    assert known.why == ""


async def test_check_28_a_refused_key_is_not_asked_again() -> None:
    async with talked(key="wrong") as (rest, conversation_id):
        known = await after_call(rest, conversation_id, Polling(total=600.0))
    assert not known.final
    assert "API key" in known.why
    assert KEY not in repr(known)


async def test_check_28_an_unknown_conversation() -> None:
    async with talked() as (rest, _):
        known = await after_call(rest, "conv_x/../y", Polling(0.01, 0.05, total=0.2))
    assert known.why == "ElevenLabs has no record of conversation conv_x/../y."


async def test_check_28_failures_and_burst_are_told() -> None:
    changes = {
        "status": "failed",
        "metadata": {
            "cost": 12,
            "charging": {"is_burst": True},
            "queue_wait_secs": 7,
            "error": {"code": 1002, "reason": "out of \x1b[31mquota", "error_type": "dependency_error"},
        },
    }
    async with talked(conversation=changes) as (rest, conversation_id):
        known = await after_call(rest, conversation_id, QUICK)
    assert (known.status, known.credits, known.burst, known.queue_seconds) == ("failed", 12, True, 7)
    assert known.error == "dependency_error: out of quota"


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "done",
        {},
        {"status": 7},
        {"status": "done", "metadata": [], "analysis": "x"},
        {"status": "done", "metadata": {"cost": "12", "cost_fiat": float("nan"), "error": "boom"}},
        {"status": "done", "metadata": {"cost": 10**400, "call_duration_secs": True}},
    ],
)
def test_anything_can_be_read(document: object) -> None:
    known = read_conversation(document, "c")
    assert isinstance(known, AfterCall)
    assert known.credits is None
    assert known.usd is None


async def test_the_defaults_are_bounded() -> None:
    polling = Polling()
    pause, asked, spent = polling.first, 1, 0.0
    while spent + pause <= polling.total:
        spent, asked, pause = spent + pause, asked + 1, min(1.6 * pause, polling.most)
    assert asked <= 15
    assert polling.total <= 120
