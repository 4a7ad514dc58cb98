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
from typing import Protocol

from .billing import Billing
from .call_audio import BridgeFactory, CallAudio
from .core.effects import (
    AgentAnswer,
    AgentClose,
    AgentOpen,
    AgentPrepare,
    AgentTell,
    Amend,
    AudioAnswered,
    AudioFinish,
    AudioSilence,
    AudioStart,
    AudioStop,
    EarSwitch,
    Effect,
    Keep,
    NeverCallAdd,
    NeverCallRemove,
    PhoneAnswer,
    PhoneDial,
    PhoneDigits,
    PhoneHangUp,
    PhoneRegister,
    PhoneReject,
    PhoneRestart,
    PhoneTransfer,
    Record,
    Stop,
)
from .core.events import (
    AgentClosed,
    CallId,
    Dial,
    Event,
    LineFailed,
    NeverCallLoaded,
    Quit,
    Tick,
)
from .core.state import Call, State
from .core.step import next_deadline, step
from .core.tools import pressed
from .ports import (
    Agents,
    AgentSession,
    AudioError,
    AudioPaths,
    Levels,
    Phone,
    Publish,
    SessionRequest,
    Update,
)
from .tidying import Tidying

PUBLISH_SECONDS = 0.02
"""Updates that come thicker than this are folded into one, so that a flood never swamps the screen."""

HANG_UP_SECONDS = 3.5
"""At the end: for the phone to hang up and stop, and for the sessions to close."""

AUDIO_SECONDS = 0.75
"""At the end: for each of the steps that take the audio down. All in all 5 s, whatever is broken."""


class Archive(Protocol):
    """What outlives the run; implemented by `archive.Archive`."""

    def initial(self, wall_zero: float, now: float, send: Callable[[Event], None]) -> State: ...

    def start(self) -> None: ...

    def write(self, record: Record) -> None: ...

    def keep(self, call: Call) -> None: ...

    def amend(self, call: Call) -> None: ...

    def add_never_call(self, number: str) -> None: ...

    def remove_never_call(self, number: str) -> None: ...

    def edited_never_call(self) -> NeverCallLoaded | None:
        """The never-call list, if a person has edited it since it was last read."""

    def stop(self) -> None: ...


class Engine:
    """Implements `ports.Console`. Made on any thread; `run` is called once, on the loop that it will own."""

    def __init__(
        self, phone: Phone, agents: Agents, audio: AudioPaths, bridge: BridgeFactory, archive: Archive
    ) -> None:
        self._phone = phone
        self._agents = agents
        self._paths = audio
        self._archive = archive
        self._zero = time.monotonic()
        self._wall_zero = time.time() - (time.monotonic() - self._zero)
        self._inbox: deque[Event] = deque()
        self._draining = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._state = archive.initial(self._wall_zero, self.now(), self.send)
        self._stopping = asyncio.Event()
        self._billing = Billing(agents, self._take)
        self._tidying = Tidying(lambda: bool(self._state.calls))
        self._timer: asyncio.TimerHandle | None = None
        self._publish: Publish = lambda update: None
        self._published = float("-inf")
        self._later: asyncio.TimerHandle | None = None
        self._records: list[Record] = []
        self._sessions: dict[tuple[CallId, int], AgentSession] = {}
        self._audio = CallAudio(audio, bridge, self._take, self.now)

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
        return self._audio.levels(call)

    def stop(self) -> None:
        self.send(Quit())

    # ---- the run ----

    async def run(self, publish: Publish) -> None:
        self._loop = asyncio.get_running_loop()
        self._publish = publish
        self._archive.start()
        phone = asyncio.create_task(self._run_phone(), name="phone")
        self._billing.start()
        self._tidying.start()
        try:
            self._flush()
            self._drain()
            await self._stopping.wait()
        finally:
            await self._end(phone)

    async def _run_phone(self) -> None:
        """Audio devices first: the phone program is pointed at them."""
        try:
            await self._paths.start(self._take)
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
        self._tidying.stop()
        self._flush()
        self._draining = True  # nothing is decided any more
        phone.cancel()
        parts = (self._billing.aclose(), self._agents.aclose(), phone)
        gone = asyncio.gather(*parts, return_exceptions=True)
        await self._in_time(gone, HANG_UP_SECONDS)
        await self._in_time(self._audio.aclose(), AUDIO_SECONDS)
        await self._in_time(self._paths.stop(), AUDIO_SECONDS)
        self._archive.stop()

    async def _in_time(self, work: Awaitable[object], seconds: float) -> None:
        try:
            await asyncio.wait_for(work, seconds)
        except Exception as error:
            self._archive.write(_crash_record(self.now(), error))

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
        # What is done comes before what is said: a log line never stands between an answer and its session.
        for effect in sorted(effects, key=_is_record):
            self._perform(effect)
        if isinstance(event, AgentClosed):
            self._session_closed(event)

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
            case PhoneDigits():
                self._press(effect)
            case PhoneTransfer():
                self._phone.transfer(effect.call, effect.uri)
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
            case AgentTell():
                self._sessions[effect.call, effect.session].tell(effect.text, effect.as_turn)
            case AgentAnswer():
                session = self._sessions[effect.call, effect.session]
                session.answer(effect.request, effect.text, effect.is_error)
            case EarSwitch():
                self._paths.listen(effect.on)
            case NeverCallAdd():
                self._archive.add_never_call(effect.number)
            case NeverCallRemove():
                self._archive.remove_never_call(effect.number)
            case Keep():
                self._archive.keep(effect.call)
                self._billing.review(effect.call)
                self._tidying.soon()
            case Amend():
                self._archive.amend(effect.call)
            case Stop():
                self._stopping.set()
            case AudioStart():
                self._audio.open(effect.call)
            case AudioAnswered():
                self._audio.bridge(effect.call).answered()
            case AudioFinish():
                self._audio.bridge(effect.call).finish(effect.session)
            case AudioSilence():
                self._audio.bridge(effect.call).silence(effect.on)
            case AudioStop():
                self._audio.close(effect.call)

    def _prepare(self, effect: AgentPrepare) -> None:
        request = SessionRequest(
            effect.call, effect.session, effect.number, effect.incoming, effect.variables
        )
        media = self._audio.bridge(effect.call)
        session = self._agents.session(request, media, self._take)
        self._sessions[effect.call, effect.session] = session
        media.attach(session, effect.session)
        session.prepare()

    def _press(self, effect: PhoneDigits) -> None:
        """Keys and pauses; a call that ends meanwhile takes no more."""
        assert self._loop is not None
        for after, keys in pressed(effect.digits):
            self._loop.call_later(after, self._phone.send_digits, effect.call, keys)

    def _session_closed(self, event: AgentClosed) -> None:
        self._sessions.pop((event.call, event.session), None)
        call = self._state.find(event.call)
        if call and call.agent.session == event.session:
            self._audio.detach(event.call)


def _is_record(effect: Effect) -> bool:
    return isinstance(effect, Record)


def _crash_record(now: float, error: BaseException) -> Record:
    """A bug as a record: type and place, never the message, which might quote a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return Record(now, "crash", None, {"error": type(error).__name__, "where": where})
