"""A console that is built when it is run: nothing that is sent before is lost, or overtaken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from console.core.events import CallId, Event, HangUp, Notice, Quit
from console.late_console import LateConsole
from console.ports import Console, Levels, Publish

C = CallId("c1")


class Built:
    """What `build` makes: remembers what it is sent, and runs until it is stopped."""

    def __init__(self) -> None:
        self.sent: list[Event] = []
        self.runs = asyncio.Event()
        self.stopped = asyncio.Event()

    async def run(self, publish: Publish) -> None:
        self.runs.set()
        await self.stopped.wait()

    def send(self, event: Event) -> None:
        self.sent.append(event)

    def levels(self, call: CallId) -> Levels:
        return Levels(callee=-20.0)

    def now(self) -> float:
        return 7.0

    def stop(self) -> None:
        self.stopped.set()


def built(console: Built) -> Callable[[], Console]:
    return lambda: console


async def test_what_is_sent_before_comes_first_and_in_order() -> None:
    inner = Built()
    late = LateConsole(built(inner))
    late.send(Notice("first"))
    late.send(HangUp(C))
    assert (late.now(), late.levels(C)) == (0.0, Levels())
    running = asyncio.create_task(late.run(lambda update: None))
    await inner.runs.wait()
    late.send(Notice("last"))
    assert inner.sent == [Notice("first"), HangUp(C), Notice("last")]
    assert (late.now(), late.levels(C).callee) == (7.0, -20.0)
    late.stop()
    await asyncio.wait_for(running, 10)


async def test_stopped_before_it_was_built_it_quits_at_once() -> None:
    inner = Built()
    late = LateConsole(built(inner))
    late.stop()
    assert inner.sent == []
    running = asyncio.create_task(late.run(lambda update: None))
    await inner.runs.wait()
    assert inner.sent == [Quit()]
    inner.stopped.set()
    await asyncio.wait_for(running, 10)


async def test_what_other_threads_send_while_it_is_built_is_taken_once() -> None:
    inner, begun, sent = Built(), threading.Event(), threading.Event()

    def build() -> Console:
        begun.set()
        assert sent.wait(10)
        return inner

    def sender() -> None:
        assert begun.wait(10)
        for number in range(100):
            late.send(Notice(str(number)))
        sent.set()

    late = LateConsole(build)
    thread = threading.Thread(target=sender)
    thread.start()
    running = asyncio.create_task(late.run(lambda update: None))
    await inner.runs.wait()
    thread.join()
    assert inner.sent == [Notice(str(number)) for number in range(100)]
    late.stop()
    await asyncio.wait_for(running, 10)


async def test_a_console_that_cannot_be_built_is_no_silent_one() -> None:
    def build() -> Console:
        raise RuntimeError("no line")

    with pytest.raises(RuntimeError, match="no line"):
        await LateConsole(build).run(lambda update: None)
