"""The embedded phone: the SIP stack of Baresip 4 inside this process (package `baresip-python`).

Implements `ports.Phone`. One stack per process, and a stack whose thread died cannot be started again in it:
that is the one failure that only a new console mends.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from ..core.events import (
    CallId,
    ClosedBy,
    Event,
    Ignored,
    LineDown,
    LineFailed,
    LineSilent,
    LineUp,
    PhoneClosed,
    PhoneIncoming,
    PhoneTransferFailed,
    RegistrationChanged,
    RegState,
)
from ..core.text import clean
from ..core.words import phrase
from ..ports import Emit, PhoneError
from . import sip_tls
from .ctrl_messages import PhoneMessage
from .embedded_account import EmbeddedLine
from .embedded_audio import MemoryPaths
from .embedded_calls import EmbeddedCall, caller_name, name_of
from .line_events import LineEvents
from .sip_trace import told_of_ends

if TYPE_CHECKING:
    from baresip import Call, Runtime, StackEvent, UserAgent

HEARTBEAT, HESITATION, PATIENCE = 0.8, 0.8, 5.0
"""Seconds between harmless commands, after which a missing answer is told, and after which it is the end."""

_FIRST_REPLY = 1.0
"""Seconds that a far side has for its 100 before we hang up on it. The stack sends no CANCEL before a
provisional answer (rightly: RFC 3261 section 9.1), but forgets the call instead of waiting, and the far end
rings on."""

_CALLS_END, _PART_ENDS = 1.2, 0.8
"""Seconds at most for the end of the calls, and then of the registration and of the stack."""

_DEAD = phrase(
    "The embedded phone has stopped and cannot be started again in this process: restart the console."
)
_ABSENT = phrase(
    "The embedded phone has no build for this system: install baresip and set CONSOLE_ENGINE=baresip."
)


def _fresh_call_id() -> CallId:
    return CallId(secrets.token_hex(4))


class EmbeddedPhone:
    """`run` owns the stack. `paths` learns which call of the stack belongs to which of ours."""

    def __init__(
        self, line: EmbeddedLine, paths: MemoryPaths, *, new_call: Callable[[], CallId] = _fresh_call_id
    ) -> None:
        self._line, self._paths, self._new_call = line, paths, new_call
        self._emit: Emit = lambda event: None
        self._runtime: Runtime | None = None
        self._agent: UserAgent | None = None
        self._calls: dict[CallId, EmbeddedCall] = {}
        self._dialing = 0
        self._overtaking: list[StackEvent] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._line_events = LineEvents()
        self._wake = asyncio.Event()
        self._dead = ""
        self._restart_reason = ""

    # ---- ports.Phone ----

    async def run(self, emit: Emit) -> None:
        self._emit = emit
        loop = asyncio.get_running_loop()
        with told_of_ends(lambda call_id: loop.call_soon_threadsafe(self._hung_up, call_id)):
            while await self._one_life():
                emit(LineDown(self._restart_reason, gone=True))

    async def _one_life(self) -> bool:
        """Start the stack and use it until its end; whether it is to be started again."""
        self._wake.clear()
        self._restart_reason = ""
        try:
            await self._start()
            await self._wake.wait()
        except PhoneError as error:
            self._emit(LineFailed(str(error)))
            return False
        finally:
            await self._stop()
        if self._dead:
            self._emit(LineDown(self._dead, gone=True))
            self._emit(LineFailed(_DEAD))
        return not self._dead

    def dial(self, call: CallId, uri: str) -> None:
        live = self._calls[call] = EmbeddedCall(call, incoming=False)
        self._spawn(self._dial(live, uri))

    def hang_up(self, call: CallId) -> None:
        self._end(call, reject=False)

    def reject(self, call: CallId) -> None:
        self._end(call, reject=True)

    def answer(self, call: CallId) -> None:
        live = self._calls.get(call)
        if live is not None and live.native is not None and not live.ending:
            self._spawn(self._command(live, live.native.answer))

    def send_digits(self, call: CallId, digits: str) -> None:
        live = self._calls.get(call)
        if live is not None and live.native is not None and not live.ending:
            self._spawn(self._command(live, partial(live.native.send_dtmf, digits)))

    def transfer(self, call: CallId, uri: str) -> None:
        live = self._calls.get(call)
        if live is not None and live.native is not None and not live.ending:
            self._spawn(self._transfer(live, partial(live.native.transfer, uri)))

    def register(self) -> None:
        if self._line.register and self._agent is not None:
            self._spawn(self._register(self._agent))

    def restart(self, reason: str) -> None:
        self._restart_reason = reason
        self._wake.set()

    # ---- the stack ----

    async def _start(self) -> None:
        try:
            import baresip
            from baresip import Runtime, UserAgent
        except ImportError:
            raise PhoneError(_ABSENT) from None
        account, config = self._line.account(), self._line.config()
        runtime = Runtime(command_timeout=PATIENCE)
        try:
            await runtime.start(config)
        except baresip.BaresipError as error:
            raise PhoneError(self._why_not_started(str(error))) from None
        self._runtime = runtime
        runtime.on_dead = lambda: self._die(_DEAD)
        runtime.subscribe(self._on_stack_event)
        try:
            self._agent = await UserAgent.create(runtime, account, transfer_policy="reject")
            self._agent.on_incoming(self._meet)
        except baresip.BaresipError as error:
            raise PhoneError(
                phrase("The SIP account cannot be used: {error}.", error=clean(str(error)))
            ) from None
        self._emit(LineUp("embedded", baresip.__version__, answered_is_2xx=True))
        if self._line.register:
            self.register()
        else:
            self._emit(RegistrationChanged(RegState.OFF))
        self._spawn(self._watch(runtime))

    def _why_not_started(self, error: str) -> str:
        place = phrase(" on {listen}", listen=self._line.listen) if self._line.listen else ""
        return phrase(
            "The embedded phone could not start{place}: {error}. Is SIP_LISTEN an address of this machine "
            "and its port free?",
            place=place,
            error=clean(error),
        )

    async def _stop(self) -> None:
        """BYE, CANCEL or refusal for every call, unregister, end the thread: about 2 s at the worst."""
        runtime, self._runtime, agent, self._agent = self._runtime, None, self._agent, None
        for task in self._tasks:
            task.cancel()
        if runtime is None or self._dead:
            self._forget_calls()
            return
        import baresip

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CALLS_END):
                await self._end_all()
        if agent is not None and self._line.register:
            with contextlib.suppress(baresip.BaresipError):
                await agent.unregister(timeout=_PART_ENDS)
        with contextlib.suppress(baresip.BaresipError, TimeoutError):
            async with asyncio.timeout(_PART_ENDS):
                await runtime.close()
        self._forget_calls()

    async def _end_all(self) -> None:
        live = [call for call in self._calls.values() if call.native is not None]
        await asyncio.gather(*(self._hang_up(call) for call in live))
        await asyncio.gather(*(call.over.wait() for call in live))

    def _forget_calls(self) -> None:
        for call in self._calls:
            self._paths.bind(call, None)
        self._calls.clear()

    async def _watch(self, runtime: Runtime) -> None:
        """A heartbeat: the thread may hang instead of dying."""
        import baresip

        while True:
            await asyncio.sleep(HEARTBEAT)
            late = asyncio.get_running_loop().call_later(HESITATION, self._emit, LineSilent(True))
            try:
                await runtime.set_native_log_level("warning")
                if late.when() <= asyncio.get_running_loop().time():
                    self._emit(LineSilent(False))
            except baresip.CommandTimeout:
                self._die(
                    phrase("The embedded phone has not answered for {seconds:.0f} s.", seconds=PATIENCE)
                )
            except baresip.BaresipError:
                return  # dead or closing: told elsewhere
            finally:
                late.cancel()

    def _die(self, why: str) -> None:
        self._dead = self._dead or why
        self._wake.set()

    async def _register(self, agent: UserAgent) -> None:
        import baresip

        try:
            await agent.register()
        except baresip.RegistrationError as error:
            # A registrar's answer is told by the stack's own event; silence is not.
            if error.status is None:
                self._emit(RegistrationChanged(RegState.FAILED, None, self._why_not_registered(error)))
        except baresip.BaresipError:
            pass

    def _why_not_registered(self, error: Exception) -> str:
        return sip_tls.why_failed(self._line.outbound, clean(str(error)))

    # ---- calls ----

    async def _dial(self, live: EmbeddedCall, uri: str) -> None:
        import baresip

        agent = self._agent
        if agent is None:
            self._close(live, phrase("The phone is not running."))
            return
        self._dialing += 1
        try:
            native = await agent.dial(uri)
        except (baresip.BaresipError, ValueError) as error:
            self._close(live, clean(str(error)))
        else:
            self._bind(live, native)
        finally:
            self._dialing -= 1
            self._replay()

    def _bind(self, live: EmbeddedCall, native: Call) -> None:
        live.native = native
        self._paths.bind(live.call, native)
        if live.ending:
            self._spawn(self._hang_up(live))

    def _close(self, live: EmbeddedCall, reason: str) -> None:
        if self._calls.pop(live.call, None) is not None:
            by = ClosedBy.OPERATOR if live.ending else ClosedBy.NETWORK
            self._emit(PhoneClosed(live.call, None, reason, by))
        live.over.set()

    def _end(self, call: CallId, reject: bool) -> None:
        live = self._calls.get(call)
        if live is None or live.ending:
            return
        live.ending = True
        if live.native is not None:
            self._spawn(self._command(live, live.native.reject) if reject else self._hang_up(live))

    async def _hang_up(self, live: EmbeddedCall) -> None:
        live.ending = True
        if not live.incoming:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(live.born + _FIRST_REPLY):
                    await live.replied.wait()
        if live.native is not None and not live.over.is_set():
            await self._command(live, live.native.hangup)

    async def _transfer(self, live: EmbeddedCall, work: Callable[[], Awaitable[None]]) -> None:
        import baresip

        try:
            await work()
        except baresip.StaleHandleError:
            pass  # the call ended meanwhile
        except (baresip.BaresipError, ValueError) as error:
            self._emit(PhoneTransferFailed(live.call, clean(str(error))))

    async def _command(self, live: EmbeddedCall, work: Callable[[], Awaitable[None]]) -> None:
        import baresip

        try:
            await work()
        except baresip.StaleHandleError:
            pass  # the far end was faster
        except (baresip.BaresipError, ValueError) as error:
            self._emit(Ignored("embedded phone", clean(str(error)), live.call))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- events of the stack ----

    def _on_stack_event(self, event: StackEvent) -> None:
        if not event.call and self._runtime is None:
            return  # our own unregistering
        if not event.call:
            self._tell(self._line_events.receive(_as_message(event)))
            return
        live = self._find(event.call)
        if live is not None:
            self._follow(live, event)
        elif self._dialing:
            self._overtaking.append(event)  # it may belong to the call whose `dial` is just returning

    def _replay(self) -> None:
        events, self._overtaking = self._overtaking, []
        for event in events:
            self._on_stack_event(event)

    def _find(self, handle: int) -> EmbeddedCall | None:
        known = (call for call in self._calls.values() if call.native is not None)
        return next((call for call in known if call.native and call.native.handle == handle), None)

    def _meet(self, native: Call) -> None:
        """Somebody calls."""
        live = EmbeddedCall(self._new_call(), incoming=True)
        self._calls[live.call] = live
        name = caller_name(native.headers.get("From", ""))
        self._emit(PhoneIncoming(live.call, clean(native.peer or "", 300), name))
        self._bind(live, native)
        self._tell(live.learn(native.call_id))

    def _follow(self, live: EmbeddedCall, event: StackEvent) -> None:
        self._tell(live.receive(event))
        if name_of(event) == "CALL_CLOSED":
            self._calls.pop(live.call, None)
            self._paths.bind(live.call, None)
            live.over.set()

    def _hung_up(self, call_id: str) -> None:
        for live in tuple(self._calls.values()):
            if live.native is not None and live.native.call_id == call_id and not live.closed:
                self._tell(live.hung_up())
                # For the stack it is over, too, whatever it was that its trace showed.
                self._spawn(self._command(live, live.native.hangup))

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._emit(event)


def _as_message(event: StackEvent) -> PhoneMessage:
    peer = clean(event.peer or event.from_ or "", 300)
    return PhoneMessage(type=name_of(event), param=clean(event.text or "", 300), peer_uri=peer)
