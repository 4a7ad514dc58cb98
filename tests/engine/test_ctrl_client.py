"""The control link over a real socket: commands, silence, take-over, broken and slow far sides."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from console.phone.ctrl_client import CtrlClient, LinkLost, Loss
from console.phone.ctrl_messages import CommandRefused, PhoneMessage, Unreadable
from console.phone.free_port import free_tcp_port
from console.phone.netstring import encode
from tests.ctrl_rig import QUICK, ScriptedBaresip, scripted_baresip

pytestmark = pytest.mark.timeout(60)


@dataclass
class Listener:
    """Keeps what the client tells."""

    ups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    downs: asyncio.Queue[tuple[Loss, str]] = field(default_factory=asyncio.Queue)
    silences: asyncio.Queue[bool] = field(default_factory=asyncio.Queue)
    messages: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def link_up(self) -> None:
        self.ups.release()

    def message(self, message: PhoneMessage | Unreadable) -> None:
        self.messages.append(message.type if isinstance(message, PhoneMessage) else message.why)
        self.changed.set()

    def link_silent(self, silent: bool) -> None:
        self.silences.put_nowait(silent)

    def link_down(self, loss: Loss, reason: str) -> None:
        self.downs.put_nowait((loss, reason))

    async def up(self) -> None:
        async with asyncio.timeout(5):
            await self.ups.acquire()

    async def down(self) -> tuple[Loss, str]:
        async with asyncio.timeout(5):
            return await self.downs.get()

    async def heard(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.messages) < count:
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Link:
    server: ScriptedBaresip
    client: CtrlClient
    listener: Listener


@pytest.fixture
async def link(request: pytest.FixtureRequest) -> AsyncIterator[Link]:
    times = getattr(request, "param", QUICK)
    async with scripted_baresip() as server:
        listener = Listener()
        client = CtrlClient("127.0.0.1", server.port, listener, times)
        running = asyncio.create_task(client.run())
        await listener.up()
        yield Link(server, client, listener)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_command_is_answered_and_its_token_is_a_string(link: Link) -> None:
    response = await link.client.request("about")
    assert response.ok
    assert "4.9.0" in response.data
    assert all(isinstance(token, str) for token in link.server.tokens)


async def test_one_command_is_out_at_a_time(link: Link) -> None:
    link.server.silent.add("first")
    first = asyncio.create_task(link.client.request("first"))
    await link.server.got("first")
    second = asyncio.create_task(link.client.request("second"))
    assert link.server.commands[-1][0] != "second"
    link.server.respond(link.server.tokens[-1], True, "late but right")
    assert (await first).data == "late but right"
    await second
    names = [name for name, _ in link.server.commands if name in ("first", "second")]
    assert names == ["first", "second"]


async def test_an_answer_without_or_with_a_foreign_token(link: Link) -> None:
    link.server.silent.add("odd")
    asking = asyncio.create_task(link.client.request("odd"))
    await link.server.got("odd")
    link.server.respond("not ours", True, "wrong")
    link.server.respond(None, True, "right")
    assert (await asking).data == "right"


async def test_the_answer_is_seen_before_the_events_behind_it(link: Link) -> None:
    link.server.silent.add("dial")
    seen: list[str] = []
    link.listener.messages = seen
    asking = asyncio.create_task(
        link.client.request("dial", "sip:1@a", then=lambda response: seen.append(response.data))
    )
    await link.server.got("dial")
    answer = {"response": True, "ok": True, "data": "answer", "token": link.server.tokens[-1]}
    frames = [{"event": True, "type": "BEFORE"}, answer, {"event": True, "type": "AFTER"}]
    link.server.send_raw(b"".join(encode(json.dumps(frame).encode()) for frame in frames))
    await asking
    await link.listener.heard(3)
    assert seen == ["BEFORE", "answer", "AFTER"]


async def test_a_command_that_is_not_answered_ends_the_link(link: Link) -> None:
    link.server.silent.add("hold")
    with pytest.raises(LinkLost, match="hold"):
        await link.client.request("hold")
    assert (await link.listener.down())[0] is Loss.SILENT
    await link.listener.up()
    assert (await link.client.request("about")).ok


async def test_a_far_side_that_never_answers_is_noticed_by_the_heartbeat(link: Link) -> None:
    link.server.silent.add("reginfo")
    assert (await link.listener.down())[0] is Loss.SILENT


@pytest.mark.parametrize("link", [replace(QUICK, answer=20.0, hesitation=0.1)], indirect=True)
async def test_an_answer_that_comes_late_is_told_as_silence_and_its_end(link: Link) -> None:
    assert (await link.client.request("about")).ok
    assert link.listener.silences.empty()
    link.server.silent.add("hold")
    asking = asyncio.create_task(link.client.request("hold"))
    async with asyncio.timeout(10):
        assert await link.listener.silences.get() is True
        link.server.respond(link.server.tokens[-1], True, "late but right")
        assert await link.listener.silences.get() is False
    assert (await asking).data == "late but right"
    assert link.listener.downs.empty()


async def test_the_heartbeat_beats(link: Link) -> None:
    await link.server.got("reginfo", times=3)


async def test_a_lost_link_is_made_again_at_once_and_pending_commands_end(link: Link) -> None:
    link.server.silent.add("hold")
    asking = asyncio.create_task(link.client.request("hold"))
    await link.server.got("hold")
    link.server.drop()
    with pytest.raises(LinkLost):
        await asking
    assert (await link.listener.down())[0] is Loss.CLOSED
    await link.listener.up()


def another_client(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


async def test_a_take_over_is_not_fought_and_can_be_taken_back(link: Link) -> None:
    with another_client(link.server.port):
        assert (await link.listener.down())[0] is Loss.CLOSED
    await link.listener.up()
    with another_client(link.server.port):
        loss, reason = await link.listener.down()
    assert loss is Loss.TAKEN_OVER
    assert "another program" in reason
    connections = link.server.connections
    with pytest.raises(LinkLost):
        await link.client.request("about")
    link.client.take_back()
    await link.listener.up()
    assert link.server.connections == connections + 1


async def test_a_program_that_ends_while_we_reconnect_is_no_take_over(link: Link) -> None:
    link.server.drop()
    assert (await link.listener.down())[0] is Loss.CLOSED
    await link.listener.up()
    await link.server.stop()
    losses = [(await link.listener.down())[0] for _ in range(2)]
    assert losses == [Loss.CLOSED, Loss.REFUSED]
    await link.server.listen()
    await link.listener.up()


async def test_a_program_that_starts_late_is_found() -> None:
    port, listener = free_tcp_port("127.0.0.1"), Listener()
    running = asyncio.create_task(CtrlClient("127.0.0.1", port, listener, QUICK).run())
    for _ in range(3):
        assert (await listener.down())[0] is Loss.REFUSED
    async with scripted_baresip(port=port):
        await listener.up()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_bytes_one_by_one(link: Link) -> None:
    for byte in encode(b'{"event":true,"type":"SLOW"}'):
        link.server.send_raw(bytes([byte]))
        await asyncio.sleep(0)
    await link.listener.heard(1)
    assert link.listener.messages == ["SLOW"]


@pytest.mark.parametrize("rubbish", [b"HTTP/1.1 400 Bad Request\r\n", b"00:,", b"5:abcdef", b"9999999999:"])
async def test_a_broken_stream_is_left_for_a_new_one(link: Link, rubbish: bytes) -> None:
    link.server.send_raw(rubbish)
    assert (await link.listener.down())[0] is Loss.BROKEN
    await link.listener.up()


async def test_a_frame_that_is_no_message_is_told_and_survived(link: Link) -> None:
    link.server.send_raw(encode(b"not json") + encode(b'{"event":true,"type":"FINE"}'))
    await link.listener.heard(2)
    assert link.listener.messages == ["a frame was not JSON", "FINE"]
    assert (await link.client.request("about")).ok


@pytest.mark.parametrize("link", [replace(QUICK, answer=20.0)], indirect=True)
async def test_a_flood_of_events_loses_none_and_commands_get_through(link: Link) -> None:
    link.server.send_raw(encode(b'{"event":true,"type":"VU_RX_REPORT"}') * 20_000)
    assert (await link.client.request("about")).ok
    await link.listener.heard(20_000)
    assert set(link.listener.messages) == {"VU_RX_REPORT"}


async def test_what_cannot_be_sent_is_refused_without_disturbing_the_link(link: Link) -> None:
    with pytest.raises(CommandRefused):
        await link.client.request("dial", "sip:1@a\nquit")
    assert (await link.client.request("about")).ok
    assert "quit" not in [name for name, _ in link.server.commands]
