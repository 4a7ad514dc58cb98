"""The event stream: exactly the events, resumable, bounded."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.types import Message

from console.api import stream
from console.api.errors import ApiError
from console.api.limits import Limits
from console.api.news import News
from console.api.stream import Streams
from console.core import events as ev
from console.core.effects import Record
from console.core.state import Policy, State
from console.ports import Update
from console.records.feed import Feed
from console.records.logbook import record_object

pytestmark = pytest.mark.timeout(60)


class Reader:
    """Reads server-sent events as a browser does: (id, event name, data)."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.last_id = ""

    def next(self) -> tuple[str, str, Any]:
        name, data = "message", []
        for line in self._lines:
            if not line and data:
                return self.last_id, name, json.loads("\n".join(data))
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
        raise AssertionError("the stream ended without a word")

    def until(self, type_: str) -> list[Any]:
        """Everything up to the first event of this type."""
        got = [self.next()[2]]
        while got[-1]["type"] != type_:
            got.append(self.next()[2])
        return got


@contextmanager
def reading(api: Any, last_id: str | None = None) -> Iterator[Reader]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    with api.client.stream("GET", "/api/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield Reader(answer.iter_lines())


def test_exactly_what_happens_from_now_on(api: Any) -> None:
    before = api.console.feed.last
    with reading(api) as reader:
        call = api.start().json()["id"]
        api.console.send(ev.PhoneRinging(call))
        api.console.send(ev.Ignored("test", "line\nbreak \u2028 and \u00e9"))
        got = reader.until("ignored")
    assert got == [record_object(record) for _, record in api.console.feed.after(before)]
    assert [event["type"] for event in got] == ["call.dialing", "call.ringing", "ignored"]
    assert got[0]["origin"] == "api"


def test_a_reader_that_comes_back_misses_nothing_and_hears_nothing_twice(api: Any) -> None:
    with reading(api) as reader:
        api.console.send(ev.Ignored("test", "one"))
        reader.until("ignored")
        seen = reader.last_id
    api.console.send(ev.Ignored("test", "two"))
    with reading(api, seen) as reader:
        assert reader.next()[2]["why"] == "two"
        api.console.send(ev.Ignored("test", "three"))
        assert reader.next()[2]["why"] == "three"


@pytest.mark.parametrize("last_id", ["", "0", "deadbeef-3", "x" * 5000, "-1", "\u0663"])
def test_an_id_of_another_run_gets_all_of_this_one(api: Any, last_id: str) -> None:
    headers = {"Last-Event-ID": last_id.encode()}
    with api.client.stream("GET", "/api/events", headers=headers) as answer:
        reader = Reader(answer.iter_lines())
        assert reader.next()[1] == "gap"
        assert reader.next()[2]["type"] == "line.up"


def test_the_end_is_said(api: Any) -> None:
    with reading(api) as reader:
        api.console.send(ev.Ignored("test", "last"))
        api.console.feed.close()
        assert reader.next()[2]["why"] == "last"
        assert reader.next()[1:] == ("end", {"why": "The console has ended."})


def test_the_end_of_the_server_is_said(api: Any) -> None:
    with reading(api) as reader:
        threading.Thread(target=api.server.stop).start()
        assert reader.next()[1] == "end"


def test_streams_are_bounded_and_free_again(open_api: Any) -> None:
    api = open_api(limits=Limits(streams=1, burst=1000))
    with reading(api):
        answer = api.client.get("/api/events")
        assert api.fault(answer) == (503, "too_many_streams")
        assert answer.headers["Retry-After"]
    for _ in range(500):
        with api.client.stream("GET", "/api/events") as again:
            if again.status_code == 200:
                return
    raise AssertionError("a stream that was left still counts")


# ---- on a loop of the test's own ----


def records(feed: Feed, *words: str) -> None:
    update = Update(State(Policy("h")), tuple(Record(0.0, "ignored", None, {"why": w}) for w in words), 0.0)
    feed.publish(update)


class Connection:
    """The ASGI side of one reader. `takes`: cleared while it takes nothing."""

    def __init__(self) -> None:
        self.takes = asyncio.Event()
        self.takes.set()
        self.gone = asyncio.Event()
        self.aborted = False
        self.text = ""
        self._news = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.takes.wait()
        self.text += message.get("body", b"").decode()
        self._news.set()

    async def until(self, words: str) -> None:
        async with asyncio.timeout(20):
            while words not in self.text:
                self._news.clear()
                await self._news.wait()

    def scope(self) -> dict[str, Any]:
        return {"type": "http", "state": {stream.ABORT: self.abort}}

    def abort(self) -> None:
        self.aborted = True


async def test_a_heartbeat_shows_that_the_stream_lives() -> None:
    streams = Streams(News(Feed()), 5, heartbeat=0.05)
    reader = Connection()
    task = asyncio.create_task(streams.stream(None)(reader.scope(), reader.receive, reader.send))
    await reader.until(": still here\n\n: still here\n\n")
    reader.gone.set()
    await asyncio.wait_for(task, 20)
    assert "data:" not in reader.text
    assert streams.open == 0


async def test_a_reader_that_is_too_slow_is_told_and_delays_nobody() -> None:
    feed = Feed(kept=10)
    streams = Streams(News(feed), 5)
    slow, quick = Connection(), Connection()
    tasks = [
        asyncio.create_task(streams.stream(None)(reader.scope(), reader.receive, reader.send))
        for reader in (slow, quick)
    ]
    await slow.until("retry")
    slow.takes.clear()
    for number in range(30):
        records(feed, f"number {number}")
        await quick.until(f"number {number}")
    slow.takes.set()
    await asyncio.wait_for(tasks[0], 20)
    assert "event: end\n" in slow.text
    assert "number 29" not in slow.text
    quick.gone.set()
    await asyncio.wait_for(tasks[1], 20)
    # It comes back, and is told that something is missing.
    last = slow.text.split("id: ")[-1].split("\n")[0] if "id: " in slow.text else "x-0"
    slow.text = ""
    again = asyncio.create_task(streams.stream(last)(slow.scope(), slow.receive, slow.send))
    await slow.until("number 29")
    assert "event: gap" in slow.text
    assert slow.text.count('data: {"t"') == 10
    slow.gone.set()
    await again


async def test_a_reader_that_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SEND_SECONDS", 0.1)
    streams = Streams(News(Feed()), 5)
    reader = Connection()
    reader.takes.clear()
    sending = streams.stream(None)
    reader.takes.set()
    task = asyncio.create_task(sending(reader.scope(), reader.receive, reader.send))
    await reader.until("retry")
    reader.takes.clear()
    records(streams.news.feed, "unread")
    await asyncio.wait_for(task, 20)
    assert reader.aborted
    assert streams.open == 0


async def test_no_stream_beyond_the_bound() -> None:
    streams = Streams(News(Feed()), 0)
    with pytest.raises(ApiError):
        streams.stream(None)


def test_a_real_reader_that_takes_nothing_does_not_hold_the_end_up(api: Any) -> None:
    address = api.server.address
    with socket.create_connection((address.host, address.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        for _ in range(60):
            api.console.send(ev.Ignored("test", "x" * 100_000))
        assert api.client.get("/api/status").status_code == 200, "others are served meanwhile"
        api.server.stop()
        assert not [t for t in threading.enumerate() if t.name == "api"]
