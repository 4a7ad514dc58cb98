"""A phone on a scripted ctrl_tcp: which call a command hits, lost links, calls that are found, secrets."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from console.core.events import (
    CallId,
    ClosedBy,
    Ignored,
    LineDown,
    LineFailed,
    LineUp,
    PhoneCallBound,
    PhoneClosed,
    PhoneConfirmed,
    PhoneEstablished,
    PhoneFound,
    PhoneIncoming,
    PhoneMissed,
    PhoneRinging,
    PhoneRtp,
    RegistrationChanged,
    RegState,
)
from console.phone.baresip_config import BaresipAudio, SipAccount
from console.phone.baresip_process import BaresipSetup
from console.phone.ctrl_line import CtrlLine, LineSetup
from console.phone.ctrl_phone import CtrlPhone, JoinSetup
from console.phone.free_port import free_tcp_port
from console.phone.known_calls import KnownCalls
from tests.ctrl_rig import QUICK, ScriptedBaresip, Told, scripted_baresip

pytestmark = pytest.mark.timeout(60)
CALL = CallId("c1")
URI = "sip:100@127.0.0.1:5098"


def no_audio(modules: frozenset[str]) -> BaresipAudio:
    return BaresipAudio("nowhere", "nowhere")


DIALECTS = pytest.mark.parametrize("version", ["1.0.0", "3.0.0", "4.9.0"])


@dataclass
class Joined:
    server: ScriptedBaresip
    phone: CtrlPhone
    told: Told
    task: asyncio.Task[None]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})

    async def up(self, call: CallId = CALL, uri: str = URI) -> dict[str, str]:
        return await answered(self.server, self.phone, self.told, call, uri)


async def answered(
    server: ScriptedBaresip, phone: CtrlPhone | CtrlLine, told: Told, call: CallId, uri: str
) -> dict[str, str]:
    """Dial and be answered."""
    dials = sum(command == "dial" for command, _ in server.commands)
    phone.dial(call, uri)
    await server.got("dial", times=dials + 1)
    leg = server.calls[-1]
    leg["state"] = "ESTABLISHED"
    server.event("CALL_ESTABLISHED", leg)
    await told.expect(PhoneEstablished, call=call)
    return leg


@pytest.fixture
async def join(tmp_path: Path) -> AsyncIterator[Callable[[ScriptedBaresip], object]]:
    phones: list[Joined] = []

    async def start(server: ScriptedBaresip) -> Joined:
        phone, told = CtrlPhone(JoinSetup("127.0.0.1", server.port, tmp_path), QUICK), Told()
        joined = Joined(server, phone, told, asyncio.create_task(phone.run(told)))
        phones.append(joined)
        await told.expect(LineUp, version=server.version)
        await server.got("listcalls")
        return joined

    yield start
    for joined in phones:
        await joined.stop()


# ---- which call a command hits ----


@DIALECTS
async def test_only_our_call_is_hung_up_among_others(join, version: str) -> None:
    async with scripted_baresip(version=version, calls=[{"id": "theirs", "peer": "sip:9@x"}]) as server:
        one = await join(server)
        await one.told.expect(PhoneFound, ours=False)
        ours = await one.up()
        # The other call becomes the current one, as after `uafind` or `line` by somebody else.
        server.calls.reverse()
        one.phone.hang_up(CALL)
        await one.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
        assert [call["id"] for call in server.calls] == ["theirs"]
        if version == "4.9.0":
            assert await server.got("hangup") == [ours["id"]]


@DIALECTS
async def test_an_end_that_the_output_tells_is_told_once(join, version: str) -> None:
    async with scripted_baresip(version=version) as server:
        one = await join(server)
        leg = await one.up()
        server.calls.clear()
        one.phone._line.hung_up(leg["peer"], "Connection reset by peer")
        await one.told.expect(PhoneClosed, call=CALL, by=ClosedBy.REMOTE, reason="Connection reset by peer")
        server.event("CALL_CLOSED", leg, param="Connection reset by peer")
        await one.up(CallId("c2"))
        assert sum(isinstance(event, PhoneClosed) for event in one.told.events) == 1
        assert "hangup" not in [command for command, _ in server.commands]


@DIALECTS
async def test_a_call_whose_end_was_a_forged_line_is_hung_up(join, version: str) -> None:
    async with scripted_baresip(version=version) as server:
        one = await join(server)
        leg = await one.up()
        one.phone._line.hung_up(leg["peer"], "Connection reset by peer")
        await server.got("hangup")
        assert server.calls == []


async def test_output_that_fits_two_calls_or_none_ends_nothing(join) -> None:
    async with scripted_baresip(version="4.9.0") as server:
        one = await join(server)
        await one.up()
        await one.up(CallId("c2"))
        one.phone._line.hung_up(URI, "Connection reset by peer")
        one.phone._line.hung_up("sip:somebody@else", "Connection reset by peer")
        one.phone.dial(CallId("c3"), "sip:200@127.0.0.1:5098")
        await server.got("dial", times=3)
        one.phone._line.hung_up("sip:200@127.0.0.1:5098", "Connection reset by peer")
        assert not any(isinstance(event, PhoneClosed) for event in one.told.events)


@DIALECTS
async def test_leaving_hangs_up_our_calls_and_never_quits_the_program(join, version: str) -> None:
    async with scripted_baresip(version=version, calls=[{"id": "theirs", "peer": "sip:9@x"}]) as server:
        one = await join(server)
        await one.up()
        await one.stop()
        assert [call["id"] for call in server.calls] == ["theirs"]
        assert "quit" not in [command for command, _ in server.commands]
        assert not {"uanew", "uadel", "insmod", "ausrc"} & {command for command, _ in server.commands}


async def test_a_call_id_that_a_stranger_chose_is_no_command(join) -> None:
    evil = {"id": '"<scode=200{%n}>', "peer": "sip:evil@x", "state": "INCOMING"}
    async with scripted_baresip() as server:
        one = await join(server)
        server.calls.append(evil)
        server.event("CALL_INCOMING", evil, direction="incoming")
        incoming = await one.told.expect(PhoneIncoming)
        one.phone.reject(incoming.call)
        assert await server.got("hangup") == [""]


# ---- hanging up ----


async def test_a_hang_up_whose_event_is_lost_is_looked_into(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        await one.up()
        server.answers["hangup"] = lambda params: (server.calls.clear(), (True, ""))[1]
        one.phone.hang_up(CALL)
        closed = await one.told.expect(PhoneClosed, call=CALL)
        assert closed.by is ClosedBy.OPERATOR


async def test_a_hang_up_that_does_nothing_is_repeated(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        await one.up()
        server.closes_calls = False
        one.phone.hang_up(CALL)
        one.phone.hang_up(CALL)
        await server.got("hangup", times=2, deadline=10)
        server.closes_calls = True
        await one.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR, deadline=10)
        assert len(one.told.of(PhoneClosed)) == 1


async def test_a_call_that_was_hung_up_before_it_was_dialed_is_never_dialed(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        one.phone.dial(CALL, URI)
        one.phone.hang_up(CALL)
        await one.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
        one.phone.dial(CallId("c2"), URI)
        assert await server.got("dial") == [URI]


# ---- dialing ----


@DIALECTS
async def test_a_dial_that_the_phone_refuses(join, version: str) -> None:
    async with scripted_baresip(version=version) as server:
        one = await join(server)
        server.answers["dial"] = lambda params: (False, "ua_connect failed: Protocol not supported [93]\n")
        one.phone.dial(CALL, URI)
        closed = await one.told.expect(PhoneClosed, call=CALL)
        assert (closed.reason, closed.by) == ("Protocol not supported", ClosedBy.NETWORK)


async def test_a_dial_that_1_0_0_takes_without_doing_it(join) -> None:
    async with scripted_baresip(version="1.0.0") as server:
        one = await join(server)
        server.answers["dial"] = lambda params: (True, "")
        one.phone.dial(CALL, URI)
        closed = await one.told.expect(PhoneClosed, call=CALL)
        assert closed.by is ClosedBy.NETWORK


async def test_a_dial_that_is_never_answered_ends_when_the_link_is_back(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        server.silent.add("dial")
        one.phone.dial(CALL, URI)
        await one.told.expect(LineDown, gone=False)
        closed = await one.told.expect(PhoneClosed, call=CALL)
        assert closed.by is ClosedBy.NETWORK


async def test_what_is_no_uri_is_refused_and_the_next_call_is_not_disturbed(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        one.phone.dial(CALL, "sip:1@x\nquit")
        await one.told.expect(PhoneClosed, call=CALL)
        await one.up(CallId("c2"))
        assert await server.got("dial") == [URI]


# ---- lost links ----


@DIALECTS
async def test_a_call_that_lives_through_a_lost_link(join, version: str) -> None:
    async with scripted_baresip(version=version) as server:
        one = await join(server)
        one.phone.dial(CALL, URI)
        await server.got("dial")
        (leg,) = server.calls
        server.event("CALL_RINGING", leg)
        await one.told.expect(PhoneRinging, call=CALL)
        server.drop()
        leg["state"] = "ESTABLISHED"  # answered while nobody listened
        await one.told.expect(LineDown, gone=False)
        await one.told.expect(LineUp)
        await one.told.expect(PhoneConfirmed, call=CALL)
        await one.told.expect(PhoneEstablished, call=CALL)
        server.event("CALL_CLOSED", leg, param="Connection reset by peer")
        await one.told.expect(PhoneClosed, call=CALL, by=ClosedBy.REMOTE)


@DIALECTS
async def test_a_call_that_ends_while_the_link_is_lost(join, version: str) -> None:
    async with scripted_baresip(version=version) as server:
        one = await join(server)
        await one.up()
        server.calls.clear()
        server.drop()
        await one.told.expect(PhoneClosed, call=CALL, by=ClosedBy.NETWORK)


async def test_a_hang_up_while_the_link_is_lost_is_done_when_it_is_back(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        await one.up()
        server.drop()
        one.phone.hang_up(CALL)
        await one.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
        assert server.calls == []


async def test_a_program_that_ended_takes_its_calls_with_it(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        await one.up()
        await server.stop()
        down = await one.told.expect(LineDown, gone=True)
        assert str(server.port) in down.reason
        await server.listen()
        server.calls.clear()
        await one.told.expect(LineUp)
        await one.up(CallId("c2"))


async def test_a_take_over_waits_for_the_operator(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        server.drop()
        await one.told.expect(LineUp)
        server.drop()
        await one.told.expect(LineDown, taken_over=True)
        one.phone.dial(CALL, URI)
        await one.told.expect(PhoneClosed, call=CALL, by=ClosedBy.NETWORK)
        one.phone.register()
        await one.told.expect(LineUp)


async def test_nobody_listens(tmp_path: Path) -> None:
    phone, told = CtrlPhone(JoinSetup("127.0.0.1", free_tcp_port("127.0.0.1"), tmp_path), QUICK), Told()
    task = asyncio.create_task(phone.run(told))
    down = await told.expect(LineDown, gone=True)
    assert "nobody listens" in down.reason
    task.cancel()
    await asyncio.wait({task})
    assert len(told.of(LineDown)) == 1


async def test_a_baresip_without_menu_cannot_dial(tmp_path: Path) -> None:
    async with scripted_baresip() as server:
        server.answers["reginfo"] = lambda params: (False, "command not found (reginfo)\n")
        phone, told = CtrlPhone(JoinSetup("127.0.0.1", server.port, tmp_path), QUICK), Told()
        async with asyncio.timeout(5):
            await phone.run(told)
        failed = await told.expect(LineFailed)
        assert "menu.so" in failed.reason


# ---- calls that are found ----


@DIALECTS
async def test_what_an_earlier_console_left_is_ours(join, tmp_path: Path, version: str) -> None:
    async with scripted_baresip(version=version) as server:
        first = await join(server)
        await first.up()
        # A console that is killed says nothing: keep the call and forget the console.
        known = (tmp_path / "calls-on-phone.json").read_text()
        first.task.cancel()
        kept = [dict(call) for call in server.calls]
        await asyncio.wait({first.task})
        (tmp_path / "calls-on-phone.json").write_text(known)
        server.calls[:] = [*kept, {"id": "theirs", "peer": "sip:9@x"}]
        second = await join(server)
        found = {
            e.peer: e for e in [await second.told.expect(PhoneFound), await second.told.expect(PhoneFound)]
        }
        assert (found[URI].ours, found[URI].established) == (True, True)
        assert not found["sip:9@x"].ours
        second.phone.hang_up(found[URI].call)
        await second.told.expect(PhoneClosed, call=found[URI].call)
        assert [call["id"] for call in server.calls] == ["theirs"]


@DIALECTS
async def test_an_event_before_the_listing_does_not_make_our_call_a_strangers(
    join, tmp_path: Path, version: str
) -> None:
    (tmp_path / "calls-on-phone.json").write_text(json.dumps([{"id": "a", "peer": URI}]))
    async with scripted_baresip(version=version, calls=[{"id": "a", "peer": URI}]) as server:
        plain = server._reginfo

        def reginfo(params: str) -> tuple[bool, str]:
            server.event("CALL_RTPESTAB", server.calls[0], param="audio")
            return plain(params)

        server.answers["reginfo"] = reginfo
        one = await join(server)
        rtp = await one.told.expect(PhoneRtp)
        (found,) = one.told.of(PhoneFound)
        assert (found.call, found.ours, found.established) == (rtp.call, True, True)
        assert isinstance(one.told.events[0], LineUp)


def test_a_damaged_list_of_known_calls_is_no_list(tmp_path: Path) -> None:
    for text in ("", "{", "[1]", '{"id": 1}', "[[]]", '[{"id": 5}]'):
        (tmp_path / "calls-on-phone.json").write_text(text)
        KnownCalls(tmp_path)


async def test_the_known_calls_are_private_and_follow_the_calls(join, tmp_path: Path) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        leg = await one.up()
        file = tmp_path / "calls-on-phone.json"
        assert json.loads(file.read_text()) == [{"id": leg["id"], "peer": URI}]
        assert file.stat().st_mode & 0o777 == 0o600
        one.phone.hang_up(CALL)
        await one.told.expect(PhoneClosed)
        assert json.loads(file.read_text()) == []


async def test_a_call_that_another_program_places_is_shown_and_not_ours(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        theirs = {"id": "theirs", "peer": "sip:9@x"}
        server.event("CALL_OUTGOING", theirs)
        found = await one.told.expect(PhoneFound)
        assert not found.ours
        bound = await one.told.expect(PhoneCallBound, call=found.call)
        assert bound.sip_call_id == "theirs"


# ---- registration and secrets ----

LINE = '<sip:console@127.0.0.1:5099>;auth_user=console;auth_pass="geheim";regint=600'


@asynccontextmanager
async def own_line(server: ScriptedBaresip, told: Told, data_dir: Path) -> AsyncIterator[CtrlLine]:
    setup = LineSetup(
        "127.0.0.1",
        server.port,
        server.account,
        own=True,
        register=True,
        account_line=LINE,
        closed_within=0.3,
    )
    line = CtrlLine(setup, told, KnownCalls(data_dir), QUICK)
    assert "geheim" not in repr(setup)
    task = asyncio.create_task(line.run())
    await told.expect(RegistrationChanged, state=RegState.OK)
    try:
        yield line
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("version", ["2.0.0", "3.0.0", "4.9.0"])
async def test_a_forged_end_of_one_call_spares_the_other(version: str, tmp_path: Path) -> None:
    """Before 3.19 a hang-up has no id, and on a Baresip of our own the one call left is not the one meant."""
    told = Told()
    async with scripted_baresip(version=version) as server, own_line(server, told, tmp_path) as line:
        await answered(server, line, told, CALL, "sip:1@x")
        await answered(server, line, told, CallId("c2"), "sip:2@x")
        line.hung_up("sip:1@x", "Connection reset by peer")
        await server.got("hangup")
        assert [leg["peer"] for leg in server.calls] == ["sip:2@x"]


async def test_registering_again_by_interval_and_index(join) -> None:
    async with scripted_baresip() as server:
        one = await join(server)
        one.phone.register()
        assert await server.got("uareg") == ["600 0"]
        server.event("REGISTER_FAIL", param="403 Forbidden")
        change = await one.told.expect(RegistrationChanged, state=RegState.FAILED)
        assert (change.code, change.reason) == (403, "Forbidden")


async def test_a_joined_1_0_0_keeps_its_accounts(join) -> None:
    async with scripted_baresip(version="1.0.0") as server:
        one = await join(server)
        one.phone.register()
        await one.told.expect(Ignored)
        assert not {"uanew", "uadel"} & {command for command, _ in server.commands}


@pytest.mark.parametrize("who", ["sip:console@x.example", "sip:console@x.example (prio 0)"])  # 1.0.0, 4.9.0
async def test_a_refusal_before_the_link_is_read_from_the_output(who: str, tmp_path: Path) -> None:
    phone = CtrlPhone(BaresipSetup(SipAccount("console", "geheim", "x.example"), no_audio, tmp_path))
    phone._line = CtrlLine(
        LineSetup("127.0.0.1", 4444, "sip:console@x.example", True, True), Told(), KnownCalls(tmp_path)
    )
    phone._read_output(f"reg: {who}: 403 Forbidden ()")
    failure = phone._line.reg_failure
    assert failure is not None
    assert (failure.code, failure.phrase) == (403, "Forbidden")


def test_a_flood_of_output_is_read_but_not_all_written_down(tmp_path: Path) -> None:
    written: list[str] = []
    account = SipAccount("console", "geheim", "x.example")
    phone, told = CtrlPhone(BaresipSetup(account, no_audio, tmp_path, output=written.append)), Told()
    phone._emit = told
    for _ in range(100_000):
        phone._read_output("x")
    phone._read_output("rejected call from sip:1@x (maximum number of calls)")
    assert 0 < len(written) < 50_000
    assert told.of(PhoneMissed)


async def test_the_password_that_1_0_0_echoes_goes_nowhere(tmp_path: Path, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    async with scripted_baresip(version="1.0.0") as server:
        told = Told()
        server.answers["uanew"] = lambda params: (True, f"Creating UA for {params} ...\n")
        async with own_line(server, told, tmp_path) as line:
            line.register()
            assert await server.got("uanew") == [LINE]
            server.event("REGISTER_OK", param="200 OK")
            await told.expect(RegistrationChanged, state=RegState.OK)
            server.answers["uanew"] = lambda params: (False, f"bad account {params}\n")
            line.register()
            await told.expect(RegistrationChanged, state=RegState.FAILED)
        assert "geheim" not in repr(told.events) + caplog.text


async def test_an_account_is_made_anew_before_the_old_one_goes(tmp_path: Path) -> None:
    async with scripted_baresip(version="1.0.0") as server, own_line(server, Told(), tmp_path) as line:
        line.register()
        await server.got("uadel")
        assert [c for c, _ in server.commands if c in ("uanew", "uadel")] == ["uanew", "uadel"]


async def test_an_account_that_is_not_taken_leaves_the_old_one(tmp_path: Path) -> None:
    async with scripted_baresip(version="1.0.0") as server:
        told = Told()
        server.answers["uanew"] = lambda params: (False, "")
        async with own_line(server, told, tmp_path) as line:
            line.register()
            await told.expect(RegistrationChanged, state=RegState.FAILED)
            assert "uadel" not in [command for command, _ in server.commands]


@pytest.mark.parametrize("made", [False, True])
async def test_an_account_that_is_half_way_when_the_link_is_lost_is_made_anew(
    made: bool, tmp_path: Path
) -> None:
    """Whether the new one stands already is seen in the list, where both have one name."""
    async with scripted_baresip(version="1.0.0") as server:
        told = Told()
        async with own_line(server, told, tmp_path) as line:
            server.silent.add("uanew")
            line.register()
            await server.got("uanew")
            server.silent.clear()
            if made:
                twice = f"\n> {server.account}  \x1b[32mOK \x1b[;m\n  {server.account}  \x1b[32mOK \x1b[;m\n"
                server.answers["reginfo"] = lambda params: (True, twice)
            server.drop()
            await told.expect(LineDown, gone=False)
            await server.got("uadel")
            await told.expect(LineUp)
            assert sum(command == "uanew" for command, _ in server.commands) == (1 if made else 2)


async def test_registering_again_waits_for_the_end_of_a_call(tmp_path: Path) -> None:
    async with scripted_baresip(version="1.0.0") as server:
        told = Told()
        async with own_line(server, told, tmp_path) as line:
            line.dial(CALL, URI)
            await server.got("dial")
            line.register()
            await told.expect(Ignored)
            assert "uadel" not in [command for command, _ in server.commands]
