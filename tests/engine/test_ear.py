"""The ear's switch: the newest wish counts, the loop is never held up, every outcome is told."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from console.audio.ear import NO_OUTPUT, Ear, EarSwitch
from console.core.events import EarChanged, Event
from console.language import shown, speaking
from console.ports import PCM, AudioError

SOUND = np.ones(160, np.int16)


class SlowEar(Ear):
    """A device in memory whose opening waits for `ready`."""

    def __init__(self, ready: threading.Event, fault: str = "") -> None:
        super().__init__()
        self.ready = ready
        self.fault = fault
        self.heard: list[tuple[PCM, PCM, int]] = []
        self.state = "new"

    def open(self) -> None:
        assert self.ready.wait(20)
        if self.fault:
            raise AudioError(self.fault)
        self.state = "open"

    def hear(self, callee: PCM, agent: PCM, rate: int) -> None:
        if self.fault:
            raise AudioError(self.fault)
        self.heard.append((callee, agent, rate))

    def close(self) -> None:
        self.state = "closed"

    def abandon(self) -> None:
        self.state = "abandoned"


class Rig:
    def __init__(self) -> None:
        self.ready = threading.Event()
        self.ears: list[SlowEar] = []
        self.fault = ""
        self.told: asyncio.Queue[Event] = asyncio.Queue()
        self.switch = EarSwitch(self._make)
        self.switch.start(self.told.put_nowait)

    def _make(self) -> Ear:
        self.ears.append(SlowEar(self.ready, self.fault))
        return self.ears[-1]

    async def next(self) -> Event:
        async with asyncio.timeout(20):
            return await self.told.get()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    rig.ready.set()
    await rig.switch.stop()


async def _turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_on_and_off(rig: Rig) -> None:
    rig.switch.hear(SOUND, SOUND, 8000)  # off: nothing happens
    rig.ready.set()
    rig.switch.listen(True)
    assert await rig.next() == EarChanged(True)
    rig.switch.hear(SOUND, SOUND, 8000)
    assert len(rig.ears[0].heard) == 1
    rig.switch.listen(False)
    assert await rig.next() == EarChanged(False)
    assert rig.ears[0].state == "closed"


@pytest.mark.parametrize(("wishes", "state"), [((True, False), "closed"), ((True, False, True), "open")])
async def test_the_newest_wish_counts_while_the_device_opens(
    rig: Rig, wishes: tuple[bool, ...], state: str
) -> None:
    for wish in wishes:
        rig.switch.listen(wish)
        await _turns()
    assert rig.told.empty()
    rig.switch.hear(SOUND, SOUND, 8000)  # not held up by the opening
    rig.ready.set()
    assert await rig.next() == EarChanged(wishes[-1])
    assert [ear.state for ear in rig.ears] == [state]


async def test_a_device_that_does_not_open_is_told_and_can_be_tried_again(rig: Rig) -> None:
    rig.ready.set()
    rig.fault = "no such\x1b[2J device"
    rig.switch.listen(True)
    assert await rig.next() == EarChanged(False, "no such device")
    rig.fault = ""
    rig.switch.listen(True)
    assert await rig.next() == EarChanged(True)


async def test_a_device_that_goes_away_switches_the_ear_off_without_waiting_for_it(rig: Rig) -> None:
    rig.ready.set()
    rig.switch.listen(True)
    assert await rig.next() == EarChanged(True)
    rig.ears[0].fault = "unplugged"
    rig.switch.hear(SOUND, SOUND, 8000)
    assert await rig.next() == EarChanged(False, "unplugged")
    assert rig.ears[0].state == "abandoned"
    rig.switch.hear(SOUND, SOUND, 8000)
    assert rig.told.empty()


async def test_stop_closes_what_is_still_opening_and_tells_nothing(rig: Rig) -> None:
    rig.switch.listen(True)
    await _turns()
    stopping = asyncio.create_task(rig.switch.stop())
    await _turns()
    rig.ready.set()
    async with asyncio.timeout(20):
        await stopping
    assert rig.ears[0].state == "closed"
    assert rig.told.empty()


async def test_what_forbids_listening_is_told() -> None:
    told: asyncio.Queue[Event] = asyncio.Queue()

    async def forbid() -> None:
        raise AudioError("nowhere to listen")

    def never() -> Ear:
        return SlowEar(threading.Event())

    make: Callable[[], Ear] = never
    switch = EarSwitch(make, forbid)
    switch.start(told.put_nowait)
    switch.listen(True)
    async with asyncio.timeout(20):
        assert await told.get() == EarChanged(False, "nowhere to listen")
    await switch.stop()


async def test_why_there_is_no_ear_can_be_said_in_russian(rig: Rig) -> None:
    rig.ready.set()
    rig.fault = NO_OUTPUT
    rig.switch.listen(True)
    told = await rig.next()
    assert isinstance(told, EarChanged)
    with speaking("ru"):
        assert shown(told.reason).startswith("Слушать не на чем")
