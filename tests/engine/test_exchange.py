"""The demo exchange: its SIP against a bare socket, and every character against the embedded phone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest

from console.core.events import (
    ClosedBy,
    PhoneCallBound,
    PhoneClosed,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneIncoming,
    PhoneRinging,
)
from console.demo import g711, rtp, sdp
from console.demo.cast import CAST
from console.demo.child import Child, ChildFailed
from console.demo.line import DemoLine
from console.demo.sip_messages import Headers, Request, Response, parameters, parse, parse_uri
from tests.phone_rig import NUMBERS, SLOW, Voice, dbfs, running_phone, start_exchange

OFFERED = (sdp.Format(0, "PCMU", 8000), sdp.Format(101, sdp.EVENTS, 8000, fmtp="0-15"))


@pytest.fixture(scope="module")
def line() -> Iterator[Child]:
    child = start_exchange(pace=0.3)
    yield child
    child.stop()
    assert not child.complaints


@pytest.fixture(scope="module")
def open_line() -> Iterator[Child]:
    """Asks nobody for a password."""
    child = start_exchange(pace=0.2, password="")
    yield child
    child.stop()
    assert not child.complaints


class BareClient(asyncio.DatagramProtocol):
    """Sends what it is told and keeps what comes; knows no transactions."""

    def __init__(self, line: Child) -> None:
        host, port = line.lines[0]["sip"].split(":")
        self.there = (host, int(port))
        self.line = line
        self.came: list[Request | Response] = []
        self._arrived = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self.call_id = secrets.token_hex(6)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.append(parse(data))
        self._arrived.set()

    def raw(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data, self.there)

    def request(
        self,
        method: str,
        number: str = "",
        *,
        sequence: int = 1,
        to: str = "",
        branch: str = "",
        headers: Headers = (),
        body: bytes = b"",
    ) -> Request:
        uri = f"sip:{number}@{self.there[0]}:{self.there[1]}"
        own: Headers = (
            ("via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch or 'z9hG4bK' + secrets.token_hex(5)}"),
            ("from", f"<sip:bare@127.0.0.1:{self.port}>;tag=bare"),
            ("to", to or f"<{uri}>"),
            ("call-id", self.call_id),
            ("cseq", f"{sequence} {method}"),
            ("contact", f"<sip:bare@127.0.0.1:{self.port}>"),
        )
        if body:
            own += (("content-type", "application/sdp"),)
        request = Request(method, uri, own + headers, body)
        self.raw(request.encode())
        return request

    def invite(self, who: str, formats: tuple[sdp.Format, ...] = OFFERED, **more: object) -> Request:
        body = sdp.write(sdp.Audio("127.0.0.1", 40000, formats), 1) if formats else b""
        return self.request("INVITE", NUMBERS[who], body=body, **more)  # type: ignore[arg-type]

    async def response(self, status: int, count: int = 1, seconds: float = 8) -> Response:
        def found() -> list[Response]:
            return [m for m in self.came if isinstance(m, Response) and m.status == status]

        await self._until(lambda: len(found()) >= count, seconds, status)
        return found()[count - 1]

    async def asked(self, method: str, count: int = 1, seconds: float = 8) -> Request:
        def found() -> list[Request]:
            return [m for m in self.came if isinstance(m, Request) and m.method == method]

        await self._until(lambda: len(found()) >= count, seconds, method)
        return found()[count - 1]

    async def _until(self, condition: object, seconds: float, what: object) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds * SLOW):
                while not condition():  # type: ignore[operator]
                    self._arrived.clear()
                    await self._arrived.wait()
        seen = [m.status if isinstance(m, Response) else m.method for m in self.came]
        assert condition(), f"{what} did not come: {seen}"  # type: ignore[operator]

    async def told(self, event: str, seconds: float = 8) -> dict[str, object]:
        def found() -> list[dict[str, object]]:
            return [x for x in self.line.lines if x["event"] == event and x["call_id"] == self.call_id]

        assert await asyncio.to_thread(self.line.wait_for, lambda: bool(found()), seconds * SLOW), event
        return found()[-1]


@pytest.fixture
async def client(open_line: Child) -> AsyncIterator[BareClient]:
    bare = BareClient(open_line)
    await bare.open()
    yield bare
    bare.close()


async def test_a_repeated_invite_is_one_call(client: BareClient) -> None:
    invite = client.invite("Nobody home")
    ringing = await client.response(180)
    client.raw(invite.encode())
    again = await client.response(180, count=2)
    assert again == ringing
    assert (
        len([x for x in client.line.lines if x["event"] == "invite" and x["call_id"] == client.call_id]) == 1
    )
    client.request("CANCEL", NUMBERS["Nobody home"], branch=invite.branch)
    assert (await client.response(487)).get("to") == ringing.get("to")
    assert (await client.told("ended"))["by"] == "cancel"


async def test_the_answer_is_repeated_until_acknowledged(client: BareClient) -> None:
    client.invite("Voicemail")
    answer = await client.response(200)
    assert await client.response(200, count=2) == answer
    audio = sdp.read(answer.body)
    assert audio is not None
    assert audio.formats == OFFERED
    client.request("ACK", to=answer.get("to"))
    client.request("BYE", to=answer.get("to"), sequence=2)
    assert (await client.response(200, count=3)).cseq == (2, "BYE")
    copies = [m for m in client.came if isinstance(m, Response) and m.cseq[1] == "INVITE" and m.status == 200]
    assert (await client.told("ended"))["by"] == "phone"
    assert len(copies) == 2


async def test_a_refusal_is_repeated_until_acknowledged(client: BareClient) -> None:
    invite = client.invite("Busy")
    refusal = await client.response(486, count=2)
    client.request("ACK", to=refusal.get("to"), branch=invite.branch)


async def test_early_media_reliably_only_for_who_can(client: BareClient) -> None:
    client.invite("Reliable")
    plain = await client.response(183)
    assert plain.get("rseq") == ""
    assert sdp.read(plain.body)


async def test_a_reliable_answer_is_repeated_until_pracked(client: BareClient) -> None:
    client.invite("Reliable", headers=(("supported", "100rel, timer"),))
    reliable = await client.response(183, count=2)
    assert reliable.get("require") == "100rel"
    rack = f"{reliable.get('rseq')} 1 INVITE"
    client.request("PRACK", to=reliable.get("to"), sequence=2, headers=(("rack", rack),))
    prack = await client.response(200)
    assert prack.cseq == (2, "PRACK")
    answer = await client.response(200, count=2)
    assert answer.cseq == (1, "INVITE")
    assert answer.body == b""  # the description was in the 183


async def test_an_invite_without_an_offer_gets_one(client: BareClient) -> None:
    client.invite("Echo", formats=())
    answer = await client.response(200)
    offer = sdp.read(answer.body)
    assert offer is not None
    body = sdp.write(sdp.Audio("127.0.0.1", 40000, (offer.formats[0],)), 1)
    client.request("ACK", to=answer.get("to"), body=body)
    client.request("BYE", to=answer.get("to"), sequence=2)
    assert (await client.told("ended"))["by"] == "phone"


async def test_no_codec_in_common(client: BareClient) -> None:
    client.invite("Voicemail", formats=(sdp.Format(97, "speex", 16000),))
    await client.response(488)


async def test_held_by_the_caller(client: BareClient) -> None:
    client.invite("Voicemail")
    answer = await client.response(200)
    client.request("ACK", to=answer.get("to"))
    held = sdp.write(sdp.Audio("127.0.0.1", 40000, OFFERED, sdp.Direction.SENDONLY), 1, 2)
    client.request("INVITE", to=answer.get("to"), sequence=2, body=held)
    agreed = await client.response(200, count=2)
    audio = sdp.read(agreed.body)
    assert audio is not None
    assert audio.direction is sdp.Direction.RECVONLY
    client.request("INFO", to=answer.get("to"), sequence=3, body=b"Signal=7\r\nDuration=100\r\n")
    client.request("REFER", to=answer.get("to"), sequence=4)
    await client.response(405)
    client.request("BYE", to=answer.get("to"), sequence=5)
    assert (await client.told("ended"))["digits"] == "7"


async def test_the_far_end_repeats_its_bye(client: BareClient) -> None:
    client.invite("Olga")
    answer = await client.response(200)
    client.request("ACK", to=answer.get("to"))
    first = await client.asked("BYE")
    assert await client.asked("BYE", count=2) == first
    assert parse_uri(first.uri) == parse_uri(f"sip:bare@127.0.0.1:{client.port}")
    assert parameters(first.get("from"))["tag"] == parameters(answer.get("to"))["tag"]


async def test_a_vanished_peer_answers_nothing(client: BareClient) -> None:
    client.invite("Tunnel")
    answer = await client.response(200)
    client.request("ACK", to=answer.get("to"))
    await client.told("vanished", seconds=15)
    client.request("BYE", to=answer.get("to"), sequence=2)
    client.request("OPTIONS", branch="later")  # the same dialog's Call-ID: also swallowed
    client.call_id = secrets.token_hex(6)
    client.request("OPTIONS", branch="other")
    assert (await client.response(200, count=2)).branch == "other"
    assert [m.cseq[1] for m in client.came if isinstance(m, Response) and m.status == 200] == [
        "INVITE",
        "OPTIONS",
    ]


async def test_outside_of_dialogs(client: BareClient) -> None:
    client.raw(b"\r\n\r\n")
    client.raw(b"nonsense")
    client.raw(secrets.token_bytes(300))
    client.request("OPTIONS")
    assert "PRACK" in (await client.response(200)).get("allow")
    client.request("BYE", to="<sip:x@y>;tag=none")
    await client.response(481)
    client.request("INVITE", "4242")
    await client.response(404)
    client.request("REGISTER", headers=(("expires", "60"),))
    assert "expires=" in (await client.response(200, count=2)).get("contact")


async def test_digits_by_events_reach_the_menu(client: BareClient) -> None:
    loop = asyncio.get_running_loop()
    sound, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    body = sdp.write(sdp.Audio("127.0.0.1", sound.get_extra_info("sockname")[1], OFFERED), 1)
    client.request("INVITE", NUMBERS["Menu"], body=body)
    answer = await client.response(200)
    client.request("ACK", to=answer.get("to"))
    audio = sdp.read(answer.body)
    assert audio is not None
    for n, payload in enumerate(rtp.digit_payloads("1")):
        sound.sendto(rtp.Packet(101, n, 5000, 1, payload, n == 0).encode(), (audio.host, audio.port))
    await client.asked("BYE", seconds=20)
    sound.close()


async def test_speech_is_paced_and_understood(client: BareClient) -> None:
    """20 ms packets, each 160 samples further, in real time within the run."""
    loop = asyncio.get_running_loop()
    packets: list[tuple[float, rtp.Packet]] = []

    class Heard(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if packet := rtp.parse(data):
                packets.append((loop.time(), packet))

    sound, _ = await loop.create_datagram_endpoint(Heard, local_addr=("127.0.0.1", 0))
    body = sdp.write(sdp.Audio("127.0.0.1", sound.get_extra_info("sockname")[1], OFFERED), 1)
    client.request("INVITE", NUMBERS["Announcement"], body=body)
    await client.response(480, seconds=20)
    sound.close()
    steps = {(b.timestamp - a.timestamp) % 2**32 for (_, a), (_, b) in pairwise(packets)}
    assert steps == {160}
    assert {(b.sequence - a.sequence) % 2**16 for (_, a), (_, b) in pairwise(packets)} == {1}
    pace = (packets[-1][0] - packets[0][0]) / (0.02 * len(packets))
    assert 0.9 < pace < 2.5, "faster than speech, or slower than a busy machine explains"
    assert g711.level("PCMU", b"".join(p.payload for _, p in packets)) > -30


async def test_the_echo_keeps_one_time_line(client: BareClient) -> None:
    """Silence of the line's own first, then what comes back: a jitter buffer must not see a jump."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[rtp.Packet] = asyncio.Queue()

    class Heard(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if packet := rtp.parse(data):
                heard.put_nowait(packet)

    sound, _ = await loop.create_datagram_endpoint(Heard, local_addr=("127.0.0.1", 0))
    body = sdp.write(sdp.Audio("127.0.0.1", sound.get_extra_info("sockname")[1], OFFERED), 1)
    client.request("INVITE", NUMBERS["Echo"], body=body)
    answer = await client.response(200)
    there = sdp.read(answer.body)
    assert there is not None
    own = await asyncio.wait_for(heard.get(), 5 * SLOW)
    client.request("ACK", to=answer.get("to"))
    spoken = rtp.Packet(0, 1, (own.timestamp - 90000) & 0xFFFFFFFF, 7, b"\x11" * 160)

    async def speak() -> None:
        while True:
            sound.sendto(spoken.encode(), (there.host, there.port))
            await asyncio.sleep(0.02)

    speaking = asyncio.create_task(speak())
    back = own
    while back.payload != spoken.payload:
        previous, back = back, await asyncio.wait_for(heard.get(), 5 * SLOW)
        assert (back.sequence - previous.sequence) % 2**16 == 1
        assert (back.timestamp - previous.timestamp) % 2**32 <= 8000
    speaking.cancel()
    client.request("BYE", to=answer.get("to"), sequence=2)
    await client.told("ended")
    sound.close()


ENDS = {
    "Anna": (None, ClosedBy.REMOTE),
    "Ivan": (None, ClosedBy.REMOTE),
    "Busy": (486, ClosedBy.REMOTE),
    "Wrong number": (404, ClosedBy.REMOTE),
    "Announcement": (480, ClosedBy.REMOTE),
    "Melody": (None, ClosedBy.REMOTE),
    "Reliable": (None, ClosedBy.REMOTE),
    "Voicemail": (None, ClosedBy.REMOTE),
    "Screener": (None, ClosedBy.REMOTE),
    "Menu": (None, ClosedBy.REMOTE),
    "Cut off": (None, ClosedBy.REMOTE),
    "Tunnel": (None, ClosedBy.TIMEOUT),
    "Olga": (None, ClosedBy.REMOTE),
    "On hold": (None, ClosedBy.REMOTE),
}
"""How a call ends that the operator leaves alone; who is not here goes on until somebody hangs up."""

EARLY = {"Announcement", "Melody", "Reliable"}
SILENT = {"Busy", "Wrong number", "Nobody home"}


@pytest.mark.timeout(300)
async def test_the_whole_cast_at_once(line: Child) -> None:
    """Everybody is called at the same time by somebody who talks in turns; each does what its entry says."""
    pytest.importorskip("baresip", reason="the embedded phone exists for Linux only")
    async with running_phone(line, rtp_timeout=4, codecs=("pcma",)) as rig:
        calls, voices, talks = {}, {}, []
        for character in CAST:
            call, path = await rig.dial(character.name)
            calls[character.name], voices[character.name] = call, Voice(path)
            talks.append(asyncio.create_task(voices[character.name].chat()))
        back = await rig.wait(PhoneIncoming, seconds=60)
        rig.phone.answer(back.call)
        voices["back"] = Voice(await rig.paths.open(back.call))  # type: ignore[arg-type]
        talks.append(asyncio.create_task(voices["back"].chat()))
        for name, (code, by) in ENDS.items():
            closed = await rig.wait(PhoneClosed, calls[name], seconds=100)
            assert (name, closed.code, closed.by) == (name, code, by)
        await rig.wait(PhoneClosed, back.call, seconds=60)
        for name in set(calls) - set(ENDS):
            assert not rig.all(PhoneClosed, calls[name])
            rig.phone.hang_up(calls[name])
            assert (await rig.wait(PhoneClosed, calls[name])).by is ClosedBy.OPERATOR
        for talk in talks:
            talk.cancel()
        for name, call in calls.items():
            established = bool(rig.all(PhoneEstablished, call))
            assert established == (name not in SILENT | {"Announcement"}), name
            assert bool(rig.all(PhoneEarlyMedia, call)) == (name in EARLY), name
            assert (dbfs(voices[name].pcm) > -50) == (name not in SILENT), name
            if established and name != "Echo":
                sip_call_id = rig.all(PhoneCallBound, call)[0].sip_call_id
                if name != "Tunnel":
                    assert (await rig.far("ended", sip_call_id))["loudest_dbfs"] > -30, name
        assert rig.all(PhoneRinging, calls["Nobody home"])
        assert rig.all(PhoneEstablished, back.call)
        assert dbfs(voices["back"].pcm) > -50
        for voice in voices.values():
            await voice.close()


def test_the_demo_line_starts_whole_and_hides_its_secrets() -> None:
    with DemoLine(pace=0.2) as demo:
        settings = demo.settings()
        assert settings["SIP_DOMAIN"].startswith("127.0.0.1:")
        assert settings["ELEVENLABS_BASE_URL"].startswith("http://127.0.0.1:")
        children = [demo.exchange, demo.conversations]
        for child in children:
            assert child is not None
            assert child.running
            assert os.getpgid(child.pid) == child.pid
            with open(f"/proc/{child.pid}/cmdline", encoding="utf-8") as file:
                arguments = file.read()
            assert settings["SIP_PASS"] not in arguments
            assert settings["ELEVENLABS_API_KEY"] not in arguments
    assert not any(child.running for child in children if child)


def test_a_child_that_cannot_start_says_why() -> None:
    with pytest.raises(ChildFailed, match="unrecognized arguments"):
        Child("console.demo.exchange", "--nonsense").start()


def test_children_end_with_whoever_started_them() -> None:
    """Even when that is killed."""
    script = """
        import sys, time
        from console.demo.line import DemoLine
        line = DemoLine()
        line.start()
        print(line.exchange.pid, line.conversations.pid, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen(
        (sys.executable, "-c", textwrap.dedent(script)), stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    watches = [os.pidfd_open(pid) for pid in pids]
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for watch in watches:
        assert select.select([watch], [], [], 10 * SLOW)[0]
        os.close(watch)
