"""The audio of the calls as the engine drives it: one bridge for each call, joined to its path when that is
open, and taken down with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from .core.events import AudioFailed, CallId, Ignored
from .core.words import phrase
from .ports import AgentMedia, AgentSession, AudioError, AudioPath, AudioPaths, Emit, Levels


class Bridge(AgentMedia, Protocol):
    """The bridge of one call; implemented by `audio.bridge.Bridge`."""

    async def run(self) -> None: ...

    def connect(self, path: AudioPath) -> None: ...

    def attach(self, session: AgentSession, number: int) -> None: ...

    def detach(self) -> None: ...

    def answered(self) -> None: ...

    def silence(self, on: bool) -> None: ...

    def finish(self, session: int) -> None: ...

    def levels(self) -> Levels: ...

    def stop(self) -> None: ...


BridgeFactory = Callable[[CallId, Emit, Callable[[], float]], Bridge]
"""Makes the bridge of a call: its id, where its facts go, engine seconds."""


@dataclass(slots=True)
class _Audio:
    bridge: Bridge
    running: asyncio.Task[None]
    opening: asyncio.Task[None] | None = None


class CallAudio:
    """On the engine's loop only, but for `levels`."""

    def __init__(
        self, paths: AudioPaths, bridge: BridgeFactory, emit: Emit, clock: Callable[[], float]
    ) -> None:
        self._paths = paths
        self._make_bridge = bridge
        self._emit = emit
        self._clock = clock
        self._calls: dict[CallId, _Audio] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def bridge(self, call: CallId) -> Bridge:
        """The bridge of this call; made, and running, from the first time it is asked for."""
        if call not in self._calls:
            bridge = self._make_bridge(call, self._emit, self._clock)
            self._calls[call] = _Audio(bridge, self._spawn(self._run(call, bridge)))
        return self._calls[call].bridge

    def open(self, call: CallId) -> None:
        """Open the audio path of the call; a failure becomes `AudioFailed`."""
        bridge = self.bridge(call)
        self._calls[call].opening = self._spawn(self._connect(call, bridge))

    def detach(self, call: CallId) -> None:
        """The session of this call is over."""
        if call in self._calls:
            self._calls[call].bridge.detach()

    def close(self, call: CallId) -> None:
        audio = self._calls.pop(call, None)
        if audio:
            audio.bridge.stop()
            self._spawn(self._close(call, audio))

    def levels(self, call: CallId) -> Levels:
        """From any thread."""
        audio = self._calls.get(call)
        return audio.bridge.levels() if audio else Levels()

    async def aclose(self) -> None:
        """End every bridge and whatever still runs for one."""
        for call in list(self._calls):
            self.close(call)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, call: CallId, bridge: Bridge) -> None:
        try:
            await bridge.run()
        except Exception as error:
            self._emit(
                AudioFailed(call, phrase("the audio bridge failed ({error})", error=type(error).__name__))
            )

    async def _connect(self, call: CallId, bridge: Bridge) -> None:
        try:
            bridge.connect(await self._paths.open(call))
        except AudioError as error:
            self._emit(AudioFailed(call, str(error)))
        except Exception as error:
            self._emit(
                AudioFailed(
                    call, phrase("the audio devices cannot be opened ({error})", error=type(error).__name__)
                )
            )

    async def _close(self, call: CallId, audio: _Audio) -> None:
        await asyncio.wait({audio.running} | ({audio.opening} if audio.opening else set()))
        try:
            await self._paths.close(call)
        except Exception as error:
            self._emit(Ignored("audio", phrase("closing failed ({error})", error=type(error).__name__), call))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
