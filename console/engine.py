"""The imperative shell: events in, `core.step`, effects out. It owns the loop, the calls' sessions and their
audio; it decides nothing.

Events are taken in at once, in the callback that brings them: between the frame that says 2xx and the upgrade
request lies no queue and no task switch.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from .core.effects import (
    AgentClose,
    AgentOpen,
    AgentPrepare,
    AudioAnswered,
    AudioFinish,
    AudioStart,
    AudioStop,
    EarSwitch,
    Effect,
    Keep,
    NeverCallAdd,
    PhoneAnswer,
    PhoneDial,
    PhoneHangUp,
    PhoneRegister,
    PhoneReject,
    PhoneRestart,
    Record,
    Stop,
)
from .core.events import (
    AgentClosed,
    AudioFailed,
    CallId,
    Dial,
    Event,
    Ignored,
    LineFailed,
    NeverCallLoaded,
    Quit,
    Tick,
)
from .core.state import Call, State
from .core.step import next_deadline, step
from .ports import (
    PCM,
    AgentMedia,
    Agents,
    AgentSession,
    AudioError,
    AudioPath,
    AudioPaths,
    Levels,
    Phone,
    Publish,
    SessionRequest,
    Update,
)

PUBLISH_SECONDS = 0.02
"""Updates that come thicker than this are folded into one, so that a flood never swamps the screen."""

STOP_SECONDS = 5.0
"""Everything has stopped by then, whatever is broken."""


class CallAudio(AgentMedia, Protocol):
    """The bridge of one call as the engine drives it; implemented by `audio.bridge.Bridge`."""

    def start(self) -> None: ...

    def answered(self) -> None: ...

    def attach(self, session: AgentSession, number: int) -> None: ...

    def finish(self, session: int) -> None: ...

    def levels(self) -> Levels: ...

    async def stop(self) -> None: ...


BridgeFactory = Callable[[CallId, AudioPath, Callable[[Event], None], Callable[[], float]], CallAudio]


class Archive(Protocol):
    """What outlives the run; implemented by `archive.Archive`."""

    def initial(self, wall_zero: float, now: float, send: Callable[[Event], None]) -> State: ...

    def start(self) -> None: ...

    def write(self, record: Record) -> None: ...

    def keep(self, call: Call) -> None: ...

    def add_never_call(self, number: str) -> None: ...

    def edited_never_call(self) -> NeverCallLoaded | None:
        """The never-call list, if a person has edited it since it was last read."""

    def stop(self) -> None: ...


class PendingPath:
    """Stands for a call's audio path until the real one is open: silent, and forgetful of what is written."""

    def __init__(self) -> None:
        self.real: AudioPath | None = None

    @property
    def rate(self) -> int:
        return self.real.rate if self.real else 8000

    def read(self) -> PCM:
        return self.real.read() if self.real else _nothing()

    def write(self, pcm: PCM) -> None:
        if self.real:
            self.real.write(pcm)

    def queued(self) -> float:
        return self.real.queued() if self.real else 0.0

    def flush(self) -> float:
        return self.real.flush() if self.real else 0.0


def _nothing() -> PCM:
    import numpy as np  # slow to import, and not needed before the first call

    return np.zeros(0, dtype=np.int16)


@dataclass(slots=True)
class _Media:
    path: PendingPath
    bridge: CallAudio
    opening: asyncio.Task[None] | None = None


class Engine:
    """Implements `ports.Console`. Made on any thread; `run` is called once, on the loop that it will own."""

    def __init__(
        self, phone: Phone, agents: Agents, audio: AudioPaths, bridge: BridgeFactory, archive: Archive
    ) -> None:
        self._phone = phone
        self._agents = agents
        self._audio = audio
        self._bridge = bridge
        self._archive = archive
        self._zero = time.monotonic()
        self._wall_zero = time.time() - (time.monotonic() - self._zero)
        self._inbox: deque[Event] = deque()
        self._draining = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._state = archive.initial(self._wall_zero, self.now(), self.send)
        self._stopping = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._publish: Publish = lambda update: None
        self._published = float("-inf")
        self._later: asyncio.TimerHandle | None = None
        self._records: list[Record] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sessions: dict[tuple[CallId, int], AgentSession] = {}
        self._media: dict[CallId, _Media] = {}

    # ---- what any thread may call ----

    def now(self) -> float:
        return time.monotonic() - self._zero

    def send(self, event: Event) -> None:
        loop = self._loop
        if loop is None:
            self._inbox.append(event)
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to act on it
            loop.call_soon_threadsafe(self._take, event)

    def levels(self, call: CallId) -> Levels:
        media = self._media.get(call)
        return media.bridge.levels() if media else Levels()

    def stop(self) -> None:
        self.send(Quit())

    # ---- the run ----

    async def run(self, publish: Publish) -> None:
        self._loop = asyncio.get_running_loop()
        self._publish = publish
        self._archive.start()
        phone = asyncio.create_task(self._run_phone(), name="phone")
        try:
            self._flush()
            self._drain()
            await self._stopping.wait()
        finally:
            await self._end(phone)

    async def _run_phone(self) -> None:
        """Audio devices first: the phone program is pointed at them."""
        try:
            await self._audio.start(self._take)
            await self._phone.run(self._take)
        except AudioError as error:
            self._take(LineFailed(str(error)))
        except Exception as error:
            self._crash(error)

    async def _end(self, phone: asyncio.Task[None]) -> None:
        """Hang up, close, leave nothing behind: each part in its own time limit, whatever the others do."""
        for timer in (self._timer, self._later):
            if timer:
                timer.cancel()
        self._flush()
        self._draining = True  # nothing is decided any more
        phone.cancel()
        await self._in_time(asyncio.gather(self._agents.aclose(), phone, return_exceptions=True))
        await self._in_time(asyncio.gather(*(m.bridge.stop() for m in self._media.values())))
        for task in self._tasks:
            task.cancel()
        await self._in_time(asyncio.gather(*self._tasks, return_exceptions=True))
        await self._in_time(self._audio.stop())
        self._archive.stop()

    async def _in_time(self, work: Awaitable[object]) -> None:
        try:
            await asyncio.wait_for(work, STOP_SECONDS)
        except Exception:
            self._archive.write(_crash_record(self.now()))

    def _crash(self, error: BaseException) -> None:
        """A bug: say so, then end in order; a console that does not work must not keep calls."""
        self._emit_record(_crash_record(self.now(), error))
        self._flush()
        self._stopping.set()

    # ---- events ----

    def _take(self, event: Event) -> None:
        """Take in one event. On the loop only; what an effect brings about at once waits its turn."""
        self._inbox.append(event)
        self._drain()

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            while self._inbox:
                self._step(self._inbox.popleft())
            self._set_timer()
            self._publish_soon()
        except Exception as error:
            self._crash(error)
        finally:
            self._draining = False

    def _step(self, event: Event) -> None:
        edited = self._archive.edited_never_call() if isinstance(event, Dial) else None
        if edited is not None:
            self._step(edited)
        self._state, effects = step(self._state, event, self.now())
        for effect in effects:
            self._perform(effect)
        if isinstance(event, AgentClosed):
            self._sessions.pop((event.call, event.session), None)

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        deadline = next_deadline(self._state)
        if deadline is not None and self._loop is not None:
            self._timer = self._loop.call_later(max(0.0, deadline - self.now()), self._take, Tick())

    # ---- publishing ----

    def _publish_soon(self) -> None:
        if self._later is not None or self._loop is None:
            return
        wait = self._published + PUBLISH_SECONDS - self._loop.time()
        if wait <= 0:
            self._flush()
        else:
            self._later = self._loop.call_later(wait, self._flush)

    def _flush(self) -> None:
        self._later = None
        records, self._records = tuple(self._records), []
        if self._loop is not None:
            self._published = self._loop.time()
        self._publish(Update(self._state, records, self._wall_zero))

    def _emit_record(self, record: Record) -> None:
        self._records.append(record)
        self._archive.write(record)

    # ---- effects ----

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Record():
                self._emit_record(effect)
            case PhoneDial():
                self._phone.dial(effect.call, effect.uri)
            case PhoneHangUp():
                self._phone.hang_up(effect.call)
            case PhoneAnswer():
                self._phone.answer(effect.call)
            case PhoneReject():
                self._phone.reject(effect.call)
            case PhoneRegister():
                self._phone.register()
            case PhoneRestart():
                self._phone.restart(effect.reason)
            case AgentPrepare():
                self._prepare(effect)
            case AgentOpen():
                self._sessions[effect.call, effect.session].open(effect.context)
            case AgentClose():
                self._sessions[effect.call, effect.session].close(effect.reason)
            case EarSwitch():
                self._audio.listen(effect.on)
            case NeverCallAdd():
                self._archive.add_never_call(effect.number)
            case Keep():
                self._archive.keep(effect.call)
            case Stop():
                self._stopping.set()
            case _:
                self._perform_audio(effect)

    def _perform_audio(self, effect: AudioStart | AudioAnswered | AudioFinish | AudioStop) -> None:
        if isinstance(effect, AudioStart):
            opened = self._media_of(effect.call)
            opened.opening = self._spawn(self._open_audio(effect.call, opened.path))
            return
        media = self._media.get(effect.call)
        if media is None:
            return
        match effect:
            case AudioAnswered():
                media.bridge.answered()
            case AudioFinish():
                media.bridge.finish(effect.session)
            case AudioStop():
                del self._media[effect.call]
                self._spawn(self._close_audio(effect.call, media))

    def _media_of(self, call: CallId) -> _Media:
        if call not in self._media:
            path = PendingPath()
            self._media[call] = _Media(path, self._bridge(call, path, self._take, self.now))
            self._media[call].bridge.start()
        return self._media[call]

    def _prepare(self, effect: AgentPrepare) -> None:
        bridge = self._media_of(effect.call).bridge
        request = SessionRequest(
            effect.call, effect.session, effect.number, effect.incoming, effect.variables
        )
        session = self._agents.session(request, bridge, self._take)
        self._sessions[effect.call, effect.session] = session
        bridge.attach(session, effect.session)
        session.prepare()

    async def _open_audio(self, call: CallId, path: PendingPath) -> None:
        try:
            path.real = await self._audio.open(call)
        except AudioError as error:
            self._take(AudioFailed(call, str(error)))

    async def _close_audio(self, call: CallId, media: _Media) -> None:
        media.path.real = None
        await media.bridge.stop()
        if media.opening:
            await asyncio.wait([media.opening])
        await self._audio.close(call)

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.create_task(_guarded(work, self._take))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _guarded(work: Awaitable[None], emit: Callable[[Event], None]) -> None:
    try:
        await work
    except Exception as error:
        emit(Ignored("engine", f"{type(error).__name__}: {error}"))


def _crash_record(now: float, error: BaseException | None = None) -> Record:
    """A bug as a record: type and place, never the message, which might quote a secret."""
    if error is None:
        return Record(now, "crash", None, {"error": "a part did not stop in time", "where": ""})
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return Record(now, "crash", None, {"error": type(error).__name__, "where": where})
