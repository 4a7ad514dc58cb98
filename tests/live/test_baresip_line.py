"""Registration, the life of the supervised program, and joining one that runs already."""

import asyncio
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from console.core.events import (
    CallId,
    ClosedBy,
    Ignored,
    LineDown,
    LineFailed,
    LineUp,
    PhoneClosed,
    PhoneConfirmed,
    PhoneEstablished,
    PhoneFound,
    PhoneIncoming,
    PhoneRinging,
    RegistrationChanged,
    RegState,
)
from console.phone.baresip_config import BaresipAudio, SipAccount
from console.phone.baresip_leftovers import clear_leftovers
from console.phone.baresip_process import BaresipProcess, BaresipSetup
from console.phone.baresip_program import inspect
from console.phone.ctrl_line import CtrlLine
from console.phone.free_port import free_sip_port

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]
CALL = CallId("c1")
SINE = BaresipAudio("aubridge,nowhere", "ausine,440", {}, "ausrc_srate 48000\nausrc_channels 2")


async def registered(start_phone, sipp, scenario: str, times: int = 1):
    registrar = await sipp(scenario, times=times)
    phone = await start_phone(domain=f"127.0.0.1:{registrar.port}", register=True)
    return phone, registrar


# ---- registration ----


async def test_registering(start_phone, sipp) -> None:
    phone, registrar = await registered(start_phone, sipp, "register_ok")
    change = await phone.told.expect(RegistrationChanged, state=RegState.OK)
    assert change.code == 200
    assert await registrar.finished() == 0


async def test_a_refused_registration_has_code_and_reason(start_phone, sipp) -> None:
    phone, _ = await registered(start_phone, sipp, "register_refused")
    change = await phone.told.expect(RegistrationChanged, state=RegState.FAILED)
    assert (change.code, change.reason) == (403, "Forbidden")


async def test_direct_dialing_registers_nowhere(start_phone, sipp) -> None:
    phone = await start_phone()
    await phone.told.expect(RegistrationChanged, state=RegState.OFF)
    phone.phone.register()
    await phone.told.expect(RegistrationChanged, state=RegState.OFF)


async def test_no_registrar_leaves_the_line_registering(start_phone) -> None:
    phone = await start_phone(domain=f"127.0.0.1:{free_sip_port('127.0.0.1')}", register=True)
    await phone.told.expect(RegistrationChanged, state=RegState.REGISTERING)


async def test_registering_again_and_then_dialing(start_phone, sipp) -> None:
    phone, registrar = await registered(start_phone, sipp, "register_ok", times=2)
    await phone.told.expect(RegistrationChanged, state=RegState.OK)
    phone.phone.register()
    await phone.told.expect(RegistrationChanged, state=RegState.REGISTERING)
    await phone.told.expect(RegistrationChanged, state=RegState.OK)
    assert registrar.messages().count(f"REGISTER sip:127.0.0.1:{registrar.port} SIP/2.0") >= 4
    peer = await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    phone.phone.hang_up(CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
    assert await peer.finished() == 0
    caller = await sipp("call_refused", calls=phone.sip_port)
    incoming = await phone.told.expect(PhoneIncoming)
    phone.phone.reject(incoming.call)
    assert await caller.finished() == 0


async def test_registering_again_is_refused_during_a_call(start_phone, sipp) -> None:
    phone, _ = await registered(start_phone, sipp, "register_ok")
    await phone.told.expect(RegistrationChanged, state=RegState.OK)
    peer = await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    phone.phone.register()
    await phone.told.expect(Ignored)
    phone.phone.hang_up(CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
    assert await peer.finished() == 0


# ---- the program ----


async def test_killed_in_a_call(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    os.kill(phone.baresip_pid(), signal.SIGKILL)
    await phone.told.expect(LineDown, gone=True, reason="Baresip was ended by SIGKILL")
    await phone.told.expect(LineUp)
    assert len(phone.told.of(LineDown)) == 1
    second = await sipp("busy")
    phone.phone.dial(CallId("c2"), second.uri)
    await phone.told.expect(PhoneClosed, call="c2", code=486)


async def test_frozen_in_a_call_it_is_ended_and_started_again(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    frozen = phone.baresip_pid()
    os.kill(frozen, signal.SIGSTOP)
    await phone.told.expect(LineDown, deadline=15, gone=True)
    await phone.told.expect(LineUp)
    assert phone.baresip_pid() != frozen
    assert not lives(frozen)


async def test_restart_hangs_up_and_starts_again(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    phone.phone.restart("the call was in doubt")
    await phone.told.expect(LineDown, gone=True, reason="the call was in doubt")
    await phone.told.expect(LineUp)
    assert await peer.finished() == 0


async def test_stopping_in_a_call_says_bye_and_leaves_nothing(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    pid = phone.baresip_pid()
    async with asyncio.timeout(4):
        await phone.stop()
    assert await peer.finished() == 0
    assert not lives(pid)
    assert list((phone.data_dir / "baresip").iterdir()) == []


async def test_stopping_while_it_rings_cancels(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("ring_cancel")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneRinging, call=CALL)
    await phone.stop()
    assert await peer.finished() == 0


CONSOLE_IN_A_CALL = """
import asyncio, sys, threading
from pathlib import Path
from console.core.events import CallId, LineUp, PhoneEstablished
from console.phone.baresip_config import BaresipAudio, SipAccount
from console.phone.baresip_process import BaresipSetup
from console.phone.ctrl_phone import CtrlPhone
account = SipAccount("console", "", "127.0.0.1", register=False, listen="127.0.0.1")
extra = "ausrc_srate 48000\\nausrc_channels 2"
audio = lambda modules: BaresipAudio("aubridge,nowhere", "ausine,440", {}, extra)
phone = CtrlPhone(BaresipSetup(account, audio, Path(sys.argv[1])))
def emit(event):
    if isinstance(event, LineUp):
        phone.dial(CallId("c"), sys.argv[2])
    if isinstance(event, PhoneEstablished):
        print("up", flush=True)
for _ in range(20):  # the death of each is told to a child that asks for it: Baresip may be told once only
    threading.Thread(target=threading.Event().wait, daemon=True).start()
asyncio.run(phone.run(emit))
"""


async def test_a_console_that_is_killed_still_hangs_up(tmp_path, sipp, start_phone) -> None:
    peer = await sipp("answer_wait")
    console = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CONSOLE_IN_A_CALL, str(tmp_path / "dead"), peer.uri),
        stdout=asyncio.subprocess.PIPE,
    )
    assert console.stdout is not None
    async with asyncio.timeout(20):
        assert await console.stdout.readline() == b"up\n"
    console.kill()
    await console.wait()
    assert await peer.finished() == 0
    # The password that it left is removed by the next console on the same data dir.
    (left,) = files_of(tmp_path / "dead" / "baresip")
    assert clear_leftovers(tmp_path / "dead") == []
    assert not left.exists()


def files_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_secrets_stay_private(start_phone, sipp) -> None:
    phone, _ = await registered(start_phone, sipp, "register_ok", times=2)
    await phone.told.expect(RegistrationChanged, state=RegState.OK)
    phone.phone.register()
    await phone.told.expect(RegistrationChanged, state=RegState.OK)
    (folder,) = (phone.data_dir / "baresip").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir() if file.is_file()} <= {0o600}
    secret = (folder / "accounts").read_text().split('auth_pass="')[1].split('"')[0]
    pid = phone.baresip_pid()
    assert secret.encode() not in arguments_and_environment(pid)
    assert phone.output
    assert secret not in "".join(phone.output)
    assert secret not in repr(phone.told.events)
    assert secret not in repr(phone.phone._setup)


async def test_control_is_on_loopback_only_and_no_tone_can_play(start_phone) -> None:
    phone = await start_phone()
    (folder,) = (phone.data_dir / "baresip").iterdir()
    lines = [line.split(None, 1) for line in (folder / "config").read_text().splitlines() if line.strip()]
    config = {line[0]: line[1] for line in lines if len(line) == 2 and line[0] != "#"}
    assert config["ctrl_tcp_listen"].startswith("127.0.0.1:")
    assert config["net_interface"] == "127.0.0.1"
    assert os.listdir(config["audio_path"]) == []


async def test_a_program_that_is_none_is_named(tmp_path, start_phone) -> None:
    other = tmp_path / "not-baresip"
    other.write_text("#!/bin/sh\necho something else\n")
    other.chmod(0o755)
    phone = await start_phone(wait=False, binary=str(other))
    failed = await phone.told.expect(LineFailed)
    assert "not-baresip" in failed.reason
    await asyncio.wait({phone.task}, timeout=5)
    assert phone.task.done()


async def test_a_sip_port_that_is_taken_is_named(start_phone) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        phone = await start_phone(wait=False, listen=f"127.0.0.1:{port}")
        failed = await phone.told.expect(LineFailed)
    assert f"SIP_LISTEN 127.0.0.1:{port}" in failed.reason


# ---- joining ----


async def test_joining_finds_the_call_and_leaves_it_alone(start_phone, join_phone, sipp) -> None:
    """The owner's link is thrown out by ours, as ctrl_tcp does; it must not fight for ever."""
    owner, peer = await start_phone(), await sipp("answer_wait")
    owner.phone.dial(CALL, peer.uri)
    await owner.told.expect(PhoneEstablished, call=CALL)
    joined = await join_phone(ctrl_port(owner))
    found = await joined.told.expect(PhoneFound)
    assert (found.peer, found.established, found.ours) == (peer.uri, True, False)
    down = [event for event in owner.told.of(LineDown) + joined.told.of(LineDown) if event.taken_over]
    while not down:
        await asyncio.wait(
            [
                asyncio.ensure_future(joined.told.expect(LineDown)),
                asyncio.ensure_future(owner.told.expect(LineDown)),
            ],
            return_when=asyncio.FIRST_COMPLETED,
        )
        down = [event for event in owner.told.of(LineDown) + joined.told.of(LineDown) if event.taken_over]
    await joined.stop()
    assert peer.process.returncode is None  # its call was not ours to hang up


async def test_a_joined_baresip_keeps_running_without_our_call(
    tmp_path, join_phone, start_phone, sipp
) -> None:
    account = SipAccount("console", "", "127.0.0.1", register=False, listen="127.0.0.1")
    setup = BaresipSetup(account, lambda modules: SINE, tmp_path / "theirs")
    theirs = await BaresipProcess.start(setup, await inspect(), lambda line: None)
    try:
        joined, peer = await join_phone(theirs.ctrl[1]), await sipp("answer_wait")
        joined.phone.dial(CALL, peer.uri)
        await joined.told.expect(PhoneEstablished, call=CALL)
        joined.phone.restart("this must not end it")
        await joined.stop()
        assert await peer.finished() == 0
        assert not theirs.exited.is_set()
    finally:
        await theirs.stop()


async def test_a_link_that_is_lost_in_a_call_confirms_it(start_phone, sipp) -> None:
    phone, peer = await start_phone(), await sipp("answer_wait")
    phone.phone.dial(CALL, peer.uri)
    await phone.told.expect(PhoneEstablished, call=CALL)
    # Whoever connects throws the present client out.
    _, writer = await asyncio.open_connection("127.0.0.1", ctrl_port(phone))
    down = await phone.told.expect(LineDown)
    assert (down.gone, down.taken_over) == (False, False)
    await phone.told.expect(LineUp)
    await phone.told.expect(PhoneConfirmed, call=CALL)
    writer.close()
    phone.phone.hang_up(CALL)
    await phone.told.expect(PhoneClosed, call=CALL, by=ClosedBy.OPERATOR)
    assert await peer.finished() == 0


def arguments_and_environment(pid: int) -> bytes:
    return b"".join(Path(f"/proc/{pid}/{file}").read_bytes() for file in ("cmdline", "environ"))


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def ctrl_port(phone) -> int:
    line = phone.phone._line
    assert isinstance(line, CtrlLine)
    return line._setup.port
