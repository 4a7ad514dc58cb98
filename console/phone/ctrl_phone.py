"""The phone that is a Baresip controlled over ctrl_tcp: one that we start, or one that runs already."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path

from ..core.events import CallId, ClosedBy, Ignored, LineDown, LineFailed, PhoneClosed, PhoneMissed
from ..core.text import clean
from ..core.words import joined, phrase
from ..ports import Emit, PhoneError
from .baresip_config import account_line, codecs_for
from .baresip_leftovers import clear_leftovers
from .baresip_process import BaresipProcess, BaresipSetup
from .baresip_program import BaresipProgram, inspect
from .ctrl_client import LinkTimes
from .ctrl_line import ENGINE, CtrlLine, LineSetup
from .ctrl_messages import parse_cause
from .known_calls import KnownCalls
from .ration import Ration

_REFUSED_CALLER = re.compile(r"rejected call from (\S+) \(maximum")
_BYE = re.compile(r"(\S+): session closed: (Connection reset by peer)(?: \[\d+\])?\Z")
_REG_FAILURE = re.compile(r"\breg: \S+(?: \(prio \d+\))?: (\d{3} [^()]*)")
_LINK_WITHIN = 10.0
_HANG_UP_WITHIN = 0.5
_STARTS = 5
_STEADY = 10.0
_LOGGED = 500
"""Lines of its output in a second that are written down: a flood must not fill the disk."""


@dataclass(frozen=True, slots=True)
class JoinSetup:
    """A Baresip that runs already. `account`: `sip:user@domain`, empty: the first one it has."""

    host: str
    port: int
    data_dir: Path
    account: str = ""


class CtrlPhone:
    """Implements `ports.Phone`. `times` are those of the control link."""

    def __init__(self, setup: BaresipSetup | JoinSetup, times: LinkTimes | None = None) -> None:
        self._setup = setup
        self._times = times
        self._line: CtrlLine | None = None
        self._restart = asyncio.Event()
        self._restart_reason = ""
        self._emit: Emit = lambda event: None
        self._last_line = ""
        self._logged = Ration(_LOGGED)

    async def run(self, emit: Emit) -> None:
        """See `ports.Phone.run`."""
        self._emit = emit
        try:
            if isinstance(self._setup, JoinSetup):
                await self._join(self._setup)
            else:
                await self._supervise(self._setup)
        except PhoneError as error:
            emit(LineFailed(str(error)))
        finally:
            self._line = None

    # ---- commands ----

    def dial(self, call: CallId, uri: str) -> None:
        if self._line is None:
            self._emit(PhoneClosed(call, None, phrase("the phone is not running"), ClosedBy.NETWORK))
        else:
            self._line.dial(call, uri)

    def hang_up(self, call: CallId) -> None:
        if self._line is not None:
            self._line.hang_up(call)

    def answer(self, call: CallId) -> None:
        if self._line is not None:
            self._line.answer(call)

    def reject(self, call: CallId) -> None:
        # Hanging up a call that was not answered refuses it with 486, in every version.
        self.hang_up(call)

    def register(self) -> None:
        if self._line is not None:
            self._line.register()

    def restart(self, reason: str) -> None:
        if isinstance(self._setup, BaresipSetup):
            self._restart_reason = reason
            self._restart.set()

    def send_digits(self, call: CallId, digits: str) -> None:
        if self._line is not None:
            self._line.send_digits(call, digits)

    def transfer(self, call: CallId, uri: str) -> None:
        if self._line is not None:
            self._line.transfer(call, uri)

    # ---- a Baresip that runs already ----

    async def _join(self, setup: JoinSetup) -> None:
        line_setup = LineSetup(setup.host, setup.port, setup.account, own=False, register=True)
        self._line = line = CtrlLine(line_setup, self._emit, KnownCalls(setup.data_dir), self._times)
        link = asyncio.create_task(line.run())
        try:
            await _first(link, line.unusable)
            if link.done():
                link.result()
            if line.unusable.done():
                raise PhoneError(line.unusable.result())
        finally:
            await _unhurried(self._let_go(line, link))

    async def _let_go(self, line: CtrlLine, link: asyncio.Task[None]) -> None:
        if line.up.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await line.hang_up_ours()
        await _cancel(link)

    # ---- a Baresip that we start ----

    async def _supervise(self, setup: BaresipSetup) -> None:
        ended = await asyncio.to_thread(clear_leftovers, setup.data_dir)
        if ended:
            self._emit(Ignored(ENGINE, phrase("ended a Baresip that an earlier console had left running")))
        program = await inspect(setup.binary)
        failures, delay = 0, 0.0
        while True:
            began = asyncio.get_running_loop().time()
            reason, was_up = await self._one_life(setup, program)
            self._emit(LineDown(reason, gone=True))
            failures = 0 if was_up else failures + 1
            if failures >= _STARTS:
                raise PhoneError(
                    phrase("The phone does not start: {reason}. See baresip.log.", reason=reason)
                )
            steady = asyncio.get_running_loop().time() - began > _STEADY
            delay = 0.0 if steady or (was_up and delay == 0.0) else min(max(delay * 2, 0.25), 5.0)
            await asyncio.sleep(delay)

    async def _one_life(self, setup: BaresipSetup, program: BaresipProgram) -> tuple[str, bool]:
        """Start Baresip and use it until it ends or must end; why, and whether it ever worked."""
        self._restart.clear()
        self._last_line = ""
        process = await BaresipProcess.start(setup, program, self._read_output)
        self._line = line = self._line_of(setup, program, process)
        link = asyncio.create_task(line.run())
        try:
            return await self._watch(line, link, process)
        finally:
            self._line = None
            await _unhurried(self._end(line, link, process))

    def _line_of(self, setup: BaresipSetup, program: BaresipProgram, process: BaresipProcess) -> CtrlLine:
        account = setup.account
        host, port = process.ctrl
        line_setup = LineSetup(
            host,
            port,
            f"sip:{account.user}@{account.domain}",
            own=True,
            register=account.register,
            account_line=account_line(account, codecs_for(account, program)),
        )
        # The port opens within some 50 ms of the start.
        times = self._times or LinkTimes(first_retry=0.02)
        return CtrlLine(line_setup, self._emit, KnownCalls(setup.data_dir), times)

    async def _watch(
        self, line: CtrlLine, link: asyncio.Task[None], process: BaresipProcess
    ) -> tuple[str, bool]:
        await _first(line.up, process.exited, self._restart, line.unusable, link, within=_LINK_WITHIN)
        if line.was_up:
            ends = (process.exited, self._restart, line.silent, line.intruded)
            await _first(*ends, line.unusable, link)
        if link.done():
            link.result()
        if line.unusable.done():
            raise PhoneError(line.unusable.result())
        if process.exited.is_set():
            why = process.how_it_ended()
            if self._last_line and not line.was_up:
                why = joined(": ", (why, self._last_line))
            return why, line.was_up
        if self._restart.is_set():
            return self._restart_reason, True
        if line.intruded.is_set():
            return phrase("another user of this machine took the phone over, and it was ended"), True
        if line.silent.is_set():
            return phrase("Baresip did not answer"), True
        return phrase("Baresip did not open its control port"), False

    async def _end(self, line: CtrlLine, link: asyncio.Task[None], process: BaresipProcess) -> None:
        # A phone that is restarted did not do what it was told: SIGTERM alone makes it say BYE, and sooner.
        obeys = line.up.is_set() and not self._restart.is_set()
        if obeys and not process.exited.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HANG_UP_WITHIN):
                    await line.hang_up_ours()
        await process.stop(line.quit if obeys and line.up.is_set() else None)
        await _cancel(link)
        line.ended()

    def _read_output(self, line: str) -> None:
        assert isinstance(self._setup, BaresipSetup)
        allowed, left_out = self._logged.take(time.monotonic())
        if left_out:
            self._setup.output(f"({left_out} lines are left out here: there were too many)")
        if allowed:
            self._setup.output(line)
        self._last_line = line
        if caller := _REFUSED_CALLER.search(line):
            self._emit(PhoneMissed(clean(caller[1], 300)))
        if self._line is not None and (bye := _BYE.match(line)):
            self._line.hung_up(clean(bye[1], 300), bye[2])
        if self._line is not None and (failure := _REG_FAILURE.search(line)):
            self._line.reg_failure = parse_cause(failure[1].strip())


async def _first(
    *ends: asyncio.Event | asyncio.Future[str] | asyncio.Task[None], within: float | None = None
) -> bool:
    """Wait until one of these is set or done; False when none was in time. None of them is cancelled."""
    waits = [asyncio.create_task(end.wait()) if isinstance(end, asyncio.Event) else end for end in ends]
    try:
        done, _ = await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait, end in zip(waits, ends, strict=True):
            if wait is not end:
                wait.cancel()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # a bug has been raised where the task was watched


async def _unhurried(work: Coroutine[object, object, None]) -> None:
    """Finish this even if we are cancelled meanwhile, and then be cancelled; it must end by itself."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError
