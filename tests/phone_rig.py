"""A phone on the demo exchange: every event, and everything the far end saw, can be awaited."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from console.core.events import CallId, Event, LineUp, RegistrationChanged, RegState
from console.demo.cast import CAST
from console.demo.child import Child
from console.demo.exchange import PASSWORD_VARIABLE
from console.phone.embedded import EmbeddedPhone
from console.phone.embedded_account import EmbeddedLine
from console.phone.embedded_audio import MemoryPath, MemoryPaths
from console.ports import Phone

PASSWORD = "correct horse"
SLOW = float(os.environ.get("TEST_TIME_FACTOR", "1"))
"""Deadlines are multiplied by this on slow machines."""

E = TypeVar("E")

NUMBERS = {character.name: character.number.lstrip("+") for character in CAST}


def start_exchange(pace: float = 0.3, password: str = PASSWORD) -> Child:
    child = Child(
        "console.demo.exchange", "--report", "--pace", str(pace), environment={PASSWORD_VARIABLE: password}
    )
    child.start()
    return child


class Rig:
    """`events`: (time, event). `line`: the exchange."""

    def __init__(self, line: Child, phone: Phone, paths: MemoryPaths) -> None:
        self.line, self.phone, self.paths = line, phone, paths
        self.events: list[tuple[float, Event]] = []
        self.domain = line.lines[0]["sip"]
        self._ids = itertools.count(1)
        self._changed = asyncio.Condition()
        self._told: set[asyncio.Task[None]] = set()

    def take(self, event: Event) -> None:
        self.events.append((time.monotonic(), event))
        task = asyncio.get_running_loop().create_task(self._tell())
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def all(self, kind: type[E], call: CallId | None = None) -> list[E]:
        return [e for _, e in self.events if isinstance(e, kind) and call in (None, getattr(e, "call", None))]

    async def wait(
        self, kind: type[E], call: CallId | None = None, *, seconds: float = 15, count: int = 1
    ) -> E:
        """The event number `count` of this kind (of this call), past or to come."""
        try:
            async with asyncio.timeout(seconds * SLOW), self._changed:
                await self._changed.wait_for(lambda: len(self.all(kind, call)) >= count)
        except TimeoutError:
            pytest.fail(f"no {kind.__name__} within {seconds * SLOW:g} s; got {self.events}")
        return self.all(kind, call)[count - 1]

    async def far(self, event: str, sip_call_id: str | None = None, seconds: float = 15) -> dict[str, Any]:
        """What the exchange reported."""

        def found() -> list[dict[str, Any]]:
            return [
                entry
                for entry in self.line.lines
                if entry["event"] == event and sip_call_id in (None, entry.get("call_id"))
            ]

        assert await asyncio.to_thread(self.line.wait_for, lambda: bool(found()), seconds * SLOW), event
        return found()[-1]

    async def registered(self, users: list[str]) -> None:
        """Wait until exactly these are registered at the exchange."""

        def last() -> object:
            return [entry["users"] for entry in self.line.lines if entry["event"] == "register"][-1:]

        assert await asyncio.to_thread(self.line.wait_for, lambda: last() == [users], 10 * SLOW)

    async def dial(self, name: str) -> tuple[CallId, MemoryPath]:
        """Call a character by name (or a number), with its audio path open."""
        call = CallId(f"call{next(self._ids)}")
        self.phone.dial(call, f"sip:{NUMBERS.get(name, name)}@{self.domain}")
        path = await self.paths.open(call)
        assert isinstance(path, MemoryPath)
        return call, path


@contextlib.asynccontextmanager
async def running_phone(line: Child, **settings: Any) -> AsyncIterator[Rig]:
    """A registered embedded phone; at the end it is cancelled as the engine does it."""
    account = {"user": "console", "domain": line.lines[0]["sip"], "password": PASSWORD, **settings}
    paths = MemoryPaths()
    async with _run(Rig(line, EmbeddedPhone(EmbeddedLine(**account), paths), paths)) as rig:
        yield rig


@contextlib.asynccontextmanager
async def running_baresip(line: Child, data_dir: Path, **settings: Any) -> AsyncIterator[Rig]:
    """The installed Baresip under ctrl_tcp, registered; it sends a tone, and what it hears goes nowhere."""
    from console.phone.baresip_config import BaresipAudio, SipAccount
    from console.phone.baresip_process import BaresipSetup
    from console.phone.ctrl_phone import CtrlPhone
    from console.phone.free_port import free_sip_port

    def no_sound_server(modules: frozenset[str]) -> BaresipAudio:
        return BaresipAudio("aubridge,nowhere", "ausine,440", {}, "ausrc_srate\t48000\nausrc_channels\t2")

    account = {"user": "console", "domain": line.lines[0]["sip"], "password": PASSWORD, **settings}
    listen = f"127.0.0.1:{free_sip_port('127.0.0.1')}"
    setup = BaresipSetup(
        account=SipAccount(listen=listen, **account), audio=no_sound_server, data_dir=data_dir
    )
    async with _run(Rig(line, CtrlPhone(setup), MemoryPaths())) as rig:
        yield rig


@contextlib.asynccontextmanager
async def _run(rig: Rig) -> AsyncIterator[Rig]:
    await rig.paths.start(rig.take)
    running = asyncio.create_task(rig.phone.run(rig.take))
    try:
        await rig.wait(LineUp)
        await rig.wait(RegistrationChanged)
        while rig.all(RegistrationChanged)[-1].state is RegState.REGISTERING:
            await rig.wait(RegistrationChanged, count=len(rig.all(RegistrationChanged)) + 1)
        yield rig
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rig.paths.stop()


class Voice:
    """The near end of a call: sends what it is told, keeps what it hears (`heard`, int16 at `rates`)."""

    def __init__(self, path: MemoryPath) -> None:
        self.path = path
        self.heard: list[np.ndarray[Any, Any]] = []
        self.rates: set[int] = set()
        self.hertz = 0.0
        self.phase = 0
        self._ticked = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            self._ticked.set()
            pcm = self.path.read()
            if len(pcm):
                self.rates.add(self.path.rate)
                self.heard.append(pcm)
            while self.path.queued() < 0.06 and self.path.rate and self.hertz:
                frame = self.path.rate // 50
                self.path.write(sine(self.hertz, frame, self.path.rate, self.phase))
                self.phase += frame
                if self.path.queued() == 0.0:
                    break

    async def chat(self) -> None:
        """Speak for a second, then wait for an answer, for ever."""
        while True:
            self.hertz = 440.0
            await asyncio.sleep(1.6)
            self.hertz = 0.0
            await asyncio.sleep(1.8)

    @property
    def pcm(self) -> np.ndarray[Any, Any]:
        return np.concatenate(self.heard) if self.heard else np.zeros(0, np.int16)

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds * SLOW):
            while not condition():
                self._ticked.clear()
                await self._ticked.wait()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def sine(hertz: float, samples: int, rate: int, start: int = 0, peak: float = 8000.0) -> np.ndarray[Any, Any]:
    n = np.arange(start, start + samples)
    return (peak * np.sin(2 * np.pi * hertz * n / rate)).astype(np.int16)


def dbfs(pcm: np.ndarray[Any, Any]) -> float:
    power = float(np.mean(np.square(pcm.astype(float)))) if len(pcm) else 0.0
    return 10 * math.log10(power / 32768.0**2) if power else -96.0


def tone_share(pcm: np.ndarray[Any, Any], hertz: float, rate: int) -> float:
    """The part of the power that lies within 30 Hz of this tone."""
    spectrum = np.square(np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))))
    near = np.abs(np.fft.rfftfreq(len(pcm), 1 / rate) - hertz) < 30
    return float(spectrum[near].sum() / max(1e-9, spectrum.sum()))
