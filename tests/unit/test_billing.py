"""What is asked of ElevenLabs beside the calls: when, and that nothing waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from console import billing as module
from console.billing import Billing
from console.core.events import AccountRead, CallId, CallReviewed, Event
from console.core.state import Agent, Call, CallPhase

CALL = Call(
    id=CallId("c1"),
    number="+79123456789",
    uri="sip:79123456789@h",
    origin=None,
    phase=CallPhase.CLOSED,
    started_at=1.0,
    agent=Agent(conversation_id="conv_1"),
)


class Asked:
    """In the place of ElevenLabs: answers when `may_answer` is set. What it was asked stands in `log`."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.knows = True
        self.account_is = AccountRead("Anna", 41_200, False)

    async def account(self) -> Any:
        self._note("account")
        await self.may_answer.wait()
        return self.account_is if self.knows else None

    async def review(self, call: CallId, conversation_id: str) -> Any:
        self._note(conversation_id)
        await self.may_answer.wait()
        return CallReviewed(call, conversation_id, 455, 0.05) if self.knows else None

    def _note(self, what: str) -> None:
        self.log.append(what)
        self.asked.set()


class Rig:
    def __init__(self) -> None:
        self.asked = Asked()
        self.told: asyncio.Queue[Event] = asyncio.Queue()
        self.billing = Billing(self.asked, self.told.put_nowait)  # type: ignore[arg-type]

    async def next(self) -> Event:
        async with asyncio.timeout(20):
            return await self.told.get()

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(20):
            while len(self.asked.log) < times:
                self.asked.asked.clear()
                await self.asked.asked.wait()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    await rig.billing.aclose()


async def test_the_account_is_read_at_the_start_and_after_each_call(rig: Rig) -> None:
    rig.asked.may_answer.set()
    rig.billing.start()
    assert isinstance(await rig.next(), AccountRead)
    rig.billing.review(CALL)
    assert isinstance(await rig.next(), CallReviewed)
    assert isinstance(await rig.next(), AccountRead)
    assert rig.asked.log == ["account", "conv_1", "account"]


async def test_the_account_is_read_every_minute(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACCOUNT_SECONDS", 0.01)
    rig.asked.may_answer.set()
    rig.billing.start()
    for _ in range(3):
        assert isinstance(await rig.next(), AccountRead)


async def test_after_trouble_with_the_ai_the_account_is_read_at_once(rig: Rig) -> None:
    rig.asked.may_answer.set()
    rig.billing.start()
    assert isinstance(await rig.next(), AccountRead)
    rig.billing.review(replace(CALL, agent=Agent(trouble="nobody there")))
    assert isinstance(await rig.next(), AccountRead)
    assert rig.asked.log == ["account", "account"]


async def test_trouble_with_the_account_is_looked_at_again_sooner(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TROUBLE_SECONDS", 0.01)
    rig.asked.account_is = AccountRead(trouble="nobody there")
    rig.asked.may_answer.set()
    rig.billing.start()
    for _ in range(3):
        assert isinstance(await rig.next(), AccountRead)


async def test_a_call_without_a_conversation_costs_nothing(rig: Rig) -> None:
    rig.billing.review(replace(CALL, agent=Agent()))
    rig.billing.review(CALL)
    await rig.until_asked(1)
    assert rig.asked.log == ["conv_1"]


async def test_who_knows_nothing_is_asked_and_nothing_is_told(rig: Rig) -> None:
    rig.asked.knows = False
    rig.asked.may_answer.set()
    rig.billing.start()
    rig.billing.review(CALL)
    await rig.until_asked(2)
    await asyncio.sleep(0)
    assert rig.told.empty()


async def test_its_end_waits_for_no_answer(rig: Rig) -> None:
    rig.billing.start()
    rig.billing.review(CALL)
    await rig.until_asked(2)
    async with asyncio.timeout(10):
        await rig.billing.aclose()
    assert rig.told.empty()
