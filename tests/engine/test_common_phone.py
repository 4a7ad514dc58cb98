"""What every phone engine must do, on the same far end: `ports.Phone` on the demo exchange.

The embedded engine needs nothing installed; the external one runs the installed Baresip over ctrl_tcp.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from console.core.events import (
    ClosedBy,
    LineDown,
    LineUp,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneIncoming,
    PhoneRinging,
    PhoneRtp,
    RegistrationChanged,
    RegState,
)
from console.demo.child import Child
from tests.phone_rig import SLOW, Rig, running_baresip, running_phone, start_exchange


@pytest.fixture(scope="module")
def line() -> Iterator[Child]:
    child = start_exchange(pace=0.3)
    yield child
    child.stop()
    assert not child.complaints


@pytest.fixture(params=["embedded", pytest.param("baresip", marks=pytest.mark.live)])
def engine(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name == "embedded":
        pytest.importorskip("baresip", reason="the embedded phone exists for Linux only")
    elif shutil.which("baresip") is None:
        pytest.skip("NOT RUN: baresip not installed (`make test` installs it on Debian)")
    return name


def a_phone(engine: str, line: Child, tmp_path: Path, **settings: Any) -> AbstractAsyncContextManager[Rig]:
    if engine == "embedded":
        return running_phone(line, **settings)
    return running_baresip(line, tmp_path / "phone", **settings)


@pytest.fixture
async def rig(engine: str, line: Child, tmp_path: Path) -> AsyncIterator[Rig]:
    async with a_phone(engine, line, tmp_path) as running:
        yield running


async def far_end(rig: Rig, call: Any) -> str:
    """Who ended this call, as the far end saw it."""
    bound = await rig.wait(PhoneCallBound, call)
    return str((await rig.far("ended", bound.sip_call_id))["by"])


def steps(rig: Rig, call: Any) -> list[str]:
    """The course of the call; CALL_ANSWERED is not told by every version, and repeats are one."""
    kinds = (PhoneRinging, PhoneEarlyMedia, PhoneEstablished, PhoneClosed)
    told = [type(e).__name__ for _, e in rig.events if isinstance(e, kinds) and e.call == call]
    return [name for n, name in enumerate(told) if n == 0 or told[n - 1] != name]


async def test_it_comes_up_registered(rig: Rig, engine: str) -> None:
    up = rig.all(LineUp)
    assert len(up) == 1
    assert up[0].engine == engine
    assert up[0].version
    last = rig.all(RegistrationChanged)[-1]
    assert (last.state, last.code) == (RegState.OK, 200)
    await rig.registered(["console"])


async def test_a_wrong_password(engine: str, line: Child, tmp_path: Path) -> None:
    async with a_phone(engine, line, tmp_path, password="wrong") as rig:
        failed = rig.all(RegistrationChanged)[-1]
        assert (failed.state, failed.code) == (RegState.FAILED, 403)


async def test_answered_and_the_far_end_hangs_up(rig: Rig) -> None:
    call, _ = await rig.dial("Olga")
    closed = await rig.wait(PhoneClosed, call)
    assert (closed.code, closed.by) == (None, ClosedBy.REMOTE)
    assert steps(rig, call) == ["PhoneRinging", "PhoneEstablished", "PhoneClosed"]
    assert len(rig.all(PhoneRtp, call)) == 1
    rig.phone.reject((await rig.wait(PhoneIncoming)).call)


async def test_answered_and_we_hang_up(rig: Rig) -> None:
    call, _ = await rig.dial("Mr Hm")
    await rig.wait(PhoneEstablished, call)
    rig.phone.hang_up(call)
    assert (await rig.wait(PhoneClosed, call)).by is ClosedBy.OPERATOR
    assert await far_end(rig, call) == "phone"


@pytest.mark.parametrize(("who", "code"), [("Busy", 486), ("Wrong number", 404)])
async def test_a_refusal(rig: Rig, who: str, code: int) -> None:
    call, _ = await rig.dial(who)
    closed = await rig.wait(PhoneClosed, call)
    assert (closed.code, closed.by) == (code, ClosedBy.REMOTE)
    assert steps(rig, call) == ["PhoneClosed"]
    assert not rig.all(PhoneAnswered)


async def test_an_announcement_is_no_answer(rig: Rig) -> None:
    call, _ = await rig.dial("Announcement")
    closed = await rig.wait(PhoneClosed, call, seconds=30)
    assert (closed.code, closed.by) == (480, ClosedBy.REMOTE)
    assert steps(rig, call) == ["PhoneEarlyMedia", "PhoneClosed"]
    assert rig.all(PhoneRtp, call)
    assert not rig.all(PhoneAnswered)


async def test_early_media_and_then_a_person(rig: Rig) -> None:
    call, _ = await rig.dial("Melody")
    await rig.wait(PhoneEstablished, call)
    rig.phone.hang_up(call)
    await rig.wait(PhoneClosed, call)
    assert steps(rig, call) == ["PhoneEarlyMedia", "PhoneEstablished", "PhoneClosed"]
    assert await far_end(rig, call) == "phone"


async def test_we_give_up_while_it_rings(rig: Rig) -> None:
    call, _ = await rig.dial("Nobody home")
    await rig.wait(PhoneRinging, call)
    rig.phone.hang_up(call)
    closed = await rig.wait(PhoneClosed, call)
    assert (closed.code, closed.by) == (None, ClosedBy.OPERATOR)
    assert await far_end(rig, call) == "cancel"


async def test_we_give_up_at_once(rig: Rig) -> None:
    call, _ = await rig.dial("Nobody home")
    rig.phone.hang_up(call)
    assert (await rig.wait(PhoneClosed, call)).by is ClosedBy.OPERATOR
    later, _ = await rig.dial("Busy")
    assert (await rig.wait(PhoneClosed, later)).code == 486
    bound = rig.all(PhoneCallBound, call)
    invited = [
        x for x in rig.line.lines if x["event"] == "invite" and bound and x["call_id"] == bound[0].sip_call_id
    ]
    if invited:  # it may never have come so far
        assert await far_end(rig, call) == "cancel"


async def test_somebody_calls_and_we_answer(rig: Rig) -> None:
    first, _ = await rig.dial("Olga")
    await rig.wait(PhoneClosed, first)
    incoming = await rig.wait(PhoneIncoming)
    assert "79750000015" in incoming.peer
    assert incoming.name == "Olga"
    rig.phone.answer(incoming.call)
    await rig.wait(PhoneEstablished, incoming.call)
    assert not rig.all(PhoneAnswered, incoming.call)
    rig.phone.hang_up(incoming.call)
    assert (await rig.wait(PhoneClosed, incoming.call)).by is ClosedBy.OPERATOR
    assert await far_end(rig, incoming.call) == "phone"


async def test_somebody_calls_and_we_do_not_want_to(rig: Rig) -> None:
    first, _ = await rig.dial("Olga")
    await rig.wait(PhoneClosed, first)
    incoming = await rig.wait(PhoneIncoming)
    rig.phone.reject(incoming.call)
    assert (await rig.wait(PhoneClosed, incoming.call)).by is ClosedBy.OPERATOR
    bound = await rig.wait(PhoneCallBound, incoming.call)
    assert (await rig.far("refused", bound.sip_call_id))["status"] == 486


async def test_keys_are_heard_by_the_far_end(rig: Rig) -> None:
    call, _ = await rig.dial("Voicemail")
    await rig.wait(PhoneEstablished, call)
    rig.phone.send_digits(call, "42#")
    bound = await rig.wait(PhoneCallBound, call)
    assert await asyncio.to_thread(
        rig.line.wait_for, lambda: _pressed(rig, bound.sip_call_id) == "42#", 10 * SLOW
    )
    rig.phone.hang_up(call)
    await rig.wait(PhoneClosed, call)


def _pressed(rig: Rig, sip_call_id: str) -> str:
    return "".join(
        str(x["digit"]) for x in rig.line.lines if x["event"] == "digit" and x["call_id"] == sip_call_id
    )


async def test_a_restart_hangs_up_and_comes_back(rig: Rig) -> None:
    call, _ = await rig.dial("Mr Hm")
    await rig.wait(PhoneEstablished, call)
    rig.phone.restart("in doubt")
    await rig.wait(LineUp, count=2)
    assert any(down.gone for down in rig.all(LineDown))
    assert await far_end(rig, call) == "phone"


@pytest.mark.parametrize(
    ("who", "kind", "by"), [("Mr Hm", PhoneEstablished, "phone"), ("Nobody home", PhoneRinging, "cancel")]
)
async def test_the_end_of_the_engine_ends_the_call(
    engine: str, line: Child, tmp_path: Path, who: str, kind: type, by: str
) -> None:
    async with a_phone(engine, line, tmp_path) as rig:
        call, _ = await rig.dial(who)
        await rig.wait(kind, call)
        began = time.monotonic()
    assert time.monotonic() - began < 3.5 * SLOW
    assert await far_end(rig, call) == by
