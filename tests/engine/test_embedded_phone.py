"""The embedded phone against the demo exchange: real SIP and RTP on 127.0.0.1."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("baresip", reason="the embedded phone exists for Linux only")

from console.core.events import (
    AudioStarted,
    ClosedBy,
    EarChanged,
    Event,
    LineDown,
    LineFailed,
    LineUp,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneDigit,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneHold,
    PhoneIncoming,
    PhoneRinging,
    PhoneRtp,
    RegistrationChanged,
    RegState,
)
from console.demo.child import Child
from console.phone.embedded import EmbeddedPhone
from console.phone.embedded_account import EmbeddedLine
from console.phone.embedded_audio import MemoryPaths
from tests.phone_rig import PASSWORD, SLOW, Voice, dbfs, running_phone, start_exchange, tone_share


@pytest.fixture(scope="module")
def line() -> Iterator[Child]:
    child = start_exchange()
    yield child
    child.stop()
    assert not child.complaints


async def test_it_registers_with_its_password_and_unregisters_at_the_end(line: Child) -> None:
    async with running_phone(line) as rig:
        assert rig.all(LineUp) == [LineUp("embedded", rig.all(LineUp)[0].version, answered_is_2xx=True)]
        assert [e.state for e in rig.all(RegistrationChanged)] == [RegState.REGISTERING, RegState.OK]
        await rig.registered(["console"])
    await rig.registered([])
    assert rig.all(RegistrationChanged)[-1].state is RegState.OK
    assert not rig.all(LineDown)


async def test_a_wrong_password_is_told_with_its_code(line: Child) -> None:
    async with running_phone(line, password="wrong") as rig:
        failed = rig.all(RegistrationChanged)[-1]
        assert (failed.state, failed.code, failed.reason) == (RegState.FAILED, 403, "Forbidden")


async def test_without_registration_it_says_so_and_can_dial() -> None:
    child = start_exchange(password="")
    try:
        async with running_phone(child, register=False) as rig:
            assert [e.state for e in rig.all(RegistrationChanged)] == [RegState.OFF]
            call, _ = await rig.dial("Busy")
            assert (await rig.wait(PhoneClosed, call)).code == 486
    finally:
        child.stop()


@pytest.mark.parametrize(("who", "code"), [("Busy", 486), ("99999", 404)])
async def test_a_refusal_closes_with_its_code(line: Child, who: str, code: int) -> None:
    async with running_phone(line) as rig:
        call, _ = await rig.dial(who)
        closed = await rig.wait(PhoneClosed, call)
        assert (closed.code, closed.by) == (code, ClosedBy.REMOTE)
        assert not rig.all(PhoneEstablished) + rig.all(PhoneAnswered)


async def test_an_announcement_is_heard_and_is_no_answer(line: Child) -> None:
    async with running_phone(line) as rig:
        call, path = await rig.dial("Announcement")
        voice = Voice(path)
        await rig.wait(PhoneEarlyMedia, call)
        await rig.wait(PhoneRtp, call)
        closed = await rig.wait(PhoneClosed, call, seconds=30)
        await voice.close()
        assert (closed.code, closed.by) == (480, ClosedBy.REMOTE)
        assert not rig.all(PhoneEstablished) + rig.all(PhoneAnswered)
        assert dbfs(voice.pcm) > -35


async def test_a_reliable_provisional_answer_is_acknowledged(line: Child) -> None:
    """RFC 3262; the 200 then has no description, and the stack reports no CALL_ANSWERED."""
    async with running_phone(line) as rig:
        call, _ = await rig.dial("Reliable")
        sip_call_id = (await rig.wait(PhoneCallBound, call)).sip_call_id
        await rig.wait(PhoneEarlyMedia, call)
        await rig.far("prack", sip_call_id)
        await rig.wait(PhoneEstablished, call)
        assert not rig.all(PhoneAnswered)
        rig.phone.hang_up(call)
        assert (await rig.far("ended", sip_call_id))["by"] == "phone"


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.003])
async def test_hanging_up_at_once_leaves_nobody_ringing(line: Child, pause: float) -> None:
    """Before the far side has answered anything; the stack alone would let it ring on."""
    async with running_phone(line) as rig:
        call, _ = await rig.dial("Nobody home")
        await asyncio.sleep(pause)
        rig.phone.hang_up(call)
        assert (await rig.wait(PhoneClosed, call)).by is ClosedBy.OPERATOR
        assert (await rig.far("ended", rig.all(PhoneCallBound)[0].sip_call_id))["by"] == "cancel"
        assert len(rig.all(PhoneClosed)) == 1


async def test_an_impossible_uri_closes_the_call(line: Child) -> None:
    async with running_phone(line) as rig:
        call, _ = await rig.dial("x")
        rig.phone.dial(call, "sip:a\nb")
        closed = await rig.wait(PhoneClosed, call)
        assert closed.code is None
        assert closed.by is ClosedBy.NETWORK


@pytest.mark.parametrize(
    ("codec", "rate"), [("pcmu", 8000), ("pcma", 8000), ("g722", 16000), ("opus", 48000)]
)
async def test_a_tone_comes_back_in_every_codec(line: Child, codec: str, rate: int) -> None:
    async with running_phone(line, codecs=(codec,)) as rig:
        call, path = await rig.dial("Echo")
        await rig.wait(PhoneEstablished, call)
        voice = Voice(path)
        voice.hertz = 600
        await voice.until(lambda: dbfs(voice.pcm[-rate:]) > -25 and len(voice.pcm) > 2 * rate)
        assert voice.rates == {rate}
        assert path.rate == rate
        assert tone_share(voice.pcm[-rate // 2 :], 600, rate) > 0.9
        assert (await rig.wait(AudioStarted, call)).rate == rate
        await voice.close()


async def test_the_far_end_hears_us(line: Child) -> None:
    async with running_phone(line) as rig:
        call, path = await rig.dial("Voicemail")
        await rig.wait(PhoneEstablished, call)
        voice = Voice(path)
        voice.hertz = 440
        await voice.until(lambda: voice.phase > path.rate)
        sip_call_id = rig.all(PhoneCallBound)[0].sip_call_id
        rig.phone.hang_up(call)
        far = await rig.far("ended", sip_call_id)
        assert far["heard_seconds"] > 0.3
        assert far["loudest_dbfs"] == pytest.approx(dbfs((8000 * np.sin(np.arange(8000))).astype(int)), abs=1)
        await voice.close()


async def test_what_is_written_ahead_can_be_dropped(line: Child) -> None:
    async with running_phone(line, codecs=("pcma",)) as rig:
        call, path = await rig.dial("Echo")
        await rig.wait(PhoneEstablished, call)
        voice = Voice(path)
        await voice.until(lambda: len(voice.pcm) > 0)
        tone = (8000 * np.sin(2 * np.pi * 600 * np.arange(path.rate * 3 // 2) / path.rate)).astype(np.int16)
        path.write(tone)
        assert path.queued() == pytest.approx(1.5, abs=0.1)
        await voice.until(lambda: dbfs(voice.pcm[-800:]) > -25)
        dropped = path.flush()
        assert 0.3 < dropped < 1.5
        before = len(voice.pcm)
        await voice.until(lambda: len(voice.pcm) > before + 8000)
        assert path.queued() == 0.0
        assert dbfs(voice.pcm[-2000:]) < -60
        loud = np.abs(voice.pcm) > 1000
        assert loud.sum() / path.rate < 1.5 - dropped + 0.3
        await voice.close()


async def test_an_incoming_call_is_answered_and_heard(line: Child) -> None:
    async with running_phone(line) as rig:
        await rig.dial("Olga")
        incoming = await rig.wait(PhoneIncoming)
        assert incoming.peer.startswith("sip:+79750000015@127.0.0.1")
        assert incoming.name == "Olga"
        rig.phone.answer(incoming.call)
        voice = Voice(await rig.paths.open(incoming.call))  # type: ignore[arg-type]
        await rig.wait(PhoneEstablished, incoming.call)
        await voice.until(lambda: dbfs(voice.pcm) > -40)
        assert not rig.all(PhoneAnswered, incoming.call)
        rig.phone.hang_up(incoming.call)
        assert (await rig.wait(PhoneClosed, incoming.call)).by is ClosedBy.OPERATOR
        await voice.close()


async def test_digits_both_ways(line: Child) -> None:
    async with running_phone(line, codecs=("pcma",)) as rig:
        call, _ = await rig.dial("Echo")
        await rig.wait(PhoneEstablished, call)
        rig.phone.send_digits(call, "159*#")
        await rig.wait(PhoneDigit, call, count=5)
        assert "".join(e.digit for e in rig.all(PhoneDigit)) == "159*#"
        rig.phone.hang_up(call)
        assert (await rig.far("ended", rig.all(PhoneCallBound)[0].sip_call_id))["digits"] == "159*#"


async def test_being_put_on_hold_and_taken_back(line: Child) -> None:
    async with running_phone(line) as rig:
        call, path = await rig.dial("On hold")
        voice = Voice(path)
        talk = asyncio.create_task(voice.chat())
        await rig.wait(PhoneHold, call, count=2, seconds=30)
        assert [e.held for e in rig.all(PhoneHold)] == [True, False]
        before = len(voice.pcm)
        await voice.until(lambda: dbfs(voice.pcm[before:]) > -45)  # the streams are new, the path goes on
        talk.cancel()
        await voice.close()


async def test_a_peer_that_vanishes_is_noticed(line: Child) -> None:
    async with running_phone(line, rtp_timeout=2) as rig:
        call, path = await rig.dial("Tunnel")
        voice = Voice(path)
        talk = asyncio.create_task(voice.chat())
        closed = await rig.wait(PhoneClosed, call, seconds=40)
        assert closed.by is ClosedBy.TIMEOUT
        talk.cancel()
        await voice.close()


async def test_a_bye_is_told_before_the_stack_has_stopped_the_audio(line: Child) -> None:
    async with running_phone(line) as rig:
        order: list[str] = []
        take = rig.phone._emit

        def told(event: Event) -> None:
            take(event)
            if isinstance(event, PhoneClosed):
                order.append("phone")

        def reported(event: Any) -> None:
            if event.event.name == "CALL_CLOSED":
                order.append("stack")

        rig.phone._emit = told
        rig.phone._runtime.subscribe(reported)
        call, _ = await rig.dial("Cut off")
        closed = await rig.wait(PhoneClosed, call)
        assert closed == PhoneClosed(call, None, "Connection reset by peer", ClosedBy.REMOTE)
        other, _ = await rig.dial("Busy")
        await rig.wait(PhoneClosed, other)
        assert order[:2] == ["phone", "stack"]
        assert len(rig.all(PhoneClosed, call)) == 1


async def test_cancelling_ends_every_call_and_unregisters(line: Child) -> None:
    async with running_phone(line) as rig:
        up, _ = await rig.dial("Mr Hm")
        ringing, _ = await rig.dial("Nobody home")
        early, _ = await rig.dial("Announcement")
        await rig.wait(PhoneEstablished, up)
        await rig.wait(PhoneRinging, ringing)
        await rig.wait(PhoneEarlyMedia, early)
        ids = {e.call: e.sip_call_id for e in rig.all(PhoneCallBound)}
        began = time.monotonic()
    assert time.monotonic() - began < 3 * SLOW
    ends = {call: (await rig.far("ended", ids[call]))["by"] for call in (up, ringing, early)}
    assert ends == {up: "phone", ringing: "cancel", early: "cancel"}
    assert {e.call for e in rig.all(PhoneClosed)} == {up, ringing, early}
    await rig.registered([])


async def test_a_restart_ends_the_calls_and_comes_back(line: Child) -> None:
    async with running_phone(line) as rig:
        call, _ = await rig.dial("Mr Hm")
        await rig.wait(PhoneEstablished, call)
        rig.phone.restart("in doubt")
        assert (await rig.wait(LineDown)).gone
        await rig.wait(LineUp, count=2)
        again, _ = await rig.dial("Busy")
        assert (await rig.wait(PhoneClosed, again)).code == 486


async def test_a_taken_port_is_told_in_one_sentence(line: Child) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        events: list[Event] = []
        account = EmbeddedLine("console", line.lines[0]["sip"], PASSWORD, listen=listen)
        await asyncio.wait_for(EmbeddedPhone(account, MemoryPaths()).run(events.append), 10 * SLOW)
    assert [type(e) for e in events] == [LineFailed]
    assert listen in events[0].reason  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"password": 'dont"tell'}, "password"),
        ({"listen": "nonsense"}, "SIP_LISTEN"),
        ({"codecs": ("pcma", "speex")}, "SIP_CODECS"),
        ({"user": "a b"}, "account"),
    ],
)
async def test_bad_settings_fail_in_one_sentence(settings: dict[str, object], word: str) -> None:
    events: list[Event] = []
    account = EmbeddedLine(**{"user": "console", "domain": "127.0.0.1:9", **settings})  # type: ignore[arg-type]
    await asyncio.wait_for(EmbeddedPhone(account, MemoryPaths()).run(events.append), 10 * SLOW)
    assert [type(e) for e in events] == [LineFailed]
    assert word in events[0].reason  # type: ignore[union-attr]
    assert "dont" not in repr(events) + repr(account)


def test_a_dead_stack_is_told_and_ends_the_run() -> None:
    """In a process of its own: nothing can be started again in it."""
    script = """
        import asyncio
        from baresip._native import ffi, lib
        from console.core.events import LineUp
        from console.phone.embedded import EmbeddedPhone
        from console.phone.embedded_account import EmbeddedLine
        from console.phone.embedded_audio import MemoryPaths

        def emit(event):
            print(event)
            if isinstance(event, LineUp):
                lib.bp_cmd(lib.BP_CMD_STOP, 0, ffi.NULL)  # the SIP thread leaves behind the wrapper's back

        line = EmbeddedLine("console", "127.0.0.1:9", register=False)
        asyncio.run(asyncio.wait_for(EmbeddedPhone(line, MemoryPaths()).run(emit), 20))
    """
    told = _python(script)
    assert "LineDown(" in told
    assert "gone=True" in told
    assert "LineFailed(" in told
    assert "restart the console" in told


def test_no_sound_library_is_imported() -> None:
    script = """
        import asyncio, sys
        from console.phone.embedded import EmbeddedPhone
        from console.phone.embedded_account import EmbeddedLine
        from console.phone.embedded_audio import MemoryPaths

        async def main():
            paths = MemoryPaths()
            await paths.start(lambda event: None)
            await paths.open("call")
            line = EmbeddedLine("a", "127.0.0.1:9", register=False)
            run = asyncio.create_task(EmbeddedPhone(line, paths).run(print))
            await asyncio.sleep(0.3)
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)

        asyncio.run(main())
        print("sounddevice" in sys.modules, "textual" in sys.modules)
    """
    told = _python(script)
    assert "LineUp(" in told
    assert told.splitlines()[-1] == "False False"


async def test_the_ear_needs_an_output() -> None:
    events: list[Event] = []
    paths = MemoryPaths()
    await paths.start(events.append)
    paths.listen(True)
    paths.hear(np.zeros(160, np.int16), np.zeros(160, np.int16), 8000)
    paths.listen(False)
    assert [type(e) for e in events] == [EarChanged, EarChanged]
    assert not any(e.on for e in events)  # type: ignore[union-attr]


async def test_twenty_calls_at_once(line: Child) -> None:
    async with running_phone(line) as rig:
        dialed = [await rig.dial("Echo") for _ in range(20)]
        for call, _ in dialed:
            await rig.wait(PhoneEstablished, call)
        voices = [Voice(path) for _, path in dialed]
        for n, voice in enumerate(voices):
            voice.hertz = 500 + 50 * n
        for n, voice in enumerate(voices):
            await rig.wait(AudioStarted, dialed[n][0])
            rate = voice.path.rate
            await voice.until(lambda v=voice, r=rate: dbfs(v.pcm[-r // 2 :]) > -25 and len(v.pcm) > r)
            assert (
                tone_share(voice.pcm[-rate // 2 :], 500 + 50 * n, rate) > 0.8
            )  # its own tone, nobody else's
        for call, _ in dialed:
            rig.phone.hang_up(call)
        for call, _ in dialed:
            assert (await rig.wait(PhoneClosed, call)).by is ClosedBy.OPERATOR
        for voice in voices:
            await voice.close()


def _python(script: str) -> str:
    done = subprocess.run(
        (sys.executable, "-W", "error", "-c", textwrap.dedent(script)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout
