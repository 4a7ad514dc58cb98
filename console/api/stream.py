"""The event stream: every event of `interface.md`, as server-sent events (WHATWG HTML, section 9.2).

Each carries an `id`; a reader that comes back with `Last-Event-ID` goes on behind it, as far as events are
kept. What is not an event of the console has an `event:` name, which readers that do not know it pass over:
`gap` (events were lost) and `end` (the stream is ended, and why).
"""

from __future__ import annotations

import asyncio
import json
import secrets

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from console.core.effects import Record
from console.records.feed import Lagged
from console.records.logbook import record_json

from .errors import ApiError
from .news import News

HEARTBEAT_SECONDS = 15.0
SEND_SECONDS = 20.0
"""A reader that takes nothing for so long is dropped."""

RETRY_MS = 2000
BATCH = 100

_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""No ends of lines to this standard, but to many a client's library."""

ABORT = "abort"
"""Key of the connection's abort function in the ASGI scope's state."""


class Streams:
    """The event streams that are open. The ids of events name the run, so that those of an earlier run are
    not taken for ours."""

    def __init__(self, news: News, most: int, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self.news = news
        self.heartbeat = heartbeat
        self.open = 0
        self._most = most
        self._run = secrets.token_hex(4)

    def stream(self, last_event_id: str | None) -> EventStream:
        """A stream of what comes from now on, or of what follows the event with this id."""
        if self.open >= self._most:
            raise ApiError(503, "too_many_streams", "Too many event streams are open.", {"Retry-After": "5"})
        feed = self.news.feed
        if last_event_id is None:
            return EventStream(self, feed.last)
        run, _, number = last_event_id.partition("-")
        known = run == self._run and number.isascii() and number.isdecimal() and len(number) < 16
        if known and feed.oldest - 1 <= int(number) <= feed.last:
            return EventStream(self, int(number))
        # An earlier run's events are gone; to a reader of those, all of this run is news.
        return EventStream(self, feed.oldest - 1, gap=True)

    def event(self, number: int, record: Record) -> str:
        return f"id: {self._run}-{number}\ndata: {record_json(record).translate(_LINE_ENDS)}\n\n"


def _named(event: str, why: str) -> str:
    return f"event: {event}\ndata: {json.dumps({'why': why})}\n\n"


class EventStream(Response):
    """One reader's stream, from behind record number `seen`."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, seen: int, gap: bool = False) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._streams = streams
        self._news = streams.news
        self._seen = seen
        self._gap = gap

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_disconnect(receive))
        self._streams.open += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._tell(send, gone)
        except TimeoutError:
            scope.get("state", {}).get(ABORT, lambda: None)()
        finally:
            self._streams.open -= 1
            gone.cancel()

    async def _tell(self, send: Send, gone: asyncio.Future[bool]) -> None:
        await _send(send, f"retry: {RETRY_MS}\n\n")
        if self._gap:
            await _send(send, _named("gap", "Earlier events are no longer kept."))
        while not gone.done():
            try:
                fresh = self._news.feed.after(self._seen, BATCH)
            except Lagged:
                return await _send(send, _named("end", "Read too slowly: events were lost."), last=True)
            if fresh:
                self._seen = fresh[-1][0]
                await _send(send, "".join(self._streams.event(*entry) for entry in fresh))
            elif self._news.over:
                return await _send(send, _named("end", "The console has ended."), last=True)
            elif not await self._anything_new(gone):
                await _send(send, ": still here\n\n")
        return None

    async def _anything_new(self, gone: asyncio.Future[bool]) -> bool:
        """Wait for news, for the reader to go, or for the next heartbeat (False)."""
        news = asyncio.ensure_future(self._news.coming.wait())
        waits = (gone, news)
        done, _ = await asyncio.wait(waits, timeout=self._streams.heartbeat, return_when="FIRST_COMPLETED")
        news.cancel()
        return bool(done)


async def _send(send: Send, text: str, last: bool = False) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": text.encode(), "more_body": not last})


async def _disconnect(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True
